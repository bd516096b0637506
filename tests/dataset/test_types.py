"""One line of the dataset, written and read."""

import json
from pathlib import Path

import pytest

from imprint.dataset import Example, read_examples
from imprint.dataset.types import Source
from imprint.errors import DatasetError

PLAIN = Example(
    instruction="İzin kaç hafta?",
    input="",
    output="İki hafta “tam” ışıklı.\nSon.",
    kind="section",
    fact="9f31c0a2b7d4",
    source=Source(document="handbook/leave.md", heading=("Leave", "Parental leave"), lines=(12, 30)),
)
TURNS = (("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello."))


def test_a_line_is_the_designs() -> None:
    assert PLAIN.line() == (
        '{"instruction": "İzin kaç hafta?", "input": "", "output": "İki hafta “tam” ışıklı.\\nSon.", '
        '"kind": "section", "fact": "9f31c0a2b7d4", '
        '"source": {"document": "handbook/leave.md", "heading": ["Leave", "Parental leave"], "lines": [12, 30]}}'
    )


def test_only_a_conversation_has_messages() -> None:
    row = json.loads(PLAIN.model_copy(update={"messages": TURNS}).line())
    assert row["messages"] == [list(turn) for turn in TURNS]
    assert list(row)[-1] == "messages"


@pytest.mark.parametrize("messages", [(), TURNS])
def test_what_is_written_is_read(tmp_path: Path, messages: tuple[tuple[str, str], ...]) -> None:
    examples = [PLAIN.model_copy(update={"messages": messages}), PLAIN]
    file = tmp_path / "train.jsonl"
    file.write_text("".join(example.line() + "\n" for example in examples), encoding="utf-8")
    assert read_examples(file) == examples


def test_the_input_follows_the_instruction_in_a_conversation() -> None:
    assert PLAIN.model_copy(update={"input": "ev"}).conversation() == [
        {"role": "user", "content": "İzin kaç hafta?\n\nev"},
        {"role": "assistant", "content": PLAIN.output},
    ]
    assert PLAIN.conversation()[0]["content"] == "İzin kaç hafta?"


def test_a_conversation_is_all_its_turns() -> None:
    assert PLAIN.model_copy(update={"messages": TURNS}).conversation() == [
        {"role": role, "content": content} for role, content in TURNS
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "instruction Field required"),
        ("not json", "Invalid JSON"),
        ('{"instruction": "a", "input": "", "output": 3}', "output Input should be a valid string"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "test.jsonl"
    file.write_text(f"{PLAIN.line()}\n{line}\n", encoding="utf-8")
    with pytest.raises(DatasetError) as caught:
        read_examples(file)
    assert caught.value.message.startswith(f"{file}:2: not a row of the dataset: ")
    assert said in caught.value.message
    assert "imprint prepare" in caught.value.hint
