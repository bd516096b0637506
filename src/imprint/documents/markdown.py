"""Markdown to sections, by a CommonMark parser (markdown-it-py, MIT) with front matter, tables and definition lists."""

import functools
import re
from collections.abc import Iterator, Sequence

import yaml
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from imprint.documents.types import Block, BlockKind, Lines, Section

_KINDS: dict[str, BlockKind] = {
    "paragraph": "paragraph",
    "ordered_list": "steps",
    "bullet_list": "bullets",
    "table": "table",
    "dl": "definitions",
    "fence": "code",
    "code_block": "code",
    "blockquote": "quote",
}
# "## Retries {#retries}": the attribute lists of Python-Markdown, MyST and Docusaurus.
_HEADING_ATTRIBUTES = re.compile(r"\s*\{\s*[#.:][^{}]*\}\s*$")
_DEFINITION_SEPARATOR = re.compile(r"^\s*(?::|—|–|-)\s+")


@functools.cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").use(front_matter_plugin).use(deflist_plugin)


def parse(text: str) -> tuple[str, list[Section]]:
    """Give the title ("" where there is none) and the sections of a Markdown text, in order."""
    source = text.removesuffix("\n").split("\n")  # as the parser counts them; splitlines() has ten more line ends
    title = ""
    path: list[tuple[int, str]] = []
    blocks: list[Block] = []
    sections: list[Section] = []
    start = 1

    def close(end: int) -> None:
        if blocks:
            heading = tuple(name for _, name in path)
            sections.append(Section(heading, (start, max(end, blocks[-1].lines[1])), tuple(blocks)))
            blocks.clear()

    for node in SyntaxTreeNode(_parser().parse(text)).children:
        if node.type == "front_matter":
            title = _front_matter_title(node.content)
        elif node.type == "heading":
            first = _lines(node)[0]
            close(first - 1)
            start = first
            level = int(node.tag[1])
            name = _HEADING_ATTRIBUTES.sub("", plain(node.children[0])) if node.children else ""
            path = [*((depth, above) for depth, above in path if depth < level), (level, name)]
            if level == 1 and not title:
                title = name
        elif node.type in _KINDS:
            blocks.append(_block(node, source))
    close(len(source))
    return title, sections


def plain(node: SyntaxTreeNode) -> str:
    """The text of an inline node without its markup: no emphasis, no link targets, no backticks."""
    return re.sub(r"\s+", " ", "".join(_plain(node))).strip()


def _plain(node: SyntaxTreeNode) -> Iterator[str]:
    if node.type in {"text", "code_inline"}:
        yield node.content
    elif node.type in {"softbreak", "hardbreak"}:
        yield " "
    elif node.type != "html_inline":
        for child in node.children:
            yield from _plain(child)


def _block(node: SyntaxTreeNode, source: Sequence[str]) -> Block:
    first, last = _lines(node)
    while last > first and not source[last - 1].strip():
        last -= 1
    text = "\n".join(source[first - 1 : last])
    kind = _KINDS[node.type]
    table: tuple[tuple[str, ...], ...] = ()
    definitions: tuple[tuple[str, str], ...] = ()
    if kind == "table":
        table = tuple(
            tuple(cell.children[0].content.strip() if cell.children else "" for cell in row.children)
            for part in node.children
            for row in part.children
        )
    elif kind == "definitions":
        definitions = tuple(_definition_list(node))
    elif kind == "bullets":
        definitions = tuple(_definition_bullets(node))
    return Block(kind, text, (first, last), table, definitions)


def _definition_list(node: SyntaxTreeNode) -> Iterator[tuple[str, str]]:
    term = ""
    for child in node.children:
        if child.type == "dt":
            term = plain(child.children[0])
        elif term:
            yield term, "\n\n".join(part.children[0].content for part in child.children if part.type == "paragraph")


def _definition_bullets(node: SyntaxTreeNode) -> Iterator[tuple[str, str]]:
    """`- **Term**: meaning` and its kin; only where every bullet of the list has that form."""
    found: list[tuple[str, str]] = []
    for item in node.children:
        inline = item.children[0].children[0] if item.children and item.children[0].type == "paragraph" else None
        parts = [part for part in inline.children if part.content or part.children] if inline else []
        if len(parts) < 2 or parts[0].type not in {"strong", "code_inline"} or inline is None:
            return
        term, mark = plain(parts[0]), parts[0].markup
        rest = inline.content[inline.content.find(mark, len(mark)) + len(mark) :]
        inside = term.endswith(":")
        if not inside and not _DEFINITION_SEPARATOR.match(rest):
            return
        found.append((term.rstrip(": "), rest.strip() if inside else _DEFINITION_SEPARATOR.sub("", rest)))
    yield from found


def _lines(node: SyntaxTreeNode) -> Lines:
    begin, end = node.map or (0, 1)
    return begin + 1, end


def _front_matter_title(text: str) -> str:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return ""
    title = data.get("title") if isinstance(data, dict) else None
    return title.strip() if isinstance(title, str) else ""


__all__ = ["parse", "plain"]
