"""Code, verbatim: asked by its heading, and by the sentence that leads to it."""

from collections.abc import Iterator

from imprint.dataset.cutting import cut, sentences
from imprint.dataset.facts import Fact, Scope, one_line, without_markup
from imprint.dataset.kinds.parts import numbered
from imprint.documents import Block, Section

KINDS = ("code", "code_lead_in")
_LONGEST_LEAD = 240  # characters


def find(scope: Scope, section: Section, place: str) -> Iterator[Fact]:
    """The section's code blocks."""
    title, heading = scope.document.title, scope.heading(section.heading)
    found: list[tuple[Block, str]] = []
    before: Block | None = None
    for block in section.blocks:
        if block.kind == "code":
            found.append((block, _lead(before)))
        before = block
    wordings = scope.settings.wordings
    asks_both_ways = not scope.settings.kinds or set(KINDS) <= set(scope.settings.kinds)
    for number, (block, lead) in enumerate(found, start=1):
        # Asked both ways, code shares the wordings of one fact between them.
        by_lead = max(1, wordings // 2) if lead and asks_both_ways else 0
        by_heading = max(1, wordings - by_lead)
        for part in cut(scope, [block]):
            slots = {"title": title, "heading": numbered(heading, number, len(found))}
            yield Fact("code", slots, part.text, section.heading, part.lines, place, by_heading)
            if lead:
                slots = {"title": title, "heading": heading, "lead": lead}
                yield Fact("code_lead_in", slots, part.text, section.heading, part.lines, place, by_lead)


def _lead(before: Block | None) -> str:
    """The last sentence before the code; empty where there is none, or it is too long for a question."""
    if before is None or before.kind != "paragraph":
        return ""
    return one_line(without_markup(sentences(before.text)[-1]), _LONGEST_LEAD)
