"""Base models: which there are, where they lie, and which one this machine gets."""

from imprint.base.hub import fetch
from imprint.base.registry import EMBEDDED, Base, Entry, choose, entries, find, in_words, names, shape, token_counter
from imprint.base.shape import Shape
from imprint.base.template import end_token, render

__all__ = [
    "EMBEDDED",
    "Base",
    "Entry",
    "Shape",
    "choose",
    "end_token",
    "entries",
    "fetch",
    "find",
    "in_words",
    "names",
    "render",
    "shape",
    "token_counter",
]
