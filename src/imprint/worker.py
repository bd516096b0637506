"""A process of its own for each stage that loads torch.

The process that serves never loads it, memory goes back after each stage, and Unsloth's patches stay with the stage
that trains (with them, generation on the CPU is many times slower).

The worker tells what happens on its standard output, one JSON object a line; what the libraries print goes to
`worker.log` in the run. A worker whose standard input closes ends at once, so it never outlives the pipeline that holds
the lock.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imprint import environment
from imprint.config import Settings
from imprint.errors import ImprintError, Interrupted, MachineError, from_name
from imprint.runs import NO_ROOM, Event, Run, unwritable

_GRACE_S = 30.0


def run_stage(name: str, run: Run) -> None:
    """Run one stage in a worker process to its end; raises what it raised, and MachineError where it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imprint.worker", str(run.path), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
        start_new_session=True,  # Ctrl-C reaches the pipeline, which passes it on once
    )
    with process:
        try:
            error = _listen(process, run)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)  # its own end first: with its input closed it stops where it is
        except BaseException:
            process.send_signal(signal.SIGINT)  # time to write a checkpoint
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
            process.kill()
            raise
    if error is not None:
        raise error
    if process.returncode != 0:
        raise _ended(process.returncode, run)


def _listen(process: "subprocess.Popen[str]", run: Run) -> ImprintError | None:
    """Pass events on until the worker's output ends; give the error that it told."""
    error = None
    for line in process.stdout or ():
        message = json.loads(line)
        if "event" in message:
            run.notify(Event(**message["event"]))
        else:
            error = from_name(**message["error"])
    return error


def _ended(code: int, run: Run) -> ImprintError:
    if code == -signal.SIGKILL:
        return MachineError(
            "The training process was killed (signal 9), most often because memory ran out.",
            hint="close other programs or set adapter.per_device_train_batch_size lower, then `imprint up` again",
        )
    log = run.path / "worker.log"
    return ImprintError(f"The training process ended with code {code}; {log} has what it printed.", hint="`imprint up`")


def _import_path() -> list[str]:
    """Where this Imprint was imported from, first: the worker must be of the same source."""
    source = str(Path(__file__).resolve().parent.parent)
    return [source, *(part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != source)]


def main() -> None:
    """The worker's side."""
    path, stage = Path(sys.argv[1]), sys.argv[2]
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    with (path / "worker.log").open("a", encoding="utf-8") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    threading.Thread(target=_end_with_the_pipeline, daemon=True).start()
    environment.quiet_libraries()

    def send(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    run = Run(path, notify=lambda event: send({"event": asdict(event)}))
    try:
        importlib.import_module(f"imprint.{stage}").run(Settings.model_validate(run.state().settings), run)
    except BaseException as error:
        traceback.print_exc()
        known = _known(error, path)
        send({"error": {"kind": type(known).__name__, "message": known.message, "hint": known.hint}})
        raise SystemExit(known.exit_code) from error


def _end_with_the_pipeline() -> None:
    sys.stdin.read()
    os._exit(0)


def _known(error: BaseException, run: Path) -> ImprintError:
    if isinstance(error, ImprintError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("Stopped.", hint="`imprint up` goes on from here")
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return unwritable(run, error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return MachineError(
            f"Out of memory: {error}.", hint="set adapter.per_device_train_batch_size lower, then `imprint up` again"
        )
    return ImprintError(f"{type(error).__name__}: {error}", hint=f"{run / 'worker.log'} has the details")


if __name__ == "__main__":
    main()
