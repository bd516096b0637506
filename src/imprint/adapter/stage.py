"""The adapter stage: train and validation JSONL in; adapter, tokenizer and metrics out."""

from typing import Any

from imprint import base
from imprint.adapter import passes
from imprint.config import Settings
from imprint.runs import Manifest, Run

_STAGE = "adapter"
_OF_THE_MACHINE = {"per_device_train_batch_size", "checkpoint_steps", "checkpoint_minutes"}
"""Settings that the result does not depend on: with other ones, a training that was stopped goes on."""


def inputs(config: Settings, run: Run) -> dict[str, str]:
    """What the adapter is made from: the rows to train on and to watch with, and the base."""
    rows = run.complete("dataset").outputs
    names = ("train.jsonl", "validation.jsonl")
    return {**{f"dataset/{name}": rows[name] for name in names}, "base": base.find(config.base).digest}


def settings(config: Settings) -> dict[str, Any]:
    """The settings that the adapter depends on."""
    adapter = {name: value for name, value in config.plain()["adapter"].items() if name not in _OF_THE_MACHINE}
    return {"adapter": adapter, "base": config.base, "seed": config.seed}


def run(config: Settings, run: Run) -> Manifest:
    """Train the adapter; a run that was stopped goes on from its last checkpoint.

    Raises FullMemoryError; `shrink` makes the next run need less.
    """
    from imprint.adapter.training import train

    with run.record(_STAGE, inputs=inputs(config, run), settings=settings(config), seed=config.seed) as record:
        record.temporary.append("checkpoints")
        record.counts = train(config, run, record.folder)
    return run.complete(_STAGE)


def shrink(config: Settings, run: Run) -> str | None:
    """Have the next run of this stage need less memory, and say how; None where it already takes one row at a time."""
    file = run.folder(_STAGE) / passes.REMEMBERED
    before = passes.remembered(file)
    smaller = None if before is None else before.smaller()
    if smaller is None:
        return None
    passes.remember(smaller, file)
    return f"goes on with {smaller}"
