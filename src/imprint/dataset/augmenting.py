"""More questions about each section, written by a model with the section in view and kept where they hold.

Questions and answers, rewrites, implications and reversed facts: "self-edits" (Zweiger et al. 2025, SEAL) and "active
reading" (Lin et al. 2025) found each to teach what the raw text does not. They are trained on without the section.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from string import Template
from typing import Any

from imprint.config import Settings
from imprint.dataset.answers import Reply, Request
from imprint.dataset.asking import Asker, Usage
from imprint.dataset.filters import agree, find_distinct, find_fault_of_form, find_unsupported, refers_to_text, words
from imprint.documents import Document
from imprint.documents.types import Block, Lines, Section

FILTERS = (
    "no answer",
    "format",
    "length",
    "another language",
    "refers to the text",
    "not in the section",
    "not asked again",
    "does not agree",
    "duplicate",
)
"""Why a question is not kept, in the order of the filters."""
PURPOSES = {
    "question": "Write $count questions that this section answers, each about another of its statements, with answers.",
    "rewrite": "Say the statements of this section again in words of your own: $count pairs of a question that asks "
    "what there is to know about one of its topics, and an answer that says all that the section says of that topic.",
    "implication": "Write $count questions about what follows from this section though it does not say so word for "
    "word (a cause, a consequence, a comparison, what to do in a case), with answers.",
    "reversed": "Write $count questions that go the other way round: each states a value, a property or an effect that "
    "the section tells, and asks what has it; the answer names that.",
}
_VIEW = """Below is a section of a document.

Document: $title
Section: $heading

<section>
$text
</section>

"""
_WRITE = Template(
    _VIEW
    + """$task

- Write in $language, as the section is.
- Name the subject ("$subject") in each question, so that somebody understands it who sees neither the section nor the
  other questions. Do not write "the text", "this section", "the document", "above" or "the author".
- Say only what the section says. Copy numbers, dates, names and code exactly.
- Answer in whole sentences, as short as the statement allows.
- Give one JSON object a line and nothing else: {"question": "...", "answer": "..."}"""
)
_TASKS = {purpose: Template(text) for purpose, text in PURPOSES.items()}
_UNANSWERED = "NOT ANSWERED"
_ANSWER = Template(
    _VIEW
    + f"""Question: $question

Answer the question from this section alone, in $language, in one or two sentences. If the section does not answer it,
write only: {_UNANSWERED}"""
)
_LANGUAGES = {
    "en": "English",
    "tr": "Turkish",
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "pt": "Portuguese",
    "ta": "Tamil",
    "ar": "Arabic",
    "zh": "Chinese",
    "hi": "Hindi",
}
_CHARACTERS_IN_VIEW = 4000
_LEAST_WORDS = 8
_WORDS_A_QUESTION = 25
_MOST_QUESTIONS = 8
_TOKENS_A_QUESTION = 160
_TEMPERATURE = 0.7
_MOST_READ = 50_000
"""Characters; far more than was asked for, and too few to keep the filters busy for long."""
_LEAST_IN_A_ROUND = 32


@dataclass(frozen=True)
class Augmented:
    """A question that a model wrote about a section, and its answer."""

    question: str
    answer: str
    purpose: str
    document: str
    """Its path."""
    heading: tuple[str, ...]
    lines: Lines
    """Of what the model saw."""
    language: str


@dataclass
class Counts:
    """What was written and what was left of it."""

    sections: int = 0
    written: int = 0
    """Questions that the model wrote, before the filters."""
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FILTERS, 0))
    """By filter, in their order; "no answer" counts requests, the others questions."""


@dataclass(frozen=True)
class Progress:
    """How far the asking is, and what it took. `total` grows as questions have to be asked again."""

    done: int
    total: int
    tokens: int
    cost: float


@dataclass(frozen=True)
class _Passage:
    """What a model gets to see at once: a section, or a part of a long one."""

    document: Document
    heading: tuple[str, ...]
    lines: Lines
    text: str

    @property
    def slots(self) -> dict[str, str]:
        title = self.document.title or self.document.path
        heading = [part for part in self.heading if part != title]
        return {
            "title": title,
            "heading": " > ".join(heading) or title,
            "text": self.text,
            "subject": ", ".join([title, *heading[-1:]]),
            "language": _LANGUAGES.get(self.document.language, "the language of the section"),
        }

    @property
    def view(self) -> str:
        """All that the model knows the subject by."""
        return "\n".join([self.document.title, self.document.path, *self.heading, self.text])


def write_questions(
    documents: Sequence[Document],
    settings: Settings,
    asker: Asker,
    count_tokens: Callable[[str], int],
    progress: Callable[[Progress], None] = lambda progress: None,
) -> tuple[list[Augmented], Counts]:
    """Have questions about each section written, and keep those that pass the filters, in the order of the documents.

    Sections go in rounds: written, then asked again, so that a limit on requests leaves whole questions. `count_tokens`
    is the base's, for the length of answers. Raises what `Asker.ask_all` raises.
    """
    sections = [
        passages for document in documents for section in document.sections if (passages := _split(document, section))
    ]
    counts = Counts(sections=len(sections))
    teller = _Teller(progress, asker.usage, sum(map(len, sections)) * len(PURPOSES))
    kept: list[Augmented] = []
    start = 0
    while start < len(sections):
        size = _round_size(asker)
        batch: list[list[_Passage]] = []
        while start < len(sections) and sum(map(len, batch)) * len(PURPOSES) < size:
            batch.append(sections[start])
            start += 1
        found = _write(batch, settings, asker, counts, teller)
        sound = [
            [one for one in section if _stands(one, counts, count_tokens, settings.dataset.max_answer_tokens)]
            for section in found
        ]
        for section in _ask_again(sound, settings, asker, counts, teller):
            kept += _without_duplicates(section, counts, settings.seed)
    counts.kept = len(kept)
    return kept, counts


def read_pairs(text: str) -> tuple[list[tuple[str, str]], int]:
    """The questions and answers in a model's reply, and how many pieces of it are broken.

    Objects of JSON are taken wherever they stand: one a line, in an array, in a code fence, after other words.
    """
    text = re.sub(r"<think>.*?(</think>|\Z)", "", text, flags=re.DOTALL)[:_MOST_READ]
    decoder = json.JSONDecoder()
    pairs: list[tuple[str, str]] = []
    broken, place = 0, text.find("{")
    while place >= 0:
        try:
            found, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            broken += 1
            end = text.find("\n", place)
            end = len(text) if end < 0 else end
        else:
            some, bad = _pairs_of(found)
            pairs += some
            broken += bad
        place = text.find("{", end)
    return pairs, broken if pairs else max(broken, 1)


def _pairs_of(found: dict[str, Any]) -> tuple[list[tuple[str, str]], int]:
    """The pairs of an object: its own, or those of the one list in it."""
    lists = [value for value in found.values() if isinstance(value, list)]
    objects = lists[0] if "question" not in found and len(lists) == 1 else [found]
    pairs, broken = [], 0
    for one in objects:
        question, answer = (one.get("question"), one.get("answer")) if isinstance(one, dict) else (None, None)
        if isinstance(question, str) and isinstance(answer, str) and _is_text(question + answer):
            pairs.append((question.strip(), answer.strip()))
        else:
            broken += 1
    return pairs, broken


def _is_text(text: str) -> bool:
    """Whether it can be written down: JSON may hold halves of characters, and NUL."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


class _Teller:
    """Adds up what is done over many calls."""

    def __init__(self, progress: Callable[[Progress], None], usage: Usage, total: int) -> None:
        self._progress = progress
        self._usage = usage
        self._before = 0
        self._total = total

    def asking(self, count: int, *, more: bool) -> Callable[[int], None]:
        """What to call with the number done of the next `count` requests; `more` of them were not counted yet."""
        before, self._before = self._before, self._before + count
        self._total += count if more else 0
        return lambda done: self._progress(Progress(before + done, self._total, self._usage.tokens, self._usage.cost))


def _round_size(asker: Asker) -> int:
    """Requests to write with in one round: a limit must leave enough to ask again with."""
    if asker.left is None:
        return _LEAST_IN_A_ROUND * len(PURPOSES)
    return min(_LEAST_IN_A_ROUND, max(asker.left // (1 + _MOST_QUESTIONS), 1))


def _split(document: Document, section: Section) -> list[_Passage]:
    """A section in pieces that a model sees at once, cut between blocks, or between lines where a block is too long."""
    pieces: list[tuple[list[str], Lines]] = []
    size = 0
    for block in section.blocks:
        for text, lines in _cut(block):
            if pieces and size + len(text) <= _CHARACTERS_IN_VIEW:
                texts, (first, _) = pieces[-1]
                pieces[-1] = ([*texts, text], (first, lines[1]))
                size += len(text)
            else:
                pieces.append(([text], lines))
                size = len(text)
    passages = [_Passage(document, section.heading, lines, "\n\n".join(texts)) for texts, lines in pieces]
    return [passage for passage in passages if len(words(passage.text)) >= _LEAST_WORDS]


def _cut(block: Block) -> Iterator[tuple[str, Lines]]:
    if len(block.text) <= _CHARACTERS_IN_VIEW:
        yield block.text, block.lines
        return
    part: list[str] = []
    for line in block.text.splitlines(keepends=True):
        for start in range(0, len(line), _CHARACTERS_IN_VIEW):
            piece = line[start : start + _CHARACTERS_IN_VIEW]
            if part and sum(map(len, part)) + len(piece) > _CHARACTERS_IN_VIEW:
                yield "".join(part), block.lines
                part = []
            part.append(piece)
    yield "".join(part), block.lines


@dataclass(frozen=True)
class _Written:
    """A question on its way through the filters."""

    passage: _Passage
    purpose: str
    question: str
    answer: str


def _write(
    batch: list[list[_Passage]], settings: Settings, asker: Asker, counts: Counts, teller: _Teller
) -> list[list[_Written]]:
    places = [
        (number, passage, purpose)
        for number, section in enumerate(batch)
        for passage in section
        for purpose in PURPOSES
    ]
    requests = [_writing(passage, purpose, settings.seed) for _, passage, purpose in places]
    replies = asker.ask_all(requests, teller.asking(len(requests), more=False))
    found: list[list[_Written]] = [[] for _ in batch]
    for (number, passage, purpose), reply in zip(places, replies, strict=True):
        if reply is None:
            counts.dropped["no answer"] += 1
            continue
        pairs, broken = read_pairs(reply.text)
        counts.written += len(pairs) + broken
        counts.dropped["format"] += broken
        found[number] += [_Written(passage, purpose, question, answer) for question, answer in pairs]
    return found


def _writing(passage: _Passage, purpose: str, seed: int) -> Request:
    count = min(max(len(words(passage.text)) // _WORDS_A_QUESTION, 2), _MOST_QUESTIONS)
    prompt = _WRITE.substitute(passage.slots, task=_TASKS[purpose].substitute(count=count))
    return Request((("user", prompt),), count * _TOKENS_A_QUESTION, temperature=_TEMPERATURE, seed=seed)


def _stands(one: _Written, counts: Counts, count_tokens: Callable[[str], int], most_tokens: int) -> bool:
    """The filters that need no model."""
    passage, both = one.passage, f"{one.question}\n{one.answer}"
    fault: str = find_fault_of_form(one.question, one.answer, passage.text)
    if not fault and count_tokens(one.answer) > most_tokens:
        fault = "length"
    if not fault and refers_to_text(both, passage.document.language, passage.text):
        fault = "refers to the text"
    # The question too: one with a number that the section does not hold asks about something else.
    if not fault and find_unsupported(both, passage.view):
        fault = "not in the section"
    if fault:
        counts.dropped[fault] += 1
    return not fault


def _ask_again(
    sections: list[list[_Written]], settings: Settings, asker: Asker, counts: Counts, teller: _Teller
) -> list[list[_Written]]:
    requests = [
        Request(
            (("user", _ANSWER.substitute(one.passage.slots, question=one.question)),),
            settings.dataset.max_answer_tokens,
            seed=settings.seed,
        )
        for section in sections
        for one in section
    ]
    replies = iter(asker.ask_all(requests, teller.asking(len(requests), more=True)))
    return [[one for one in section if _agrees(one, next(replies), counts)] for section in sections]


def _agrees(one: _Written, reply: Reply | None, counts: Counts) -> bool:
    if reply is None:
        counts.dropped["not asked again"] += 1
        return False
    if len(reply.text) > _MOST_READ or _UNANSWERED in reply.text or not agree(one.question, one.answer, reply.text):
        counts.dropped["does not agree"] += 1
        return False
    return True


def _without_duplicates(section: list[_Written], counts: Counts, seed: int) -> list[Augmented]:
    places = find_distinct([(one.question, one.answer) for one in section], seed)
    counts.dropped["duplicate"] += len(section) - len(places)
    return [
        Augmented(
            one.question,
            one.answer,
            one.purpose,
            one.passage.document.path,
            one.passage.heading,
            one.passage.lines,
            one.passage.document.language,
        )
        for one in (section[place] for place in places)
    ]
