"""The adapter stage: train and validation JSONL in; adapter, tokenizer and metrics out."""

import importlib.util
import shutil
from typing import Any

from imprint import base, environment
from imprint.adapter import passes
from imprint.config import Settings
from imprint.errors import InputError
from imprint.runs import Manifest, Run

_STAGE = "adapter"
_WITHOUT_EFFECT = {"per_device_train_batch_size", "processes", "checkpoint_minutes", "trackers"}
"""Settings that the adapter does not depend on: with other ones, a training that was stopped goes on."""
_CURVES = {"metrics.csv", "metrics.jsonl", "loss.png", "tensorboard"}
"""Files and folders that tell of the training and are no part of the adapter."""


def inputs(config: Settings, run: Run) -> dict[str, str]:
    """What the adapter is made from: the rows to train on and to watch with, and the base."""
    rows = run.complete("dataset").outputs
    names = ("train.jsonl", "validation.jsonl")
    return {**{f"dataset/{name}": rows[name] for name in names}, "base": base.of(config).digest}


def settings(config: Settings) -> dict[str, Any]:
    """The settings that the adapter depends on."""
    adapter = {name: value for name, value in config.plain()["adapter"].items() if name not in _WITHOUT_EFFECT}
    return {"adapter": adapter, "base": config.base, "seed": config.seed}


def files(run: Run) -> dict[str, str]:
    """The files that make the adapter, with their digests: what its training left, without the curves."""
    outputs = run.complete(_STAGE).outputs
    return {name: digest for name, digest in outputs.items() if name.split("/")[0] not in _CURVES}


def run(config: Settings, run: Run) -> Manifest:
    """Train the adapter; a run that was stopped goes on from its last checkpoint.

    Raises FullMemoryError; `shrink` makes the next run need less. Raises InputError for a tracker that is missing.
    """
    for tracker in config.adapter.trackers:
        _require(tracker)
        environment.allow_tracker(tracker)  # before any library looks
    from imprint.adapter.training import train

    with run.record(_STAGE, inputs=inputs(config, run), settings=settings(config), seed=config.seed) as record:
        record.temporary.append("checkpoints")
        record.counts = train(config, run, record.folder)
    return run.complete(_STAGE)


def join(config: Settings, run: Run) -> None:
    """Take part in a training that the first of several processes runs and records."""
    from imprint.adapter.training import train

    train(config, run, run.folder(_STAGE))


def shrink(config: Settings, run: Run) -> str | None:
    """Have the next run of this stage need less memory, and say how; None where it already takes one row at a time."""
    file = run.folder(_STAGE) / passes.REMEMBERED
    before = passes.remembered(file)
    smaller = None if before is None else before.smaller()
    if smaller is None:
        return None
    passes.remember(smaller, file)
    return f"goes on with {smaller}"


def discard(run: Run) -> None:
    """Remove the adapter and its checkpoints from a run, and leave the curves of the training."""
    folder = run.folder(_STAGE)
    if not folder.is_dir():
        return
    (folder / "manifest.json").unlink(missing_ok=True)  # first: what is half removed is not complete
    for path in folder.iterdir():
        if path.is_dir() and path.name not in _CURVES:
            shutil.rmtree(path)
        elif path.name not in _CURVES:
            path.unlink()


def _require(tracker: str) -> None:
    """Raise InputError unless the package of a tracker is installed."""
    found = importlib.util.find_spec(tracker)
    # wandb writes into a folder of its own name, where the user stands; Python takes that for a package without a file.
    if found is None or found.origin is None:
        raise InputError(
            f"adapter.trackers has {tracker}, which is not installed.",
            hint=f"pip install {tracker}, or leave it out: adapter.trackers=[tensorboard]",
        )
