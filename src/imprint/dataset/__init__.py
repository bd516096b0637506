"""Sections become examples: facts, each asked in several wordings, one of another family held out.

What the stage itself does not need lies in modules of its own: `making` (a dry run), `explaining`, `checking`, `forms`.
"""

from imprint.dataset.stage import inputs, run, settings
from imprint.dataset.types import Example, read_examples

__all__ = ["Example", "inputs", "read_examples", "run", "settings"]
