"""What a loaded model is worth: right answers, perplexity, speed, and two models side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imprint.api.data import Dataset, load_dataset
from imprint.config import Evaluation
from imprint.dataset import Example
from imprint.errors import DatasetError
from imprint.evaluation.comparing import Compared
from imprint.evaluation.perplexity import calculate_perplexity
from imprint.evaluation.scoring import Score, is_correct, score
from imprint.evaluation.speed import Speed, measure_speed
from imprint.evaluation.subjects import Model, as_chat, room

__all__ = [
    "Compared",
    "Comparison",
    "Score",
    "Speed",
    "benchmark_speed",
    "calculate_perplexity",
    "compare_models",
    "evaluate_model",
]


@dataclass(frozen=True)
class Comparison:
    """Two models, answer by answer; both scores where the expected answers are known."""

    answers: tuple[Compared, ...]
    first: Score | None
    second: Score | None


def evaluate_model(model: Model, dataset: Dataset, *, max_tokens: int | None = None) -> Score:
    """Ask a model the questions of a dataset, greedily, and hold its answers against the expected ones.

    `dataset` is what `load_dataset` takes or gives; `max_tokens` is the most that an answer may have, by default that
    of `evaluation.max_new_tokens`. Of a conversation the last question counts. The figures are those of the evaluation
    stage: they compare with a run's.

    Raises DatasetError where there is no question, and for a row that is longer than the model's context.
    """
    examples = _questions(dataset)
    return _answer(model, examples, max_tokens)[1]


def compare_models(
    first: Model, second: Model, asked: Dataset | Sequence[str], *, max_tokens: int | None = None
) -> Comparison:
    """Ask two models the same, and put their answers side by side.

    `asked` is a list of prompts, or a dataset as `evaluate_model` takes it; that gives scores too. Raises as that does.
    """
    prompts = [] if isinstance(asked, str | Path) else [prompt for prompt in asked if isinstance(prompt, str)]
    if prompts:
        said = [_say(model, prompts, _most(max_tokens)) for model in (first, second)]
        rows = zip(prompts, *said, strict=True)
        return Comparison(tuple(Compared(prompt, None, one, two, None, None) for prompt, one, two in rows), None, None)
    examples = _questions(asked)  # type: ignore[arg-type]  # it holds no prompts
    (one, its), (other, others) = (_answer(model, examples, max_tokens) for model in (first, second))
    judged = map(_judged, examples, one, other)
    return Comparison(tuple(judged), its, others)


def benchmark_speed(model: Model, *, prompt_tokens: int = 128, tokens: int = 64, repeats: int = 3) -> Speed:
    """Measure how fast a model reads a prompt of general English and generates, one question at a time.

    The end of an answer does not end it, so every model generates as many tokens. One repetition comes before, to load
    what is loaded late; the figures are medians of the others. Raises InputError where the context does not hold them.
    """
    return measure_speed(model, prompt_tokens=prompt_tokens, tokens=tokens, repeats=repeats)


def _questions(dataset: Dataset) -> list[Example]:
    examples = [example for example in load_dataset(dataset) if example.kind != "text"]
    if not examples:
        raise DatasetError(
            "The dataset holds no question with an answer: nothing can be asked.",
            hint='give rows such as {"question": "…", "answer": "…"}, or take calculate_perplexity for plain texts',
        )
    return examples


def _say(model: Model, prompts: Sequence[str], most: int) -> list[str]:
    asked = [model.prompt(as_chat(prompt)) for prompt in prompts]
    return [answer.text for answer in model.answer_all(asked, [most] * len(asked))]


def _judged(example: Example, first: str, second: str) -> Compared:
    one, other = (is_correct(example.output, text) for text in (first, second))
    return Compared(example.conversation()[-2]["content"], example.output, first, second, one, other)


def _answer(model: Model, examples: Sequence[Example], max_tokens: int | None) -> tuple[list[str], Score]:
    rows = model.rows(examples)
    limits = [room(len(row.labels) - len(row.prompt), _most(max_tokens)) for row in rows]
    answers = model.answer_all([row.prompt for row in rows], limits)
    texts = [answer.text for answer in answers]
    ended = [answer.finish_reason == "stop" for answer in answers]
    tokens = sum(len(row.input_ids) - len(row.prompt) for row in rows)
    return texts, score([row.output for row in examples], texts, ended, sum(model.likelihoods(rows)), tokens)


def _most(max_tokens: int | None) -> int:
    return Evaluation().max_new_tokens if max_tokens is None else max_tokens
