"""Base models: which there are, where they lie, and which one this machine gets."""

from imprint.base.hub import fetch
from imprint.base.registry import (
    EMBEDDED,
    Base,
    Entry,
    bring,
    choose,
    entries,
    find,
    in_words,
    of,
    shape,
    token_counter,
)
from imprint.base.shape import Shape
from imprint.base.template import chat_template, end_token, render

__all__ = [
    "EMBEDDED",
    "Base",
    "Entry",
    "Shape",
    "bring",
    "chat_template",
    "choose",
    "end_token",
    "entries",
    "fetch",
    "find",
    "in_words",
    "of",
    "render",
    "shape",
    "token_counter",
]
