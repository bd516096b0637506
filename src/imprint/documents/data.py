"""JSON and JSON Lines to records and rows, with the lines where each stands.

`json` gives no positions, so containers are opened one level at a time with `JSONDecoder.raw_decode`, which does.
"""

import bisect
import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from imprint.documents.types import Lines, Record, Row
from imprint.errors import DocumentError

_NAME_FIELDS = ("name", "title", "label", "id", "key")
_SPACE = re.compile(r"[\s,:]*")
_ROLES = {"human": "user", "gpt": "assistant", "user": "user", "assistant": "assistant", "system": "system"}
_PAIRS = (("instruction", "output"), ("prompt", "completion"), ("prompt", "response"), ("question", "answer"))


class Number(str):
    """A number kept as it is written."""


_decoder = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number)


class _Source:
    """A text and where its lines begin."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def lines(self, begin: int, end: int) -> Lines:
        return bisect.bisect_right(self._starts, begin), bisect.bisect_right(self._starts, max(begin, end - 1))

    def place(self, at: int) -> tuple[int, int]:
        """Line and column, both from 1."""
        line = bisect.bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def decode(self, at: int) -> tuple[Any, int]:
        try:
            return _decoder.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            raise _broken(self.path, error.lineno, error.colno, error.msg) from error

    def children(self, begin: int) -> Iterator[tuple[str, Any, int, int]]:
        """The members of the container that opens at `begin`: key ("" in arrays), value, its begin and end."""
        closing = "]" if self.text[begin] == "[" else "}"
        at = self._skip(begin + 1)
        while self.text[at] != closing:
            key = ""
            if closing == "}":
                key, at = self.decode(at)
                at = self._skip(at)
            value, end = self.decode(at)
            yield key, value, at, end
            at = self._skip(end)

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at


def parse_json(path: str, text: str) -> tuple[list[Record], list[Row], list[str]]:
    """Records, ready-made rows and what was left out of one JSON document.

    Raises DocumentError with line and column where the text is not JSON.
    """
    with _limited_depth(path):
        return _parse_json(path, text)


def _parse_json(path: str, text: str) -> tuple[list[Record], list[Row], list[str]]:
    source = _Source(path, text)
    begin = len(text) - len(text.lstrip())
    value, end = source.decode(begin)
    if rest := text[end:].lstrip():
        line, column = source.place(len(text) - len(rest))
        raise _broken(path, line, column, "Extra data after the document (JSON Lines files end in .jsonl)")
    records: list[Record] = []
    rows: list[Row] = []
    skipped: list[str] = []
    _walk(source, value, begin, (), records, rows, skipped)
    return records, rows, skipped


def parse_json_lines(path: str, text: str) -> tuple[list[Record], list[Row], list[str]]:
    """The same for a file with one JSON object a line."""
    with _limited_depth(path):
        return _parse_json_lines(path, text)


def _parse_json_lines(path: str, text: str) -> tuple[list[Record], list[Row], list[str]]:
    members: list[tuple[Any, Lines]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                with _limited_depth(f"{path}:{number}"):
                    members.append((_decoder.decode(line), (number, number)))
            except json.JSONDecodeError as error:
                raise _broken(path, number, error.colno, error.msg) from error
    records: list[Record] = []
    rows: list[Row] = []
    skipped: list[str] = []
    _members(members, (), records, rows, skipped)
    return records, rows, skipped


def _walk(
    source: _Source,
    value: Any,
    begin: int,
    path: tuple[str, ...],
    records: list[Record],
    rows: list[Row],
    skipped: list[str],
) -> None:
    if isinstance(value, list):
        inside = [(member, source.lines(start, end)) for _, member, start, end in source.children(begin)]
        _members(inside, path, records, rows, skipped)
    elif isinstance(value, dict):
        children = list(source.children(begin))
        fields = [(key, _scalar(member), start, end) for key, member, start, end in children]
        own = [(key, text) for key, text, _, _ in fields if text is not None]
        if own:
            lines = source.lines(
                min(start for _, text, start, _ in fields if text is not None),
                max(end for _, text, _, end in fields if text is not None),
            )
            records.append(Record(".".join(path), path, lines, tuple(own)))
        for key, member, start, _ in children:
            if _scalar(member) is None:
                _walk(source, member, start, (*path, key), records, rows, skipped)


def _members(
    members: list[tuple[Any, Lines]],
    path: tuple[str, ...],
    records: list[Record],
    rows: list[Row],
    skipped: list[str],
) -> None:
    """The members of an array: ready-made rows where they have a known form, records otherwise."""
    objects: list[tuple[dict[str, Any], Lines]] = []
    for member, lines in members:
        if not isinstance(member, dict):
            skipped.append(f"line {lines[0]}: a {type(member).__name__} among objects")
        elif (row := _row(member, lines)) is not None:
            if row.output.strip() and row.instruction.strip():
                rows.append(row)
            else:
                skipped.append(f"line {lines[0]}: a row without a question or an answer")
        else:
            objects.append((member, lines))
    flat = [(dict(_flatten(member)), lines) for member, lines in objects]
    key = _key_field([fields for fields, _ in flat])
    for number, (fields, lines) in enumerate(flat, start=1):
        subject = fields[key] if key else f"{'.'.join(path)} {number}".strip()
        records.append(
            Record(subject, path, lines, tuple((name, text) for name, text in fields.items() if name != key))
        )


def _row(member: Mapping[str, Any], lines: Lines) -> Row | None:
    """The row that a known SFT schema holds: alpaca, messages, sharegpt, prompt/completion, question/answer."""
    for question, answer in _PAIRS:
        if isinstance(member.get(question), str) and isinstance(member.get(answer), str):
            extra = member.get("input")
            return Row(lines, member[question], extra if isinstance(extra, str) else "", member[answer])
    turns = member.get("messages") or member.get("conversations")
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return None
    messages: list[tuple[str, str]] = []
    for turn in turns:
        role, content = _ROLES.get(str(turn.get("role") or turn.get("from"))), turn.get("content", turn.get("value"))
        if role is None or not isinstance(content, str):
            return None
        messages.append((role, content))
    while messages and messages[-1][0] != "assistant":  # nothing answers it
        messages.pop()
    if len(messages) < 2 or messages[-2][0] != "user":
        return Row(lines, "", "", "")
    plain = len(messages) == 2
    return Row(lines, messages[-2][1], "", messages[-1][1], () if plain else tuple(messages))


def _scalar(value: Any) -> str | None:
    """A value as text: strings and numbers as written, lists of scalars joined; None for what holds objects."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, list):
        parts = [_scalar(part) for part in value if not isinstance(part, list)]
        if value and len(parts) == len(value) and all(part is not None for part in parts):
            return ", ".join(part for part in parts if part is not None)
    return None


def _flatten(member: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in member.items():
        text = _scalar(value)
        if text is not None:
            yield prefix + key, text
        elif isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            for number, part in enumerate(value, start=1):
                if isinstance(part, dict):
                    yield from _flatten(part, f"{prefix}{key}.{number}.")


def _key_field(records: list[dict[str, str]]) -> str:
    """The field that names a record: text, in every record, never twice; by a usual name first, then by place."""
    if not records:
        return ""
    candidates = [
        name
        for name, value in records[0].items()
        if not isinstance(value, Number)
        and all(0 < len(record.get(name, "")) <= 80 for record in records)
        and len({record[name] for record in records}) == len(records)
    ]

    def rank(name: str) -> tuple[int, int, int]:
        words = name.lower().split(".")
        usual = min((_NAME_FIELDS.index(word) for word in words if word in _NAME_FIELDS), default=len(_NAME_FIELDS))
        return usual, len(words), candidates.index(name)

    if len(records) == 1:  # anything is unique there
        candidates = [name for name in candidates if rank(name)[0] < len(_NAME_FIELDS)]
    return min(candidates, key=rank, default="")


@contextlib.contextmanager
def _limited_depth(path: str) -> Iterator[None]:
    """Python's limit on recursion, which the parser or the walk over its result meets, as an error of the document."""
    try:
        yield
    except RecursionError:
        raise DocumentError(f"{path}: JSON nested too deeply to read.", hint="flatten it or leave it out") from None


def _broken(path: str, line: int, column: int, message: str) -> DocumentError:
    return DocumentError(f"{path}:{line}:{column}: not valid JSON: {message}.", hint="mend the file or take it out")
