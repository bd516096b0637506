"""How many rows of a batch go through the model at once: what memory holds. The result does not depend on it."""

import json
from dataclasses import dataclass
from pathlib import Path

from imprint.config import FilledAdapter
from imprint.runs import write_atomically

CHECKPOINTS = "checkpoints"
REMEMBERED = f"{CHECKPOINTS}/machine.json"
"""In the folder of the stage: what this machine's memory was found to hold."""


@dataclass(frozen=True)
class Passes:
    """The rows of a step that one process takes, in passes of equal size."""

    micro_batch: int
    """Rows in one pass."""
    accumulation: int
    """Passes in one step."""

    def __str__(self) -> str:
        rows = "1 row" if self.micro_batch == 1 else f"{self.micro_batch} rows"
        return f"{rows} in a pass" + ("" if self.accumulation == 1 else f" and {self.accumulation} passes in a step")

    def smaller(self) -> "Passes | None":
        """With half the rows in a pass, or what is next below and divides the batch; None where it is one row."""
        if self.micro_batch == 1:
            return None
        return split(self.micro_batch * self.accumulation, self.micro_batch // 2)


def split(batch: int, most: int) -> Passes:
    """The largest equal passes of at most `most` rows; of one row where that is not positive."""
    micro_batch = next((rows for rows in range(min(batch, most), 1, -1) if batch % rows == 0), 1)
    return Passes(micro_batch, batch // micro_batch)


def first(settings: FilledAdapter, fits: int, file: Path) -> Passes:
    """The largest passes of at most `fits` rows, of what the settings allow, and of what `file` remembers to fit.

    `fits` is what the memory of one process holds.
    """
    given = settings.per_device_train_batch_size
    batch = settings.batch_size // settings.processes
    before = remembered(file)
    if given is not None:  # the user knows better than the model of the memory, but not than the machine
        fits = given
    return split(batch, fits if before is None else min(fits, before.micro_batch))


def remembered(file: Path) -> Passes | None:
    """The passes of the last attempt; None where there was none."""
    return Passes(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def remember(passes: Passes, file: Path) -> None:
    """Write down what is tried, for the next start of the same run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(vars(passes)) + "\n")
