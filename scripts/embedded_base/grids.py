"""Episodes of the second phase: tables, records, glossaries and sections, asked as Imprint's datasets ask them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .contexts import make_title
from .families import Kind, make_facts
from .reading import Drill
from .requests import request
from .words import Words, expand


@dataclass(frozen=True)
class Grid:
    """Things of one kind with the same attributes: what a table or an array of records holds."""

    title: str
    noun: str
    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """Each thing with its values, in the order of the labels."""


def make_grid(kinds: list[Kind], words: Words, most: int) -> Grid:
    """One to `most` things of a random kind, two to five attributes each."""
    kind = words.rng.choice(kinds)
    attributes = [attribute for attribute in kind.attributes if not attribute.is_boolean]
    chosen = words.rng.sample(attributes, min(len(attributes), words.rng.randint(2, 5)))
    narrow = Kind(kind.noun, kind.plural, kind.names, chosen)
    labels = tuple(attribute.label for attribute in chosen)
    rows: dict[str, tuple[str, ...]] = {}
    for _ in range(words.rng.randint(1, most)):
        values = {fact.attribute.label: fact.value for fact in make_facts(narrow, len(chosen), words)}
        entity = expand(kind.names, words) if words.coin(0.7) else words.name()
        rows[entity] = tuple(values[label] for label in labels)
    noun = words.rng.choice((kind.noun, kind.noun, "name", "item", words.noun()))
    return Grid(make_title(words), noun, labels, tuple(rows.items()))


def write_grid(grid: Grid, words: Words) -> str:
    """The grid as a document: a table, records, lists of terms under headings, or plain lines."""
    form = words.rng.random()
    if form < 0.4:
        head = [grid.noun.capitalize(), *(label.capitalize() if words.coin(0.3) else label for label in grid.labels)]
        lines = [head, ["---"] * len(head), *([entity, *values] for entity, values in grid.rows)]
        return f"# {grid.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)
    if form < 0.65:
        records = [
            {
                grid.noun: entity,
                **{label.replace(" ", "_"): value for label, value in zip(grid.labels, values, strict=True)},
            }
            for entity, values in grid.rows
        ]
        return json.dumps(records, ensure_ascii=False, indent=2 if words.coin(0.6) else None)
    if form < 0.85:
        parts = [
            f"## {entity}\n\n"
            + "\n".join(f"- **{label}**: {value}" for label, value in zip(grid.labels, values, strict=True))
            for entity, values in grid.rows
        ]
        return f"# {grid.title}\n\n" + "\n\n".join(parts)
    lines = [
        f"The {label} of {entity} is {value}."
        for entity, values in grid.rows
        for label, value in zip(grid.labels, values, strict=True)
    ]
    words.rng.shuffle(lines)
    return f"# {grid.title}\n\n" + " ".join(lines)


def grid_drills(grid: Grid, words: Words, wordings: int) -> list[Drill]:
    """Every cell asked in so many wordings, unique values asked back, whole rows at times."""
    drills: list[Drill] = []
    for entity, values in grid.rows:
        slots = {"t": grid.title, "e": entity, "n": grid.noun}
        for column, (label, value) in enumerate(zip(grid.labels, values, strict=True)):
            cell = {**slots, "l": label, "v": value}
            asked = [request("cell", cell, words) for _ in range(wordings)]
            drills.append((asked, f"The {label} of {entity} is {value}."))
            if sum(other[column] == value for _, other in grid.rows) == 1 and words.coin(0.45):
                asked = [request("reverse", cell, words) for _ in range(wordings)]
                drills.append((asked, f"The {grid.noun} with the {label} {value} is {entity}."))
        if words.coin(0.4):
            whole = "\n".join(
                [entity, *(f"- {label}: {value}" for label, value in zip(grid.labels, values, strict=True))]
            )
            drills.append(([request("row", slots, words) for _ in range(wordings)], whole))
        if words.coin(0.25):
            prose = " ".join(
                f"The {label} of {entity} is {value}." for label, value in zip(grid.labels, values, strict=True)
            )
            slots = {"t": grid.title, "h": entity}
            drills.append(([request("section", slots, words) for _ in range(wordings)], prose))
    return drills


def term_drills(words: Words, wordings: int) -> tuple[str, list[Drill]]:
    """A glossary of two to five terms, and both directions asked."""
    title = make_title(words)
    entries = words.rng.sample(words.lists.glosses, words.rng.randint(2, 5))
    style = words.rng.choice(("- **{x}**: {d}", "{x}\n: {d}", "**{x}**: {d}"))
    text = f"# {title}\n\n" + "\n".join(style.format(x=term, d=meaning) for term, meaning in entries)
    drills: list[Drill] = []
    for term, meaning in entries:
        slots = {"t": title, "x": term, "d": meaning}
        drills.append(([request("definition", slots, words) for _ in range(wordings)], f"{term}: {meaning}"))
        if words.coin(0.4):
            drills.append(([request("naming", slots, words) for _ in range(wordings)], term))
    return text, drills


def part_drills(section: tuple[str, str, list[str]], words: Words, wordings: int) -> tuple[str, list[Drill]]:
    """A section of real prose, asked as a whole, and restored from a version with words missing."""
    title, heading, paragraphs = section
    body = paragraphs[0]
    slots = {"t": title, "h": heading}
    drills: list[Drill] = [([request("section", slots, words) for _ in range(wordings)], body)]
    if words.coin(0.6):
        pieces = body.split(" ")
        hidden = set(words.rng.sample(range(len(pieces)), max(1, round(len(pieces) * words.rng.uniform(0.15, 0.6)))))
        gaps = " ".join("____" if index in hidden else piece for index, piece in enumerate(pieces))
        lead = expand(
            "[Fill in the missing words of {h} in {t}|Complete this text on {h} from {t}|Restore the text of {t}, {h}|"
            "Write this passage of {t} on {h} in full|{t}, {h}. Put the words back in]:",
            words,
        )
        drills.append(([f"{lead.replace('{t}', title).replace('{h}', heading)}\n\n{gaps}"], body))
    return f"# {title}\n\n## {heading}\n\n{body}", drills
