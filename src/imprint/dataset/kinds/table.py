"""Tables: each cell, each row, and which row has a value that no other row has."""

import collections
from collections.abc import Iterator, Sequence

from imprint.dataset.facts import Fact, Scope, inside_sentence, name_of_rows, one_line, without_markup
from imprint.documents import Block, Section, TableRow

KINDS = ("cell", "cell_reverse", "row")
_LONGEST_KEY = 120  # characters
_LONGEST_VALUE = 80  # characters, of a value that a row is looked up by
_LONGEST_SAID = 300  # characters, of a value that stands inside a sentence


def find(scope: Scope, section: Section, place: str) -> Iterator[Fact]:
    """The facts of the section's tables."""
    for block in section.blocks:
        if block.kind == "table" and len(block.table) > 1:
            yield from _table_facts(scope, section, block, place)


def cell(
    scope: Scope, slots: dict[str, str], heading: tuple[str, ...], lines: tuple[int, int], place: str
) -> Iterator[Fact]:
    """A value as a fact: inside a sentence, or for itself where it is long."""
    value = slots["value"]
    is_long = len(value) > _LONGEST_SAID or "\n" in value
    text = value if is_long else " ".join(slots.values())
    if scope.lengths.fits(text, scope.lengths.answer):
        yield Fact("cell", slots, value if is_long else "", heading, lines, place)
    else:
        scope.leave_out(lines, f"a value of more than {scope.lengths.answer} tokens", slots["column"])


def is_name(value: str) -> bool:
    """Whether a value is one that something would be looked up by: short, and more than a mark or a small number."""
    return 2 <= len(value) <= _LONGEST_VALUE and any(character.isalnum() for character in value)


def entry(key: str, fields: Sequence[tuple[str, str]]) -> str:
    """A whole row or record as an answer."""
    return "\n".join([key, *(f"- {name}: {value}" for name, value in fields)])


def _table_facts(scope: Scope, section: Section, block: Block, place: str) -> Iterator[Fact]:
    header, *rows = block.table
    columns = [without_markup(name) for name in header.cells]
    at = _key_column(rows)
    title, names = scope.document.title, name_of_rows(columns[at], scope)
    asked = _Choice(scope, block, sum(len(row.cells) - 1 for row in rows))
    values = [collections.Counter(_cell(row, column).casefold() for row in rows) for column in range(len(columns))]
    for row in rows:
        key = one_line(_cell(row, at), _LONGEST_KEY)
        filled = [
            (column, name, row.cells[column].strip())
            for column, name in enumerate(columns)
            if column != at and name and column < len(row.cells) and row.cells[column].strip()
        ]
        lines = (row.line, row.line)
        if not key or not filled:
            scope.leave_out(lines, "a table row without a key or values", " | ".join(row.cells)[:60])
            continue
        for column, name, value in filled:
            if not asked(row.line, column):
                continue
            said = inside_sentence(name, scope.document.language)
            slots = {"title": title, "key": key, "column": said, "value": value}
            yield from cell(scope, slots, section.heading, lines, place)
            plain = without_markup(value)
            if values[column][plain.casefold()] == 1 and is_name(plain):
                slots = {"title": title, "column": said, "value": plain, "row": names, "key": key}
                yield Fact("cell_reverse", slots, "", section.heading, lines, place)
        if len(filled) > 1:
            text = entry(key, [(name, value) for _, name, value in filled])
            if scope.lengths.fits(text, scope.lengths.answer):
                yield Fact("row", {"title": title, "key": key}, text, section.heading, lines, place)


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
