"""Bulleted lists, whole."""

from collections.abc import Iterator

from imprint.dataset.cutting import cut
from imprint.dataset.facts import Fact, Scope
from imprint.dataset.kinds.parts import numbered
from imprint.documents import Section

KINDS = ("bullets",)


def find(scope: Scope, section: Section, place: str) -> Iterator[Fact]:
    """The section's lists; those that define terms are asked term by term."""
    heading = scope.heading(section.heading)
    lists = [
        block for block in section.blocks if block.kind == "bullets" and len(block.items) > 1 and not block.definitions
    ]
    parts = [part for block in lists for part in cut(scope, [block])]
    for number, part in enumerate(parts, start=1):
        slots = {"title": scope.document.title, "heading": numbered(heading, number, len(parts))}
        yield Fact("bullets", slots, part.text, section.heading, part.lines, place)
