"""Definitions: what a term means, and which term means this."""

import re
from collections.abc import Iterator

from imprint.dataset.facts import Fact, Scope, one_line, without_markup
from imprint.dataset.kinds.parts import numbered, split_text
from imprint.documents import Section

KINDS = ("definition", "definition_reverse")
_LONGEST_MEANING = 300  # characters; a longer one is no question
_LIST_MARKS = ("- ", "* ", "+ ", "1. ")
_NO_BLANKS = "\u0e00"  # from here on are most of the scripts that put no blanks between words


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
                parts = split_text(scope, text, entry.lines)
                for number, part in enumerate(parts, start=1):
                    slots = {"title": title, "term": numbered(entry.term, number, len(parts))}
                    yield Fact("definition", slots, part, section.heading, entry.lines, place)
                continue
            is_sentence = _begins_with(entry.meaning, entry.term)
            # A meaning that names its term is a sentence of its own; the answer form would say the term twice.
            slots = {"title": title, "term": entry.term} | ({} if is_sentence else {"meaning": entry.meaning})
            answer = entry.meaning if is_sentence else ""
            if entry.meaning.startswith(_LIST_MARKS):  # a list begins a line
                answer = f"{entry.term}:\n{entry.meaning}"
            yield Fact("definition", slots, answer, section.heading, entry.lines, place)
            meaning = one_line(without_markup(entry.meaning), _LONGEST_MEANING)
            if meaning and entry.term.casefold() not in meaning.casefold():
                slots = {"title": title, "meaning": meaning, "term": entry.term}
                yield Fact("definition_reverse", slots, "", section.heading, entry.lines, place)


def _begins_with(meaning: str, term: str) -> bool:
    """Whether a meaning begins with its term, perhaps with an article before it."""
    end = "" if term[-1] >= _NO_BLANKS else r"(?!\w)"
    return re.match(rf"\W*(?:\w+\W+)?{re.escape(term)}{end}", without_markup(meaning), re.IGNORECASE) is not None
