"""Plain text to sections: headings, lists and paragraphs, only where there is hardly another reading."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from imprint.documents import boilerplate
from imprint.documents.types import Block, Item, LeftOut, Lines, Parsed, Section

_RULE = re.compile(r"[ \t]*+(?:={3,}+|-{3,}+)[ \t]*+$")
_NUMBERED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,5})([.)]?)[ \t]+\S")
_ITEM = re.compile(r"([ \t]*+)(?:([-*+•])|(\d{1,4})([.)]))[ \t]+(?=\S)")
_SENTENCE_END = (".", ",", ";", ":", "!")
_LONGEST_HEADING = 80  # characters
_FEWEST_CAPITALS = 4


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines without a blank line between them."""

    first: int
    """Number of the first line, from 1."""
    lines: tuple[str, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


@dataclass(frozen=True, slots=True)
class _Heading:
    name: str
    style: str
    """Headings of one style have one level; the style that comes first is the outermost."""
    lines: Lines


def parse(path: str, text: str) -> Parsed:
    """Title, sections and what was left out of a plain text with "\\n" line ends; every text is one.

    Headings are lines underlined with `===` or `---`, and lines by themselves that are numbered ("1. Scope", "2.1
    Terms") or in capitals. The title is the first heading where nothing stands before it.
    """
    source = text.removesuffix("\n").split("\n")
    whole = 1, len(source)
    if reason := boilerplate.recognize_file(path, text):
        return Parsed(left_out=(LeftOut(whole, reason),))
    chunks = list(_chunks(source))
    left_out = tuple(
        LeftOut((chunk.first, chunk.last), boilerplate.NO_TEXT, chunk.lines[0].strip()[:80])
        for chunk in chunks
        if not _says_something(chunk)
    )
    parts = list(_parts([chunk for chunk in chunks if _says_something(chunk)]))
    title = parts[0].name if parts and isinstance(parts[0], _Heading) else ""
    sections = tuple(_sections(parts, len(source)))
    if boilerplate.is_change_log([section.heading for section in sections]):
        return Parsed(title=title, left_out=(LeftOut(whole, boilerplate.CHANGE_LOG),))
    return Parsed(title=title, sections=sections, left_out=left_out)


def _chunks(source: Sequence[str]) -> Iterator[_Chunk]:
    held: list[str] = []
    for number, line in enumerate([*source, ""], start=1):
        if line.strip():
            held.append(line)
        elif held:
            yield _Chunk(number - len(held), tuple(held))
            held = []


def _says_something(chunk: _Chunk) -> bool:
    """Whether it is more than rules and ornaments."""
    return any(character.isalnum() for line in chunk.lines for character in line)


def _parts(chunks: Sequence[_Chunk]) -> Iterator[_Heading | _Chunk]:
    """Headings, and what stands below them."""
    for before, chunk, after in zip([None, *chunks], chunks, [*chunks[1:], None], strict=False):
        heading = _underlined(chunk) or _alone(before, chunk, after)
        if heading is None:
            yield chunk
            continue
        yield heading
        if heading.lines[1] < chunk.last:
            yield _Chunk(heading.lines[1] + 1, chunk.lines[heading.lines[1] + 1 - chunk.first :])


def _underlined(chunk: _Chunk) -> _Heading | None:
    at = 1 if _RULE.match(chunk.lines[0]) and len(chunk.lines) > 2 else 0
    if len(chunk.lines) < at + 2 or not _RULE.match(chunk.lines[at + 1]):
        return None
    name = chunk.lines[at].strip()
    if _RULE.match(chunk.lines[at]) or len(name) > _LONGEST_HEADING or not any(map(str.isalnum, name)):
        return None
    style = chunk.lines[at + 1].strip()[0] * (at + 1)
    return _Heading(name, style, (chunk.first, chunk.first + at + 1))


def _alone(before: _Chunk | None, chunk: _Chunk, after: _Chunk | None) -> _Heading | None:
    """A numbered line or one in capitals, by itself, with something else below it."""
    style = _style(chunk)
    # Lines of one style that follow each other are a list, a poster, a table of contents.
    if not style or after is None or style in {_style(after), _style(before) if before else ""}:
        return None
    return _Heading(chunk.lines[0].strip(), style, (chunk.first, chunk.first))


def _style(chunk: _Chunk) -> str:
    line = chunk.lines[0].strip()
    if len(chunk.lines) > 1 or len(line) > _LONGEST_HEADING or line.endswith(_SENTENCE_END):
        return ""
    if (match := _NUMBERED.match(line)) and (match[2] or "." in match[1]):
        return f"number {match[1].count('.')}"
    letters = [character for character in line if character.isalpha()]
    return "capitals" if len(letters) >= _FEWEST_CAPITALS and line.isupper() else ""


def _sections(parts: Sequence[_Heading | _Chunk], count: int) -> Iterator[Section]:
    path: list[_Heading] = []
    styles: list[str] = []
    chunks: list[_Chunk] = []
    first = 1
    for part in [*parts, None]:
        if isinstance(part, _Chunk):
            chunks.append(part)
            continue
        if chunks:
            last = part.lines[0] - 1 if part else count
            yield Section(tuple(above.name for above in path), (first, last), tuple(_blocks(chunks)))
            chunks = []
        if part is None:
            return
        first = part.lines[0]
        if part.style not in styles:
            styles.append(part.style)
        level = styles.index(part.style)
        path = [*(above for above in path if styles.index(above.style) < level), part]


def _blocks(chunks: Sequence[_Chunk]) -> Iterator[Block]:
    """Paragraphs and lists; a list goes on over blank lines as long as items or indented lines follow."""
    held: list[_Chunk] = []
    for chunk in chunks:
        start = _list_start(chunk)
        if held and (_goes_on(held, chunk) or (start == 0 and _kind(held[0]) == _kind(chunk))):
            held.append(chunk)
            continue
        if held:
            yield _list(held)
            held = []
        if start is None:
            yield _paragraph(chunk)
            continue
        if start:
            yield _paragraph(_Chunk(chunk.first, chunk.lines[:start]))
        held = [_Chunk(chunk.first + start, chunk.lines[start:])]
    if held:
        yield _list(held)


def _list_start(chunk: _Chunk) -> int | None:
    """Index of the line with which a list begins; a number other than 1 in the middle of a sentence is none."""
    for index, line in enumerate(chunk.lines):
        match = _ITEM.match(line)
        if match and (index == 0 or match[2] or match[3] == "1"):
            return index
    return None


def _kind(chunk: _Chunk) -> str:
    match = _ITEM.match(chunk.lines[0])
    return (match[2] or match[4]) if match else ""


def _goes_on(held: Sequence[_Chunk], chunk: _Chunk) -> bool:
    """Whether it is indented more than the list."""
    return _indent(chunk.lines[0]) > _indent(held[0].lines[0])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _paragraph(chunk: _Chunk) -> Block:
    return Block("paragraph", "\n".join(chunk.lines).strip(), (chunk.first, chunk.last))


def _list(chunks: Sequence[_Chunk]) -> Block:
    first, last = chunks[0].first, chunks[-1].last
    lines = [""] * (last - first + 1)
    for chunk in chunks:
        lines[chunk.first - first : chunk.last - first + 1] = chunk.lines
    opening = _ITEM.match(lines[0])
    indent = len(opening[1]) if opening else 0
    starts = [
        index
        for index, line in enumerate(lines)
        if (match := _ITEM.match(line)) and len(match[1]) <= indent and _same(match, opening)
    ]
    items = tuple(_item(lines[start:end], first + start) for start, end in pairwise([*starts, len(lines)]))
    return Block("bullets" if opening and opening[2] else "steps", "\n".join(lines).strip(), (first, last), items)


def _same(match: re.Match[str], opening: re.Match[str] | None) -> bool:
    return opening is not None and (match[2], match[4]) == (opening[2], opening[4])


def _item(lines: Sequence[str], first: int) -> Item:
    marker = _ITEM.match(lines[0])
    width = marker.end() if marker else 0
    rest = [line[min(width, _indent(line)) :] for line in lines[1:]]
    text = "\n".join([lines[0][width:], *rest]).rstrip()
    return Item(text, (first, first + text.count("\n")))


__all__ = ["parse"]
