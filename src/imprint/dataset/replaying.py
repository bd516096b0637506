"""General prompts that the base answers before the training and is then trained on, against forgetting.

Trained on documents alone, a model loses what it could do before (McCloskey and Cohen 1989); a share of its own answers
to general prompts keeps that.
"""

import collections
import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import yaml

from imprint.dataset.answers import Reply, Request
from imprint.dataset.filters import words

MAX_TOKENS = 160
_ENGLISH = "en"
_REPEATED_WORDS = 4
_MOST_REPEATS = 3


@dataclass(frozen=True)
class Replayed:
    """A general prompt and the base's own answer."""

    instruction: str
    output: str


def replay_requests(count: int, language_weights: Mapping[str, float], seed: int) -> list[Request]:
    """`count` general prompts in the languages of the documents, by their weights, as requests to the base.

    The same arguments give the same prompts. A language without prompts, or with too few of them, leaves its share to
    English; where English is used up as well there are fewer than `count`. Each prompt is given once.
    """
    weights = {language: weight for language, weight in language_weights.items() if weight > 0 and _prompts(language)}
    total = sum(language_weights.values())
    chosen: list[str] = []
    for language in sorted(weights.keys() - {_ENGLISH}):
        chosen += _shuffled(language, seed)[: round(count * weights[language] / total)]
    del chosen[count:]
    chosen += _shuffled(_ENGLISH, seed)[: count - len(chosen)]
    random.Random(f"{seed}:replay").shuffle(chosen)
    return [Request((("user", prompt),), MAX_TOKENS, seed=seed) for prompt in chosen]


def read_replies(
    requests: Sequence[Request], replies: Sequence[Reply | None]
) -> tuple[list[Replayed], "collections.Counter[str]"]:
    """The prompts with the answers that are worth keeping, and how many were dropped, by reason."""
    rows: list[Replayed] = []
    dropped: collections.Counter[str] = collections.Counter()
    for request, reply in zip(requests, replies, strict=True):
        fault = _find_fault(reply)
        if fault or reply is None:
            dropped[fault] += 1
        else:
            rows.append(Replayed(request.prompt, reply.text.strip()))
    return rows, dropped


def _find_fault(reply: Reply | None) -> str:
    if reply is None:
        return "no answer"
    said = words(reply.text)
    if not said:
        return "empty"
    if not reply.finished:
        return "did not end"
    runs = collections.Counter(zip(*(said[start:] for start in range(_REPEATED_WORDS)), strict=False))
    return "repeats itself" if max(runs.values(), default=0) > _MOST_REPEATS else ""


def _shuffled(language: str, seed: int) -> list[str]:
    prompts = list(_prompts(language))
    random.Random(f"{seed}:{language}").shuffle(prompts)
    return prompts


@functools.cache
def _prompts(language: str) -> tuple[str, ...]:
    """The prompts of a language; none where Imprint ships none."""
    folder = resources.files("imprint.dataset") / "replay"
    file = folder / f"{language}.yaml"
    if not language.isalpha() or not file.is_file():
        return ()
    return tuple(yaml.safe_load(file.read_text(encoding="utf-8")))
