"""`imprint sweep`: what is tried, what ends a trial, what a stop leaves, and the files.

Trainings are stood in for by a function from settings to a validation loss; the last test has real ones.
"""

import csv
import json
import math
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.line import write_guide
from tests.stand_ins import Line

from imprint import adapter, base, cli, config, pipeline
from imprint.config import Settings
from imprint.errors import (
    FullMemoryError,
    ImprintError,
    InputError,
    Interrupted,
    LockedError,
    MachineError,
    Paused,
    TrainingError,
)
from imprint.runs import Event, Outputs, Run
from imprint.sweep import Result, search, sweep
from imprint.sweep.trials import draw

STEPS = 100


def bowl(settings: Settings) -> float:
    """Lowest at rank 64 and a learning rate of 0.0003."""
    rate = settings.adapter.filled().learning_rate
    return 1 + abs(math.log10(rate / 0.0003)) + 0.1 * (settings.adapter.lora_r != 64)


@dataclass
class Trainings:
    """The adapter stage, in the place of the real one: four evaluations, then an adapter of two small files."""

    loss: Callable[[Settings], float | None] = bowl
    made: list[Settings] = field(default_factory=list)
    ends: dict[int, BaseException] = field(default_factory=dict)
    """What ends a training after its first half, by its number from 1."""
    swallowed: int = 0
    """Times that the listener ended a training."""
    events: list[Event] = field(default_factory=list)

    def run(self, settings: Settings, run: Run) -> Any:
        self.made.append(settings)
        loss = self.loss(settings)
        with run.record(
            "adapter", inputs=adapter.inputs(settings, run), settings=adapter.settings(settings), seed=settings.seed
        ) as record:
            (record.folder / "checkpoints").mkdir(exist_ok=True)
            try:
                for step in range(1, STEPS + 1):
                    self._step(run, step, loss)
                    if step == STEPS // 2 + 2 and (error := self.ends.pop(len(self.made), None)) is not None:
                        raise error
            except Exception as error:
                if isinstance(error, ImprintError):
                    raise
                self.swallowed += 1  # as the worker does: it writes a checkpoint, and tells that it was stopped
                self._step(run, step + 1, loss)
                raise Paused("Stopped at a step; the checkpoint is written.") from None
            (record.folder / "adapter_model.safetensors").write_text("weights")
            (record.folder / "metrics.csv").write_text("step,loss\n")
            record.counts = {"validation_loss": loss, "steps": STEPS}
            record.temporary.append("checkpoints")
        return run.complete("adapter")

    def _step(self, run: Run, step: int, loss: float | None) -> None:
        evaluated = (step - 1) // (STEPS // 4) * (STEPS // 4)
        figures = {"loss": 2.0}
        if evaluated and loss is not None:
            figures |= {"validation_loss": loss + (STEPS - evaluated) / STEPS, "validation_step": float(evaluated)}
        run.notify(Event("progress", "adapter", "training", step, STEPS, figures))

    def told(self) -> list[str]:
        return [event.text for event in self.events if event.stage == "sweep"]

    def numbers(self) -> list[str]:
        """The trials that were begun."""
        return [event.stage for event in self.events if event.stage.startswith("trial")]


@pytest.fixture
def trainings(line: Line, monkeypatch: pytest.MonkeyPatch) -> Trainings:
    made = Trainings()
    real = pipeline.LINE
    monkeypatch.setattr(pipeline, "LINE", (real[0], replace(real[1], run=made.run), *real[2:]))
    monkeypatch.setattr("imprint.sweep.sweeping.draw", lambda result: None)  # a second each time
    return made


@pytest.fixture
def given(tmp_path: Path, small_base: Path) -> Callable[..., Settings]:
    """Settings as a user gives them, with everything under tmp_path."""
    documents = write_guide(tmp_path / "documents")
    places = [f"documents.path={documents}", f"outputs={tmp_path / 'outputs'}", f"base={small_base}"]
    rows = ["dataset.replay_share=0", "dataset.validation_share=0.5"]  # it answers nothing; and there are few rows
    return lambda *overrides: config.load(overrides=[*places, *rows, *overrides], environment={})


@pytest.fixture
def make(trainings: Trainings, given: Callable[..., Settings]) -> Callable[..., Result]:
    """`make("sweep.trials=3")` sweeps."""

    def run(*overrides: str) -> Result:
        trainings.made.clear()
        trainings.events.clear()
        return sweep(given(*overrides), trainings.events.append)

    return run


Make = Callable[..., Result]

# ---- what is searched -----------------------------------------------------------------------------------------------


def space(settings: Settings) -> dict[str, Any]:
    return {name: reach._asdict() for name, reach in search.space_of(base.choose(settings, None)[0]).items()}


def test_by_default_it_searches_around_what_the_base_wants(given: Callable[..., Settings]) -> None:
    found = space(given())
    assert list(found) == ["lora_r", "learning_rate", "epochs"]
    assert found["lora_r"]["choices"] == (32, 64, 128)
    rate = found["learning_rate"]
    assert (rate["low"], rate["high"], rate["log"]) == (5e-5, 8e-4, True)
    assert (found["epochs"]["low"], found["epochs"]["high"]) == (1.5, 6)


def test_or_around_what_the_user_sets_or_in_what_the_user_names(given: Callable[..., Settings]) -> None:
    assert space(given("adapter.epochs=4"))["epochs"]["high"] == 8
    assert space(given("adapter.lora_r=1"))["lora_r"]["choices"] == (1, 2)
    found = space(
        given("sweep.lora_r=[64,4,4]", "sweep.learning_rate=[1.0e-5,1.0e-4]", "sweep.max_seq_length=[128,64]")
    )
    assert found["lora_r"]["choices"] == (4, 64)
    assert (found["learning_rate"]["low"], found["learning_rate"]["high"]) == (1e-5, 1e-4)
    assert found["max_seq_length"]["choices"] == (64, 128)


@pytest.mark.parametrize(
    "setting",
    ["lora_r=[]", "lora_r=[0]", "learning_rate=[2,1]", "learning_rate=[0,1]", "epochs=3", "max_seq_length=[8]"],
)
def test_what_cannot_be_searched_is_an_error(setting: str, given: Callable[..., Settings]) -> None:
    with pytest.raises(InputError, match=f"sweep.{setting.partition('=')[0]}"):
        given(f"sweep.{setting}")


def test_the_first_trial_has_the_settings_as_they_are(make: Make, trainings: Trainings) -> None:
    first = make("sweep.trials=2").trials[0]
    assert first.values == {"lora_r": 64, "learning_rate": 2e-4, "epochs": 3}
    assert trainings.made[0].adapter.lora_alpha == trainings.made[1].adapter.lora_alpha == 16


def test_unless_they_are_out_of_reach(make: Make) -> None:
    (trial,) = make("sweep.trials=1", "sweep.lora_r=[4]", "sweep.epochs=[2,2]").trials
    assert trial.values["lora_r"] == 4
    assert trial.values["epochs"] == 2


def test_what_is_drawn_can_be_read(make: Make) -> None:
    for trial in make("sweep.trials=4").trials:
        assert all(value == float(f"{value:.3g}") for value in trial.values.values())


def test_where_length_is_searched_each_has_its_dataset_and_that_is_said(make: Make, trainings: Trainings) -> None:
    found = make("sweep.trials=4", "sweep.max_seq_length=[512,1024]")
    lengths = {trial.values["max_seq_length"] for trial in found.trials}
    assert lengths == {512, 1024}
    assert any("not measured on quite the same rows" in text for text in trainings.told())
    datasets = [event for event in trainings.events if (event.kind, event.stage) == ("start", "dataset")]
    assert len(datasets) == len(lengths)


# ---- the course of a sweep ------------------------------------------------------------------------------------------


def test_the_best_is_that_with_the_lowest_loss(make: Make, trainings: Trainings) -> None:
    found = make("sweep.trials=5")
    assert [trial.number for trial in found.trials] == list(range(1, 6))
    assert found.best is not None
    done = [trial for trial in found.trials if trial.state == "done"]
    assert found.best.validation_loss == min(trial.validation_loss or math.inf for trial in done)
    assert found.ranked[0] == found.best
    assert [trial.steps for trial in done] == [STEPS] * len(done)


def test_the_dataset_is_made_once(make: Make, trainings: Trainings, line: Line) -> None:
    make("sweep.trials=3")
    assert line.ran == ["dataset"]


def test_the_same_seed_takes_the_same_course_and_another_seed_another(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_FIRST_TRIALS", 2)

    def course(name: str, *overrides: str) -> list[dict[str, float]]:
        found = make("sweep.trials=4", f"outputs={tmp_path / name}", *overrides)
        return [trial.values for trial in found.trials]

    first = course("first")
    assert course("second") == first
    assert course("other", "seed=1") != first


def test_only_the_best_adapter_stays_and_the_curves_of_all(make: Make) -> None:
    found = make("sweep.trials=4")
    folders = {run.id: run.folder("adapter") for run in Outputs(found.folder).runs()}
    assert len(folders) == 4
    kept = [name for name, folder in folders.items() if (folder / "adapter_model.safetensors").exists()]
    assert found.best is not None
    assert kept == [found.best.run]
    assert not any((folder / "checkpoints").exists() for folder in folders.values())
    assert all((folder / "metrics.csv").exists() for folder in folders.values())


def test_a_bad_training_is_ended_at_its_half_and_the_next_one_begins(
    make: Make, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_FIRST_TRIALS", 2)
    trainings.loss = lambda settings: 1.0 + len(trainings.made)
    found = make("sweep.trials=4")
    assert [trial.state for trial in found.trials] == ["done", "done", "pruned", "pruned"]
    assert trainings.swallowed == 2
    assert found.trials[2].steps == STEPS // 2 + 1
    assert found.trials[2].validation_loss == pytest.approx(1 + 3 + 0.5)
    assert any(text.startswith("pruned: ") for text in trainings.told())
    run = next(run for run in Outputs(found.folder).runs() if run.id == found.trials[2].run)
    assert not (run.folder("adapter") / "checkpoints").exists()


@pytest.mark.parametrize("error", [TrainingError("It diverged.", hint="less"), FullMemoryError("Memory ran out.")])
def test_a_trial_that_fails_does_not_end_the_sweep(error: ImprintError, make: Make, trainings: Trainings) -> None:
    trainings.ends[2] = error
    found = make("sweep.trials=3")
    assert [trial.state for trial in found.trials] == ["done", "failed", "done"]
    assert found.trials[1].reason == error.message
    assert found.ranked[-1] == found.trials[1]
    assert f"failed: {error.message}" in trainings.told()
    assert len(make("sweep.trials=4").trials) == 4
    assert len(trainings.made) == 1


def test_a_loss_that_is_no_number_is_a_failure(make: Make, trainings: Trainings) -> None:
    trainings.loss = lambda settings: None if len(trainings.made) == 1 else bowl(settings)
    assert [trial.state for trial in make("sweep.trials=2").trials] == ["failed", "done"]


def test_where_all_fail_it_is_the_error_of_the_last(make: Make, trainings: Trainings) -> None:
    trainings.ends |= {1: FullMemoryError("Memory ran out."), 2: TrainingError("It diverged.", hint="lower rates")}
    with pytest.raises(TrainingError, match=r"All 2 trials failed; the last one: It diverged\.") as raised:
        make("sweep.trials=2")
    assert raised.value.hint == "lower rates"
    with pytest.raises(TrainingError):
        make("sweep.trials=2")
    assert trainings.made == []


def test_any_other_error_ends_the_sweep(make: Make, trainings: Trainings) -> None:
    trainings.ends[2] = MachineError("The disk is full.")
    with pytest.raises(MachineError, match="The disk is full"):
        make("sweep.trials=3")
    assert [trial.number for trial in make("sweep.trials=3").trials] == [1, 2, 3]
    assert trainings.numbers() == ["trial 2 of 3", "trial 3 of 3"]


def test_without_validation_rows_it_says_what_to_set(make: Make, trainings: Trainings) -> None:
    with pytest.raises(InputError, match="no validation rows") as raised:
        make("dataset.validation_share=0")
    assert "dataset.validation_share" in raised.value.hint
    assert trainings.made == [], "before anything is trained"


def test_while_one_sweeps_no_other_does(make: Make, given: Callable[..., Settings]) -> None:
    with (
        Outputs(given().outputs).lock("imprint sweep"),
        pytest.raises(LockedError, match=r"process \d+ .*`imprint sweep`"),
    ):
        make("sweep.trials=1")


def test_the_base_is_checked_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []

    def check(settings: Settings, run: Run) -> None:
        if not (run.path / "base.json").is_file():
            checked.append(run.id)
            (run.path / "base.json").write_text("{}")

    monkeypatch.setattr(pipeline, "_check_base", check)
    make("sweep.trials=3")
    assert len(checked) == 1


# ---- a sweep that goes on -------------------------------------------------------------------------------------------


def test_a_sweep_that_is_done_repeats_nothing(make: Make, trainings: Trainings) -> None:
    first = make("sweep.trials=3")
    assert make("sweep.trials=3").trials == first.trials
    assert trainings.made == []
    assert trainings.told()[-1] == "goes on: 3 of 3 trials are made"
    assert [trial.number for trial in make("sweep.trials=4").trials] == [1, 2, 3, 4]
    assert trainings.numbers() == ["trial 4 of 4"]


@pytest.mark.parametrize("stop", [Paused("Stopped at step 50."), Interrupted("Stopped."), KeyboardInterrupt()])
def test_a_stop_of_the_user_ends_all(stop: BaseException, make: Make, trainings: Trainings) -> None:
    trainings.ends[1] = stop
    with pytest.raises(Paused, match=r"Stopped in trial 1 of 5; what is done is kept") as raised:
        make("sweep.trials=5")
    assert raised.value.exit_code == 0
    assert "`imprint sweep` goes on" in raised.value.hint


def test_the_trial_that_was_stopped_goes_on_and_the_course_is_that_of_an_unbroken_sweep(
    make: Make, trainings: Trainings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_FIRST_TRIALS", 2)
    trainings.ends[3] = Paused("Stopped at step 50.")
    with pytest.raises(Paused):
        make("sweep.trials=4")
    stopped = trainings.made[-1]
    found = make("sweep.trials=4")
    assert trainings.numbers() == ["trial 3 of 4", "trial 4 of 4"]
    assert trainings.made[0] == stopped
    assert len(Outputs(found.folder).runs()) == 4, "it went on in its run"
    unbroken = make("sweep.trials=4", f"outputs={tmp_path / 'elsewhere'}")
    assert [trial.values for trial in found.trials] == [trial.values for trial in unbroken.trials]


def test_a_stop_while_a_bad_training_is_being_ended_is_the_users(
    make: Make, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_FIRST_TRIALS", 1)
    trainings.loss = lambda settings: 1.0 + len(trainings.made)

    def step(run: Run, step: int, loss: float | None, real: Any = trainings._step) -> None:
        if trainings.swallowed:
            raise KeyboardInterrupt
        real(run, step, loss)

    monkeypatch.setattr(trainings, "_step", step)
    with pytest.raises(Paused, match="Stopped in trial 2 of 2"):
        make("sweep.trials=2")


def test_a_kill_leaves_a_trial_that_goes_on_once(make: Make, trainings: Trainings, tmp_path: Path) -> None:
    trainings.ends[2] = SystemExit(9)  # nothing is told of it
    with pytest.raises(SystemExit):
        make("sweep.trials=3")
    with sqlite3.connect(tmp_path / "outputs" / "sweep" / "study.db") as study:
        # Killed once more, between the new trial's making and the old one's end.
        study.execute("INSERT INTO trials (number, study_id, state) VALUES (2, 1, 'WAITING')")
        study.execute(
            "INSERT INTO trial_user_attributes (trial_id, key, value_json) "
            "SELECT trial_id, 'continues', '1' FROM trials WHERE number = 2"
        )
    study.close()
    assert [trial.number for trial in make("sweep.trials=3").trials] == [1, 2, 3]
    assert len(trainings.made) == 2


def test_what_was_reported_before_a_stop_still_counts(
    make: Make, trainings: Trainings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trainings.ends[1] = Paused("Stopped.")
    with pytest.raises(Paused):
        make("sweep.trials=1")
    make("sweep.trials=1")
    with sqlite3.connect(tmp_path / "outputs" / "sweep" / "study.db") as study:
        rows = study.execute(
            "SELECT number, step, intermediate_value FROM trial_intermediate_values NATURAL JOIN trials ORDER BY 1, 2"
        ).fetchall()
    study.close()
    assert [(number, step) for number, step, _ in rows] == [(0, 1), (0, 2), (1, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize(
    "change", ["documents", "seed=2", "sweep.lora_r=[8,64]", "adapter.batch_size=8", "template=alpaca"]
)
def test_other_documents_settings_or_reach_begin_another_study(
    change: str, make: Make, trainings: Trainings, tmp_path: Path
) -> None:
    make("sweep.trials=1")
    if change == "documents":
        (tmp_path / "documents" / "more.md").write_text("# More\n\n## What is a quay?\n\nA wall where boats lie.\n")
    make("sweep.trials=2", *([] if change == "documents" else [change]))
    assert trainings.numbers() == ["trial 1 of 2", "trial 2 of 2"]
    assert "not those of an earlier sweep: a new sweep of 2 trials" in trainings.told()[1]
    if change != "documents":
        assert len(make("sweep.trials=1").trials) == 1, "the first one is still there"
        assert trainings.made == []


@pytest.mark.parametrize("change", ["service.port=9000", "adapter.trackers=[]", "dataset.processes=1"])
def test_what_no_adapter_depends_on_changes_nothing(change: str, make: Make, trainings: Trainings) -> None:
    make("sweep.trials=2")
    make("sweep.trials=2", change)
    assert trainings.made == []


def test_a_study_that_cannot_be_read_is_named(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "outputs" / "sweep" / "study.db"
    file.parent.mkdir(parents=True)
    file.write_text("no database" * 1000)
    with pytest.raises(InputError, match=r"study\.db is not the study of a sweep: .*not a database") as raised:
        make("sweep.trials=1")
    assert raised.value.hint.startswith(f"remove {file}")


# ---- the files ------------------------------------------------------------------------------------------------------


def test_the_settings_file_makes_the_model_of_the_best_trial(make: Make, line: Line, given: Any) -> None:
    found = make("sweep.trials=3", "adapter.batch_size=8", "retrain=always", "service.port=9000")
    assert found.best is not None
    text = found.settings_file.read_text(encoding="utf-8")
    assert text.startswith("# The best settings that `imprint sweep` found: those of trial ")
    tree = yaml.safe_load(text)
    assert tree.keys() == {"base", "outputs", "documents", "dataset", "adapter", "service"}
    assert tree["adapter"] == {"batch_size": 8, **found.best.values}
    settings = config.load(found.settings_file, environment={})
    assert (settings.service.port, settings.outputs) == (9000, given().outputs)
    line.build(pipeline.resolve(settings)[0])
    assert line.ran == ["model", "evaluation"], "dataset and adapter are those of the trial"


def test_the_base_is_named_even_where_it_was_chosen(make: Make) -> None:
    assert yaml.safe_load(make("sweep.trials=1", "base=auto").settings_file.read_text())["base"] == "embedded"


def test_the_table_for_programs(make: Make, trainings: Trainings) -> None:
    trainings.ends[2] = TrainingError("It diverged, and\nthat was it.")
    found = make("sweep.trials=3")
    with (found.folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["done", "failed", "done"]
    assert float(rows[0]["learning_rate"]) == 2e-4
    assert rows[1]["reason"] == "It diverged, and\nthat was it."
    assert (rows[1]["validation_loss"], rows[1]["steps"]) == ("", "")


def test_the_picture(make: Make, trainings: Trainings) -> None:
    trainings.ends[1] = TrainingError("It diverged.")
    found = make("sweep.trials=3")
    draw(found)
    header = (found.folder / "sweep.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(header[16:20]), int.from_bytes(header[20:24])) == (3 * 480, 432)


def test_a_picture_that_fails_costs_nothing(make: Make, trainings: Trainings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(result: Result) -> None:
        raise ValueError("no font")

    monkeypatch.setattr("imprint.sweep.sweeping.draw", fail)
    assert make("sweep.trials=1").best is not None
    assert "sweep.png was not drawn: ValueError: no font" in trainings.told()


def test_a_folder_with_signs_of_an_address_in_its_name(make: Make, tmp_path: Path) -> None:
    outputs = tmp_path / "a b%20?#ü"
    found = make("sweep.trials=1", f"outputs={json.dumps(str(outputs))}")
    assert (outputs / "sweep" / "study.db").is_file()
    assert config.load(found.settings_file, environment={}).outputs == outputs


# ---- on the command line --------------------------------------------------------------------------------------------


def run_command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(["sweep", *arguments])
    return int(ended.value.code or 0), *capsys.readouterr()


@pytest.fixture
def places(tmp_path: Path, small_base: Path, trainings: Trainings) -> list[str]:
    documents = write_guide(tmp_path / "documents")
    rows = [f"base={small_base}", "dataset.replay_share=0", "dataset.validation_share=0.5"]
    return ["--documents", str(documents), "--outputs", str(tmp_path / "outputs"), *rows]


def test_the_table_has_the_best_first_and_the_next_command_follows(
    capsys: pytest.CaptureFixture[str], places: list[str], trainings: Trainings, tmp_path: Path
) -> None:
    trainings.ends[3] = TrainingError("It diverged.")
    code, out, err = run_command(capsys, *places, "sweep.trials=4")
    assert code == 0, err
    header, *rows = out.splitlines()
    assert header.split() == ["trial", "rank", "learning", "rate", "epochs", "steps", "validation", "loss", "time"]
    assert [row.split()[-1] for row in rows] == ["best", "done", "done", "failed"]
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "Trial 3 failed: It diverged." in err
    assert err.splitlines()[-1].endswith(f"up --config {tmp_path / 'outputs' / 'sweep' / 'best.yaml'}")


def test_for_programs(capsys: pytest.CaptureFixture[str], places: list[str]) -> None:
    code, out, err = run_command(capsys, *places, "sweep.trials=2", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [trial["number"] for trial in found["trials"]] == [1, 2]
    assert found["best"] in {1, 2}
    assert Path(found["settings_file"]).is_file()


def test_a_stop_ends_with_0(capsys: pytest.CaptureFixture[str], places: list[str], trainings: Trainings) -> None:
    trainings.ends[1] = KeyboardInterrupt()
    code, out, err = run_command(capsys, *places)
    assert (code, out) == (0, "")
    assert "Stopped in trial 1 of 20" in err


@pytest.mark.slow
def test_real_trainings(given: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one, at a rate at which nothing is learned, is ended by way of its worker."""
    monkeypatch.setattr(search, "_FIRST_TRIALS", 1)
    monkeypatch.setattr(search, "_FIRST_PRUNED_QUARTER", 1)
    short = ("base=embedded", "adapter.min_steps=8", "adapter.max_steps=8", "adapter.trackers=[]")
    chosen = given(*short, "sweep.trials=2", "sweep.learning_rate=[1.0e-9,2.0e-3]")
    events: list[Event] = []
    found = sweep(chosen, events.append)
    first, second = found.trials
    assert (first.state, first.steps, second.state) == ("done", 8, "pruned")
    assert second.steps is not None
    assert 2 < second.steps < 8
    assert first.validation_loss is not None
    assert second.validation_loss is not None
    assert first.validation_loss < second.validation_loss
    assert config.load(found.settings_file, environment={}).adapter.learning_rate == 0.002
    assert {file.name for file in found.folder.iterdir()} >= {"study.db", "trials.csv", "sweep.png", "best.yaml"}
    events.clear()
    assert sweep(chosen, events.append).trials == found.trials
    assert not [event for event in events if event.kind == "start"]
