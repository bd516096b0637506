"""Ordered lists: all the steps, and which step comes next."""

import itertools
from collections.abc import Iterator

from imprint.dataset.cutting import cut
from imprint.dataset.facts import Fact, Scope, one_line, without_markup
from imprint.dataset.kinds.parts import numbered
from imprint.documents import Section

KINDS = ("steps", "next_step")
_LONGEST_STEP = 240  # characters; a longer one is no question


def find(scope: Scope, section: Section, place: str) -> Iterator[Fact]:
    """The section's ordered lists, whole and step by step."""
    title, heading = scope.document.title, scope.heading(section.heading)
    lists = [block for block in section.blocks if block.kind == "steps" and len(block.items) > 1]
    parts = [part for block in lists for part in cut(scope, [block])]
    for number, part in enumerate(parts, start=1):
        slots = {"title": title, "heading": numbered(heading, number, len(parts))}
        yield Fact("steps", slots, part.text, section.heading, part.lines, place)
    for block in lists:
        for step, following in itertools.pairwise(block.items):
            done = one_line(without_markup(step.text), _LONGEST_STEP)
            if done and scope.lengths.fits(following.text, scope.lengths.answer):
                slots = {"title": title, "heading": heading, "step": done}
                lines = (step.lines[0], following.lines[1])
                yield Fact("next_step", slots, following.text, section.heading, lines, place)
