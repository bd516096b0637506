"""Sections: what a document says under a heading, before its first heading, or to a heading that is a question."""

from collections.abc import Iterator

from imprint.dataset.cutting import cut
from imprint.dataset.facts import Fact, Scope
from imprint.dataset.kinds.parts import numbered
from imprint.documents import Block, Section

KINDS = ("document", "section", "question")
_OWN_FACTS = {"table", "definitions"}  # asked cell by cell, term by term
_QUESTION_MARKS = "?？؟"


def find(scope: Scope, section: Section, place: str) -> Iterator[Fact]:
    """The section as one fact, or as several where it is too long for one answer."""
    title, heading = scope.document.title, scope.heading(section.heading)
    last = section.heading[-1].rstrip() if section.heading else ""
    is_question = last.endswith(tuple(_QUESTION_MARKS))
    parts = cut(scope, _blocks(scope, section, keeps_all=is_question))
    for number, part in enumerate(parts, start=1):
        slots = {"title": title}
        if is_question:
            kind = "question"
            slots["question"] = numbered(last, number, len(parts))
        elif heading != title:
            kind = "section"
            slots["heading"] = numbered(heading, number, len(parts))
        else:
            kind = "document"
            slots["title"] = numbered(title, number, len(parts))
        yield Fact(kind, slots, part.text, section.heading, part.lines, place)


def _blocks(scope: Scope, section: Section, *, keeps_all: bool) -> list[Block]:
    """The whole section where it fits; otherwise without what has facts of its own."""
    blocks = list(section.blocks)
    others = [block for block in blocks if block.kind not in _OWN_FACTS]
    if keeps_all or len(others) == len(blocks):
        return blocks
    if others and scope.lengths.fits("\n\n".join(block.text for block in blocks), scope.lengths.answer):
        return blocks
    return others
