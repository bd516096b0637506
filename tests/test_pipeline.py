"""`imprint up`: which change makes which stage due, the words for it, and what a failure leaves.

The dataset stage is the real one. The three that load torch keep their real inputs and settings, which decide what is
due, and get a function that writes small files; tests/test_line.py has them whole.
"""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.stand_ins import RESULTS, Line, evaluate, made_results

from imprint import pipeline
from imprint.adapter import passes
from imprint.adapter.passes import Passes
from imprint.config import Settings
from imprint.errors import DocumentError, FullMemoryError, LockedError, MachineError, NoModelError, RefusedError
from imprint.runs import Outputs, Run

NAMES = ["dataset", "adapter", "model", "evaluation"]


@pytest.fixture
def folder(write: Callable[..., Path]) -> Path:
    return write({"a.md": "# A\n\n## How do I stop?\n\nPress it.\n", "b.md": "# B\n\ntext\n"})


@pytest.fixture
def config(settings: Callable[..., Settings], folder: Path) -> Callable[..., Settings]:
    return lambda *overrides: settings(folder, *overrides)


Config = Callable[..., Settings]


def reasons(settings: Settings, run: Run) -> dict[str, tuple[str, ...]]:
    return {due.stage.name: due.reasons for due in pipeline.examine(settings, run)}


# ---- what a change makes due ----------------------------------------------------------------------------------------


def test_the_first_start_makes_everything_in_order(line: Line, config: Config) -> None:
    run = line.build(config())
    assert line.ran == NAMES
    assert Outputs(config().outputs).require_current().id == run.id
    state = run.state()
    assert (state.state, state.reason) == ("complete", ["there is no model yet"])
    assert state.settings == config().plain()


def test_the_second_start_makes_nothing(line: Line, config: Config) -> None:
    first = line.build(config())
    before = sorted(path.stat().st_mtime_ns for path in config().outputs.rglob("*"))
    assert line.build(config()).id == first.id
    assert line.ran == []
    assert line.events == []
    assert sorted(path.stat().st_mtime_ns for path in config().outputs.rglob("*")) == before


def test_an_untouched_copy_of_the_documents_is_no_change(line: Line, config: Config, folder: Path) -> None:
    line.build(config())
    text = (folder / "a.md").read_bytes()
    (folder / "a.md").unlink()
    (folder / "a.md").write_bytes(text)
    line.build(config())
    assert line.ran == []


CHANGES = [
    ({"c.md": "# C\n\nnew\n"}, "documents/c.md added"),
    ({"a.md": "# A\n\nother\n"}, "documents/a.md changed"),
    ({"b.md": None}, "documents/b.md removed"),
    ({"a.md": None, "c.md": "c"}, "documents/c.md added; documents/a.md removed"),
    (
        {f"new{number}.md": "x" for number in range(5)},
        "documents/new0.md, documents/new1.md, documents/new2.md and 2 more added",
    ),
]


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=[words for _, words in CHANGES])
def test_a_change_of_the_documents_makes_everything_due(
    change: dict[str, str | None], words: str, line: Line, config: Config, folder: Path
) -> None:
    first = line.build(config())
    for name, text in change.items():
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(text)
    assert reasons(config(), first) == {
        "dataset": tuple(words.split("; ")),
        "adapter": ("dataset will change",),
        "model": ("dataset and adapter will change",),
        "evaluation": ("dataset and adapter and model will change",),
    }
    second = line.build(config())
    assert line.ran == NAMES
    assert second.id != first.id
    assert second.state().reason == words.split("; ")
    assert line.told("start") == [
        f"write questions and answers from the documents ({words})",
        "train the adapter on them (new dataset)",
        "merge, convert to GGUF, quantize (new dataset and adapter)",
        "ask base and tuned model what neither was trained on (new dataset and adapter and model)",
    ]


def test_another_base_makes_everything_due(line: Line, config: Config, small_base: Path, tmp_path: Path) -> None:
    first = line.build(config())
    other = tmp_path / "other-base"
    shutil.copytree(small_base, other)
    (other / "model.safetensors").write_bytes(b"other weights")
    second = line.build(config(f"base={other}"))
    assert line.ran == NAMES
    assert second.state().reason == ["base changed"]
    assert second.state().base == str(other)
    assert reasons(config(f"base={other}"), first)["dataset"] == ("base changed",)


@pytest.mark.parametrize(
    ("override", "due", "words"),
    [
        ("dataset.wordings=3", NAMES, "dataset.wordings was 6, is 3"),
        ("seed=1", NAMES, "seed was 3407, is 1"),
        ("adapter.epochs=2", NAMES[1:], "adapter.epochs was 3.0, is 2.0"),
        ("model.quantization=q8_0", NAMES[2:], "model.quantization was q4_k_m, is q8_0"),
        ("evaluation.max_questions=7", NAMES[3:], "evaluation.max_questions was 400, is 7"),
        ("service.context=1024", NAMES[3:], "context was 2048, is 1024"),
    ],
)
def test_a_setting_makes_its_stage_and_those_below_due(
    override: str, due: list[str], words: str, line: Line, config: Config
) -> None:
    first = line.build(config())
    found = reasons(config(override), first)
    assert [name for name in NAMES if found[name]] == due
    assert found[due[0]] == (words,)
    second = line.build(config(override))
    assert line.ran == due
    assert second.state().reason == [words]
    assert line.told("start")[0].endswith(f" ({words})")
    kept = [name for name in NAMES if name not in due]
    assert line.told("note")[: len(kept)] == [f"{name}: unchanged, taken over from run {first.id}" for name in kept]
    for name in kept:
        assert (second.folder(name) / "manifest.json").samefile(first.folder(name) / "manifest.json")


@pytest.mark.parametrize(
    "override", ["service.port=9", "service.max_tokens=9", "service.temperature=1", "adapter.trackers=[]"]
)
def test_how_it_is_served_or_shown_makes_nothing_due(override: str, line: Line, config: Config) -> None:
    line.build(config())
    line.build(config(override))
    assert line.ran == []


def test_a_change_without_an_effect_stops_there(line: Line, config: Config, folder: Path) -> None:
    """Another wording of the same dataset: what the adapter is made from is the same, so it is taken over."""
    first = line.build(config())
    (folder / "c.json").write_text("[]")
    second = line.build(config())
    assert line.ran == ["dataset"]
    assert second.id != first.id
    assert Outputs(config().outputs).require_current().id == second.id


def test_what_was_made_before_is_taken_over_when_a_change_is_undone(line: Line, config: Config) -> None:
    first = line.build(config())
    line.build(config("dataset.wordings=3"))
    third = line.build(config())
    assert line.ran == []
    assert third.id != first.id
    assert Outputs(config().outputs).require_current().id == third.id


# ---- retrain --------------------------------------------------------------------------------------------------------


def test_retrain_never_serves_what_is_there(line: Line, config: Config, folder: Path) -> None:
    with pytest.raises(NoModelError):
        line.build(config("retrain=never"))
    first = line.build(config())
    (folder / "a.md").write_text("# changed")
    assert line.build(config("retrain=never")).id == first.id
    assert line.ran == []


def test_retrain_always_starts_anew(line: Line, config: Config) -> None:
    first = line.build(config())
    second = line.build(config("retrain=always"))
    assert line.ran == NAMES
    assert line.told("start")[0].endswith(" (retrain=always)")
    assert second.id != first.id
    assert second.state().reason == ["retrain=always"]
    assert not (second.folder("adapter") / RESULTS["adapter"]).samefile(first.folder("adapter") / RESULTS["adapter"])


# ---- one stage ------------------------------------------------------------------------------------------------------


def test_one_stage_alone_is_no_current_model_and_is_gone_on_with(line: Line, config: Config) -> None:
    first = line.build(config(), until="adapter")
    assert line.ran == ["dataset", "adapter"]
    assert first.state().state == "building"
    assert Outputs(config().outputs).current() is None
    assert line.build(config()).id == first.id
    assert line.ran == ["model", "evaluation"]


# ---- the verdict ----------------------------------------------------------------------------------------------------


def refused(line: Line, settings: Settings) -> RefusedError:
    """Build a model that its verdict refuses."""
    line.verdict = "refused"
    with pytest.raises(RefusedError) as caught:
        line.build(settings)
    return caught.value


@pytest.mark.parametrize("word", ["accepted", "forced", "not proven"])
def test_a_model_that_may_serve_becomes_current(word: Any, line: Line, config: Config) -> None:
    line.verdict = word
    run = line.build(config())
    assert (run.state().state, run.verdict) == ("complete", word)
    assert Outputs(config().outputs).require_current().id == run.id


def test_a_refused_model_is_kept_and_does_not_serve(line: Line, config: Config) -> None:
    error = refused(line, config())
    outputs = Outputs(config().outputs)
    (run,) = outputs.runs()
    assert (run.id, run.state().state, run.verdict) == (error.run, "refused", "refused")
    assert error.message == "The model is refused.\n  better_than_base: 97.5 points better than the base, not 99"
    assert error.hint.splitlines() == [
        "learn more",
        f"read {run.folder('evaluation') / 'report.html'}",
        "verdict.force=true serves it all the same",
    ]
    assert outputs.current() is None
    with outputs.lock("the next one"):
        pass


def test_what_the_sentence_says_is_not_said_twice(line: Line, config: Config) -> None:
    run = line.build(config())
    results = made_results(run.id, "refused")
    verdict = results.verdict.model_copy(update={"sentence": f"Refused: {results.verdict.rules[0].words}."})
    evaluate(run, results.model_copy(update={"verdict": verdict}))
    with pytest.raises(RefusedError) as caught:
        pipeline._take_verdict(Outputs(config().outputs), run)
    assert caught.value.message == "Refused: 97.5 points better than the base, not 99."


def test_after_a_refusal_the_model_in_service_stays(line: Line, config: Config, folder: Path) -> None:
    first = line.build(config())
    (folder / "a.md").write_text("# A\n\nnew text\n")
    refused(line, config())
    assert line.ran == NAMES
    assert Outputs(config().outputs).require_current().id == first.id


def test_the_next_start_refuses_at_once(line: Line, config: Config) -> None:
    first = refused(line, config())
    again = refused(line, config())
    assert (line.ran, line.events) == ([], [])
    assert (again.message, again.hint, again.run) == (first.message, first.hint, first.run)
    assert len(Outputs(config().outputs).runs()) == 1


def test_a_changed_document_is_a_new_try(line: Line, config: Config, folder: Path) -> None:
    error = refused(line, config())
    (folder / "a.md").write_text("# A\n\nnew text\n")
    line.verdict = "accepted"
    run = line.build(config())
    assert line.ran == NAMES
    assert Outputs(config().outputs).require_current().id == run.id != error.run


def test_force_judges_a_refused_model_again_and_trains_nothing(line: Line, config: Config, folder: Path) -> None:
    first = line.build(config())
    (folder / "a.md").write_text("# A\n\nnew text\n")
    error = refused(line, config())
    run = line.build(config("verdict.force=true"))
    assert line.ran == ["evaluation"]
    assert line.told("note") == [f"run {run.id} was refused and is judged again: verdict.force"]
    assert (run.id, run.state().state, run.verdict) == (error.run, "complete", "forced")
    assert run.state().settings["verdict"]["force"] is True, "a worker reads its settings there"
    assert Outputs(config().outputs).require_current().id == run.id != first.id
    assert line.build(config()).id == run.id
    assert line.ran == [], "what the user has forced stays in service"


def test_retrain_always_trains_a_refused_model_again(line: Line, config: Config) -> None:
    first = refused(line, config())
    second = refused(line, config("retrain=always"))
    assert line.ran == NAMES
    assert second.run != first.run


def test_a_command_that_reaches_no_verdict_is_not_refused(line: Line, config: Config) -> None:
    error = refused(line, config())
    for until in NAMES[:-1]:
        assert line.build(config(), until=until).id == error.run
        assert line.ran == []
    assert Outputs(config().outputs).refused(Run(config().outputs / "runs" / error.run).state().request) is not None


def test_what_was_refused_or_forced_is_not_taken_over(line: Line, config: Config, folder: Path) -> None:
    line.verdict = "refused"
    forced = line.build(config("verdict.force=true"))
    assert forced.verdict == "forced"
    text = (folder / "a.md").read_text()
    (folder / "a.md").write_text("# A\n\nnew text\n")
    line.verdict = "accepted"
    second = line.build(config())
    (folder / "a.md").write_text(text)
    error = refused(line, config())
    assert line.ran == ["evaluation"]
    assert Outputs(config().outputs).require_current().id == second.id != error.run


def test_a_model_behind_another_is_judged_again_once_that_has_left(line: Line, config: Config, folder: Path) -> None:
    first = line.build(config())
    (folder / "a.md").write_text("# A\n\nbetter\n")
    line.build(config())
    (folder / "a.md").write_text("# A\n\nworse\n")
    line.rule = "behind_current"
    error = refused(line, config())
    refused(line, config())
    assert line.ran == [], "the better one still serves"
    Outputs(config().outputs).rollback(first.id)
    line.verdict = "accepted"
    run = line.build(config())
    assert (run.id, line.ran) == (error.run, ["evaluation"])
    assert line.told("note") == [f"run {run.id} was refused and is judged again: another model is in service now"]
    assert Outputs(config().outputs).require_current().id == run.id


@pytest.mark.parametrize("word", ["accepted", "refused"])
def test_a_kill_after_the_evaluation_costs_nothing(
    word: Any, line: Line, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    line.verdict = word
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_take_verdict", killed)
        with pytest.raises(KeyboardInterrupt):
            line.build(config())
    outputs = Outputs(config().outputs)
    (run,) = outputs.runs()
    assert (run.state().state, outputs.current()) == ("building", None)
    if word == "accepted":
        assert line.build(config()).id == outputs.require_current().id == run.id
        assert line.ran == []
        return
    refused(line, config())
    assert (line.ran, run.state().state) == ([], "refused")


def test_force_after_a_kill_between_verdict_and_refusal(
    line: Line, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    line.verdict = "refused"
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_take_verdict", killed)
        with pytest.raises(KeyboardInterrupt):
            line.build(config())
    assert line.build(config("verdict.force=true")).verdict == "forced"
    assert line.ran == ["evaluation"]


def test_a_kill_before_the_run_is_current_is_made_good(
    line: Line, config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    line.build(config())
    (folder / "a.md").write_text("# A\n\nnew text\n")
    with monkeypatch.context() as patch:
        patch.setattr(Outputs, "activate", killed)
        with pytest.raises(KeyboardInterrupt):
            line.build(config())
    run = line.build(config())
    assert line.ran == []
    assert Outputs(config().outputs).require_current().id == run.id
    assert all(not due.reasons for due in pipeline.examine(config(), run))


def test_a_refused_run_that_was_damaged_is_mended(line: Line, config: Config) -> None:
    error = refused(line, config())
    (Run(config().outputs / "runs" / error.run).folder("model") / "manifest.json").unlink()
    assert refused(line, config()).run == error.run
    assert line.ran[0] == "model"


def test_an_evaluation_from_before_there_were_verdicts_is_made_again(line: Line, config: Config) -> None:
    first = line.build(config())
    file = first.folder("evaluation") / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest |= {"settings": {"context": 2048}, "counts": {"questions": 2, "gguf": {"accuracy": 1.0}}}
    file.write_text(json.dumps(manifest))
    assert first.verdict is None
    second = line.build(config())
    assert line.ran == ["evaluation"]
    assert Outputs(config().outputs).require_current().id == second.id != first.id


# ---- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [ValueError("fault"), KeyboardInterrupt(), MachineError("killed")], ids=repr)
def test_after_a_failure_the_last_model_stays_and_the_work_goes_on(
    name: str, error: BaseException, line: Line, config: Config, folder: Path
) -> None:
    first = line.build(config())
    (folder / "a.md").write_text("# A\n\nnew text\n")
    line.fails = {name: error}
    with pytest.raises(type(error)):
        line.build(config())
    assert Outputs(config().outputs).require_current().id == first.id
    assert line.ran == NAMES[: NAMES.index(name) + 1]
    second = line.build(config())
    assert line.ran == NAMES[NAMES.index(name) :]
    assert line.told("start")[0].endswith(" (documents/a.md changed)")
    assert Outputs(config().outputs).require_current().id == second.id != first.id
    assert len(Outputs(config().outputs).runs()) == 2


def test_what_is_gone_on_with_gets_the_settings_of_now(line: Line, config: Config) -> None:
    line.fails = {"adapter": ValueError("fault")}
    with pytest.raises(ValueError, match="fault"):
        line.build(config("adapter.trackers=[mlflow]"))
    run = line.build(config("adapter.trackers=[]"))
    assert line.ran == NAMES[1:]
    assert run.state().settings == config("adapter.trackers=[]").plain()


def remember_passes(config: Config, taken: Passes) -> None:
    """As a training does that gets as far as its first pass."""
    (run,) = Outputs(config().outputs).runs()
    file = run.folder("adapter") / passes.REMEMBERED
    if not file.exists():
        passes.remember(taken, file)


def test_where_memory_ran_out_the_training_is_tried_with_less(line: Line, config: Config) -> None:
    line.fails = {"adapter": FullMemoryError("Memory ran out.")}
    line.during = {"adapter": lambda: remember_passes(config, Passes(4, 2))}
    run = line.build(config())
    assert line.ran == ["dataset", "adapter", "adapter", "model", "evaluation"]
    assert line.told("note")[-1:] == ["Memory ran out. It goes on with 2 rows in a pass and 4 passes in a step."]
    assert json.loads((run.folder("adapter") / "checkpoints" / "machine.json").read_text()) == {
        "micro_batch": 2,
        "accumulation": 4,
    }


@pytest.mark.parametrize("name", ["adapter", "model"])
def test_where_there_is_no_less_it_is_the_machines_fault(name: str, line: Line, config: Config) -> None:
    line.fails = {name: FullMemoryError("Memory ran out.")}
    line.during = {"adapter": lambda: remember_passes(config, Passes(1, 8))}
    with pytest.raises(FullMemoryError):
        line.build(config())
    assert line.ran[-1] == name


def test_a_full_disk_in_a_stage_is_the_machines_fault(line: Line, config: Config) -> None:
    line.fails = {"model": OSError(errno.ENOSPC, "No space left on device", "/x/m.gguf")}
    with pytest.raises(MachineError, match=r"^/x/m\.gguf cannot be written to: No space left on device\.$"):
        line.build(config())


def test_another_oserror_in_a_stage_is_a_fault_as_it_is(line: Line, config: Config) -> None:
    line.fails = {"model": FileNotFoundError(errno.ENOENT, "No such file", "/x")}
    with pytest.raises(FileNotFoundError):
        line.build(config())


def test_too_little_space_is_found_before_a_run_is_made(
    line: Line, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(MachineError, match=r"has 1 MB free; this run needs about 1\d\d MB"):
        line.build(config())
    assert line.ran == []
    assert Outputs(config().outputs).runs() == []


def test_unreadable_documents_are_found_before_anything_is_made(line: Line, config: Config, folder: Path) -> None:
    shutil.rmtree(folder)
    with pytest.raises(DocumentError):
        line.build(config())
    assert not config().outputs.exists()


def test_documents_that_cannot_be_read_leave_no_empty_run(line: Line, config: Config, folder: Path) -> None:
    first = line.build(config())
    (folder / "broken.json").write_text('{"a": }')
    with pytest.raises(DocumentError, match=r"^broken\.json:1:7: not valid JSON"):
        line.build(config("documents.strict=true"))
    assert [run.id for run in Outputs(config().outputs).runs()] == [first.id]
    assert Outputs(config().outputs).require_current().id == first.id


def test_the_folder_is_locked_while_a_stage_works(line: Line, config: Config) -> None:
    refused = []

    def second_start() -> None:
        with pytest.raises(LockedError) as caught, Outputs(config().outputs).lock("imprint up"):
            pass
        refused.append(caught.value.message)

    line.during = {"adapter": second_start}
    line.build(config())
    assert len(refused) == 1
    assert "(`imprint up`)" in refused[0]


# ---- what is told ---------------------------------------------------------------------------------------------------


def test_each_stage_tells_what_it_does_why_and_where_the_result_lies(line: Line, config: Config) -> None:
    run = line.build(config())
    assert line.told("start") == [
        "write questions and answers from the documents (not made yet)",
        "train the adapter on them (not made yet)",
        "merge, convert to GGUF, quantize (not made yet)",
        "ask base and tuned model what neither was trained on (not made yet)",
    ]
    assert line.told("done") == [str(run.folder(name)) for name in NAMES]


def test_the_log_keeps_what_is_told_without_the_progress(line: Line, config: Config) -> None:
    run = line.build(config())
    kept = [json.loads(text) for text in (run.path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert line.told("progress")
    assert [(item["kind"], item["text"]) for item in kept] == [
        (event.kind, event.text) for event in line.events if event.kind != "progress"
    ]


# ---- the real line --------------------------------------------------------------------------------------------------


def test_stages_that_load_torch_run_in_a_worker(config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers: list[tuple[str, int]] = []

    def record(name: str, run: Run, processes: int = 1) -> None:
        workers.append((name, processes))
        if name == "adapter":
            raise MachineError("enough")

    monkeypatch.setattr(pipeline, "run_stage", record)
    with pytest.raises(MachineError, match="enough"):
        pipeline.build(config("adapter.processes=2"), lambda event: None, command="imprint up")
    assert workers == [("base.preflight", 1), ("adapter", 2)]
    assert [stage.name for stage in pipeline.LINE] == NAMES
    assert [stage.name for stage in pipeline.LINE if not stage.loads_torch] == ["dataset"]


def test_auto_keeps_the_base_of_the_model_in_service(line: Line, config: Config, small_base: Path) -> None:
    line.build(config())
    resolved, words = pipeline.resolve(config().model_copy(update={"base": "auto"}))
    assert resolved.base == str(small_base)
    assert str(small_base) in words
    line.build(resolved)
    assert line.ran == []


def test_without_a_model_auto_takes_what_the_machine_can(settings: Any, tmp_path: Path) -> None:
    resolved, words = pipeline.resolve(Settings(outputs=tmp_path / "none"))
    assert resolved.base == "embedded"
    assert words.startswith("Base model: embedded (no GPU is visible), ")
    assert resolved.adapter.filled().lora_r > 0
