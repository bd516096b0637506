"""How near an answer comes to the expected one in meaning: BERTScore (Zhang et al. 2020, arXiv 1904.09675).

Written over transformers, because the authors' package (bert-score 0.3.13 of 2023) breaks with its version 5. Figures
are theirs without rescaling and without IDF weights: an unrelated answer scores far above 0, only differences say much.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imprint.base import hub
from imprint.errors import InputError

_PAIRS = 32
_MOST_TOKENS = 512
_LAYER = 0.75
"""How far up the layer stands whose vectors are compared: 9 of 12 and 18 of 24 agreed best with people."""


def bert_scores(
    model: str, expected: Sequence[str], given: Sequence[str], progress: Callable[[int], None] = lambda done: None
) -> list[float]:
    """BERTScore F1 of each answer, 0 to 1, in order; below 0 where nothing is alike.

    `model` is an encoder: a folder, or a name on the hub. An empty text scores 0, two empty ones 1. `progress` gets the
    number of answers done. Raises InputError where the encoder cannot be loaded.
    """
    import torch

    encoder, tokenizer = _load(model)
    order = sorted(range(len(expected)), key=lambda place: len(expected[place]) + len(given[place]))
    scores = [0.0] * len(order)
    with torch.inference_mode():
        for start in range(0, len(order), _PAIRS):
            places = order[start : start + _PAIRS]
            gold = _embed(encoder, tokenizer, [expected[place] for place in places])
            said = _embed(encoder, tokenizer, [given[place] for place in places])
            for place, score in zip(places, _f1(*gold, *said), strict=True):
                both_empty = not expected[place].strip() and not given[place].strip()
                scores[place] = 1.0 if both_empty else score
            progress(start + len(places))
    return scores


def _load(model: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    # Without a network the hub's client would try for a minute.
    only_here = Path(model).is_dir() or not hub.reachable()
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(model, local_files_only=only_here)
        # Other forms of weights can hold programs.
        encoder: Any = AutoModel.from_pretrained(
            model, local_files_only=only_here, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"evaluation.bert_score is {model!r}, and no encoder can be loaded from there: {_first_line(error)}",
            hint="`hf download OWNER/NAME --local-dir encoder`, then evaluation.bert_score=./encoder; "
            'or evaluation.bert_score="" to do without',
        ) from error
    if encoder.config.is_encoder_decoder:
        encoder = encoder.get_encoder()
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return encoder.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def _embed(encoder: Any, tokenizer: Any, texts: Sequence[str]) -> tuple[Any, Any, Any]:
    """Unit vectors of the tokens (texts, tokens, width), which of them are there, and which of those count.

    Marks such as [CLS] may be what a token is nearest to, but do not count themselves.
    """
    positions = getattr(encoder.config, "max_position_embeddings", None) or _MOST_TOKENS
    tokens = tokenizer(
        list(texts),
        padding=True,
        truncation=True,
        # RoBERTa's positions begin at 2, and its tokenizer does not always say so.
        max_length=min(tokenizer.model_max_length, positions - 2, _MOST_TOKENS),
        return_special_tokens_mask=True,
        return_tensors="pt",
    ).to(encoder.device)
    special, mask = tokens["special_tokens_mask"].bool(), tokens["attention_mask"].bool()
    found = encoder(
        input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"], output_hidden_states=True
    ).hidden_states
    layer = math.ceil(_LAYER * (len(found) - 1))
    vectors = found[layer] / found[layer].norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return vectors, mask, mask & ~special


def _f1(gold: Any, gold_mask: Any, gold_counts: Any, said: Any, said_mask: Any, said_counts: Any) -> list[float]:
    """Each token is matched with the nearest of the other text: recall over the expected, precision over the given."""
    alike = gold @ said.transpose(1, 2)
    alike = alike.masked_fill(~(gold_mask[:, :, None] & said_mask[:, None, :]), -1.0)
    recall = (alike.amax(2) * gold_counts).sum(1) / gold_counts.sum(1)
    precision = (alike.amax(1) * said_counts).sum(1) / said_counts.sum(1)
    f1 = 2 * precision * recall / (precision + recall)  # not a number where a text is empty
    return [min(score, 1.0) for score in f1.nan_to_num(0.0).tolist()]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
