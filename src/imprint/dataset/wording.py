"""Facts put into words: the questions and answer forms of a language, and which question is held out."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from imprint.dataset.facts import Fact, Scope, chance, without_markup

_QUESTION_MARKS = "?？؟ \u00a0\u202f"
_FULL_STOPS = frozenset(".。।")
_ENDS = frozenset(".。।!?！？؟…")


@dataclass(frozen=True, slots=True)
class Worded:
    """A fact with its questions: those to train on, the plainest first, and the one held out ("" if there is none)."""

    trained: tuple[str, ...]
    held_out: str
    answer: str


def put_into_words(fact: Fact, scope: Scope) -> Worded:
    """Choose the questions of a fact; the fact and the seed alone decide which."""
    kind = scope.forms[fact.kind]
    slots = fact.slots
    answer = fact.answer or _filled(kind["answer"], slots)
    if fact.kind == "masked":
        forms = kind["questions"]
        return Worded((_filled(forms[int(chance(scope.seed, slots["text"]) * len(forms))], slots),), "", answer)
    plain = {name: without_markup(value) for name, value in slots.items()}
    trained, held_out = kind["questions"], kind["held_out"]
    if fact.kind == "question":
        trained, held_out = _rephrase(plain, kind)
    first = _filled(trained[0], plain)
    # By the plainest question alone: facts that share it share all wordings, or one keeps what another contradicts.
    turn = chance(scope.seed, first)
    others = len(trained) - 1
    at = int(turn * others)
    chosen = [trained[1 + (at + number) % others] for number in range(min(scope.settings.wordings - 1, others))]
    questions = dict.fromkeys((first, *(_filled(form, plain) for form in chosen)))
    return Worded(tuple(questions), _filled(held_out[int(turn * 4096) % len(held_out)], plain), answer)


def _filled(form: str, slots: Mapping[str, str]) -> str:
    """The sentence, with one full stop where a slot brings its own."""
    text = form.format_map(slots)
    return text[:-1] if text[-2:-1] in _ENDS and form[-1:] in _FULL_STOPS and form[-2:-1] == "}" else text


def _rephrase(slots: dict[str, str], kind: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The forms for a question: where it begins in a usual way, other wordings of it before the general ones."""
    question = slots["question"]
    if question.endswith(tuple(_QUESTION_MARKS)):  # or it is a part of a long answer: "… ? (1/2)"
        for pattern in kind.get("patterns", ()):
            for begin in pattern["begins"]:
                rest = question.removeprefix(begin).rstrip(_QUESTION_MARKS)
                if question.startswith(begin) and rest:
                    slots["rest"] = rest
                    general = kind["questions"]
                    return [general[0], *pattern["questions"], *general[1:3]], pattern["held_out"]
    return kind["questions"], kind["held_out"]


@functools.cache
def wordings_of(language: str) -> dict[str, Any]:
    """The wordings of a language by its ISO 639-1 code; English where there are none."""
    folder = resources.files("imprint") / "dataset" / "wordings"
    file = folder / f"{language}.yaml"
    if not file.is_file():
        file = folder / "en.yaml"
    forms: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=_loader())
    return forms


def _loader() -> Any:
    """libyaml's safe loader where PyYAML was built with it: ten times as fast."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def languages() -> Iterator[str]:
    """The languages that there are wordings of."""
    for file in sorted((resources.files("imprint") / "dataset" / "wordings").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            yield file.name.removesuffix(".yaml")
