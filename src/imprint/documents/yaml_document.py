"""YAML: a document's events become the same values with lines that JSON gives."""

from array import array
from typing import Any

import yaml

from imprint.documents import content
from imprint.documents.tokens import (
    DEPTH,
    Number,
    Tokens,
    check_depth,
    count_tokens,
    drop_repeated,
    make_object,
    too_deep,
)
from imprint.documents.types import Parsed
from imprint.errors import DocumentError

_LARGEST_GROWTH = 20
"""What aliases may add: so many tokens for each of the text's own events ("billion laughs")."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


def parse_yaml(path: str, text: str) -> Parsed:
    """What a YAML file holds; several documents in one file are the members of a list.

    Raises DocumentError with line and column where it is not YAML, is nested too deeply, or grows too large by aliases.
    """
    reading = _Reading(path)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reading.take(event)
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
        raise DocumentError(f"{place}: not valid YAML: {problem}.", hint="mend the file or take it out") from error
    except RecursionError:
        raise too_deep(path) from None
    tokens = reading.finish()
    check_depth(path, [tokens.value])  # an alias may put deep things into deep ones
    return content.read(drop_repeated(tokens) if reading.has_repeated else tokens)


class _Reading:
    """Containers that are open, and the tokens so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.resolver: Any = yaml.resolver.Resolver()
        self.lines = array("I")
        self.documents: list[Any] = []
        self.open: list[tuple[str | None, list[Any]]] = []
        self.anchors: dict[str, Any] = {}
        self.events = 0
        self.has_repeated = False

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        self.events += 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.anchors = {}
        elif isinstance(event, yaml.AliasEvent):
            self._take_alias(event.anchor, line)
        elif isinstance(event, yaml.ScalarEvent):
            self.lines.append(line)
            self._add(self._read_scalar(event), event.anchor)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(self.open) >= DEPTH:
                raise too_deep(f"{self.path}:{line}")
            self.lines.append(line)
            self.open.append((event.anchor, []))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            anchor, members = self.open.pop()
            self.lines.append(self.lines[-1])  # a block's own end is where the next thing begins
            self._add(self._make_object(members) if isinstance(event, yaml.MappingEndEvent) else members, anchor)

    def _take_alias(self, anchor: str | None, line: int) -> None:
        if anchor is None or anchor not in self.anchors:
            raise DocumentError(
                f"{self.path}:{line}: not valid YAML: no anchor {anchor!r} before it.", hint="mend the file"
            )
        value = self.anchors[anchor]
        self.lines.extend(array("I", (line,)) * count_tokens(value))
        if len(self.lines) > 10_000 + _LARGEST_GROWTH * self.events:
            raise DocumentError(f"{self.path}:{line}: aliases make it too large to read.", hint="write them out")
        self._add(value, None)

    def _add(self, value: Any, anchor: str | None) -> None:
        if anchor:
            self.anchors[anchor] = value
        (self.open[-1][1] if self.open else self.documents).append(value)

    def _make_object(self, members: list[Any]) -> dict[str, Any]:
        names = []
        for key in members[::2]:
            if isinstance(key, (dict, list)):
                raise DocumentError(f"{self.path}: a key that is not a scalar.", hint="mend the file or take it out")
            names.append("null" if key is None else str(key).lower() if isinstance(key, bool) else str(key))
        found = make_object(list(zip(names, members[1::2], strict=True)))
        self.has_repeated |= len(found) < len(names)
        return found

    def _read_scalar(self, event: Any) -> Any:
        """Numbers as written; what YAML takes for a truth value or null is one, and a date is text."""
        tag = event.tag or self.resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == f"{_TAG}null":
            return None
        if tag == f"{_TAG}bool" and event.value.lower() in {"true", "false"}:
            return event.value.lower() == "true"
        return Number(event.value) if tag in {f"{_TAG}int", f"{_TAG}float"} else str(event.value)

    def finish(self) -> Tokens:
        if len(self.documents) == 1:
            return Tokens(self.documents[0], self.lines)
        first, last = (self.lines[0], self.lines[-1]) if self.lines else (1, 1)
        return Tokens(self.documents, array("I", (first, *self.lines, last)))
