"""Seconds from `imprint train` to its first new step after a kill.

    .venv/bin/python benchmarks/resume.py [documents]

A training of the embedded base is killed with SIGKILL behind its first checkpoint and started again. The ratio is to
the first start's seconds to its first step, of which the dataset is a part.
"""

import argparse
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import ROOT

_STEPS = 100  # so few that each of them is logged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("documents", nargs="?", type=Path, default=ROOT / "documents")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder)
        first = _start(arguments.documents, outputs)
        to_first = _seconds_to_step(first, outputs, above=0)
        while not list(outputs.glob("runs/*/adapter/checkpoints/checkpoint-*/trainer_state.json")):
            time.sleep(0.01)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        time.sleep(1)  # its worker ends as its input closes
        kept = max(
            int(path.parent.name.rpartition("-")[2])
            for path in outputs.glob("runs/*/adapter/checkpoints/checkpoint-*/trainer_state.json")
        )
        second = _start(arguments.documents, outputs)
        to_new = _seconds_to_step(second, outputs, above=max(kept, _last_step(outputs)))
        second.send_signal(signal.SIGINT)
        second.wait()
    print(f"first start to the first step: {to_first:.1f} s")
    ratio = f"{to_new / to_first:.2f} times that, from the checkpoint of step {kept}"
    print(f"start after a kill to the first new step: {to_new:.1f} s, {ratio}")


def _start(documents: Path, outputs: Path) -> "subprocess.Popen[bytes]":
    command = [str(Path(sys.executable).with_name("imprint")), "train", "base=embedded"]
    places = ["--documents", str(documents), "--outputs", str(outputs)]
    steps = [f"adapter.max_steps={_STEPS}", "adapter.checkpoint_steps=10", "adapter.patience=0"]
    return subprocess.Popen(
        [*command, *places, *steps],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        start_new_session=True,
    )


def _seconds_to_step(process: "subprocess.Popen[bytes]", outputs: Path, *, above: int) -> float:
    started = time.perf_counter()
    while _last_step(outputs) <= above:
        if process.poll() is not None:
            raise SystemExit(f"imprint train ended with {process.returncode}")
        time.sleep(0.01)
    return time.perf_counter() - started


def _last_step(outputs: Path) -> int:
    for file in outputs.glob("runs/*/adapter/metrics.csv"):
        with file.open(newline="") as table:
            return max((int(row["step"]) for row in csv.DictReader(table) if row.get("loss")), default=0)
    return 0


if __name__ == "__main__":
    main()
