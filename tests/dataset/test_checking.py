"""Datasets of any tool, checked: every problem with its file and line, and nothing said about a good one."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint import base
from imprint.base import Base
from imprint.dataset import rows
from imprint.dataset.checking import Report, check
from imprint.dataset.types import Example, Source
from imprint.errors import DatasetError

EMBEDDED = base.find("embedded")
ALPACA = {"instruction": "How many weeks of leave are there?", "input": "", "output": "Six weeks."}
SHAREGPT = {"conversations": [{"from": "human", "value": "Who wrote it?"}, {"from": "gpt", "value": "Two people."}]}
MESSAGES = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hello to you."},
        {"role": "user", "content": "Where is the office?"},
        {"role": "assistant", "content": "In the second street."},
    ]
}
COMPLETION = {"prompt": "Name a colour of the flag.", "completion": "Red."}
QUESTION = {"question": "What is served on Mondays?", "answer": "Soup."}
TEXT = {"text": "The house was built in 1912 and has four floors."}
SCHEMAS = {
    "alpaca": ALPACA,
    "sharegpt": SHAREGPT,
    "messages": MESSAGES,
    "prompt/completion": COMPLETION,
    "question/answer": QUESTION,
    "text": TEXT,
}


def lines(*members: Any) -> str:
    return "".join((member if isinstance(member, str) else json.dumps(member)) + "\n" for member in members)


def qa(question: str, answer: str) -> dict[str, str]:
    return {"instruction": question, "input": "", "output": answer}


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Report]:
    """`checked({"a.jsonl": "…"}, 2048)`: the report on files with these texts."""

    def run(files: dict[str, str | bytes], max_seq_length: int = 2048) -> Report:
        for name, text in files.items():
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return check([tmp_path / name for name in files], EMBEDDED, max_seq_length)

    return run


@pytest.fixture
def base_with(small_base: Path, tmp_path: Path) -> Callable[..., Base]:
    """`base_with("{{ … }}")`: the small base with this chat template; with none where it is empty."""

    def make(template: str) -> Base:
        folder = tmp_path / f"base{len(template)}"
        shutil.copytree(small_base, folder)
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        if template:
            (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
        return base.find(str(folder))

    return make


def told(report: Report) -> list[tuple[str, int, str]]:
    return [(Path(problem.file).name, problem.line, problem.what) for problem in report.problems]


# ---- good datasets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_good_row_of_each_schema(schema: str, checked: Callable[..., Report]) -> None:
    report = checked({"train.jsonl": lines(SCHEMAS[schema])})
    assert report.problems == []
    assert report.figures["schemas"] == {schema: 1}
    assert report.figures["rows"] == 1


def test_imprints_own_rows_are_good(checked: Callable[..., Report]) -> None:
    place = Source(document="a.md", heading=("A",), lines=(1, 2))
    turns = (("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello."), ("user", "Why?"), ("assistant", "So."))
    plain = Example(instruction="What is A?", input="", output="The first.", kind="section", fact="1", source=place)
    talk = plain.model_copy(update={"instruction": "Why?", "output": "So.", "messages": turns, "fact": "2"})
    report = checked({"train.jsonl": plain.line() + "\n" + talk.line() + "\n"})
    assert report.problems == []
    assert report.figures["schemas"] == {"alpaca": 2}
    assert report.figures["conversations"] == 1


def test_the_figures(checked: Callable[..., Report]) -> None:
    answers = ["One.", "One two three four.", "One two three four five six seven."]
    train = lines(*(qa(f"Question about {'abc'[number] * 9}?", answer) for number, answer in enumerate(answers)))
    figures = checked({"train.jsonl": train, "test.jsonl": lines(qa("Another?", "Yes."))}).figures
    count = base.token_counter(EMBEDDED)
    tokens = [count(answer) for answer in [*answers, "Yes."]]
    assert [Path(name).name for name in figures["files"]] == ["train.jsonl", "test.jsonl"]
    assert list(figures["files"].values()) == [3, 1]
    assert abs(figures["answer_tokens"]["mean"] - sum(tokens) / 4) <= 1
    assert abs(figures["answer_tokens"]["longest"] - max(tokens)) <= 1
    assert json.loads(json.dumps(figures)) == figures


# ---- rows by themselves ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "what", "detail"),
    [
        ('{"instruction": "a"', "not JSON", "column"),
        ("[" * 100_000, "not JSON", "nested too deeply"),
        ("[1, 2]", "not an object", "a list"),
        ({}, "an unknown schema", "an empty object"),
        ({"title": "a", "body": "b"}, "an unknown schema", "an object with title, body"),
        ({"instruction": "a", "input": ""}, "a missing field", "instruction without output"),
        ({"output": "a"}, "a missing field", "output without instruction"),
        ({"answer": "a"}, "a missing field", "answer without question"),
        ({"prompt": "a"}, "a missing field", "prompt without completion"),
        ({**ALPACA, "output": ""}, "an empty row", "output"),
        ({**ALPACA, "output": None}, "an empty row", "output"),
        ({**ALPACA, "instruction": " \n"}, "an empty row", "instruction"),
        ({**ALPACA, "output": 3}, "not text", "output is a int"),
        ({"text": "  "}, "an empty row", "text"),
        ({"messages": [{"role": "user", "content": "a"}]}, "a conversation without an answer", ""),
        ({"messages": [{"role": "judge", "content": "a"}]}, "an unknown role", "judge"),
        (qa("Is it?", "Yes<|end|>No"), "an end token inside", "<|end|> in the text of the assistant"),
        (qa("Is <|end|> it?", "Yes"), "an end token inside", "<|end|> in the text of the user"),
    ],
)
def test_a_row_with_a_problem(line: Any, what: str, detail: str, checked: Callable[..., Report]) -> None:
    report = checked({"train.jsonl": lines(ALPACA, line, QUESTION | qa("Which is good?", "This."))})
    assert told(report)[0] == ("train.jsonl", 2, what)
    assert detail in report.problems[0].detail
    assert [problem.what for problem in report.problems[1:]] in ([], ["mixed schemas"])


def test_a_row_that_is_too_long_loses_its_end(checked: Callable[..., Report]) -> None:
    count = base.token_counter(EMBEDDED)
    row = qa("What is said?", "One word and another. " * 20)
    whole = f"<|user|>\n{row['instruction']}<|end|>\n<|assistant|>\n{row['output'].strip()}<|end|>"
    size = count(whole)
    assert checked({"train.jsonl": lines(row)}, size).problems == []
    report = checked({"train.jsonl": lines(ALPACA, row)}, size - 1)
    assert told(report) == [("train.jsonl", 2, "too long")]
    expected = f"{size} tokens, of which {size - 1} fit: the end of the answer would be lost, and its end token"
    assert report.problems[0].detail == expected


def test_mixed_schemas_are_told_for_each_row(checked: Callable[..., Report]) -> None:
    report = checked({"train.jsonl": lines("", ALPACA, COMPLETION, qa("Another?", "Yes."), QUESTION)})
    assert told(report) == [("train.jsonl", 3, "mixed schemas"), ("train.jsonl", 5, "mixed schemas")]
    assert report.problems[0].detail == "prompt/completion, where line 2 is alpaca"


def test_files_may_have_different_schemas(checked: Callable[..., Report]) -> None:
    assert checked({"a.jsonl": lines(ALPACA), "b.jsonl": lines(COMPLETION)}).problems == []


def test_every_problem_is_told_in_order(checked: Callable[..., Report]) -> None:
    bad = [{"output": "a"}, "{", qa("a" * 9, "")]
    report = checked({"b.jsonl": lines(*bad, ALPACA, ALPACA), "a.jsonl": lines(ALPACA, *bad)})
    places = [("b.jsonl", number) for number in (1, 2, 3, 5)] + [("a.jsonl", number) for number in (1, 2, 3, 4)]
    assert [place[:2] for place in told(report)] == places
    kinds = {"a missing field": 2, "not JSON": 2, "an empty row": 2, "duplicate": 1, "leak": 1}
    assert report.figures["problems"] == kinds


# ---- rows beside others ---------------------------------------------------------------------------------------------


def test_duplicates_name_the_first(checked: Callable[..., Report]) -> None:
    other = qa("how many weeks of  leave are there", "six weeks")
    report = checked({"train.jsonl": lines(ALPACA, qa("Who?", "Me."), ALPACA, other)})
    assert told(report) == [("train.jsonl", 3, "duplicate"), ("train.jsonl", 4, "duplicate")]
    assert [problem.detail for problem in report.problems] == ["the same as line 1"] * 2


def test_two_answers_to_a_question(checked: Callable[..., Report]) -> None:
    other = {**ALPACA, "output": "Four."}
    report = checked({"train.jsonl": lines(ALPACA, other, other)})
    assert told(report) == [("train.jsonl", 2, "two answers"), ("train.jsonl", 3, "duplicate")]
    assert report.problems[0].detail == "line 1 has another answer to the same question"
    assert report.problems[1].detail == "the same as line 2"


def test_the_same_last_turn_after_different_ones_is_another_question(checked: Callable[..., Report]) -> None:
    def talk(first: str, answer: str) -> dict[str, Any]:
        texts = [("user", first), ("assistant", "Yes."), ("user", "And why is that so, please?"), ("assistant", answer)]
        return {"messages": [{"role": role, "content": text} for role, text in texts]}

    talks = [talk("Is it large?", "It grew."), talk("Is it old?", "It was built long ago."), talk("Is it old?", "Age.")]
    assert told(checked({"train.jsonl": lines(*talks)})) == [("train.jsonl", 3, "two answers")]


def test_near_duplicates(checked: Callable[..., Report]) -> None:
    rows = [qa(f"How do I reset the password {word} my account?", "On the page.") for word in ("of", "for", "from all")]
    report = checked({"train.jsonl": lines(rows[0], qa("Who?", "Me."), rows[1])})
    assert told(report) == [("train.jsonl", 3, "near-duplicate")]
    assert report.problems[0].detail == "nearly the question of line 1"


def test_leaks_across_files(checked: Callable[..., Report], tmp_path: Path) -> None:
    train = lines(qa("Who?", "Me."), qa("How do I reset the password of my account?", "On the page."), ALPACA)
    near = {"prompt": "How do I reset the password for my account?", "completion": "On the page."}
    same = {"prompt": "How many weeks of leave are there", "completion": "Unknown."}
    report = checked({"train.jsonl": train, "test.jsonl": lines(near, COMPLETION, same)})
    assert told(report) == [("test.jsonl", 1, "leak"), ("test.jsonl", 3, "leak")]
    assert report.problems[0].detail == f"nearly the question of {tmp_path / 'train.jsonl'}:2"
    assert report.problems[1].detail == f"the question of {tmp_path / 'train.jsonl'}:3"


# ---- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ALPACA, {"output": "a"}, qa("Who?", "Me.")], indent=1),
        json.dumps([ALPACA, {"output": "a"}, qa("Who?", "Me.")]),
        json.dumps({"data": [ALPACA, {"output": "a"}, qa("Who?", "Me.")]}, indent=1),
        "\ufeff" + lines(ALPACA, {"output": "a"}, qa("Who?", "Me.")),
    ],
)
def test_json_files(text: str, checked: Callable[..., Report]) -> None:
    report = checked({"train.json": text})
    line = text[: text.index('"output": "a"')].count("\n") + 1
    problem = report.problems[0]
    assert (problem.what, problem.line) == ("a missing field", line - (text[:1] in "[{" and "\n" in text))
    assert report.figures["rows"] == 3


def test_a_long_array_is_read_piece_by_piece(checked: Callable[..., Report], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_CHUNK", 16)
    members = [qa(f"Question {number}, is it “{'ş' * 50}”?", '\\"] [{' * 9) for number in range(40)]
    text = json.dumps(members, indent=2)
    report = checked({"train.json": text[: text.rindex("}")]})
    assert told(report) == [("train.json", text.count("\n"), "not JSON")]
    assert report.figures["rows"] == 40


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("a.json", '[{"instruction": "a", "output": "b"},\n {"instruction" 3}, {}]', 2, "not JSON"),
        ("a.json", '[{"instruction": "a", "output": "b"},\n\n', 3, "not JSON"),
        ("a.json", '{"title": "a",\n "pages": 3}', 1, "not rows"),
        ("a.json", "[1]", 1, "not an object"),
        ("a.jsonl", "", 0, "no rows"),
        ("a.json", " \n", 0, "no rows"),
        ("a.jsonl", b'{"instruction": "a", "output": "\xff"}\n', 1, "not UTF-8"),
        ("a.csv", 'instruction,output\na,b\n"c\nd",e,f\n', 3, "a ragged row"),
        ("a.parquet", b"PAR1", 1, "not Parquet"),
    ],
)
def test_a_file_with_a_problem(
    name: str, text: str | bytes, line: int, what: str, checked: Callable[..., Report]
) -> None:
    assert told(checked({name: text})) == [(name, line, what)]


def test_tables(tmp_path: Path) -> None:
    from datasets import Dataset

    members = [ALPACA, qa("Who,\nthen?", ""), qa("Who?", "Me.")]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(ALPACA))
        writer.writeheader()
        writer.writerows(members)
    Dataset.from_list(members).to_parquet(tmp_path / "b.parquet")
    Dataset.from_list([MESSAGES, MESSAGES]).to_parquet(tmp_path / "c.parquet")
    for name, expected in {"a.csv": [(3, "an empty row")], "b.parquet": [(2, "an empty row")]}.items():
        report = check([tmp_path / name], EMBEDDED, 2048)
        assert [(problem.line, problem.what) for problem in report.problems] == expected
        assert report.figures["rows"] == 3
    report = check([tmp_path / "c.parquet"], EMBEDDED, 2048)
    assert told(report) == [("c.parquet", 2, "duplicate")]
    assert report.figures["conversations"] == 2


@pytest.mark.parametrize(("name", "said"), [("none.jsonl", "No such file"), ("a.docx", "name ends in .jsonl")])
def test_a_file_that_cannot_be_checked(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(DatasetError, match=said):
        check([tmp_path / name], EMBEDDED, 2048)


def test_a_base_whose_template_ends_nothing(base_with: Callable[..., Base], tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(lines(ALPACA), encoding="utf-8")
    assert told(check([file], base_with(""), 2048)) == []  # without one it gets Alpaca's
    report = check([file], base_with("{% for turn in messages %}{{ turn.content }}{% endfor %}"), 2048)
    assert told(report) == [("a.jsonl", 0, "no end token")]


def test_a_conversation_that_the_template_refuses(base_with: Callable[..., Base], tmp_path: Path) -> None:
    refusal = "{% for turn in messages %}{% if turn.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    file = tmp_path / "a.jsonl"
    file.write_text(lines(MESSAGES), encoding="utf-8")
    report = check([file], base_with(refusal + "{{ turn.content }}<|end|>{% endfor %}"), 2048)
    assert told(report) == [("a.jsonl", 1, "refused by the chat template")]
    assert "no system" in report.problems[0].detail


def test_progress_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(lines(*(qa(f"Number {number}?", str(number)) for number in range(2001))), encoding="utf-8")
    seen: list[tuple[str, int]] = []
    assert check([file], EMBEDDED, 2048, lambda name, done: seen.append((name, done))).problems == []
    assert seen == [(str(file), 1000), (str(file), 2000)]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.sampled_from(rows.SUFFIXES), st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_give_a_report(tmp_path_factory: pytest.TempPathFactory, suffix: str, raw: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / f"any{suffix}"
    file.write_bytes(raw)
    assert check([file], EMBEDDED, 2048).figures["rows"] >= 0


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["instruction", "input", "output", "messages", "conversations", "prompt", "text", "fact"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["role", "content", "from", "value"]), inner, max_size=3)
                ),
                max_leaves=6,
            ),
        ),
        max_size=4,
    )
)
def test_any_objects_give_a_report(tmp_path_factory: pytest.TempPathFactory, members: list[Any]) -> None:
    file = tmp_path_factory.getbasetemp() / "any.jsonl"
    file.write_text(lines(*members), encoding="utf-8")
    assert check([file], EMBEDDED, 2048).figures["rows"] == len(members)
