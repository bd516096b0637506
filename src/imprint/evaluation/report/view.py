"""Everything that a report shows, gathered from results, predictions and run: the templates only lay it out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from markupsafe import Markup

from imprint import config
from imprint.evaluation.report import charts
from imprint.evaluation.report.advice import Step, next_steps
from imprint.evaluation.report.charts import Bar
from imprint.evaluation.report.sections import (
    DocumentCard,
    Grade,
    SectionCard,
    count_grades,
    grade_documents,
    grade_sections,
    is_right,
)
from imprint.evaluation.report.shown import duration, size, without_password
from imprint.evaluation.report.tables import (
    MODELS,
    SUITE_NAMES,
    Accuracy,
    Cell,
    Row,
    Table,
    accuracies,
    judge_table,
    kind_table,
    perplexity_table,
    speed_table,
    suite_tables,
)
from imprint.evaluation.report.training import Training, read_settings, read_state, read_training
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
    Prediction,
    Results,
)
from imprint.runs import STAGES, Run

_MOST_SECTIONS = 50
_MOST_DOCUMENTS = 50
_MOST_QUESTIONS = 20  # of one section
_MOST_SAMPLES = {BENCHMARK: 50, GENERAL: 10, CONTROL: 10, OFF_TOPIC: 6, UNANSWERABLE: 6}


@dataclass(frozen=True)
class Samples:
    """Questions of a suite other than the held-out ones, wrong answers first."""

    name: str
    questions: tuple[Prediction, ...]
    of: int


@dataclass(frozen=True)
class View:
    """A report, ready to be laid out."""

    results: Results
    models: dict[str, str]
    accuracies: Markup | None
    accuracies_by_suite: list[Accuracy]
    grades: dict[Grade, int]
    grades_drawn: Markup | None
    steps: list[Step]
    sections: list[SectionCard]
    """The worst of them."""
    more_sections: int
    documents: list[DocumentCard]
    more_documents: int
    most_questions: int
    tables: list[Table]
    """By suite."""
    other_tables: list[Table]
    samples: list[Samples]
    losses: Markup | None
    lengths: Markup | None
    cost: Table | None
    gguf_size: str
    changed: str
    """Settings that differ from the defaults, as YAML."""
    settings: str
    """All of them."""
    versions: dict[str, str]
    seed: int | None
    started: str
    reason: str


def gather(run: Run, results: Results, predictions: Sequence[Prediction]) -> View:
    """Gather a run's report; what is missing is None, empty, or said in words."""
    cards = grade_sections(predictions)
    documents = grade_documents(cards)
    training = read_training(run)
    state = read_state(run)
    grades = count_grades(cards)
    settings = state.settings if state else {}
    known = read_settings(state)
    manifest = next((found for stage in reversed(STAGES) if (found := run.manifest(stage))), None)
    bars = list(_bars(results))
    return View(
        results=results,
        models=MODELS,
        accuracies=charts.draw_accuracies(bars) if bars else None,
        accuracies_by_suite=accuracies(results),
        grades=grades,
        grades_drawn=charts.draw_grades(grades) if cards else None,
        steps=next_steps(results, cards, training),
        sections=cards[:_MOST_SECTIONS],
        more_sections=max(0, len(cards) - _MOST_SECTIONS),
        documents=documents[:_MOST_DOCUMENTS],
        more_documents=max(0, len(documents) - _MOST_DOCUMENTS),
        most_questions=_MOST_QUESTIONS,
        tables=suite_tables(results),
        other_tables=[
            table
            for table in (
                kind_table(results, predictions),
                perplexity_table(results),
                speed_table(results),
                judge_table(results),
            )
            if table
        ],
        samples=list(_samples(predictions)),
        losses=_losses(training),
        lengths=_lengths(predictions),
        cost=_cost(run),
        gguf_size=_gguf_size(run),
        changed=_as_yaml(config.given(known)) if known else "",
        settings=_as_yaml(settings),
        versions=manifest.versions if manifest else {},
        seed=manifest.seed if manifest else None,
        started=state.started if state else "",
        reason="; ".join(state.reason) if state else "",
    )


def _bars(results: Results) -> Iterator[Bar]:
    """Base, tuned and current on the held-out questions; last the base with the section in view."""
    held_out = results.suites.get(HELD_OUT, {})
    asked = [(MODELS[model], model, held_out.get(model)) for model in (BASE, ADAPTER, SERVED, CURRENT)]
    asked.append(("Base, section in view", "ceiling", results.suites.get(CEILING, {}).get(BASE)))
    for label, style, figures in asked:
        if figures is not None and figures.accuracy is not None:
            yield Bar(label, style, figures.accuracy, figures.interval, figures.words)


def _samples(predictions: Sequence[Prediction]) -> Iterator[Samples]:
    for suite, most in _MOST_SAMPLES.items():
        asked = [prediction for prediction in predictions if prediction.suite == suite]
        if asked:
            worst_first = sorted(
                asked, key=lambda prediction: bool(prediction.correct) and is_right(prediction, SERVED)
            )
            yield Samples(SUITE_NAMES[suite], tuple(worst_first[:most]), len(asked))


def _losses(training: Training) -> Markup | None:
    if not training.losses and not training.validation_losses:
        return None
    return charts.draw_losses(training.losses, training.validation_losses)


def _lengths(predictions: Sequence[Prediction]) -> Markup | None:
    held_out = [prediction for prediction in predictions if prediction.suite == HELD_OUT]
    if not held_out:
        return None
    series = [("Expected", "expected", [len(prediction.expected.split()) for prediction in held_out])]
    for model in (BASE, SERVED):
        said = [prediction.answers[model] for prediction in held_out if model in prediction.answers]
        if said:
            series.append((MODELS[model], model, [len(answer.split()) for answer in said]))
    return charts.draw_lengths(series)


def _cost(run: Run) -> Table | None:
    """Seconds and peak memory of each stage that is complete, and of all of them."""
    manifests = [manifest for stage in STAGES if (manifest := run.manifest(stage))]
    if not manifests:
        return None
    rows = [
        Row(manifest.stage, (Cell(duration(manifest.seconds)), Cell(size(manifest.peak_memory_mb))))
        for manifest in manifests
    ]
    seconds = sum(manifest.seconds for manifest in manifests)
    peak = max(manifest.peak_memory_mb for manifest in manifests)
    rows.append(Row("The whole", (Cell(duration(seconds)), Cell(size(peak)))))
    note = "" if run.manifest("evaluation") else "The evaluation, which made this report, is not in it."
    return Table("Time and memory of each stage", ("Stage", "Time", "Peak memory"), tuple(rows), note)


def _gguf_size(run: Run) -> str:
    manifest = run.manifest("model")
    if manifest is None:
        return ""
    files = [run.folder("model") / name for name in manifest.outputs if name.endswith(".gguf")]
    return ", ".join(f"{file.name}, {size(file.stat().st_size / 1e6)}" for file in files if file.is_file())


def _as_yaml(tree: dict[str, Any]) -> str:
    return without_password(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)) if tree else ""
