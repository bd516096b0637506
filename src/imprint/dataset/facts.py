"""A document's facts: what is worth asking, the answer as the document gives it, and where it stands."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from imprint.documents import Block, Document, Section

CountTokens = Callable[[str], int]

_OWN_FACTS = {"table", "definitions"}  # kinds of block that are asked cell by cell, term by term
_MARKUP = re.compile(r"`([^`]*)`|\*\*([^*]+)\*\*|\*([^*]+)\*|!?\[([^\]]*)\]\([^)]*\)")
_MOST_VALUE_WORDS = 60
# Behind quote marks and list marks: ``` or ~~~; three backticks with another behind them are code inside a line.
_FENCE = re.compile(r"[\s>]*(?:(?:[-*+]|\d+[.)])\s+)*(`{3,}(?!.*`)|~{3,})")
_TURKISH_SMALL = {"I": "ı", "İ": "i"}


@dataclass(frozen=True)
class Fact:
    """Something that the documents say, before it is put into words."""

    kind: str
    slots: tuple[tuple[str, str], ...]
    """What the wordings' braces are filled with."""
    answer: str
    """The answer; empty where the wordings' own answer form makes it from the slots."""
    document: str
    heading: tuple[str, ...]
    lines: tuple[int, int]
    language: str

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that name the fact: the same fact has the same name in every run."""
        text = "\x1f".join([self.document, self.kind, *self.heading, *(value for _, value in self.slots), self.answer])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def find_facts(document: Document, count_tokens: CountTokens, max_tokens: int) -> tuple[list[Fact], list[str]]:
    """The facts of a document, in its order, and a line for each thing left out."""
    left_out = list(document.skipped)
    facts: list[Fact] = []
    for section in document.sections:
        facts.extend(_section_facts(document, section, count_tokens, max_tokens, left_out))
    for record in document.records:
        for name, value in record.fields:
            if not value.strip() or len(value.split()) > _MOST_VALUE_WORDS:
                left_out.append(f"line {record.lines[0]}: {name}: {'a long text' if value.strip() else 'empty'}")
                continue
            slots = {"title": document.title, "key": record.subject or document.title, "column": field_name(name)}
            facts.append(_fact("record", document, record.heading, record.lines, {**slots, "value": value.strip()}))
    return [fact for fact in facts if _is_short(fact, count_tokens, max_tokens, left_out)], left_out


def _is_short(fact: Fact, count_tokens: CountTokens, max_tokens: int, left_out: list[str]) -> bool:
    """Whether a fact that is not cut fits: sections and steps do already, a cell or a term may be of any length."""
    if fact.kind not in {"definition", "table", "record"}:
        return True
    fits = count_tokens(" ".join([*(text for _, text in fact.slots), fact.answer])) <= max_tokens
    if not fits:
        left_out.append(f"line {fact.lines[0]}: {fact.kind} of more than {max_tokens} tokens")
    return fits


def without_markup(text: str) -> str:
    """A cell or term as people type it: no backticks, emphasis or link targets."""
    return _MARKUP.sub(lambda match: next(part for part in match.groups() if part is not None), text).strip()


def field_name(name: str) -> str:
    """`opening_hours` as "opening hours"; paths, camelCase and other identifiers as they are."""
    return name.replace("_", " ") if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name) else name


def _section_facts(
    document: Document, section: Section, count_tokens: CountTokens, max_tokens: int, left_out: list[str]
) -> Iterator[Fact]:
    names = [name for name in section.heading if name != document.title]
    subject = " > ".join(names)
    short_steps = [
        block for block in section.blocks if block.kind == "steps" and count_tokens(block.text) <= max_tokens
    ]
    for block in section.blocks:
        if block.kind != "steps" or block in short_steps:
            yield from _block_facts(document, section, block, subject or document.title)
    last = section.heading[-1] if section.heading else ""
    asked = last.rstrip().endswith("?")
    blocks = section.blocks if asked else [block for block in section.blocks if block.kind not in _OWN_FACTS]
    if not asked and all(block in short_steps for block in blocks):
        return  # asked as steps already
    parts = list(_parts(blocks, count_tokens, max_tokens, left_out))
    for number, part in enumerate(parts, start=1):
        suffix = f" ({number}/{len(parts)})" if len(parts) > 1 else ""
        lines = part[0].lines[0], part[-1].lines[1]
        answer = "\n\n".join(block.text for block in part)
        slots = {"title": document.title}
        if asked:
            yield _fact("question", document, section.heading, lines, {**slots, "question": last + suffix}, answer)
        elif subject:
            yield _fact("section", document, section.heading, lines, {**slots, "heading": subject + suffix}, answer)
        else:
            slots["title"] += suffix
            yield _fact("document", document, section.heading, lines, slots, answer)


def _block_facts(document: Document, section: Section, block: Block, subject: str) -> Iterator[Fact]:
    if block.kind == "steps":
        slots = {"title": document.title, "heading": subject}
        yield _fact("steps", document, section.heading, block.lines, slots, block.text)
    for term, meaning in block.definitions:
        slots = {"title": document.title, "term": term}
        named = term.casefold() in " ".join(meaning.split()[:8]).casefold()
        # A meaning that names its term is a sentence of its own; the answer form would say the term twice.
        slots |= {} if named else {"meaning": meaning}
        yield _fact("definition", document, section.heading, block.lines, slots, meaning if named else "")
    if block.table:
        header, *rows = block.table
        columns = [without_markup(name) for name in header]
        for offset, row in enumerate(rows, start=2):  # the header and the rule below it come first
            key = without_markup(row[0])
            line = block.lines[0] + offset
            for column, cell in zip(columns[1:], row[1:], strict=False):
                if key and column and cell.strip():
                    slots = {"title": document.title, "key": key, "column": _inside_sentence(column, document.language)}
                    value = cell.strip().rstrip(".")
                    yield _fact("table", document, section.heading, (line, line), {**slots, "value": value})


def _fact(
    kind: str,
    document: Document,
    heading: tuple[str, ...],
    lines: tuple[int, int],
    slots: dict[str, str],
    answer: str = "",
) -> Fact:
    return Fact(kind, tuple(slots.items()), answer, document.path, heading, lines, document.language)


def _inside_sentence(name: str, language: str) -> str:
    """A column's name as it stands inside a sentence: "Default" as "default", "URL" and "iPhone" as they are."""
    first = _TURKISH_SMALL.get(name[0], name[0].lower()) if language == "tr" else name[0].lower()
    # The small form of İ has two characters where the language is not known to be Turkish.
    return first + name[1:] if len(first) == 1 and name[1:] == name[1:].lower() else name


def _parts(
    blocks: Sequence[Block], count_tokens: CountTokens, max_tokens: int, left_out: list[str]
) -> Iterator[list[Block]]:
    """Blocks in groups of at most `max_tokens`; a block is cut only between its lines, code never."""
    group: list[Block] = []
    size = 0
    for block in _cut(blocks, count_tokens, max_tokens, left_out):
        tokens = count_tokens(block.text) + 2
        if group and size + tokens > max_tokens:
            yield group
            group, size = [], 0
        group.append(block)
        size += tokens
    if group:
        yield group


def _cut(blocks: Sequence[Block], count_tokens: CountTokens, max_tokens: int, left_out: list[str]) -> Iterator[Block]:
    for block in blocks:
        if count_tokens(block.text) <= max_tokens:
            yield block
            continue
        if block.kind in {"code", "table"}:
            left_out.append(f"line {block.lines[0]}: {block.kind} of more than {max_tokens} tokens")
            continue
        pieces: list[str] = []
        first = block.lines[0]
        for number, piece in _pieces(block):
            if pieces and count_tokens("\n".join([*pieces, piece])) > max_tokens:
                yield Block(block.kind, "\n".join(pieces).rstrip(), (first, number - 1))
                pieces = []
            if count_tokens(piece) > max_tokens:
                what = "code" if "\n" in piece else "a line"
                left_out.append(f"line {number}: {what} of more than {max_tokens} tokens")
            elif pieces or piece.strip():
                first = first if pieces else number
                pieces.append(piece)
        if pieces:
            yield Block(block.kind, "\n".join(pieces).rstrip(), (first, block.lines[1]))


def _pieces(block: Block) -> Iterator[tuple[int, str]]:
    """The lines of a block with their numbers; fenced code inside it is one piece."""
    fence, held, first = "", [], 0
    for number, line in enumerate(block.text.split("\n"), start=block.lines[0]):
        match = _FENCE.match(line)
        if fence:
            held.append(line)
            if match and match[1].startswith(fence) and line.endswith(match[1]):
                yield first, "\n".join(held)
                fence = ""
        elif match:
            fence, held, first = match[1], [line], number
        else:
            yield number, line
    if fence:
        yield first, "\n".join(held)
