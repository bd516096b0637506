"""The public API."""

import json
from pathlib import Path

import pytest

import imprint
from imprint.errors import DocumentError


def test_a_python_list_becomes_a_dataset(tmp_path: Path) -> None:
    rows = [{"question": f"What is {n}?", "answer": f"It is {n}."} for n in range(40)]
    counts = imprint.prepare(rows, tmp_path / "dataset", "base=embedded")
    train = [json.loads(line) for line in (tmp_path / "dataset" / "train.jsonl").read_text().splitlines()]
    assert counts["train"] == len(train) > 25
    assert {row["source"]["document"] for row in train} == {"rows.json"}
    assert {(row["instruction"], row["output"]) for row in train} <= {(row["question"], row["answer"]) for row in rows}


def test_a_folder_becomes_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\n## B\n\nSome words.\n")
    counts = imprint.prepare(tmp_path / "a.md", tmp_path / "dataset", "base=embedded", "dataset.wordings=2")
    assert (counts["facts"], counts["kinds"]["section"]) == (1, 2)


@pytest.mark.parametrize("rows", [[{"a": object()}], [{"a": {1, 2}}]])
def test_what_is_not_json_is_refused(rows: list[dict[str, object]], tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read as JSON"):
        imprint.prepare(rows, tmp_path, "base=embedded")
