"""Trackers: what they get, and that a dead one stops nothing."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import Trainer, TrainerCallback, TrainingArguments

from imprint import adapter
from imprint.adapter import tracking
from imprint.adapter.tracking import Tracker, trackers
from imprint.config import Adapter, Settings
from imprint.errors import InputError
from imprint.runs import Event, Run

EVENTS = ("on_train_begin", "on_log", "on_save", "on_train_end")
STEPS = 4


class Model(torch.nn.Module):
    """One weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self.weight * x).square().mean()}


class Fails(TrainerCallback):
    """Raises at one event, and counts the calls of all."""

    def __init__(self, at: str) -> None:
        self.called: list[str] = []
        for event in EVENTS:
            setattr(self, event, self._answer(event, at))

    def _answer(self, event: str, at: str) -> Callable[..., None]:
        def called(*_: Any, **__: Any) -> None:
            self.called.append(event)
            if event == at:
                raise ConnectionError("the service is gone\nand more of it")

        return called


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Trainer]:
    """A training of some steps with callbacks; each is logged and saved."""

    def go(*callbacks: TrainerCallback, resume: Path | None = None, steps: int = STEPS) -> Trainer:
        arguments = TrainingArguments(
            str(tmp_path / "checkpoints"),
            max_steps=steps,
            per_device_train_batch_size=1,
            logging_steps=1,
            save_steps=1,
            lr_scheduler_type="constant",
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        )
        rows = [{"x": torch.tensor([float(number)])} for number in range(8)]
        trainer = Trainer(Model(), arguments, train_dataset=rows, callbacks=list(callbacks))
        trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
        return trainer

    return go


@pytest.mark.parametrize("at", EVENTS)
def test_one_that_fails_stops_nothing_and_is_told_of_once(
    at: str, tmp_path: Path, told: list[Event], train: Callable[..., Trainer]
) -> None:
    fails = Fails(at)
    assert train(Tracker("wandb", lambda step: fails, Run(tmp_path, told.append))).state.global_step == STEPS
    assert [(event.kind, event.stage) for event in told] == [("note", "adapter")]
    assert told[0].text == "wandb failed and gets no more figures: ConnectionError: the service is gone"
    assert fails.called[-1] == at
    assert fails.called.count(at) == 1


def test_one_that_does_not_start_is_told_of_once(
    tmp_path: Path, told: list[Event], train: Callable[..., Trainer]
) -> None:
    def start(step: int) -> TrainerCallback:
        raise RuntimeError("no key")

    train(Tracker("mlflow", start, Run(tmp_path, told.append)))
    assert [event.text for event in told] == ["mlflow failed and gets no more figures: RuntimeError: no key"]


def test_every_event_that_the_trackers_listen_to_is_passed_on() -> None:
    listened = {
        name for tracker in tracking._CALLBACKS.values() for name in vars(tracker) if name.startswith("on_")
    } - {"on_predict"}  # not in a training
    assert listened == set(EVENTS) <= vars(Tracker).keys()


def test_tensorboard_has_each_step_once_after_a_resume(
    tmp_path: Path, told: list[Event], train: Callable[..., Trainer]
) -> None:
    folder = tmp_path / "tensorboard"
    run = Run(tmp_path, told.append)
    train(*trackers(Adapter(), run, folder))
    train(*trackers(Adapter(), run, folder), resume=tmp_path / "checkpoints/checkpoint-2", steps=6)
    assert told == []
    assert len(list(folder.iterdir())) == 2
    events = EventAccumulator(str(folder)).Reload()
    assert [scalar.step for scalar in events.Scalars("train/loss")] == list(range(1, 7))


def test_none_leave_nothing(tmp_path: Path, told: list[Event]) -> None:
    assert trackers(Adapter(trackers=()), Run(tmp_path, told.append), tmp_path / "tensorboard") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_one_that_is_not_installed_is_an_error_before_anything_is_loaded(
    name: str,
    settings: Callable[..., Settings],
    new_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / name).mkdir()  # its own folder of runs
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setitem(sys.modules, "imprint.adapter.training", None)
    with pytest.raises(InputError, match=f"adapter.trackers has {name}, which is not installed") as raised:
        adapter.run(settings(tmp_path, f"adapter.trackers=[{name}]"), new_run())
    assert raised.value.exit_code == 2
    assert f"pip install {name}" in raised.value.hint


def test_the_curves_are_no_part_of_the_adapter(new_run: Callable[..., Run]) -> None:
    run = new_run()
    with run.record("adapter", inputs={}, settings={}, seed=1) as record:
        (record.folder / "tensorboard").mkdir()
        for name in ("adapter_model.safetensors", "metrics.csv", "metrics.jsonl", "loss.png", "tensorboard/events"):
            (record.folder / name).write_text(name)
    assert len(run.complete("adapter").outputs) == 5
    assert list(adapter.files(run)) == ["adapter_model.safetensors"]
