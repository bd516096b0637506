"""What is left out of the documents as whole files: the errors, and the list that the dataset's card shows."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from imprint.documents.types import LeftOut, Lines
from imprint.errors import DocumentError

WHOLE: Lines = (0, 0)
"""The lines of a file that is left out as a whole."""
UNREADABLE = "it cannot be read"
"""The reason of a document that is left out for an error."""
_PLACE = re.compile(r"^.*?:(\d+)(?::\d+)?: ")


def irregular(name: str) -> DocumentError:
    """The error of a pipe, a socket or a device, which could be waited for forever."""
    return DocumentError(f"{name} cannot be read: it is not a regular file.", hint="take it out")


def too_large(name: str, size: int, limit_mb: float) -> DocumentError:
    """The error of a file over documents.max_file_mb."""
    return DocumentError(
        f"{name} has {size / 1e6:,.1f} MB; at most {limit_mb:g} MB are read of one document.",
        hint=f"split the file, take it out, or set documents.max_file_mb={size / 1e6 + 1:.0f}",
    )


def unreadable(name: str, path: Path, error: OSError) -> DocumentError:
    """The error of a file that the system does not give."""
    return DocumentError(f"{name} cannot be read: {error.strerror}.", hint=f"chmod u+r {path}, or take it out")


def left_out_for(error: DocumentError, reason: str = UNREADABLE) -> LeftOut:
    """What the card says of a document that was left out for an error, with the line that the error names."""
    place = _PLACE.match(error.message)
    lines = (int(place[1]), int(place[1])) if place else WHOLE
    return LeftOut(lines, reason, f"{error.message} ({error.hint})" if error.hint else error.message)


class Refusals:
    """What one search leaves out; with `strict`, a document that cannot be read is an error at once."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self.errors: list[DocumentError] = []
        self._entries: list[tuple[str, LeftOut]] = []
        self._unknown: dict[str, list[str]] = {}
        self._chosen: Counter[str] = Counter()

    def refuse(self, name: str, reason: str, error: DocumentError) -> None:
        """Leave out a document that cannot be read."""
        if self._strict:
            raise error
        self.errors.append(error)
        self._entries.append((name, left_out_for(error, reason)))

    def pass_over(self, name: str, reason: str) -> None:
        """Leave out what need not be read."""
        self._entries.append((name, LeftOut(WHOLE, reason)))

    def pass_unknown(self, name: str) -> None:
        """Leave out a file that no reader is for; these are counted by suffix."""
        self._unknown.setdefault(Path(name).suffix.lower(), []).append(name)

    def obey(self, origin: str) -> None:
        """Leave out what a pattern of the user matches; these are counted by the pattern's origin."""
        self._chosen[origin] += 1

    @property
    def origins(self) -> tuple[str, ...]:
        """Where the patterns stand that left something out."""
        return tuple(sorted(self._chosen))

    def entries(self) -> Iterator[tuple[str, LeftOut]]:
        """Everything in order: names, then suffixes, then patterns."""
        yield from sorted(self._entries, key=lambda entry: entry[0])
        for suffix, names in sorted(self._unknown.items()):
            example = min(names) if len(names) == 1 else f"{len(names)} files, such as {min(names)}"
            label = f"*{suffix}" if suffix else "names without a suffix"
            yield label, LeftOut(WHOLE, "not a kind of document that is read", example)
        for origin, count in sorted(self._chosen.items()):
            yield origin, LeftOut(WHOLE, "left out by a pattern", f"{count} files and folders")
