"""Long answers in parts: how the parts are named, and how values and texts of data are cut into them."""

from collections.abc import Iterator, Sequence

from imprint.dataset.cutting import cut
from imprint.dataset.facts import Scope
from imprint.documents import Block, Lines


def numbered(name: str, number: int, count: int) -> str:
    """The name of a part of so many: the first has the plain name, which is what people ask for."""
    return name if number == 1 else f"{name} ({number}/{count})"


def split_text(scope: Scope, text: str, lines: Lines) -> list[str]:
    """A text in parts that fit into an answer; what cannot be cut, such as long code, is left out and noted."""
    if scope.lengths.fits(text, scope.lengths.answer):
        return [text]
    return [part.text for part in cut(scope, [Block("paragraph", text, lines)])]


def split_value(scope: Scope, value: str, members: Sequence[str], lines: Lines) -> list[str]:
    """A value in parts that fit into an answer: a list by its members, any other by its sentences."""
    if len(members) < 2 or scope.lengths.fits(value, scope.lengths.answer):
        return split_text(scope, value, lines)
    return list(_groups(scope, members, lines))


def _groups(scope: Scope, members: Sequence[str], lines: Lines) -> Iterator[str]:
    held = ""
    for member in members:
        for piece in split_text(scope, member, lines):
            joined = f"{held}, {piece}" if held else piece
            if held and not scope.lengths.fits(joined, scope.lengths.answer):
                yield held
                joined = piece
            held = joined
    if held:
        yield held
