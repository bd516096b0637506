"""Facts put into words: the questions and answer forms of a language, and which question is held out."""

import functools
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from operator import itemgetter
from typing import Any

import yaml

from imprint.dataset.facts import Fact, Scope, chance, without_markup

_QUESTION_MARKS = "?？؟ \u00a0\u202f"
_FULL_STOPS = frozenset(".。।")
_ENDS = frozenset(".。।!?！？؟…")
# What is asked another way round or in parts elsewhere: half the wordings leave more of the training to the fact.
_OTHER_SIDES = frozenset({"cell_reverse", "definition_reverse", "operation_purpose", "row", "next_step", "bullets"})
_SEAM = "\0"  # between sentences that are filled in together


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
    answer = fact.answer or _fill((kind["answer"],), slots)[0]
    if fact.kind == "masked":
        forms = kind["questions"]
        return Worded(_fill((forms[int(chance(scope.seed, slots["text"]) * len(forms))],), slots), "", answer)
    plain = {name: without_markup(value) for name, value in slots.items()}
    trained, held_out = kind["questions"], kind["held_out"]
    if fact.kind == "question":
        trained, held_out = _rephrase(plain, kind)
    # By the plainest question alone: facts that share it share all wordings, or one keeps what another contradicts.
    turn = chance(scope.seed, _fill((trained[0],), plain)[0])
    others = len(trained) - 1
    at = int(turn * others)
    wanted = scope.settings.wordings
    most = min(fact.wordings or (-(-wanted // 2) if fact.kind in _OTHER_SIDES else wanted), len(trained))
    chosen = [trained[1 + (at + number) % others] for number in range(most - 1)]
    *questions, held = _fill((trained[0], *chosen, held_out[int(turn * 4096) % len(held_out)]), plain)
    return Worded(tuple(dict.fromkeys(questions)), held, answer)


def _fill(forms: tuple[str, ...], slots: Mapping[str, str]) -> tuple[str, ...]:
    """The sentences, each with one full stop where a slot brings its own."""
    pattern, values = _joined(forms)
    texts = (pattern % values(slots)).split(_SEAM)
    if len(texts) != len(forms):  # a document holds what is put between the sentences
        texts = [form.format_map(slots) for form in forms]
    for place in _closed_behind_slot(forms):
        if texts[place][-2:-1] in _ENDS:
            texts[place] = texts[place][:-1]
    return tuple(texts)


@functools.lru_cache(4096)
def _joined(forms: tuple[str, ...]) -> tuple[str, Callable[[Mapping[str, str]], tuple[str, ...]]]:
    """All forms as one pattern for `%`, and what takes its values from the slots: a fact is filled in by one step."""
    pieces: list[str] = []
    names: list[str] = []
    for literal, name, _, _ in string.Formatter().parse(_SEAM.join(forms)):
        pieces.append(literal.replace("%", "%%"))
        if name is not None:
            pieces.append("%s")
            names.append(name)
    if len(names) < 2:  # itemgetter gives no tuple then
        return "".join(pieces), lambda slots: tuple(slots[name] for name in names)
    return "".join(pieces), itemgetter(*names)


@functools.lru_cache(4096)
def _closed_behind_slot(forms: tuple[str, ...]) -> tuple[int, ...]:
    """The places of the forms that end in a slot and a full stop."""
    return tuple(place for place, form in enumerate(forms) if form[-1:] in _FULL_STOPS and form[-2:-1] == "}")


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
