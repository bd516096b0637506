"""Generates the episodes: invented facts, then the same facts asked for in ever different wordings."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .contexts import make_place, make_title, write_context
from .families import Fact, Kind, make_facts, read_kinds
from .grids import Grid, grid_drills, make_grid, part_drills, term_drills, write_grid
from .languages import read_language_kinds
from .procedures import make_list, make_procedure
from .reading import Drill, glossary_drills, masked, section_drills, translation_drills
from .wordings import Place, ask, ask_back, ask_whether, false_statement
from .words import WordLists, Words

_ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{q}\n\n### Response:\n"
)
_REWRITE = (
    "Say it in other words: {s}", "Rephrase: {s}", "Put this another way: {s}", "Rewrite the sentence: {s}",
    "Another wording for \"{s}\", please.", "Paraphrase this: {s}", "How else can one say this? {s}",
)  # fmt: skip
_ALL = (
    "What do you know about {e}?", "Tell me about {e}.", "Tell me everything about {e}.", "Summarise what {t} says about {e}.",
    "Describe {e}.", "{e}", "What is known about {e}?", "Give me a summary of {e}.", "What does {t} say about {e}?",
)  # fmt: skip
_TWO = (
    "What are the {a} and the {b} of {e}?",
    "Tell me the {a} and the {b} of {e}.",
    "{e}: {a} and {b}?",
    "I need the {a} and also the {b} of {e}.",
)
_MORE = (
    "Which has the {w} {l}, {a} or {b}?",
    "Between {a} and {b}, which has the {w} {l}?",
    "{a} or {b}: which has the {w} {l}?",
    "Compare the {l} of {a} and {b}: which is {w}?",
)
_STANDING_GRIDS = 40


@dataclass
class Episode:
    """One training text, and the character spans of answers that can be known from what stands before."""

    text: str = ""
    answers: list[tuple[int, int]] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.text += text

    def add_answer(self, text: str, *, is_known: bool) -> None:
        if is_known:
            self.answers.append((len(self.text), len(self.text) + len(text)))
        self.text += text


class Generator:
    """An endless, seeded stream of episodes."""

    def __init__(
        self,
        lists: WordLists,
        sections: list[tuple[str, str, list[str]]],
        translations: dict[str, list[tuple[str, str]]],
        seed: str,
        phase: int = 1,
    ) -> None:
        self.words = Words(lists, seed)
        self.phase = phase
        self.kinds = read_kinds()
        self.language_kinds = read_language_kinds()
        self.sections = sections
        self.translations = translations
        self.standing = self._make_standing_world(Words(lists, "the standing world"))
        world = Words(lists, "the standing grids")
        self.standing_grids: list[Grid] = [make_grid(self.kinds, world, 4) for _ in range(_STANDING_GRIDS)]
        makers: tuple[tuple[int, Callable[[], Episode]], ...] = (
            (38, self.read_facts), (21, self.drill_facts), (13, self.recall_standing), (9, self.drill_listing),
            (9, self.read_section), (4, self.rewrite), (6, self.drill_language),
        )  # fmt: skip
        if phase == 2:
            makers = (
                (26, self.read_grid), (24, self.drill_grid), (70, self.recall_grid), (6, self.read_terms), (5, self.read_part),
                (8, self.read_facts), (6, self.drill_facts), (4, self.recall_standing), (3, self.drill_listing),
                (2, self.read_section), (1, self.rewrite), (1, self.drill_language),
            )  # fmt: skip
        self.weights, self.makers = [weight for weight, _ in makers], [maker for _, maker in makers]

    def make(self) -> Episode:
        """The next episode."""
        return self.words.rng.choices(self.makers, self.weights)[0]()

    def _make_standing_world(self, words: Words) -> list[tuple[Place, list[Fact]]]:
        """Facts that never change, asked without any source: they train recall from the weights."""
        world = []
        for number in range(220):
            facts = make_facts(self.kinds[number % len(self.kinds)], words.rng.randint(3, 6), words)
            world.append((make_place(make_title(words), facts[0].entity, words), facts))
        return world

    def _things(self, kinds: list[Kind], most: int) -> list[list[Fact]]:
        """One to `most` things, mostly of one kind and with the same attributes, as in a table."""
        words = self.words
        count = words.rng.randint(1, most)
        if words.coin(0.65):
            kind = words.rng.choice(kinds)
            chosen = words.rng.sample(kind.attributes, min(len(kind.attributes), words.rng.randint(2, 5)))
            narrow = Kind(kind.noun, kind.plural, kind.names, chosen)
            things = [make_facts(narrow, len(chosen), words) for _ in range(count)]
            order = {id(attribute): index for index, attribute in enumerate(chosen)}
            return [sorted(facts, key=lambda fact: order[id(fact.attribute)]) for facts in things]
        return [make_facts(words.rng.choice(kinds), words.rng.randint(2, 5), words) for _ in range(count)]

    def _questions(self, things: list[list[Fact]], places: list[Place], *, by_sentence: bool) -> list[Drill]:
        """Drills about the facts: two or three wordings each, reverse, yes or no, whole things, comparisons."""
        words = self.words
        drills: list[Drill] = []
        every = [(fact, place) for facts, place in zip(things, places, strict=True) for fact in facts]
        for fact, place in every:
            answer = fact.sentence if by_sentence else fact.canonical
            if fact.attribute.is_boolean:
                drills.append(([ask(fact, place, words) for _ in range(2)], f"{fact.value.capitalize()}. {answer}"))
                continue
            drills.append(([ask(fact, place, words) for _ in range(3)], answer))
            unique = sum(other.value == fact.value for other, _ in every) == 1
            if fact.attribute.reverse and unique and words.coin(0.4):
                drills.append(([ask_back(fact, place, words) for _ in range(2)], answer))
            if words.coin(0.12):
                drills.append(([ask_whether(answer, place, words)], f"Yes. {answer}"))
            if words.coin(0.12) and (lie := false_statement(fact, words)):
                drills.append(([ask_whether(lie, place, words)], f"No. {answer}"))
        for facts, place in zip(things, places, strict=True):
            sentences = [fact.sentence if by_sentence else fact.canonical for fact in facts]
            if words.coin(0.25):
                slots = {"e": facts[0].entity, "t": place.title}
                asked = [template.format(**slots) for template in words.rng.sample(_ALL, 2)]
                drills.append(([text[:1].upper() + text[1:] for text in asked], " ".join(sentences)))
            if len(facts) > 1 and words.coin(0.2):
                (first, one), (second, two) = words.rng.sample(list(zip(facts, sentences, strict=True)), 2)
                slots = {"e": facts[0].entity, "a": first.attribute.label, "b": second.attribute.label}
                drills.append(([template.format(**slots) for template in words.rng.sample(_TWO, 2)], f"{one} {two}"))
        drills += self._comparisons(things)
        return drills

    def _comparisons(self, things: list[list[Fact]]) -> list[Drill]:
        words = self.words
        drills: list[Drill] = []
        for left, right in itertools.pairwise(things):
            for one in left:
                for two in right:
                    numbers = [re.match(r"^(\d+)\b(.*)$", fact.value) for fact in (one, two)]
                    if one.attribute is not two.attribute or not all(numbers) or not words.coin(0.5):
                        continue
                    first, second = (int(match[1]) for match in numbers if match)
                    if numbers[0][2] != numbers[1][2] or first == second:  # type: ignore[index]  # both matched above
                        continue
                    word = words.rng.choice(("higher", "lower"))
                    winner, loser = (one, two) if (first > second) == (word == "higher") else (two, one)
                    slots = {"w": word, "l": one.attribute.label, "a": one.entity, "b": two.entity}
                    answer = (
                        f"{winner.entity} has the {word} {one.attribute.label}: {winner.value}, "
                        f"against {loser.value} for {loser.entity}."
                    )
                    drills.append(
                        (
                            [template.format(**slots) for template in words.rng.sample(_MORE, 2)],
                            answer[:1].upper() + answer[1:],
                        )
                    )
        return drills

    def read_facts(self) -> Episode:
        """A document of facts, then questions about it."""
        words = self.words
        title = make_title(words)
        things = self._things(self.kinds, 4)
        places = [make_place(title, facts[0].entity, words) for facts in things]
        context, by_sentence = write_context(title, things, places, words)
        drills = self._questions(things, places, by_sentence=by_sentence)
        return self._converse(context, drills, words.rng.randint(3, 9))

    def drill_facts(self) -> Episode:
        """Questions and answers without a source: each fact is told once, then asked in other wordings."""
        words = self.words
        title = make_title(words)
        things = self._things(self.kinds, 3)
        places = [make_place(title, facts[0].entity, words) for facts in things]
        drills = self._questions(things, places, by_sentence=True)
        return self._converse("", drills, words.rng.randint(6, 12))

    def recall_standing(self) -> Episode:
        """One question about the standing world, as fine-tuning asks it; at times the raw section instead."""
        words = self.words
        place, facts = words.rng.choice(self.standing)
        if words.coin(0.08):
            return Episode(
                f"# {place.title}\n\n## {facts[0].entity}\n\n{' '.join(fact.sentence for fact in facts)}<|endoftext|>"
            )
        wordings, answer = words.rng.choice(self._questions([facts], [place], by_sentence=True))
        episode = Episode()
        self._turn(episode, self._form(), words.rng.choice(wordings), answer, is_known=True)
        episode.add("<|endoftext|>")
        return episode

    def drill_listing(self) -> Episode:
        """A procedure or a list, in a document or told by its first answer."""
        words = self.words
        title = make_title(words)
        listings = [
            (make_procedure if words.coin(0.7) else make_list)(*((title, words)))
            for _ in range(words.rng.choice((1, 1, 2)))
        ]
        context = f"# {title}\n\n" + "\n\n".join(f"## {listing.heading}\n\n{listing.text}" for listing in listings)
        if words.coin(0.6):
            return self._converse(
                context, [drill for listing in listings for drill in listing.drills], words.rng.randint(3, 6)
            )
        wholes = [listing.drills[0] for listing in listings]
        return self._converse("", wholes, words.rng.randint(2, 5))

    def read_section(self) -> Episode:
        """A section of real documentation, a glossary, or translations, with questions."""
        words = self.words
        kind = words.rng.random()
        if kind < 0.12:
            return self._converse("", translation_drills(self.translations, words), 6, repeats=False)
        if kind < 0.4:
            text, drills = glossary_drills(words)
            return self._converse(text if words.coin(0.6) else "", drills, words.rng.randint(3, 7))
        text, drills = section_drills(words.rng.choice(self.sections), words)
        return self._converse(text if words.coin(0.7) else "", drills, words.rng.randint(2, 5))

    def rewrite(self) -> Episode:
        """Sentences said in other words, completed and confirmed."""
        words = self.words
        drills: list[Drill] = []
        for facts in self._things(self.kinds, 3):
            for fact in facts:
                others = [text for text in fact.attribute.statements if text]
                if len(others) > 1 and words.coin(0.6):
                    said, other = words.rng.sample(others, 2)
                    slots = [text.replace("{e}", fact.entity).replace("{v}", fact.value) for text in (said, other)]
                    said, other = (text if text.startswith("`") else text[:1].upper() + text[1:] for text in slots)
                    drills.append(([words.rng.choice(_REWRITE).format(s=said)], other))
                else:
                    drills.append((masked(fact.sentence, words), fact.sentence))
        return self._converse("", drills, 6, repeats=False)

    def drill_language(self) -> Episode:
        """Facts in another language, with or without the source."""
        words = self.words
        kind = words.rng.choice(self.language_kinds)
        things = [make_facts(kind, words.rng.randint(2, 4), words) for _ in range(words.rng.randint(1, 3))]
        every = [fact for facts in things for fact in facts]
        drills: list[Drill] = []
        for fact in every:
            asked = [question.replace("{e}", fact.entity) + "?" for question, _ in fact.attribute.questions]
            asked.append(f"{fact.entity} {fact.attribute.label}")
            drills.append(
                (
                    [text[:1].upper() + text[1:] if words.coin(0.9) else text for text in words.rng.sample(asked, 3)],
                    fact.sentence,
                )
            )
        context = f"# {kind.plural}\n\n" + " ".join(fact.sentence for fact in every) if words.coin(0.6) else ""
        return self._converse(context, drills, words.rng.randint(4, 8))

    def read_grid(self) -> Episode:
        """A table, records or the like, then questions in Imprint's own wordings and in statements."""
        words = self.words
        grid = make_grid(self.kinds, words, 5)
        drills = grid_drills(grid, words, 1)
        return self._converse(write_grid(grid, words), drills, words.rng.randint(4, 9), repeats=False)

    def drill_grid(self) -> Episode:
        """The same without a source: each fact is told by its first answer, then asked in other words."""
        words = self.words
        return self._converse("", grid_drills(make_grid(self.kinds, words, 3), words, 4), words.rng.randint(6, 12))

    def recall_grid(self) -> Episode:
        """One question about things that never change: it can be answered from the weights alone."""
        words = self.words
        wordings, answer = words.rng.choice(grid_drills(words.rng.choice(self.standing_grids), words, 1))
        episode = Episode()
        self._turn(episode, "phi", wordings[0], answer, is_known=True)
        episode.add("<|endoftext|>")
        return episode

    def read_terms(self) -> Episode:
        """A glossary, asked in both directions, with or without its text."""
        words = self.words
        text, drills = term_drills(words, 3)
        return self._converse(text if words.coin(0.5) else "", drills, words.rng.randint(3, 7))

    def read_part(self) -> Episode:
        """A section of real prose asked as a whole, or restored from gaps, with or without its text."""
        words = self.words
        text, drills = part_drills(words.rng.choice(self.sections), words, 3)
        return self._converse(text if words.coin(0.6) else "", drills, words.rng.randint(2, 4))

    def _form(self) -> str:
        if self.phase == 2 and self.words.coin(0.7):  # what fine-tuning uses
            return "phi"
        return self.words.rng.choices(("phi", "alpaca", "bare", "question"), (72, 14, 9, 5))[0]

    def _turn(self, episode: Episode, form: str, question: str, answer: str, *, is_known: bool) -> None:
        if form == "phi":
            episode.add(f"<|user|>\n{question}<|end|>\n<|assistant|>\n")
        elif form == "alpaca":
            episode.add(_ALPACA.format(q=question))
        elif form == "bare":
            episode.add(f"Q: {question}\nA: ")
        else:
            episode.add(f"Question: {question}\nAnswer: ")
        episode.add_answer(f"{answer}<|end|>", is_known=is_known)
        episode.add("\n")

    def _converse(self, context: str, drills: list[Drill], turns: int, *, repeats: bool = True) -> Episode:
        """The context, then turns drawn from the drills; a drill may come again in another wording."""
        words, episode, form = self.words, Episode(), self._form()
        pending = [(wording, answer) for wordings, answer in drills for wording in wordings[: 3 if repeats else 1]]
        if not context and repeats:
            # Without a source few facts must come often, or nothing could be known from what stands before.
            chosen = words.rng.sample(drills, min(len(drills), max(2, turns // 3)))
            pending = [(wording, answer) for wordings, answer in chosen for wording in wordings]
        words.rng.shuffle(pending)
        separated = words.coin(0.5) and not context
        lead = ""
        if context and form == "phi" and words.coin(0.25):
            episode.add(
                f"<|system|>\n{words.rng.choice(('', 'Answer from this text.', 'Use the following document.'))}\n\n{context}<|end|>\n"
            )
        elif context and words.coin(0.25):
            lead = words.rng.choice(("{c}\n\n", "Read this:\n\n{c}\n\n", "Text:\n{c}\n\nQuestion: ")).format(c=context)
        elif context:
            episode.add(f"{context}\n\n" if words.coin(0.6) else f"{context}<|endoftext|>")
        told: set[str] = set()
        for question, answer in pending[:turns]:
            self._turn(episode, form, lead + question, answer, is_known=bool(context) or answer in told or not repeats)
            told.add(answer)
            lead = ""
            if separated:
                episode.add("<|endoftext|>")
        if not separated:
            episode.add("<|endoftext|>")
        return episode
