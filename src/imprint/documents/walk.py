"""The walk through one documents folder: every file that can be read, each once, whatever links there are."""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from imprint.config import Documents
from imprint.documents.patterns import IGNORE_FILE, IgnoreFile, Patterns
from imprint.documents.readers import SUFFIXES
from imprint.documents.refusals import Refusals, irregular, too_large, unreadable
from imprint.errors import DocumentError

_SAVED = {"dataset_dict.json", "dataset_info.json", "state.json"}
_Identity = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True)
class File:
    """A document that can be read."""

    name: str
    """Relative to its source, with forward slashes; the source's name before it where there are several."""
    path: Path
    """Where it lies; `hf:owner/name` for a dataset on the hub."""
    size: int = 0
    """In bytes; 0 for a dataset on the hub."""
    weight: float = 1.0
    kind: Literal["file", "saved dataset", "hub dataset"] = "file"
    """A saved dataset is a folder that the `datasets` library wrote."""


def check(file: File, status: os.stat_result, settings: Documents, refusals: Refusals) -> Iterator[File]:
    """Give the file, or nothing where it is refused."""
    if not stat.S_ISREG(status.st_mode):
        refusals.refuse(file.name, "not a regular file", irregular(file.name))
    elif not os.access(file.path, os.R_OK, effective_ids=True):
        denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        refusals.refuse(file.name, "not readable", unreadable(file.name, file.path, denied))
    else:
        yield from check_size(replace(file, size=status.st_size), settings, refusals)


def check_size(file: File, settings: Documents, refusals: Refusals) -> Iterator[File]:
    """The same, for one that is readable."""
    if file.size > settings.max_file_mb * 1e6:
        error = too_large(file.name, file.size, settings.max_file_mb)
        refusals.refuse(file.name, "larger than documents.max_file_mb", error)
    else:
        yield file


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that the walk comes to."""

    path: Path
    name: str
    """Relative to the source; empty for the source itself."""
    ignore_files: tuple[IgnoreFile, ...] = ()
    """Those that hold here, the outermost first."""
    way: tuple[_Identity, ...] = ()
    """The folders that the walk came through, this one last."""

    def join(self, name: str) -> str:
        return f"{self.name}/{name}" if self.name else name


class Walk:
    """One walk. `prefix` goes before every name in what it gives and reports."""

    def __init__(self, prefix: str, weight: float, settings: Documents, patterns: Patterns, refusals: Refusals) -> None:
        self._prefix = prefix
        self._weight = weight
        self._settings = settings
        self._patterns = patterns
        self._refusals = refusals
        self._seen: set[_Identity] = set()
        self._places: list[_Place] = []
        self._links: list[tuple[str, Path, _Place]] = []

    def files(self, root: Path) -> Iterator[File]:
        """The documents below `root`, in no order. Links come last: what is reached without them is read there."""
        status = root.stat()
        self._enter("", _Place(root, ""), root, (status.st_dev, status.st_ino))
        while self._places or self._links:
            if self._places:
                yield from self._list(self._places.pop())
            else:
                self._links.sort(key=lambda link: link[0], reverse=True)
                yield from self._follow(*self._links.pop())

    def _list(self, place: _Place) -> Iterator[File]:
        try:
            with os.scandir(place.path) as scan:
                entries = {entry.name: entry for entry in scan}
        except OSError as error:
            hint = f"chmod u+rx {place.path}"
            self._refuse(place.name, "not readable", DocumentError(f"{place.path}: {error.strerror}.", hint=hint))
            return
        if _SAVED & entries.keys() and _is_saved(place.path):
            name = self._prefix + place.name if place.name else self._prefix.removesuffix("/") or place.path.name
            saved = File(name, place.path, _size(place.path), self._weight, "saved dataset")
            yield from check_size(saved, self._settings, self._refusals)
            return
        if IGNORE_FILE in entries:
            ignore_file = IgnoreFile.read(place.join(IGNORE_FILE), place.path / IGNORE_FILE)
            place = replace(place, ignore_files=(*place.ignore_files, ignore_file))
        for name in sorted(entries):
            if not name.startswith("."):
                yield from self._look(place.join(name), entries[name], place)

    def _look(self, name: str, entry: os.DirEntry[str], place: _Place) -> Iterator[File]:
        path = Path(entry.path)
        if (shown := os.fsencode(name).decode("utf-8", "backslashreplace")) != name:  # manifests and rows are UTF-8
            error = DocumentError(f"{self._prefix}{shown}: the name of the file is not UTF-8.", hint="rename it")
            if path.suffix.lower() in SUFFIXES or entry.is_dir():
                self._refuse(shown, "its name is not UTF-8", error)
        elif entry.is_symlink():
            self._links.append((name, path, place))
        else:
            try:
                yield from self._take(name, path, place, entry.stat(follow_symlinks=False))
            except OSError as error:  # gone since the folder was listed
                self._refuse(name, "not readable", unreadable(self._prefix + name, path, error))

    def _follow(self, name: str, path: Path, place: _Place) -> Iterator[File]:
        try:
            status = path.stat()
        except OSError as error:
            reason = "a link that loops" if error.errno == errno.ELOOP else "a broken link"
            if path.suffix.lower() in SUFFIXES:
                self._refuse(name, reason, unreadable(self._prefix + name, path, error))
            else:
                self._refusals.pass_over(self._prefix + name, reason)
            return
        if stat.S_ISDIR(status.st_mode) and Path(os.path.realpath(place.path)).is_relative_to(os.path.realpath(path)):
            self._refusals.pass_over(self._prefix + name, "a link that loops")
        else:
            yield from self._take(name, path, place, status)

    def _take(self, name: str, path: Path, place: _Place, status: os.stat_result) -> Iterator[File]:
        is_folder, identity = stat.S_ISDIR(status.st_mode), (status.st_dev, status.st_ino)
        if origin := self._patterns.refusing(name, is_folder, place.ignore_files):
            self._refusals.obey(origin)
        elif not is_folder and path.suffix.lower() not in SUFFIXES:
            self._refusals.pass_unknown(self._prefix + name)
        elif identity in self._seen:  # hard links are links too
            reason = "a link that loops" if identity in place.way else "a link to what is read"
            self._refusals.pass_over(self._prefix + name, reason)
        elif is_folder:
            self._enter(name, place, path, identity)
        else:
            self._seen.add(identity)
            file = File(self._prefix + name, path, 0, self._weight)
            yield from check(file, status, self._settings, self._refusals)

    def _enter(self, name: str, above: _Place, path: Path, identity: _Identity) -> None:
        self._seen.add(identity)
        self._places.append(_Place(path, name, above.ignore_files, (*above.way, identity)))

    def _refuse(self, name: str, reason: str, error: DocumentError) -> None:
        self._refusals.refuse(self._prefix + name, reason, error)


def _is_saved(folder: Path) -> bool:
    from imprint.documents import hub  # it is seldom needed

    return hub.is_saved_dataset(folder)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
