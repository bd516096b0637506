"""Two runs held against each other, on the held-out questions that both were asked."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from imprint.errors import InputError
from imprint.evaluation.report.sections import is_right
from imprint.evaluation.report.shown import percent, without_password
from imprint.evaluation.report.tables import MODELS, SUITE_NAMES
from imprint.evaluation.report.training import read_state
from imprint.evaluation.results import (
    ADAPTER,
    BASE,
    GENERAL,
    HELD_OUT,
    SERVED,
    Figures,
    Prediction,
    Results,
    read_predictions,
    read_results,
)
from imprint.runs import Run

_BY_CHANCE = 0.05
_NOT_COMPARED = {"outputs"}


@dataclass(frozen=True)
class Side:
    """One of the two runs."""

    id: str
    started: str
    results: Results
    right: int
    """Answers as served to the shared questions."""


@dataclass(frozen=True)
class FigurePair:
    """A figure of both runs, in words."""

    label: str
    first: str
    second: str


@dataclass(frozen=True)
class QuestionPair:
    """A question that both runs were asked."""

    first: Prediction
    second: Prediction

    @property
    def answers(self) -> tuple[str, str]:
        """What the two served models said."""
        return self.first.answers.get(SERVED, ""), self.second.answers.get(SERVED, "")


@dataclass(frozen=True)
class RunComparison:
    """What two runs have in common, and where they differ."""

    first: Side
    second: Side
    shared: int
    """Held-out questions that both were asked, with the same expected answer."""
    figures: tuple[FigurePair, ...]
    gained: tuple[QuestionPair, ...]
    """Questions that only the second run's model has right."""
    lost: tuple[QuestionPair, ...]
    settings: tuple[FigurePair, ...]
    """Settings that differ."""

    @property
    def sentence(self) -> str:
        """The comparison in one sentence."""
        if not self.shared:
            return "The two runs were asked no question in common, so their models cannot be compared."
        gained, lost = len(self.gained), len(self.lost)
        if not gained and not lost:
            return f"Both runs answer the same of their {self.shared:,} shared questions right."
        found = f"Of {self.shared:,} shared questions {self.second.id} gains {gained:,} and loses {lost:,}"
        if sign_test(gained, lost) > _BY_CHANCE:
            return f"{found}: no more than chance would give."
        return f"{found}: it is {'better' if gained > lost else 'worse'}, and not by chance."


def compare_reports(first: Run, second: Run) -> RunComparison:
    """Hold two runs against each other. Raises InputError where one has no evaluation of this version."""
    sides = [_read(run) for run in (first, second)]
    pairs = _shared(sides[0][1], sides[1][1])
    one, other = (
        Side(run.id, state.started if (state := read_state(run)) else "", results, right)
        for run, (results, _), right in zip(
            (first, second),
            sides,
            (
                sum(is_right(pair.first, SERVED) for pair in pairs),
                sum(is_right(pair.second, SERVED) for pair in pairs),
            ),
            strict=True,
        )
    )
    return RunComparison(
        first=one,
        second=other,
        shared=len(pairs),
        figures=tuple(_figures(one, other, len(pairs))),
        gained=tuple(pair for pair in pairs if is_right(pair.second, SERVED) and not is_right(pair.first, SERVED)),
        lost=tuple(pair for pair in pairs if is_right(pair.first, SERVED) and not is_right(pair.second, SERVED)),
        settings=tuple(_differing(_flat(first), _flat(second))),
    )


def sign_test(gained: int, lost: int) -> float:
    """How likely so uneven a split is by chance alone, two-sided (McNemar's exact test)."""
    count, fewer = gained + lost, min(gained, lost)
    ways = sum(math.comb(count, number) for number in range(fewer + 1))
    return float(min(1.0, 2 * ways / 2**count))


def _read(run: Run) -> tuple[Results, list[Prediction]]:
    folder = run.folder("evaluation")
    try:
        return read_results(folder), read_predictions(folder)
    except FileNotFoundError as error:
        raise InputError(
            f"{run.id} has no {error.filename and error.filename.rpartition('/')[2]}: it was not evaluated.",
            hint="`imprint runs` lists the runs; `imprint evaluate` measures the newest one",
        ) from error
    except (OSError, ValidationError) as error:
        raise InputError(
            f"The evaluation of {run.id} cannot be read: it is damaged, or of another version of Imprint.",
            hint="`imprint evaluate` measures the newest run again",
        ) from error


def _shared(first: list[Prediction], second: list[Prediction]) -> list[QuestionPair]:
    asked = {(found.question, found.expected): found for found in second if found.suite == HELD_OUT}
    return [
        QuestionPair(found, asked[found.question, found.expected])
        for found in first
        if found.suite == HELD_OUT and (found.question, found.expected) in asked
    ]


def _figures(first: Side, second: Side, shared: int) -> Iterator[FigurePair]:
    def of_shared(side: Side) -> str:
        return f"{percent(side.right / shared)} ({side.right:,} of {shared:,})" if shared else "–"

    yield FigurePair("Verdict", first.results.verdict.word, second.results.verdict.word)
    yield FigurePair("Base", first.results.base, second.results.base)
    yield FigurePair("Right, shared questions, as served", of_shared(first), of_shared(second))
    for suite, model in ((HELD_OUT, BASE), (HELD_OUT, ADAPTER), (HELD_OUT, SERVED), (GENERAL, BASE), (GENERAL, SERVED)):
        label = f"Right, {SUITE_NAMES[suite].lower()}, {MODELS[model].lower()}"
        yield from _pair(label, *(_accuracy(side.results.suites.get(suite, {}).get(model)) for side in (first, second)))
    served = [side.results.suites.get(HELD_OUT, {}).get(SERVED) for side in (first, second)]
    yield from _pair("Ended by themselves", *(percent(found.ended) if found else "–" for found in served))
    surprise = [side.results.perplexity.get(SERVED) for side in (first, second)]
    yield from _pair("Perplexity, general text", *(f"{found.general:,.2f}" if found else "–" for found in surprise))
    speed = [side.results.speed.get(SERVED) for side in (first, second)]
    yield from _pair("Tokens a second", *(f"{found.tokens_per_s:,.1f}" if found else "–" for found in speed))


def _pair(label: str, first: str, second: str) -> Iterator[FigurePair]:
    """Nothing where neither run has the figure."""
    if (first, second) != ("–", "–"):
        yield FigurePair(label, first, second)


def _accuracy(figures: Figures | None) -> str:
    if figures is None or figures.accuracy is None:
        return "–"
    return f"{percent(figures.accuracy)} of {figures.questions:,}, {figures.words:.1f} words"


def _flat(run: Run) -> dict[str, str]:
    """Settings by full name, as YAML would say them."""
    state = read_state(run)
    return dict(_leaves(state.settings)) if state else {}


def _leaves(tree: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{place}{key}.")
        elif f"{place}{key}" not in _NOT_COMPARED:
            said = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True).removesuffix("...\n").strip()
            yield f"{place}{key}", without_password(said)


def _differing(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[FigurePair]:
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            yield FigurePair(name, first.get(name, "–"), second.get(name, "–"))
