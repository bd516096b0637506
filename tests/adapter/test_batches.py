"""Which rows make a step, and which of them go through the model together."""

import random
from collections.abc import Sequence

import pytest

from imprint.adapter.batches import Steps


@pytest.fixture
def lengths() -> list[int]:
    draw = random.Random(1)
    return [draw.randint(10, 400) for _ in range(1000)]


def never(lengths: Sequence[int]) -> bool:
    return False


def test_each_row_comes_once_an_epoch_in_another_order(lengths: list[int]) -> None:
    steps = Steps(lengths, 16, 42)
    first = list(steps)
    assert sorted(first) == list(range(1000))
    steps.set_epoch(1)
    assert sorted(steps) == list(range(1000))
    assert list(steps) != first
    assert len(steps) == 1000


def test_the_order_depends_on_seed_and_epoch_alone(lengths: list[int]) -> None:
    steps = Steps(lengths, 16, 42)
    orders = []
    for epoch in range(3):
        steps.set_epoch(epoch)
        orders.append(list(steps))
    resumed = Steps(lengths, 16, 42)
    resumed.set_epoch(2)
    assert list(resumed) == orders[2]
    assert list(Steps(lengths, 16, 43)) != orders[0]


def test_the_longest_row_of_all_comes_first(lengths: list[int]) -> None:
    lengths[700] = 500
    steps = Steps(lengths, 16, 42)
    for epoch in range(3):
        steps.set_epoch(epoch)
        assert next(iter(steps)) == 700


def test_a_step_has_rows_of_all_lengths_and_its_passes_rows_of_like_length(lengths: list[int]) -> None:
    order = [lengths[row] for row in Steps(lengths, 16, 42)]
    steps = [order[start : start + 16] for start in range(0, 1000, 16)]
    assert all(step == sorted(step, reverse=True) for step in steps)
    means = [sum(step) / len(step) for step in steps[1:-1]]
    assert max(means) - min(means) < 200, "drawn from all of them, not sorted"
    steps_in_passes = Steps(lengths, 16, 42)
    assert steps_in_passes.padding(4, never) < steps_in_passes.padding(16, never) / 2


def test_padding_is_counted_where_rows_are_not_packed() -> None:
    steps = Steps([10, 30], 2, 1)
    assert steps.padding(2, never) == 1 - 40 / 60
    assert steps.padding(2, lambda lengths: True) == 0
    assert steps.padding(1, never) == 0
