"""Descriptions of HTTP interfaces: operations, schemas, and nothing lost in silence."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.documents.data import parse_json, parse_yaml
from imprint.documents.types import Field, LeftOut, Operation, Parameter, Parsed, Response

SHOP: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "2.10", "description": "Sells.\n\nAnd buys.", "contact": {"email": "a@b.org"}},
    "servers": [{"url": "https://shop.example/v2", "description": "live"}],
    "security": [{"key": []}],
    "tags": [{"name": "items", "description": "What is sold"}],
    "paths": {
        "/items/{id}": {
            "summary": "One item",
            "parameters": [
                {"$ref": "#/components/parameters/Id"},
                {"name": "lang", "in": "query", "description": "of the path", "schema": {"type": "string"}},
            ],
            "put": {
                "operationId": "replaceItem",
                "summary": "Replace an item",
                "description": "All of it.",
                "tags": ["items"],
                "deprecated": True,
                "security": [{"oauth": ["write", "read"]}, {"key": []}],
                "parameters": [
                    {
                        "name": "lang",
                        "in": "query",
                        "required": True,
                        "description": "Language.",
                        "schema": {"type": "string", "enum": ["en", "tr"], "default": "en", "maxLength": 2},
                    }
                ],
                "requestBody": {
                    "description": "The new item",
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "allOf": [
                                    {"$ref": "#/components/schemas/Item"},
                                    {"type": "object", "required": ["why"], "properties": {"why": {"type": "string"}}},
                                ]
                            },
                            "example": {"name": "cup"},
                        }
                    },
                },
                "responses": {
                    "200": {
                        "description": "Replaced",
                        "headers": {"X-Left": {"description": "Calls left", "schema": {"type": "integer"}}},
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
                            }
                        },
                        "links": {"next": {"operationId": "nextItem"}},
                    },
                    "404": {"$ref": "#/components/responses/Missing"},
                },
                "callbacks": {
                    "done": {
                        "{$request.body#/url}": {
                            "post": {"summary": "Tell", "responses": {"204": {"description": "Heard"}}}
                        }
                    }
                },
            },
        }
    },
    "components": {
        "parameters": {
            "Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "format": "int64"}}
        },
        "responses": {
            "Missing": {
                "description": "Not there",
                "content": {
                    "application/json": {
                        "schema": {"oneOf": [{"$ref": "#/components/schemas/Item"}, {"type": "string"}]}
                    }
                },
            }
        },
        "schemas": {
            "Item": {
                "type": "object",
                "description": "A thing on sale",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "description": "What it is called", "example": "cup"},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
                    "size": {"type": "object", "properties": {"w": {"type": ["number", "null"], "minimum": 1.50}}},
                    "gone": {"$ref": "#/components/schemas/Nowhere"},
                },
            },
            "Loop": {"allOf": [{"$ref": "#/components/schemas/Loop"}, {"description": "Round and round"}]},
            "Self": {"$ref": "#/components/schemas/Self"},
            "Pet": {"anyOf": [{"$ref": "#/components/schemas/Item"}, {"$ref": "#/components/schemas/Loop"}]},
        },
        "securitySchemes": {"oauth": {"type": "oauth2", "x-note": "ask us"}},
    },
}


@pytest.fixture(scope="module")
def shop() -> Parsed:
    return parse_json("x.json", json.dumps(SHOP, indent=1))


def test_an_operation_has_its_parameters_body_and_responses(shop: Parsed) -> None:
    put = shop.operations[0]
    line = put.lines[0]
    assert (put.method, put.path, put.name) == ("PUT", "/items/{id}", "replaceItem")
    assert (put.summary, put.description, put.tags) == ("Replace an item", "One item\n\nAll of it.", ("items",))
    assert [(one.name, one.place, one.type, one.is_required, one.description) for one in put.parameters] == [
        ("id", "path", "integer (int64)", True, ""),
        ("lang", "query", "string", True, "Language. One of: en, tr. Default: en. Max length: 2."),
        ("body", "body", "Item", True, "The new item"),
        ("name", "body", "string", True, "What it is called. For example: cup."),
        ("parts", "body", "array of Item", False, ""),
        ("size", "body", "object", False, ""),
        ("size.w", "body", "number or null", False, "Minimum: 1.5."),
        ("gone", "body", "Nowhere", False, ""),
        ("why", "body", "string", True, ""),
    ]
    assert [(one.status, one.description, one.type) for one in put.responses] == [
        ("200", "Replaced", "array of Item"),
        ("404", "Not there", "Item or string"),
    ]
    assert line < put.responses[0].line < put.responses[1].line <= put.lines[1]


def test_a_callback_is_an_operation_too(shop: Parsed) -> None:
    callback = shop.operations[1]
    assert (callback.method, callback.path, callback.summary) == ("POST", "{$request.body#/url}", "Tell")
    assert [(one.status, one.description) for one in callback.responses] == [("204", "Heard")]


def test_the_document_has_its_title_description_and_a_record_of_its_own(shop: Parsed) -> None:
    assert shop.title == "Shop"
    assert [block.text for section in shop.sections for block in section.blocks] == ["Sells.", "And buys."]
    assert found(shop, "") == {
        "version": "2.10",
        "contact.email": "a@b.org",
        "security": "key",
        "openapi": "3.1.0",
        "servers.1.url": "https://shop.example/v2",
        "servers.1.description": "live",
    }
    assert found(shop, "items") == {"description": "What is sold"}


def found(parsed: Parsed, subject: str) -> dict[str, str]:
    return {one.name: one.value for record in parsed.records if record.subject == subject for one in record.fields}


def test_every_schema_is_a_record_of_its_properties(shop: Parsed) -> None:
    (item,) = [record for record in shop.records if record.subject == "Item"]
    assert item.heading == ("components", "schemas")
    assert found(shop, "Item") == {
        "type": "object",
        "description": "A thing on sale.",
        "name": "string, required. What it is called. For example: cup.",
        "parts": "array of Item.",
        "size": "object.",
        "size.w": "number or null. Minimum: 1.5.",
        "gone": "Nowhere.",
    }
    assert found(shop, "Pet") == {"type": "Item or Loop"}
    assert found(shop, "Loop") == {"type": "Loop", "description": "Round and round."}


def test_what_an_operation_says_beside_is_a_record_of_it(shop: Parsed) -> None:
    assert found(shop, "PUT /items/{id}") == {
        "security": "oauth (write, read), key",
        "example body": '```json\n{\n  "name": "cup"\n}\n```',
        "deprecated": "true",
        "responses.200.links.next.operationId": "nextItem",
    }
    assert found(shop, "PUT /items/{id} 200") == {"X-Left": "integer. Calls left."}
    assert found(shop, "oauth") == {"type": "oauth2", "x-note": "ask us"}


def test_references_to_nothing_are_told(shop: Parsed) -> None:
    told = {(left.reason, left.detail) for left in shop.left_out}
    assert told == {
        ("a reference to nothing", "#/components/schemas/Nowhere"),
        ("a reference to itself", "#/components/schemas/Self"),
        ("a parameter given again", "lang"),
    }


def test_examples_are_shown_as_code_numbers_as_they_are_written() -> None:
    pair = '{"small": {"value": {"cost": 1.50, "big": 1e5, "tags": [], "none": null}}, "empty": {"value": {}}}'
    text = f"""{{"openapi": "3.0.0", "info": {{"title": "Shop"}},
"paths": {{"/a": {{"get": {{"responses": {{
  "200": {{"description": "ok", "content": {{"application/json": {{"examples": {pair}}}}}}},
  "404": {{"description": "no", "content": {{"text/plain": {{"example": "Not here"}}}}}},
  "500": {{"description": "no", "content": {{"application/json": {{"example": {{"password": "hunter2"}}}}}}}}
}}}}}}}},
"components": {{
  "schemas": {{"Cup": {{"type": "object", "example": {{"size": -0}}}}}},
  "examples": {{"Tea": {{"summary": "A cup", "value": [1.0, "x"]}}}}
}}}}"""
    parsed = parse_json("x.json", text)
    assert found(parsed, "GET /a") == {
        "example response 200 (small)": (
            '```json\n{\n  "cost": 1.50,\n  "big": 1e5,\n  "tags": [],\n  "none": null\n}\n```'
        ),
        "example response 200 (empty)": "```json\n{}\n```",
        "example response 404": "Not here",
    }
    assert found(parsed, "Cup") == {"type": "object", "example": '```json\n{\n  "size": -0\n}\n```'}
    assert found(parsed, "Tea") == {"example": '```json\n[\n  1.0,\n  "x"\n]\n```', "summary": "A cup"}
    assert parsed.left_out == (LeftOut((5, 5), "a secret", "field example response 500"),)


def test_a_property_that_is_called_type_or_description_is_not_lost() -> None:
    schema = {"type": "object", "description": "A shape", "properties": {"type": {"enum": ["Point"]}, "a": {}}}
    text = json.dumps({"openapi": "3.0.0", "components": {"schemas": {"Shape": schema}}})
    assert found(parse_json("x.json", text), "Shape") == {
        "type": "object",
        "description": "A shape.",
        "property type": "One of: Point.",
        "a": "any",
    }


def scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from scalars(member)
    elif isinstance(value, list):
        for member in value:
            yield from scalars(member)
    elif not isinstance(value, bool):
        yield str(value)


def test_all_that_is_said_is_somewhere(shop: Parsed) -> None:
    told = json.dumps(shop.operations, default=lambda one: [getattr(one, name) for name in one.__slots__])
    told += json.dumps([record.fields for record in shop.records], default=lambda one: [one.name, one.value])
    told += json.dumps([record.subject for record in shop.records]) + "Shop Sells.\\n\\nAnd buys."
    missing = [value for value in scalars(SHOP) if json.dumps(value)[1:-1] not in told and not value.startswith("#/")]
    assert missing == ["of the path"]  # the operation's own parameter stands for it


def test_swagger_2_has_bodies_and_types_in_its_parameters() -> None:
    text = json.dumps(
        {
            "swagger": "2.0",
            "info": {"title": "Old", "version": "1"},
            "host": "old.example",
            "paths": {
                "/a": {
                    "post": {
                        "consumes": ["application/json"],
                        "parameters": [
                            {"name": "n", "in": "query", "type": "array", "items": {"type": "integer"}, "minItems": 1},
                            {"name": "thing", "in": "body", "schema": {"$ref": "#/definitions/Thing"}},
                        ],
                        "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Thing"}}},
                    }
                }
            },
            "definitions": {"Thing": {"properties": {"a": {"type": "string"}}}},
        }
    )
    parsed = parse_json("x.json", text)
    assert parsed.operations == (
        Operation(
            "POST",
            "/a",
            "",
            "",
            "",
            (
                Parameter("n", "query", "array of integer", False, "Min items: 1.", 1),
                Parameter("thing", "body", "Thing", False, "", 1),
                Parameter("a", "body", "string", False, "", 1),
            ),
            (Response("200", "ok", "Thing", 1),),
            (1, 1),
        ),
    )
    assert found(parsed, "") == {"version": "1", "swagger": "2.0", "host": "old.example"}
    assert found(parsed, "POST /a") == {"consumes": "application/json"}
    assert found(parsed, "Thing") == {"a": "string."}


def test_a_description_in_yaml_is_read_with_its_lines() -> None:
    text = (
        "openapi: 3.0.0\ninfo: {title: T, version: '1.0'}\npaths:\n  /a:\n    get:\n      summary: Look\n"
        "      responses:\n        200:\n          description: ok\n"
    )
    (operation,) = parse_yaml("x.yaml", text).operations
    assert (operation.method, operation.summary, operation.lines) == ("GET", "Look", (5, 9))
    assert operation.responses == (Response("200", "ok", "", 8),)


def test_a_path_that_refers_to_itself_by_its_callback_ends() -> None:
    path = {"post": {"callbacks": {"again": {"x": {"$ref": "#/paths/~1a"}}}, "responses": {}}}
    parsed = parse_json("x.json", json.dumps({"openapi": "3.0.0", "paths": {"/a": path}}))
    assert [operation.path for operation in parsed.operations] == ["/a"]


def test_many_ways_to_the_same_schema_are_one() -> None:
    """Each level is merged from the one below twice: 2^40 ways, were they all gone."""
    schemas: dict[str, Any] = {"S0": {"properties": {"a": {"type": "string"}}}}
    for level in range(1, 41):
        below = {"$ref": f"#/components/schemas/S{level - 1}"}
        schemas[f"S{level}"] = {"allOf": [below, below]}
    parsed = parse_json("x.json", json.dumps({"openapi": "3.0.0", "components": {"schemas": schemas}}))
    assert found(parsed, "S40") == {"type": "S39", "a": "string."}


def test_small_secrets_of_a_description_are_left_out() -> None:
    text = json.dumps({"openapi": "3.0.0", "paths": {}, "x-key": "AKIAIOSFODNN7EXAMPLE", "x-name": "n"})
    parsed = parse_json("x.json", text)
    assert parsed.records[0].fields == (Field("openapi", "3.0.0", 1), Field("x-name", "n", 1))
    assert parsed.left_out == (LeftOut((1, 1), "a secret", "field x-key"),)


keys = st.sampled_from(
    [
        *("get", "post", "parameters", "requestBody", "content", "schema", "$ref", "name", "in", "type", "items"),
        *("properties", "required", "allOf", "oneOf", "enum", "responses", "200", "description", "headers"),
        *("callbacks", "security", "example", "additionalProperties", "a"),
    ]
)
parts = st.recursive(
    st.sampled_from(["string", "object", "array", "#/paths/~1a", "#/components/schemas/S", "#", True, 1, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(parts, parts, parts)
def test_whatever_stands_in_a_description_it_is_read(path: Any, schema: Any, rest: Any) -> None:
    document = {"openapi": "3.0.0", "paths": {"/a": path}, "components": {"schemas": {"S": schema}}, "x": rest}
    assert isinstance(parse_json("x", json.dumps(document)), Parsed)
