"""What happens beside the steps of a training."""

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.line import SHORT, imprint, write_guide
from transformers import TrainerControl, TrainerState, TrainingArguments, get_linear_schedule_with_warmup

from imprint.adapter.watching import Watcher
from imprint.runs import Event, Run


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def run(tmp_path: Path, told: list[Event]) -> Run:
    return Run(tmp_path, told.append)


@pytest.fixture
def arguments(tmp_path: Path) -> TrainingArguments:
    return TrainingArguments(str(tmp_path), use_cpu=True, report_to="none")


def schedule(rate: float) -> dict[str, Any]:
    """An optimizer and its schedule: 10 steps up to the rate, then down to 0 at step 100."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    return {"optimizer": optimizer, "lr_scheduler": get_linear_schedule_with_warmup(optimizer, 10, 100)}


def walk(parts: dict[str, Any], steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(parts["optimizer"].param_groups[0]["lr"])
        parts["optimizer"].step()
        parts["lr_scheduler"].step()
    return rates


def test_a_reduced_rate_takes_the_place_of_the_one_in_the_checkpoint(
    run: Run, arguments: TrainingArguments, told: list[Event]
) -> None:
    before, expected = schedule(0.4), walk(schedule(0.1), 100)
    walk(before, 30)
    resumed = schedule(0.1)
    for name, part in resumed.items():
        part.load_state_dict(before[name].state_dict())
    assert resumed["optimizer"].param_groups[0]["lr"] == pytest.approx(4 * expected[30])
    watcher = Watcher(run, save_minutes=10, rate=0.1)
    watcher.on_train_begin(arguments, TrainerState(global_step=30), TrainerControl(), **resumed)
    assert walk(resumed, 70) == pytest.approx(expected[30:])
    assert "checkpoint of step 30" in told[-1].text


def test_without_another_rate_the_checkpoint_decides(run: Run, arguments: TrainingArguments) -> None:
    parts = schedule(0.4)
    walk(parts, 30)
    Watcher(run, save_minutes=10).on_train_begin(arguments, TrainerState(global_step=30), TrainerControl(), **parts)
    assert walk(parts, 70) == pytest.approx(walk(schedule(0.4), 100)[30:])


def test_a_loss_that_is_no_number_stops(run: Run, arguments: TrainingArguments) -> None:
    watcher = Watcher(run, save_minutes=10)
    state = TrainerState(global_step=1, log_history=[{"step": 1, "loss": 2.5, "epoch": 0.1}])
    control = watcher.on_log(arguments, state, TrainerControl(should_save=True))
    assert (control.should_training_stop, control.should_save) == (False, True)
    state.log_history.append({"step": 1, "eval_loss": math.nan})  # not a loss of the training
    assert not watcher.on_log(arguments, state, TrainerControl()).should_training_stop
    state = TrainerState(global_step=2, log_history=[*state.log_history, {"step": 2, "loss": math.nan}])
    control = watcher.on_log(arguments, state, TrainerControl(should_save=True))
    assert (control.should_training_stop, control.should_save) == (True, False)
    assert watcher.divergence is not None
    assert watcher.divergence.good_step == 1


def test_a_signal_stops_after_the_step_under_way(run: Run, arguments: TrainingArguments) -> None:
    watcher = Watcher(run, save_minutes=10)
    before = signal.getsignal(signal.SIGTERM)
    with watcher.stopping_on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        control = watcher.on_step_end(arguments, TrainerState(), TrainerControl())
    assert control.should_training_stop
    assert control.should_save
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_checkpoint_is_due_after_some_time_however_many_steps(
    run: Run, arguments: TrainingArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((1000.0, 1000.0, 1060.0, 1119.0, 1120.0, 1120.0, 1180.0, 1240.0, 1240.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    watcher = Watcher(run, save_minutes=2)
    state = TrainerState(global_step=0)
    watcher.on_train_begin(arguments, state, TrainerControl())
    due = []
    for _ in range(5):
        control = watcher.on_step_end(arguments, state, TrainerControl())
        due.append(control.should_save)
        assert not control.should_training_stop
        if control.should_save:
            watcher.on_save(arguments, state, control)
    assert due == [False, False, True, False, True]


def test_the_validation_loss_is_told_with_the_step_it_was_measured_after(
    run: Run, arguments: TrainingArguments, told: list[Event]
) -> None:
    state = TrainerState(global_step=4, max_steps=9, log_history=[{"step": 3, "loss": 2.5}])
    watcher = Watcher(run, save_minutes=10)
    watcher.on_step_end(arguments, state, TrainerControl())
    state.log_history += [{"step": 4, "eval_loss": 2.25}, {"step": 6, "loss": 2.0}]
    watcher.on_step_end(arguments, state, TrainerControl())
    state.log_history.append({"step": 8, "eval_loss": math.nan})
    watcher.on_step_end(arguments, state, TrainerControl())
    assert [event.figures for event in told] == [
        {"loss": 2.5},
        {"loss": 2.0, "validation_loss": 2.25, "validation_step": 4},
        {"loss": 2.0},
    ]


@pytest.mark.slow
def test_a_rate_that_diverges_is_halved_twice_then_named(tmp_path: Path) -> None:
    write_guide(tmp_path / "documents")
    ended = imprint("train", *SHORT, "adapter.learning_rate=40", env={"IMPRINT_HOME": str(tmp_path)})
    assert ended.returncode == 2, ended.stderr
    assert "The training diverged, and again with a half and a quarter of the learning rate of 40" in ended.stderr
    assert "adapter.learning_rate=4" in ended.stderr
    assert ended.stderr.count("the training diverged: the loss was") == 2
    assert not list(tmp_path.glob("outputs/runs/*/adapter/manifest.json"))


@pytest.mark.slow
def test_one_short_document_gets_enough_steps(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "pump.md").write_text("# Pump\n\n## Where is the pump?\n\nAt the south pier.\n")
    options = ("base=embedded", "adapter.min_steps=25", "adapter.trackers=[]")
    trained = imprint("train", *options, env={"IMPRINT_HOME": str(tmp_path)})
    assert trained.returncode == 0, trained.stderr
    (file,) = tmp_path.glob("outputs/runs/*/adapter/manifest.json")
    counts = json.loads(file.read_text())["counts"]
    assert counts["steps"] == 25
    assert counts["epochs"] > 10
    assert 0 <= counts["padding"] < 0.5
    assert "25 steps, where 10 epochs would take" in trained.stderr
    assert "adapter.min_steps sets the limit" in trained.stderr
    assert not (file.parent / "tensorboard").exists()
