"""How well a model foretells plain text, whatever runtime it is in."""

import math
from collections.abc import Sequence

from imprint.adapter.rows import IGNORED, Tokens
from imprint.errors import InputError
from imprint.evaluation.subjects import Model


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
    windows: list[Tokens] = []
    tokens = 0
    for text in [texts] if isinstance(texts, str) else texts:
        ids = model.tokenize(text)
        at = 1
        while at < len(ids):
            end = min(len(ids), model.context if at == 1 else at + step)
            before = ids[max(0, end - model.context) : at]
            windows.append(Tokens([*before, *ids[at:end]], [*[IGNORED] * len(before), *ids[at:end]]))
            tokens += end - at
            at = end
    if not tokens:
        raise InputError("There is no text of two tokens or more to measure.", hint="give whole sentences")
    return math.exp(math.fsum(model.likelihoods(windows)) / tokens)
