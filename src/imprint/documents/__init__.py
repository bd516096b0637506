"""Files become sections: the first room of the line.

    read(settings) -> list[Document]

A document keeps where each of its parts stands (heading path, line span), so that every example can name its source.
"""

from imprint.documents.reading import digests, read
from imprint.documents.types import Block, Document, Record, Row, Section

__all__ = ["Block", "Document", "Record", "Row", "Section", "digests", "read"]
