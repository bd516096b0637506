"""What must hold before the first step: each of these has made models that never stop or learned nothing."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from imprint.adapter.rows import IGNORED, Tokens
from imprint.errors import BaseError, DatasetError


def check_rows(rows: Sequence[Tokens], end: int, max_length: int) -> None:
    """Each row fits, has something to learn, and learns the token `end` last. Raises DatasetError."""
    for number, row in enumerate(rows, start=1):
        if len(row.input_ids) != len(row.labels) or len(row.input_ids) > max_length:
            problem = f"has {len(row.input_ids)} tokens and {len(row.labels)} labels; at most {max_length} fit"
        elif all(label == IGNORED for label in row.labels):
            problem = "has nothing to learn: all of it is masked"
        elif row.labels[-1] != end:
            problem = f"does not end in the token {end}, which ends an answer: a model trained on it would not stop"
        else:
            continue
        raise DatasetError(
            f"Row {number} of {len(rows)}, as the tokenizer makes it, {problem}.",
            hint="`imprint validate` shows such rows; where they are right, take another base",
        )


def check_batch(batch: Any, end: int) -> None:
    """Of a batch as the model gets it: padding is masked, and each row's last label is `end`. Raises DatasetError.

    `batch` has tensors `labels` and `attention_mask`, rows x tokens; or rows end to end in `labels` of 1 x tokens, and
    `position_ids` that begin anew with each of them. Where the padding token is the end token, a
    collator that masks padding by its id masks the end of every answer, and the model never stops.
    """
    for labels, mask in _rows_of(batch):
        learned = [label for label in labels if label != IGNORED]
        padded = [label for label, is_text in zip(labels, mask, strict=True) if not is_text]
        if not learned or learned[-1] != end or any(label != IGNORED for label in padded):
            raise DatasetError(
                "A batch would teach padding, or not teach where an answer ends.",
                hint="take another base: its tokenizer uses one token for padding and for the end",
            )


def _rows_of(batch: Any) -> Iterator[tuple[list[int], list[int]]]:
    """Labels of each row, and what of it is text."""
    if "attention_mask" in batch:
        yield from zip(batch["labels"].tolist(), batch["attention_mask"].tolist(), strict=True)
        return
    labels, positions = batch["labels"][0].tolist(), batch["position_ids"][0].tolist()
    starts = [place for place, position in enumerate(positions) if position == 0]
    for start, end in itertools.pairwise([*starts, len(labels)]):
        yield labels[start:end], [1] * (end - start)


def check_loss(loss: float) -> None:
    """The first batch has a finite loss. Raises BaseError."""
    if not math.isfinite(loss):
        raise BaseError(
            f"The loss of the first batch is {loss}, before anything was trained.",
            hint="the base's weights are broken, or overflow in 16 bits: take another base",
        )
