"""`imprint sweep`: trainings with other settings, searched for the lowest validation loss."""

from imprint.sweep.sweeping import sweep
from imprint.sweep.trials import LABELS, Result, Trial

__all__ = ["LABELS", "Result", "Trial", "sweep"]
