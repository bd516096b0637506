"""Code, verbatim: asked by its heading, and by the sentence that leads to it."""

from collections.abc import Iterator

from imprint.dataset.cutting import cut, sentences
from imprint.dataset.facts import Fact, Scope, one_line, without_markup
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
    for number, (block, lead) in enumerate(found, start=1):
        suffix = f" ({number}/{len(found)})" if len(found) > 1 else ""
        for part in cut(scope, [block]):
            slots = {"title": title, "heading": heading + suffix}
            yield Fact("code", slots, part.text, section.heading, part.lines, place)
            if lead:
                slots = {"title": title, "heading": heading, "lead": lead}
                yield Fact("code_lead_in", slots, part.text, section.heading, part.lines, place)


def _lead(before: Block | None) -> str:
    """The last sentence before the code; empty where there is none, or it is too long for a question."""
    if before is None or before.kind != "paragraph":
        return ""
    return one_line(without_markup(sentences(before.text)[-1]), _LONGEST_LEAD)
