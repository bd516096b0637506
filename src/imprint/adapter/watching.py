"""What happens beside the steps of a training: progress, checkpoints by time, a stop when asked, a look at the loss."""

import math
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from accelerate.utils import reduce
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from imprint.adapter.divergence import Divergence, LossGuard
from imprint.runs import Event, Run

_FIGURES = {
    "loss": "loss",
    "validation_loss": "eval_loss",
    "tokens_per_s": "tokens_per_s",
    "memory_mb": "memory_mb",
}
"""What is told of the trainer's history while it trains, and its name there."""


class Watcher(TrainerCallback):
    """Tells how far the training is, and stops it when asked or when it diverges."""

    def __init__(self, run: Run, *, save_minutes: float, rate: float | None = None) -> None:
        """Checkpoints are at most `save_minutes` apart; `rate` takes the place of the learning rate in a checkpoint."""
        self.stopped = False
        self.divergence: Divergence | None = None
        self._run = run
        self._save_seconds = 60 * save_minutes
        self._saved = time.monotonic()
        self._rate = rate
        self._guard = LossGuard()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any
    ) -> None:
        self._saved = time.monotonic()
        if not state.global_step:
            return
        self._run.notify(Event("note", "adapter", f"goes on from the checkpoint of step {state.global_step}"))
        if self._rate is not None:
            scheduler = getattr(parts["lr_scheduler"], "scheduler", parts["lr_scheduler"])  # accelerate may wrap it
            for group, before in zip(parts["optimizer"].param_groups, scheduler.base_lrs, strict=True):
                group["lr"] *= self._rate / before
                group["initial_lr"] = self._rate
            scheduler.base_lrs = [self._rate] * len(scheduler.base_lrs)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        # Several processes stop after the same step: a signal reaches them during different ones.
        self.stopped = _any(self.stopped, args)
        if self.stopped or _any(time.monotonic() - self._saved >= self._save_seconds, args):
            control.should_save = True
        if self.stopped:
            control.should_training_stop = True
        self._run.notify(
            Event("progress", "adapter", "training", state.global_step, state.max_steps, _figures(state.log_history))
        )
        return control

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._saved = time.monotonic()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> TrainerControl:
        logged = state.log_history[-1]
        if "loss" in logged and self.divergence is None:
            self.divergence = self._guard.look(state.global_step, logged["loss"])
        if self.divergence is not None:
            control.should_save = False
            control.should_training_stop = True
        return control

    @contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        """Within this block SIGINT and SIGTERM stop the training after the step under way."""

        def stop(number: int, frame: FrameType | None) -> None:
            self.stopped = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _any(here: bool, args: TrainingArguments) -> bool:
    """Whether it is so in any of the processes that train together."""
    if args.world_size == 1:
        return here
    return bool(reduce(torch.tensor(float(here), device=args.device)) > 0)


def _figures(history: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The last of each that the trainer's history holds, and the step of the evaluation among them."""
    figures: dict[str, float] = {}
    for shown, name in _FIGURES.items():
        entry = next((entry for entry in reversed(history) if name in entry), None)
        if entry is not None and math.isfinite(entry[name]):  # JSON has no word for the others
            figures[shown] = entry[name]
            if shown == "validation_loss":
                figures["validation_step"] = entry["step"]
    return figures
