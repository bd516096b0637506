"""Tables: CSV, TSV and Parquet, read as lists of objects whose keys are the names of the columns."""

import csv
import io
import re
import sys
from collections import Counter
from typing import Any

from imprint.documents import forms, records
from imprint.documents.tokens import Number, Tokens, convert, read_members
from imprint.documents.types import LeftOut, Lines, Parsed
from imprint.errors import DocumentError

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_BATCH = 10_000
_LARGEST_TABLE = 1_000_000_000
"""Bytes of a Parquet file once unpacked: a small file may hold far more than it looks."""


csv.field_size_limit(sys.maxsize)  # a cell may be an article; the size of the whole file is limited elsewhere


def parse_csv(path: str, text: str) -> Parsed:
    """The rows of a CSV file, whose first line names the columns; the separator is the one that the header has most of.

    Raises DocumentError where it is no table.
    """
    header = text.lstrip("\n").partition("\n")[0].replace("\r", "")
    return _parse(path, text, max(",;\t|", key=lambda mark: len(next(csv.reader([header], delimiter=mark), []))))


def parse_tsv(path: str, text: str) -> Parsed:
    """The same with tabs."""
    return _parse(path, text, "\t")


def _parse(path: str, text: str, separator: str) -> Parsed:
    if (at := text.find("\0")) >= 0:
        line = text.count("\n", 0, at) + 1
        raise DocumentError(f"{path}:{line}: a NUL byte in a table.", hint="mend the file or take it out")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    names: list[str] = []
    members: list[dict[str, Any]] = []
    spans: list[Lines] = []
    left_out: list[LeftOut] = []
    last = 0
    try:
        for cells in reader:
            span = last + 1, reader.line_num
            last = reader.line_num
            if not any(map(str.strip, cells)):
                continue
            if not names:
                names = _name_columns(cells)
                if "" in names:
                    left_out.append(LeftOut(span, "a column without a name", f"column {names.index('') + 1}"))
                continue
            while len(cells) > len(names) and not cells[-1].strip():
                cells.pop()
            if len(cells) != len(names):
                found = f"a row with {len(cells)} cells where the header has {len(names)}"
                left_out.append(LeftOut(span, "a ragged row", found))
                continue
            members.append({name: _read_cell(cell) for name, cell in zip(names, cells, strict=True) if name})
            spans.append(span)
    except csv.Error as error:
        raise DocumentError(f"{path}:{reader.line_num}: not a table: {error}.", hint="mend the file") from error
    if text.count('"') % 2 and spans and spans[-1][1] == last:  # the last cell has swallowed the rest of the file
        members.pop()
        left_out.append(LeftOut(spans.pop(), "an unclosed quote"))
    tokens = read_members(members, spans)
    return records.gather(Tokens(tokens.value, tokens.lines, tuple(left_out)))


def _name_columns(cells: list[str]) -> list[str]:
    """The names of the columns; those of ready-made rows in small letters, one that stands twice with its number."""
    names = []
    seen: Counter[str] = Counter()
    for cell in map(str.strip, cells):
        name = cell.lower() if cell.lower() in forms.NAMES else cell
        seen[name] += 1
        names.append(f"{name} {seen[name]}" if name and seen[name] > 1 else name)
    return names


def _read_cell(cell: str) -> str:
    return Number(cell) if _NUMBER.fullmatch(cell) else cell


def parse_parquet(path: str, raw: bytes) -> Parsed:
    """The rows of a Parquet file; the "lines" of what it gives are the numbers of the rows, from 1.

    Raises DocumentError where it is not Parquet, or holds more than a gigabyte unpacked.
    """
    return parse_rows(read_parquet(path, raw))


def read_parquet(path: str, raw: bytes) -> list[dict[str, Any]]:
    """The rows of a Parquet file as they are; raises as `parse_parquet` does."""
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(raw))
        groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
        if (size := sum(group.total_byte_size for group in groups)) > _LARGEST_TABLE:
            raise DocumentError(f"{path}: a table of {size / 1e6:,.0f} MB unpacked.", hint="split the file")
        return [convert(row) for batch in file.iter_batches(_BATCH) for row in batch.to_pylist()]
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise DocumentError(f"{path}: not a Parquet file: {reason}.", hint="mend the file or take it out") from error


def parse_rows(members: list[dict[str, Any]]) -> Parsed:
    """Objects of Python values, one a row, counted from 1."""
    return records.gather(read_members(members, [(number, number) for number in range(1, len(members) + 1)]))
