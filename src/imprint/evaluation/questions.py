"""What is asked in an evaluation: the suites, each question with what makes an answer right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imprint import documents
from imprint.config import Settings
from imprint.dataset import Example, read_examples
from imprint.dataset.types import Source
from imprint.errors import ImprintError
from imprint.evaluation import items
from imprint.evaluation.items import Item
from imprint.evaluation.results import (
    ADAPTER,
    BASE,
    BENCHMARK,
    CEILING,
    CONTROL,
    CURRENT,
    GENERAL,
    HELD_OUT,
    OFF_TOPIC,
    SERVED,
    UNANSWERABLE,
)
from imprint.evaluation.scoring import is_correct
from imprint.model import Message
from imprint.runs import Run

WHO = {
    HELD_OUT: (BASE, ADAPTER, SERVED, CURRENT),
    CONTROL: (BASE, SERVED),
    CEILING: (BASE,),
    GENERAL: (BASE, SERVED),
    OFF_TOPIC: (BASE, SERVED),
    UNANSWERABLE: (BASE, SERVED),
    BENCHMARK: (BASE, SERVED),
}
"""Which models are asked: the adapter is held against the GGUF on the held-out questions alone."""

_SHIPPED: tuple[Literal["general", "off_topic", "unanswerable"], ...] = (GENERAL, OFF_TOPIC, UNANSWERABLE)
_CHAT_TOKENS = 48
"""Of an answer in passing: to see whether it is right, ends or goes in circles, so much will do."""
_CONTEXT_CHARACTERS = 6000
_IN_VIEW = "{section}\n\nAnswer from the text above: {question}"


@dataclass(frozen=True)
class Question:
    """One question of one suite."""

    suite: str
    messages: tuple[Message, ...]
    limit: int | None
    """Most tokens of an answer; None: what the expected answer asks for."""
    example: Example | None = None
    """Of the dataset; None where `item` is given."""
    item: Item | None = None
    shown: str = ""
    """What is shown as the question, where the messages hold more."""

    @property
    def text(self) -> str:
        return self.shown or self.messages[-1]["content"]

    @property
    def characters(self) -> int:
        """Of the whole prompt."""
        return sum(len(message["content"]) for message in self.messages)

    @property
    def expected(self) -> str:
        if self.example is not None:
            return self.example.output
        groups = self.item.expected if self.item is not None else ()
        return ", ".join(" or ".join(word.rstrip("*") for word in group) for group in groups)

    @property
    def kind(self) -> str:
        return self.example.kind if self.example is not None else self.item.subject if self.item is not None else ""

    @property
    def fact(self) -> str:
        return self.example.fact if self.example is not None else ""

    @property
    def source(self) -> Source | None:
        return self.example.source if self.example is not None else None

    @property
    def cluster(self) -> str:
        """What is drawn together in a bootstrap: wordings of one fact, else the question alone."""
        return self.fact or self.text

    def score(self, answer: str) -> float | None:
        """How right an answer is, 0 to 1; None where there is no right or wrong."""
        if self.example is not None:
            return float(is_correct(self.example.output, answer))
        if self.suite == UNANSWERABLE:
            return float(items.declines(answer))
        return None if self.item is None or self.suite == OFF_TOPIC else items.grade(self.item, answer)

    def is_right(self, answer: str) -> bool | None:
        """Whether an answer is right as a whole; None where there is no right or wrong."""
        if self.suite in {GENERAL, BENCHMARK} and self.item is not None:
            return items.is_right(self.item, answer)
        found = self.score(answer)
        return None if found is None else found == 1


def collect(config: Settings, run: Run) -> tuple[list[Question], list[str]]:
    """Every question of an evaluation, suite by suite, and notes on what cannot be asked.

    Raises SettingsError for a benchmark file that cannot be used.
    """
    notes: list[str] = []
    folder = run.folder("dataset")
    found = held_out(config, run)
    test = [question.example for question in found if question.example is not None]
    if not test:
        notes.append("no question is held out: nothing can be said about what it learned")
    # A masked passage shows most of its answer, so it cannot tell whether the passage was learned.
    control = [example for example in _asked(folder / "control.jsonl") if example.kind != "masked"]
    if not control:
        notes.append("no section was kept from the training: a leak would not be seen")
    found += [_of_example(CONTROL, example) for example in evenly(control, config.evaluation.max_questions)]
    found += _with_sections(config, evenly(test, config.evaluation.ceiling_questions), notes)
    for suite in _SHIPPED:
        found += [_of_item(suite, item, _CHAT_TOKENS) for item in items.read_suite(suite)]
    if config.evaluation.benchmark is not None:
        most = config.evaluation.max_new_tokens
        found += [_of_item(BENCHMARK, item, most) for item in items.read_benchmark(config.evaluation.benchmark)]
    return found, notes


def held_out(config: Settings, run: Run) -> list[Question]:
    """The held-out questions of a run that are asked."""
    examples = _asked(run.folder("dataset") / "test.jsonl")
    return [_of_example(HELD_OUT, example) for example in evenly(examples, config.evaluation.max_questions)]


def evenly(examples: Sequence[Example], most: int) -> list[Example]:
    """At most so many examples, taken at even distances, so that every document keeps its share."""
    if len(examples) <= most:
        return list(examples)
    return [examples[index * len(examples) // most] for index in range(most)]


def _asked(file: Path) -> list[Example]:
    """The rows that ask something: plain text does not."""
    return [example for example in read_examples(file) if example.kind != "text"]


def _of_example(suite: str, example: Example) -> Question:
    turns: list[Message] = [*example.conversation()[:-1]]  # type: ignore[list-item]  # roles are checked where rows are read
    return Question(suite, tuple(turns), None, example=example)


def _of_item(suite: str, item: Item, limit: int) -> Question:
    return Question(suite, ({"role": "user", "content": item.prompt},), limit, item=item)


def _with_sections(config: Settings, examples: Sequence[Example], notes: list[str]) -> Iterator[Question]:
    """The questions with the section in view that holds their answers, where there is one."""
    wanted = {example.source.document for example in examples if example.source.heading}
    if not wanted:
        return
    sections: dict[tuple[str, tuple[str, ...]], str] = {}
    try:
        files = [file for file in documents.find(config.documents).files if file.name in wanted]
        for document in (documents.read(file, config.documents) for file in files):
            for section in document.sections:
                text = "\n\n".join(block.text for block in section.blocks)
                key = (document.path, section.heading)
                sections[key] = f"{sections[key]}\n\n{text}" if key in sections else text
    except ImprintError as error:  # read before, when the dataset was made, so something has changed since
        notes.append(f"the documents cannot be shown to the base: {error.message}")
    for example in examples:
        section_text = sections.get((example.source.document, example.source.heading), "")[:_CONTEXT_CHARACTERS]
        question = example.conversation()[-2]["content"]
        if section_text:
            prompt = _IN_VIEW.format(section=section_text, question=question)
            message: Message = {"role": "user", "content": prompt}
            yield Question(CEILING, (message,), None, example=example, shown=question)
