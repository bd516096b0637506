"""What reading gives: documents made of sections (prose), records (data) and rows (ready-made examples)."""

from dataclasses import dataclass, field
from typing import Literal

Lines = tuple[int, int]
"""First and last line in the file, counted from 1, both included."""

BlockKind = Literal["paragraph", "steps", "bullets", "table", "definitions", "code", "quote", "rule"]


@dataclass(frozen=True)
class Block:
    """A piece of a section: its source text and, by kind, its parts."""

    kind: BlockKind
    text: str
    lines: Lines
    table: tuple[tuple[str, ...], ...] = ()
    """Rows of cells as written, the header first."""
    definitions: tuple[tuple[str, str], ...] = ()
    """Term (without markup) and meaning (as written)."""


@dataclass(frozen=True)
class Section:
    """The blocks under one heading, up to the next heading of any level."""

    heading: tuple[str, ...]
    """Heading path from the outermost; empty for text before the first heading."""
    lines: Lines
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Record:
    """One object of a JSON document, its scalar fields flattened to dotted paths."""

    subject: str
    """What the record is about: its key field's value, or its path."""
    heading: tuple[str, ...]
    lines: Lines
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Row:
    """A ready-made training example, passed through unchanged."""

    lines: Lines
    instruction: str
    input: str
    output: str
    messages: tuple[tuple[str, str], ...] = ()
    """The whole conversation as (role, content), where the row is more than one question and one answer."""


@dataclass(frozen=True)
class Document:
    """One file."""

    path: str
    """Relative to the documents folder, with forward slashes."""
    title: str
    language: str
    digest: str
    sections: tuple[Section, ...] = ()
    records: tuple[Record, ...] = ()
    rows: tuple[Row, ...] = ()
    skipped: tuple[str, ...] = field(default=())
    """What was left out, each with its line and reason."""
