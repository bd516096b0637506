"""JSON Schemas become records, one for each schema, one field for each property."""

import json
from typing import Any

import pytest

from imprint.documents.data import parse_json
from imprint.documents.types import Field, LeftOut, Parsed

SCHEMA = """{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Settings",
  "description": "How it runs.",
  "type": "object",
  "required": ["port"],
  "properties": {
    "port": {"type": "integer", "minimum": 1, "default": 8080},
    "mode": {"enum": ["fast", "safe"], "description": "How careful it is"},
    "log": {"$ref": "#/$defs/Log"},
    "hosts": {"type": "array", "items": {"type": "string", "format": "hostname"}},
    "limits": {"type": "object", "additionalProperties": {"type": "number"}}
  },
  "additionalProperties": false,
  "$defs": {
    "Log": {
      "type": "object",
      "properties": {"file": {"type": "string"}, "inner": {"$ref": "#/$defs/Log"}}
    }
  }
}"""


@pytest.fixture(scope="module")
def parsed() -> Parsed:
    return parse_json("x.json", SCHEMA)


def test_the_schema_is_a_record_of_its_properties(parsed: Parsed) -> None:
    own = parsed.records[0]
    assert (parsed.title, own.subject, own.heading) == ("Settings", "", ())
    assert [block.text for section in parsed.sections for block in section.blocks] == ["How it runs."]
    assert {one.name: (one.value, one.line) for one in own.fields} == {
        "type": ("object", 1),
        "description": ("Additional properties: false.", 1),
        "port": ("integer, required. Minimum: 1. Default: 8080.", 8),
        "mode": ("How careful it is. One of: fast, safe.", 9),
        "log": ("Log.", 10),
        "hosts": ("array of string (hostname).", 11),
        "limits": ("object of number.", 12),
    }


def test_definitions_are_records_and_references_may_go_round(parsed: Parsed) -> None:
    log = parsed.records[1]
    assert (log.subject, log.heading, log.lines) == ("Log", ("$defs",), (16, 19))
    assert log.fields == (Field("type", "object", 16), Field("file", "string.", 18), Field("inner", "Log.", 18))


def test_what_is_left_over_is_a_record_too(parsed: Parsed) -> None:
    rest = [one for record in parsed.records[2:] for one in record.fields]
    assert [(one.name, one.value) for one in rest] == [("$schema", "https://json-schema.org/draft/2020-12/schema")]
    assert parsed.left_out == ()


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string."),
        ({"type": ["string", "integer", "null"]}, "string or integer or null."),
        ({"type": "string", "nullable": True}, "string or null."),
        ({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}]}, "string or array of number."),
        ({"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B~1C"}]}, "A and B/C."),
        ({"items": {"type": "string"}}, "array of string."),
        ({"const": "x"}, "Always x."),
        ({}, "any"),
        ({"type": "integer", "exclusiveMaximum": 5, "x-unit": "mm"}, "integer. Exclusive maximum: 5. X-unit: mm."),
    ],
    ids=json.dumps,
)
def test_types_in_words(schema: dict[str, Any], kind: str) -> None:
    defs: dict[str, Any] = {"A": {"type": "string"}, "B/C": {"type": "string"}}
    text = json.dumps({"type": "object", "properties": {"p": schema}, "$defs": defs})
    (record,) = [record for record in parse_json("x.json", text).records if record.subject == ""]
    assert [one.value for one in record.fields if one.name == "p"] == [kind]


def test_a_reference_to_another_file_is_told_and_keeps_its_name() -> None:
    text = json.dumps({"type": "object", "properties": {"p": {"$ref": "other.json#/Thing"}}})
    found = parse_json("x.json", text)
    assert found.records[0].fields == (Field("type", "object", 1), Field("p", "Thing.", 1))
    assert found.left_out == (LeftOut((1, 1), "a reference to nothing", "other.json#/Thing"),)
