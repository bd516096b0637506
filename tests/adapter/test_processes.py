"""Two processes that train together, as torchrun starts them, on the CPU by gloo."""

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.line import SHORT, command, imprint, write_guide

from imprint.config import Adapter
from imprint.errors import SettingsError
from imprint.machine import Machine

STILL = (
    *SHORT,
    "adapter.batch_size=4",
    "adapter.max_steps=12",  # less than an epoch: at its end processes fill up a batch that is not whole
    "adapter.checkpoint_steps=3",
    "adapter.trackers=[]",
    "adapter.neftune_noise_alpha=0",  # each process makes noise of its own
    "adapter.question_noise=0",
)


def figures(home: Path) -> list[dict[str, str]]:
    (file,) = home.glob("outputs/runs/*/adapter/metrics.csv")
    with file.open(newline="") as table:
        return [row for row in csv.DictReader(table) if row["loss"]]


def counts(home: Path) -> dict[str, Any]:
    (file,) = home.glob("outputs/runs/*/adapter/manifest.json")
    found: dict[str, Any] = json.loads(file.read_text())["counts"]
    return found


@pytest.mark.slow
def test_two_take_the_course_of_one_also_after_a_stop(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for home in (one, two):
        write_guide(home / "documents")
    trained = imprint("train", *STILL, env={"IMPRINT_HOME": str(one)})
    assert trained.returncode == 0, trained.stderr

    together = (*STILL, "adapter.processes=2")
    with subprocess.Popen(
        command("train", *together), stderr=subprocess.PIPE, text=True, env={**os.environ, "IMPRINT_HOME": str(two)}
    ) as process:
        while not list(two.glob("outputs/runs/*/adapter/checkpoints/checkpoint-*/trainer_state.json")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate()
        assert process.returncode == 0, told
    assert "the checkpoint is written" in told
    trained = imprint("train", *together, env={"IMPRINT_HOME": str(two)})
    assert trained.returncode == 0, trained.stderr
    assert "goes on from the checkpoint of step" in trained.stderr
    assert (counts(one)["processes"], counts(one)["micro_batch"]) == (1, 4)
    assert (counts(two)["processes"], counts(two)["micro_batch"]) == (2, 2)
    expected, found = figures(one), figures(two)
    assert [row["step"] for row in found] == [row["step"] for row in expected]
    for figure in ("loss", "grad_norm", "learning_rate"):
        same = pytest.approx([float(row[figure]) for row in expected], abs=1e-3)
        assert [float(row[figure]) for row in found] == same, figure


def test_processes_share_the_rows_of_a_step() -> None:
    with pytest.raises(SettingsError) as caught:
        Adapter(batch_size=16, processes=3).filled()
    assert "3 processes cannot share the 16 rows of a step" in str(caught.value)
    assert caught.value.hint == "adapter.batch_size=18"


def test_processes_share_the_machine() -> None:
    assert Machine(8, 32.0, None).share(2) == Machine(4, 16.0, None)
    assert Machine(1, 32.0, None).share(2).cores == 1
