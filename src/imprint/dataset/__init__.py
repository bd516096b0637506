"""Sections become examples: facts, each asked in several wordings, one of them held out."""

from imprint.dataset.stage import inputs, run, settings
from imprint.dataset.types import Example, read_examples

__all__ = ["Example", "inputs", "read_examples", "run", "settings"]
