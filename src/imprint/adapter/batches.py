"""Which rows make a step, and which of them go through the model together."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch.utils.data import Sampler


class Steps(Sampler[int]):
    """Rows in a random order, another one each epoch, and within each step the longest first.

    So every step has rows of all kinds and lengths, as the gradient wants it, and each of its passes has rows of like
    length, as the padding wants it. Where steps are made of rows of like length instead, the loss falls more slowly:
    rows of one length are of one kind.

    The order depends on seed and epoch alone. A training that goes on from a checkpoint does not have the state of a
    generator any more: some rows of the epoch would come twice, others not at all. The longest row of all comes first:
    where it does not fit in memory, that shows at once.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        """`lengths` in tokens; `batch_size` in rows, of one optimizer step."""
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0
        self._longest = max(range(len(lengths)), key=lengths.__getitem__)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer as an epoch begins, also on its way to the batch where it goes on."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        order = torch.randperm(len(self._lengths), generator=generator).tolist()
        order.remove(self._longest)
        order.insert(0, self._longest)
        for start in range(0, len(order), self._batch_size):
            yield from sorted(order[start : start + self._batch_size], key=lambda row: -self._lengths[row])

    def padding(self, micro_batch: int, packs: Callable[[Sequence[int]], bool]) -> float:
        """Share of padding among the tokens of an epoch's passes, 0 to 1, with so many rows in each pass.

        `packs` says of the lengths of a pass whether it goes without padding.
        """
        order = [self._lengths[index] for index in self]
        passes = [order[start : start + micro_batch] for start in range(0, len(order), micro_batch)]
        return 1 - sum(order) / sum(sum(rows) if packs(rows) else max(rows) * len(rows) for rows in passes)
