"""The report card: what of each section and document the served model has learned, worst first."""

import collections
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from imprint.evaluation.results import BASE, HELD_OUT, SERVED, Prediction

Grade = Literal["forgotten", "not learned", "partly", "learned"]
GRADES: tuple[Grade, ...] = ("forgotten", "not learned", "partly", "learned")
"""Worst first."""

_NO_DOCUMENT = "(no document)"


@dataclass(frozen=True)
class SectionCard:
    """A section of a document and its held-out questions, those that went wrong first."""

    document: str
    heading: tuple[str, ...]
    lines: tuple[int, int]
    questions: tuple[Prediction, ...]

    @property
    def right(self) -> int:
        return sum(is_right(question, SERVED) for question in self.questions)

    @property
    def base_right(self) -> int:
        return sum(is_right(question, BASE) for question in self.questions)

    @property
    def forgotten(self) -> int:
        """Questions that the base had right and the served model has not."""
        return sum(map(is_forgotten, self.questions))

    @property
    def grade(self) -> Grade:
        """Forgotten is a section of which the base knew more than the served model does."""
        if self.right == len(self.questions):
            return "learned"
        if self.right < self.base_right:
            return "forgotten"
        return "partly" if self.right else "not learned"

    @property
    def title(self) -> str:
        return " › ".join(self.heading) or "The document as a whole"


@dataclass(frozen=True)
class DocumentCard:
    """A document and how many of its sections have which grade."""

    document: str
    grades: dict[Grade, int]
    questions: int
    right: int
    base_right: int


def is_right(prediction: Prediction, model: str) -> bool:
    """Whether the model's answer was; a model that was not asked has none right."""
    return prediction.correct.get(model, False)


def is_forgotten(prediction: Prediction) -> bool:
    """Whether the base knew what the served model does not."""
    return is_right(prediction, BASE) and not is_right(prediction, SERVED)


def grade_sections(predictions: Iterable[Prediction]) -> list[SectionCard]:
    """The sections that held-out questions are about: worst grade first, then the most wrong answers."""
    gathered: dict[tuple[str, tuple[str, ...]], list[Prediction]] = collections.defaultdict(list)
    for prediction in predictions:
        if prediction.suite == HELD_OUT:
            source = prediction.source
            gathered[(source.document, source.heading) if source else (_NO_DOCUMENT, ())].append(prediction)
    cards = [_card(document, heading, questions) for (document, heading), questions in gathered.items()]
    return sorted(cards, key=_order)


def grade_documents(cards: Sequence[SectionCard]) -> list[DocumentCard]:
    """The documents of these sections, the one with the largest share of wrong answers first."""
    gathered: dict[str, list[SectionCard]] = collections.defaultdict(list)
    for card in cards:
        gathered[card.document].append(card)
    documents = [
        DocumentCard(
            document,
            count_grades(sections),
            questions=sum(len(card.questions) for card in sections),
            right=sum(card.right for card in sections),
            base_right=sum(card.base_right for card in sections),
        )
        for document, sections in gathered.items()
    ]
    return sorted(documents, key=lambda document: (document.right / document.questions, document.document))


def count_grades(cards: Iterable[SectionCard]) -> dict[Grade, int]:
    """How many sections have each grade, every grade with a number."""
    counts = collections.Counter(card.grade for card in cards)
    return {grade: counts[grade] for grade in GRADES}


def _card(document: str, heading: tuple[str, ...], questions: list[Prediction]) -> SectionCard:
    spans = [question.source.lines for question in questions if question.source]
    lines = (min(span[0] for span in spans), max(span[1] for span in spans)) if spans else (0, 0)
    worst_first = sorted(questions, key=lambda question: (is_right(question, SERVED), not is_forgotten(question)))
    return SectionCard(document, heading, lines, tuple(worst_first))


def _order(card: SectionCard) -> tuple[int, int, str, tuple[str, ...]]:
    return GRADES.index(card.grade), card.right - len(card.questions), card.document, card.heading
