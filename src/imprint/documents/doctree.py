"""A docutils tree as Markdown: what a reStructuredText document says, in the markup that answers are written in."""

import re
from collections.abc import Sequence

from docutils import nodes

_ROLE = re.compile(r":([\w.:+-]+):`(.+)`", re.DOTALL)
_ROLE_TARGET = re.compile(r"(.+?)\s*<[^<>]*>", re.DOTALL)
# Roles whose content is words; that of all others is code.
_WORDS = {"abbr", "any", "dfn", "doc", "download", "guilabel", "menuselection", "numref", "ref", "sub", "sup", "term"}
_MARKS: dict[type[nodes.Element], str] = {nodes.emphasis: "*", nodes.strong: "**", nodes.title_reference: "*"}
_SILENT = (nodes.system_message, nodes.comment, nodes.target, nodes.substitution_definition, nodes.pending, nodes.image)


ADMONITIONS = (
    *(nodes.admonition, nodes.attention, nodes.caution, nodes.danger, nodes.error, nodes.hint, nodes.important),
    *(nodes.note, nodes.tip, nodes.warning),
)


def words(node: nodes.Element) -> str:
    """The title of a section, table or admonition as plain text; "" where it has none."""
    title = next((child for child in node.children if isinstance(child, nodes.title)), None)
    return " ".join(title.astext().split()) if title is not None else ""


def markdown(node: nodes.Node) -> str:
    """A block as Markdown."""
    if isinstance(node, _SILENT) or not isinstance(node, nodes.Element):
        return ""
    if isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.math_block):
        return _fenced(node)
    if isinstance(node, nodes.bullet_list | nodes.enumerated_list):
        return _listed(node)
    if isinstance(node, nodes.definition_list | nodes.field_list | nodes.option_list):
        pairs = (definition(child) for child in node.children)
        return "\n\n".join(f"{term}\n: {_indented(meaning, 2)}" for term, meaning in pairs if term or meaning)
    if isinstance(node, nodes.table):
        return _table(node)
    if isinstance(node, nodes.block_quote):
        return "\n".join(f"> {line}".rstrip() for line in joined(node).split("\n"))
    if isinstance(node, nodes.attribution):
        return f"— {_inline(node)}"
    if isinstance(node, nodes.line_block):
        return "\n".join(line for line in (markdown(child) for child in node.children) if line)
    if isinstance(node, nodes.footnote | nodes.citation):
        label, *rest = node.children
        return f"[^{label.astext()}]: " + "\n\n".join(filter(None, (markdown(child) for child in rest)))
    if isinstance(node, ADMONITIONS):
        title = words(node) or node.tagname.capitalize()
        rest = [child for child in node.children if not isinstance(child, nodes.title)]
        return "\n\n".join([f"**{title}**", *filter(None, (markdown(child) for child in rest))])
    if isinstance(node, nodes.TextElement):
        return _inline(node).strip()
    return joined(node)


def joined(node: nodes.Element) -> str:
    """The blocks inside a node, a blank line between them."""
    return "\n\n".join(filter(None, (markdown(child) for child in node.children)))


def definition(node: nodes.Node) -> tuple[str, str]:
    """Term and meaning of an entry of a definition list, field list or option list."""
    if not isinstance(node, nodes.Element):
        return "", ""
    terms, meanings = [], []
    for child in node.children:
        if isinstance(child, nodes.definition | nodes.field_body | nodes.description):
            meanings.append(joined(child))
        elif isinstance(child, nodes.classifier):
            terms.append(f"({child.astext()})")
        elif isinstance(child, nodes.Element) and not isinstance(child, _SILENT):
            terms.append(" ".join(child.astext().split()))
    return " ".join(filter(None, terms)), "\n\n".join(filter(None, meanings))


def cell(entry: nodes.Node) -> str:
    """A cell of a table on one line."""
    return " ".join(joined(entry).split()) if isinstance(entry, nodes.Element) else ""


def _fenced(node: nodes.Element) -> str:
    text = node.astext().rstrip("\n")
    language = next((name for name in node["classes"] if name not in {"code", "doctest"}), "")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}" if text.strip() else ""


def _listed(node: nodes.Element) -> str:
    start = int(node.get("start", 1))
    lines = []
    for number, item in enumerate(node.children, start=start):
        marker = f"{number}." if isinstance(node, nodes.enumerated_list) else "-"
        if isinstance(item, nodes.Element) and (text := joined(item)):
            lines.append(f"{marker} {_indented(text, len(marker) + 1)}")
    return "\n".join(lines)


def _table(node: nodes.Element) -> str:
    rows = [[cell(entry).replace("|", "\\|") for entry in row.children] for row in node.findall(nodes.row)]
    if not rows or not any(any(row) for row in rows):
        return ""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _indented(text: str, width: int) -> str:
    return re.sub(r"\n(?=.)", "\n" + " " * width, text)


def _inline(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return node.astext()
    if isinstance(node, nodes.literal | nodes.math):
        return f"`{node.astext()}`"
    if isinstance(node, nodes.problematic):
        return _role(node.astext())
    if isinstance(node, nodes.footnote_reference | nodes.citation_reference):
        return f"[^{node.astext()}]"
    if isinstance(node, _SILENT) or not isinstance(node, nodes.Element):
        return ""
    text = _inlines(node.children)
    if isinstance(node, nodes.reference) and "refuri" in node and node["refuri"] not in {text, f"mailto:{text}"}:
        return f"[{text}]({node['refuri']})"
    mark = _MARKS.get(type(node), "")
    return f"{mark}{text}{mark}"


def _inlines(children: Sequence[nodes.Node]) -> str:
    return "".join(_inline(child) for child in children)


def _role(written: str) -> str:
    """What an unknown role shows: `:ref:`words <target>`` is "words", `:class:`~package.Name`` is "`Name`"."""
    match = _ROLE.fullmatch(written)
    if match is None:
        return written
    name, content = match[1].split(":")[-1], match[2]
    if target := _ROLE_TARGET.fullmatch(content):
        return target[1]
    if content.startswith("~"):
        content = content.rpartition(".")[2].lstrip("~")
    content = content.lstrip("!")
    return content if name in _WORDS else f"`{content}`"


__all__ = ["ADMONITIONS", "cell", "definition", "joined", "markdown", "words"]
