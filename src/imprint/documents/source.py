"""The source of a Markdown text: where its lines begin, and what a stretch of it says once it stands by itself."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import pyromark
from pyromark import Options

from imprint.documents import admonitions, markup
from imprint.documents.types import Lines

# Attribute lists of headings are not left to the parser: it takes "Sets {1, 2}" for one.
PARSER = pyromark.Markdown(
    options=Options.ENABLE_TABLES
    | Options.ENABLE_FOOTNOTES
    | Options.ENABLE_STRIKETHROUGH
    | Options.ENABLE_TASKLISTS
    | Options.ENABLE_DEFINITION_LIST
)

_REFERENCES = frozenset({"Reference", "Collapsed", "Shortcut"})
_NOT_BARE = re.compile(r"[\s()<>]")


class Part(NamedTuple):
    """Something inside a block: its depth below it (1: a direct child), what it is, where, and what the parser says."""

    depth: int
    name: str
    start: int
    end: int
    value: Any


class Edit(NamedTuple):
    """A stretch of the source that a block's text has something else for."""

    start: int
    end: int
    text: bytes


class Source:
    """A text whose places are byte offsets, as the parser gives them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode()
        if b"]:" in self.data:
            self._blank_definitions()
        self.end = len(self.data.rstrip())
        self._lines = [0, *accumulate([len(line) + 1 for line in self.data.split(b"\n")])]

    def _blank_definitions(self) -> None:
        """Put spaces for the definitions of links: a list or quote may hold some, or end behind some."""
        data = bytearray(self.data)
        for definition in PARSER.reference_definitions(self.text).values():
            span = definition["span"]
            written = data[span["start"] : span["end"]]
            data[span["start"] : span["end"]] = b"\n".join(b" " * len(line) for line in written.split(b"\n"))
        self.data = bytes(data)

    def line_at(self, offset: int) -> int:
        """The line at an offset, from 1."""
        return bisect_right(self._lines, offset)

    def span(self, start: int, end: int) -> Lines:
        """First and last line of a stretch, without the blank lines at its end."""
        first = bisect_right(self._lines, start)
        return first, first + self.data[start:end].rstrip().count(b"\n")

    def past_indent(self, offset: int) -> int:
        """Where the first word or mark is; the parser lets a list begin before its indentation."""
        while self.data[offset : offset + 1] == b" ":
            offset += 1
        return offset

    def cut(self, start: int, end: int, edits: Sequence[Edit]) -> str:
        """A stretch with the edits that lie in it, without blanks at its end."""
        if not edits:
            return self.data[start:end].decode().rstrip()
        pieces: list[bytes] = []
        at = start
        for index in range(bisect_left(edits, (start,)), len(edits)):
            edit = edits[index]
            if edit.start >= end and edit.end > end:
                break
            if at <= edit.start:
                pieces += self.data[at : edit.start], edit.text
                at = edit.end
        pieces.append(self.data[at:end])
        return b"".join(pieces).decode().rstrip()

    def dedented(self, text: str, start: int, width: int = 0) -> str:
        """A text that begins at an offset, its other lines without the indentation of the place where it stands.

        `width` is the indentation that they have beyond it, such as that of a list's marker.
        """
        if "\n" not in text:
            return text
        width += start - self.data.rfind(b"\n", 0, start) - 1
        return re.sub(rf"\n(?:\t| {{1,{width}}})", "\n", text) if width else text

    def edits(self, parts: Sequence[Part]) -> list[Edit]:
        """What differs from the source: reference links get their address, HTML goes; in order."""
        edits: list[Edit] = []
        html: list[str] = []
        for index, part in enumerate(parts):
            if part.name in {"Link", "Image"}:
                if part.value["link_type"] in _REFERENCES:
                    edits.append(self._with_address(part))
            elif part.name == "InlineHtml":
                edits.append(Edit(part.start, part.end, self._inline(part).encode()))
            elif part.name == "Html":
                html.append(part.value)
                if index + 1 == len(parts) or parts[index + 1].name != "Html":
                    block = parts[index - len(html)]
                    edits.append(Edit(block.start, block.end, _words("".join(html).rstrip()).encode() + b"\n"))
                    html = []
        edits.sort()
        return edits

    def _with_address(self, link: Part) -> Edit:
        """`[text][label]`, `[label][]` and `[label]` with `(address)` at the end."""
        address = link.value["dest_url"]
        if not address or _NOT_BARE.search(address):
            address = f"<{address}>"
        tail, end = link.end, link.end
        if link.value["link_type"] == "Reference":
            tail = self.data.rfind(b"][", link.start, end) + 1 or end
        elif link.value["link_type"] == "Collapsed" and self.data.startswith(b"[]", end):
            end += 2  # which the parser does not count
        return Edit(tail, end, f"({address})".encode())

    def _inline(self, tag: Part) -> str:
        """What stands for an inline tag: nothing, or a space for a line break inside a line."""
        if tag.value[:3].lower() == "<br":
            return " " if self.data[tag.end : tag.end + 1] not in {b"\n", b""} else ""
        return _words(tag.value)


def _words(html: str) -> str:
    restored = admonitions.restore(html)
    return restored if restored != html else " ".join(markup.plain_text(html).split())


__all__ = ["PARSER", "Edit", "Part", "Source"]
