"""Which rows share a batch."""

import random

import pytest

from imprint.adapter.batches import LengthGroups


@pytest.fixture
def lengths() -> list[int]:
    draw = random.Random(1)
    return [draw.randint(10, 400) for _ in range(1000)]


def test_each_row_comes_once_an_epoch_in_another_order(lengths: list[int]) -> None:
    groups = LengthGroups(lengths, 16, 42)
    first = list(groups)
    assert sorted(first) == list(range(1000))
    groups.set_epoch(1)
    assert sorted(groups) == list(range(1000))
    assert list(groups) != first


def test_the_order_depends_on_seed_and_epoch_alone(lengths: list[int]) -> None:
    groups = LengthGroups(lengths, 16, 42)
    orders = []
    for epoch in range(3):
        groups.set_epoch(epoch)
        orders.append(list(groups))
    resumed = LengthGroups(lengths, 16, 42)
    resumed.set_epoch(2)
    assert list(resumed) == orders[2]
    assert list(LengthGroups(lengths, 16, 43)) != orders[0]


def test_rows_of_like_length_share_a_batch(lengths: list[int]) -> None:
    groups = LengthGroups(lengths, 16, 42)
    shuffled = random.Random(2).sample(lengths, len(lengths))
    batches = [shuffled[start : start + 16] for start in range(0, 1000, 16)]
    mixed = 1 - sum(lengths) / sum(max(batch) * len(batch) for batch in batches)
    assert 0 < groups.padding(16) < mixed / 2
    assert groups.padding(1) == 0
