"""JSON Schema, of its own or within OpenAPI: types and properties in words, one record for each schema."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from imprint.documents import noise
from imprint.documents.tokens import Node, Number, Tokens, build_tree
from imprint.documents.types import Block, Field, LeftOut, Lines, Parsed, Record, Section

_DEFINITIONS = ("$defs", "definitions")
# Their values are in the type or at their own place.
_NO_FACETS = {
    "$ref",
    "type",
    "format",
    "description",
    "title",
    "required",
    "enum",
    "const",
    "nullable",
    "$schema",
    "$id",
    "name",  # of a parameter
    "in",
}
_EXAMPLES = {"example", "examples", "x-example", "x-examples"}


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a schema; what lies inside it has a dotted name."""

    name: str
    schema: Node
    is_required: bool


def is_schema(value: Any) -> bool:
    """Whether a decoded document is a JSON Schema."""
    if not isinstance(value, dict):
        return False
    if "json-schema.org" in str(value.get("$schema", "")):
        return True
    properties = value.get("properties")
    are_schemas = isinstance(properties, dict) and all(isinstance(part, dict) for part in properties.values())
    return value.get("type") == "object" and are_schemas


def parse(tokens: Tokens) -> Parsed:
    """A record for the schema, with a field for each property, and one for each definition."""
    root = build_tree(tokens)
    schemas = Schemas(root)
    title = root.take("title")
    sections = describe(root)
    for key in ("title", "description"):  # they are told; the record of the whole schema does not repeat them
        root.members.pop(key, None)
    found = [
        record
        for group in _DEFINITIONS
        if group in root.members
        for name, node in root.members[group].members.items()
        if (record := schemas.record(name, (group,), node)) is not None
    ]
    own = schemas.record("", (), root)
    rest, left_out = collect_rest(root, ())
    return Parsed(
        title=title,
        sections=sections,
        records=(*([own] if own else []), *found, *rest),
        left_out=(*tokens.left_out, *schemas.left_out, *left_out),
    )


def describe(node: Node) -> tuple[Section, ...]:
    """The description of a whole document as text under no heading, a block for each paragraph."""
    text = node.take("description").strip()
    if not text:
        return ()
    lines = node.members["description"].lines
    blocks = tuple(Block("paragraph", paragraph, lines) for paragraph in _split_paragraphs(text))
    return (Section((), lines, blocks),)


def _split_paragraphs(text: str) -> Iterator[str]:
    paragraph: list[str] = []
    is_code = False
    for line in text.split("\n"):
        is_code ^= line.lstrip().startswith(("```", "~~~"))
        if line.strip() or is_code:
            paragraph.append(line)
        elif paragraph:
            yield "\n".join(paragraph)
            paragraph = []
    if paragraph:
        yield "\n".join(paragraph)


@dataclass(slots=True)
class Schemas:
    """The schemas of one document, which refer to each other."""

    root: Node
    left_out: list[LeftOut] = field(default_factory=list)

    def resolve(self, node: Node) -> Node:
        """What a reference stands for, through references to references; the node itself where it is none."""
        seen: list[Node] = []
        while "$ref" in node.members and node.members["$ref"].scalar is not None:
            target = self._find(node.take("$ref"))
            if target is None or any(target is known for known in seen):
                reason = "a reference to nothing" if target is None else "a reference to itself"
                self._leave_out(node.members["$ref"], reason)
                return node
            seen.append(node)
            node = target
        return node

    def _find(self, reference: str) -> Node | None:
        if not reference.startswith("#"):
            return None
        node = self.root
        for part in filter(None, reference[1:].split("/")):
            name = _unescape(part)
            if name in node.members:
                node = node.members[name]
            elif name.isdecimal() and int(name) < len(node.items):
                node = node.items[int(name)]
            else:
                return None
        return node

    def _leave_out(self, node: Node, reason: str) -> None:
        found = LeftOut(node.lines, reason, node.scalar or "")
        if found not in self.left_out:
            self.left_out.append(found)

    # ---- in words ---------------------------------------------------------------------------------------------------

    def name_type(self, node: Node) -> str:
        """The type of a schema: "string", "array of Pet", "Cat or Dog"; empty where it says nothing."""
        if "$ref" in node.members:
            self.resolve(node)
            return _unescape(node.take("$ref").rpartition("/")[2])
        members = node.members
        kinds = [" or ".join(part for part in node.take_list("type") if part != "null")]
        is_nullable = "null" in node.take_list("type") or node.take("nullable") == "true"
        if kinds[0] == "array" or (not kinds[0] and "items" in members):
            inside = self.name_type(members["items"]) if "items" in members else ""
            kinds = [f"array of {inside}" if inside else "array"]
        elif kinds[0] in {"object", ""} and "additionalProperties" in members and "properties" not in members:
            inside = self.name_type(members["additionalProperties"])
            kinds = [f"object of {inside}" if inside else kinds[0]]
        elif not kinds[0] and "properties" in members:
            kinds = ["object"]
        if form := node.take("format"):
            kinds = [f"{kinds[0]} ({form})" if kinds[0] else form]
        for key, word in (("allOf", " and "), ("oneOf", " or "), ("anyOf", " or ")):
            if key in members:
                names = dict.fromkeys(filter(None, map(self.name_type, members[key].items)))
                if len(names) > 1 and key == "allOf":
                    names.pop("object", None)
                if names and (key != "allOf" or kinds[0] in {"", "object"}):
                    kinds = [word.join(names)]
        return f"{kinds[0]} or null" if is_nullable and kinds[0] else kinds[0]

    def explain(self, node: Node) -> str:
        """What a schema says beside its type: title, description, choices, limits, default, example."""
        sentences = [node.take("title"), node.take("description").strip()]
        if choices := node.take_list("enum"):
            sentences.append(f"One of: {', '.join(choices)}")
        if constant := node.take_list("const"):
            sentences.append(f"Always {constant[0]}")
        for key, member in node.members.items():
            values = node.take_list(key) if key not in _NO_FACETS and not member.members else ()
            if values:
                word = "For example" if key in _EXAMPLES else _in_words(key)
                sentences.append(f"{word}: {', '.join(values)}")
        for part in _inline_parts(node):
            sentences.append(self.explain(part))
        return " ".join(end_sentence(sentence) for sentence in sentences if sentence)

    # ---- properties -------------------------------------------------------------------------------------------------

    def properties(self, node: Node, prefix: str = "") -> list[Property]:
        """The properties of a schema and of what it is merged from; inline objects go on with a dotted name."""
        return list(self._properties(node, prefix, set()))

    def _properties(self, node: Node, prefix: str, seen: set[int]) -> Iterator[Property]:
        node = self.resolve(node)
        if id(node) in seen:  # merged from itself, or twice from the same
            return
        seen.add(id(node))
        required = set(node.take_list("required"))
        for part in node.members["allOf"].items if "allOf" in node.members else ():
            yield from self._properties(part, prefix, seen)
        for key in ("oneOf", "anyOf", "then", "else", "if", "not"):
            for part in self._variants(node, key):
                yield from self._properties(part, prefix, seen)
        properties = node.members.get("properties")
        for name, schema in properties.members.items() if properties else ():
            yield Property(prefix + name, schema, name in required)
            yield from self._inside(schema, f"{prefix}{name}.", seen)
        if not properties and prefix == "" and "items" in node.members:
            yield from self._inside(node, prefix, seen)

    def _variants(self, node: Node, key: str) -> list[Node]:
        """Inline alternatives; those with a name have a record of their own."""
        member = node.members.get(key)
        return [part for part in (member, *member.items) if "$ref" not in part.members] if member else []

    def _inside(self, schema: Node, prefix: str, seen: set[int]) -> Iterator[Property]:
        for inner in (schema, schema.members.get("items"), schema.members.get("additionalProperties")):
            if inner is not None and "$ref" not in inner.members:
                is_object = not {"properties", "allOf", "oneOf", "anyOf"}.isdisjoint(inner.members)
                if is_object:
                    yield from self._properties(inner, prefix, seen)
                elif inner is not schema:
                    yield from self._inside(inner, prefix, seen)

    def record(self, subject: str, heading: tuple[str, ...], node: Node) -> Record | None:
        """The record of one schema: what it is, and a field for each property; None where it says nothing."""
        line = node.lines[0]
        kind = self.name_type(node)
        properties = self.properties(node)
        text = self.explain(node)
        fields = []
        if kind and (kind != "object" or not properties or "type" in node.members):
            fields.append(Field("type", kind, line))
        if text:
            fields.append(Field("description", text, line))
        own = {one.name for one in fields}
        known: set[str] = set()
        for item in properties:
            name = f"property {item.name}" if item.name in own else item.name
            if name not in known:
                known.add(name)
                fields.append(Field(name, self.describe_property(item), item.schema.lines[0]))
        return Record(subject, heading, node.lines, tuple(fields)) if fields else None

    def describe_property(self, item: Property) -> str:
        """A property in words: "string, required. The name of the pet."."""
        kind = self.name_type(item.schema)
        head = ", ".join(filter(None, (kind, "required" if item.is_required else "")))
        text = self.explain(item.schema)
        return " ".join(filter(None, (end_sentence(head), text))) or "any"


def _inline_parts(node: Node) -> Iterator[Node]:
    """The schemas without a name that a schema is made of."""
    for key in ("items", "additionalProperties", "allOf", "oneOf", "anyOf"):
        if (member := node.members.get(key)) is not None:
            yield from (part for part in (member, *member.items) if part.members and "$ref" not in part.members)


def _unescape(part: str) -> str:
    """A part of a JSON pointer (RFC 6901) in the fragment of an address."""
    return unquote(part).replace("~1", "/").replace("~0", "~")


def _in_words(key: str) -> str:
    """The name of a keyword as words: "maxLength" is "Max length"."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in key)
    return spaced[:1].upper() + spaced[1:].replace("_", " ")


def end_sentence(sentence: str) -> str:
    """The sentence with a full stop, where it does not end by itself."""
    return sentence if not sentence or sentence[-1] in ".!?:;" or "\n" in sentence else f"{sentence}."


# ---- what nothing has been made of ----------------------------------------------------------------------------------


def collect_rest(node: Node, path: tuple[str, ...]) -> tuple[list[Record], list[LeftOut]]:
    """Records of the scalars that nothing has been made of, by their path."""
    found: list[Record] = []
    left_out: list[LeftOut] = []
    fields = list(rest_fields(node, "", left_out))
    if fields:
        lines: Lines = min(one.line for one in fields), max(one.line for one in fields)
        found.append(Record(".".join(path), path[:-1], lines, tuple(fields)))
    return found, left_out


def rest_fields(node: Node, prefix: str, left_out: list[LeftOut]) -> Iterator[Field]:
    """The scalars in a node that nothing has been made of, as fields with dotted names."""
    for name, member in (*node.members.items(), *_numbered(node.items)):
        unused = [scalar for scalar in member.scalars() if not scalar.is_taken]
        if not unused:
            continue
        place = f"{prefix}{name}"
        if name in _EXAMPLES:
            yield from read_example(member, place, left_out)
        elif member.scalar is not None:
            yield from _keep([member], place, (), left_out)
        elif member.items and all(item.scalar is not None for item in member.items):
            yield from _keep(unused, place, tuple(item.scalar or "" for item in unused), left_out)
        else:
            yield from rest_fields(member, f"{place}.", left_out)
        for scalar in unused:
            scalar.is_taken = True


def read_example(node: Node, name: str, left_out: list[LeftOut]) -> Iterator[Field]:
    """An example of data as a field that shows it as code; none where a secret is in it, which is told."""
    for scalar in node.scalars():
        scalar.is_taken = True
    if _holds_secret("", node):
        left_out.append(LeftOut(node.lines, "a secret", f"field {name}"))
    elif node.scalar is None or "\n" in node.scalar:
        language, text = ("json", _write_json(node.value)) if node.scalar is None else ("", node.scalar.strip("\n"))
        yield Field(name, f"```{language}\n{text}\n```", node.lines[0])
    elif node.scalar:
        yield Field(name, node.scalar, node.lines[0])


def _holds_secret(name: str, node: Node) -> bool:
    if node.scalar is not None:
        return noise.find_noise(noise.kind_of(name), node.scalar) == "a secret"
    return any(_holds_secret(*member) for member in node.members.items()) or any(
        _holds_secret(name, item) for item in node.items
    )


def _write_json(value: Any, margin: str = "") -> str:
    """A value as JSON over several lines, numbers as written."""
    inner = f"{margin}  "
    if isinstance(value, dict) and value:
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_write_json(part, inner)}" for key, part in value.items()]
    elif isinstance(value, list) and value:
        parts = [_write_json(part, inner) for part in value]
    else:
        return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False, default=str)
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{inner}" + f",\n{inner}".join(parts) + f"\n{margin}{end}"


def _numbered(items: list[Node]) -> Iterator[tuple[str, Node]]:
    """The members of a list by their own names, or by their numbers."""
    names = [item.members["name"].scalar if "name" in item.members else None for item in items]
    are_names = all(names) and len(set(names)) == len(names)
    for number, (name, item) in enumerate(zip(names, items, strict=True), start=1):
        yield (name if are_names and name else str(number)), item


def _keep(unused: list[Node], name: str, parts: tuple[str, ...], left_out: list[LeftOut]) -> Iterator[Field]:
    value = ", ".join(node.scalar or "" for node in unused)
    lines = unused[0].lines[0], unused[-1].lines[1]
    if reason := noise.find_noise("", value):
        left_out.append(LeftOut(lines, reason, f"field {name}"))
    else:
        yield Field(name, value, lines[0], False, parts)
