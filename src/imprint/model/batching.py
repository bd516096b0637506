"""Many sequences at once in one context: which prompt runs in which slot, and what each of them says."""

import collections
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from imprint.model.context import BATCH, Context, Entry

_FREE_SHARE = 8
"""An eighth of the slots is free before prompts that wait are read: a few together are read faster than one by one."""
_ROWS = 64
"""Rows of logits that are worked on at a time."""


def generate(
    context: Context,
    prompts: Sequence[Sequence[int]],
    rooms: Sequence[int],
    is_end: Callable[[int], bool],
    progress: Callable[[int], None],
) -> list[list[int]]:
    """The likeliest tokens after each prompt, at most `rooms` of them; one that ends an answer is the last.

    All that run get a token in each step. One that ends leaves its slot to the next; the longest prompts come first.
    """
    said: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda number: (-len(prompts[number]), number))
    waiting = collections.deque(number for number in order if rooms[number] > 0)
    running: list[int] = []  # the number of the prompt in each slot
    done = len(prompts) - len(waiting)
    context.clear()
    while waiting or running:
        free = context.slots - len(running)
        if waiting and (not running or free >= max(1, context.slots // _FREE_SHARE)):
            first = len(running)
            running += [waiting.popleft() for _ in range(min(free, len(waiting)))]
            tokens = _read(context, [prompts[number] for number in running[first:]], first)
        else:
            first = 0
            tokens = _step(
                context, [(said[number][-1], len(prompts[number]) + len(said[number])) for number in running]
            )
        ended = set()
        for slot, token in enumerate(tokens, start=first):
            number = running[slot]
            said[number].append(token)
            if is_end(token) or len(said[number]) == rooms[number]:
                ended.add(slot)
        if ended:
            running = _close_ranks(context, running, ended)
            done += len(ended)
            progress(done)
    return said


def measure(context: Context, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
    """Of pairs of prompt and answer: the sum over the answer of -ln p(token | what stands before it), in nats."""
    nats = [0.0] * len(pairs)
    rows = [[*prompt, *answer] for prompt, answer in pairs]
    order = sorted(range(len(rows)), key=lambda number: (-len(rows[number]), number))
    for start in range(0, len(order), context.slots):
        numbers = order[start : start + context.slots]
        context.clear()
        sequences = [
            [
                Entry(token, position, slot, len(pairs[number][0]) <= position + 1 < len(rows[number]))
                for position, token in enumerate(rows[number])
            ]
            for slot, number in enumerate(numbers)
        ]
        for piece in _pieces(sequences):
            context.decode(piece)
            wanted = [entry for entry in piece if entry.wanted]
            if wanted:
                followed_by = [rows[numbers[entry.slot]][entry.position + 1] for entry in wanted]
                for entry, value in zip(wanted, _surprises(context.logits(len(wanted)), followed_by), strict=True):
                    nats[numbers[entry.slot]] += value
    return nats


def _read(context: Context, prompts: Sequence[Sequence[int]], first: int) -> list[int]:
    """Read prompts into the slots from `first` on; the likeliest token after each."""
    sequences = [
        [Entry(token, position, slot, position == len(prompt) - 1) for position, token in enumerate(prompt)]
        for slot, prompt in enumerate(prompts, start=first)
    ]
    tokens: list[int] = []
    for piece in _pieces(sequences):
        context.decode(piece)
        if wanted := sum(entry.wanted for entry in piece):
            tokens += context.logits(wanted).argmax(axis=1).tolist()
    return tokens


def _step(context: Context, lasts: Sequence[tuple[int, int]]) -> list[int]:
    """One token further in each slot, by its last token and the length of all that it holds."""
    context.decode([Entry(token, length - 1, slot, True) for slot, (token, length) in enumerate(lasts)])
    tokens: list[int] = context.logits(len(lasts)).argmax(axis=1).tolist()
    return tokens


def _close_ranks(context: Context, running: Sequence[int], ended: set[int]) -> list[int]:
    """Move the last into the places of those that ended: slots in a row are computed together."""
    left = list(running)
    count = len(left) - len(ended)
    holes = sorted(slot for slot in ended if slot < count)
    movers = [slot for slot in range(count, len(left)) if slot not in ended]
    for hole, slot in zip(holes, movers, strict=True):
        context.move(slot, hole)
        left[hole] = left[slot]
    for slot in ended:
        if slot >= count:
            context.forget(slot)
    return left[:count]


def _pieces(sequences: Sequence[list[Entry]]) -> Iterator[list[Entry]]:
    """Sequences cut into what one call takes: several whole ones where they fit, a longer one in parts."""
    piece: list[Entry] = []
    for sequence in sequences:
        if len(piece) + len(sequence) > BATCH and piece:
            yield piece
            piece = []
        whole = len(sequence) - len(sequence) % BATCH if len(sequence) > BATCH else 0
        for start in range(0, whole, BATCH):
            yield sequence[start : start + BATCH]
        piece = [*piece, *sequence[whole:]]
    if piece:
        yield piece


def _surprises(logits: Any, tokens: Sequence[int]) -> list[float]:
    """-ln p of a token by each row of logits."""
    import numpy as np

    values: list[float] = []
    for start in range(0, len(tokens), _ROWS):
        rows = logits[start : start + _ROWS]
        top = rows.max(axis=1)
        sums = np.exp(rows - top[:, None]).sum(axis=1, dtype=np.float64)
        for row, token, highest, total in zip(rows, tokens[start : start + _ROWS], top, sums, strict=True):
            values.append(float(highest) + math.log(float(total)) - float(row[token]))
    return values
