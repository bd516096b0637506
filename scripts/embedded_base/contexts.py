"""Writes facts down the ways documents do: prose, sections, tables, definition lists, records."""

from __future__ import annotations

import json

from .families import Fact
from .wordings import Place
from .words import Words, expand

_TITLES = "[[The |]<name> [Guide|Handbook|Manual|Documentation|Reference]|[User's guide|Handbook|Manual|Notes|Guide|Facts|Reference] [of|for|on] <name>|[House rules|Reference|Overview|Settings|Commands|Frequently asked questions|Staff list|Price list|Notes|Glossary]|About <name>|<name>]"
_CHAPTERS = "[Overview|Details|Basics|<noun>|<adjective> <nouns>|Reference|Chapter <integer 1 20>|Serving|Settings|People|Places|Rules|Data|Limits|Running|Installing|Facts]"


def make_title(words: Words) -> str:
    return expand(_TITLES, words)


def make_place(title: str, entity: str, words: Words) -> Place:
    """A heading path below the title that ends at the thing itself, its chapter, or nowhere deeper."""
    chapter = expand(_CHAPTERS, words)
    chapter = chapter[:1].upper() + chapter[1:]
    path = words.rng.choice((f"{title} > {entity}", f"{title} > {chapter} > {entity}", f"{chapter} > {entity}", entity))
    return Place(title, path)


def write_context(title: str, things: list[list[Fact]], places: list[Place], words: Words) -> tuple[str, bool]:
    """The facts as a document, and whether it states every fact by its own sentence."""
    style = words.rng.random()
    same_kind = len({tuple(fact.attribute.label for fact in facts) for facts in things}) == 1
    if style < 0.34:
        return _prose(title, things, words), True
    if style < 0.62:
        return _sections(title, things, places, words), True
    if style < 0.72 and same_kind and len(things) > 1:
        return f"# {title}\n\n" + _table(things), False
    if style < 0.82:
        return f"# {title}\n\n" + "\n\n".join(_definitions(facts, words) for facts in things), False
    if style < 0.94:
        return _records(things, words), False
    return _plain(title, things), False


def _prose(title: str, things: list[list[Fact]], words: Words) -> str:
    sentences = [fact.sentence for facts in things for fact in facts]
    if words.coin(0.4):
        words.rng.shuffle(sentences)
    head = words.rng.choice((f"# {title}\n\n", "", f"{title}\n\n"))
    return head + " ".join(sentences)


def _sections(title: str, things: list[list[Fact]], places: list[Place], words: Words) -> str:
    parts = [f"# {title}"]
    for facts, place in zip(things, places, strict=True):
        headings = place.path.removeprefix(f"{title} > ").split(" > ")
        for level, heading in enumerate(headings, 2):
            parts.append(f"{'#' * level} {heading}")
        parts.append((" " if words.coin(0.7) else "\n- ").join(fact.sentence for fact in facts))
    return "\n\n".join(parts)


def _table(things: list[list[Fact]]) -> str:
    labels = [fact.attribute.label for fact in things[0]]
    rows = [f"| name | {' | '.join(labels)} |", "|" + " --- |" * (len(labels) + 1)]
    rows += [f"| {facts[0].entity} | {' | '.join(fact.value for fact in facts)} |" for facts in things]
    return "\n".join(rows)


def _definitions(facts: list[Fact], words: Words) -> str:
    entity = facts[0].entity
    if words.coin(0.5):
        return f"## {entity}\n\n" + "\n".join(f"- **{fact.attribute.label}**: {fact.value}" for fact in facts)
    if words.coin(0.5):
        rows = "\n".join(f"| {fact.attribute.label} | {fact.value} |" for fact in facts)
        return f"## {entity}\n\n| | {entity} |\n| --- | --- |\n{rows}"
    return f"{entity}\n" + "\n".join(f"    {fact.attribute.label.capitalize()}: {fact.value}" for fact in facts)


def _records(things: list[list[Fact]], words: Words) -> str:
    records = [
        {"name": facts[0].entity, **{fact.attribute.label.replace(" ", "_"): _scalar(fact.value) for fact in facts}}
        for facts in things
    ]
    whole = records[0] if len(records) == 1 else records
    return json.dumps(whole, ensure_ascii=False, indent=2 if words.coin(0.5) else None)


def _scalar(value: str) -> str | int | bool:
    if value in {"yes", "no"}:
        return value == "yes"
    return int(value) if value.isdecimal() and not value.startswith("0") else value


def _plain(title: str, things: list[list[Fact]]) -> str:
    lines = [f"{facts[0].entity}: {fact.attribute.label} = {fact.value}" for facts in things for fact in facts]
    return f"{title}\n" + "\n".join(lines)
