"""JSON and JSON Lines (and, by its own module, YAML): decoded, with the line of every value."""

import json
import re
from typing import Any

from imprint.documents import content, records
from imprint.documents.tokens import Decoder, Tokens, check_depth, drop_repeated, find_lines, too_deep
from imprint.documents.types import LeftOut, Parsed
from imprint.documents.yaml_document import parse_yaml
from imprint.errors import DocumentError

__all__ = ["parse_json", "parse_json_lines", "parse_yaml"]

_PAIR = re.compile(r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
# A pair of surrogates, one that has lost its other half, or any other escape.
_ESCAPE = re.compile(rf"{_PAIR.pattern}|({_HALF.pattern}\w\w)|\\.", re.DOTALL)


def parse_json(path: str, text: str) -> Parsed:
    """What one JSON document holds: records, ready-made rows, operations.

    Raises DocumentError with line and column where the text is not JSON, or is nested too deeply.
    """
    text, left_out = _mend_surrogates(text)
    begin = len(text) - len(text.lstrip(" \t\n"))
    decoder = Decoder()
    try:
        value, end = decoder.raw_decode(text, begin)
    except json.JSONDecodeError as error:
        raise _broken(path, error.lineno, error.colno, error.msg) from error
    except RecursionError:
        raise too_deep(path) from None
    if rest := text[end:].lstrip(" \t\n"):
        at = len(text) - len(rest)
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise _broken(path, line, column, "Extra data after the document (JSON Lines files end in .jsonl)")
    check_depth(path, [value])
    tokens = Tokens(value, find_lines(text), left_out)
    return content.read(drop_repeated(tokens) if decoder.has_repeated else tokens)


def parse_json_lines(path: str, text: str) -> Parsed:
    """The same for a file with one JSON value a line, which are the members of one list."""
    text, left_out = _mend_surrogates(text)
    decoder = Decoder()
    members: list[Any] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                members.append(decoder.decode(line))
            except json.JSONDecodeError as error:
                raise _broken(path, number, error.colno, error.msg) from error
            except RecursionError:
                raise too_deep(f"{path}:{number}") from None
    check_depth(path, members)
    lines = find_lines(text)
    lines.insert(0, lines[0] if lines else 1)  # the list's own brackets
    lines.append(lines[-1])
    tokens = Tokens(members, lines, left_out)
    return records.gather(drop_repeated(tokens) if decoder.has_repeated else tokens)


def _mend_surrogates(text: str) -> tuple[str, tuple[LeftOut, ...]]:
    """Half of a surrogate pair is no character, and no file could hold it: it becomes U+FFFD, of the same length."""
    if not _HALF.search(text) or not _HALF.search(_PAIR.sub("", text)):
        return text, ()
    halves = [found for found in _ESCAPE.finditer(text) if found[1]]
    if not halves:
        return text, ()
    line = text.count("\n", 0, halves[0].start()) + 1
    left_out = LeftOut((line, line), "half of a character", f"{halves[0][1]}: {len(halves)} times")
    return _ESCAPE.sub(lambda found: "\\ufffd" if found[1] else found[0], text), (left_out,)


def _broken(path: str, line: int, column: int, message: str) -> DocumentError:
    return DocumentError(f"{path}:{line}:{column}: not valid JSON: {message}.", hint="mend the file or take it out")
