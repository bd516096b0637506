"""What reading gives: documents of sections (prose), records and operations (data) and rows (ready-made examples)."""

from dataclasses import dataclass
from typing import Literal

Lines = tuple[int, int]
"""First and last line in the file, counted from 1, both included."""

BlockKind = Literal["paragraph", "steps", "bullets", "table", "definitions", "code", "quote"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A place in a document that no example is made from, and why."""

    lines: Lines
    reason: str
    """One of a few fixed phrases, so that the card can count them: "navigation", "badges", "an empty value"."""
    detail: str = ""
    """What was found there, in a few words."""


@dataclass(frozen=True, slots=True)
class Item:
    """A list item: its text without the marker, dedented, what is nested in it included."""

    text: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class Definition:
    """A term (without markup) and its meaning (as written)."""

    term: str
    meaning: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of a table's row, as written."""

    cells: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a section: its source text and, by kind, its parts."""

    kind: BlockKind
    text: str
    """As written; reference links have their address in place, the marks of admonitions are words."""
    lines: Lines
    items: tuple[Item, ...] = ()
    """Of `steps` and `bullets`."""
    table: tuple[TableRow, ...] = ()
    """The header first."""
    definitions: tuple[Definition, ...] = ()
    """Of `definitions`, and of `bullets` where every item has the form "**Term**: meaning"."""


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks under one heading, up to the next heading of any level."""

    heading: tuple[str, ...]
    """Heading path from the outermost, without markup; empty for text before the first heading."""
    lines: Lines
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A scalar field of a record, or a list of scalars."""

    name: str
    """Dotted path from the record."""
    value: str
    """As written: numbers and null are not changed; a list's parts are joined by ", "."""
    line: int
    is_unique: bool = False
    """Whether no sibling record has this value, so that it names the record."""
    parts: tuple[str, ...] = ()
    """The members, where the value is a list."""


@dataclass(frozen=True, slots=True)
class Record:
    """One object of structured data, its fields flattened to dotted paths."""

    subject: str
    """What the record is about: its key field's value, or its path."""
    heading: tuple[str, ...]
    """Path of the collection that it lies in."""
    lines: Lines
    fields: tuple[Field, ...]
    """All but the key field."""
    key: str = ""
    """The name of the key field; empty where the subject is a path."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation, or a property of its body (`place` "body")."""

    name: str
    place: str
    type: str
    is_required: bool
    description: str
    line: int


@dataclass(frozen=True, slots=True)
class Response:
    """A response of an operation; `type` is the name or type of its schema."""

    status: str
    description: str
    type: str
    line: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an HTTP interface (OpenAPI, Swagger)."""

    method: str
    """In capitals."""
    path: str
    name: str
    """Its operationId; may be empty."""
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    responses: tuple[Response, ...]
    lines: Lines
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A ready-made training example, passed through unchanged."""

    lines: Lines
    instruction: str
    input: str
    output: str
    messages: tuple[tuple[str, str], ...] = ()
    """The whole conversation as (role, content), where the row is more than one question and one answer.

    A row of plain text (the "text" schema) has its text as `output` and neither instruction nor messages.
    """


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reader finds in one document."""

    title: str = ""
    """Empty where the document has none."""
    sections: tuple[Section, ...] = ()
    records: tuple[Record, ...] = ()
    operations: tuple[Operation, ...] = ()
    rows: tuple[Row, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Document(Parsed):
    """One file, read."""

    path: str = ""
    """Relative to the documents folder, with forward slashes; the folder's name before it where there are several."""
    language: str = "en"
    """ISO 639-1."""
    digest: str = ""
    """SHA-256 of its bytes."""
    warnings: tuple[str, ...] = ()
    """What the user should know, such as a guessed encoding."""
