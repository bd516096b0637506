"""Files become sections, records and rows: the first room of the line.

    find(settings) -> Found               which files are read, and what is left out
    read(file, settings) -> Document      one of them, read

A document keeps where each of its parts stands (heading path, line span), so that every example can name its source.
"""

from imprint.documents.files import Found, digests, find
from imprint.documents.reading import read
from imprint.documents.refusals import UNREADABLE, left_out_for
from imprint.documents.types import (
    Block,
    BlockKind,
    Definition,
    Document,
    Field,
    Item,
    LeftOut,
    Lines,
    Operation,
    Parameter,
    Parsed,
    Record,
    Response,
    Row,
    Section,
    TableRow,
)
from imprint.documents.walk import File

__all__ = [
    "UNREADABLE",
    "Block",
    "BlockKind",
    "Definition",
    "Document",
    "Field",
    "File",
    "Found",
    "Item",
    "LeftOut",
    "Lines",
    "Operation",
    "Parameter",
    "Parsed",
    "Record",
    "Response",
    "Row",
    "Section",
    "TableRow",
    "digests",
    "find",
    "left_out_for",
    "read",
]
