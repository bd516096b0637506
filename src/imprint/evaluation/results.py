"""What the evaluation found, as `results.json` and `predictions.jsonl` hold it: other rooms and programs read these."""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from imprint.dataset.types import Source

Word = Literal["accepted", "refused", "forced", "not proven"]

BASE, ADAPTER, SERVED, CURRENT = "base", "adapter", "gguf", "current"
"""The models that are asked: the base, the adapter on it, the GGUF made of both, and the GGUF in service until now."""

HELD_OUT = "held_out"
"""What the documents say, in wordings of families that nothing was trained on."""
CONTROL = "control"
"""About sections that were not trained on: what is right there is style, guessing or a leak."""
CEILING = "ceiling"
"""Some of the held-out questions, with their section in view."""
GENERAL: Final = "general"
"""What everybody's model knows; ships with Imprint."""
OFF_TOPIC: Final = "off_topic"
"""Small talk, which the documents have nothing to do with."""
UNANSWERABLE: Final = "unanswerable"
"""What neither the documents nor anybody else can know: right is to say so."""
BENCHMARK = "benchmark"
"""The user's own file."""
SUITES = (HELD_OUT, CONTROL, CEILING, GENERAL, OFF_TOPIC, UNANSWERABLE, BENCHMARK)


class Part(BaseModel):
    """A part of the results: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figures(Part):
    """One model over one suite. Shares are 0 to 1; None where the suite cannot say."""

    questions: int
    accuracy: float | None = None
    """Share of right answers; of a benchmark the mean of its weighted scores."""
    interval: tuple[float, float] | None = None
    """95% bootstrap interval of the accuracy, over facts."""
    token_f1: float | None = None
    rouge_l: float | None = None
    """Over answers that are procedures; F-measure."""
    bleu: float | None = None
    """Of the corpus, 0 to 100 (sacrebleu)."""
    chrf: float | None = None
    """Of the corpus, 0 to 100 (sacrebleu)."""
    bert_score: float | None = None
    shuffled_gold: float | None = None
    """Share of right answers were each held against another question's: what a stock answer earns."""
    perplexity: float | None = None
    """Per token of the expected answers, of 100 of them at most."""
    ended: float
    """Share of the answers that the model ended by itself."""
    repeating: float
    """Share of the answers that say the same words over and over."""
    words: float
    """Mean length of the answers."""
    empty: float
    """Share of the answers that hold nothing but blanks."""


class Share(Part):
    """So many of so many."""

    questions: int
    right: int


class Known(Part):
    """Held-out questions that the base answered right before the training."""

    questions: int
    kept: int
    """That the served model answers right, too."""


class Perplexity(Part):
    """Per token of the model's own tokenizer."""

    held_out: float | None
    """Of what the sections say that were not trained on; None where there are none."""
    general: float
    """Of a fixed general text."""


class Speed(Part):
    """One prompt at a time, on this machine."""

    tokens_per_s: float
    seconds_to_first_token: float


class Judged(Part):
    """What a judge said of a model's answers to held-out questions (the three grades of SimpleQA)."""

    correct: int
    incorrect: int
    not_attempted: int
    unjudged: int
    """The judge gave no usable grade, or did not answer in time."""


class Rule(Part):
    """A rule of the verdict, and how it went."""

    name: str
    """As in the settings, `verdict.<name>`."""
    passed: bool | None
    """None where it could not be applied; `words` says why."""
    words: str
    """What was found and what was expected, for people."""
    advice: str = ""
    """What to try, where it did not pass."""


class Verdict(Part):
    """Whether the model may serve."""

    word: Word
    sentence: str
    """In one sentence, for people."""
    rules: tuple[Rule, ...]


class Results(Part):
    """`results.json`."""

    run: str
    base: str
    """The base's label."""
    current: str | None
    """The run in service until now, if its model was asked too."""
    questions: int
    """Held-out questions asked."""
    suites: dict[str, dict[str, Figures]]
    """By suite, then by model."""
    kinds: dict[str, dict[str, Share]]
    """Held-out questions by kind of fact, then by model."""
    reversed: dict[str, Share]
    """Held-out questions that name the answer and ask for what it belongs to, by model."""
    known: Known | None
    gained: tuple[float, float] | None
    """95% bootstrap interval of the served model's accuracy above the base's, on the held-out questions."""
    agreement: float | None
    """Share of the held-out questions to which GGUF and adapter give the same answer."""
    perplexity: dict[str, Perplexity]
    speed: dict[str, Speed]
    judge: dict[str, Judged] | None
    notes: tuple[str, ...]
    """What could not be measured, and why."""
    verdict: Verdict


class Prediction(Part):
    """A line of `predictions.jsonl`: a question, what was expected, and what each model said."""

    suite: str
    kind: str
    """The kind of fact, or the general item's subject."""
    fact: str
    """Wordings of one fact share it; empty outside of the documents."""
    source: Source | None
    """Document, heading and lines; None outside of the documents."""
    question: str
    expected: str
    """The answer; of general items and of a benchmark the words that an answer must hold."""
    answers: dict[str, str]
    correct: dict[str, bool]
    """Empty where there is no right or wrong."""
    ended: dict[str, bool]


def read_results(folder: Path) -> Results:
    """Read a run's `evaluation/results.json`."""
    return Results.model_validate_json((folder / "results.json").read_bytes())


def read_predictions(folder: Path) -> list[Prediction]:
    """Read a run's `evaluation/predictions.jsonl`."""
    with (folder / "predictions.jsonl").open(encoding="utf-8") as lines:
        return [Prediction.model_validate_json(line) for line in lines]
