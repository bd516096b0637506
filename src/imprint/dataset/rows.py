"""Files of rows, of any tool: JSON Lines, a JSON array, CSV, TSV or Parquet, read one row at a time with its line."""

import csv
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from imprint.errors import DatasetError

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")

_CHUNK = 1 << 20  # characters
_BATCH = 1024  # rows of Parquet
# An array, or an object whose first member is one: {"data": [...]}.
_ARRAY = re.compile(r'\s*(?:\{\s*"[^"\\]*"\s*:\s*)?\[')
_BETWEEN = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands where a row was expected."""

    what: str
    detail: str


Member = tuple[int, dict[str, Any] | Fault]
"""The line (in Parquet: the number of the row) from 1, and what is there."""


def read_members(file: Path) -> Iterator[Member]:
    """The rows of a file as objects, and what is wrong where there is none.

    Raises DatasetError for a file that cannot be opened, or whose name ends in none of `SUFFIXES`.
    """
    suffix = file.suffix.lower()
    try:
        if suffix in {".jsonl", ".ndjson"}:
            with file.open("rb") as binary:
                yield from _json_lines(binary)
        elif suffix == ".json":
            yield from _json(file)
        elif suffix in {".csv", ".tsv"}:
            with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
                yield from _table(text, "\t" if suffix == ".tsv" else "")
        elif suffix == ".parquet":
            yield from _parquet(file)
        else:
            raise DatasetError(
                f"{file}: a dataset's name ends in {', '.join(SUFFIXES)}.", hint="rename or convert the file"
            )
    except OSError as error:
        raise DatasetError(
            f"{file} cannot be read: {error.strerror or error}.", hint="give an existing file of rows"
        ) from error


def _json_lines(stream: BinaryIO) -> Iterator[Member]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            yield number, _as_row(json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8")))
        except UnicodeDecodeError as error:
            yield number, Fault("not UTF-8", f"byte 0x{line[error.start]:02x} at column {error.start + 1}")
        except (ValueError, RecursionError) as error:
            yield number, _broken(error)


def _json(file: Path) -> Iterator[Member]:
    """A JSON array of rows; JSON Lines under the wrong name are read as what they are."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as text:
        head = text.read(_CHUNK)
        start = _ARRAY.match(head)
        if start is not None:
            yield from _array(text, head[start.end() :], 1 + head.count("\n", 0, start.end()))
            return
    try:
        first = json.loads(head.lstrip().partition("\n")[0])
    except (ValueError, RecursionError):
        first = None
    if isinstance(first, dict):
        with file.open("rb") as binary:
            yield from _json_lines(binary)
    elif head.strip():
        yield 1, Fault("not rows", "neither a JSON array nor JSON Lines")


def _array(stream: TextIO, buffer: str, line: int) -> Iterator[Member]:
    """The members of an array that has just been opened. After a fault nothing tells where the next one begins."""
    decoder = json.JSONDecoder()
    at, is_whole = 0, False
    while True:
        begin = _BETWEEN.match(buffer, at).end()  # type: ignore[union-attr]  # it matches the empty text as well
        line += buffer.count("\n", at, begin)
        at = begin
        try:
            if buffer.startswith("]", at):
                return
            value, end = decoder.raw_decode(buffer, at)
            line_after = line + buffer.count("\n", at, end)
            if end < len(buffer) or is_whole:  # a number at the very end may go on
                yield line, _as_row(value)
                at, line = end, line_after
                continue
        except RecursionError as error:
            yield line, _broken(error)
            return
        except json.JSONDecodeError as error:
            if is_whole or not _is_cut(error, len(buffer)):
                yield line + error.lineno - 1 - buffer.count("\n", 0, at), _broken(error)
                return
        more = stream.read(max(_CHUNK, len(buffer) - at))
        is_whole = not more
        buffer, at = buffer[at:] + more, 0


def _is_cut(error: json.JSONDecodeError, size: int) -> bool:
    """Whether the text may be wrong only because it is not all there."""
    return error.msg.startswith("Unterminated string") or error.pos >= size - len("\\u0000")


def _table(stream: TextIO, separator: str) -> Iterator[Member]:
    csv.field_size_limit(sys.maxsize)  # a cell may hold an article
    header = stream.readline()
    separator = separator or max(",;\t|", key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
    names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
    reader = csv.reader(stream, delimiter=separator)
    last = 1
    try:
        for cells in reader:
            line, last = last + 1, reader.line_num + 1
            if len(cells) == len(names):
                yield line, dict(zip(names, cells, strict=True))
            elif cells:
                yield line, Fault("a ragged row", f"{len(cells)} cells where the header has {len(names)}")
    except csv.Error as error:
        yield last + 1, Fault("not a table", str(error))


def _parquet(file: Path) -> Iterator[Member]:
    import pyarrow
    from pyarrow import parquet

    try:
        number = 0
        with parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pyarrow.ArrowException, ValueError) as error:
        yield number + 1, Fault("not Parquet", str(error).partition("\n")[0])


def _as_row(value: Any) -> dict[str, Any] | Fault:
    return value if isinstance(value, dict) else Fault("not an object", f"a {type(value).__name__}")


def _broken(error: Exception) -> Fault:
    if isinstance(error, RecursionError):
        return Fault("not JSON", "nested too deeply")
    return Fault(
        "not JSON", f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
    )
