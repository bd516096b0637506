"""How many rows go through the model at once."""

from pathlib import Path

import pytest

from imprint.adapter import passes
from imprint.adapter.passes import Passes
from imprint.config import Adapter, FilledAdapter


def settings(batch: int, most: int | None = None) -> FilledAdapter:
    return Adapter(
        load_in_4bit=False,
        target_modules=(),
        lora_r=8,
        lora_alpha=8,
        neftune_noise_alpha=0,
        question_noise=0,
        learning_rate=1e-3,
        epochs=1,
        min_steps=1,
        max_steps=10,
        batch_size=batch,
        per_device_train_batch_size=most,
    ).filled()


@pytest.mark.parametrize(
    ("rows", "count", "expected"),
    [
        (16, 1, [(8, 2), (4, 4), (2, 8), (1, 16)]),
        (6, 2, [(3, 4), (1, 12)]),
        (5, 3, [(1, 15)]),
        (1, 8, []),
    ],
)
def test_a_pass_takes_fewer_rows_and_the_batch_stays(rows: int, count: int, expected: list[tuple[int, int]]) -> None:
    taken: Passes | None = Passes(rows, count)
    found = []
    while taken := taken.smaller() if taken else None:
        found.append((taken.micro_batch, taken.accumulation))
        assert taken.micro_batch * taken.accumulation == rows * count
    assert found == expected


@pytest.mark.parametrize(
    ("batch", "given", "fits", "expected"),
    [
        (16, None, 99, Passes(16, 1)),
        (16, None, 7, Passes(4, 4)),
        (16, None, 0, Passes(1, 16)),
        (16, 2, 99, Passes(2, 8)),
        (16, 8, 1, Passes(8, 2)),  # what the user says counts more than what is foreseen
        (16, 5, 99, Passes(4, 4)),
        (7, None, 6, Passes(1, 7)),
    ],
)
def test_the_first_attempt(batch: int, given: int | None, fits: int, expected: Passes, tmp_path: Path) -> None:
    assert passes.first(settings(batch, given), fits, tmp_path / "none.json") == expected


def test_what_fits_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints" / "machine.json"
    assert passes.remembered(file) is None
    passes.remember(Passes(4, 4), file)
    assert passes.remembered(file) == Passes(4, 4)
    assert passes.first(settings(16), 99, file) == Passes(4, 4)
    assert passes.first(settings(16, 16), 99, file) == Passes(4, 4)
    assert passes.first(settings(16, 2), 99, file) == Passes(2, 8)
    assert passes.first(settings(16), 1, file) == Passes(1, 16)


@pytest.mark.parametrize(
    ("taken", "words"),
    [(Passes(1, 1), "1 row in a pass"), (Passes(8, 2), "8 rows in a pass and 2 passes in a step")],
)
def test_in_words(taken: Passes, words: str) -> None:
    assert str(taken) == words
