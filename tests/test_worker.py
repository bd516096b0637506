"""The process that runs the stages with torch: who is heard while it is being stopped."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imprint import worker
from imprint.errors import Paused
from imprint.runs import Event, Run

# In the worker's place: it tells of a step, waits to be stopped, tells of another one, and that it is stopped.
STAND_IN = """
import json, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: (tell(event("second")), tell(stopped), sys.exit(0)))
def event(text):
    return {"event": {"kind": "progress", "stage": "adapter", "text": text}}
def tell(message):
    print(json.dumps(message), flush=True)
stopped = {"error": {"kind": "Paused", "message": "Stopped at step 2.", "hint": ""}}
tell(event("first"))
time.sleep(60)
"""


@pytest.fixture
def run_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`run_stage(notify)` runs the stand-in."""
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    popen: Any = worker.subprocess.Popen
    monkeypatch.setattr(
        worker.subprocess, "Popen", lambda command, **options: popen([sys.executable, str(script)], **options)
    )
    return lambda notify: worker.run_stage("adapter", Run(tmp_path, notify))


def test_a_stop_is_told_as_the_worker_tells_it(run_stage: Callable[..., None]) -> None:
    seen = []

    def stop(event: Event) -> None:
        seen.append(event.text)
        if event.text == "first":
            raise KeyboardInterrupt

    with pytest.raises(Paused, match="Stopped at step 2"):
        run_stage(stop)
    assert seen == ["first", "second"]


def test_a_stop_by_the_user_is_heard_while_something_else_stops_it(run_stage: Callable[..., None]) -> None:
    def stop(event: Event) -> None:
        raise KeyboardInterrupt if event.text == "second" else ValueError(event.text)

    with pytest.raises(KeyboardInterrupt):
        run_stage(stop)
