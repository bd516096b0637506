"""Base models: which there are, where they lie, and which one this machine gets."""

from imprint.base.registry import Base, choose, find, gpu_visible, names, token_counter
from imprint.base.template import end_token, render

__all__ = ["Base", "choose", "end_token", "find", "gpu_visible", "names", "render", "token_counter"]
