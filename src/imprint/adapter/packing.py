"""Rows of a pass end to end in one sequence, without padding, for a base that is seen to keep them apart."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DataCollatorForSeq2Seq, DataCollatorWithFlattening

from imprint.adapter.rows import IGNORED, Tokens
from imprint.machine import is_out_of_memory

_LONGEST = 2048
"""Tokens of a sequence of several rows: attention grows with their square, and long rows need little padding."""
_LOOKED_AT = 128
"""Tokens of each of two rows that are looked at, at most."""
_NOISE = 0.1
"""Of the change that a row before makes where it is seen: what rounding may make where it is not."""


class Packing:
    """Makes a batch of rows: end to end where that saves padding, with positions that begin anew; padded otherwise."""

    def __init__(self, padding: DataCollatorForSeq2Seq, context: int) -> None:
        """`context`: the positions of the base, which no sequence goes beyond."""
        self._padding = padding
        self._longest = min(_LONGEST, context)
        self._packing = DataCollatorWithFlattening()  # type: ignore[no-untyped-call]

    def packs(self, lengths: Sequence[int]) -> bool:
        """Whether rows of so many tokens go end to end."""
        return sum(lengths) < len(lengths) * max(lengths) and sum(lengths) <= self._longest

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        if not self.packs([len(row["input_ids"]) for row in rows]):
            padded: dict[str, Any] = self._padding(rows)
            return padded
        packed: dict[str, Any] = self._packing([{name: row[name] for name in ("input_ids", "labels")} for row in rows])
        return packed


def rows_in(batch: dict[str, Any]) -> int:
    """How many rows a batch has, whichever way they lie in it."""
    if "position_ids" in batch:
        return int((batch["position_ids"] == 0).sum())
    return len(batch["input_ids"])


@torch.no_grad()
def keeps_rows_apart(model: Any, rows: Sequence[Tokens]) -> bool:
    """Whether a row behind another one, at positions that begin anew, is read as if it stood alone.

    transformers masks what lies before a position that begins anew (`masking_utils`); an attention that was put in its
    place may not. So it is tried: the loss of a row, alone, packed behind another one, and simply behind it. Where that
    raises, the answer is no.
    """
    most = min(_LOOKED_AT, model.config.max_position_embeddings // 2)
    first, second = (torch.tensor([row.input_ids[:most]]).to(model.device) for row in (rows[0], rows[-1]))
    both = torch.cat([first, second], dim=1)
    positions = torch.cat([torch.arange(part.shape[1]) for part in (first, second)])[None].to(model.device)
    labels = torch.cat([torch.full_like(first, IGNORED), second], dim=1)
    labels[:, first.shape[1]] = IGNORED  # nothing stands before it

    def loss(ids: torch.Tensor, labels: torch.Tensor, **named: Any) -> float:
        return float(model(input_ids=ids, labels=labels, use_cache=False, **named).loss)

    was_training = model.training
    model.train()  # as it will be used
    try:
        alone = loss(second, second)
        packed = loss(both, labels, position_ids=positions)
        behind = loss(both, labels)
    except (TypeError, ValueError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        return False
    finally:
        model.train(was_training)
    return abs(packed - alone) <= _NOISE * abs(behind - alone)
