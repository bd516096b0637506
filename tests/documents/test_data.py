"""JSON, JSON Lines and YAML: what is read with its lines, and what is wrong with a file."""

import json
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.documents.data import parse_json, parse_json_lines, parse_yaml
from imprint.documents.tokens import DEPTH, find_lines
from imprint.documents.types import Field, LeftOut, Parsed, Record
from imprint.errors import DocumentError

Parse = Callable[[str, str], Parsed]
PARSERS: list[Parse] = [parse_json, parse_json_lines, parse_yaml]


def refusal(parse: Parse, text: str) -> str | None:
    try:
        parse("x.json", text)
    except DocumentError as error:
        return error.message
    return None


# ---- lines ----------------------------------------------------------------------------------------------------------


def test_every_field_knows_its_line() -> None:
    text = '[\n  {"name": "a",\n   "x": 1},\n\n  {"name": "b",\n\n "y": {"z":\n 2}, "l": [1,\n2]}\n]\n'
    first, second = parse_json("x.json", text).records
    assert (first.lines, second.lines) == ((2, 3), (5, 9))
    assert [(one.name, one.line) for one in (*first.fields, *second.fields)] == [("x", 3), ("y.z", 7), ("l", 8)]


def test_line_breaks_and_brackets_in_strings_do_not_count() -> None:
    text = '{"a\\n": "x\\n{[\\"]",\n "b": "}\\\\",\n "c": 1}'
    (record,) = parse_json("x.json", text).records
    assert [one.line for one in record.fields] == [1, 2, 3]


def test_json_lines_are_records_line_by_line() -> None:
    found = parse_json_lines("x.jsonl", '{"name": "a", "n": 1}\n\n{"name": "b", "n": 2.50}').records
    assert found == (
        Record("a", (), (1, 1), (Field("n", "1", 1),), "name"),
        Record("b", (), (3, 3), (Field("n", "2.50", 3),), "name"),
    )


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(values, st.sampled_from([None, 1]))
def test_tokens_are_counted_like_a_walk_over_the_value(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    lines = list(find_lines(text))
    assert lines == sorted(lines)
    assert len(lines) == count(value)
    assert not lines or lines[-1] == text.count("\n") + 1


def count(value: object) -> int:
    if isinstance(value, dict):
        return 2 + sum(1 + count(member) for member in value.values())
    return 2 + sum(map(count, value)) if isinstance(value, list) else 1


# ---- as written -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["0", "-0.0", "1.0", "1.10", "1e5", "12345678901234567890123", "3.141592653589793238", "NaN", "-Infinity"]
)
def test_numbers_stay_as_written(number: str) -> None:
    text = f'[{{"name": "a", "n": {number}}}, {{"name": "b", "n": 1}}]'
    assert parse_json("x.json", text).records[0].fields[0].value == number


@settings(derandomize=True, deadline=None, max_examples=60)
@given(values)
def test_all_numbers_of_a_document_are_in_its_records_or_left_out(value: object) -> None:
    text = json.dumps({"top": value, "end": 12345.50})
    found = parse_json("x.json", text)
    told = [one.value for record in found.records for one in record.fields]
    assert "12345.5" in told
    assert found.left_out or all(any(number in value for value in told) for number in numbers(value))


def numbers(value: object) -> list[str]:
    if isinstance(value, dict):
        return [number for member in value.values() for number in numbers(member)]
    if isinstance(value, list):
        return [number for member in value for number in numbers(member)]
    return [json.dumps(value)] if isinstance(value, (int, float)) else []


def test_of_a_key_given_twice_the_last_counts_and_the_other_is_told() -> None:
    text = '{"a": {"x": [1, 2]},\n "b": 5,\n "a": 3,\n "c": 4}'
    found = parse_json("x.json", text)
    assert [(one.name, one.value, one.line) for one in found.records[0].fields] == [
        ("b", "5", 2),
        ("a", "3", 3),
        ("c", "4", 4),
    ]
    assert found.left_out == (LeftOut((1, 1), "a key given twice", "a"),)


def test_half_of_a_surrogate_pair_becomes_a_character_that_can_be_written() -> None:
    found = parse_json("x.json", '{"a": "\\ud83d\\ude00 \\\\ud800",\n "b": "x\\ud800"}')
    assert [one.value for one in found.records[0].fields] == ["😀 \\ud800", "x\ufffd"]
    assert found.left_out == (LeftOut((2, 2), "half of a character", "\\ud800: 1 times"),)


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


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_what_is_nested_too_deeply_is_refused_not_crashed_on(parse: Parse, opens: str, closes: str) -> None:
    limit = DEPTH // len([letter for letter in opens if letter in "[{"])
    for depth in (limit + 3, sys.getrecursionlimit() - 30, sys.getrecursionlimit(), 10_000):
        message = refusal(parse, f'[{{"b":{opens * depth}1{closes * depth}}}]'.replace(":", ": "))
        assert message is not None
        assert "nested too deeply" in message
    assert refusal(parse, f'[{{"b":{opens * (limit - 3)}1{closes * (limit - 3)}}}]'.replace(":", ": ")) is None


def test_deep_values_under_a_key_given_twice_count_too() -> None:
    deep = "[" * (DEPTH + 5) + "]" * (DEPTH + 5)
    assert "nested too deeply" in str(refusal(parse_json, f'{{"a": {deep}, "a": 1}}'))


@pytest.mark.parametrize("parse", PARSERS)
@settings(derandomize=True, deadline=None, max_examples=150)
@given(text=st.text(alphabet='{}[]:,"\\ \n\tab1-.euNn&*!|>#%\0\ud800é😀') | st.text())
def test_any_text_gives_records_or_a_typed_error(parse: Parse, text: str) -> None:
    found: Parsed | str
    try:
        found = parse("x", text)
    except DocumentError as error:
        found = error.message
    assert isinstance(found, Parsed) or found.startswith("x:")


# ---- YAML -----------------------------------------------------------------------------------------------------------


def test_yaml_is_read_as_json_is() -> None:
    text = "# places\n- name: Ankara\n  plate: 06\n  area: 1.0e3\n  dry: true\n"
    text += "- name: İzmir\n  plate: 35\n  sea: |\n    warm\n"
    first, second = parse_yaml("x.yaml", text).records
    assert (first.subject, first.lines, second.subject) == ("Ankara", (2, 5), "İzmir")
    assert [(one.name, one.value, one.line) for one in (*first.fields, *second.fields)] == [
        ("plate", "06", 3),
        ("area", "1.0e3", 4),
        ("dry", "true", 5),
        ("plate", "35", 7),
        ("sea", "warm\n", 8),
    ]


def test_aliases_stand_for_what_they_name() -> None:
    text = "base: &b\n  port: 80\nother:\n  - name: x\n    is: *b\n"
    found = parse_yaml("x.yaml", text).records
    assert [(one.subject, [field.name for field in one.fields]) for one in found] == [
        ("base", ["port"]),
        ("x", ["is.port"]),
    ]


def test_several_documents_in_one_file_are_one_list() -> None:
    found = parse_yaml("x.yaml", "name: a\nn: 1\n---\nname: b\nn: 2\n").records
    assert [(one.subject, one.lines) for one in found] == [("a", (1, 2)), ("b", (4, 5))]


def test_aliases_cannot_make_a_file_explode() -> None:
    bomb = "- &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"- &a{level} [{','.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
    )
    assert "aliases make it too large" in str(refusal(parse_yaml, bomb))


@pytest.mark.parametrize(
    ("text", "said"), [("a: [1,\n", "x.json:2:1: not valid YAML"), ("a: *b\n", "x.json:1: not valid YAML: no anchor")]
)
def test_broken_yaml_is_named_by_its_line(text: str, said: str) -> None:
    assert str(refusal(parse_yaml, text)).startswith(said)
