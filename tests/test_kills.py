"""kill -9 in each stage, Ctrl-C, two at once: nothing is lost, and the work goes on from where it was."""

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.line import SHORT, command, imprint, write_guide

pytestmark = pytest.mark.slow

LONG_S = 180
# Too few steps to learn much, so the verdict is not asked.
BRIEF = (*SHORT, "adapter.max_steps=40", "verdict.force=true")


def start(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command("up", "How do I book a berth?", *BRIEF),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "IMPRINT_HOME": str(home)},
    )


def wait_for(home: Path, pattern: str, process: "subprocess.Popen[str]") -> None:
    """Until a file of this pattern is in a run folder."""
    deadline = time.monotonic() + LONG_S
    while not list((home / "outputs" / "runs").glob(f"*/{pattern}")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"no {pattern}"
        time.sleep(0.005)


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def workers() -> list[int]:
    """Processes of Imprint's workers that are alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"imprint.worker" in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue  # ended meanwhile
    return found


def the_run(home: Path) -> Path:
    (run,) = (home / "outputs" / "runs").iterdir()
    return run


def losses(home: Path) -> list[float]:
    """The training loss of each step; no step is left out, none comes twice."""
    with (the_run(home) / "adapter" / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["loss"]]
    assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
    return [float(row["loss"]) for row in rows]


def test_a_kill_in_each_stage_costs_at_most_that_stage(tmp_path: Path) -> None:
    write_guide(tmp_path / "documents")
    made: dict[str, int] = {}
    for stage, sign in (
        ("dataset", "run.json"),
        ("adapter", "adapter/checkpoints/checkpoint-*/trainer_state.json"),
        ("model", "model"),
        ("evaluation", "evaluation"),
    ):
        process = start(tmp_path)
        wait_for(tmp_path, sign, process)
        kill(process)
        deadline = time.monotonic() + 30
        while workers() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not workers(), "a worker outlived the process that holds the lock"
        run = the_run(tmp_path)
        assert not (run / stage / "manifest.json").exists() or stage == "dataset"
        assert not (tmp_path / "outputs" / "current").exists()
        for name, time_of in made.items():
            assert (run / name / "manifest.json").stat().st_mtime_ns == time_of, f"{name} was made twice"
        for manifest in run.glob("*/manifest.json"):
            made.setdefault(manifest.parent.name, manifest.stat().st_mtime_ns)
    assert set(made) == {"dataset", "adapter", "model"}
    done = imprint("up", "How do I book a berth?", *BRIEF, env={"IMPRINT_HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "goes on from the checkpoint of step" in (the_run(tmp_path) / "log.jsonl").read_text()
    resumed = losses(tmp_path)
    unbroken = tmp_path / "unbroken"
    write_guide(unbroken / "documents")
    trained = imprint("train", *BRIEF, env={"IMPRINT_HOME": str(unbroken)})
    assert trained.returncode == 0, trained.stderr
    expected = losses(unbroken)
    assert len(expected) == 40
    assert resumed == pytest.approx(expected, abs=1e-3), "a resumed training took another course"

    # The last good run serves while another is killed.
    (tmp_path / "documents" / "extra.md").write_text("# Extra\n\n## Where is the pump?\n\nAt the south pier.\n")
    process = start(tmp_path)
    while len(list((tmp_path / "outputs" / "runs").iterdir())) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    kill(process)
    asked = imprint("ask", "How do I book a berth?", env={"IMPRINT_HOME": str(tmp_path)})
    assert (asked.returncode, asked.stdout) == (0, done.stdout), asked.stderr


def test_ctrl_c_writes_a_checkpoint_and_a_second_up_says_who_builds(tmp_path: Path) -> None:
    write_guide(tmp_path / "documents")
    process = start(tmp_path)
    wait_for(tmp_path, "adapter/checkpoints/checkpoint-*/trainer_state.json", process)
    second = imprint("up", *BRIEF, env={"IMPRINT_HOME": str(tmp_path)})
    assert second.returncode == 3
    assert f"process {process.pid} on " in second.stderr
    assert "(`imprint up`)" in second.stderr
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    checkpoints = the_run(tmp_path) / "adapter" / "checkpoints"
    last = max(int(path.name.rpartition("-")[2]) for path in checkpoints.glob("checkpoint-*"))
    state = json.loads((checkpoints / f"checkpoint-{last}" / "trainer_state.json").read_text())
    assert state["global_step"] == last
    trained = imprint("train", *BRIEF, env={"IMPRINT_HOME": str(tmp_path)})
    assert trained.returncode == 0, trained.stderr
    assert f"goes on from the checkpoint of step {last}" in trained.stderr
