"""`imprint prune`: which runs are kept, and how the others go."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from imprint.errors import InputError
from imprint.runs import Outputs, Run, unwritable

_REMOVED = ".removed-"
"""What the name of a run begins with that is being removed: from then on it is no run."""


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be."""

    kept: tuple[str, ...]
    removed: tuple[str, ...]
    freed_bytes: int
    """That the disk gets back; files that a run which stays shares with a removed one free nothing."""


def prune(outputs: Outputs, keep: int, *, dry_run: bool = False) -> Pruned:
    """Remove all but `keep` runs, and what a prune that was killed has left. The runs of a sweep stay.

    The current run is kept first, then the complete one before it, which `imprint rollback` needs, then the newest.
    Raises LockedError where something is built there, and MachineError where the folder cannot be written.
    """
    if keep < 1:
        raise InputError(f"keep is {keep}; expected 1 or more: the current run always stays.", hint="--keep 1")
    if dry_run or not outputs.path.is_dir():
        return _remove(outputs, keep, really=False)
    with outputs.lock("imprint prune"):
        try:
            return _remove(outputs, keep, really=True)
        except OSError as error:
            raise unwritable(outputs.path, error) from error


def _remove(outputs: Outputs, keep: int, *, really: bool) -> Pruned:
    runs = outputs.runs()
    kept = {run.id for run in _by_worth(outputs, runs)[:keep]}
    removed = [run for run in runs if run.id not in kept]
    folders = [*(run.path for run in removed), *(outputs.path / "runs").glob(f"{_REMOVED}*")]
    freed = _freed(folders)
    if really:
        for folder in folders:
            _remove_folder(folder)
    return Pruned(tuple(run.id for run in runs if run.id in kept), tuple(run.id for run in removed), freed)


def _by_worth(outputs: Outputs, runs: list[Run]) -> list[Run]:
    """The current run, the one that a rollback would go to, then the others, newest first."""
    current = outputs.current()
    newest_first = runs[::-1]
    if current is None:
        return newest_first
    first = [run for run in newest_first if run.id == current.id]
    before = [run for run in newest_first if run.id < current.id and run.state().state == "complete"][:1]
    others = [run for run in newest_first if run not in (*first, *before)]
    return [*first, *before, *others]


def _remove_folder(folder: Path) -> None:
    """Under another name first: a kill leaves no half run that looks whole."""
    if not folder.name.startswith(_REMOVED):
        folder = folder.rename(folder.with_name(_REMOVED + folder.name))
    shutil.rmtree(folder)


def _freed(folders: Iterable[Path]) -> int:
    """Bytes of the files of which no link stays."""
    links: Counter[tuple[int, int]] = Counter()
    files: dict[tuple[int, int], os.stat_result] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            found = path.lstat()
            if not path.is_dir():
                links[found.st_dev, found.st_ino] += 1
                files[found.st_dev, found.st_ino] = found
    return sum(found.st_size for key, found in files.items() if links[key] == found.st_nlink)
