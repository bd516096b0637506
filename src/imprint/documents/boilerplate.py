"""What is recognized and skipped: change logs, licences, and whatever only leads elsewhere or only decorates."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

CHANGE_LOG = "change log"
LICENCE = "licence"
NAVIGATION = "navigation"
BADGES = "badges"
NO_TEXT = "markup without text"

_CHANGE_LOGS = {"changelog", "releasenotes"}
_OFTEN_CHANGE_LOGS = {"changes", "history", "news", "releases"}  # or the history of a company
_LICENCE_STEM = re.compile(
    r"(?:un)?licen[cs]es?|copying(?:\.lesser)?|notices?"
    r"|(?:licen[cs]e|copying)[-_. ](?:mit|apache|bsd|[al]?gpl|mpl|cc|isc)\b.*"
)
_LICENCE_TITLE = re.compile(
    r"[\s#=*_-]*(?:apache license\s+version 2\.0, january 2004|mozilla public license,? version"
    r"|gnu (?:lesser |affero |library )?general public license\s+version|boost software license - version"
    r"|(?:creative commons )?(?:attribution[\w .-]* international|cc0 1\.0 universal)\s)"
)
_LICENCE_SENTENCES = (
    "permission is hereby granted, free of charge, to any person",
    "permission to use, copy, modify, and/or distribute this software",
    "permission to use, copy, modify, and distribute this software",
    "redistribution and use in source and binary forms, with or without",
    "this is free and unencumbered software released into the public domain",
)
_LICENCE_HEAD_LINE = re.compile(r"licen[cs]e|copyright|\(c\)|©|all rights reserved|^[\s=#*_-]*$")
_DATE = (
    r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./ ]\w{2,9}[-./ ]\d{4}|\w{3,9}\.? \d{1,2},? \d{4}"
    r"|unreleased|tbd|yanked)"
)
_VERSION = r"(?:v(?:ersion)?|release)?[ .]?(\d+(?:\.\d+)+)(?:[-+.]?[a-z][\w.+-]*)?"
_VERSION_HEADING = re.compile(rf"\[?{_VERSION}\]?(?:[\s,:(\[/–—-]+{_DATE}[)\]\s]*)*", re.IGNORECASE)
_LONGEST_HEADING = 80  # characters
_TABLES_OF_CONTENTS = {"summary", "toc", "contents", "sidebar", "navbar"}
_LETTER = re.compile(r"[^\W\d_]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")
_INSIDE_LINK = re.compile(r"\]\((?![a-zA-Z][a-zA-Z0-9+.-]*:|//)[^()\s]*\)")


def recognize_file(path: str, text: str) -> str:
    """Say why a whole file is skipped, from its name and its beginning; "" where it is not."""
    stem = PurePosixPath(path).stem.casefold()
    letters = re.sub(r"[\W_]", "", stem)
    if letters in _CHANGE_LOGS or (letters in _OFTEN_CHANGE_LOGS and _has_version_line(text)):
        return CHANGE_LOG
    if _LICENCE_STEM.fullmatch(stem) or _begins_like_a_licence(text):
        return LICENCE
    is_contents = stem.startswith("_") and letters in _TABLES_OF_CONTENTS
    if is_contents or (letters in _TABLES_OF_CONTENTS and _is_mostly_links(text)):
        return NAVIGATION
    return ""


def is_change_log(headings: Sequence[Sequence[str]]) -> bool:
    """Whether most of the heading paths lead through a version, the newest first.

    Headings that are dates only make a diary as well as a change log, and numbers that rise are those of chapters.
    """
    found = [next((version for name in heading if (version := _version(name))), ()) for heading in headings]
    versions = [version for version in found if version]
    return len(set(versions)) >= 3 and len(versions) * 2 > len(found) and versions[0] > versions[-1]


def is_internal(address: str) -> bool:
    """Whether a link stays within the document set: an anchor or a relative path."""
    return not _SCHEME.match(address)


def has_words(text: str) -> bool:
    """Whether there is a letter in the text, in any script: separators, numbers and marks say nothing."""
    return _LETTER.search(text) is not None


def leads_elsewhere(addresses: Iterable[str], pieces: Iterable[str]) -> bool:
    """Whether links with these addresses and these pieces of text between them are navigation."""
    return all(is_internal(address) for address in addresses) and not any(has_words(piece) for piece in pieces)


def _version(name: str) -> tuple[int, ...]:
    may_match = "." in name and len(name) <= _LONGEST_HEADING
    match = _VERSION_HEADING.fullmatch(name) if may_match else None
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _has_version_line(text: str) -> bool:
    return any(_version(line.strip(" \t#*=-")) for line in text[:20_000].split("\n"))


def _begins_like_a_licence(text: str) -> bool:
    beginning = text[:2000].lower()
    if _LICENCE_TITLE.match(beginning):
        return True
    at = max(beginning.find(sentence) for sentence in _LICENCE_SENTENCES)
    return at >= 0 and all(_LICENCE_HEAD_LINE.search(line) for line in beginning[:at].split("\n"))


def _is_mostly_links(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    return sum(_INSIDE_LINK.search(line) is not None for line in lines) * 2 > len(lines)


__all__ = [
    "BADGES",
    "CHANGE_LOG",
    "LICENCE",
    "NAVIGATION",
    "NO_TEXT",
    "has_words",
    "is_change_log",
    "is_internal",
    "leads_elsewhere",
    "recognize_file",
]
