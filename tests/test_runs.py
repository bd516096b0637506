"""`outputs/` on disk: manifests last, one atomic `current`, one builder at a time, and a disk that refuses."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from imprint import runs
from imprint.errors import ImprintError, InputError, LockedError, MachineError, NoModelError
from imprint.runs import Event, Outputs, Run, digest_file, digest_of, require_space, write_atomically

NewRun = Callable[..., Run]


def make_stage(run: Run, stage: str = "dataset", text: str = "x", **counts: Any) -> None:
    with run.record(stage, inputs={"in": "1"}, settings={"a": 1}, seed=7) as record:
        (record.folder / "sub").mkdir(exist_ok=True)
        (record.folder / "a.txt").write_text(text)
        (record.folder / "sub" / "b.txt").write_text("b")
        record.counts = counts


# ---- manifests ------------------------------------------------------------------------------------------------------


def test_a_manifest_says_what_a_stage_left(new_run: NewRun) -> None:
    run = new_run()
    make_stage(run, rows=3)
    manifest = run.complete("dataset")
    assert manifest.outputs == {
        "a.txt": digest_file(run.folder("dataset") / "a.txt"),
        "sub/b.txt": digest_file(run.folder("dataset") / "sub" / "b.txt"),
    }
    assert (manifest.stage, manifest.inputs, manifest.settings) == ("dataset", {"in": "1"}, {"a": 1})
    assert (manifest.seed, manifest.counts) == (7, {"rows": 3})
    assert manifest.versions["python"] == sys.version.split()[0]
    assert manifest.seconds >= 0
    assert manifest.peak_memory_mb > 1


def test_the_manifest_is_written_last(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run()
    seen: list[set[str]] = []

    def look(file: Path, text: str) -> None:
        seen.append({path.name for path in file.parent.iterdir()})
        write_atomically(file, text)

    monkeypatch.setattr(runs, "write_atomically", look)
    make_stage(run)
    assert seen == [{"a.txt", "sub"}]


def test_a_stage_that_fails_has_no_manifest(new_run: NewRun) -> None:
    run = new_run()

    def fail() -> None:
        with run.record("dataset", inputs={}, settings={}, seed=1) as record:
            (record.folder / "a.txt").write_text("half")
            raise ValueError("power cut")

    with pytest.raises(ValueError, match="power cut"):
        fail()
    assert run.manifest("dataset") is None
    with pytest.raises(ImprintError, match=r"The dataset stage of .* is not complete"):
        run.complete("dataset")


@pytest.mark.parametrize("damage", ["", "{", "{}", '{"stage": "dataset"}'])
def test_a_damaged_manifest_is_none(new_run: NewRun, damage: str) -> None:
    run = new_run()
    make_stage(run)
    (run.folder("dataset") / "manifest.json").write_text(damage)
    assert run.manifest("dataset") is None


def test_temporary_files_outlive_a_crash_and_not_the_manifest(new_run: NewRun) -> None:
    run = new_run()

    def work(*, crash: bool) -> None:
        with run.record("adapter", inputs={}, settings={}, seed=1) as record:
            record.temporary.append("checkpoints")
            (record.folder / "checkpoints").mkdir(exist_ok=True)
            (record.folder / "checkpoints" / "c").write_text("c")
            if crash:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(crash=True)
    assert (run.folder("adapter") / "checkpoints" / "c").exists()
    work(crash=False)
    assert not (run.folder("adapter") / "checkpoints").exists()
    assert run.complete("adapter").outputs == {}


def test_what_a_kill_left_half_written_is_no_output(new_run: NewRun) -> None:
    run = new_run()
    run.folder("dataset").mkdir()
    (run.folder("dataset") / ".a.txt.4711").write_text("hal")  # as write_atomically names it
    make_stage(run)
    assert run.complete("dataset").outputs.keys() == {"a.txt", "sub/b.txt"}


# ---- runs -----------------------------------------------------------------------------------------------------------


def test_runs_are_listed_oldest_first_without_the_damaged(new_run: NewRun, tmp_path: Path) -> None:
    first, second, third = new_run(), new_run(), new_run()
    (second.path / "run.json").write_text('{"id": ')
    (tmp_path / "outputs" / "runs" / "stray.txt").write_text("x")
    (tmp_path / "outputs" / "runs" / "20250101-empty").mkdir()
    assert [run.id for run in Outputs(tmp_path / "outputs").runs()] == [first.id, third.id]
    with pytest.raises(ImprintError) as caught:
        second.state()
    assert str(second.path / "run.json") in caught.value.message
    assert caught.value.hint == f"remove {second.path} and run `imprint up`"


def test_no_outputs_have_no_runs(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    assert outputs.runs() == []
    assert outputs.current() is None
    with pytest.raises(NoModelError) as caught:
        outputs.require_current()
    assert caught.value.message == f"There is no model in {tmp_path / 'outputs'} yet."
    assert not (tmp_path / "outputs").exists(), "looking makes nothing"


def test_two_runs_within_a_second_get_two_folders(new_run: NewRun) -> None:
    first, second = new_run("20260101-000000-aaaaaa"), new_run("20260101-000000-aaaaaa")
    assert first.path != second.path
    assert second.state().id == second.path.name


def test_the_unfinished_run_of_the_same_request_is_found_again(new_run: NewRun, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    new_run(request="mine", state="complete")
    older, newer = new_run(request="mine"), new_run(request="mine")
    new_run(request="other")
    found = outputs.unfinished("mine")
    assert found is not None
    assert found.id == newer.id != older.id
    assert outputs.unfinished("nobody's") is None


def test_the_refused_run_of_the_same_request_is_found_again(new_run: NewRun, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    new_run(request="mine", state="complete")
    older, newer = new_run(request="mine", state="refused"), new_run(request="mine", state="refused")
    new_run(request="mine")
    new_run(request="other", state="refused")
    found = outputs.refused("mine")
    assert found is not None
    assert found.id == newer.id != older.id
    assert outputs.refused("nobody's") is None


def test_a_run_is_found_by_its_name_and_an_unknown_one_lists_those_there_are(new_run: NewRun, tmp_path: Path) -> None:
    first, second = new_run(), new_run()
    outputs = Outputs(tmp_path / "outputs")
    assert outputs.named(second.id).path == second.path
    with pytest.raises(InputError) as caught:
        outputs.named("../runs")
    assert caught.value.message.endswith(f"Runs: {first.id}, {second.id}.")
    with pytest.raises(InputError, match=r"Runs: none\.$"):
        Outputs(tmp_path / "none").named(first.id)


def test_a_hidden_folder_is_no_run(new_run: NewRun, tmp_path: Path) -> None:
    run = new_run()
    new_run(".removed-x")
    assert [found.id for found in Outputs(tmp_path / "outputs").runs()] == [run.id]


def test_a_verdict_is_that_of_the_evaluation(new_run: NewRun) -> None:
    run, old = new_run(), new_run()
    assert run.verdict is None
    make_stage(run, "evaluation", verdict="forced")
    make_stage(old, "evaluation", questions=2)
    assert (run.verdict, old.verdict) == ("forced", None)


def test_a_stage_that_is_made_again_keeps_what_it_left(new_run: NewRun) -> None:
    run = new_run(state="refused")
    make_stage(run, "evaluation")
    run.reopen("evaluation", {"seed": 1})
    assert (run.state().state, run.state().settings) == ("building", {"seed": 1})
    assert run.manifest("evaluation") is None
    assert (run.folder("evaluation") / "a.txt").exists()


def test_the_log_keeps_events_in_order(new_run: NewRun) -> None:
    run = new_run()
    run.log(Event("start", "dataset", "İlk"))
    run.log(Event("done", "dataset", "Son"))
    lines = (run.path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(json.loads(line)["kind"], json.loads(line)["text"]) for line in lines] == [
        ("start", "İlk"),
        ("done", "Son"),
    ]


# ---- reuse ----------------------------------------------------------------------------------------------------------


def test_a_stage_is_taken_over_by_hard_links(new_run: NewRun) -> None:
    old, new = new_run(), new_run()
    make_stage(old, rows=3)
    (old.folder("dataset") / "later.txt").write_text("not of the stage")
    new.folder("dataset").mkdir()
    (new.folder("dataset") / "half.txt").write_text("of an attempt before")
    new.reuse("dataset", old)
    assert new.complete("dataset") == old.complete("dataset")
    for name in ("a.txt", "sub/b.txt", "manifest.json"):
        assert (new.folder("dataset") / name).samefile(old.folder("dataset") / name)
    assert not (new.folder("dataset") / "half.txt").exists()
    assert not (new.folder("dataset") / "later.txt").exists()


def test_where_the_disk_has_no_hard_links_it_is_copied(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    old, new = new_run(), new_run()
    make_stage(old, text="ışık")
    monkeypatch.setattr(os, "link", refuse)
    new.reuse("dataset", old)
    assert new.complete("dataset").outputs == old.complete("dataset").outputs
    assert (new.folder("dataset") / "a.txt").read_text() == "ışık"


def test_while_it_is_taken_over_there_is_no_manifest(new_run: NewRun, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = new_run(), new_run()
    make_stage(old)
    link = os.link

    def stop_before_the_manifest(source: Path, target: Path) -> None:
        if target.name == "manifest.json":
            raise KeyboardInterrupt
        link(source, target)

    monkeypatch.setattr(os, "link", stop_before_the_manifest)
    with pytest.raises(KeyboardInterrupt):
        new.reuse("dataset", old)
    assert (new.folder("dataset") / "a.txt").exists()
    assert new.manifest("dataset") is None


# ---- current and rollback -------------------------------------------------------------------------------------------


def test_current_is_a_relative_link_so_outputs_can_move(new_run: NewRun, tmp_path: Path) -> None:
    run = new_run()
    Outputs(tmp_path / "outputs").activate(run)
    assert os.readlink(tmp_path / "outputs" / "current") == f"runs/{run.id}"
    shutil.move(tmp_path / "outputs", tmp_path / "moved")
    assert Outputs(tmp_path / "moved").require_current().id == run.id


def test_current_changes_in_one_rename(new_run: NewRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = new_run(), new_run()
    outputs = Outputs(tmp_path / "outputs")
    outputs.activate(first)
    replace, seen = os.replace, []

    def look(source: Path, target: Path) -> None:
        seen.append(outputs.require_current().id)
        replace(source, target)
        seen.append(outputs.require_current().id)

    monkeypatch.setattr(os, "replace", look)
    outputs.activate(second)
    assert seen == [first.id, second.id]
    assert [path.name for path in outputs.path.iterdir() if path.name.startswith(".current")] == []


def test_a_link_that_a_crash_left_is_no_hindrance(new_run: NewRun, tmp_path: Path) -> None:
    run = new_run()
    (tmp_path / "outputs" / f".current-{os.getpid()}").symlink_to("nowhere")
    Outputs(tmp_path / "outputs").activate(run)
    assert Outputs(tmp_path / "outputs").require_current().id == run.id


@pytest.mark.parametrize("target", ["runs/gone", "runs"])
def test_a_current_that_points_nowhere_is_none(new_run: NewRun, tmp_path: Path, target: str) -> None:
    new_run()
    (tmp_path / "outputs" / "current").symlink_to(target)
    assert Outputs(tmp_path / "outputs").current() is None


def test_rollback_goes_to_the_newest_complete_run_before(new_run: NewRun, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    oldest, older = new_run(state="complete"), new_run(state="complete")
    new_run(state="building")
    current = new_run(state="complete")
    new_run(state="complete")  # newer, as after a rollback
    outputs.activate(current)
    assert outputs.rollback().id == older.id
    assert outputs.require_current().id == older.id
    assert outputs.rollback().id == oldest.id


def test_rollback_never_goes_to_a_refused_run(new_run: NewRun, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    good, refused, current = new_run(state="complete"), new_run(state="refused"), new_run(state="complete")
    outputs.activate(current)
    with pytest.raises(InputError, match=f"There is no complete run {refused.id!r}"):
        outputs.rollback(refused.id)
    assert outputs.require_current().id == current.id
    assert outputs.rollback().id == good.id


def test_rollback_goes_to_the_run_that_is_named(new_run: NewRun, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    old, newest = new_run(state="complete"), new_run(state="complete")
    outputs.activate(old)
    assert outputs.rollback(newest.id).id == newest.id
    assert outputs.require_current().id == newest.id


def test_a_rollback_that_cannot_be_leaves_current_alone(new_run: NewRun, tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    with pytest.raises(NoModelError):
        outputs.rollback()
    current, building = new_run(state="complete"), new_run()
    outputs.activate(current)
    with pytest.raises(InputError, match="is the oldest complete run: nothing to roll back to"):
        outputs.rollback()
    with pytest.raises(InputError) as caught:
        outputs.rollback(building.id)
    assert caught.value.message == f"There is no complete run {building.id!r}. Complete runs: {current.id}."
    assert outputs.require_current().id == current.id


# ---- the lock -------------------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from imprint.runs import Outputs
with Outputs(Path(sys.argv[1])).lock("imprint up --example"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Any:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "outputs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_builder_is_told_who_holds_the_lock(holder: Any, tmp_path: Path) -> None:
    with pytest.raises(LockedError) as caught, Outputs(tmp_path / "outputs").lock("imprint up"):
        pass
    message = caught.value.message
    assert message.startswith(f"Another Imprint is building in {tmp_path / 'outputs'}: ")
    assert f"process {holder.pid} on {socket.gethostname()}, since 20" in message
    assert "(`imprint up --example`)" in message
    assert "--outputs DIR" in caught.value.hint


def test_a_holder_that_has_not_said_who_it_is_is_told_too(holder: Any, tmp_path: Path) -> None:
    (tmp_path / "outputs" / ".lock.json").write_text("{")
    with pytest.raises(LockedError, match="has not said"), Outputs(tmp_path / "outputs").lock("imprint up"):
        pass


def test_the_lock_of_a_dead_holder_is_free(holder: Any, tmp_path: Path) -> None:
    holder.kill()
    holder.wait()
    assert (tmp_path / "outputs" / ".lock.json").exists(), "it had no time to tidy up"
    with Outputs(tmp_path / "outputs").lock("imprint up"):
        mine = json.loads((tmp_path / "outputs" / ".lock.json").read_text())
        assert mine["pid"] == os.getpid()


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "outputs")
    with pytest.raises(ValueError, match="x"), outputs.lock("imprint up"):
        raise ValueError("x")
    assert not (outputs.path / ".lock.json").exists()
    with outputs.lock("imprint up"):
        pass


# ---- a disk that refuses --------------------------------------------------------------------------------------------


def test_no_write_permission_under_outputs(
    public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    public_folder.chmod(0o555)
    with as_nobody(), pytest.raises(MachineError) as caught, Outputs(public_folder / "outputs").lock("imprint up"):
        pass
    assert caught.value.message == f"{public_folder / 'outputs'} cannot be written to: Permission denied."
    assert "--outputs DIR" in caught.value.hint
    assert caught.value.exit_code == 3


def test_outputs_that_are_a_file(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("x")
    with pytest.raises(MachineError, match="cannot be written to"), Outputs(tmp_path / "outputs").lock("imprint up"):
        pass


def test_a_disk_that_is_full_when_the_lock_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(file))

    outputs = Outputs(tmp_path / "outputs")
    monkeypatch.setattr(runs, "write_atomically", refuse)
    with pytest.raises(MachineError, match="No space left on device"), outputs.lock("imprint up"):
        pass
    monkeypatch.undo()
    with outputs.lock("imprint up"):
        pass


def test_too_little_space_is_found_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def usage(path: Path) -> Any:
        asked.append(path)
        return shutil._ntuple_diskusage(10**10, 0, 5_000_000)  # type: ignore[attr-defined]  # the type has no public name

    monkeypatch.setattr(shutil, "disk_usage", usage)
    require_space(tmp_path / "not" / "yet" / "there", 5)
    assert asked == [tmp_path], "a folder that is not there yet will lie on its parent's disk"
    with pytest.raises(MachineError) as caught:
        require_space(tmp_path, 5.1)
    assert caught.value.message == f"{tmp_path} has 5 MB free; this run needs about 5 MB."


def test_an_atomic_write_leaves_the_old_file_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.json"
    write_atomically(file, "old")

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            write_atomically(file, "new")
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"], "half a file is taken away again: the disk is full"
    write_atomically(file, "new ışık")
    assert file.read_text(encoding="utf-8") == "new ışık"


# ---- digests --------------------------------------------------------------------------------------------------------


def test_digests(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert (
        digest_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )  # FIPS 180-2
    assert digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": "1"})
    assert digest_of("ı") != digest_of("i")
