"""Which rows share a batch: rows of like length, in an order that a resumed training finds again."""

from collections.abc import Iterator, Sequence

import torch
from transformers.trainer_pt_utils import LengthGroupedSampler


class LengthGroups(LengthGroupedSampler):
    """Rows of like length together, in another order each epoch, which depends on seed and epoch alone.

    transformers draws the order from the global random state when an epoch begins. A training that goes on from a
    checkpoint does not have that state any more: some rows of the epoch would come twice, others not at all.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        """`lengths` in tokens; `batch_size` in rows, of one optimizer step."""
        super().__init__(batch_size, lengths=list(lengths), generator=torch.Generator())
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer as an epoch begins, also on its way to the batch where it goes on."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator.manual_seed(self._seed * 1_000_003 + self._epoch)
        return iter(super().__iter__())  # type: ignore[no-untyped-call]

    def padding(self, micro_batch: int) -> float:
        """Share of padding among the tokens of an epoch's passes, 0 to 1, with so many rows in each pass."""
        order = [self.lengths[index] for index in self]
        batches = [order[start : start + micro_batch] for start in range(0, len(order), micro_batch)]
        return 1 - sum(order) / sum(max(batch) * len(batch) for batch in batches)
