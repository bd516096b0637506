"""Makes invented names and values, so that every episode has facts nobody has seen before."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

# Lexicographer files of WordNet whose nouns are harmless in any sentence: animal, artifact, communication,
# cognition, food, object, plant, substance.
_PLAIN_NOUNS = {"05", "06", "09", "10", "13", "17", "20", "27"}
_ONSETS = "b br c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p pl pr qu r s sc sh sk sl sm sn sp st str t th tr v w y z".split()
_VOWELS = "a a a e e e i i o o u ai ea ee ia io oa oo ou y".split()
_CODAS = " n n r r l l s t m k x d nd rn lm st ck ph sk rt mble ss ll".split(" ")
_ENDINGS = (
    "a o is us on en ar or ix ex um ia in el er ora ine ova ett ley ton ford wick dale berg sen stad vik mere".split()
)
FIRST_NAMES = (
    "Ada Aaron Adele Aisha Alan Alba Ali Alma Amir Ana Anders Andrea Anna Antonio Arda Asli Astrid Ayla Aylin Ben "
    "Bilal Birgit Bruno Camila Can Carla Carlos Cem Chen Clara Claudia Daniel Daria David Deniz Diego Dilek Dora Eda "
    "Elena Eli Elif Emil Emma Emre Erik Esra Eva Fatma Felix Fiona Frank Freya Gabriel Gita Grace Greta Gustav Hakan "
    "Hana Hans Hasan Helen Henrik Hugo Ida Ines Ingrid Irene Isaac Ivan Jack James Jana Jane Jin Johan John Jonas Jorge "
    "Julia Kaan Karim Karl Kate Kenji Kerem Lara Lars Laura Leila Lena Leo Leyla Liam Lin Lina Linda Lucas Lucia Luis "
    "Maja Mara Marco Maria Marie Mark Marta Martin Mary Mateo Matt Max Mei Mehmet Mert Mia Mila Milan Mina Mira Mona Murat "
    "Nadia Naomi Nina Noah Nora Nuria Olaf Oleg Olga Omar Oscar Otto Paul Paula Pedro Peter Petra Pia Priya Rafael Rana "
    "Ravi Rita Robert Rosa Ruth Sam Sami Sara Selin Sibel Simon Sofia Sonia Stefan Sven Tara Tariq Theo Thomas Tim Tina "
    "Tom Tomas Tuba Ulla Umut Vera Victor Viktor Wanda Wei Will Xenia Yara Yasmin Yuki Yusuf Zara Zeynep Zoe"
).split()
COLOURS = (
    "red blue green yellow black white grey orange purple brown silver golden pink teal beige navy crimson turquoise "
    "violet olive maroon ivory amber lime indigo coral"
).split()
MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
EXTENSIONS = "yaml toml json ini conf log csv txt md db sqlite xml lock pem key env html png pdf zip tar.gz".split()
SETTING_WORDS = (
    "max min default retry cache queue pool buffer batch page token session upload download thread worker request "
    "response header body file log audit index search mail smtp proxy host user group role key cert sync backup export "
    "import report event hook job task timer lock lease health probe rate burst idle read write connect flush poll scan "
    "build test deploy stage node shard replica cluster stream frame image video audio theme locale zone route tag alias"
).split()
SETTING_TAILS = (
    "size limit count timeout interval retries path dir url port host name mode level format enabled depth width "
    "height ratio rate delay ttl age policy prefix suffix secret workers threads rows bytes seconds steps"
).split()
VERBS = (
    "sync push pull list show scan build check clean copy dump load export import index init link lock merge move pack "
    "ping plan print prune publish query repair report reset restore resume rotate run send serve split start status "
    "stop tag test trace train update upload validate verify watch wipe archive compare convert diff fetch inspect"
).split()


class WordLists:
    """The nouns, adjectives and glosses of WordNet that the generators draw from."""

    def __init__(self, wordnet: Path) -> None:
        self.nouns = self._common(wordnet, "noun", _PLAIN_NOUNS)
        self.adjectives = self._common(wordnet, "adj", None)
        self.glosses = self._glosses(wordnet)

    @staticmethod
    def _common(wordnet: Path, part: str, allowed: set[str] | None) -> list[str]:
        """Lemmas that WordNet's tagged texts use at least once, in the alphabet's order."""
        files_of: dict[str, str] = {}
        for line in (wordnet / f"data.{part}").read_text(encoding="utf-8").splitlines():
            if not line.startswith(" "):
                offset, lexicographer_file, _ = line.split(" ", 2)
                files_of[offset] = lexicographer_file
        words = []
        for line in (wordnet / f"index.{part}").read_text(encoding="utf-8").splitlines():
            fields = line.split()
            if line.startswith(" ") or not re.fullmatch(r"[a-z]{3,10}", fields[0]):
                continue
            senses = int(fields[2])
            offsets, tagged = fields[-senses:], int(fields[-senses - 1])
            if tagged > 0 and (allowed is None or files_of[offsets[0]] in allowed):
                words.append(fields[0])
        return [word for word in words if not _is_unpleasant(word)]

    @staticmethod
    def _glosses(wordnet: Path) -> list[tuple[str, str]]:
        """(term, definition) pairs; people and the body are left out, where WordNet keeps its slurs."""
        pairs = []
        for part, skipped in (("noun", {"18", "08", "14", "26"}), ("verb", {"29", "35"})):
            for line in (wordnet / f"data.{part}").read_text(encoding="utf-8").splitlines():
                if line.startswith(" "):
                    continue
                head, gloss = line.split(" | ", 1)
                fields = head.split()
                term, definition = fields[4].replace("_", " "), gloss.split(";")[0].strip().strip('"')
                if fields[1] in skipped or not 20 < len(definition) < 160 or definition.startswith("("):
                    continue
                if not _is_unpleasant(gloss) and not _is_unpleasant(term):
                    pairs.append((term, definition))
        return pairs


def _is_unpleasant(text: str) -> bool:
    return bool(
        re.search(
            r"\b(sex|genital|slave|offensive|derogat|disparag|ethnic|slur|prostitut|rape|murder|vulgar|obscen|penis|"
            r"vagina|anus|breast|excrement|feces|urin|whore|nazi|racis|kill|corpse|suicide|erotic|porn|bitch|bastard)",
            text.lower(),
        )
    )


class Words:
    """One seeded source of names and values; every method returns a fresh one."""

    def __init__(self, lists: WordLists, seed: int | str) -> None:
        self.lists = lists
        self.rng = random.Random(seed)

    def coin(self, chance: float) -> bool:
        return self.rng.random() < chance

    def noun(self) -> str:
        return self.rng.choice(self.lists.nouns)

    def nouns(self) -> str:
        return plural(self.noun())

    def adjective(self) -> str:
        return self.rng.choice(self.lists.adjectives)

    def coined(self) -> str:
        """An invented word of two or three syllables, such as `Brenova`."""
        choice = self.rng.choice
        syllables = [choice(_ONSETS) + choice(_VOWELS) + choice(_CODAS) for _ in range(self.rng.choice((1, 1, 2)))]
        word = "".join(syllables) + (choice(_ENDINGS) if len(syllables) == 1 or self.coin(0.5) else "")
        return word[:11].capitalize()

    def name(self) -> str:
        """A product's or project's name: coined, of common words, or with a suffix."""
        kind = self.rng.random()
        if kind < 0.45:
            return self.coined()
        if kind < 0.65:
            return f"{self.adjective().capitalize()} {self.noun().capitalize()}"
        if kind < 0.75:
            return f"{self.noun().capitalize()}{self.noun().capitalize()}"
        if kind < 0.9:
            return f"{self.coined()} {self.noun().capitalize()}"
        return (
            f"{self.coined()} {self.rng.choice(('One', 'Pro', 'Lite', 'Hub', 'X', '2', '3', '360', 'Core', 'Cloud'))}"
        )

    def surname(self) -> str:
        return self.coined() if self.coin(0.7) else self.noun().capitalize()

    def person(self) -> str:
        return f"{self.rng.choice(FIRST_NAMES)} {self.surname()}"

    def place(self) -> str:
        prefix = self.rng.choice(("", "", "", "", "North ", "Port ", "New ", "Lake ", "Upper ", "Old "))
        return prefix + self.coined()

    def slug(self) -> str:
        return self.coined().lower() if self.coin(0.5) else self.noun()

    def snake(self) -> str:
        choice = self.rng.choice
        if self.coin(0.6):
            return "_".join([choice(SETTING_WORDS) for _ in range(choice((1, 1, 2)))] + [choice(SETTING_TAILS)])
        return f"{self.noun()}_{choice(SETTING_TAILS) if self.coin(0.5) else self.noun()}"

    def setting(self) -> str:
        kind = self.rng.random()
        section = self.rng.choice(SETTING_WORDS) if self.coin(0.5) else self.slug()
        if kind < 0.55:
            return f"`{section}.{self.snake()}`"
        if kind < 0.8:
            return f"`{self.snake()}`"
        if kind < 0.9:
            return f"`--{self.snake().replace('_', '-')}`"
        return f"`{section.upper()}_{self.snake().upper()}`"

    def command(self) -> str:
        tool, verb = self.slug(), self.rng.choice(VERBS)
        return f"`{tool} {verb}`" if self.coin(0.75) else f"`{tool} {verb} --{self.snake().replace('_', '-')}`"

    def path(self) -> str:
        choice = self.rng.choice
        root = choice(("", "", "/var/lib/", "/etc/", "~/", "/srv/", "outputs/", "config/", "data/", "/opt/"))
        parts = [self.slug() for _ in range(choice((1, 1, 2)))]
        return f"`{root}{'/'.join(parts)}.{choice(EXTENSIONS)}`" if self.coin(0.6) else f"`{root}{'/'.join(parts)}/`"

    def url(self) -> str:
        host = f"{self.slug()}.{self.rng.choice(('example', 'example.com', 'example.org', 'internal', 'test'))}"
        tail = f"/{self.slug()}" if self.coin(0.6) else ""
        port = f":{self.port()}" if self.coin(0.25) else ""
        return f"{self.rng.choice(('https', 'https', 'http'))}://{host}{port}{tail}"

    def endpoint(self) -> str:
        tail = self.rng.choice(("", "/{id}", "/" + self.noun(), "/{id}/" + self.nouns()))
        prefix = self.rng.choice(("/v1", "/v2", "/api", "", "/api/v1"))
        return f"`{self.rng.choice(('GET', 'GET', 'POST', 'PUT', 'DELETE', 'PATCH'))} {prefix}/{self.nouns()}{tail}`"

    def email(self) -> str:
        return f"{self.slug()}@{self.slug()}.{self.rng.choice(('example', 'example.com', 'example.org'))}"

    def phone(self) -> str:
        randint = self.rng.randint
        if self.coin(0.5):
            return f"+{randint(1, 99)} {randint(100, 999)} {randint(100, 999)} {randint(10, 99)} {randint(10, 99)}"
        return f"{randint(100, 999)}-{randint(1000, 9999)}"

    def port(self) -> str:
        return str(
            self.rng.choice(
                (
                    self.rng.randint(1024, 65535),
                    self.rng.randint(80, 9999),
                    1000 * self.rng.randint(2, 9) + self.rng.randint(0, 99),
                )
            )
        )

    def version(self) -> str:
        randint = self.rng.randint
        return f"{randint(0, 19)}.{randint(0, 20)}" + (f".{randint(0, 20)}" if self.coin(0.4) else "")

    def code(self) -> str:
        letters = "".join(self.rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(self.rng.choice((1, 2, 2, 3))))
        return f"{letters}{self.rng.choice(('-', '', '-'))}{self.rng.randint(1, 9999)}"

    def year(self) -> str:
        return str(self.rng.randint(1901, 2035))

    def date(self) -> str:
        day, month, year = self.rng.randint(1, 28), self.rng.randint(1, 12), self.rng.randint(1980, 2035)
        kind = self.rng.random()
        if kind < 0.4:
            return f"{day} {MONTHS[month - 1]} {year}"
        if kind < 0.7:
            return f"{MONTHS[month - 1]} {day}"
        return f"{year}-{month:02}-{day:02}"

    def month(self) -> str:
        return self.rng.choice(MONTHS)

    def weekday(self) -> str:
        return self.rng.choice(WEEKDAYS)

    def time(self) -> str:
        return f"{self.rng.randint(0, 23):02}:{self.rng.choice(('00', '00', '15', '30', '45'))}"

    def money(self) -> str:
        amount = self.rng.choice((self.rng.randint(1, 99), self.rng.randint(100, 5000)))
        cents = f".{self.rng.randint(10, 99)}" if self.coin(0.25) else ""
        return self.rng.choice(
            (
                f"${amount}{cents}",
                f"{amount}{cents} euros",
                f"€{amount}{cents}",
                f"{amount} dollars",
                f"£{amount}",
                f"{amount} lira",
            )
        )

    def colour(self) -> str:
        return self.rng.choice(COLOURS)

    def integer(self, low: int = 1, high: int = 500) -> str:
        number = self.rng.randint(low, high)
        return f"{number:,}" if number >= 10_000 and self.coin(0.7) else str(number)


def plural(noun: str) -> str:
    """The regular English plural, which is enough for a generator."""
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + "s"


def article(phrase: str) -> str:
    return ("an " if phrase[:1].lower() in "aeiou" else "a ") + phrase


Part = str | tuple[str, ...] | list[list["Part"]]


@cache
def _parse(pattern: str) -> list[Part]:
    """A pattern as a tree: text, makers `<name 1 2>`, and choices `[a|b]` as lists of branches."""
    stack: list[list[list[Part]]] = [[[]]]
    for token in re.findall(r"[\[\]|]|<[a-z]+(?: \d+)*>|[^\[\]|<]+|<", pattern):
        if token == "[":
            stack.append([[]])
        elif token == "]":
            choice = stack.pop()
            stack[-1][-1].append(choice)
        elif token == "|" and len(stack) > 1:
            stack[-1].append([])
        elif token.startswith("<") and len(token) > 1:
            stack[-1][-1].append(tuple(token[1:-1].split()))
        else:
            stack[-1][-1].append(token)
    return stack[0][0]


def expand(pattern: str, words: Words) -> str:
    """Text of a pattern with its choices drawn and its makers called."""
    return "".join(_expand(part, words) for part in _parse(pattern))


def _expand(part: Part, words: Words) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, tuple):
        maker: Callable[..., str] = getattr(words, part[0])
        return maker(*(int(argument) for argument in part[1:]))
    return "".join(_expand(inner, words) for inner in words.rng.choice(part))
