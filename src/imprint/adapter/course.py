"""What the validation loss says about a training that has ended."""

from dataclasses import dataclass
from typing import Any

_RISE = 0.1
"""Of the validation loss above its lowest value, from which on rows are learned by heart."""


@dataclass(frozen=True)
class Course:
    """How a training went. Losses are in nats a token, on the validation rows; None where there are none."""

    steps: int
    """Optimizer steps that were done."""
    best_step: int
    """After which the loss was lowest; the adapter is that of this step."""
    best_loss: float | None
    last_loss: float | None

    @classmethod
    def of(cls, state: Any) -> "Course":
        """From the state of transformers' trainer."""
        evaluated = [(entry["eval_loss"], entry["step"]) for entry in state.log_history if "eval_loss" in entry]
        if not evaluated:
            return cls(state.global_step, state.global_step, None, None)
        best_loss, best_step = min(evaluated)
        return cls(state.global_step, best_step, best_loss, evaluated[-1][0])

    def in_words(self, planned: int) -> str | None:
        """What the user should know of it, if anything; `planned` is the steps that it was to have."""
        if self.best_loss is None or self.last_loss is None:
            return None
        told = []
        if self.steps < planned:
            told.append(f"ended after {self.steps} of {planned} steps: the validation loss no longer fell")
        if self.last_loss > (1 + _RISE) * self.best_loss:
            told.append(
                f"the validation loss was lowest at step {self.best_step} ({self.best_loss:.3f}) and rose to "
                f"{self.last_loss:.3f}: from there on the rows were learned by heart; the adapter is that of the lowest"
            )
        return "; ".join(told) or None
