"""What the benchmarks share: a command run with its time and memory, and a figure printed against its limit."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Ran:
    """A finished command. `megabytes` (10^6 bytes) is the largest resident set among it and all that it waited for."""

    seconds: float
    megabytes: float
    code: int
    stdout: str


def run(*arguments: str, show: bool = True, env: dict[str, str] | None = None) -> Ran:
    """Run `imprint` with these arguments, its standard error shown or dropped."""
    command = [str(Path(sys.executable).with_name("imprint")), *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if show else subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )
    with process.stdout as stream:  # type: ignore[union-attr]  # a pipe was asked for
        output = stream.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(time.perf_counter() - started, usage.ru_maxrss * 1024 / 1e6, process.returncode, output)


def against(name: str, value: float, limit: float, unit: str, *, at_least: bool = False) -> None:
    """Print a figure, its limit, and whether it is kept."""
    kept = value >= limit if at_least else value <= limit
    sign = ">=" if at_least else "<="
    print(f"{name:<58} {value:>10.2f} {unit:<8} limit {sign} {limit:g}   {'kept' if kept else 'MISSED'}")
