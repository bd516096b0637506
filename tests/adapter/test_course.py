"""What the validation loss says about a training."""

from types import SimpleNamespace

import pytest

from imprint.adapter.course import Course


def course(steps: int, *evaluated: tuple[int, float]) -> Course:
    history = [{"loss": 1.0, "step": 1}, *({"eval_loss": loss, "step": step} for step, loss in evaluated)]
    return Course.of(SimpleNamespace(global_step=steps, log_history=history))


def test_a_loss_that_falls_to_the_end_needs_no_words() -> None:
    went = course(40, (10, 2.0), (20, 1.0), (30, 0.6), (40, 0.5))
    assert (went.best_step, went.best_loss, went.last_loss) == (40, 0.5, 0.5)
    assert went.in_words(40) is None


def test_without_validation_rows_there_is_nothing_to_say() -> None:
    went = course(40)
    assert (went.steps, went.best_step, went.best_loss) == (40, 40, None)
    assert went.in_words(100) is None


def test_rows_learned_by_heart_are_said_in_words() -> None:
    words = course(40, (10, 2.0), (20, 0.5), (30, 0.7), (40, 0.9)).in_words(40)
    assert words is not None
    assert "lowest at step 20 (0.500) and rose to 0.900" in words
    assert "by heart" in words


@pytest.mark.parametrize(("planned", "is_early"), [(40, False), (100, True)])
def test_an_early_end_is_said(planned: int, is_early: bool) -> None:
    words = course(40, (20, 0.5), (40, 0.51)).in_words(planned)
    assert (words is not None and "ended after 40 of 100 steps" in words) is is_early
