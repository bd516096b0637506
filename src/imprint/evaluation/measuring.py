"""From answers to figures: one model over one suite, and two models beside each other."""

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imprint.evaluation.questions import Question
from imprint.evaluation.results import BENCHMARK, CEILING, CONTROL, HELD_OUT, Figures, Share
from imprint.evaluation.scoring import (
    bleu_and_chrf,
    bootstrap,
    is_correct,
    normalize,
    perplexity,
    repeats,
    rouge_l,
    token_f1,
)

if TYPE_CHECKING:
    from imprint.model import Answer

_PROCEDURES = {"steps"}
_FROM_DOCUMENTS = {HELD_OUT, CONTROL, CEILING}


def figures(
    suite: str,
    questions: Sequence[Question],
    answers: "Sequence[Answer]",
    *,
    seed: int,
    surprise: tuple[float, int] | None = None,
    similarity: float | None = None,
) -> Figures:
    """One model's figures over one suite of at least one question.

    `surprise`: the nats of the expected answers and their tokens; `similarity`: the mean BERTScore.
    """
    texts = [answer.text for answer in answers]
    scores = scores_of(suite, questions, texts)
    weights = [question.item.weight if question.item is not None else 1.0 for question in questions]
    found: dict[str, float | tuple[float, float] | None] = {}
    if scores is not None:
        whole = sum(weights) / len(weights)
        weighted = [value * weight / whole for value, weight in zip(scores, weights, strict=True)]
        found["accuracy"] = statistics.fmean(weighted)
        found["interval"] = _within(bootstrap(weighted, clusters(questions), seed))
    if suite in _FROM_DOCUMENTS:
        expected = [question.expected for question in questions]
        found["token_f1"] = statistics.fmean(map(token_f1, expected, texts))
        found["shuffled_gold"] = _shuffled(expected, texts)
    if suite == HELD_OUT:
        found["bleu"], found["chrf"] = bleu_and_chrf(expected, texts)
        steps = [place for place, question in enumerate(questions) if question.kind in _PROCEDURES]
        if steps:
            found["rouge_l"] = rouge_l([expected[place] for place in steps], [texts[place] for place in steps])
    return Figures(
        questions=len(questions),
        **found,  # type: ignore[arg-type]  # each by the name of its field
        perplexity=perplexity(*surprise) if surprise is not None and surprise[1] else None,
        bert_score=similarity,
        ended=statistics.fmean(answer.finish_reason == "stop" for answer in answers),
        repeating=statistics.fmean(map(repeats, texts)),
        words=statistics.fmean(len(text.split()) for text in texts),
        empty=statistics.fmean(not text.strip() for text in texts),
    )


def scores_of(suite: str, questions: Sequence[Question], texts: Sequence[str]) -> list[float] | None:
    """How right each answer is, 0 to 1; None for a suite without right and wrong."""
    if suite == BENCHMARK:
        scores = [question.score(text) for question, text in zip(questions, texts, strict=True)]
    else:
        scores = [_as_score(question.is_right(text)) for question, text in zip(questions, texts, strict=True)]
    known = [value for value in scores if value is not None]
    return known if known and len(known) == len(scores) else None


def clusters(questions: Sequence[Question]) -> list[str]:
    """What a bootstrap draws together."""
    return [question.cluster for question in questions]


def difference(
    questions: Sequence[Question], first: Sequence[float], second: Sequence[float], *, seed: int
) -> tuple[float, tuple[float, float]]:
    """Mean of first - second over the same questions, and its 95% bootstrap interval."""
    values = [one - other for one, other in zip(first, second, strict=True)]
    return statistics.fmean(values), bootstrap(values, clusters(questions), seed)


def by_kind(
    questions: Sequence[Question], right: Mapping[str, Sequence[bool]]
) -> tuple[dict[str, dict[str, Share]], dict[str, Share]]:
    """Right answers by kind of fact and model; and those of questions that name the answer and ask for its subject."""
    kinds = {
        kind: {name: _share(questions, values, kind) for name, values in right.items()}
        for kind in sorted({question.kind for question in questions})
    }
    back = [kind for kind in kinds if kind.endswith("_reverse")]
    backwards = {
        name: Share(
            questions=sum(kinds[kind][name].questions for kind in back),
            right=sum(kinds[kind][name].right for kind in back),
        )
        for name in right
        if back
    }
    return kinds, backwards


def agreement(first: Sequence[str], second: Sequence[str]) -> float:
    """Share of the answers that two models give in the same words."""
    return statistics.fmean(normalize(one) == normalize(other) for one, other in zip(first, second, strict=True))


def _share(questions: Sequence[Question], right: Sequence[bool], kind: str) -> Share:
    found = [value for question, value in zip(questions, right, strict=True) if question.kind == kind]
    return Share(questions=len(found), right=sum(found))


def _shuffled(expected: Sequence[str], texts: Sequence[str]) -> float | None:
    """Share of the answers that are right for a question half the list away, which asks for something else."""
    half = len(expected) // 2
    pairs = [
        (expected[(place + half) % len(expected)], text)
        for place, text in enumerate(texts)
        if normalize(expected[(place + half) % len(expected)]) != normalize(expected[place])
    ]
    return statistics.fmean(is_correct(gold, text) for gold, text in pairs) if pairs else None


def _as_score(right: bool | None) -> float | None:
    return None if right is None else float(right)


def _within(interval: tuple[float, float]) -> tuple[float, float]:
    """Weights can push a mean of scores a hair over the ends."""
    return max(0.0, interval[0]), min(1.0, interval[1])
