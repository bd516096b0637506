"""What is written and drawn of a training's figures."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import TrainerControl, TrainerState, TrainingArguments

from imprint.adapter import metrics
from imprint.adapter.metrics import Recorder, draw
from imprint.runs import Event, Run


class Training:
    """The trainer's part: it calls the recorder as transformers does. The clock shows what a test sets it to."""

    def __init__(self, folder: Path, told: list[Event], history: list[dict[str, Any]] | None = None) -> None:
        self.recorder = Recorder(Run(folder, told.append), folder)
        self.state = TrainerState(log_history=history or [])
        self.rest = (TrainingArguments(str(folder), use_cpu=True, report_to="none"), self.state, TrainerControl())
        self.recorder.on_train_begin(*self.rest)

    def step(self, tokens: int) -> None:
        self.recorder.on_step_begin(*self.rest)
        self.recorder.count(torch.tensor([[5, *[7] * tokens], [-100] * (tokens + 1)]))

    def log(self, **entry: float) -> dict[str, Any]:
        logs: dict[str, Any] = dict(entry)
        self.state.log_history.append(dict(entry))
        self.recorder.on_log(*self.rest, logs=logs)
        return logs


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The last number is the time."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[-1])
    return now


def points(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_speed_leaves_out_evaluations_and_the_way_to_where_it_goes_on(
    tmp_path: Path, told: list[Event], clock: list[float]
) -> None:
    training = Training(tmp_path, told)
    clock.append(5.0)  # on the way to the first row
    training.step(30)
    training.step(50)
    clock.append(9.0)
    logs = training.log(step=2, epoch=0.5, loss=2.5, grad_norm=1.0, learning_rate=0.1)
    assert (logs["tokens_per_s"], logs["seconds"]) == (20.0, 9.0)
    assert logs["memory_mb"] > 0
    training.step(60)
    clock.append(14.0)
    assert "tokens_per_s" not in training.log(step=3, epoch=0.7, eval_loss=2.0, eval_runtime=2.0)
    clock.append(15.0)
    assert training.log(step=4, epoch=1.0, loss=2.0)["tokens_per_s"] == 15.0
    assert training.state.log_history[0]["tokens_per_s"] == 20.0


def test_both_files_have_the_whole_history_after_a_resume_too(
    tmp_path: Path, told: list[Event], clock: list[float]
) -> None:
    first = Training(tmp_path, told)
    first.step(10)
    clock.append(4.0)
    first.log(step=1, epoch=0.1, loss=3.0)
    checkpoint = json.loads(json.dumps(first.state.log_history))
    first.log(step=2, epoch=0.2, loss=2.0)
    clock.append(100.0)
    again = Training(tmp_path, told, checkpoint)
    again.step(10)
    clock.append(101.0)
    again.log(step=2, epoch=0.2, loss=math.nan)
    again.log(step=2, epoch=0.2, eval_loss=1.5, eval_runtime=0.1)
    again.log(step=2, epoch=0.2, train_loss=2.5)  # the summary
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["loss"], row["eval_loss"]) for row in rows] == [
        ("1", "3.0", ""),
        ("2", "nan", ""),
        ("2", "", "1.5"),
    ]
    written = points(tmp_path)
    assert [point["seconds"] for point in written] == [4.0, 5.0, 5.0]
    assert written[1].keys() == {"step", "epoch", "loss", "tokens_per_s", "seconds", "memory_mb"}
    assert written[1]["loss"] is None
    assert [list(point) for point in written] == [[name for name in rows[0] if name in point] for point in written]


def test_the_losses_are_drawn_when_the_training_ends(tmp_path: Path, told: list[Event]) -> None:
    training = Training(tmp_path, told)
    for step, loss in enumerate([3.0, math.nan, 2.0, math.inf], start=1):
        training.log(step=step, loss=loss)
    training.log(step=4, eval_loss=1.0)
    training.recorder.on_train_end(*training.rest)
    with Image.open(tmp_path / "loss.png") as picture:
        picture.load()
        assert (picture.format, picture.size) == ("PNG", (960, 600))
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 10
    assert told == []


def test_a_training_without_a_point_is_drawn_as_well(tmp_path: Path) -> None:
    draw([], tmp_path / "loss.png")
    assert (tmp_path / "loss.png").stat().st_size > 0


def test_a_picture_that_cannot_be_drawn_is_a_note(
    tmp_path: Path, told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr(metrics, "draw", fail)
    training = Training(tmp_path, told)
    training.recorder.on_train_end(*training.rest)
    assert told == [Event("note", "adapter", "loss.png was not drawn: OSError: no room")]
