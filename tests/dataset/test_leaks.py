"""The leak check."""

import json
from pathlib import Path

import pytest

from imprint.dataset.leaks import remove_leaks
from imprint.errors import DatasetError


def write(folder: Path, **splits: list[tuple[str, str, str]]) -> None:
    for split in ("train", "validation", "test"):
        rows = [
            {
                "instruction": question,
                "input": "",
                "output": answer,
                "kind": kind,
                "fact": "0",
                "source": {"document": "a.jsonl", "heading": [], "lines": [number, number]},
            }
            for number, (kind, question, answer) in enumerate(splits.get(split, []), start=1)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_held_out_question_that_is_nearly_trained_on_is_taken_out(tmp_path: Path) -> None:
    write(
        tmp_path,
        train=[("ready_made", "What is the opening time of the library on Monday?", "Nine.")],
        test=[
            ("ready_made", "What is the opening time of the library on a Monday", "Nine."),
            ("ready_made", "What is the opening time of the library on Friday?", "Ten."),
        ],
    )
    ((split, kind, document, item),) = remove_leaks(tmp_path)
    assert (split, kind, document, item.lines) == ("test", "ready_made", "a.jsonl", (1, 1))
    (left,) = (tmp_path / "test.jsonl").read_text().splitlines()
    assert "Friday" in left
    assert remove_leaks(tmp_path) == []


def test_the_same_question_on_both_sides_fails(tmp_path: Path) -> None:
    row = ("augmented", "When does the library open?", "At nine.")
    write(tmp_path, train=[row], validation=[row])
    with pytest.raises(DatasetError, match="trained on and held out: 'When does the library open\\?'"):
        remove_leaks(tmp_path)


def test_wordings_are_not_compared(tmp_path: Path) -> None:
    row = ("section", "What does A say about B?", "C.")
    write(tmp_path, train=[row], test=[row])
    assert remove_leaks(tmp_path) == []
