"""Tables: each cell, each row, and which row has a value that no other row has."""

import collections
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imprint.dataset.cutting import sentences
from imprint.dataset.facts import Fact, Scope, inside_sentence, name_of_rows, one_line, without_markup
from imprint.dataset.kinds.parts import numbered, split_value
from imprint.documents import Block, Section, TableRow

KINDS = ("cell", "cell_reverse", "row")
_LONGEST_KEY = 120  # characters
_FULL_STOPS = (".", "。", "।")
_WIDE_ENDS = ("。", "！", "？", "।")  # they end nothing but sentences
_LONGEST_VALUE = 80  # characters, of a value that a row is looked up by
_LONGEST_SAID = 300  # characters, of a value that stands inside a sentence


@dataclass(frozen=True, slots=True)
class Value:
    """A cell of a row or a field of a record: its name, and what it says in as many parts as fit into answers."""

    name: str
    """Empty where the column has none; then the value is told with its row only."""
    parts: Sequence[str]
    line: int
    is_list: bool = False


def find(scope: Scope, section: Section, place: str) -> Iterator[Fact]:
    """The facts of the section's tables."""
    for block in section.blocks:
        if block.kind == "table" and len(block.table) > 1:
            yield from _table_facts(scope, section, block, place)


def cell(scope: Scope, slots: dict[str, str], value: Value, heading: tuple[str, ...], place: str) -> Iterator[Fact]:
    """A value as a fact for each of its parts; `slots` have title, key and column."""
    column = slots["column"]
    for number, part in enumerate(value.parts, start=1):
        said = slots | {"column": numbered(column, number, len(value.parts)), "value": part}
        yield Fact("cell", said, _answer(scope, said, value), heading, (value.line, value.line), place)


def whole(
    scope: Scope, slots: dict[str, str], name: str, values: Sequence[Value], heading: tuple[str, ...], place: str
) -> Iterator[Fact]:
    """All values of a row or a record in as many answers as it takes; `slots` have title and key, `name` is the key."""
    groups: list[list[tuple[Value, str]]] = [[]]
    for value in values:
        for part in value.parts:
            if groups[-1] and not scope.lengths.fits(_entry(name, [*groups[-1], (value, part)]), scope.lengths.answer):
                groups.append([])
            groups[-1].append((value, part))
    for number, group in enumerate(filter(None, groups), start=1):
        key = numbered(slots["key"], number, len(groups))
        lines = (min(value.line for value, _ in group), max(value.line for value, _ in group))
        yield Fact("row", slots | {"key": key}, _entry(name, group), heading, lines, place)


def shortened_key(name: str) -> str:
    """The name of a row or a record as a question says it."""
    line = " ".join(name.split())
    return one_line(line, _LONGEST_KEY) or line[: _LONGEST_KEY - 1] + "…" * bool(line)


def looked_up(value: str) -> str:
    """A value as something is looked up by it, without its full stop; empty where it is too long or says too little."""
    value = value[:-1] if value[-1:] in _FULL_STOPS and " " in value else value
    is_name = 2 <= len(value) <= _LONGEST_VALUE and any(character.isalnum() for character in value)
    return value if is_name and not _is_prose(value) else ""


def _answer(scope: Scope, slots: dict[str, str], value: Value) -> str:
    """Empty where the value can stand inside the answer form's sentence; lists, sentences and long values cannot."""
    part = slots["value"]
    if len(part) > _LONGEST_SAID or "\n" in part or not scope.lengths.fits(" ".join(slots.values()), scope.lengths.row):
        return part
    if value.is_list or _is_prose(part):
        return f"{slots['key']}, {slots['column']}: {part}"
    return ""


def _is_prose(value: str) -> bool:
    """Whether a value is a sentence, or several."""
    if value[-1:] in _WIDE_ENDS:
        return True
    is_sentence = value[-1:] in ".!?…؟" and value.count(" ") > 2
    return is_sentence or (". " in value and len(sentences(value)) > 1)


def _entry(name: str, values: Sequence[tuple[Value, str]]) -> str:
    """A whole row or record as an answer."""
    return "\n".join([name, *(_line(value.name, part) for value, part in values)])


def _line(name: str, value: str) -> str:
    if "\n" in value:  # below its name, so that a fence begins a line
        value = f"\n{value}".replace("\n", "\n  ")
        return f"- {name}:{value}" if name else f"-{value}"
    return f"- {name}: {value}" if name else f"- {value}"


def _table_facts(scope: Scope, section: Section, block: Block, place: str) -> Iterator[Fact]:
    header, *rows = block.table
    columns = [without_markup(name) for name in header.cells]
    at = _key_column(rows)
    title, names = scope.document.title, name_of_rows(columns[at], scope)
    asked = _Choice(scope, block, sum(len(row.cells) - 1 for row in rows))
    often = [collections.Counter(_cell(row, column).casefold() for row in rows) for column in range(len(columns))]
    for row in rows:
        name = " ".join(_cell(row, at).split())
        values = list(_values(scope, row, columns, at))
        lines = (row.line, row.line)
        if not name or not values:
            scope.leave_out(lines, "a table row without a key or values", " | ".join(row.cells)[:60])
            continue
        slots = {"title": title, "key": shortened_key(name)}
        is_asked = len(values) == 1
        for column, value in values:
            if not value.name or not asked(row.line, column):
                is_asked = False
                continue
            said = inside_sentence(value.name, scope.document.language)
            yield from cell(scope, slots | {"column": said}, value, section.heading, place)
            plain = without_markup(row.cells[column].strip())
            asked_by = looked_up(plain) if often[column][plain.casefold()] == 1 else ""
            if asked_by and asked_by.casefold() != name.casefold():
                back = {"title": title, "column": said, "value": asked_by, "row": names, "key": slots["key"]}
                yield Fact("cell_reverse", back, "", section.heading, lines, place)
        if not is_asked:
            yield from whole(scope, slots, name, [value for _, value in values], section.heading, place)


def _values(scope: Scope, row: TableRow, columns: Sequence[str], key: int) -> Iterator[tuple[int, Value]]:
    """The filled cells of a row, each with the number of its column."""
    for column, text in enumerate(row.cells):
        if column != key and column < len(columns) and text.strip():
            parts = split_value(scope, text.strip(), (), (row.line, row.line))
            yield column, Value(columns[column], parts, row.line)


def _cell(row: TableRow, column: int) -> str:
    return without_markup(row.cells[column]) if column < len(row.cells) else ""


def _key_column(rows: Sequence[TableRow]) -> int:
    """The first column whose cells are all there and all different; the first where there is none."""
    for column in range(min(len(row.cells) for row in rows)):
        cells = [_cell(row, column).casefold() for row in rows]
        if all(cells) and len(set(cells)) == len(cells):
            return column
    return 0


class _Choice:
    """Which cells of a table are asked one by one: all, or an even choice where there are too many."""

    def __init__(self, scope: Scope, block: Block, count: int) -> None:
        self._scope = scope
        self._share = min(1.0, scope.settings.cells_per_table / max(1, count))
        if self._share < 1:
            most = scope.settings.cells_per_table
            scope.leave_out(
                block.lines, "cells above dataset.cells_per_table", f"about {most} of {count} are asked one by one"
            )

    def __call__(self, line: int, column: int) -> bool:
        return self._share >= 1 or self._scope.chance("cell", line, column) < self._share
