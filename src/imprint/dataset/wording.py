"""Facts put into words: the questions and answer forms of a language, and which question is held out."""

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from imprint.dataset.facts import Fact, without_markup


@dataclass(frozen=True)
class Worded:
    """A fact with its questions: those to train on, the plainest first, and the one held out ("" if none is left)."""

    fact: Fact
    trained: tuple[str, ...]
    held_out: str
    answer: str


def put_into_words(fact: Fact, wordings: int, seed: int) -> Worded:
    """Choose `wordings` questions to train on and one to hold out; fact and seed alone decide which."""
    forms = _forms(fact.language)[fact.kind]
    slots = dict(fact.slots)
    answer = fact.answer or str(forms["answer"]).format_map(slots)
    plain = {name: without_markup(value) for name, value in slots.items()}
    questions = [str(form).format_map(plain) for form in forms["questions"]]
    questions[1:1] = _rephrase(plain.get("question", ""), forms)
    questions = list(dict.fromkeys(questions))
    first, others = questions[0], questions[1:]
    random.Random(f"{seed}:{fact.id}").shuffle(others)
    held_out = others.pop() if others else ""
    return Worded(fact, (first, *others[: wordings - 1]), held_out, answer)


def _rephrase(question: str, forms: Mapping[str, Any]) -> list[str]:
    for pattern in forms.get("patterns", ()):
        begins = str(pattern["begins"])
        if question.startswith(begins):
            rest = question.removeprefix(begins).rstrip("? ")
            return [str(form).format_map({"rest": rest}) for form in pattern["questions"]]
    return []


@functools.cache
def _forms(language: str) -> dict[str, Any]:
    folder = resources.files("imprint.dataset") / "wordings"
    file = folder / f"{language}.yaml"
    if not file.is_file():
        file = folder / "en.yaml"
    forms: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return forms
