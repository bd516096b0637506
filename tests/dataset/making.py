"""Documents made by hand, for the tests of the kinds of fact."""

from imprint.config import Dataset
from imprint.dataset.facts import Scope
from imprint.dataset.lengths import Lengths
from imprint.dataset.wording import wordings_of
from imprint.documents import Block, Definition, Document, Item, Section, TableRow


def count_words(text: str) -> int:
    """A tokenizer with a token for each word and each line end."""
    return len(text.split()) + text.count("\n")


def scope(
    *blocks: Block, heading: tuple[str, ...] = ("Guide", "Retries"), answer: int = 60, **settings: object
) -> Scope:
    """A document of one section; an answer has at most so many words."""
    section = Section(heading, (1, 99), blocks)
    document = Document(title="Guide", sections=(section,), path="guide.md")
    return Scope(
        document, Dataset(**settings), Lengths(count_words, answer=answer, row=4 * answer), wordings_of("en"), seed=7
    )  # type: ignore[arg-type]


def paragraph(text: str, line: int = 1) -> Block:
    return Block("paragraph", text, (line, line + text.count("\n")))


def listing(kind: str, *texts: str, line: int = 1) -> Block:
    items = tuple(Item(text, (line + at, line + at)) for at, text in enumerate(texts))
    marks = [f"{at}. " if kind == "steps" else "- " for at in range(1, len(texts) + 1)]
    text = "\n".join(mark + text for mark, text in zip(marks, texts, strict=True))
    return Block(kind, text, (line, line + len(texts) - 1), items=items)  # type: ignore[arg-type]


def code(text: str, line: int = 1) -> Block:
    return Block("code", f"```\n{text}\n```", (line, line + text.count("\n") + 2))


def definitions(*entries: tuple[str, str], line: int = 1) -> Block:
    made = tuple(Definition(term, meaning, (line + at, line + at)) for at, (term, meaning) in enumerate(entries))
    text = "\n".join(f"{term}\n: {meaning}" for term, meaning in entries)
    return Block("definitions", text, (line, line + 2 * len(entries) - 1), definitions=made)


def table(*rows: tuple[str, ...], line: int = 1) -> Block:
    lines = [line, *range(line + 2, line + 1 + len(rows))]
    made = tuple(TableRow(cells, at) for cells, at in zip(rows, lines, strict=True))
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
    return Block("table", text, (line, lines[-1]), table=made)
