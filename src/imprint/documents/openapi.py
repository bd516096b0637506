"""OpenAPI 3 and Swagger 2: operations with their parameters and responses, schemas, and all else by its path."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from imprint.documents.schema import Schemas, describe, end_sentence, read_example, rest_fields
from imprint.documents.tokens import Node, Tokens, build_tree
from imprint.documents.types import Field, LeftOut, Operation, Parameter, Parsed, Record, Response

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_SCHEMAS = (("components", "schemas"), ("definitions",))
_NAMED = (
    *(("components", kind) for kind in ("parameters", "responses", "requestBodies", "headers", "securitySchemes")),
    *(("components", kind) for kind in ("links", "examples", "callbacks", "pathItems")),
    *((kind,) for kind in ("parameters", "responses", "securityDefinitions")),
)


def is_openapi(value: Any) -> bool:
    """Whether a decoded document describes an HTTP interface."""
    if not isinstance(value, dict) or not ({"openapi", "swagger"} & value.keys()):
        return False
    return any(isinstance(value.get(key), dict) for key in ("paths", "webhooks", "components"))


def parse(tokens: Tokens) -> Parsed:
    """The operations of a description, a record for each schema, and records of whatever else it says."""
    reading = _Reading(build_tree(tokens))
    info = reading.root.members.get("info", Node((1, 1)))
    title = info.take("title")
    sections = describe(info)
    reading.read_operations()
    reading.read_schemas()
    reading.read_rest()
    return Parsed(
        title=title,
        sections=sections,
        records=tuple(sorted(reading.records, key=lambda record: record.lines)),
        operations=tuple(reading.operations),
        left_out=(*tokens.left_out, *reading.schemas.left_out, *reading.left_out),
    )


@dataclass(slots=True)
class _Reading:
    root: Node
    operations: list[Operation] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    schemas: Schemas = field(init=False)
    read: set[int] = field(default_factory=set)
    """Path items that have been read; one may be referred to again, by its own callback even."""

    def __post_init__(self) -> None:
        self.schemas = Schemas(self.root)

    # ---- operations -------------------------------------------------------------------------------------------------

    def read_operations(self) -> None:
        for group in ("paths", "webhooks"):
            for path, item in self._members(self.root, group):
                self._read_path(path, item)
        for _, callback in self._members(self._at("components"), "callbacks"):
            for path, item in callback.members.items():
                self._read_path(path, item)

    def _read_path(self, path: str, item: Node) -> None:
        item = self.schemas.resolve(item)
        if id(item) in self.read:
            return
        self.read.add(id(item))
        shared = item.members["parameters"].items if "parameters" in item.members else []
        about = [item.take("summary"), item.take("description").strip()]
        for method, node in item.members.items():
            if method.lower() in _METHODS and node.members:
                self._read_operation(method.upper(), path, node, shared, about)

    def _read_operation(self, method: str, path: str, node: Node, shared: list[Node], about: list[str]) -> None:
        name = f"{method} {path}"
        own = node.members["parameters"].items if "parameters" in node.members else []
        parameters = [*self._read_parameters([*shared, *own])]
        fields = self._read_security(node)
        if "requestBody" in node.members:
            parameters += self._read_body(node.members["requestBody"])
            fields += self._read_examples("example body", node.members["requestBody"])
        responses = []
        for status, response in self._members(node, "responses"):
            responses.append(self._read_response(name, status, response))
            fields += self._read_examples(f"example response {status}", response)
        summary, description = node.take("summary").strip(), node.take("description").strip()
        self.operations.append(
            Operation(
                method=method,
                path=path,
                name=node.take("operationId"),
                summary=summary,
                description="\n\n".join(filter(None, (*about, description))),
                parameters=tuple(parameters),
                responses=tuple(responses),
                lines=node.lines,
                tags=node.take_list("tags"),
            )
        )
        for _, callback in self._members(node, "callbacks"):
            for address, item in self.schemas.resolve(callback).members.items():
                self._read_path(address, item)
        self._add(name, ("paths",), node, fields)

    def _read_parameters(self, nodes: list[Node]) -> Iterator[Parameter]:
        """The last of those with the same name and place counts: an operation's own goes before its path's."""
        found: dict[tuple[str, str], Parameter] = {}
        for node in map(self.schemas.resolve, nodes):
            place = node.take("in")
            key = node.take("name"), place
            if place == "body":  # Swagger 2
                for parameter in self._read_body(node):
                    found[parameter.name, "body"] = parameter
            elif key[0]:
                if (before := found.get(key)) is not None:
                    line = before.line
                    self.left_out.append(LeftOut((line, line), "a parameter given again", before.name))
                found[key] = self._read_parameter(*key, node)
        yield from found.values()

    def _read_parameter(self, name: str, place: str, node: Node) -> Parameter:
        is_required = node.take("required") == "true"
        texts, kinds = [], []
        for schema in (node, *self._schemas(node)):
            kinds.append(self.schemas.name_type(schema))
            texts.append(self.schemas.explain(schema))
        kind = next(filter(None, kinds), "")
        return Parameter(name, place, kind, is_required, _join(texts), node.lines[0])

    def _read_body(self, node: Node) -> Iterator[Parameter]:
        """A body as a whole where something is said of it, and each of its properties."""
        node = self.schemas.resolve(node)
        name = node.take("name") or "body"
        is_required = node.take("required") == "true"
        text = node.take("description").strip()
        seen: set[str] = set()
        for schema in self._schemas(node) or [Node(node.lines)]:
            kind = self.schemas.name_type(schema)
            about = self.schemas.explain(schema)
            properties = self.schemas.properties(schema)
            if name not in seen and (text or about or not properties or "$ref" in schema.members):
                seen.add(name)
                yield Parameter(name, "body", kind, is_required, _join([text, about]), node.lines[0])
            for item in properties:
                if item.name not in seen:
                    seen.add(item.name)
                    kind, about = self.schemas.name_type(item.schema), self.schemas.explain(item.schema)
                    yield Parameter(item.name, "body", kind, item.is_required, about, item.schema.lines[0])

    def _read_response(self, operation: str, status: str, node: Node) -> Response:
        line = node.lines[0]
        node = self.schemas.resolve(node)
        kinds: dict[str, None] = {}
        for schema in self._schemas(node):
            kinds.setdefault(self.schemas.name_type(schema))
            if "$ref" not in schema.members and (schema.members.keys() - {"type", "items"} or _is_deep(schema)):
                record = self.schemas.record(f"{operation} {status}", ("responses",), schema)
                if record and [one.name for one in record.fields] != ["type"]:  # the response tells that
                    self.records.append(record)
        for name, header in self._members(node, "headers"):
            parameter = self._read_parameter(name, "header", self.schemas.resolve(header))
            value = _join([end_sentence(parameter.type), parameter.description]) or "any"
            fields = (Field(name, value, parameter.line),)
            self.records.append(Record(f"{operation} {status}", ("headers",), header.lines, fields))
        return Response(status, node.take("description").strip(), " or ".join(filter(None, kinds)), line)

    def _read_examples(self, name: str, node: Node) -> Iterator[Field]:
        """The examples of a body or a response, each by its own name where there are several."""
        node = self.schemas.resolve(node)
        found = self._members(node, "examples")  # Swagger 2: by media type
        for media, content in self._members(node, "content"):
            found += [(media, content.members["example"])] if "example" in content.members else []
            examples = [(label, self.schemas.resolve(item)) for label, item in self._members(content, "examples")]
            found += [(label, item.members["value"]) for label, item in examples if "value" in item.members]
        for label, example in found:
            yield from read_example(example, f"{name} ({label})" if len(found) > 1 else name, self.left_out)

    def _schemas(self, node: Node) -> list[Node]:
        """The schemas of a parameter, a body or a response; the same in several media types is one."""
        found = [node.members["schema"]] if "schema" in node.members else []
        for _, media in self._members(node, "content"):
            if "schema" in media.members:
                found.append(media.members["schema"])
        return found

    def _read_security(self, node: Node) -> list[Field]:
        """What a caller has to show, as one field: "petstore_auth (write:pets, read:pets), api_key"."""
        security = node.members.get("security")
        if security is None:
            return []
        parts = []
        for choice in security.items:
            names = []
            for name in choice.members:
                scopes = ", ".join(choice.take_list(name))
                names.append(f"{name} ({scopes})" if scopes else name)
            parts.append(" and ".join(names) or "none")
        joined = ", ".join(parts) or "none"
        return [Field("security", joined, security.lines[0], False, tuple(parts))]

    # ---- all else ---------------------------------------------------------------------------------------------------

    def read_schemas(self) -> None:
        for group in _SCHEMAS:
            for name, node in self._at(*group).members.items():
                record = self.schemas.record(name, group, node)
                self.records.extend([record] if record else [])

    def read_rest(self) -> None:
        """Everything that nothing has been made of: by the thing that it belongs to, at last by the document."""
        for name, tag in _named(self._at("tags")):
            self._add(name, ("tags",), tag, [])
        for group in (*_SCHEMAS, *_NAMED):
            for name, node in self._at(*group).members.items():
                shown = node.members.get("value") if group[-1] == "examples" else None
                is_told = shown is None or all(scalar.is_taken for scalar in shown.scalars())
                example = () if shown is None or is_told else read_example(shown, "example", self.left_out)
                self._add(name, group, node, list(example))
        fields = self._read_security(self.root)
        if info := self.root.members.get("info"):
            fields = [*rest_fields(info, "", self.left_out), *fields]
        self._add("", (), self.root, fields)

    def _add(self, subject: str, heading: tuple[str, ...], node: Node, fields: list[Field]) -> None:
        fields = [*fields, *rest_fields(node, "", self.left_out)]
        if fields:
            lines = min(one.line for one in fields), max(one.line for one in fields)
            self.records.append(Record(subject, heading, lines, tuple(fields)))

    def _at(self, *path: str) -> Node:
        node = self.root
        for key in path:
            node = node.members.get(key, Node((1, 1)))
        return node

    def _members(self, node: Node, key: str) -> list[tuple[str, Node]]:
        return list(node.members[key].members.items()) if key in node.members else []


def _named(node: Node) -> Iterator[tuple[str, Node]]:
    for item in node.items:
        if name := item.take("name"):
            yield name, item


def _is_deep(schema: Node) -> bool:
    inside = schema.members.get("items")
    return inside is not None and bool(inside.members.keys() - {"$ref", "type", "format"})


def _join(texts: list[str]) -> str:
    return " ".join(dict.fromkeys(filter(None, texts)))
