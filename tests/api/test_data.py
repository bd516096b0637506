"""Datasets from Python: made from documents, and read into examples."""

import json
from pathlib import Path
from typing import Any

import pytest

import imprint
from imprint.errors import DatasetError, DocumentError

ROWS = [{"question": f"What is {n}?", "answer": f"It is {n}."} for n in range(40)]


def test_a_python_list_becomes_a_dataset(tmp_path: Path) -> None:
    counts = imprint.prepare_dataset(ROWS, tmp_path / "dataset", "base=embedded")
    train = imprint.load_dataset(tmp_path / "dataset")
    assert counts["train"] == len(train) > 25
    assert {row.source.document for row in train} == {"rows.json"}
    assert {(row.instruction, row.output) for row in train} <= {(row["question"], row["answer"]) for row in ROWS}
    assert len(imprint.load_dataset(tmp_path / "dataset", "test")) == counts["test"] > 0


def test_a_folder_becomes_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\n## B\n\nSome words.\n")
    counts = imprint.prepare_dataset(tmp_path / "a.md", tmp_path / "dataset", "base=embedded", "dataset.wordings=2")
    assert (counts["facts"], counts["kinds"]["section"]) == (1, 2)


@pytest.mark.parametrize("rows", [[{"a": object()}], [{"a": {1, 2}}]])
def test_what_is_not_json_is_refused(rows: list[dict[str, object]], tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read as JSON"):
        imprint.prepare_dataset(rows, tmp_path, "base=embedded")


def test_a_sample_is_loaded_by_name() -> None:
    rows = imprint.load_dataset("sample:chat")
    assert len(rows) == 20
    assert rows[2].messages[-1] == ("assistant", "By one twelfth.")
    assert (rows[2].source.document, rows[2].source.lines) == ("sample:chat", (3, 3))
    with pytest.raises(DocumentError, match="there are: sample:chat, sample:instruct"):
        imprint.load_dataset("sample:chess")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.parquet", "rows.csv"])
def test_files_of_rows_are_loaded_in_their_order(name: str, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import csv, parquet

    file, table = tmp_path / name, pyarrow.Table.from_pylist(ROWS)
    if file.suffix == ".parquet":
        parquet.write_table(table, file)
    elif file.suffix == ".csv":
        csv.write_csv(table, file)
    else:
        lines = [json.dumps(row) for row in ROWS]
        file.write_text("\n".join(lines) if file.suffix == ".jsonl" else f"[{','.join(lines)}]")
    found = imprint.load_dataset(file)
    assert [(row.instruction, row.output) for row in found] == [(row["question"], row["answer"]) for row in ROWS]
    assert {row.kind for row in found} == {"ready_made"}


def test_rows_of_other_forms_and_examples_may_be_mixed_in_a_list() -> None:
    turns = [{"role": role, "content": text} for role, text in (("user", "A?"), ("assistant", "B."))]
    rows: list[dict[str, Any]] = [{"messages": turns}, {"text": "Words."}, {"instruction": "C", "output": "D"}]
    found = imprint.load_dataset(rows)
    assert [(row.kind, row.instruction, row.output) for row in found] == [
        ("ready_made", "A?", "B."),
        ("text", "", "Words."),
        ("ready_made", "C", "D"),
    ]
    assert imprint.load_dataset(found) == found


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"instruction": "a"}', "a missing field: instruction without output"),
        ('{"instruction": "a", "output": ""}', "an empty row: output"),
        ("{", "not JSON"),
        ('{"x": 1}', "an unknown schema"),
        ("[]", "not an object"),
    ],
)
def test_a_row_that_is_none_is_named_with_its_line(line: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(f'{{"instruction": "a", "output": "b"}}\n{line}\n')
    with pytest.raises(DatasetError, match=f"^rows.jsonl:2: {problem}"):
        imprint.load_dataset(tmp_path / "rows.jsonl")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"train\.jsonl, "):
        imprint.load_dataset(tmp_path)
    with pytest.raises(DatasetError, match="cannot be read"):
        imprint.load_dataset(tmp_path / "rows.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(DatasetError, match="has no rows"):
        imprint.load_dataset(tmp_path / "empty.jsonl")
