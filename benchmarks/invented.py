"""Invented facts, and the documents that state them: what no base can know, in the forms that users write.

A fact is an attribute of a thing. Things belong to themes, one document a theme. Themes take turns in form: a Markdown
table, a JSON array of records, Markdown sections in prose.
"""

# ruff: noqa: SIM905  # lists of words are easier to read and to change as one string

import json
import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Form = Literal["table", "records", "prose"]

ATTRIBUTES_A_THING = 4

_ONSETS = "b br c d dr f g gr h k kl l m n p pr qu r s st t tr v w z".split()
_VOWELS = "a a e e i o u ai ea io ou".split()
_MIDDLES = "l r n m d t v z ld rn st nd mb rk sh".split()
_ENDINGS = "a an el en eth ia il is mer o on ora os und ur yn".split()
_FIRST_NAMES = (
    "Alva Bente Casper Dagny Edda Finn Gerda Hilmar Ilse Jorun Kaya Ludo Mirza Nuno Orla Perrin Quinn Runa".split()
)
_COLOURS = "scarlet ochre teal ivory umber lilac cobalt russet jade cream slate coral".split()
_MONTHS = "January February March April May June July August September October November December".split()
_MATERIALS = "oak brick slate copper granite bamboo limestone pine clay marble tin glass".split()
_GOODS = "barley cod candles wool rye flour cider rope honey linen felt salt walnuts timber".split()


class Names:
    """Pronounceable names, no two the same."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._taken: set[str] = set()

    def make(self) -> str:
        while True:
            middle = self._chance.choice(_VOWELS) + self._chance.choice(_MIDDLES)
            more = self._chance.choice(_VOWELS) + self._chance.choice(_MIDDLES) if self._chance.random() < 0.35 else ""
            name = (self._chance.choice(_ONSETS) + middle + more + self._chance.choice(_ENDINGS)).capitalize()
            if name not in self._taken:
                self._taken.add(name)
                return name


Value = Callable[[random.Random, Names], str]


def _person(chance: random.Random, names: Names) -> str:
    return f"{chance.choice(_FIRST_NAMES)} {names.make()}"


def _place(chance: random.Random, names: Names) -> str:
    return names.make()


def _colour(chance: random.Random, names: Names) -> str:
    return chance.choice(_COLOURS)


def _material(chance: random.Random, names: Names) -> str:
    return chance.choice(_MATERIALS)


def _goods(chance: random.Random, names: Names) -> str:
    return chance.choice(_GOODS)


def _date(chance: random.Random, names: Names) -> str:
    return f"{chance.randint(1, 28)} {chance.choice(_MONTHS)} {chance.randint(1820, 2024)}"


def _year(chance: random.Random, names: Names) -> str:
    return str(chance.randint(1610, 2024))


def _code(chance: random.Random, names: Names) -> str:
    return f"{''.join(chance.sample('ABCDEFGHKLMNPRSTVWXZ', 2))}-{chance.randint(100, 999)}"


def _number(low: int, high: int, unit: str) -> Value:
    return lambda chance, names: f"{chance.randint(low, high)} {unit}"


@dataclass(frozen=True)
class Attribute:
    """What can be known about the things of a theme: a column's name, a sentence that states it, and its values."""

    name: str
    sentence: str
    value: Value


@dataclass(frozen=True)
class Theme:
    """Things of one sort: their document's title, what one of them is called, and what is known about each."""

    title: str
    thing: str
    name: str
    opening: str
    attributes: tuple[Attribute, ...]


THEMES = (
    Theme(
        "Lighthouses of the Northern Coast",
        "lighthouse",
        "{} Light",
        "Every lighthouse between the two capes is on this list. Keepers change in spring.",
        (
            Attribute("keeper", "The keeper of {e} is {v}.", _person),
            Attribute("height", "The tower of {e} has a height of {v}.", _number(11, 74, "metres")),
            Attribute("colour", "The tower of {e} is painted {v}.", _colour),
            Attribute("call sign", "On the radio {e} answers to the call sign {v}.", _code),
        ),
    ),
    Theme(
        "Ferry Register",
        "ferry",
        "MV {}",
        "The register is kept by the harbour office. A ferry that is sold is struck out at the end of the year.",
        (
            Attribute("captain", "The captain of {e} is {v}.", _person),
            Attribute("home port", "The home port of {e} is {v}.", _place),
            Attribute("launch date", "{e} was launched on {v}.", _date),
            Attribute("length", "{e} has a length of {v}.", _number(18, 190, "metres")),
        ),
    ),
    Theme(
        "Orchards of the Valley",
        "orchard",
        "{} Orchard",
        "The valley has grown fruit for four hundred years. Each orchard is described below.",
        (
            Attribute("owner", "{e} belongs to {v}, who is the owner.", _person),
            Attribute("village", "{e} lies near the village of {v}.", _place),
            Attribute("area", "{e} covers an area of {v}.", _number(2, 96, "hectares")),
            Attribute("planting year", "The first trees of {e} were planted in the year {v}.", _year),
        ),
    ),
    Theme(
        "Clock Towers",
        "clock tower",
        "{} Tower",
        "A list of the towers whose clocks are wound by hand, with what a visitor asks first.",
        (
            Attribute("architect", "The architect of {e} was {v}.", _person),
            Attribute("stone", "{e} is built of {v}.", _material),
            Attribute("completion year", "{e} was completed in {v}.", _year),
            Attribute("inventory number", "In the inventory {e} has the number {v}.", _code),
        ),
    ),
    Theme(
        "Caravan Stations",
        "station",
        "{} Post",
        "Stations along the salt road, from the first well to the sea.",
        (
            Attribute("warden", "The warden of {e} is {v}.", _person),
            Attribute("main cargo", "The main cargo that passes {e} is {v}.", _goods),
            Attribute("next oasis", "The next oasis after {e} is {v}.", _place),
            Attribute("well depth", "The well of {e} has a depth of {v}.", _number(6, 88, "metres")),
        ),
    ),
    Theme(
        "Bell Foundries",
        "foundry",
        "{} Foundry",
        "These foundries still cast bells in sand. Each has its own mark.",
        (
            Attribute("master", "The master of {e} is {v}.", _person),
            Attribute("town", "{e} stands in the town of {v}.", _place),
            Attribute("largest bell", "The largest bell of {e} weighs {v}.", _number(210, 9800, "kilograms")),
            Attribute("founding date", "{e} was founded on {v}.", _date),
        ),
    ),
)


@dataclass(frozen=True)
class Fact:
    """One attribute of one thing."""

    theme: Theme
    thing: str
    attribute: Attribute
    value: str

    @property
    def sentence(self) -> str:
        return self.attribute.sentence.format(e=self.thing, v=self.value)


@dataclass(frozen=True)
class Page:
    """One document: its theme, its form, and its things with their facts."""

    theme: Theme
    form: Form
    things: dict[str, tuple[Fact, ...]]

    @property
    def path(self) -> str:
        suffix = ".json" if self.form == "records" else ".md"
        return self.theme.title.lower().replace(" ", "-") + suffix

    @property
    def text(self) -> str:
        """The document as its file holds it."""
        return {"table": _as_table, "records": _as_records, "prose": _as_prose}[self.form](self)

    @property
    def parts(self) -> list[str]:
        """The text of each thing alone, in the page's form: a page of one thing."""
        return [Page(self.theme, self.form, {thing: facts}).text for thing, facts in self.things.items()]

    def without(self, names: Collection[str]) -> "Page":
        """The page without the things of these names."""
        return Page(self.theme, self.form, {thing: facts for thing, facts in self.things.items() if thing not in names})


def make_pages(facts: int, seed: int) -> list[Page]:
    """`facts` facts, four of each thing, spread evenly over the themes; the same seed gives the same pages.

    Raises ValueError for a number of facts that is not a multiple of four, or gives a theme no thing.
    """
    count, rest = divmod(facts, ATTRIBUTES_A_THING)
    if rest or count < len(THEMES):
        least = ATTRIBUTES_A_THING * len(THEMES)
        raise ValueError(f"{facts} facts: expected a multiple of {ATTRIBUTES_A_THING}, and at least {least}")
    chance = random.Random(seed)
    names = Names(chance)
    forms: tuple[Form, ...] = ("table", "records", "prose")
    pages = []
    for number, theme in enumerate(THEMES):
        things: dict[str, tuple[Fact, ...]] = {}
        for _ in range(number, count, len(THEMES)):
            thing = theme.name.format(names.make())
            things[thing] = tuple(
                Fact(theme, thing, attribute, attribute.value(chance, names)) for attribute in theme.attributes
            )
        pages.append(Page(theme, forms[number % len(forms)], things))
    return pages


def every_fact(pages: list[Page]) -> Iterator[Fact]:
    """The facts of all pages, in their order."""
    return (fact for page in pages for facts in page.things.values() for fact in facts)


def write_pages(pages: list[Page], folder: Path) -> None:
    """Write each page to its file in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in pages:
        (folder / page.path).write_text(page.text, encoding="utf-8")


def _as_table(page: Page) -> str:
    columns = [page.theme.thing, *(attribute.name for attribute in page.theme.attributes)]
    rows = [columns, ["---"] * len(columns)]
    rows += [[thing, *(fact.value for fact in facts)] for thing, facts in page.things.items()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"# {page.theme.title}\n\n{page.theme.opening}\n\n## Overview\n\n{table}\n"


def _as_records(page: Page) -> str:
    records = [
        {"name": thing, **{fact.attribute.name.replace(" ", "_"): fact.value for fact in facts}}
        for thing, facts in page.things.items()
    ]
    return json.dumps(records, indent=2, ensure_ascii=False) + "\n"


def _as_prose(page: Page) -> str:
    parts = [f"# {page.theme.title}\n\n{page.theme.opening}"]
    parts += [f"## {thing}\n\n{' '.join(fact.sentence for fact in facts)}" for thing, facts in page.things.items()]
    return "\n\n".join(parts) + "\n"
