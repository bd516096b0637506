"""Definitions: what a term means, and which term means this."""

from collections.abc import Iterator

from imprint.dataset.facts import Fact, Scope, one_line, without_markup
from imprint.documents import Section

KINDS = ("definition", "definition_reverse")
_LONGEST_MEANING = 300  # characters; a longer one is no question


def find(scope: Scope, section: Section, place: str) -> Iterator[Fact]:
    """Each definition of the section, both ways."""
    title = scope.document.title
    for block in section.blocks:
        for entry in block.definitions:
            if not entry.term or not entry.meaning.strip():
                scope.leave_out(entry.lines, "a term without a meaning", entry.term)
                continue
            text = f"{entry.term}: {entry.meaning}"
            if not scope.lengths.fits(text, scope.lengths.answer):
                scope.leave_out(entry.lines, f"a definition of more than {scope.lengths.answer} tokens", entry.term)
                continue
            named = entry.term.casefold() in " ".join(entry.meaning.split()[:8]).casefold()
            # A meaning that names its term is a sentence of its own; the answer form would say the term twice.
            slots = {"title": title, "term": entry.term} | ({} if named else {"meaning": entry.meaning})
            answer = entry.meaning if named else ""
            yield Fact("definition", slots, answer, section.heading, entry.lines, place)
            meaning = one_line(without_markup(entry.meaning), _LONGEST_MEANING)
            if meaning and entry.term.casefold() not in meaning.casefold():
                slots = {"title": title, "meaning": meaning, "term": entry.term}
                yield Fact("definition_reverse", slots, "", section.heading, entry.lines, place)
