"""What the tests of the whole line share: a few documents, settings for a short training, and the command."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

GUIDE = """# Harbour guide

The harbour guide tells sailors about the harbour of Velm.

## How do I book a berth?

Write to the harbour office two days before you arrive.

## Fees

| Service | Price | Hours |
|---|---|---|
| crane | 40 crowns | 9 to 17 |
| water | 3 crowns | all day |

## Words

Slipway
: The slipway is the ramp where boats go into the water.
"""

# Enough steps for a handful of facts; everything else as it is by default.
SHORT = (
    "base=embedded",
    "adapter.max_steps=120",
    "adapter.epochs=1000",
    "adapter.checkpoint_steps=20",
    "dataset.replay_share=0",
)


def write_guide(folder: Path) -> Path:
    """The documents folder that the whole-line tests learn."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "guide.md").write_text(GUIDE, encoding="utf-8")
    return folder


def command(*arguments: str, python: tuple[str, ...] = ()) -> list[str]:
    """The command line of Imprint in this Python."""
    return [sys.executable, *python, "-m", "imprint", *arguments]


def imprint(
    *arguments: str, env: dict[str, str] | None = None, python: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, its streams apart."""
    return subprocess.run(
        command(*arguments, python=python),
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=False,
    )
