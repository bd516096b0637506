"""The trainers: the line from Python, in one call and step by step, and what it would take."""

from pathlib import Path
from typing import Any

import pytest
from tests.line import write_guide
from tests.stand_ins import Line

import imprint
from imprint.errors import InputError, SettingsError
from imprint.runs import Event, Outputs


@pytest.mark.slow
def test_a_base_as_gpt2_is_one_goes_through_the_whole_line(tiny_gpt2: Path, tmp_path: Path) -> None:
    """It has no padding token and no chat template, its matrices lie across, and its vocabulary is its own."""
    # It was never trained, and eight steps teach too little for the verdict.
    settings = ("adapter.max_steps=8", "dataset.replay_share=0", "check_base=false", "verdict.force=true")
    events: list[Event] = []
    trainer = imprint.QuickTrainer(tiny_gpt2, "sample:instruct", *settings, outputs=tmp_path, notify=events.append)
    model = trainer.train()
    assert [event.stage for event in events if event.kind == "done"] == ["dataset", "adapter", "model", "evaluation"]
    assert model.base is not None
    assert model.tuned is not None
    assert model.served is not None
    assert model.verdict.word == "forced"
    assert model.report.is_file()
    assert model.tuned.perplexity < model.base.perplexity
    assert model.served.perplexity == pytest.approx(model.tuned.perplexity, rel=0.1)
    assert model.file.suffix == ".gguf"
    assert Outputs(tmp_path).require_current().id == model.run
    answer = model.ask("When does the ferry leave?", max_tokens=5)
    assert 0 < answer.tokens <= 5
    with model.load() as loaded:
        assert loaded.ask("When does the ferry leave?", max_tokens=5) == answer


def test_step_by_step_each_does_what_is_due(line: Line, tmp_path: Path) -> None:
    documents = write_guide(tmp_path / "documents")
    trainer = imprint.SimpleTrainer(
        "embedded", documents, "dataset.replay_share=0", outputs=tmp_path / "o", notify=line.events.append
    )
    plan = trainer.plan()
    assert plan.base == "embedded"
    assert not (tmp_path / "o").exists()
    dataset = trainer.prepare()
    assert (dataset.train, dataset.test) == (dataset.counts["train"], plan.data.test)
    assert len(imprint.load_dataset(dataset.folder)) == dataset.train
    assert line.ran == ["dataset"]
    model = trainer.evaluate()
    assert line.ran == ["dataset", "adapter", "model", "evaluation"]
    assert (model.run, model.file.name) == (dataset.run, "m.gguf")
    assert model.served == imprint.Score(questions=2, accuracy=0.975, token_f1=0.5, perplexity=2.0, ended=1.0)
    assert trainer.export().file == model.file
    assert line.ran == ["dataset", "adapter", "model", "evaluation"], "nothing was due"


def test_a_list_of_rows_is_the_same_documents_again(line: Line, tmp_path: Path) -> None:
    rows = [{"question": f"What is {n}?", "answer": f"It is {n}."} for n in range(40)]
    arguments: dict[str, Any] = {"outputs": tmp_path, "progress": False}
    first = imprint.QuickTrainer("embedded", rows, **arguments).train()
    assert imprint.QuickTrainer("embedded", rows, **arguments).train() == first
    assert line.ran.count("dataset") == 1
    assert imprint.QuickTrainer("embedded", rows[:30], **arguments).train().run != first.run


def test_without_a_held_out_question_there_is_no_score(line: Line, tmp_path: Path) -> None:
    line.questions = 0
    model = imprint.QuickTrainer("embedded", "sample:chat", outputs=tmp_path, progress=False).train()
    assert (model.base, model.tuned, model.served) == (None, None, None)


def test_progress_goes_to_standard_error_unless_it_is_switched_off(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imprint.QuickTrainer("embedded", "sample:chat", outputs=tmp_path / "a").train()
    told = capsys.readouterr()
    assert "Base model: embedded" in told.err
    assert "adapter: train the adapter" in told.err
    imprint.QuickTrainer("embedded", "sample:chat", outputs=tmp_path / "b", progress=False).train()
    assert capsys.readouterr() == ("", "")
    assert told.out == ""


def test_wrong_settings_are_all_reported(tmp_path: Path) -> None:
    trainer = imprint.QuickTrainer("embedded", "sample:chat", "adapter.lora_x=1", "sead=2", outputs=tmp_path)
    with pytest.raises(SettingsError, match="2 problems"):
        trainer.train()


def test_the_time_of_a_training_is_estimated(tmp_path: Path) -> None:
    here = imprint.estimate_training_time("embedded", "sample:chat")
    assert here.seconds == sum(cost.seconds for cost in here.costs) > 0
    there = imprint.estimate_training_time("embedded", "sample:chat", "adapter.epochs=90", machine="RTX 4060 8GB")
    assert there.machine != here.machine
    with pytest.raises(InputError, match="abacus"):
        imprint.estimate_training_time("embedded", "sample:chat", machine="abacus")


def test_the_bases_that_have_a_name() -> None:
    found = {item.name: item for item in imprint.get_available_models("RTX 4060 8GB")}
    assert found["gpt2"].fits
    assert not found["qwen-3-14b"].fits
    assert [item.name for item in imprint.get_available_models()] == list(found)
