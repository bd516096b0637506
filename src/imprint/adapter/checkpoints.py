"""The folder of checkpoints: which one to go on from."""

import shutil
from pathlib import Path


def last(folder: Path) -> Path | None:
    """The newest whole checkpoint; halves that a kill left behind are removed. The trainer's state is written last."""
    for path in sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True):
        if (path / "trainer_state.json").is_file():
            return path
        shutil.rmtree(path)
    return None


def drop_after(folder: Path, step: int) -> None:
    """Remove the checkpoints of later steps."""
    for path in folder.glob("checkpoint-*"):
        if step_of(path) > step:
            shutil.rmtree(path)


def step_of(checkpoint: Path) -> int:
    """The optimizer step that a checkpoint was written after."""
    return int(checkpoint.name.rpartition("-")[2])
