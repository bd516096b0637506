"""What is a record, what names it, what its fields are, and which values are left out."""

import json

import pytest

from imprint.documents.data import parse_json
from imprint.documents.types import Field, LeftOut, Record


def records(text: str) -> tuple[Record, ...]:
    return parse_json("x.json", text).records


def fields(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(record.subject, {one.name: one.value for one in record.fields}) for record in records(text)]


# ---- what names a record --------------------------------------------------------------------------------------------


def test_an_array_of_objects_is_named_by_its_key_field() -> None:
    text = '[{"name": "Ankara", "plate": 6}, {"name": "İzmir", "plate": 35}]'
    assert fields(text) == [("Ankara", {"plate": "6"}), ("İzmir", {"plate": "35"})]
    assert {record.key for record in records(text)} == {"name"}


@pytest.mark.parametrize(
    ("members", "subjects"),
    [
        ([{"name": "same", "code": "a"}, {"name": "same", "code": "b", "extra": "c"}], ["a", "b"]),
        ([{"city": "x", "id": "1a"}, {"city": "y", "id": "2b"}], ["1a", "2b"]),
        ([{"size": "x", "product_name": "A"}, {"size": "y", "product_name": "B"}], ["A", "B"]),
        ([{"title": {"tr": "Süre"}, "n": "1"}, {"title": {"tr": "Yer"}, "n": "1"}], ["Süre", "Yer"]),
        ([{"year": 2019, "gdp": 1.5}, {"year": 2020, "gdp": 2.5}], ["2019", "2020"]),
        ([{"name": "x", "n": 1}], ["x"]),
        ([{"a": "x", "n": 1}], ["1"]),
        ([{"page": "https://a.org", "n": 1}, {"page": "https://b.org", "n": 1}], ["1", "2"]),
        (
            [{"id": "7d793037-a076-4e0e-b2a8-1b1e0a1d8a5c", "n": 1}, {"id": "6d793037-a076-4e0e-b2a8-1b1e0a1d8a5c"}],
            ["1", "2"],
        ),
        ([{"name": "a" * 81, "n": 1}, {"name": "b" * 81, "n": 2}], ["1", "2"]),
        ([{"a.b": "x", "n": 1}, {"a": {"b": "y"}, "a.b": "z"}], ["1", "2"]),
    ],
    ids=json.dumps,
)
def test_the_key_field_is_text_in_every_record_and_never_twice(members: list[object], subjects: list[str]) -> None:
    assert [record.subject for record in records(json.dumps(members))] == subjects


def test_records_without_a_key_are_counted() -> None:
    text = '{"items": [{"a": 1, "b": 2}, {"a": 1, "b": 3}]}'
    assert fields(text) == [("items 1", {"a": "1", "b": "2"}), ("items 2", {"a": "1", "b": "3"})]
    assert {(record.heading, record.key) for record in records(text)} == {(("items",), "")}


def test_an_object_of_alike_objects_is_a_collection_named_by_its_keys() -> None:
    text = '{"de": {"capital": "Berlin", "n": 30},\n "fr": {"capital": "Paris", "n": 40, "old": true}}'
    first, second = records(text)
    assert (first.subject, first.lines, second.subject, second.lines) == ("de", (1, 1), "fr", (2, 2))
    assert first.fields == (Field("capital", "Berlin", 1, True), Field("n", "30", 1, True))


def test_objects_are_records_by_their_path() -> None:
    text = '{"version": "1", "service": {"port": 80, "tls": {"on": true}}}'
    assert fields(text) == [("", {"version": "1"}), ("service", {"port": "80"}), ("service.tls", {"on": "true"})]


def test_an_objects_lines_are_those_of_its_own_fields() -> None:
    text = '{\n  "a": {\n    "b": 1,\n    "c": [\n2]\n  },\n  "d": 3\n}\n'
    assert {record.subject: record.lines for record in records(text)} == {"": (7, 7), "a": (3, 5)}


# ---- fields ---------------------------------------------------------------------------------------------------------


def test_the_objects_of_a_record_are_flattened() -> None:
    text = '[{"name": "a", "size": {"w": 1}, "parts": [{"p": 2}, {"p": 3}, 4, [5, 6]]}]'
    assert fields(text) == [
        ("a", {"size.w": "1", "parts.1.p": "2", "parts.2.p": "3", "parts.3": "4", "parts.4": "5, 6"})
    ]


def test_lists_are_enumerated() -> None:
    (record,) = records('{"colours": ["kırmızı", 2, null]}')
    assert record.fields == (Field("colours", "kırmızı, 2, null", 1, False, ("kırmızı", "2", "null")),)


def test_the_objects_of_a_list_go_by_their_own_names() -> None:
    text = '[{"name": "Peru", "money": [{"code": "PEN", "name": "Sol"}, {"code": "USD", "name": "Dollar"}]}]'
    (record,) = records(text)
    assert record.fields == (
        Field("money", "Sol, Dollar", 1, False, ("Sol", "Dollar")),
        Field("money.Sol.code", "PEN", 1),
        Field("money.Dollar.code", "USD", 1),
    )


def test_a_value_is_unique_only_where_it_tells_records_apart() -> None:
    text = json.dumps(
        [
            {
                "name": "a",
                "code": "X1",
                "twin": "Same",
                "n": 9,
                "big": 10,
                "on": True,
                "no": None,
                "l": ["x"],
                "only": "o",
            },
            {"name": "b", "code": "X2", "twin": "sAME", "n": 8, "big": 11, "on": False, "no": 77, "l": ["y"]},
        ]
    )
    first, second = records(text)
    assert {one.name for one in first.fields if one.is_unique} == {"code", "big", "only"}
    assert {one.name for one in second.fields if one.is_unique} == {"code", "big", "no"}


def test_a_record_without_siblings_has_no_unique_values() -> None:
    (record,) = records('[{"name": "a", "code": "X1"}]')
    assert record.fields == (Field("code", "X1", 1),)


# ---- what is left out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("commit", "015604f0aa11bb22", "a hash"),
        ("integrity", "sha512-9fQ0J3Pz2x1yXZk7cPOa0d+bBzq8mA==", "a hash"),
        ("id", "7d793037-a076-4e0e-b2a8-1b1e0a1d8a5c", "a UUID"),
        ("blob", "TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24s", "base64 data"),
        ("icon", "data:image/png;base64,iVBORw0KGgo=", "base64 data"),
        ("lat", 52.5, "coordinates"),
        ("latlng", [12.5, -69.9], "coordinates"),
        ("place", "52.5200, 13.4050", "coordinates"),
        ("shape", {"coordinates": [[[1.0, 2.0]], [[3.0, 4.0]]]}, "coordinates"),
        ("password", "hunter2", "a secret"),
        ("clientSecret", "x y z", "a secret"),
        ("api-key", 12345, "a secret"),
        ("access_token", "abcdef0123456789xyz", "a secret"),
        ("note", "use AKIAIOSFODNN7EXAMPLE here", "a secret"),
        ("note", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "a secret"),
        ("note", "sk-proj-abcdefghijklmnopqrst", "a secret"),
        ("note", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75\n-----END RSA PRIVATE KEY-----", "a secret"),
        ("note", " ", "an empty value"),
        ("notes", [], "an empty value"),
        ("notes", {}, "an empty value"),
        ("weights", list(range(60)), "a vector"),
    ],
    ids=str,
)
def test_what_teaches_nothing_or_must_not_be_taught_is_left_out(name: str, value: object, reason: str) -> None:
    found = parse_json("x.json", json.dumps([{"name": "a", name: value}, {"name": "b", name: "plain"}]))
    assert [one.value for one in found.records[0].fields] == []
    assert [left.reason for left in found.left_out] == [reason]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "antidisestablishmentarianism"),
        ("number", "1234567890123456"),
        ("path", "Users/someone/Documents/Project2020/Reports/Final/Edition"),
        ("token", "ETH"),
        ("max_tokens", 4096),
        ("password", None),
        ("secret", True),
        ("city", "Facade"),
        ("latitude", "north"),
        ("text", "A sentence with several words, which goes on for a while and says something."),
    ],
    ids=str,
)
def test_what_only_looks_like_it_stays(name: str, value: object) -> None:
    found = parse_json("x.json", json.dumps({name: value}))
    assert [one.name for record in found.records for one in record.fields] == [name]
    assert found.left_out == ()


def test_of_a_list_only_the_members_that_teach_nothing_are_left_out() -> None:
    found = parse_json("x.json", '{"commits": ["first one", "015604f0aa11bb22"]}')
    assert found.records[0].fields == (Field("commits", "first one", 1, False, ("first one",)),)
    assert found.left_out == (LeftOut((1, 1), "a hash", "field commits"),)


def test_what_is_left_out_is_told_once_for_each_field_and_reason() -> None:
    rows = [{"name": f"n{number}", "id": f"{number:016}a", "note": ""} for number in range(250)]
    found = parse_json("x.json", json.dumps(rows))
    assert found.left_out == (
        LeftOut((1, 1), "a hash", "field id: 250 times"),
        LeftOut((1, 1), "an empty value", "field note: 250 times"),
    )


@pytest.mark.parametrize("text", ["[]", "{}", "[[]]"])
def test_json_without_values_gives_nothing(text: str) -> None:
    found = parse_json("x.json", text)
    assert (found.records, found.rows, found.left_out) == ((), (), ())


@pytest.mark.parametrize("text", ['"just text"', "17", "[1]", '[[{"name": "a", "b": 1}], 2]'])
def test_a_value_without_a_name_is_told(text: str) -> None:
    assert parse_json("x.json", text).left_out == (LeftOut((1, 1), "a value without a name"),)
