"""How a training is tried, and how it is tried again when memory ran out or the loss left its course."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from imprint.config import FilledAdapter
from imprint.runs import write_atomically

CHECKPOINTS = "checkpoints"
LIMITS = f"{CHECKPOINTS}/machine.json"
"""In the folder of the stage: what fits into this machine's memory, as it was found out."""
HALVINGS = 2
"""Of the learning rate, until a training is given up that diverges."""


@dataclass(frozen=True)
class Attempt:
    """What changes from one attempt to the next; the batch of a step, `micro_batch` times `accumulation`, stays."""

    rate: float
    """Peak learning rate."""
    micro_batch: int
    """Rows in one pass."""
    accumulation: int
    """Passes in one step."""

    @property
    def batch(self) -> int:
        return self.micro_batch * self.accumulation

    @property
    def shape(self) -> str:
        """The batch in words."""
        rows = "1 row" if self.micro_batch == 1 else f"{self.micro_batch} rows"
        passes = "" if self.accumulation == 1 else f" and {self.accumulation} passes in a step"
        return f"{rows} in a pass{passes}"

    def slower(self) -> "Attempt":
        """With half the learning rate."""
        return dataclasses.replace(self, rate=self.rate / 2)

    def smaller(self) -> "Attempt | None":
        """With half the rows in a pass, or what is next below and divides the batch; None where it is one row."""
        if self.micro_batch == 1:
            return None
        micro_batch = next(rows for rows in range(self.micro_batch // 2, 0, -1) if self.batch % rows == 0)
        return dataclasses.replace(self, micro_batch=micro_batch, accumulation=self.batch // micro_batch)


def first(settings: FilledAdapter, file: Path) -> Attempt:
    """As the settings say, but with no more rows in a pass than `file` remembers to fit."""
    attempt = Attempt(
        settings.learning_rate, settings.per_device_train_batch_size, settings.gradient_accumulation_steps
    )
    fits = json.loads(file.read_text(encoding="utf-8"))["micro_batch"] if file.is_file() else attempt.micro_batch
    while attempt.micro_batch > fits and (next_one := attempt.smaller()):
        attempt = next_one
    return attempt


def remember(attempt: Attempt, file: Path) -> None:
    """Write down what fits, for the next start of the same run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps({"micro_batch": attempt.micro_batch}) + "\n")
