"""A dataset in other tools' forms, read back: nothing is lost that the form can hold."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from imprint import base
from imprint.dataset.checking import check
from imprint.dataset.forms import FORMS, export
from imprint.dataset.types import Example, Source
from imprint.documents import forms
from imprint.errors import DatasetError

PLAIN = Example(
    instruction="İzin kaç hafta?",
    input="",
    output="İki hafta “tam” ışıklı.\nSon.",
    kind="section",
    fact="9f31c0a2b7d4",
    source=Source(document="handbook/leave.md", heading=("Leave", "Parental leave"), lines=(12, 30)),
)
WITH_INPUT = PLAIN.model_copy(update={"instruction": "Translate.", "input": "ev", "output": "house", "kind": "row"})
TURNS = (("user", "Hi"), ("assistant", "Hello."), ("user", "Why?"), ("assistant", "Because."))
TALK = PLAIN.model_copy(update={"instruction": "Why?", "output": "Because.", "messages": TURNS})
SYSTEM_TALK = TALK.model_copy(update={"messages": (("system", "Be brief."), *TURNS)})
SYSTEM = TALK.model_copy(update={"messages": (("system", "Be brief."), *TURNS[2:])})
EVERY = [PLAIN, WITH_INPUT, TALK, SYSTEM_TALK, SYSTEM]


@pytest.fixture
def exported(tmp_path: Path) -> Callable[..., Path]:
    """`exported(examples, "alpaca")`: the file that these become."""

    def run(examples: Sequence[Example], form: str) -> Path:
        source = tmp_path / "train.jsonl"
        source.write_text("".join(example.line() + "\n" for example in examples), encoding="utf-8")
        target = tmp_path / f"out.{'parquet' if form == 'parquet' else 'jsonl'}"
        assert export(source, target, form) == len(examples)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([target.name, source.name])
        return target

    return run


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


# ---- the forms ------------------------------------------------------------------------------------------------------


def test_alpaca(exported: Callable[..., Path]) -> None:
    found = rows(exported(EVERY, "alpaca"))
    assert found[0] == {"instruction": PLAIN.instruction, "input": "", "output": PLAIN.output}
    assert found[1] == {"instruction": "Translate.", "input": "ev", "output": "house"}
    asked = {"instruction": "Why?", "input": "", "output": "Because."}
    assert found[2] == {**asked, "history": [["Hi", "Hello."]]}
    assert found[3] == {**asked, "system": "Be brief.", "history": [["Hi", "Hello."]]}
    assert found[4] == {**asked, "system": "Be brief."}


def test_sharegpt(exported: Callable[..., Path]) -> None:
    found = rows(exported([WITH_INPUT, SYSTEM], "sharegpt"))
    assert found[0]["conversations"] == [
        {"from": "human", "value": "Translate.\n\nev"},
        {"from": "gpt", "value": "house"},
    ]
    assert [turn["from"] for turn in found[1]["conversations"]] == ["system", "human", "gpt"]


def test_messages(exported: Callable[..., Path]) -> None:
    assert [row["messages"] for row in rows(exported(EVERY, "messages"))] == [item.conversation() for item in EVERY]


def test_prompt_and_completion(exported: Callable[..., Path]) -> None:
    assert rows(exported([PLAIN, WITH_INPUT], "prompt-completion")) == [
        {"prompt": PLAIN.instruction, "completion": PLAIN.output},
        {"prompt": "Translate.\n\nev", "completion": "house"},
    ]


def test_prompt_and_completion_of_several_turns_are_messages_in_every_row(exported: Callable[..., Path]) -> None:
    found = rows(exported(EVERY, "prompt-completion"))
    assert [[*row["prompt"], *row["completion"]] for row in found] == [item.conversation() for item in EVERY]


def test_parquet_holds_everything(exported: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet

    from imprint.dataset import forms as written

    monkeypatch.setattr(written, "_ROW_GROUP", 2)
    table = parquet.ParquetFile(exported(EVERY, "parquet"))
    assert table.num_row_groups == 3
    assert table.schema_arrow.names == ["instruction", "input", "output", "kind", "fact", "source", "messages"]
    found = table.read().to_pylist()
    for row in found:
        row["messages"] = [(turn["role"], turn["content"]) for turn in row["messages"]]
    assert [Example.model_validate(row) for row in found] == EVERY


# ---- as others read them --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_datasets_loads_every_form(form: str, exported: Callable[..., Path], tmp_path: Path) -> None:
    from datasets import Dataset

    file = exported(EVERY, form)
    load = Dataset.from_parquet if form == "parquet" else Dataset.from_json  # `load_dataset` asks a server first
    loaded = load(str(file), cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == len(EVERY)
    assert PLAIN.output in json.dumps(loaded[0], ensure_ascii=False).replace("\\n", "\n")


@pytest.mark.parametrize("form", [form for form in FORMS if form != "parquet"])
def test_imprint_reads_every_form_as_it_was(form: str, exported: Callable[..., Path]) -> None:
    for example, member in zip(EVERY, rows(exported(EVERY, form)), strict=True):
        found = forms.read_row(member, (1, 1))
        assert found is not None
        row, left_out = found
        assert row is not None
        assert left_out == ()
        question = f"{row.instruction}\n\n{row.input}" if row.input else row.instruction
        turns = row.messages or (("user", question), ("assistant", row.output))
        assert [{"role": role, "content": content} for role, content in turns] == example.conversation()


@pytest.mark.parametrize("form", FORMS)
def test_the_check_finds_nothing_in_an_export(form: str, exported: Callable[..., Path]) -> None:
    report = check([exported([PLAIN, WITH_INPUT, SYSTEM_TALK], form)], base.find("embedded"), 2048)
    assert report.problems == []
    assert report.figures["rows"] == 3


# ---- what cannot be exported ----------------------------------------------------------------------------------------


def test_an_unknown_form(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no form 'xml'; expected one of alpaca, sharegpt"):
        export(tmp_path / "a.jsonl", tmp_path / "b.jsonl", "xml")


def test_a_dataset_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no dataset at"):
        export(tmp_path / "a.jsonl", tmp_path / "b.jsonl", "alpaca")


@pytest.mark.parametrize("form", FORMS)
def test_a_broken_row_leaves_nothing_behind(form: str, tmp_path: Path) -> None:
    source, target = tmp_path / "a.jsonl", tmp_path / "b"
    source.write_text(PLAIN.line() + "\n{}\n", encoding="utf-8")
    target.write_text("before", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"a\.jsonl:2: not a row of the dataset"):
        export(source, target, form)
    assert target.read_text(encoding="utf-8") == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_conversation_that_alpaca_cannot_hold(tmp_path: Path) -> None:
    turns = (("user", "Hi"), ("user", "Hello?"), ("assistant", "Yes."))
    source = tmp_path / "a.jsonl"
    source.write_text(TALK.model_copy(update={"messages": turns}).line() + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"handbook/leave\.md:12 does not go from user to assistant"):
        export(source, tmp_path / "b.jsonl", "alpaca")
    assert export(source, tmp_path / "b.jsonl", "messages") == 1
