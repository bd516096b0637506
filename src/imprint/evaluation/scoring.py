"""How right an answer is: accuracy as SQuAD and closed-book QA measure it, token F1, perplexity."""

import collections
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

LONG_ANSWER_WORDS = 30
LONG_ANSWER_F1 = 0.9


@dataclass(frozen=True)
class Score:
    """A model's figures over a set of questions. Shares are 0 to 1; perplexity is per token of the expected answers."""

    questions: int
    accuracy: float
    token_f1: float
    perplexity: float
    ended: float
    """Share of the answers that the model ended by itself."""


def normalize(text: str) -> list[str]:
    """Words of a text for comparison: case folded, punctuation and markup gone (SQuAD's, without dropping articles).

    Dots, dashes and underscores inside a word stay: `service.port` is not `service port`.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = (word.strip(".-_:/'") for word in re.findall(r"[\w.\-:/']+", folded))
    return [word for word in words if word]


def is_correct(expected: str, given: str) -> bool:
    """Whether an answer holds the expected one, word for word; a long answer must match it to 0.9 of token F1."""
    gold, said = normalize(expected), normalize(given)
    if not gold:
        return not said
    if len(gold) > LONG_ANSWER_WORDS:
        return token_f1(expected, given) >= LONG_ANSWER_F1
    return any(said[start : start + len(gold)] == gold for start in range(len(said) - len(gold) + 1))


def token_f1(expected: str, given: str) -> float:
    """Harmonic mean of precision and recall over words (Rajpurkar et al. 2016), 0 to 1."""
    gold, said = normalize(expected), normalize(given)
    if not gold or not said:
        return float(gold == said)
    common = sum((collections.Counter(gold) & collections.Counter(said)).values())
    return 2 * common / (len(gold) + len(said))


def score(expected: Sequence[str], given: Sequence[str], ended: Sequence[bool], nats: float, tokens: int) -> Score:
    """The figures of one model. `nats` is the summed negative log-likelihood of `tokens` expected tokens."""
    count = len(expected)
    return Score(
        questions=count,
        accuracy=sum(map(is_correct, expected, given)) / count,
        token_f1=sum(map(token_f1, expected, given)) / count,
        perplexity=math.exp(min(nats / max(tokens, 1), 50.0)),
        ended=sum(ended) / count,
    )
