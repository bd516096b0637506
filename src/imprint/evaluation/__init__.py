"""Base against tuned, on wordings that neither was trained on, and on the very file that will be served."""

from imprint.evaluation.stage import inputs, run, settings

__all__ = ["inputs", "run", "settings"]
