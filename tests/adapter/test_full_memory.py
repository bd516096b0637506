"""Memory that runs out in the middle: the training goes on from its last step and ends."""

import csv
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.line import SHORT, imprint, write_guide

pytestmark = pytest.mark.slow

INJECTED = Path(__file__).resolve().parent.parent / "full_memory"


def train(home: Path, limits: dict[str, str], *settings: str) -> "subprocess.CompletedProcess[str]":
    write_guide(home / "documents")
    path = os.pathsep.join(filter(None, [str(INJECTED), os.environ.get("PYTHONPATH", "")]))
    environment = {"IMPRINT_HOME": str(home), "PYTHONPATH": path, **limits}
    return imprint("train", *SHORT, "adapter.max_steps=16", *settings, env=environment)


def counts(home: Path) -> dict[str, Any]:
    (file,) = home.glob("outputs/runs/*/adapter/manifest.json")
    found: dict[str, Any] = json.loads(file.read_text())["counts"]
    return found


def steps(home: Path) -> list[int]:
    (file,) = home.glob("outputs/runs/*/adapter/metrics.csv")
    with file.open(newline="") as table:
        return [int(row["step"]) for row in csv.DictReader(table) if row["loss"]]


def test_fewer_rows_in_a_pass_from_the_last_step_on(tmp_path: Path) -> None:
    ended = train(tmp_path, {"FULL_MEMORY_ROWS": "5", "FULL_MEMORY_EVALUATED": "1"})
    assert ended.returncode == 0, ended.stderr
    assert counts(tmp_path)["micro_batch"] == 4
    assert steps(tmp_path) == list(range(1, 17))
    assert "Memory ran out after step 10 with 16 rows in a pass; the longest row has" in ended.stderr
    assert "It goes on with 8 rows in a pass and 2 passes in a step." in ended.stderr
    assert "It goes on with 4 rows in a pass and 4 passes in a step." in ended.stderr
    assert "goes on from the checkpoint of step 10" in ended.stderr


def test_one_row_that_does_not_fit_is_an_error_that_says_what_helps(tmp_path: Path) -> None:
    ended = train(tmp_path, {"FULL_MEMORY_ROWS": "0"}, "adapter.batch_size=2", "adapter.per_device_train_batch_size=1")
    assert ended.returncode == 3, ended.stderr
    assert "with 1 row in a pass and 2 passes in a step; the longest row has" in ended.stderr
    assert "adapter.max_seq_length=" in ended.stderr


def test_when_the_machine_itself_refuses(tmp_path: Path) -> None:
    ended = train(tmp_path, {"FULL_MEMORY_MB": "30", "MALLOC_MMAP_THRESHOLD_": "65536"})
    assert ended.returncode == 0, ended.stderr
    assert counts(tmp_path)["micro_batch"] < 16
    assert steps(tmp_path) == list(range(1, 17))
    assert "It goes on with 8 rows in a pass and 2 passes in a step." in ended.stderr


def test_a_worker_that_a_library_ends_for_want_of_memory_is_tried_with_less(tmp_path: Path) -> None:
    ended = train(tmp_path, {"FULL_MEMORY_ABORT_ROWS": "8"})
    assert ended.returncode == 0, ended.stderr
    assert counts(tmp_path)["micro_batch"] == 8
    assert steps(tmp_path) == list(range(1, 17))
    assert "Memory ran out in a library, which gave up. It goes on with 8 rows" in ended.stderr
    assert "goes on from the checkpoint of step 8" in ended.stderr
