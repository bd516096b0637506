"""Trackers that show the figures of a training: TensorBoard, Weights & Biases, MLflow.

transformers has a callback for each. Whatever goes wrong in one, such as a service that does not answer, must not stop
the training.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import MLflowCallback, TensorBoardCallback, WandbCallback

from imprint.config import Adapter
from imprint.runs import Event, Run

_CALLBACKS: dict[str, Callable[..., TrainerCallback]] = {
    "tensorboard": TensorBoardCallback,
    "wandb": WandbCallback,
    "mlflow": MLflowCallback,
}


class Tracker(TrainerCallback):
    """Passes on what happens in a training; a tracker that fails is told of once, and left alone from then on.

    Passed on are the events that the callbacks of transformers listen to. What they answer is not heard: a tracker has
    no say in the training.
    """

    def __init__(self, name: str, start: Callable[[int], TrainerCallback], run: Run) -> None:
        """`start` makes the callback when the training begins, given the step that it goes on from."""
        self._name = name
        self._start = start
        self._run = run
        self._callback: TrainerCallback | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any
    ) -> None:
        try:
            self._callback = self._start(state.global_step)
        except Exception as error:
            self._give_up(error)
        self._pass_on("on_train_begin", args, state, control, **parts)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any) -> None:
        self._pass_on("on_log", args, state, control, **parts)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any) -> None:
        self._pass_on("on_save", args, state, control, **parts)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **parts: Any) -> None:
        self._pass_on("on_train_end", args, state, control, **parts)

    def _pass_on(self, event: str, *arguments: Any, **parts: Any) -> None:
        if self._callback is None:
            return
        try:
            getattr(self._callback, event)(*arguments, **parts)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._callback = None
        why = str(error).partition("\n")[0]
        text = f"{self._name} failed and gets no more figures: {type(error).__name__}: {why}"
        self._run.notify(Event("note", "adapter", text))


def trackers(settings: Adapter, run: Run, folder: Path) -> list[TrainerCallback]:
    """A callback for each tracker that the settings name; TensorBoard's files go to `folder`."""
    return [Tracker(name, partial(_start, name, folder), run) for name in settings.trackers]


def _start(name: str, folder: Path, step: int) -> TrainerCallback:
    if name != "tensorboard":
        return _CALLBACKS[name]()
    from torch.utils.tensorboard import SummaryWriter

    # What was logged after the checkpoint that the training goes on from is hidden: it comes again.
    return _CALLBACKS[name](SummaryWriter(str(folder), purge_step=step + 1))
