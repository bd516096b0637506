"""The kinds of fact, each a module that finds its own in a document."""

import collections
from collections.abc import Iterator

from imprint.dataset.facts import Fact, Scope
from imprint.dataset.kinds import bullets, code, definition, masked, operation, record, section, steps, table, unknown
from imprint.documents import Document, Section

_OF_SECTIONS = (section, definition, table, steps, bullets, code)
KINDS: tuple[str, ...] = tuple(
    dict.fromkeys(kind for module in (*_OF_SECTIONS, record, operation, masked, unknown) for kind in module.KINDS)
)
"""Every kind that is made from documents."""


def find_facts(scope: Scope) -> Iterator[Fact]:
    """The facts of a document, in its order, without those about what it does not say.

    What is left out is noted in `scope`.
    """
    document = scope.document
    wanted = set(scope.settings.kinds or KINDS)
    for part, scope.turn, place in places(document):
        for module in _OF_SECTIONS:
            if wanted.isdisjoint(module.KINDS):
                continue
            for fact in module.find(scope, part, place):
                if fact.kind in wanted:
                    yield fact
                if "masked" in wanted:
                    yield from masked.find(scope, fact)
    fields = sum(len(item.fields) for item in document.records)
    share = min(1.0, scope.settings.cells_per_table / max(1, fields))
    if share < 1 and "cell" in wanted:
        detail = f"about {scope.settings.cells_per_table} of {fields} are asked one by one"
        scope.leave_out((0, 0), "fields above dataset.cells_per_table", detail)
    for item in document.records:
        place = "\x1f".join((*item.heading, item.subject))
        yield from (fact for fact in record.find(scope, item, place, share) if fact.kind in wanted)
    for call in document.operations:
        place = f"{call.method} {call.path}"
        yield from (fact for fact in operation.find(scope, call, place) if fact.kind in wanted)


def places(document: Document) -> Iterator[tuple[Section, int, str]]:
    """The sections of a document, which one of its heading path each is, and the name of its place."""
    seen: collections.Counter[tuple[str, ...]] = collections.Counter()
    for section_of in document.sections:
        seen[section_of.heading] += 1
        turn = seen[section_of.heading]
        yield section_of, turn, "\x1f".join((*section_of.heading, str(turn)))


def find_unknown(scope: Scope, rows: int) -> Iterator[Fact]:
    """Facts about what the document does not say, in proportion to its rows."""
    if "unknown" in (scope.settings.kinds or KINDS):
        yield from unknown.find(scope, rows)


__all__ = ["KINDS", "find_facts", "find_unknown", "places"]
