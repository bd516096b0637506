"""Base models: which there are, where they lie, and which one this machine gets."""

from imprint.base.registry import Base, choose, find, gpu_visible, names, token_counter

__all__ = ["Base", "choose", "find", "gpu_visible", "names", "token_counter"]
