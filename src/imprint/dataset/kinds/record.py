"""Records of structured data: each field, the whole record, and which record has a value that no other has."""

from collections.abc import Iterator, Sequence

from imprint.dataset.facts import Fact, Scope, field_name, inside_sentence, name_of_rows, one_line
from imprint.dataset.kinds.table import cell, entry, is_name
from imprint.documents import Field, Record

KINDS = ("cell", "cell_reverse", "row")
_LONGEST_KEY = 120  # characters


def find(scope: Scope, record: Record, place: str, share: float = 1.0) -> Iterator[Fact]:
    """The facts of a record; of its fields the given share is asked one by one."""
    title = scope.document.title
    key = one_line(record.subject, _LONGEST_KEY) or title
    filled = [item for item in record.fields if item.value.strip()]
    for item in filled:
        if share < 1 and scope.chance("field", place, item.name) >= share:
            continue
        column = inside_sentence(field_name(item.name), scope.document.language)
        lines = (item.line, item.line)
        slots = {"title": title, "key": key, "column": column, "value": item.value.strip()}
        yield from cell(scope, slots, record.heading, lines, place)
        if item.is_unique and is_name(item.value.strip()):
            row = name_of_rows(record.key, scope)
            slots = {"title": title, "column": column, "value": item.value.strip(), "row": row, "key": key}
            yield Fact("cell_reverse", slots, "", record.heading, lines, place)
    if len(filled) > 1:
        yield from _whole(scope, record, key, filled, place)


def _whole(scope: Scope, record: Record, key: str, filled: Sequence[Field], place: str) -> Iterator[Fact]:
    """All fields that fit into one answer, in as many answers as it takes."""
    parts: list[list[Field]] = [[]]
    for item in filled:
        part = [*parts[-1], item]
        if parts[-1] and not scope.lengths.fits(_text(key, part), scope.lengths.answer):
            parts.append([item])
        else:
            parts[-1] = part
    for number, part in enumerate(parts, start=1):
        suffix = f" ({number}/{len(parts)})" if len(parts) > 1 else ""
        text = _text(key, part)
        if scope.lengths.fits(text, scope.lengths.answer):
            lines = (min(item.line for item in part), max(item.line for item in part))
            yield Fact("row", {"title": scope.document.title, "key": key + suffix}, text, record.heading, lines, place)


def _text(key: str, fields: Sequence[Field]) -> str:
    return entry(key, [(field_name(item.name), item.value.strip()) for item in fields])
