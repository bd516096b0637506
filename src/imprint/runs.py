"""`outputs/` on disk: run folders, manifests, the lock and the `current` link.

A stage's manifest is written last, so its existence means that the stage is complete. `current` changes by one atomic
rename, so a reader sees the old run or the new one, never a mixture.
"""

import contextlib
import datetime
import errno
import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from imprint.errors import ImprintError, InputError, LockedError, MachineError, NoModelError

STAGES = ("dataset", "adapter", "model", "evaluation")
_PACKAGES = (
    "imprint",
    "unsloth",
    "torch",
    "trl",
    "peft",
    "transformers",
    "datasets",
    "bitsandbytes",
    "llama-cpp-python",
)


@dataclass(frozen=True)
class Event:
    """What a stage tells while it works; the command line shows it, the run's log keeps it."""

    kind: Literal["start", "progress", "note", "done"]
    stage: str
    text: str = ""
    done: float = 0
    total: float = 0
    figures: dict[str, float] = field(default_factory=dict)
    """Of a training under way, those that are known: `loss`, `validation_loss` and the `validation_step` after which it
    was measured, `tokens_per_s`, `memory_mb`."""


Notify = Callable[[Event], None]


class Manifest(BaseModel):
    """What a complete stage leaves beside its results. `inputs` and `outputs` map names to SHA-256 digests."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    settings: dict[str, Any]
    counts: dict[str, Any]
    versions: dict[str, str]
    seed: int
    seconds: float
    peak_memory_mb: float
    finished: str


class RunState(BaseModel):
    """`run.json`: why the run was started, with which settings, and how far it is."""

    model_config = ConfigDict(extra="forbid")

    id: str
    state: Literal["building", "complete", "refused"]
    """Only a complete run may become the current one; a refused one has everything but a verdict that lets it serve."""
    request: str
    """Digest of what the run is made from: documents, base, settings. A restart with the same one goes on with it."""
    reason: list[str]
    base: str
    started: str
    settings: dict[str, Any]


@dataclass
class StageRecord:
    """A stage under way: what `Run.record` turns into its manifest."""

    folder: Path
    counts: dict[str, Any] = field(default_factory=dict)
    temporary: list[str] = field(default_factory=list)
    """Names in the folder that are removed once the manifest stands."""


def _silent(event: Event) -> None:
    """Nobody listens."""


@dataclass
class Run:
    """One run folder."""

    path: Path
    notify: Notify = _silent

    @property
    def id(self) -> str:
        return self.path.name

    def folder(self, stage: str) -> Path:
        return self.path / stage

    def state(self) -> RunState:
        """Read `run.json`; raises ImprintError when it is missing or damaged."""
        file = self.path / "run.json"
        try:
            return RunState.model_validate_json(file.read_bytes())
        except (OSError, ValidationError) as error:
            raise ImprintError(
                f"{file} cannot be read: {error}", hint=f"remove {self.path} and run `imprint up`"
            ) from error

    def write_state(self, state: RunState) -> None:
        write_atomically(self.path / "run.json", state.model_dump_json(indent=2) + "\n")

    def manifest(self, stage: str) -> Manifest | None:
        """The stage's manifest, or None when the stage is not complete."""
        try:
            return Manifest.model_validate_json((self.folder(stage) / "manifest.json").read_bytes())
        except (OSError, ValidationError):
            return None

    @property
    def verdict(self) -> str | None:
        """The word of its verdict; None without an evaluation, or with one of an Imprint that gave no verdicts."""
        evaluation = self.manifest("evaluation")
        return None if evaluation is None else evaluation.counts.get("verdict")

    def complete(self, stage: str) -> Manifest:
        """The manifest of a stage that must be complete; raises ImprintError when it is not."""
        manifest = self.manifest(stage)
        if manifest is None:
            raise ImprintError(f"The {stage} stage of {self.id} is not complete.", hint="`imprint up`")
        return manifest

    @contextlib.contextmanager
    def record(
        self, stage: str, *, inputs: Mapping[str, str], settings: Mapping[str, Any], seed: int
    ) -> Iterator[StageRecord]:
        """Run a stage's body; when it ends without an error, digest what it left and write its manifest."""
        started = time.monotonic()
        folder = self.folder(stage)
        folder.mkdir(parents=True, exist_ok=True)
        record = StageRecord(folder)
        yield record
        outputs = {
            str(file.relative_to(folder)): digest_file(file)
            for file in sorted(folder.rglob("*"))
            if file.is_file() and not _is_passing(file.relative_to(folder), record)
        }
        manifest = Manifest(
            stage=stage,
            inputs=dict(inputs),
            outputs=outputs,
            settings=dict(settings),
            counts=record.counts,
            versions=_versions(),
            seed=seed,
            seconds=round(time.monotonic() - started, 3),
            peak_memory_mb=peak_memory_mb(),
            finished=utc_now(),
        )
        write_atomically(folder / "manifest.json", manifest.model_dump_json(indent=2) + "\n")
        for name in record.temporary:
            shutil.rmtree(folder / name, ignore_errors=True)

    def reuse(self, stage: str, other: "Run") -> None:
        """Take over another run's complete stage: hard links where the disk has them, the manifest last."""
        source, target = other.folder(stage), self.folder(stage)
        shutil.rmtree(target, ignore_errors=True)
        manifest = other.complete(stage)
        for name in [*manifest.outputs, "manifest.json"]:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source / name, target / name)
            except OSError:
                shutil.copy2(source / name, target / name)

    def reopen(self, stage: str, settings: Mapping[str, Any]) -> None:
        """Have a stage made again, with these settings; what it left stays, for it to go on from."""
        self.write_state(self.state().model_copy(update={"state": "building", "settings": dict(settings)}))
        (self.folder(stage) / "manifest.json").unlink(missing_ok=True)

    def log(self, event: Event) -> None:
        """Append an event to the run's `log.jsonl`."""
        line = {"time": utc_now(), "stage": event.stage, "kind": event.kind, "text": event.text}
        with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Outputs:
    """The outputs folder: its runs, its lock, its current run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def _runs(self) -> Path:
        return self.path / "runs"

    @property
    def sweep(self) -> "Outputs":
        """Where a sweep keeps its runs: one for each trial, none of which becomes current."""
        return Outputs(self.path / "sweep")

    def runs(self) -> list[Run]:
        """Every run with a readable `run.json`, oldest first."""
        if not self._runs.is_dir():
            return []
        folders = (path for path in sorted(self._runs.iterdir()) if not path.name.startswith("."))
        return [run for run in map(Run, folders) if _readable(run)]

    def named(self, name: str) -> Run:
        """The run of that id; raises InputError, which lists those that there are."""
        runs = self.runs()
        for run in runs:
            if run.id == name:
                return run
        known = ", ".join(run.id for run in runs) or "none"
        raise InputError(f"There is no run {name!r} in {self.path}. Runs: {known}.", hint="`imprint runs`")

    def current(self) -> Run | None:
        """The run in service, or None."""
        link = self.path / "current"
        return Run(link.resolve()) if link.is_symlink() and (link / "run.json").is_file() else None

    def require_current(self) -> Run:
        """The run in service; raises NoModelError where there is none."""
        run = self.current()
        if run is None:
            raise NoModelError(
                f"There is no model in {self.path} yet.",
                hint="`imprint up` makes one from your documents and serves it",
            )
        return run

    def create(self, state: RunState) -> Run:
        """A new run folder."""
        run = Run(self._runs / state.id)
        try:
            run.path.mkdir(parents=True)
        except FileExistsError:  # two runs within one second
            state = state.model_copy(update={"id": f"{state.id}-{os.getpid()}"})
            run = Run(self._runs / state.id)
            run.path.mkdir(parents=True)
        run.write_state(state)
        return run

    def unfinished(self, request: str) -> Run | None:
        """The newest run that was started from the same request and did not finish."""
        return self._newest(request, "building")

    def refused(self, request: str) -> Run | None:
        """The newest run that was made from the same request and whose verdict was against it."""
        return self._newest(request, "refused")

    def _newest(self, request: str, state: str) -> Run | None:
        for run in reversed(self.runs()):
            found = run.state()
            if found.request == request and found.state == state:
                return run
        return None

    def activate(self, run: Run) -> None:
        """Make a run the current one: one atomic rename of a symlink."""
        fresh = self.path / f".current-{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("runs") / run.id)
        os.replace(fresh, self.path / "current")

    def rollback(self, to: str | None = None) -> Run:
        """Make the newest complete run before the current one current again, or the one named."""
        current = self.require_current()
        complete = [run for run in self.runs() if run.state().state == "complete"]
        if to is not None:
            chosen = [run for run in complete if run.id == to]
            if not chosen:
                known = ", ".join(run.id for run in complete) or "none"
                raise InputError(f"There is no complete run {to!r}. Complete runs: {known}.", hint="`imprint runs`")
        else:
            chosen = [run for run in complete if run.id < current.id]
            if not chosen:
                raise InputError(
                    f"{current.id} is the oldest complete run: nothing to roll back to.", hint="`imprint runs`"
                )
        self.activate(chosen[-1])
        return chosen[-1]

    @contextlib.contextmanager
    def lock(self, command: str) -> Iterator[None]:
        """Hold the outputs folder for one builder.

        Raises LockedError naming the holder, and MachineError where the folder cannot be written.
        """
        holder = self.path / ".lock.json"
        try:
            self._runs.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock", timeout=0)
            lock.acquire()
        except Timeout:
            raise LockedError(
                f"Another Imprint is building in {self.path}: {_describe_holder(holder)}.",
                hint="wait until it is done, stop it, or give another folder with --outputs DIR; "
                "the model in service is not touched: `imprint ask`, `imprint chat`",
            ) from None
        except OSError as error:
            raise unwritable(self.path, error) from error
        try:
            who = {"pid": os.getpid(), "host": socket.gethostname(), "since": utc_now(), "command": command}
            try:
                write_atomically(holder, json.dumps(who))
            except OSError as error:
                raise unwritable(self.path, error) from error
            yield
        finally:
            with contextlib.suppress(OSError):
                holder.unlink()
            lock.release()


NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG}
"""The errors of a disk that takes no more files, or none of ours."""


def _is_passing(file: Path, record: StageRecord) -> bool:
    """Whether a file is none of a stage's results: hidden ones are what a kill left of a write under way."""
    return file.parts[0] in {"manifest.json", *record.temporary} or file.name.startswith(".")


def _readable(run: Run) -> bool:
    try:
        run.state()
    except ImprintError:
        return False
    return True


def unwritable(path: Path, error: OSError) -> MachineError:
    """The MachineError for a folder that takes no files."""
    reason = error.strerror or str(error)
    return MachineError(
        f"{error.filename or path} cannot be written to: {reason}.",
        hint="make room or give yourself the right to write there, or choose another folder with --outputs DIR",
    )


def require_space(path: Path, megabytes: float) -> None:
    """Raise MachineError unless the disk that holds `path` has so much room."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / 1e6
    if free < megabytes:
        raise MachineError(
            f"{existing} has {free:,.0f} MB free; this run needs about {megabytes:,.0f} MB.",
            hint="make room, or choose a folder on another disk with --outputs DIR",
        )


def write_atomically(file: Path, text: str) -> None:
    """Write a file under another name, then rename it: a reader or a crash never meets half of it."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, file)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def digest_file(file: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of a JSON-ready value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def utc_now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def new_run_id(request: str) -> str:
    """`<utc>-<digest>`: sorts by age, and names what the run is made from."""
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{request[:6]}"


def peak_memory_mb() -> float:
    """Largest resident set of this process so far, in megabytes (10^6 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _describe_holder(holder: Path) -> str:
    try:
        data = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {data['pid']} on {data['host']}, since {data['since']} (`{data['command']}`)"
    except (OSError, ValueError, KeyError):
        return "it has not said which process it is"
