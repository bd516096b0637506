"""`imprint prune`: what stays, what is really freed, and what a kill leaves."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imprint.errors import InputError, LockedError
from imprint.pruning import prune
from imprint.runs import Outputs, Run

NewRun = Callable[..., Run]


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "outputs")


def fill(run: Run, stage: str = "model", size: int = 1000) -> None:
    with run.record(stage, inputs={}, settings={}, seed=1) as record:
        (record.folder / "weights").write_bytes(b"x" * size)


def size_of(*runs: Run) -> int:
    return sum(path.stat().st_size for run in runs for path in run.path.rglob("*") if path.is_file())


def names(outputs: Outputs) -> list[str]:
    return [run.id for run in outputs.runs()]


def test_the_newest_stay(new_run: NewRun, outputs: Outputs) -> None:
    runs = [new_run(state=state) for state in ("complete", "refused", "building", "complete", "refused")]
    fill(runs[0])
    freed = size_of(*runs[:2])
    done = prune(outputs, 3)
    assert names(outputs) == list(done.kept) == [run.id for run in runs[2:]]
    assert done.removed == (runs[0].id, runs[1].id)
    assert done.freed_bytes == freed > 1000
    assert prune(outputs, 3).removed == ()


def test_the_current_run_and_the_one_to_roll_back_to_are_kept_first(new_run: NewRun, outputs: Outputs) -> None:
    oldest, before, refused, current = (new_run(state=s) for s in ("complete", "complete", "refused", "complete"))
    newer = [new_run(state="refused") for _ in range(3)]
    outputs.activate(current)
    assert prune(outputs, 3).kept == (before.id, current.id, newer[-1].id)
    assert names(outputs) == [before.id, current.id, newer[-1].id]
    assert not oldest.path.exists()
    assert not refused.path.exists()
    assert prune(outputs, 2).kept == (before.id, current.id)
    assert outputs.rollback().id == before.id
    assert prune(outputs, 1).kept == (before.id,)
    assert outputs.require_current().id == before.id


def test_what_a_kept_run_shares_frees_nothing(new_run: NewRun, outputs: Outputs) -> None:
    first, second, third = new_run(), new_run(), new_run()
    fill(first, "dataset", 5000)
    fill(first, "model", 300)
    second.reuse("dataset", first)
    second.reuse("model", first)
    third.reuse("dataset", second)
    fill(third, "model")
    done = prune(outputs, 1)
    assert done.removed == (first.id, second.id)
    assert 300 < done.freed_bytes < 5000, "the model that only the two had, once; not the dataset"
    assert (third.folder("dataset") / "weights").stat().st_size == 5000


def test_a_dry_run_says_the_same_and_removes_nothing(new_run: NewRun, outputs: Outputs) -> None:
    for _ in range(4):
        fill(new_run())
    before = sorted(outputs.path.rglob("*"))
    foreseen = prune(outputs, 2, dry_run=True)
    assert sorted(outputs.path.rglob("*")) == before
    assert prune(outputs, 2) == foreseen
    assert len(foreseen.removed) == 2


def test_what_a_killed_prune_left_is_no_run_and_goes_with_the_next(
    new_run: NewRun, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = new_run(state="complete"), new_run(state="complete")
    fill(old)

    def killed(folder: Path) -> None:
        os.unlink(folder / "model" / "weights")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(outputs, 1)
    assert names(outputs) == [new.id]
    left = [path for path in (outputs.path / "runs").iterdir() if path.name != new.id]
    assert len(left) == 1
    done = prune(outputs, 1)
    assert (done.removed, done.kept) == ((), (new.id,))
    assert done.freed_bytes > 0
    assert [path.name for path in (outputs.path / "runs").iterdir()] == [new.id]


def test_while_a_model_is_built_nothing_is_removed(new_run: NewRun, outputs: Outputs) -> None:
    runs = [new_run(), new_run()]
    with outputs.lock("imprint up"), pytest.raises(LockedError):
        prune(outputs, 1)
    assert names(outputs) == [run.id for run in runs]


def test_the_runs_of_a_sweep_stay(new_run: NewRun, outputs: Outputs) -> None:
    trial = new_run()
    (outputs.sweep.path / "runs").mkdir(parents=True)
    trial.path.rename(outputs.sweep.path / "runs" / trial.id)
    new_run(), new_run()
    prune(outputs, 1)
    assert names(outputs.sweep) == [trial.id]


@pytest.mark.parametrize("keep", [0, -3])
def test_keeping_nothing_is_refused(keep: int, new_run: NewRun, outputs: Outputs) -> None:
    run = new_run()
    with pytest.raises(InputError, match="the current run always stays"):
        prune(outputs, keep)
    assert names(outputs) == [run.id]


def test_where_nothing_was_made_nothing_is(outputs: Outputs) -> None:
    assert prune(outputs, 3).removed == ()
    assert not outputs.path.exists()
