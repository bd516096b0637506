"""How a training is tried again."""

from pathlib import Path

import pytest

from imprint.adapter import attempts
from imprint.adapter.attempts import Attempt
from imprint.config import Adapter, FilledAdapter


def settings(rows: int, passes: int) -> FilledAdapter:
    return Adapter(
        load_in_4bit=False,
        lora_r=8,
        lora_alpha=8,
        neftune_noise_alpha=0,
        question_noise=0,
        learning_rate=1e-3,
        epochs=1,
        min_steps=1,
        max_steps=10,
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=passes,
    ).filled()


@pytest.mark.parametrize(
    ("rows", "passes", "expected"),
    [
        (16, 1, [(8, 2), (4, 4), (2, 8), (1, 16)]),
        (6, 2, [(3, 4), (1, 12)]),
        (5, 3, [(1, 15)]),
        (1, 8, []),
    ],
)
def test_a_pass_takes_fewer_rows_and_the_batch_stays(rows: int, passes: int, expected: list[tuple[int, int]]) -> None:
    attempt: Attempt | None = Attempt(1e-3, rows, passes)
    found = []
    while attempt := attempt.smaller() if attempt else None:
        found.append((attempt.micro_batch, attempt.accumulation))
        assert attempt.batch == rows * passes
        assert attempt.rate == 1e-3
    assert found == expected


def test_what_fits_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints" / "machine.json"
    assert attempts.first(settings(16, 2), file) == Attempt(1e-3, 16, 2)
    attempts.remember(Attempt(1e-3, 4, 8), file)
    assert attempts.first(settings(16, 2), file) == Attempt(1e-3, 4, 8)
    assert attempts.first(settings(2, 16), file) == Attempt(1e-3, 2, 16)


def test_a_slower_attempt_is_the_same_otherwise() -> None:
    assert Attempt(1e-3, 4, 8).slower() == Attempt(5e-4, 4, 8)
