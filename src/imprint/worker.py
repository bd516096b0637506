"""A process of its own for each stage that loads torch, and for the base while it is asked before the training.

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
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imprint import environment, machine
from imprint.config import Settings
from imprint.errors import FullMemoryError, ImprintError, Interrupted, LostProcessError, MachineError, Paused, from_name
from imprint.runs import NO_ROOM, Event, Run, unwritable

_GRACE_S = 30.0
_LAST_WORDS = 2000
"""Bytes of a log that say what a process died of."""
_LAUNCHER_FAILED = 1
"""What torchrun ends with, whatever one of its processes died of."""
_LESS_MEMORY = "close other programs, or see with `imprint plan` what fits and with `imprint bases` what else does"
_BASE = "--base"
"""In the place of a stage's name: serve the base."""


def run_stage(name: str, run: Run, processes: int = 1) -> None:
    """Run one stage, the `run` of the package or module of that name, in a worker process to its end.

    With several processes torchrun starts them, and all but the first run the stage's `join`.

    Raises what it raised, FullMemoryError where memory ended it, MachineError where it was killed for another reason.
    """
    kills = machine.out_of_memory_kills()
    process = _start(run.path, name, processes)
    with process:
        try:
            error = _listen(process, run)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)  # its own end first: with its input closed it stops where it is
        except BaseException:
            told = _stop(process, run)
            if isinstance(told, Paused):
                raise told from None
            raise
    for_memory = machine.out_of_memory_kills() > kills
    if error is not None and not (for_memory and isinstance(error, LostProcessError)):
        raise error
    if process.returncode != 0:
        raise _ended(process.returncode, run.path, for_memory=for_memory)


def _stop(process: "subprocess.Popen[str]", run: Run) -> ImprintError | None:
    """Ask a worker to end, with time to write a checkpoint; give what it told."""
    process.send_signal(signal.SIGINT)
    killer = threading.Timer(_GRACE_S, process.kill)
    killer.start()
    try:
        told = _listen(process, run)
        process.wait()
    finally:  # also where the user asks, for the first time or again
        killer.cancel()
        process.kill()
    return told


@contextlib.contextmanager
def serving_base(config: Settings, folder: Path) -> Iterator[str]:
    """The base, without an adapter, behind an OpenAI-compatible address on this machine for as long as it is needed.

    `folder` takes the worker's log. Raises BaseError where the base cannot be loaded, MachineError where it was killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    process = _start(folder, _BASE)
    assert process.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):  # it ended already: what it told is read next
            process.stdin.write(config.model_dump_json() + "\n")
            process.stdin.flush()
        yield _address(process, folder)
    except MachineError as error:
        if process.poll() is not None and process.returncode < 0:
            raise _ended(process.returncode, folder) from error
        raise
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # it ends with that
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _start(folder: Path, name: str, processes: int = 1) -> "subprocess.Popen[str]":
    launcher: list[str] = []
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())}
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        variables.setdefault("OMP_NUM_THREADS", str(machine.this_machine().share(processes).cores))
    with (folder / "worker.log").open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, *launcher, "-m", "imprint.worker", str(folder), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
            env=variables,
            start_new_session=True,  # Ctrl-C reaches the pipeline, which passes it on once
        )


def _address(process: "subprocess.Popen[str]", folder: Path) -> str:
    """The address that the serving worker tells once the base is loaded; raises the error that it tells instead."""
    for line in process.stdout or ():
        message = json.loads(line)
        if "url" in message:
            return str(message["url"])
        raise from_name(**message["error"])
    raise _ended(process.wait(), folder)


def _listen(process: "subprocess.Popen[str]", run: Run) -> ImprintError | None:
    """Pass events on until the worker's output ends; give the first error that it told: others follow from it."""
    error: ImprintError | None = None
    for line in process.stdout or ():
        message = json.loads(line)
        if "event" in message:
            run.notify(Event(**message["event"]))
        else:
            error = error or from_name(**message["error"])
    return error


def _ended(code: int, folder: Path, *, for_memory: bool = False) -> ImprintError:
    """What a worker died of that did not say it itself; `for_memory`: meanwhile the kernel killed something for it."""
    log = folder / "worker.log"
    if for_memory:
        return FullMemoryError("The worker process was killed (signal 9), because memory ran out.", hint=_LESS_MEMORY)
    if code == -signal.SIGKILL:
        return MachineError(
            "The worker process was killed (signal 9), most often because memory ran out.", hint=_LESS_MEMORY
        )
    if code in {-signal.SIGABRT, _LAUNCHER_FAILED} and machine.tells_out_of_memory(_last_words(log)):
        return FullMemoryError("Memory ran out in a library, which gave up.", hint=_LESS_MEMORY)
    return ImprintError(f"The worker process ended with code {code}; {log} has what it printed.", hint="`imprint up`")


def _last_words(log: Path) -> str:
    with contextlib.suppress(OSError):
        return log.read_bytes()[-_LAST_WORDS:].decode("utf-8", errors="replace")
    return ""


def _import_path() -> list[str]:
    """Where this Imprint was imported from, first: the worker must be of the same source."""
    source = str(Path(__file__).resolve().parent.parent)
    return [source, *(part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part and part != source)]


def main() -> None:
    """The worker's side."""
    path, stage = Path(sys.argv[1]), sys.argv[2]
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the libraries print; the log stands there
    # Before the thread that waits for the end of the same stream.
    settings = sys.stdin.readline() if stage == _BASE else ""
    threading.Thread(target=_end_with_the_pipeline, daemon=True).start()
    environment.quiet_libraries()

    def send(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    is_first = os.environ.get("RANK", "0") == "0"  # set by torchrun
    run = Run(path, notify=lambda event: send({"event": asdict(event)}) if is_first else None)
    try:
        if stage == _BASE:
            serve = importlib.import_module("imprint.model.answering").serve
            serve(Settings.model_validate_json(settings), lambda url: send({"url": url}))
        else:
            module = importlib.import_module(f"imprint.{stage}")
            work = module.run if is_first else module.join
            work(Settings.model_validate(run.state().settings), run)
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
    if machine.is_out_of_memory(error):
        return FullMemoryError(f"Memory ran out: {error}.", hint=_LESS_MEMORY)
    return ImprintError(f"{type(error).__name__}: {error}", hint=f"{run / 'worker.log'} has the details")


if __name__ == "__main__":
    main()
