"""The figures of a training: metrics.csv, metrics.jsonl, and loss.png in the end."""

import csv
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import torch
from accelerate.utils import reduce
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from imprint.adapter.rows import IGNORED
from imprint.runs import Event, Run

_FIELDS = (
    "step",
    "epoch",
    "loss",
    "eval_loss",
    "learning_rate",
    "grad_norm",
    "tokens_per_s",
    "seconds",
    "memory_mb",
)
_LOSSES = ("loss", "eval_loss")
_INCHES = (8.0, 5.0)
_DOTS_PER_INCH = 120


class Recorder(TrainerCallback):
    """Adds speed, time and memory to what the trainer logs, and writes all of it into the adapter's folder.

    `tokens_per_s`: tokens that carry loss, each second since the last point, evaluations left out. `seconds`: since the
    training began, where it was stopped up to the checkpoint it went on from and then since that. `memory_mb`, in
    10^6 bytes: the most that was allocated on the GPU so far; without one, what the process holds. Of several processes
    that train together, `tokens_per_s` is that of all, `memory_mb` that of the first.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._before = 0.0
        self._began = time.perf_counter()
        self._since: float | None = None
        self._tokens: torch.Tensor | int = 0

    def count(self, labels: torch.Tensor) -> None:
        """Take the labels of a pass into account, of shape (rows, tokens)."""
        self._tokens += (labels[:, 1:] != IGNORED).sum()  # the first token of a row is not predicted

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._before = next((entry["seconds"] for entry in reversed(state.log_history) if "seconds" in entry), 0.0)
        self._began = time.perf_counter()

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self._since is None:  # not before: on the way to the batch where it goes on, nothing is learned
            self._since = time.perf_counter()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Write the whole history each time: after a resume it has no gap and no row twice.

        The figures go into that history, so that checkpoints keep them, and into `logs`, which trackers get.
        """
        entry = state.log_history[-1]
        figures = self._figures(entry, args)
        entry.update(figures)
        if logs is not None:
            logs.update(figures)
        if not state.is_world_process_zero:
            return
        points = _points(state.log_history)
        with (self._folder / "metrics.csv").open("w", encoding="utf-8", newline="") as table:
            writer = csv.DictWriter(table, _FIELDS)
            writer.writeheader()
            writer.writerows(points)
        with (self._folder / "metrics.jsonl").open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps({name: _finite(point[name]) for name in point}) + "\n" for point in points)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if not state.is_world_process_zero:
            return
        try:
            draw(state.log_history, self._folder / "loss.png")
        except Exception as error:  # a picture is not worth a training
            self._run.notify(Event("note", "adapter", f"loss.png was not drawn: {type(error).__name__}: {error}"))

    def _figures(self, entry: dict[str, Any], args: TrainingArguments) -> dict[str, float]:
        now = time.perf_counter()
        figures = {"seconds": round(self._before + now - self._began, 3), "memory_mb": _memory_mb()}
        if self._since is None:
            return figures
        if "loss" in entry:
            tokens = self._tokens if args.world_size == 1 else reduce(torch.as_tensor(self._tokens).double())
            figures["tokens_per_s"] = round(int(tokens) / max(now - self._since, 1e-9), 1)
            self._since, self._tokens = now, 0
        else:
            self._since += entry.get("eval_runtime", 0.0)
        return figures


def draw(history: Sequence[dict[str, Any]], file: Path) -> None:
    """Draw the losses in the trainer's history over the optimizer steps, as a PNG of 960 x 600 pixels."""
    from matplotlib.figure import Figure  # without pyplot the backend is Agg, whatever the machine is set to

    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.subplots()
    for name, label, style in (("loss", "training", "-"), ("eval_loss", "validation", "o-")):
        points = [(entry["step"], entry[name]) for entry in history if name in entry]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label)
    axes.set_xlabel("optimizer steps")
    axes.set_ylabel("loss, nats a token")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    figure.savefig(file, format="png", dpi=_DOTS_PER_INCH)


def _points(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was logged with a loss, reduced to the columns; the trainer's summary in the end has none."""
    return [
        {name: entry[name] for name in _FIELDS if name in entry}
        for entry in history
        if any(name in entry for name in _LOSSES)
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no word for the others


def _memory_mb() -> float:
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 1e6, 1)
    return round(psutil.Process().memory_info().rss / 1e6, 1)
