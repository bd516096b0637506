"""Facts: what the documents say, before it is put into words; and what the kinds of fact share."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

from imprint.config import Dataset
from imprint.dataset.lengths import Lengths
from imprint.documents import Document, LeftOut, Lines

_MARKED = re.compile(r"[`*\[_]")
_MARKUP = re.compile(
    r"`+([^`]*)`+|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\b__([^_]+)__\b|!?\[([^\]]*)\]\([^)]*\)|!?\[([^\]]*)\]\[[^\]]*\]"
)
_SAYS_NOTHING = frozenset(
    {"", "name", "id", "key", "title", "label", "no", "nr", "#", "ad", "adı", "nom", "nombre", "nome"}
)
_TURKISH_SMALL = {"I": "ı", "İ": "i"}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the documents say."""

    kind: str
    """Also the name of its wordings."""
    slots: dict[str, str]
    """What the wordings' braces are filled with."""
    answer: str
    """The answer; empty where the wordings' own answer form makes it from the slots."""
    heading: tuple[str, ...]
    lines: Lines
    place: str
    """The section, record or operation that it belongs to: what is left out of training as a whole for control."""
    wordings: int = 0
    """At most so many questions to train on; 0: as many as the settings say."""

    def id(self, document: str) -> str:
        """Twelve hexadecimal digits that name the fact: the same fact has the same name in every run."""
        text = "\x1f".join((document, self.kind, *self.heading, *self.slots.values(), self.answer))
        return xxh3_64_hexdigest(text.encode("utf-8", "surrogatepass"))[:12]


@dataclass(slots=True)
class Scope:
    """A document while its facts are found: the limits they keep to, and what is left out on the way."""

    document: Document
    settings: Dataset
    lengths: Lengths
    forms: Mapping[str, Any]
    """The wordings of the document's language."""
    seed: int
    left_out: list[LeftOut] = field(default_factory=list)
    turn: int = 1
    """Which of the sections with one heading path is looked at."""

    def leave_out(self, lines: Lines, reason: str, detail: str = "") -> None:
        self.left_out.append(LeftOut(lines, reason, detail))

    def heading(self, path: tuple[str, ...]) -> str:
        """The heading path as a question names it: without the title, which every question names beside it."""
        title = self.document.title
        names = " > ".join(name for name in path if name and name != title)
        return (f"{names} ({self.turn})" if names and self.turn > 1 else names) or title

    def chance(self, *parts: object) -> float:
        """A number from 0 to 1 that depends on the seed, the document and `parts` alone."""
        return chance(self.seed, self.document.path, *parts)


def chance(*parts: object) -> float:
    """A number from 0 to 1 that depends on `parts` alone."""
    text = "\x1f".join(map(str, parts))
    return xxh3_64_intdigest(text.encode("utf-8", "surrogatepass")) / 2**64


@functools.lru_cache(4096)  # titles and headings come again with every fact
def without_markup(text: str) -> str:
    """A cell, a term or a sentence as people type it: no backticks, emphasis or link targets."""
    if not _MARKED.search(text):
        return text.strip()
    return _MARKUP.sub(lambda match: next(part for part in match.groups() if part is not None), text).strip()


def field_name(name: str) -> str:
    """`opening_hours` as "opening hours"; paths, camelCase and other identifiers as they are."""
    return name.replace("_", " ") if "_" in name and re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name) else name


def inside_sentence(name: str, language: str) -> str:
    """A column's name as it stands inside a sentence: "Default" as "default", "URL" and "iPhone" as they are."""
    if not name:
        return name
    first = _TURKISH_SMALL.get(name[0], name[0].lower()) if language == "tr" else name[0].lower()
    # German nouns keep their capital. The small form of İ has two characters where the language is not Turkish.
    keeps = language == "de" or len(first) != 1 or name[1:] != name[1:].lower()
    return name if keeps else first + name[1:]


def name_of_rows(name: str, scope: Scope) -> str:
    """What the things are called that a key column names: "parameter", or "entry" where it is called "name" only."""
    if name.casefold() in _SAYS_NOTHING:
        return str(scope.forms["labels"]["entry"])
    return inside_sentence(field_name(name), scope.document.language)


def one_line(text: str, most: int) -> str:
    """The text on one line; empty where it has more than `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else ""
