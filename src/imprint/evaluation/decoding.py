"""Greedy decoding in transformers: many prompts at once, each with a limit of its own."""

import inspect
from collections.abc import Sequence, Set
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

_GONE = 4
"""A batch is made smaller when a quarter of it has ended: to do so copies what it remembers."""


def can_generate(model: Any) -> bool:
    """Whether `generate` suits a model, which is not wrapped: a decoder that keeps all keys and values, and no more."""
    known = {"attention_mask", "position_ids", "past_key_values", "logits_to_keep"}
    if not type(model).__module__.startswith("transformers.") or model.config.is_encoder_decoder or model._is_stateful:
        return False
    if not known <= inspect.signature(model.forward).parameters.keys():
        return False
    return all(type(layer) in {DynamicLayer, DynamicSlidingWindowLayer} for layer in _cache(model).layers)


def generate(
    model: Any, prompts: Sequence[list[int]], limits: Sequence[int], ends: Set[int], padding: int
) -> list[list[int]]:
    """The likeliest tokens after each prompt, at most its limit of at least one; one that ends an answer is the last.

    What transformers' own `generate` says, without the time that it spends on rows that have ended: those are dropped.
    """
    width = max(map(len, prompts))
    ids = _tensor(model, [[padding] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = _tensor(model, [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    cache = _cache(model)
    said: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))  # what each row of the tensors is about
    going = set(rows)
    while True:
        logits = model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        ids = logits[:, -1].argmax(-1, keepdim=True).to(ids.device)
        for row, token in zip(rows, ids[:, 0].tolist(), strict=True):
            if row in going:
                said[row].append(token)
                if token in ends or len(said[row]) == limits[row]:
                    going.remove(row)
        if not going:
            return said
        positions = positions[:, -1:] + 1
        if len(rows) - len(going) >= max(1, len(rows) // _GONE):
            # Not on the model's device: its layers may lie on several.
            left = torch.tensor([place for place, row in enumerate(rows) if row in going])
            cache.batch_select_indices(left)
            ids, mask, positions = ids[left], mask[left], positions[left]
            rows = [row for row in rows if row in going]
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)


def _cache(model: Any) -> Any:
    return DynamicCache(config=model.config)


def _tensor(model: Any, values: Any) -> Any:
    return torch.tensor(values, device=model.device)
