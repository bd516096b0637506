"""JSON and JSON Lines: records with their lines, ready-made rows as they are, and what is wrong with a file."""

import json
import sys
from collections.abc import Callable

import pytest

from imprint.documents.data import parse_json, parse_json_lines
from imprint.documents.types import Record, Row
from imprint.errors import DocumentError

Parse = Callable[[str, str], tuple[list[Record], list[Row], list[str]]]


def records(text: str) -> list[Record]:
    return parse_json("x.json", text)[0]


def fields(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(record.subject, dict(record.fields)) for record in records(text)]


# ---- records --------------------------------------------------------------------------------------------------------


def test_an_array_of_objects_is_named_by_its_key_field() -> None:
    text = '[{"name": "Ankara", "plate": 6}, {"name": "İzmir", "plate": 35}]'
    assert fields(text) == [("Ankara", {"plate": "6"}), ("İzmir", {"plate": "35"})]


def test_the_key_field_is_in_every_record_and_never_twice() -> None:
    text = json.dumps(
        [
            {"name": "same", "region": "west", "code": "a"},
            {"name": "same", "region": "west", "code": "b", "extra": "c"},
        ]
    )
    assert [record.subject for record in records(text)] == ["a", "b"]


def test_a_usual_name_for_a_key_goes_before_the_place() -> None:
    text = '[{"city": "x", "id": "1a"}, {"city": "y", "id": "2b"}]'
    assert [record.subject for record in records(text)] == ["1a", "2b"]


def test_a_nested_key_is_found_by_its_path() -> None:
    text = '[{"title": {"tr": "Süre"}, "n": "1"}, {"title": {"tr": "Yer"}, "n": "1"}]'
    assert fields(text) == [("Süre", {"n": "1"}), ("Yer", {"n": "1"})]


def test_records_without_a_key_are_counted() -> None:
    text = '{"items": [{"a": 1, "b": 2}, {"a": 1, "b": 3}]}'
    assert fields(text) == [("items 1", {"a": "1", "b": "2"}), ("items 2", {"a": "1", "b": "3"})]


def test_objects_are_records_by_their_path() -> None:
    text = '{"version": "1", "service": {"port": 80, "tls": {"on": true}}}'
    assert fields(text) == [("", {"version": "1"}), ("service", {"port": "80"}), ("service.tls", {"on": "true"})]


def test_the_objects_of_a_record_are_flattened() -> None:
    text = '[{"name": "a", "size": {"w": 1}, "parts": [{"p": 2}, {"p": 3}]}]'
    assert fields(text) == [("a", {"size.w": "1", "parts.1.p": "2", "parts.2.p": "3"})]


@pytest.mark.parametrize(
    "number", ["0", "-0.0", "1.10", "1e3", "12345678901234567890123", "3.141592653589793238", "NaN"]
)
def test_numbers_stay_as_written(number: str) -> None:
    assert fields(f'[{{"name": "a", "n": {number}}}, {{"name": "b", "n": 1}}]')[0] == ("a", {"n": number})


def test_lists_of_scalars_are_joined() -> None:
    assert fields('{"colours": ["kırmızı", 2, null]}') == [("", {"colours": "kırmızı, 2, null"})]


def test_records_know_their_lines() -> None:
    text = '[\n  {"name": "a",\n   "x": 1},\n\n  {"name": "b", "x": 2}\n]\n'
    assert [record.lines for record in records(text)] == [(2, 3), (5, 5)]


def test_an_objects_lines_are_those_of_its_own_fields() -> None:
    text = '{\n  "a": {\n    "b": 1,\n    "c": 2\n  },\n  "d": 3\n}\n'
    found = {record.subject: record.lines for record in records(text)}
    assert found == {"": (6, 6), "a": (3, 4)}


@pytest.mark.parametrize("text", ["[]", "{}", "[[1, 2]]", '"just text"', "17", "[1, 2]", '{"a": []}'])
def test_json_without_objects_gives_nothing(text: str) -> None:
    found, rows, _ = parse_json("x.json", text)
    assert (found, rows) == ([], [])


def test_what_is_no_object_among_objects_is_told() -> None:
    _, _, skipped = parse_json("x.json", '[{"name": "a", "b": 1},\n 7,\n [1]]')
    assert skipped == ["line 2: a Number among objects", "line 3: a list among objects"]


def test_json_lines_are_records_line_by_line() -> None:
    found, _, _ = parse_json_lines("x.jsonl", '{"name": "a", "n": 1}\n\n{"name": "b", "n": 2.50}')
    assert found == [Record("a", (), (1, 1), (("n", "1"),)), Record("b", (), (3, 3), (("n", "2.50"),))]


# ---- ready-made rows ------------------------------------------------------------------------------------------------


def turns(*said: tuple[str, str], role: str = "role", content: str = "content") -> list[dict[str, str]]:
    return [{role: who, content: text} for who, text in said]


PLAIN = Row((1, 1), "Nerede?", "", "İşte *burada*.\n")
ASKED = ("user", PLAIN.instruction), ("assistant", PLAIN.output)
SHAREGPT = ("human", PLAIN.instruction), ("gpt", PLAIN.output)


@pytest.mark.parametrize(
    "member",
    [
        {"instruction": PLAIN.instruction, "output": PLAIN.output},
        {"instruction": PLAIN.instruction, "input": "", "output": PLAIN.output, "id": 7},
        {"prompt": PLAIN.instruction, "completion": PLAIN.output},
        {"prompt": PLAIN.instruction, "response": PLAIN.output},
        {"question": PLAIN.instruction, "answer": PLAIN.output},
        {"messages": turns(*ASKED)},
        {"conversations": turns(*SHAREGPT, role="from", content="value")},
        {"messages": turns(*ASKED, ("user", "And nobody answers."))},
    ],
    ids=lambda member: "-".join(member),
)
def test_a_known_form_is_passed_through_unchanged(member: dict[str, object]) -> None:
    text = json.dumps(member, ensure_ascii=False)
    assert parse_json_lines("x.jsonl", text) == ([], [PLAIN], [])
    assert parse_json("x.json", f"[{text}]") == ([], [PLAIN], [])


def test_alpaca_keeps_its_input() -> None:
    member = {"instruction": "Translate.", "input": "ev", "output": "house"}
    (row,) = parse_json("x.json", json.dumps([member]))[1]
    assert (row.instruction, row.input, row.output) == ("Translate.", "ev", "house")


def test_a_conversation_keeps_all_its_turns() -> None:
    said = (("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello."), *ASKED)
    (row,) = parse_json("x.json", json.dumps([{"messages": turns(*said)}]))[1]
    assert row.messages == said
    assert (row.instruction, row.output) == (PLAIN.instruction, PLAIN.output)


def test_a_system_turn_alone_makes_it_a_conversation() -> None:
    said = (("system", "Be brief."), *ASKED)
    (row,) = parse_json("x.json", json.dumps([{"messages": turns(*said)}]))[1]
    assert row.messages == said


@pytest.mark.parametrize(
    "member",
    [
        {"question": "What?", "answer": " "},
        {"instruction": "", "output": "text"},
        {"messages": turns(("user", "What?"))},
        {"messages": turns(("assistant", "Hello."))},
        {"messages": turns(("user", "a"), ("assistant", "b"), ("assistant", "c"))},
    ],
    ids=json.dumps,
)
def test_a_row_without_question_or_answer_is_left_out_and_told(member: dict[str, object]) -> None:
    found = parse_json_lines("x.jsonl", "\n" + json.dumps(member))
    assert found == ([], [], ["line 2: a row without a question or an answer"])


@pytest.mark.parametrize(
    "member",
    [
        {"messages": turns(("tool", "x"), ("assistant", "y"))},
        {"messages": [{"role": ["user"], "content": "x"}, {"role": "assistant", "content": "y"}]},
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        {"messages": "none"},
        {"question": "What?", "answer": {"a": "b"}},
    ],
    ids=json.dumps,
)
def test_what_only_looks_like_a_row_is_a_record(member: dict[str, object]) -> None:
    found, rows, _ = parse_json("x.json", json.dumps([member]))
    assert rows == []
    assert len(found) == 1


# ---- broken files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ('{\n  "a": 1,\n  "b" 2\n}', "x.json:3:7:", "Expecting ':' delimiter"),
        ("[1,\n 2", "x.json:2:3:", "Expecting ',' delimiter"),
        ("", "x.json:1:1:", "Expecting value"),
        ('{"a": "open', "x.json:1:7:", "Unterminated string"),
        ('{"a": 1}\n{"a": 2}\n', "x.json:2:1:", "JSON Lines files end in .jsonl"),
        ('{"a": 1}\n\n  , ', "x.json:3:3:", "Extra data"),
    ],
)
def test_broken_json_is_named_by_line_and_column(text: str, place: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_json("x.json", text)
    assert caught.value.message.startswith(f"{place} not valid JSON: ")
    assert said in caught.value.message
    assert caught.value.hint == "mend the file or take it out"


def test_broken_json_lines_are_named_by_line_and_column() -> None:
    with pytest.raises(DocumentError, match=r"^x\.jsonl:3:7: not valid JSON: "):
        parse_json_lines("x.jsonl", '{"a": 1}\n\n{"a": }\n')


def refusal(parse: Parse, text: str) -> str | None:
    try:
        parse("x.json", text)
    except DocumentError as error:
        return error.message
    return None


DEPTHS = [100_000, *range(sys.getrecursionlimit() - 150, sys.getrecursionlimit() + 10, 3), 5_000]


@pytest.mark.parametrize("parse", [parse_json, parse_json_lines])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_json_nested_too_deeply_is_refused_not_crashed_on(parse: Parse, opens: str, closes: str) -> None:
    """Just below the limit the parser gets through, and what walks its result must too."""
    for depth in DEPTHS:
        text = f'[{{"b":{opens * depth}1{closes * depth}}}]'
        message = refusal(parse, text)
        assert message is None or (message.startswith("x.json") and "nested too deeply" in message)
        assert message is not None or depth < sys.getrecursionlimit()
