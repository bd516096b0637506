"""The evaluation stage on real models: what a stopped one keeps, what it says where nothing is held out."""

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.line import write_guide

from imprint import base, config, environment
from imprint.config import Settings
from imprint.errors import InputError, SettingsError
from imprint.evaluation import stage
from imprint.evaluation.results import BASE, SERVED, read_predictions, read_results
from imprint.runs import Event, Outputs, Run, RunState

HELD_OUT = [
    ("Where is the crane?", "At the pier."),
    ("What does water cost?", "3 crowns"),
    ("Who books?", "The office."),
]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the embedded base, and with no effect: its second matrices are zeros."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("adapter")
    source = base.find("embedded").source
    with environment.borrowed():
        environment.offline()
        bare: Any = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
        get_peft_model(bare, LoraConfig(target_modules=["o_proj"], task_type="CAUSAL_LM")).save_pretrained(str(folder))
        AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, adapter: Path, gguf: Path) -> Run:
    """A run whose stages before the evaluation are complete."""
    state = RunState(
        id="20260101-000000-aaaaaa",
        state="building",
        request="r",
        reason=["a test"],
        base="embedded",
        started="now",
        settings=settings(tmp_path).plain(),
    )
    made = Outputs(tmp_path / "outputs").create(state)
    source = {"document": "guide.md", "heading": ["Guide"], "lines": [1, 1]}
    rows = [
        {"instruction": question, "input": "", "output": answer, "kind": "cell", "fact": question, "source": source}
        for question, answer in HELD_OUT
    ]
    files: dict[str, dict[str, bytes | Path]] = {
        "dataset": {
            "test.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
            "control.jsonl": b"",
        },
        "adapter": {file.name: file for file in adapter.iterdir()},
        "model": {"m.gguf": gguf},
    }
    for name, content in files.items():
        with made.record(name, inputs={}, settings={}, seed=1) as record:
            for file, what in content.items():
                if isinstance(what, Path):
                    os.link(what, record.folder / file)
                else:
                    (record.folder / file).write_bytes(what)
    return made


def settings(folder: Path, *overrides: str) -> Settings:
    write_guide(folder / "documents")
    places = [f"documents.path={folder / 'documents'}", f"outputs={folder / 'outputs'}", "base=embedded"]
    short = ["evaluation.max_new_tokens=3", "evaluation.batch_size=100"]
    return base.choose(config.load(overrides=[*places, *short, *overrides]), None)[0]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with environment.borrowed():
        yield


def evaluate(run: Run, folder: Path, *overrides: str, notify: Callable[[Event], None] = lambda event: None) -> Any:
    run.notify = notify
    stage.run(settings(folder, *overrides), run)
    return read_results(run.folder("evaluation"))


def drop(run: Run, name: str) -> None:
    (run.folder("dataset") / name).write_bytes(b"")


@pytest.mark.slow
def test_an_evaluation_that_was_stopped_goes_on_and_says_the_same(run: Run, tmp_path: Path) -> None:
    asked: list[tuple[str, float]] = []

    def stop_early(event: Event) -> None:
        asked.append((event.text, event.done))
        if event.text == "asking the base" and event.done >= 200:  # in the second batch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(run, tmp_path, notify=stop_early)
    kept = run.folder("evaluation") / "answers.jsonl"
    before = kept.read_text(encoding="utf-8").splitlines()
    assert len(before) == 100, "the batch that was done"
    assert run.manifest("evaluation") is None
    whole = evaluate(run, tmp_path, notify=lambda event: asked.append((event.text, event.done)))
    assert kept.read_text(encoding="utf-8").splitlines()[:100] == before
    assert max(done for _, done in asked) == 2 * 216 + 3, "three held-out questions of three models, 213 of two"

    manifest = run.complete("evaluation")
    assert {"results.json", "predictions.jsonl", "metrics.csv", "report.html", "card.md"} <= manifest.outputs.keys()
    assert manifest.counts["verdict"] == whole.verdict.word == "refused"
    assert [rule["name"] for rule in manifest.counts["failed"]] == ["ended"], "three tokens are too few to end in"
    lines = read_predictions(run.folder("evaluation"))
    assert [line.question for line in lines if line.suite == "held_out"] == [question for question, _ in HELD_OUT]
    with (run.folder("evaluation") / "metrics.csv").open(encoding="utf-8") as file:
        figures = list(csv.DictReader(file))
    (ended,) = [row for row in figures if (row["suite"], row["model"], row["figure"]) == ("general", "gguf", "ended")]
    assert float(ended["value"]) == whole.suites["general"]["gguf"].ended

    kept.unlink()
    anew = evaluate(run, tmp_path)
    assert without_speed(anew) == without_speed(whole), "the same model, the same seed, the same numbers"
    # An adapter without effect, and the base as GGUF in 16 bits: three times the same model.
    assert anew.agreement is not None
    assert anew.agreement >= 2 / 3
    assert anew.perplexity[SERVED].general == pytest.approx(anew.perplexity[BASE].general, rel=0.01)


def without_speed(results: Any) -> Any:
    return results.model_copy(update={"speed": {}})


@pytest.mark.slow
def test_without_held_out_rows_it_says_so_and_measures_what_it_can(run: Run, tmp_path: Path) -> None:
    drop(run, "test.jsonl")
    told: list[str] = []
    results = evaluate(run, tmp_path, notify=lambda event: told.append(event.text) if event.kind == "note" else None)
    assert told[0].startswith("no question is held out")
    assert results.verdict.word == "not proven"
    assert results.verdict.sentence.startswith("Not proven: no question was held out")
    assert results.questions == 0
    assert results.suites["general"].keys() == {BASE, SERVED}
    refused = evaluate(run, tmp_path, "verdict.not_proven=refuse")
    assert refused.verdict.word == "refused"
    forced = evaluate(run, tmp_path, "verdict.not_proven=refuse", "verdict.force=true")
    assert forced.verdict.word == "forced"


def test_what_is_wrong_is_found_before_a_model_is_loaded(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"prompts": [{"promt": "x", "expected": ["y"]}]}')
    with pytest.raises(SettingsError, match="did you mean prompt"):
        evaluate(run, tmp_path, f"evaluation.benchmark={tmp_path / 'mine.json'}")
    with pytest.raises(InputError, match=r"evaluation\.judge\.url"):
        evaluate(run, tmp_path, "evaluation.judge.url=ftp://judge")
    assert (run.folder("evaluation") / "answers.jsonl").read_text() == ""


def test_what_the_verdict_depends_on_is_a_reason_to_judge_again(run: Run, tmp_path: Path) -> None:
    plain = stage.settings(settings(tmp_path))
    assert stage.settings(settings(tmp_path, "verdict.ended=90")) != plain
    assert stage.settings(settings(tmp_path, "evaluation.max_questions=9")) != plain
    for same in ("verdict.force=true", "evaluation.judge.key=OTHER", "evaluation.batch_size=5", "seed=5"):
        assert stage.settings(settings(tmp_path, same)) == plain, same
    own = tmp_path / "own.json"
    own.write_text('[{"prompt": "x", "expected": ["y"]}]')
    with_own = settings(tmp_path, f"evaluation.benchmark={own}")
    before = stage.inputs(with_own, run)
    own.write_text('[{"prompt": "x", "expected": ["z"]}]')
    assert stage.inputs(with_own, run) != before != stage.inputs(settings(tmp_path), run)
