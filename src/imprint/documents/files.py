"""The documents of all sources: which files are read, what their bytes are, and why others are left out."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imprint.config import HUB_PREFIX, SAMPLE_PREFIX, Documents, Folder
from imprint.documents import sample
from imprint.documents.patterns import Patterns
from imprint.documents.readers import SUFFIXES
from imprint.documents.refusals import Refusals, unreadable
from imprint.documents.types import LeftOut
from imprint.documents.walk import File, Walk, check
from imprint.errors import DocumentError

_known: dict[tuple[str, int, int, int], str] = {}
"""Digests by path, size, time of change and inode: the pipeline asks several times for what may be a gigabyte."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the sources hold."""

    files: tuple[File, ...]
    """In the order of their names."""
    left_out: tuple[tuple[str, LeftOut], ...]
    """Name and reason; what is left out for the same reason many times is one entry by suffix or pattern."""


def find(settings: Documents) -> Found:
    """Find the documents of all sources, without reading them.

    Raises DocumentError where there is nothing to read, or with `strict` where a document cannot be read; SettingsError
    for patterns of `include` or `exclude` that are none.
    """
    patterns = Patterns.of(settings)
    refusals = Refusals(strict=settings.strict)
    files: list[File] = []
    for label, source in _labelled(settings.sources):
        files.extend(_files(label, source, settings, patterns, refusals))
    if not files:
        raise _nothing(settings, refusals)
    return Found(tuple(sorted(files, key=lambda file: file.name)), tuple(refusals.entries()))


def digests(settings: Documents) -> dict[str, str]:
    """SHA-256 of every document's bytes by its name; of a dataset on the hub, the commit.

    Raises what `find` raises. A document that cannot be read is left out, and with `strict` an error.
    """
    found = {}
    for file in find(settings).files:
        try:
            found[file.name] = digest(file)
        except DocumentError:
            if settings.strict:
                raise
    return found


def digest(file: File) -> str:
    """SHA-256 of a document's bytes. Raises DocumentError where it cannot be read."""
    if file.kind == "hub dataset":
        from imprint.documents import hub  # it is seldom needed

        return hub.digest(str(file.path))
    try:
        if file.kind == "file":
            return _digest(file.path)
        parts = sorted(path for path in file.path.rglob("*") if path.is_file())
        listed = (f"{path.relative_to(file.path).as_posix()} {_digest(path)}\n" for path in parts)
        return hashlib.sha256("".join(listed).encode()).hexdigest()
    except OSError as error:
        raise unreadable(file.name, file.path, error) from error


def _digest(path: Path) -> str:
    with open(path, "rb", opener=open_at_once) as stream:
        status = os.fstat(stream.fileno())
        key = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
        if key not in _known:
            _known[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return _known[key]


def open_at_once(path: str, flags: int) -> int:
    """An opener that does not wait for the other end of what has become a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _files(label: str, source: Folder, settings: Documents, patterns: Patterns, refusals: Refusals) -> Iterator[File]:
    root = source.path
    if _is_on_hub(root):
        yield File(label, root, 0, source.weight, "hub dataset")
    elif _is_sample(root):
        file = sample.find(str(root))
        yield File(label, file, file.stat().st_size, source.weight)
    elif root.is_dir():
        prefix = f"{label}/" if len(settings.sources) > 1 else ""
        yield from Walk(prefix, source.weight, settings, patterns, refusals).files(root)
    elif not os.path.lexists(root):
        raise DocumentError(
            f"There is no documents folder at {root}.",
            hint=f"mkdir -p {root}, put your Markdown or JSON files there, or name a folder with --documents DIR",
        )
    elif root.suffix.lower() not in SUFFIXES:
        raise DocumentError(
            f"{root} is not a document that can be read: expected a name that ends in {', '.join(SUFFIXES)}.",
            hint="convert it, or name another file or a folder with --documents",
        )
    else:
        try:
            status = root.stat()
        except OSError as error:
            raise unreadable(label, root, error) from error
        yield from check(File(label, root, 0, source.weight), status, settings, refusals)


def _labelled(sources: tuple[Folder, ...]) -> Iterator[tuple[str, Folder]]:
    """The sources, each with a name that no other has."""
    taken: set[str] = set()
    for source in sources:
        is_named = _is_on_hub(source.path) or _is_sample(source.path)
        name = str(source.path) if is_named else source.path.name or "documents"
        suffix = source.path.suffix if source.path.is_file() else ""
        label, number = name, 2
        while label in taken:
            label, number = f"{name.removesuffix(suffix)}-{number}{suffix}", number + 1
        taken.add(label)
        yield label, source


def _is_on_hub(path: Path) -> bool:
    return str(path).startswith(HUB_PREFIX)


def _is_sample(path: Path) -> bool:
    return str(path).startswith(SAMPLE_PREFIX)


def _nothing(settings: Documents, refusals: Refusals) -> DocumentError:
    places = ", ".join(str(source.path) for source in settings.sources)
    if refusals.errors:
        first = refusals.errors[0]
        return DocumentError(f"No document in {places} can be read: {first.message}", hint=first.hint)
    hint = "put some there, or name another folder with --documents DIR"
    if refusals.origins:
        hint += f"; patterns leave files out: {', '.join(refusals.origins)}"
    return DocumentError(
        f"There are no documents in {places}: expected files that end in {', '.join(SUFFIXES)}.", hint=hint
    )
