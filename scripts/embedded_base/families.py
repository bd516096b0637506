"""Reads the families of facts: what can be said and asked about a kind of thing.

The notation in `families/*.txt`, one line each:

    kind NOUN | PLURAL | PATTERN OF NAMES
    @ LABEL = PATTERN OF VALUES      a new attribute of the kind
    ! LABEL | y SENTENCE | n SENTENCE    an attribute that is true or false
    + a statement        ~ a noun phrase for the attribute
    ? direct question | the same as an embedded clause        < a question from the value back to the thing

`{e}` stands for the thing, `{v}` for the value. Patterns are those of `words.expand`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .words import Words, expand

FOLDER = Path(__file__).parent / "families"


@dataclass
class Attribute:
    """One thing that can be known about a kind, with every way to say and ask it."""

    label: str
    values: str = ""
    yes: str = ""
    no: str = ""
    statements: list[str] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)
    reverse: list[str] = field(default_factory=list)

    @property
    def is_boolean(self) -> bool:
        return bool(self.yes)


@dataclass
class Kind:
    """A kind of thing: settings, people, countries, …"""

    noun: str
    plural: str
    names: str
    attributes: list[Attribute] = field(default_factory=list)


@dataclass
class Fact:
    """One attribute of one thing, with the sentence that states it."""

    entity: str
    attribute: Attribute
    value: str
    sentence: str

    @property
    def canonical(self) -> str:
        """The sentence used when the source states the fact in a table or a record."""
        if self.attribute.is_boolean:
            return self.sentence
        return fill(self.attribute.statements[0], self.entity, self.value)


def fill(template: str, entity: str, value: str) -> str:
    """The template with its slots filled and a capital letter in front."""
    text = template.replace("{e}", entity).replace("{v}", value)
    return text if text.startswith("`") else text[:1].upper() + text[1:]


def make_fact(entity: str, attribute: Attribute, words: Words) -> Fact:
    """A fact with a fresh value, stated in one of the attribute's ways."""
    if attribute.is_boolean:
        holds = words.coin(0.5)
        return Fact(
            entity, attribute, "yes" if holds else "no", fill(attribute.yes if holds else attribute.no, entity, "")
        )
    value = expand(attribute.values, words)
    weights = [3] + [2] * (len(attribute.statements) - 1)
    statement = words.rng.choices(attribute.statements, weights)[0]
    return Fact(entity, attribute, value, fill(statement, entity, value))


def make_facts(kind: Kind, count: int, words: Words) -> list[Fact]:
    """Facts about one fresh thing of the kind, at most `count`, in random order."""
    entity = expand(kind.names, words)
    chosen = words.rng.sample(kind.attributes, min(count, len(kind.attributes)))
    return [make_fact(entity, attribute, words) for attribute in chosen]


def read_kinds() -> list[Kind]:
    """Every kind of the families folder."""
    kinds: list[Kind] = []
    for path in sorted(FOLDER.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line and not line.startswith("#"):
                try:
                    _read_line(line, kinds)
                except (IndexError, ValueError) as error:
                    raise ValueError(f"{path.name}:{number}: cannot read {line!r}") from error
    return kinds


def _read_line(line: str, kinds: list[Kind]) -> None:
    if line.startswith("kind "):
        noun, plural, names = line[5:].split(" | ", 2)
        kinds.append(Kind(noun, plural, names))
        return
    mark, rest = line.split(" ", 1)
    attributes = kinds[-1].attributes
    if mark == "@":
        label, values = rest.split(" = ", 1)
        attributes.append(Attribute(label, values))
    elif mark == "!":
        label, yes, no = rest.split(" | ")
        attributes.append(Attribute(label, yes=yes.removeprefix("y "), no=no.removeprefix("n ")))
    elif mark == "+":
        attributes[-1].statements.append(rest)
    elif mark == "~":
        attributes[-1].phrases.append(rest)
    elif mark == "?":
        direct, clause = rest.split(" | ")
        attributes[-1].questions.append((direct, clause))
    elif mark == "<":
        attributes[-1].reverse.append(rest)
    else:
        raise ValueError(mark)
