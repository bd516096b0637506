"""reStructuredText to sections, by docutils; what it holds is written as Markdown, which is what answers are made of.

Nothing is included and nothing raw is taken over. Directives and roles that docutils does not know (those of Sphinx,
say) are tolerated: what they hold is kept.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from docutils import nodes
from docutils.core import publish_doctree

from imprint.documents import boilerplate, doctree
from imprint.documents.types import Block, Definition, Item, LeftOut, Lines, Parsed, Section, TableRow
from imprint.errors import DocumentError

_SETTINGS = {
    "_disable_config": True,
    "docinfo_xform": False,
    "doctitle_xform": False,
    "file_insertion_enabled": False,
    "halt_level": 6,  # never
    "input_encoding": "unicode",
    "line_length_limit": 10_000_000,
    "raw_enabled": False,
    "report_level": 5,
    "sectsubtitle_xform": False,
    "smart_quotes": False,
    "syntax_highlight": "none",
    "warning_stream": False,
}
_ERROR = "an error in the markup"
_WARNING_LEVEL = 2
_DIRECTIVE = re.compile(r"\.\.[ \t]+(?:\|[^|]*\|[ \t]+)?([\w.:+-]+)::[ \t]*(.*)")
_OPTION = re.compile(r"\s+:[\w -]+:")
_CODE = {
    "code",
    "code-block",
    "doctest",
    "highlight",
    "parsed-literal",
    "prompt",
    "sourcecode",
    "testcode",
    "testoutput",
}
_CONTENTS = {"contents", "toctree"}
_SILENT = {"csv-table", "currentmodule", "figure", "image", "include", "index", "literalinclude", "module", "raw"}
_LABELS = {
    "deprecated": "Deprecated since version",
    "seealso": "See also",
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
}
_NOTHING = (nodes.target, nodes.substitution_definition, nodes.pending, nodes.meta, nodes.decoration, nodes.transition)
_FROM_DIRECTIVES = (nodes.literal_block, nodes.math_block, nodes.table)
_CONTAINERS = (nodes.topic, nodes.sidebar, nodes.compound, nodes.container, nodes.figure, nodes.legend)
_DEEPEST_DIRECTIVE = 20  # directives inside directives that are parsed again


def parse(path: str, text: str) -> Parsed:
    """Title, sections and what was left out of a reStructuredText document with "\\n" line ends.

    Raises DocumentError where docutils fails, at a nesting of hundreds of levels for example.
    """
    whole = 1, text.removesuffix("\n").count("\n") + 1
    if reason := boilerplate.recognize_file(path, text):
        return Parsed(left_out=(LeftOut(whole, reason),))
    reading = _Reading(text)
    try:
        reading.read()
    except Exception as error:  # docutils raises whatever its parts raise
        raise DocumentError(
            f"{path}: docutils cannot read it: {type(error).__name__}: {str(error)[:200]}.",
            hint=f"look at it with: python -m docutils {path}, correct it, or take it out",
        ) from error
    if boilerplate.is_change_log([section.heading for section in reading.sections]):
        return Parsed(title=reading.title, left_out=(LeftOut(whole, boilerplate.CHANGE_LOG),))
    if not reading.sections and any(place.reason == boilerplate.NAVIGATION for place in reading.left_out):
        return Parsed(title=reading.title, left_out=(LeftOut(whole, boilerplate.NAVIGATION),))
    left_out = tuple(sorted(reading.left_out, key=lambda place: place.lines))
    return Parsed(title=reading.title, sections=tuple(reading.sections), left_out=left_out)


class _Reading:
    """One document while it is read."""

    def __init__(self, text: str) -> None:
        self.source = text.removesuffix("\n").split("\n")
        self.text = text
        self.title = ""
        self.sections: list[Section] = []
        self.left_out: list[LeftOut] = []
        self.depth = 0

    def read(self) -> None:
        tree = publish_doctree(self.text, settings_overrides=_SETTINGS)
        self._section(tree, (), 1, len(self.source))

    # ---- sections ---------------------------------------------------------------------------------------------------

    def _section(self, node: nodes.Element, heading: tuple[str, ...], first: int, last: int) -> None:
        """The blocks of a section, then the sections in it."""
        inner = [child for child in node.children if isinstance(child, nodes.section)]
        starts = [self._heading_line(child) for child in inner]
        body = [child for child in node.children if not isinstance(child, nodes.section | nodes.title)]
        end = starts[0] - 1 if starts else last
        below = min((node.line or 0) + 1, len(self.source)) if heading else first
        blocks = tuple(self._blocks(body, max(first, below), max(below, end)))
        if blocks:
            self.sections.append(Section(heading, (first, max(first, end)), blocks))
        for child, (start, follow) in zip(inner, pairwise([*starts, last + 1]), strict=True):
            if "system-messages" in child["classes"]:
                list(self._blocks(child.children, 1, len(self.source)))
                continue
            name = doctree.words(child)
            self.title = self.title or name
            self._section(child, (*heading, name), start, max(start, follow - 1))

    def _heading_line(self, section: nodes.Element) -> int:
        """The first line of a heading, its line above included; docutils has that of the line below."""
        line = min(max(section.line or 1, 1), len(self.source))
        if line > 1 and _is_rule(self.source[line - 1]):
            line -= 1
        above = self.source[line - 2] if line > 1 else ""
        return line - 1 if _is_rule(above) else line

    # ---- blocks -----------------------------------------------------------------------------------------------------

    def _blocks(self, children: Sequence[nodes.Node], first: int, last: int) -> Iterator[Block]:
        """Blocks of what stands side by side between two lines."""
        children = [child for child in children if not _is_remark(child)]
        at = first
        starts = [at := self._start(child, at) for child in children]
        for child, (start, follow) in zip(children, pairwise([*starts, last + 1]), strict=True):
            yield from self._block(child, (start, self._end(child, start, follow - 1)))

    def _block(self, node: nodes.Node, lines: Lines) -> Iterator[Block]:
        if isinstance(node, nodes.system_message):
            yield from self._message(node, lines)
        elif isinstance(node, doctree.ADMONITIONS):
            title = doctree.words(node) or node.tagname.capitalize()
            yield Block("paragraph", f"**{title}**", (lines[0], lines[0]))
            yield from self._blocks([child for child in node.children if not isinstance(child, nodes.title)], *lines)
        elif isinstance(node, _CONTAINERS):
            if isinstance(node, nodes.topic) and "contents" in node["classes"]:
                self.left_out.append(LeftOut(lines, boilerplate.NAVIGATION))
                return
            yield from self._blocks(node.children, *lines)
        elif isinstance(node, nodes.comment):
            self.left_out.append(LeftOut(lines, boilerplate.NO_TEXT, node.astext()[:80].split("\n")[0]))
        elif isinstance(node, nodes.image):
            self.left_out.append(LeftOut(lines, boilerplate.BADGES, str(node.get("uri", ""))[:80]))
        elif isinstance(node, nodes.Element) and not isinstance(node, _NOTHING):
            yield from self._content(node, lines)

    def _content(self, node: nodes.Element, lines: Lines) -> Iterator[Block]:
        text = doctree.markdown(node)
        if not text.strip():
            has_image = node.next_node(nodes.image) is not None
            self.left_out.append(LeftOut(lines, boilerplate.BADGES if has_image else boilerplate.NO_TEXT))
        elif isinstance(node, nodes.bullet_list | nodes.enumerated_list):
            items = tuple(self._items(node, lines))
            yield Block("bullets" if isinstance(node, nodes.bullet_list) else "steps", text, lines, items)
        elif isinstance(node, nodes.definition_list | nodes.field_list | nodes.option_list):
            yield Block("definitions", text, lines, definitions=tuple(self._definitions(node, lines)))
        elif isinstance(node, nodes.table):
            if title := doctree.words(node):
                yield Block("paragraph", f"**{title}**", (lines[0], lines[0]))
            yield Block("table", text, lines, table=tuple(self._rows(node, lines)))
        elif isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.math_block):
            yield Block("code", text, lines)
        elif isinstance(node, nodes.block_quote):
            yield Block("quote", text, lines)
        else:
            yield Block("paragraph", text, lines)

    def _items(self, node: nodes.Element, lines: Lines) -> Iterator[Item]:
        for child, span in self._spans(node.children, lines):
            yield Item(doctree.joined(child), span)

    def _definitions(self, node: nodes.Element, lines: Lines) -> Iterator[Definition]:
        for child, span in self._spans(node.children, lines):
            term, meaning = doctree.definition(child)
            if term and meaning:
                yield Definition(term, meaning, span)

    def _rows(self, node: nodes.table, lines: Lines) -> Iterator[TableRow]:
        at = lines[0]
        for row in node.findall(nodes.row):
            found = [line for line in _lines_below(row) if at <= line <= lines[1]]
            at = min(found, default=at)
            yield TableRow(tuple(doctree.cell(entry) for entry in row.children), at)

    # ---- directives that docutils does not know, and errors ---------------------------------------------------------

    def _message(self, node: nodes.system_message, lines: Lines) -> Iterator[Block]:
        words = node.children[0].astext() if node.children else ""
        raw = next(iter(node.findall(nodes.literal_block)), None)
        directive = _DIRECTIVE.match(raw.astext()) if raw is not None else None
        if raw is None or directive is None:
            line = min(max(int(node.get("line", lines[0])), 1), len(self.source))
            self.left_out.append(LeftOut((line, line), _ERROR, words[:200]))
            return
        lines = self._find(raw.astext(), int(node.get("line", lines[1])))
        yield from self._directive(directive[1].lower(), directive[2].strip(), raw.astext().split("\n"), lines)

    def _directive(self, name: str, argument: str, written: list[str], lines: Lines) -> Iterator[Block]:
        """What an unknown directive holds: code as it is, anything else is read by itself."""
        at = 1
        while at < len(written) and (_OPTION.match(written[at]) or (name in _CONTENTS and written[at].strip())):
            at += 1
        content = textwrap.dedent("\n".join(written[at:])).strip("\n")
        if name in _CONTENTS:
            self.left_out.append(LeftOut(lines, boilerplate.NAVIGATION, written[0].strip()))
        elif name.startswith("auto") or name in _SILENT or not (content or argument):
            self.left_out.append(LeftOut(lines, boilerplate.NO_TEXT, written[0].strip()[:80]))
        elif name in _CODE:
            if content:
                yield Block("code", f"```{argument}\n{content}\n```", lines)
        else:
            label = _LABELS.get(name) or name.split(":")[-1].replace("-", " ").capitalize()
            yield Block("paragraph", f"**{label}: {argument}**" if argument else f"**{label}**", (lines[0], lines[0]))
            if content:
                yield from self._nested(content, lines[1] - content.count("\n"), lines[1])

    def _nested(self, content: str, first: int, last: int) -> Iterator[Block]:
        if self.depth >= _DEEPEST_DIRECTIVE:
            self.left_out.append(LeftOut((first, last), _ERROR, "directives nested too deeply"))
            return
        inner = _Reading(content)
        inner.depth = self.depth + 1
        inner.read()
        self.left_out.extend(replace(place, lines=_moved(place.lines, first, last)) for place in inner.left_out)
        for section in inner.sections:
            for block in section.blocks:
                yield _moved_block(block, first, last)

    # ---- places -----------------------------------------------------------------------------------------------------

    def _find(self, written: str, near: int) -> Lines:
        """The lines of something that docutils gives as it is written and ends near a line."""
        opening = written.split("\n", 1)[0].strip()
        first = min(max(near, 1), len(self.source))
        while first > 1 and self.source[first - 1].strip() != opening:
            first -= 1
        return first, min(first + written.rstrip().count("\n"), len(self.source))

    def _start(self, node: nodes.Node, at: int) -> int:
        """The line where a block begins: the beginning of what stands between blank lines around docutils' line."""
        found = [line for line in _lines_below(node) if line >= at]
        line = min(found, default=at)
        if isinstance(node, nodes.system_message) and not isinstance(node.get("line"), int):
            return at
        line = min(line, len(self.source))
        while line > at and not self.source[line - 1].strip():
            line -= 1
        while line > at and self.source[line - 2].strip():
            line -= 1
        if not self.source[line - 1].strip():
            return self._past_blank(line)
        return self._directive_above(line, at) if isinstance(node, _FROM_DIRECTIVES) else line

    def _directive_above(self, line: int, at: int) -> int:
        """The line of the directive that indented content with a blank line above it belongs to, or the line itself."""
        above = line - 1
        while above > at and not self.source[above - 1].strip():
            above -= 1
        while above > at and self.source[above - 2].strip():
            above -= 1
        is_directive = above >= at and _DIRECTIVE.match(self.source[above - 1].lstrip())
        return above if is_directive and self.source[line - 1][:1].isspace() else line

    def _past_blank(self, line: int) -> int:
        while line < len(self.source) and not self.source[line - 1].strip():
            line += 1
        return line

    def _end(self, node: nodes.Node, start: int, last: int) -> int:
        texts = [child for child in node.findall() if isinstance(child, nodes.TextElement) and child.line]
        ends = [child.line + child.rawsource.count("\n") for child in texts if child.line]
        if isinstance(node, nodes.table) and any(end < start for end in ends):
            ends.append(last)  # a table from a directive: its cells are numbered from 1
        end = min(max([start, *ends]), max(last, start), len(self.source))
        while end < min(last, len(self.source)) and self.source[end].strip():
            end += 1
        while end > start and not self.source[end - 1].strip():
            end -= 1
        return end

    def _spans(self, children: Sequence[nodes.Node], lines: Lines) -> Iterator[tuple[nodes.Element, Lines]]:
        """Items side by side, each up to the next one."""
        items = [child for child in children if isinstance(child, nodes.Element)]
        at = lines[0]
        starts = [
            at := min([line for line in _lines_below(item) if at <= line <= lines[1]], default=at) for item in items
        ]
        for item, (start, follow) in zip(items, pairwise([*starts, lines[1] + 1]), strict=True):
            end = max(start, follow - 1)
            while end > start and not self.source[end - 1].strip():
                end -= 1
            yield item, (start, end)


def _is_remark(node: nodes.Node) -> bool:
    """Whether it is a message of docutils about nothing that is lost; unknown roles are put into words."""
    if not isinstance(node, nodes.system_message):
        return False
    return node["level"] < _WARNING_LEVEL or "Unknown interpreted text role" in node.astext()


def _is_rule(line: str) -> bool:
    line = line.strip()
    return bool(line) and len(set(line)) == 1 and not line[0].isalnum()


def _lines_below(node: nodes.Node) -> list[int]:
    return [child.line for child in node.findall() if child.line]


def _moved(lines: Lines, first: int, last: int) -> Lines:
    return min(lines[0] + first - 1, last), min(lines[1] + first - 1, last)


def _moved_block(block: Block, first: int, last: int) -> Block:
    return replace(
        block,
        lines=_moved(block.lines, first, last),
        items=tuple(replace(item, lines=_moved(item.lines, first, last)) for item in block.items),
        table=tuple(replace(row, line=min(row.line + first - 1, last)) for row in block.table),
        definitions=tuple(replace(each, lines=_moved(each.lines, first, last)) for each in block.definitions),
    )


__all__ = ["parse"]
