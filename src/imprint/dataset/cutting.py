"""Long answers cut where a reader would: between blocks, then items, rows and paragraphs, then sentences.

Never inside a fence, a table row or a sentence.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imprint.dataset.facts import Scope
from imprint.documents import Block, Lines

# A sentence ends in a mark, perhaps a closing quote or bracket, then a blank and no small letter; the full stops of
# Chinese, Japanese and Hindi need no blank. One letter before the full stop, or a short abbreviation, ends none.
_SENTENCE_END = re.compile(
    r"(?<![ .(]\w)(?<!\b(?:Dr|Mr|Nr|St|vs|ca|cf|No|pp|al))(?<!\b(?:bzw|etc|vgl|Mrs|Abs))"
    r"[.!?…؟][\"'”’»)\]`*_]*\s+(?=[^\sa-zß-öø-ÿ])|[。！？।][”’」』）]*"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that stays together."""

    text: str
    lines: Lines
    joint: str = "\n\n"
    """What stands between it and the piece before it."""


@dataclass(frozen=True, slots=True)
class Part:
    """An answer that fits."""

    text: str
    lines: Lines


def cut(scope: Scope, blocks: Sequence[Block]) -> list[Part]:
    """The blocks as parts of at most `lengths.answer` tokens each.

    What cannot be cut, a fence or a table row, may be as long as a row of the dataset; beyond that it is left out.
    """
    parts: list[Part] = []
    text, lines, size, sum_of_texts = "", (0, 0), 0, 0
    for piece in _pieces(scope, blocks):
        tokens = scope.lengths.estimate(piece.text)
        if text and size + tokens + 2 > scope.lengths.answer:
            parts.append(Part(text, lines))
            text, size = "", 0
        if text:
            text += piece.joint + piece.text
            lines = lines[0], max(lines[1], piece.lines[1])
            sum_of_texts += tokens + piece.joint.count("\n")
            scope.lengths.note(text, sum_of_texts)
        else:
            text, lines, sum_of_texts = piece.text, piece.lines, tokens
        size += tokens + 2
    if text:
        parts.append(Part(text, lines))
    return parts


def _pieces(scope: Scope, blocks: Sequence[Block]) -> Iterator[Piece]:
    fits, most = scope.lengths.fits, scope.lengths.answer
    for block in blocks:
        if fits(block.text, most):
            yield Piece(block.text, block.lines)
        elif block.items:
            yield from _items(scope, block)
        elif block.kind == "table":
            yield from _table_rows(scope, block)
        elif block.kind == "definitions" and block.definitions:
            for entry in block.definitions:
                yield from _passage(scope, f"{entry.term}\n: {entry.meaning}", entry.lines)
        elif block.kind == "code":
            yield from _uncut(scope, block.text, block.lines, "code")
        else:
            yield from _passage(scope, block.text, block.lines)


def _items(scope: Scope, block: Block) -> Iterator[Piece]:
    for number, item in enumerate(block.items, start=1):
        mark = f"{number}. " if block.kind == "steps" else "- "
        text = mark + item.text.replace("\n", "\n" + " " * len(mark))
        joint = "\n\n" if number == 1 else "\n"
        for piece in _passage(scope, text, item.lines):
            yield Piece(piece.text, piece.lines, joint)
            joint = "\n\n"


def _table_rows(scope: Scope, block: Block) -> Iterator[Piece]:
    """Rows in groups that fit, the header over each."""
    header, *rows = [_row_text(row.cells) for row in block.table]
    header += "\n|" + " --- |" * len(block.table[0].cells)
    held: list[str] = []
    first = last = 0
    for row, text in zip(block.table[1:], rows, strict=True):
        if held and not scope.lengths.fits("\n".join([header, *held, text]), scope.lengths.answer):
            yield Piece("\n".join([header, *held]), (first, last))
            held = []
        if not held and not scope.lengths.fits(f"{header}\n{text}", _longest(scope)):
            scope.leave_out((row.line, row.line), f"a table row of more than {_longest(scope)} tokens")
            continue
        first, last = first if held else row.line, row.line
        held.append(text)
    if held:
        yield Piece("\n".join([header, *held]), (first, last))


def _row_text(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _passage(scope: Scope, text: str, lines: Lines) -> Iterator[Piece]:
    """A text in pieces that fit: paragraphs, then sentences; a fence stays whole."""
    if scope.lengths.fits(text, scope.lengths.answer):
        yield Piece(text, lines)
        return
    line = lines[0]
    for paragraph in _paragraphs(text):
        last = min(line + paragraph.count("\n"), lines[1])
        if scope.lengths.fits(paragraph, scope.lengths.answer):
            yield Piece(paragraph, (line, last))
        elif _holds_fence(paragraph):
            yield from _uncut(scope, paragraph, (line, last), "code")
        else:
            yield from _sentences(scope, paragraph, (line, last))
        line = min(last + 2, lines[1])


def _sentences(scope: Scope, text: str, lines: Lines) -> Iterator[Piece]:
    held, joint = "", "\n\n"
    for sentence in sentences(text):
        if held and not scope.lengths.fits(held + sentence, scope.lengths.answer):
            yield Piece(held.strip(), lines, joint)
            held, joint = "", " "
        if not held and not scope.lengths.fits(sentence, scope.lengths.answer):
            yield from _uncut(scope, sentence.strip(), lines, "a sentence")
            continue
        held += sentence
    if held.strip():
        yield Piece(held.strip(), lines, joint)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with the blanks behind it, so that joined they are the text."""
    places = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    return [text[begin:end] for begin, end in itertools.pairwise(places) if end > begin]


def _uncut(scope: Scope, text: str, lines: Lines, what: str) -> Iterator[Piece]:
    most = _longest(scope)
    if scope.lengths.fits(text, most):
        yield Piece(text, lines)
    else:
        scope.leave_out(lines, f"{what} of more than {most} tokens")


def _longest(scope: Scope) -> int:
    """What cannot be cut may take a row of the dataset for itself, but for the question."""
    return max(scope.lengths.answer, scope.lengths.row * 3 // 4)


_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*(`{3,}(?!.*`)|~{3,})")


def _holds_fence(text: str) -> bool:
    return any(_FENCE.match(line) for line in text.split("\n"))


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs by empty lines; none inside a fence."""
    held: list[str] = []
    fence = ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if match and not fence:
            fence = match[1]
        elif match and fence and match[1].startswith(fence) and line.rstrip().endswith(match[1]):
            fence = ""
        if not line.strip() and not fence:
            if held:
                yield "\n".join(held)
            held = []
        else:
            held.append(line)
    if held:
        yield "\n".join(held)
