"""Markdown to sections, by the events of pyromark (MIT), a binding of the CommonMark parser pulldown-cmark.

One pass over the events: what lies inside a block is noted as parts, and the block is made when it ends. Nothing
recurses, so nesting may be of any depth. Positions are byte offsets.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from imprint.documents import admonitions, boilerplate, markup
from imprint.documents.source import PARSER, Edit, Part, Source
from imprint.documents.types import Block, BlockKind, Definition, Item, LeftOut, Parsed, Section, TableRow

# Everything is a string: a title is as it is written, and a date that does not exist is no error.
_YAML = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(?:(.*?)\n)??(?:\1|\.\.\.)[ \t]*(?=\n|\Z)", re.DOTALL)
# "## Retries {#retries}": the attribute lists of Python-Markdown, MyST and Docusaurus; "¶" is a permanent link.
_HEADING_ATTRIBUTES = re.compile(r"\s*(?:\{\s*:?\s*[#.:][^{}]*\}|¶)\s*$")
_MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]{1,4}(?=[^ \t\n])|[ \t]?)")
_MEANING_MARKER = re.compile(r":[ \t]*")
# "**Term**: meaning", "**Term:** meaning", "`term` - meaning"
_TERM = re.compile(
    r"(?:(\*\*|__)(?=\S)((?:(?!\1).)+)\1|(`+)(?!`)(.+?)(?<!`)\3(?!`))(?:(?<=:\*\*|:__)|\s*(?::|—|–|-)(?=\s))\s*(?=\S)"
)
_TERM_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*`]|(?<!\w)_|_(?!\w)")
_FENCE = re.compile(r"`{3,}|~{3,}")
_DETAILS = re.compile(
    r"<summary\b[^<>]*+>(?P<summary>.*?)(?P<closed></summary\s*+>|\Z)|<(?P<end>/?)details\b[^<>]*+>",
    re.DOTALL | re.IGNORECASE,
)
_IMAGE = re.compile(r"<img\b", re.IGNORECASE)
_DEFINITION_PARTS = frozenset({"DefinitionListTitle", "DefinitionListDefinition"})
_NOTED = _DEFINITION_PARTS | {"Item", "TableHead", "TableRow", "TableCell", "Link", "Image", "HtmlBlock"}


@dataclass(slots=True)
class _Draft:
    """A section that is being read."""

    heading: tuple[str, ...]
    first: int
    last: int = 0
    blocks: list[Block] = field(default_factory=list)
    footnotes: list[Block] = field(default_factory=list)


def parse(path: str, text: str) -> Parsed:
    """Title, sections and what was left out of a Markdown text with "\\n" line ends; `path` is used for its name only.

    Every text is Markdown, so nothing is raised.
    """
    whole = 1, text.removesuffix("\n").count("\n") + 1
    if reason := boilerplate.recognize_file(path, text):
        return Parsed(left_out=(LeftOut(whole, reason),))
    title, text, left_out = _front_matter(text)
    parsed = _Reading(admonitions.in_words(text), title, whole[1]).read()
    if boilerplate.is_change_log([section.heading for section in parsed.sections]):
        return Parsed(title=parsed.title, left_out=(LeftOut(whole, boilerplate.CHANGE_LOG),))
    reasons = {place.reason for place in parsed.left_out}
    if not parsed.sections and boilerplate.NAVIGATION in reasons:
        return Parsed(title=parsed.title, left_out=(*left_out, LeftOut(whole, boilerplate.NAVIGATION)))
    return Parsed(title=parsed.title, sections=parsed.sections, left_out=(*left_out, *parsed.left_out))


def _front_matter(text: str) -> tuple[str, str, list[LeftOut]]:
    """The title in the front matter, and the text with empty lines in its place."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return "", text, []
    source, count = match[2] or "", match[0].count("\n")
    left_out: list[LeftOut] = []
    data: Any = None
    try:
        data = tomllib.loads(source) if match[1] == "+++" else yaml.load(source, _YAML)
    except (yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        where = f"line {mark.line + 2}: " if mark is not None else ""
        left_out.append(LeftOut((1, count + 1), "a broken front matter", f"{where}{problem}"))
    if isinstance(data, str):  # text between two rules
        return "", text, []
    title = data.get("title") if isinstance(data, dict) else None
    title = title.strip() if isinstance(title, str) else ""
    return "" if title in {"null", "~"} else title, "\n" * count + text[match.end() :], left_out


class _Reading:
    """One document while it is read."""

    def __init__(self, text: str, title: str, lines: int) -> None:
        self.source = Source(text)
        self.title = title
        self.lines = lines
        self.path: list[tuple[int, str]] = []
        self.outside_details: list[list[tuple[int, str]]] = []
        self.draft = _Draft((), 1)
        self.drafts = [self.draft]
        self.referrers: dict[str, _Draft] = {}
        self.footnotes: list[tuple[str, _Draft, Block]] = []
        self.left_out: list[LeftOut] = []
        self.finish: dict[str, Callable[[int, int, Any, list[Part], list[str]], None]] = {
            "BlockQuote": self._quote,
            "CodeBlock": self._code,
            "DefinitionList": self._definition_list,
            "FootnoteDefinition": self._footnote,
            "Heading": self._heading,
            "HtmlBlock": self._html,
            "List": self._list,
            "Paragraph": self._paragraph,
            "Table": self._table,
        }

    def read(self) -> Parsed:
        self._walk()
        self.draft.last = self.lines
        for label, draft, block in self.footnotes:
            self.referrers.get(label, draft).footnotes.append(block)
        sections = tuple(
            Section(draft.heading, (draft.first, max(draft.last, draft.first)), (*draft.blocks, *draft.footnotes))
            for draft in self.drafts
            if draft.blocks or draft.footnotes
        )
        return Parsed(title=self.title, sections=sections, left_out=tuple(self.left_out))

    def _walk(self) -> None:
        """Collect the parts of each outermost block and finish it where it ends."""
        depth = 0
        parts: list[Part] = []
        words: list[str] = []
        are_wanted = False  # only headings and terms need their words one by one
        top, value, start, end = "", None, 0, 0
        events: Any = PARSER.events_with_range(self.source.text)  # an event is a string, or a mapping with one key
        for event, span in events:
            if "Text" in event:
                if are_wanted:
                    words.append(event["Text"])
            elif "Start" in event:
                tag = event["Start"]
                name, inner = (tag, None) if tag.__class__ is str else next(iter(tag.items()))
                if depth == 0:
                    top, value, start, end = name, inner, span["start"], span["end"]
                    parts, words = [], []
                    are_wanted = name == "Heading"
                elif name in _NOTED:
                    if name == "DefinitionListTitle":
                        are_wanted, inner = True, len(words)
                    parts.append(Part(depth, name, span["start"], span["end"], inner))
                depth += 1
            elif "End" in event:
                depth -= 1
                if depth == 0:
                    self.finish[top](start, end, value, parts, words)
                elif event["End"] == "DefinitionListTitle":
                    are_wanted = False
                    words.append("\n")
            elif event.__class__ is str:
                if are_wanted:
                    words.append(" ")
            else:
                name, inner = next(iter(event.items()))
                if name == "Code":
                    if are_wanted:
                        words.append(inner)
                elif name == "FootnoteReference":
                    self.referrers.setdefault(inner, self.draft)
                elif name != "Html" or (parts and parts[-1].name in {"HtmlBlock", "Html"}):
                    parts.append(Part(depth, name, span["start"], span["end"], inner))
                if are_wanted and name == "InlineHtml":
                    words.append(" ")

    # ---- sections ---------------------------------------------------------------------------------------------------

    def _heading(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        name = " ".join("".join(words).split())
        if name.endswith(("}", "¶")):
            name = _HEADING_ATTRIBUTES.sub("", name)
        self._open(int(value["level"][1]), name, self.source.line_at(start))
        if not self.title and value["level"] == "H1":
            self.title = name

    def _open(self, level: int, name: str, line: int) -> None:
        self._turn_to([*[above for above in self.path if above[0] < level], (level, name)], line)

    def _turn_to(self, path: list[tuple[int, str]], line: int) -> None:
        self.path = path
        self.draft.last = line - 1
        self.draft = _Draft(tuple([name for _, name in path]), line)
        self.drafts.append(self.draft)

    def _add(self, block: Block) -> None:
        self.draft.blocks.append(block)

    # ---- kinds of blocks --------------------------------------------------------------------------------------------

    def _paragraph(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        self._prose("paragraph", start, end, parts)

    def _quote(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        self._prose("quote", start, end, parts)

    def _prose(self, kind: BlockKind, start: int, end: int, parts: list[Part]) -> None:
        if not parts:
            source = self.source.data[start:end].decode().rstrip()
            self._add(Block(kind, self.source.dedented(source, start), self.source.span(start, end)))
            return
        edits = self.source.edits(parts)
        if reason := self._without_content(start, end, parts, edits):
            self._leave_out(start, end, reason)
        else:
            text = self.source.dedented(self.source.cut(start, end, edits), start)
            self._add(Block(kind, text, self.source.span(start, end)))

    def _code(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        if value == "Indented":
            start = self.source.data.rfind(b"\n", 0, start) + 1
        text = admonitions.restore(self.source.data[start:end].decode().rstrip())
        if value != "Indented":
            text = self.source.dedented(text, start)
            if end >= self.source.end and not _is_closed(text):
                self._leave_out(
                    start, end, "an unclosed fence", "the fence runs to the end of the file; its text is kept"
                )
        self._add(Block("code", text, self.source.span(start, end)))

    def _list(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        edits = self.source.edits(parts)
        if reason := self._without_content(start, end, parts, edits):
            self._leave_out(start, end, reason)
            return
        start = self.source.past_indent(start)
        lines = self.source.span(start, end)
        text = self.source.dedented(self.source.cut(start, end, edits), start)
        items = tuple(self._item(part, edits) for part in parts if part.depth == 1 and part.name == "Item")
        if value is not None:
            self._add(Block("steps", text, lines, items))
        else:
            self._add(Block("bullets", text, lines, items, definitions=_definitions(items)))

    def _item(self, part: Part, edits: list[Edit]) -> Item:
        start = self.source.past_indent(part.start)
        text = self.source.cut(start, part.end, edits)
        marker = _MARKER.match(text)
        width = marker.end() if marker else 0
        return Item(self.source.dedented(text, start, width)[width:], self.source.span(start, part.end))

    def _table(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        edits = self.source.edits(parts)
        rows: list[tuple[int, list[str]]] = []
        for part in parts:
            if part.name == "TableCell":
                cell = self.source.cut(part.start, part.end, edits).strip().replace("\\|", "|")
                rows[-1][1].append(cell)
            elif part.depth == 1 and part.name in {"TableHead", "TableRow"}:
                rows.append((self.source.line_at(part.start), []))
        table = tuple(TableRow(tuple(cells), line) for line, cells in rows)
        text = self.source.dedented(self.source.cut(start, end, edits), start)
        self._add(Block("table", text, self.source.span(start, end), table=table))

    def _definition_list(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        edits = self.source.edits(parts)
        meanings = [part.start for part in parts if part.depth == 1 and part.name == "DefinitionListDefinition"]
        if not all(self.source.data[at + 1 : at + 2] in {b" ", b"\t"} for at in meanings):
            # The parser takes ":rocket: words" and "::: package.module" for meanings.
            for part in parts:
                if part.depth == 1 and part.name in _DEFINITION_PARTS:
                    text = self.source.cut(part.start, part.end, edits)
                    self._add(Block("paragraph", text, self.source.span(part.start, part.end)))
            return
        found: list[Definition] = []
        term, named_at = "", -1
        for part in parts:
            if part.depth != 1:
                continue
            if part.name == "DefinitionListTitle":
                first = part.value
                term = " ".join("".join(words[first : words.index("\n", first)]).split())
                named_at = part.start
            elif part.name == "DefinitionListDefinition" and term:
                meaning = self.source.cut(part.start, part.end, edits)
                marker = _MEANING_MARKER.match(meaning)
                width = marker.end() if marker else 0
                meaning = self.source.dedented(meaning, part.start, width)[width:]
                first_line = self.source.line_at(named_at if named_at >= 0 else part.start)
                if meaning:
                    found.append(Definition(term, meaning, (first_line, self.source.span(part.start, part.end)[1])))
                named_at = -1  # a second meaning stands by itself
        # The parser's own end lies behind the paragraph that follows, which might have been a term too.
        end = max(part.end for part in parts if part.depth == 1 and part.name in _DEFINITION_PARTS)
        text = self.source.dedented(self.source.cut(start, end, edits), start)
        self._add(Block("definitions", text, self.source.span(start, end), definitions=tuple(found)))

    def _footnote(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        text = self.source.dedented(self.source.cut(start, end, self.source.edits(parts)), start, 4)
        self.footnotes.append((value, self.draft, Block("paragraph", text, self.source.span(start, end))))

    def _html(self, start: int, end: int, value: Any, parts: list[Part], words: list[str]) -> None:
        source = self.source.data[start:end].decode().rstrip()
        if (words_of_mark := admonitions.restore(source)) != source:
            self._add(Block("paragraph", words_of_mark, self.source.span(start, end)))
            return
        first, at, is_structure = self.source.line_at(start), 0, False
        for tag in _DETAILS.finditer(source):
            self._html_text(source, at, tag.start(), first)
            is_structure, at = True, tag.end()
            line = first + source.count("\n", 0, tag.start())
            if tag["closed"]:
                name = " ".join(markup.plain_text(tag["summary"]).split())
                self._open(self.path[-1][0] + 1 if self.path else 1, name, line)
            elif tag["summary"] is not None:  # never closed: no heading
                self._html_text(source, tag.start(), tag.end(), first)
            elif not tag["end"]:
                self.outside_details.append(self.path)
            elif self.outside_details:
                self._turn_to(self.outside_details.pop(), line)
        if not self._html_text(source, at, len(source), first) and not is_structure:
            reason = boilerplate.BADGES if _IMAGE.search(source) else boilerplate.NO_TEXT
            self._leave_out(start, end, reason)

    def _html_text(self, source: str, start: int, end: int, first: int) -> bool:
        """Add what a stretch of HTML says as a paragraph; whether it says anything."""
        piece = source[start:end]
        text = markup.plain_text(piece)
        if text:
            first += source.count("\n", 0, start + len(piece) - len(piece.lstrip()))
            self._add(Block("paragraph", text, (first, first + piece.strip().count("\n"))))
        return bool(text)

    def _without_content(self, start: int, end: int, parts: list[Part], edits: list[Edit]) -> str:
        """Why a block with links, images or HTML is nothing to learn from; "" where it is."""
        at, addresses, has_image = start, [], False
        for part in parts:
            if part.name in {"Link", "Image", "InlineHtml", "HtmlBlock"} and part.start >= at:
                if boilerplate.has_words(self.source.data[at : part.start].decode()):
                    return ""
                at = part.end
                is_image = part.name == "Image" or self.source.data.startswith(b"[!", part.start)
                if part.name in {"Link", "Image"} and not is_image:
                    addresses.append(part.value["dest_url"])
                has_image = has_image or is_image or (part.name == "InlineHtml" and bool(_IMAGE.match(part.value)))
            elif part.name == "Html" and boilerplate.has_words(markup.plain_text(part.value)):
                return ""
        if boilerplate.has_words(self.source.data[at:end].decode()):
            return ""
        if addresses:
            return boilerplate.NAVIGATION if boilerplate.leads_elsewhere(addresses, ()) else ""
        if has_image:
            return boilerplate.BADGES
        return "" if self.source.cut(start, end, edits).strip("> \t\n") else boilerplate.NO_TEXT

    def _leave_out(self, start: int, end: int, reason: str, detail: str = "") -> None:
        source = self.source.data[start : min(end, start + 200)].decode(errors="ignore").strip()
        self.left_out.append(LeftOut(self.source.span(start, end), reason, detail or source.split("\n")[0][:80]))


def _is_closed(fenced: str) -> bool:
    fence = _FENCE.match(fenced)
    head, _, last = fenced.rpartition("\n")
    last = last.strip()
    return fence is None or (bool(head) and last.startswith(fence[0]) and not last.strip(fence[0][0]))


def _definitions(items: tuple[Item, ...]) -> tuple[Definition, ...]:
    """`- **Term**: meaning` and its kin; only where every item has that form."""
    return tuple(_each_definition(items))


def _each_definition(items: tuple[Item, ...]) -> Iterator[Definition]:
    matches = []
    for item in items:
        match = _TERM.match(item.text)
        if match is None:
            return
        matches.append(match)
    for item, match in zip(items, matches, strict=True):
        term = match[4] or _TERM_MARKUP.sub(lambda mark: mark[1] or "", match[2])
        yield Definition(term.strip().rstrip(": "), item.text[match.end() :], item.lines)


__all__ = ["parse"]
