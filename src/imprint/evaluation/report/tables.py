"""The figures of the report as tables: what is not known has no row, no column, or a dash."""

import collections
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from imprint.evaluation.report.shown import between, percent
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
    SUITES,
    UNANSWERABLE,
    Figures,
    Prediction,
    Results,
    Share,
)

MODELS = {BASE: "Base", ADAPTER: "Tuned, adapter", SERVED: "Tuned, as served", CURRENT: "In service until now"}
"""The models by name, in the order in which they are shown."""
SUITE_NAMES = {
    HELD_OUT: "Held-out questions",
    CONTROL: "Control sections",
    CEILING: "Section in view",
    GENERAL: "General questions",
    OFF_TOPIC: "Small talk",
    UNANSWERABLE: "Questions nobody can answer",
    BENCHMARK: "Your own benchmark",
}
_SUITE_NOTES = {
    HELD_OUT: "What the documents say, in wordings that nothing was trained on.",
    CONTROL: "About sections that were not trained on: what is right here is style, guessing or a leak.",
    CEILING: "Some of the held-out questions, asked with their section in view: what reading would get.",
    GENERAL: "What everybody's model knows: the training should not cost it.",
    OFF_TOPIC: "What the documents have nothing to do with.",
    UNANSWERABLE: "Right is to say that this cannot be known.",
    BENCHMARK: "The mean of the weighted scores.",
}


@dataclass(frozen=True)
class Cell:
    """A value, and in small letters below it what it has to be read with, in lines."""

    text: str
    under: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    caption: str
    head: tuple[str, ...]
    """The first is that of the labels."""
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True)
class Accuracy:
    """One model's accuracy on one suite, with what it has to be read with."""

    suite: str
    questions: int
    model: str
    accuracy: float
    interval: tuple[float, float] | None
    words: float


def accuracies(results: Results) -> list[Accuracy]:
    """Every accuracy that was measured, by suite, then by model."""
    return [
        Accuracy(SUITE_NAMES[suite], found.questions, label, found.accuracy, found.interval, found.words)
        for suite in SUITES
        for model, label in MODELS.items()
        if (found := results.suites.get(suite, {}).get(model)) and found.accuracy is not None
    ]


def suite_tables(results: Results) -> list[Table]:
    """Every suite that was asked: a row for each measure, a column for each model."""
    return [_suite_table(suite, results.suites[suite]) for suite in SUITES if results.suites.get(suite)]


def kind_table(results: Results, predictions: Sequence[Prediction]) -> Table | None:
    """Right answers by kind of fact, then those to reversed questions."""
    shares = {kind.replace("_", " "): by_model for kind, by_model in sorted(results.kinds.items())}
    if results.reversed:
        shares["all reversed questions"] = results.reversed
    models = [model for model in MODELS if any(model in by_model for by_model in shares.values())]
    if not models:
        return None
    lengths = _mean_words(predictions)
    rows = tuple(
        Row(
            kind,
            tuple(_share_cell(by_model.get(model), lengths.get((kind, model))) for model in models),
        )
        for kind, by_model in shares.items()
    )
    note = "Reversed questions name the answer and ask for what it belongs to." if results.reversed else ""
    return Table("Held-out questions by kind of fact", ("Kind", *(MODELS[model] for model in models)), rows, note)


def perplexity_table(results: Results) -> Table | None:
    """Perplexity of texts, by model."""
    rows = tuple(
        Row(MODELS[model], (Cell(_figure(found.held_out)), Cell(_figure(found.general))))
        for model in MODELS
        if (found := results.perplexity.get(model))
    )
    note = "Per token, lower is better: how much a text surprises the model."
    head = ("Model", "Sections not trained on", "General text")
    return Table("Perplexity", head, rows, note) if rows else None


def speed_table(results: Results) -> Table | None:
    """How fast each model answers."""
    rows = tuple(
        Row(MODELS[model], (Cell(f"{found.tokens_per_s:,.1f}"), Cell(f"{found.seconds_to_first_token:.3f}")))
        for model in MODELS
        if (found := results.speed.get(model))
    )
    head = ("Model", "Tokens a second", "Seconds to the first token")
    return Table("Speed", head, rows, "One prompt at a time, on the machine that made this report.") if rows else None


def judge_table(results: Results) -> Table | None:
    """What the judge said."""
    rows = tuple(
        Row(
            MODELS[model],
            tuple(Cell(f"{count:,}") for count in (said.correct, said.incorrect, said.not_attempted, said.unjudged)),
        )
        for model in MODELS
        if (said := (results.judge or {}).get(model))
    )
    head = ("Model", "Correct", "Incorrect", "Not attempted", "No grade")
    return Table("What the judge said of the answers to held-out questions", head, rows) if rows else None


def _suite_table(suite: str, by_model: dict[str, Figures]) -> Table:
    models = [model for model in MODELS if model in by_model]
    questions = max(figures.questions for figures in by_model.values())
    rows = [Row(label, tuple(cell(by_model[model]) for model in models)) for label, cell in _MEASURES]
    return Table(
        f"{SUITE_NAMES[suite]} ({questions:,})",
        ("Measure", *(MODELS[model] for model in models)),
        tuple(row for row in rows if any(cell.text != "–" for cell in row.cells)),
        _SUITE_NOTES[suite],
    )


def _accuracy_cell(figures: Figures) -> Cell:
    if figures.accuracy is None:
        return Cell("–")
    interval = (between(figures.interval),) if figures.interval else ()
    return Cell(percent(figures.accuracy), (*interval, f"{figures.words:.1f} words"))


def _plain(name: str, form: Callable[[float | None], str]) -> Callable[[Figures], Cell]:
    return lambda figures: Cell(form(getattr(figures, name)))


def _figure(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _fraction(value: float | None) -> str:
    return _figure(value, 3)


def _tenth(value: float | None) -> str:
    return _figure(value, 1)


_MEASURES: tuple[tuple[str, Callable[[Figures], Cell]], ...] = (
    ("Right answers", _accuracy_cell),
    ("Words in an answer", _plain("words", _tenth)),
    ("Right against another's answer", _plain("shuffled_gold", percent)),
    ("Token F1", _plain("token_f1", _fraction)),
    ("ROUGE-L, procedures", _plain("rouge_l", _fraction)),
    ("BLEU", _plain("bleu", _tenth)),
    ("chrF", _plain("chrf", _tenth)),
    ("BERTScore", _plain("bert_score", _fraction)),
    ("Perplexity of the answers", _plain("perplexity", _figure)),
    ("Ended by themselves", _plain("ended", percent)),
    ("Repeat themselves", _plain("repeating", percent)),
    ("Empty", _plain("empty", percent)),
)


def _share_cell(share: Share | None, words: float | None) -> Cell:
    if share is None:
        return Cell("–")
    return Cell(f"{share.right:,} of {share.questions:,}", () if words is None else (f"{words:.1f} words",))


def _mean_words(predictions: Iterable[Prediction]) -> dict[tuple[str, str], float]:
    """Mean length of the answers to held-out questions, by kind of fact and model."""
    lengths: dict[tuple[str, str], list[int]] = collections.defaultdict(list)
    for prediction in predictions:
        if prediction.suite == HELD_OUT:
            for model, answer in prediction.answers.items():
                lengths[prediction.kind.replace("_", " "), model].append(len(answer.split()))
    return {key: sum(counts) / len(counts) for key, counts in lengths.items()}
