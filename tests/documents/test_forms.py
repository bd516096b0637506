"""Ready-made rows of known forms pass through unchanged."""

import json

import pytest

from imprint.documents.data import parse_json, parse_json_lines
from imprint.documents.types import LeftOut, Parsed, Row


def turns(*said: tuple[str, str], role: str = "role", content: str = "content") -> list[dict[str, str]]:
    return [{role: who, content: text} for who, text in said]


PLAIN = Row((1, 1), "  Nerede?", "", "İşte *burada*.\n")
ASKED = ("user", PLAIN.instruction), ("assistant", PLAIN.output)
SHAREGPT = ("human", PLAIN.instruction), ("gpt", PLAIN.output)


@pytest.mark.parametrize(
    "member",
    [
        {"instruction": PLAIN.instruction, "output": PLAIN.output},
        {"instruction": PLAIN.instruction, "input": "", "output": PLAIN.output, "id": 7},
        {"prompt": PLAIN.instruction, "completion": PLAIN.output},
        {"prompt": PLAIN.instruction, "response": PLAIN.output},
        {"prompt": turns(ASKED[0]), "completion": turns(ASKED[1])},
        {"question": PLAIN.instruction, "answer": PLAIN.output},
        {"messages": turns(*ASKED)},
        {"conversations": turns(*SHAREGPT, role="from", content="value")},
    ],
    ids=lambda member: "-".join(member),
)
def test_a_known_form_is_passed_through_unchanged(member: dict[str, object]) -> None:
    text = json.dumps(member, ensure_ascii=False)
    expected = Parsed(rows=(PLAIN,))
    assert parse_json_lines("x.jsonl", text) == expected
    assert parse_json("x.json", f"[{text}]") == expected
    assert parse_json("x.json", text) == expected
    assert parse_json("x.json", f'{{"data": [{text}]}}') == expected


def row_of(member: dict[str, object]) -> Row:
    (row,) = parse_json("x.json", json.dumps([member])).rows
    return row


def test_alpaca_keeps_its_input_its_system_text_and_its_history() -> None:
    member = {"instruction": "Translate.", "input": "ev", "output": "house"}
    assert row_of(dict(member)) == Row((1, 1), "Translate.", "ev", "house")
    longer = row_of({**member, "system": "Be brief.", "history": [["Hi", "Hello."]]})
    assert (longer.instruction, longer.input, longer.output) == ("Translate.", "ev", "house")
    assert longer.messages == (
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "Translate.\n\nev"),
        ("assistant", "house"),
    )


def test_a_conversation_keeps_all_its_turns() -> None:
    said = (("system", "Be brief."), ("user", " Hi"), ("assistant", "Hello.\n"), *ASKED)
    row = row_of({"messages": turns(*said)})
    assert row.messages == said
    assert (row.instruction, row.output) == (PLAIN.instruction, PLAIN.output)


def test_a_system_text_beside_the_turns_comes_first() -> None:
    row = row_of({"system": "Be brief.", "conversations": turns(*SHAREGPT, role="from", content="value")})
    assert row.messages == (("system", "Be brief."), *ASKED)


def test_turns_that_nothing_answers_are_cut_and_told() -> None:
    found = parse_json("x.json", json.dumps([{"messages": turns(*ASKED, ("user", "And now?"), ("user", "Hello?"))}]))
    assert found == Parsed(rows=(PLAIN,), left_out=(LeftOut((1, 1), "a turn without an answer", "2 at the end"),))


@pytest.mark.parametrize(
    ("member", "reason", "detail"),
    [
        ({"question": "What?", "answer": " "}, "an empty row", "answer"),
        ({"instruction": "", "output": "text"}, "an empty row", "instruction"),
        ({"instruction": "x", "output": None}, "an empty row", "output"),
        ({"messages": turns(("user", "What?"), ("assistant", ""))}, "an empty row", "assistant"),
        ({"messages": turns(("user", "What?"))}, "a conversation without an answer", ""),
        ({"messages": turns(("assistant", "Hello."))}, "a conversation without an answer", ""),
        (
            {"messages": turns(("user", "a"), ("assistant", "b"), ("assistant", "c"))},
            "a conversation without an answer",
            "",
        ),
        ({"messages": turns(*ASKED, ("tool", "{}"), ("assistant", "x"))}, "a tool's turn", "tool"),
        (
            {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]},
            "a tool's turn",
            "assistant",
        ),
        ({"messages": turns(("narrator", "x"), ("assistant", "y"))}, "an unknown role", "narrator"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "a turn that is not text", "user"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "a preference pair", ""),
    ],
    ids=json.dumps,
)
def test_a_row_that_cannot_be_trained_on_is_left_out_and_told(
    member: dict[str, object], reason: str, detail: str
) -> None:
    found = parse_json_lines("x.jsonl", "\n" + json.dumps(member))
    assert found == Parsed(left_out=(LeftOut((2, 2), reason, detail),))


def test_half_of_a_row_among_rows_is_left_out() -> None:
    text = '[{"question": "a", "answer": "b"},\n {"question": "c"}]'
    found = parse_json("x.json", text)
    assert found == Parsed(rows=(Row((1, 1), "a", "", "b"),), left_out=(LeftOut((2, 2), "half of a row"),))


@pytest.mark.parametrize(
    "member", [{"messages": "none"}, {"question": "What?", "answer": {"a": "b"}}, {"prompt": "x"}], ids=json.dumps
)
def test_what_only_looks_like_a_row_is_a_record(member: dict[str, object]) -> None:
    found = parse_json("x.json", json.dumps([member]))
    assert (len(found.records), found.rows) == (1, ())


def test_rows_among_records_are_told_apart_one_by_one() -> None:
    text = '[{"name": "x", "n": 1},\n {"question": "a", "answer": 4.0},\n {"name": "y", "n": 2}]'
    found = parse_json("x.json", text)
    assert [record.subject for record in found.records] == ["x", "y"]
    assert found.rows == (Row((2, 2), "a", "", "4.0"),)


def test_a_list_of_texts_is_rows_of_text() -> None:
    text = '[{"text": " One.\\n", "id": 1},\n {"text": "Two.", "source": "web"},\n {"text": ""}]'
    found = parse_json("x.json", text)
    assert found.rows == (Row((1, 1), "", "", " One.\n"), Row((2, 2), "", "", "Two."))
    assert found.left_out == (LeftOut((3, 3), "an empty row", "text"),)


def test_a_text_among_other_fields_is_a_field() -> None:
    found = parse_json("x.json", '[{"text": "One.", "author": "A"}, {"text": "Two.", "author": "B"}]')
    assert (len(found.records), found.rows) == (2, ())
