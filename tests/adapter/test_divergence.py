"""When a training has left its course."""

import math

import pytest

from imprint.adapter.divergence import Divergence, LossGuard


def first_alarm(losses: list[float]) -> Divergence | None:
    guard = LossGuard()
    return next((seen for step, loss in enumerate(losses, start=1) if (seen := guard.look(step, loss))), None)


def test_a_training_that_learns_is_left_alone() -> None:
    falling = [5 * 0.95**step for step in range(100)]
    hard_batches = [loss + (1.5 if step % 7 == 0 else 0) for step, loss in enumerate(falling)]
    assert first_alarm(falling) is None
    assert first_alarm(hard_batches) is None


def test_two_bad_batches_are_no_divergence() -> None:
    assert first_alarm([1.0] * 10 + [6.0, 6.0] + [1.0] * 10 + [6.0, 6.0, 1.0]) is None


def test_a_jump_that_stays_is_one_and_the_last_good_step_is_known() -> None:
    seen = first_alarm([1.0] * 10 + [4.0, 5.0, 6.0, 7.0])
    assert seen == Divergence(step=13, loss=6.0, usual=pytest.approx(1.0), good_step=10)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_no_number_is_one_at_once(loss: float) -> None:
    seen = first_alarm([2.0, 2.0, loss])
    assert seen is not None
    assert (seen.step, seen.good_step) == (3, 2)


def test_no_number_from_the_start() -> None:
    seen = first_alarm([math.nan])
    assert seen is not None
    assert seen.good_step == 0
