"""Which checkpoint a training goes on from."""

from pathlib import Path

import pytest

from imprint.adapter import checkpoints


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for step, is_whole in ((80, True), (100, True), (120, False)):
        checkpoint = tmp_path / f"checkpoint-{step}"
        checkpoint.mkdir()
        (checkpoint / "optimizer.pt").write_bytes(b"o")
        if is_whole:
            (checkpoint / "trainer_state.json").write_text("{}")
    return tmp_path


def test_the_newest_whole_one_and_halves_are_removed(folder: Path) -> None:
    assert checkpoints.last(folder) == folder / "checkpoint-100"
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-100", "checkpoint-80"]


def test_later_ones_are_dropped(folder: Path) -> None:
    checkpoints.drop_after(folder, 90)
    assert [path.name for path in folder.iterdir()] == ["checkpoint-80"]
    checkpoints.drop_after(folder, 0)
    assert checkpoints.last(folder) is None


def test_there_may_be_none(tmp_path: Path) -> None:
    assert checkpoints.last(tmp_path / "missing") is None
    checkpoints.drop_after(tmp_path / "missing", 0)
