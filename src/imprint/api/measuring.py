"""What a loaded model is worth: right answers, perplexity, speed, and two models side by side."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from imprint.api.data import Dataset, load_dataset
from imprint.config import Evaluation
from imprint.dataset import Example
from imprint.errors import DatasetError, InputError
from imprint.evaluation.scoring import Score, is_correct, score
from imprint.evaluation.subjects import Answers, Model


@dataclass(frozen=True)
class Compared:
    """One question and what two models said; of prompts alone nothing is expected, and nothing is right or wrong."""

    prompt: str
    expected: str | None
    first: str
    second: str
    first_is_right: bool | None
    second_is_right: bool | None


@dataclass(frozen=True)
class Comparison:
    """Two models, answer by answer; both scores where the expected answers are known."""

    answers: tuple[Compared, ...]
    first: Score | None
    second: Score | None


@dataclass(frozen=True)
class Speed:
    """How fast a model is on this machine, one question at a time."""

    prompt_tokens: int
    tokens: int
    """That were generated, in each repetition."""
    tokens_per_s: float
    """When generating, from the first token to the last."""
    prompt_tokens_per_s: float
    """Of the prompt, until the first token is there."""
    seconds_to_first_token: float


def evaluate_model(model: Model, dataset: Dataset, *, max_tokens: int | None = None) -> Score:
    """Ask a model the questions of a dataset, greedily, and hold its answers against the expected ones.

    `dataset` is what `load_dataset` takes or gives; `max_tokens` is the most that an answer may have, by default that
    of `evaluation.max_new_tokens`. Of a conversation the last question counts. The figures are those of the evaluation
    stage: they compare with a run's.

    Raises DatasetError where there is no question, and for a row that is longer than the model's context.
    """
    examples = _questions(dataset)
    return _score(examples, _answer(model, examples, max_tokens))


def compare_models(
    first: Model, second: Model, asked: Dataset | Sequence[str], *, max_tokens: int | None = None
) -> Comparison:
    """Ask two models the same, and put their answers side by side.

    `asked` is a list of prompts, or a dataset as `evaluate_model` takes it; that gives scores too. Raises as that does.
    """
    prompts = [] if isinstance(asked, str | Path) else [prompt for prompt in asked if isinstance(prompt, str)]
    if prompts:
        return Comparison(tuple(_unjudged(first, second, prompt, _most(max_tokens)) for prompt in prompts), None, None)
    examples = _questions(asked)  # type: ignore[arg-type]  # it holds no prompts
    one, other = (_answer(model, examples, max_tokens) for model in (first, second))
    pairs = zip(examples, one.texts, other.texts, strict=True)
    return Comparison(tuple(_judged(*pair) for pair in pairs), _score(examples, one), _score(examples, other))


def calculate_perplexity(model: Model, texts: str | Sequence[str], *, stride: int | None = None) -> float:
    """Perplexity of plain texts, per token of the model's own tokenizer.

    All tokens count but the first of each text, before which nothing stands; no token is added. A text that is longer
    than the context is read in windows that overlap (huggingface.co/docs/transformers/perplexity): each token counts
    once, with at least context - `stride` tokens before it. `stride` is half the context by default. Models with other
    tokenizers do not compare by this figure.

    Raises InputError where no text has two tokens, or the stride is not from 1 to below the context.
    """
    step = model.context // 2 if stride is None else stride
    if not 0 < step < model.context:
        raise InputError(f"stride is {step}; expected 1 to {model.context - 1}.", hint="leave stride out")
    nats, tokens = 0.0, 0
    for text in [texts] if isinstance(texts, str) else texts:
        ids = model.tokenize(text)
        at = 1
        while at < len(ids):
            end = min(len(ids), model.context if at == 1 else at + step)
            nats += model.negative_log_likelihood(ids[max(0, end - model.context) : at], ids[at:end])
            tokens += end - at
            at = end
    if not tokens:
        raise InputError("There is no text of two tokens or more to measure.", hint="give whole sentences")
    return math.exp(nats / tokens)


def benchmark_speed(model: Model, *, prompt_tokens: int = 128, tokens: int = 64, repeats: int = 3) -> Speed:
    """Measure how fast a model reads a prompt of general English and generates, one question at a time.

    The end of an answer does not end it, so every model generates as many tokens. One repetition comes before, to load
    what is loaded late; the figures are medians of the others. Raises InputError where the context does not hold them.
    """
    if min(prompt_tokens, repeats) < 1 or tokens < 2 or prompt_tokens + tokens > model.context:
        raise InputError(
            f"{prompt_tokens} tokens of prompt, {tokens} generated and {repeats} repetitions were asked for; expected "
            f"at least 1, 2 and 1, and at most {model.context} tokens together.",
            hint="ask for fewer tokens",
        )
    text = (resources.files("imprint.base") / "general.txt").read_text(encoding="utf-8")
    ids = model.tokenize(text)
    prompt = (ids * (1 + prompt_tokens // len(ids)))[:prompt_tokens]
    model.seconds(prompt, 2)
    times = [model.seconds(prompt, tokens) for _ in range(repeats)]
    first = statistics.median(one[0] for one in times)
    generating = statistics.median(one[-1] - one[0] for one in times)
    return Speed(prompt_tokens, tokens, (tokens - 1) / generating, prompt_tokens / first, first)


def _questions(dataset: Dataset) -> list[Example]:
    examples = [example for example in load_dataset(dataset) if example.kind != "text"]
    if not examples:
        raise DatasetError(
            "The dataset holds no question with an answer: nothing can be asked.",
            hint='give rows such as {"question": "…", "answer": "…"}, or take calculate_perplexity for plain texts',
        )
    return examples


def _unjudged(first: Model, second: Model, prompt: str, most: int) -> Compared:
    one, other = (model.ask(prompt, max_tokens=most).text for model in (first, second))
    return Compared(prompt, None, one, other, None, None)


def _judged(example: Example, first: str, second: str) -> Compared:
    one, other = (is_correct(example.output, text) for text in (first, second))
    return Compared(example.conversation()[-2]["content"], example.output, first, second, one, other)


def _answer(model: Model, examples: Sequence[Example], max_tokens: int | None) -> Answers:
    return model.answer(examples, model.rows(examples), most=_most(max_tokens))


def _score(examples: Sequence[Example], said: Answers) -> Score:
    return score([example.output for example in examples], said.texts, said.ended, said.nats, said.tokens)


def _most(max_tokens: int | None) -> int:
    return Evaluation().max_new_tokens if max_tokens is None else max_tokens
