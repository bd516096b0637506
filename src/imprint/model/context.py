"""llama.cpp's context: the memory of sequences that run side by side in slots; tokens go in, logits come out."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from imprint.errors import MachineError

BATCH = 512
"""Tokens that one call of `decode` takes, at most."""
_MOST_SLOTS = 256
"""llama.cpp's own limit; it ends the process beyond."""
_SHARE = 0.5
"""Of the free memory that the slots together may take."""
_BYTES = 2
"""A value of the KV cache is a 16-bit float."""


class Entry(NamedTuple):
    """A token on its way into a context."""

    token: int
    position: int
    slot: int
    wanted: bool
    """Whether the logits of what follows it are kept."""


class Context:
    """`slots` sequences of `size` tokens each, with memory of their own: what one says, none of the others sees.

    There are fewer slots than asked for where memory is short. Raises MachineError where there is not enough for one.
    """

    def __init__(self, api: Any, model: Any, *, size: int, slots: int, threads: int) -> None:
        self._api = api
        self._vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))
        self.size = size
        self.slots = 1 if slots <= 1 else min(slots, _MOST_SLOTS, _fitting_slots(api, model, size))
        options = api.llama_context_default_params()
        options.kv_unified = False
        options.n_threads = options.n_threads_batch = threads
        while True:
            options.n_ctx = size * self.slots
            options.n_batch = options.n_ubatch = min(BATCH, options.n_ctx)
            options.n_seq_max = self.slots
            self.handle = api.llama_init_from_model(model, options)
            if self.handle or self.slots == 1:
                break
            self.slots //= 2
        if not self.handle:
            raise MachineError(
                f"There is not enough memory for a context of {size} tokens.", hint="set service.context lower"
            )
        self._memory = api.llama_get_memory(self.handle)
        self._batch = api.llama_batch_init(BATCH, 0, 1)

    def free(self) -> None:
        """Give the memory back; the context cannot be used after it."""
        self._api.llama_batch_free(self._batch)
        self._api.llama_free(self.handle)

    def decode(self, entries: Sequence[Entry]) -> None:
        """Run at most BATCH tokens. Those of a sequence stand in its order, the slots in theirs.

        llama.cpp computes together what lies in neighbouring slots and is of one length; the rest it takes in turns.
        """
        batch = self._batch
        batch.n_tokens = len(entries)
        tokens, positions, counts = batch.token, batch.pos, batch.n_seq_id
        slots, wanted = batch.seq_id, batch.logits
        for index, entry in enumerate(entries):
            tokens[index] = entry.token
            positions[index] = entry.position
            counts[index] = 1
            slots[index][0] = entry.slot
            wanted[index] = entry.wanted
        code = self._api.llama_decode(self.handle, batch)
        if code != 0:
            raise MachineError(f"llama.cpp could not decode (code {code}): most often memory ran out.")

    def logits(self, count: int) -> Any:
        """Of the `count` tokens that wanted them, in their order: an array (count, vocabulary), until the next call."""
        import numpy as np

        return np.ctypeslib.as_array(self._api.llama_get_logits(self.handle), shape=(count, self._vocabulary))

    def clear(self) -> None:
        """Forget all sequences. Their data stays, and is masked: zeroing it takes longer than a token."""
        self._api.llama_memory_clear(self._memory, False)

    def move(self, source: int, target: int) -> None:
        """Put what is in one slot into another one, in the place of what is there."""
        self.forget(target)
        self._api.llama_memory_seq_cp(self._memory, source, target, -1, -1)
        self.forget(source)

    def forget(self, slot: int) -> None:
        """Empty a slot."""
        self._api.llama_memory_seq_rm(self._memory, slot, -1, -1)


def _fitting_slots(api: Any, model: Any, size: int) -> int:
    """How many sequences of so many tokens fit in the free memory, at least one.

    A GPU's own memory is not asked for: there llama.cpp says when it is full.
    """
    import psutil

    from imprint.machine import this_machine

    used = psutil.Process().memory_info().rss
    free = min(psutil.virtual_memory().available, this_machine().memory_gb * 1e9 - used)
    return max(1, int(_SHARE * free // (size * _cache_bytes(api, model))))


def _cache_bytes(api: Any, model: Any) -> int:
    """Bytes of the KV cache that a token takes: a key and a value for each layer and head."""
    width = api.llama_model_n_embd(model) // max(1, api.llama_model_n_head(model))
    heads = max(1, api.llama_model_n_head_kv(model))
    return int(2 * _BYTES * api.llama_model_n_layer(model) * heads * width)
