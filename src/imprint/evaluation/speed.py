"""How fast a model is on this machine, whatever runtime it is in."""

import statistics
from dataclasses import dataclass
from importlib import resources

from imprint.errors import InputError
from imprint.evaluation.subjects import Model


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


def measure_speed(model: Model, *, prompt_tokens: int = 128, tokens: int = 64, repeats: int = 3) -> Speed:
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
