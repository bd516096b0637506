"""The leak check: no question that tests the model may be one that it is trained on, nor nearly one.

The same question never gets into two splits (see gathering). Wordings of another family are no near-duplicates of those
trained on. So only rows that are not made from wordings can leak: the user's own, and those that a model wrote.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imprint.dataset.duplicates import Questions
from imprint.documents import LeftOut
from imprint.errors import DatasetError
from imprint.runs import write_atomically

FREE = frozenset({"ready_made", "augmented"})
"""Kinds of rows that are not made from wordings."""
_HELD_OUT = ("validation", "test")

Leak = tuple[str, str, str, LeftOut]
"""Split and kind of a row, its document, and why it is left out."""


def remove_leaks(folder: Path) -> list[Leak]:
    """Take held-out rows whose questions are nearly trained on out of the splits in `folder`.

    Raises DatasetError where a question stands on both sides, which would be a fault of this stage.
    """
    trained = [row for row in _rows(folder / "train.jsonl") if row["kind"] in FREE]
    if not trained:
        return []
    questions = Questions()
    for row in trained:
        _add(questions, row)
    held: list[tuple[str, int, dict[str, Any]]] = []
    for split in _HELD_OUT:
        for number, row in enumerate(_rows(folder / f"{split}.jsonl")):
            held.append((split, number, row))
            _add(questions, row)
    for group in questions.same():
        if group[0] < len(trained) <= group[-1]:
            text = held[group[-1] - len(trained)][2]["instruction"]
            raise DatasetError(f"A question is trained on and held out: {text!r}.", hint="report this as a fault")
    near = {other - len(trained) for one, other in questions.near() if one < len(trained) <= other}
    if not near:
        return []
    leaks: list[Leak] = []
    for place in sorted(near):
        split, _, row = held[place]
        source = row["source"]
        item = LeftOut(tuple(source["lines"]), "a held-out question that is nearly trained on", row["instruction"][:80])
        leaks.append((split, row["kind"], source["document"], item))
    for split in _HELD_OUT:
        out = {held[place][1] for place in near if held[place][0] == split}
        lines = (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        write_atomically(
            folder / f"{split}.jsonl", "".join(line for number, line in enumerate(lines) if number not in out)
        )
    return leaks


def _add(questions: Questions, row: dict[str, Any]) -> None:
    asked = "\n".join(part for part in (row["instruction"], row["input"]) if part)
    context = "\x1f".join(content for _, content in row.get("messages", ())[:-2])
    questions.add(asked, row["output"], context=context)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)
