"""A decoded document and the line of each of its tokens: what JSON, YAML, tables and Python lists become first.

A token is a bracket, a key or a scalar, in the order of the document. The decoders of JSON give values without
positions. But no token of JSON holds a raw line break, so that the tokens of each line can be counted, and a walk
over the decoded value that counts along finds the line of everything.
"""

import datetime
import decimal
import json
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from imprint.documents.types import LeftOut, Lines
from imprint.errors import DocumentError

DEPTH = 100
"""Levels of nesting that are read; what is deeper is no data that a person asks about."""

# Quantifiers that give nothing back (`*+`): linear time and no stack, whatever the text.
_SCALAR = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,:{}\[\]"]++')
_PIECE = re.compile(rf"(?:\s*+(?:{_SCALAR.pattern}|[,:{{}}\[\]])){{1,20000}}+\s*+")
_BETWEEN = dict.fromkeys(map(ord, " \t\r,:"))
_WORDS = {None: "null", True: "true", False: "false"}


class Number(str):
    """A number kept as it is written."""

    __slots__ = ()


class Binary(bytes):
    """Bytes among the values of a table; no text is made of them."""

    __slots__ = ()


class Repeated(dict[str, Any]):
    """An object in which a key stands twice; `pairs` holds all that was written."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs, a Repeated where a key stands twice."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(pairs)


class Decoder:
    """Decodes JSON, with numbers as written; knows afterwards whether an object had a key twice."""

    def __init__(self) -> None:
        self.has_repeated = False
        decoder = json.JSONDecoder(
            parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=self._make_object
        )
        self.decode = decoder.decode
        self.raw_decode = decoder.raw_decode

    def _make_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = make_object(pairs)
        self.has_repeated |= len(found) != len(pairs)
        return found


@dataclass(frozen=True, slots=True)
class Tokens:
    """A value of dicts, lists, strings, Numbers, booleans and None, and the line of each of its tokens."""

    value: Any
    lines: Sequence[int]
    left_out: tuple[LeftOut, ...] = ()


def find_lines(text: str) -> "array[int]":
    """The line, from 1, of each token of a valid JSON text (or of one JSON text a line)."""
    lines = array("I")
    number = 1 + text.count("\n", 0, len(text) - len(text.lstrip()))
    for piece in _PIECE.finditer(text.lstrip()):
        bare = "\n".join(map(str.strip, piece[0].split("\n")))  # indentation is most of some files
        # Every scalar becomes one character, as the brackets are, and what is between them none.
        for place, tokens in enumerate(_SCALAR.sub("s", bare).translate(_BETWEEN).split("\n")):
            number += place > 0
            lines.extend(array("I", (number,)) * len(tokens))
    return lines


def count_tokens(value: Any) -> int:
    """How many tokens a value has."""
    if isinstance(value, dict):
        return 2 + len(value) + sum(map(count_tokens, value.values()))
    if isinstance(value, list):
        return 2 + sum(map(count_tokens, value))
    return 1


def check_depth(path: str, value: Any) -> None:
    """Raises DocumentError where the value is nested more than DEPTH levels: the same limit in every process."""
    level = [value]
    for _ in range(DEPTH + 1):
        members = chain.from_iterable(map(_members, level))
        level = [member for member in members if isinstance(member, (dict, list))]
        if not level:
            return
    raise too_deep(path)


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, Repeated):
        return [member for _, member in value.pairs]
    return value.values() if isinstance(value, dict) else value


def too_deep(path: str) -> DocumentError:
    """The error for a document nested beyond DEPTH."""
    return DocumentError(
        f"{path}: nested too deeply to read: more than {DEPTH} levels.", hint="flatten it or leave it out"
    )


def drop_repeated(tokens: Tokens) -> Tokens:
    """The same with the last of every repeated key only; the others are left out, and told."""
    lines = array("I")
    left_out: list[LeftOut] = []

    def copy(value: Any, at: int) -> tuple[Any, int]:
        lines.append(tokens.lines[at])
        at += 1
        if isinstance(value, dict):
            pairs = value.pairs if isinstance(value, Repeated) else list(value.items())
            last = {key: number for number, (key, _) in enumerate(pairs)}
            found: dict[str, Any] = {}
            for number, (key, member) in enumerate(pairs):
                if number == last[key]:
                    lines.append(tokens.lines[at])
                    found[key], at = copy(member, at + 1)
                else:
                    end = at + 1 + _count_written(member)
                    left_out.append(LeftOut((tokens.lines[at], tokens.lines[end - 1]), "a key given twice", key))
                    at = end
            lines.append(tokens.lines[at])
            return found, at + 1
        if isinstance(value, list):
            members: list[Any] = []
            for part in value:
                member, at = copy(part, at)
                members.append(member)
            lines.append(tokens.lines[at])
            return members, at + 1
        return value, at

    value, _ = copy(tokens.value, 0)
    return Tokens(value, lines, (*tokens.left_out, *left_out))


def _count_written(value: Any) -> int:
    if isinstance(value, Repeated):
        return 2 + len(value.pairs) + sum(_count_written(member) for _, member in value.pairs)
    if isinstance(value, dict):
        return 2 + len(value) + sum(map(_count_written, value.values()))
    if isinstance(value, list):
        return 2 + sum(map(_count_written, value))
    return 1


def convert(value: Any) -> Any:
    """A value of Python (of a list through the API, of a Parquet file) in the form that a decoder would give."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, dict):
        return {str(key): convert(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [convert(member) for member in value]
    if isinstance(value, (int, float, decimal.Decimal)):
        return Number(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Binary(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat(" ") if isinstance(value, datetime.datetime) else value.isoformat()
    return str(value)


def read_members(members: Sequence[dict[str, Any]], spans: Sequence[Lines]) -> Tokens:
    """A list of objects, each with the lines that it stands on."""
    lines = array("I", (spans[0][0] if spans else 1,))
    for member, (first, last) in zip(members, spans, strict=True):
        lines.extend(array("I", (first,)) * (count_tokens(member) - 1))
        lines.append(last)
    lines.append(lines[-1])
    return Tokens(list(members), lines)


# ---- the same as a tree ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Node:
    """A value with its lines, and whether something has been made of it: for what is read by its meaning."""

    lines: Lines
    scalar: str | None = None
    """A scalar as it is written."""
    value: Any = None
    """As decoded."""
    members: dict[str, "Node"] = field(default_factory=dict)
    items: list["Node"] = field(default_factory=list)
    is_taken: bool = False

    def take(self, key: str) -> str:
        """The scalar member of this name, which counts as used from now on; empty where there is none."""
        member = self.members.get(key)
        return member.take_scalar() if member else ""

    def take_scalar(self) -> str:
        """This scalar, used from now on."""
        if self.scalar is None:
            return ""
        self.is_taken = True
        return self.scalar

    def take_list(self, key: str) -> tuple[str, ...]:
        """The scalars of the list of this name (or the one scalar), used from now on."""
        member = self.members.get(key)
        if member is None:
            return ()
        if member.scalar is not None:
            return (member.take_scalar(),)
        return tuple(item.take_scalar() for item in member.items if item.scalar is not None)

    def scalars(self) -> Iterator["Node"]:
        """Every scalar in it."""
        if self.scalar is not None:
            yield self
        for node in (*self.members.values(), *self.items):
            yield from node.scalars()


def build_tree(tokens: Tokens) -> Node:
    """The tree of a document."""
    lines = tokens.lines

    def build(value: Any, at: int) -> tuple[Node, int]:
        if isinstance(value, dict):
            node = Node((lines[at], lines[at]), value=value)
            at += 1
            for key, member in value.items():
                line = lines[at]
                node.members[key], at = build(member, at + 1)
                node.members[key].lines = line, node.members[key].lines[1]
        elif isinstance(value, list):
            node = Node((lines[at], lines[at]), value=value)
            at += 1
            for member in value:
                item, at = build(member, at)
                node.items.append(item)
        else:
            return Node((lines[at], lines[at]), write_scalar(value), value), at + 1
        node.lines = node.lines[0], lines[at]
        return node, at + 1

    return build(tokens.value, 0)[0]


def write_scalar(value: Any) -> str:
    """A scalar as it is written."""
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return str(value)
