"""Two models side by side: a run's base, its GGUF, other runs, files and bases, really asked."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import EMBEDDED

from imprint import base, config
from imprint.config import Settings
from imprint.dataset import Example
from imprint.dataset.types import Source
from imprint.errors import DatasetError, InputError
from imprint.evaluation.comparing import Accuracy, Compared, Comparison, Difference, compare, side_by_side
from imprint.evaluation.kept import NAME as ANSWERS
from imprint.evaluation.results import Prediction
from imprint.runs import Run

ASKED = ("What is a boat?", "Tell me about the port.", "Which tea is red?")
SOURCE = Source(document="a.md", heading=("A",), lines=(1, 2))


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter on the embedded base that changes nothing yet."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("adapter")
    bare = AutoModelForCausalLM.from_pretrained(EMBEDDED)
    get_peft_model(bare, LoraConfig(target_modules=["o_proj"], task_type="CAUSAL_LM")).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(EMBEDDED / name, folder)
    return folder


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    """Settings as the command line reads them: the base is still open."""
    given = (f"outputs={tmp_path / 'outputs'}", "evaluation.max_new_tokens=8", "service.context=256")
    return config.load(overrides=given)


@pytest.fixture
def make_run(new_run: Callable[..., Run], chosen: Settings, gguf: Path, adapter: Path) -> Callable[..., Run]:
    """`make_run("Yes.", …)`: a run of the embedded base whose held-out questions expect these answers."""

    def make(*expected: str) -> Run:
        trained, _ = base.choose(chosen.model_copy(update={"base": "embedded"}), None)
        made = new_run(state="complete")
        made.write_state(made.state().model_copy(update={"settings": trained.plain()}))
        with made.record("dataset", inputs={}, settings={}, seed=1) as record:
            rows = [
                Example(instruction=question, input="", output=answer, kind="cell", fact=f"f{number}", source=SOURCE)
                for number, (question, answer) in enumerate(zip(ASKED, expected, strict=False))
            ]
            (record.folder / "test.jsonl").write_text("".join(row.line() + "\n" for row in rows), encoding="utf-8")
        with made.record("adapter", inputs={}, settings={}, seed=1) as record:
            shutil.copytree(adapter, record.folder, dirs_exist_ok=True)
        with made.record("model", inputs={}, settings={}, seed=1) as record:
            os.link(gguf, record.folder / "m.gguf")
        return made

    return make


def write_predictions(run: Run, right: dict[str, bool], **fields: Any) -> None:
    """What an evaluation leaves about the base."""
    lines = [
        Prediction(
            suite="held_out", kind="cell", fact="", source=None, question=question, expected=expected,
            answers={"base": "said"}, correct={"base": right[question]}, ended={"base": True},
        ).model_copy(update=fields)
        for question, expected in zip(ASKED, ("one", "two", "three"), strict=True)
    ]  # fmt: skip
    run.folder("evaluation").mkdir()
    text = "".join(line.model_dump_json() + "\n" for line in lines)
    (run.folder("evaluation") / "predictions.jsonl").write_text(text, encoding="utf-8")


# ---- prompts of the user's ------------------------------------------------------------------------------------------


def test_base_and_served_model_answer_the_same_prompts(make_run: Callable[..., Run], chosen: Settings) -> None:
    run = make_run()
    told: list[tuple[str, float, float]] = []
    found = compare(chosen, run, ASKED[:2], progress=lambda *step: told.append(step))
    assert (found.first, found.second) == ("embedded", f"run {run.id}")
    assert [answer.prompt for answer in found.answers] == [*ASKED[:2]]
    for answer in found.answers:
        assert answer.first == answer.second != ""  # the GGUF is that of the base, and the adapter changes nothing
        assert (answer.expected, answer.first_is_right) == (None, None)
    assert found.difference is None
    assert told[-1] == (f"asking run {run.id}", 4, 4)
    assert json.loads(json.dumps(found.plain()))["answers"][1]["prompt"] == ASKED[1]
    text = found.text()
    assert text.index(ASKED[0]) < text.index(f"  embedded: {found.answers[0].first}") < text.index(ASKED[1])


def test_what_was_answered_is_not_asked_again(make_run: Callable[..., Run], chosen: Settings, gguf: Path) -> None:
    run = make_run()
    first = compare(chosen, run, ASKED)
    (run.folder("model") / "m.gguf").unlink()
    (run.folder("model") / "m.gguf").write_bytes(b"this file cannot be loaded")
    (run.folder("adapter") / "adapter_model.safetensors").unlink()
    assert compare(chosen, run, ASKED) == first
    assert not run.folder("evaluation").exists()  # a stage's folder is its own
    assert (chosen.outputs / "comparisons" / ANSWERS).is_file()


def test_the_same_prompt_twice_gets_two_answers(make_run: Callable[..., Run], chosen: Settings) -> None:
    run = make_run()
    one, other = compare(chosen, run, [ASKED[0], ASKED[0]], against=run.id).answers
    assert one == other


def test_another_base_is_asked_as_it_is(make_run: Callable[..., Run], chosen: Settings, tiny_gpt2: Path) -> None:
    run = make_run()
    short = chosen.model_copy(update={"service": chosen.service.model_copy(update={"context": 200})})
    found = compare(short, run, ASKED[:2], against=str(tiny_gpt2))
    assert found.first == "tiny-gpt2"
    assert found.answers[0].first != found.answers[0].second


def test_a_prompt_beyond_the_context_is_told(make_run: Callable[..., Run], chosen: Settings) -> None:
    run = make_run()
    with pytest.raises(InputError, match=r"1 of 2 prompts do not fit .* 'boat boat") as caught:
        compare(chosen, run, [ASKED[0], "boat " * 400], against=run.id)
    assert "service.context" in caught.value.hint


# ---- held-out questions ---------------------------------------------------------------------------------------------


@pytest.fixture
def said(make_run: Callable[..., Run], chosen: Settings) -> list[str]:
    """What the GGUF of every run here says to the three questions, in the words that an evaluation lets it have."""
    run = make_run("one", "two", "three")
    return [answer.first for answer in side_by_side(chosen, run, run.id).answers]


def test_two_runs_are_held_against_each_other(
    make_run: Callable[..., Run], chosen: Settings, said: list[str], tmp_path: Path
) -> None:
    run, other = make_run(said[0], "something else", said[2]), make_run()
    found = side_by_side(chosen, run, other.id)
    assert [answer.expected for answer in found.answers] == [said[0], "something else", said[2]]
    assert [(one.first_is_right, one.second_is_right) for one in found.answers] == [
        (True,) * 2,
        (False,) * 2,
        (True,) * 2,
    ]
    assert [(one.name, one.questions, one.accuracy) for one in found.accuracies] == [
        (f"run {run.id}", 3, pytest.approx(2 / 3)),
        (f"run {other.id}", 3, pytest.approx(2 / 3)),
    ]
    low, high = found.accuracies[0].interval
    assert 0 <= low < 2 / 3 < high <= 1
    assert found.difference == Difference(0.0, (0.0, 0.0), only_first=0, only_second=0, both=2, neither=1)
    assert "in neither 1" in found.text()


def test_a_file_and_a_base_are_known_by_their_names(
    make_run: Callable[..., Run], chosen: Settings, said: list[str], gguf: Path, tiny_gpt2: Path
) -> None:
    run = make_run(*said)
    of_file = side_by_side(chosen, run, str(gguf))
    assert of_file.second == "base.gguf"
    assert of_file.difference is not None
    assert of_file.difference.both == 3
    of_base = side_by_side(chosen, run, str(tiny_gpt2))
    assert (of_base.second, of_base.accuracies[1].accuracy) == ("tiny-gpt2", 0.0)
    assert of_base.difference is not None
    assert of_base.difference.only_first == 3
    assert [answer.first for answer in of_base.telling] == said


def test_the_runs_own_base_stands_beside_where_its_evaluation_kept_it(
    make_run: Callable[..., Run], chosen: Settings
) -> None:
    run = make_run("one", "two", "three")
    write_predictions(run, dict(zip(ASKED, (True, False, False), strict=True)))
    found = side_by_side(chosen, run, make_run().id)
    assert [one.name for one in found.accuracies][2:] == ["embedded"]
    assert found.accuracies[2].accuracy == pytest.approx(1 / 3)
    assert len(side_by_side(chosen, run, "embedded").accuracies) == 2  # not twice


@pytest.mark.parametrize("fields", [{"expected": "other"}, {"suite": "general"}, {"correct": {}}])
def test_predictions_about_other_questions_say_nothing(
    make_run: Callable[..., Run], chosen: Settings, fields: dict[str, Any]
) -> None:
    run = make_run("one", "two", "three")
    write_predictions(run, dict.fromkeys(ASKED, True), **fields)
    assert len(side_by_side(chosen, run, run.id).accuracies) == 2


def test_as_many_questions_as_an_evaluation_asks(make_run: Callable[..., Run], chosen: Settings) -> None:
    few = chosen.model_copy(update={"evaluation": chosen.evaluation.model_copy(update={"max_questions": 2})})
    run = make_run("one", "two", "three")
    assert [answer.prompt for answer in side_by_side(few, run, run.id).answers] == [ASKED[0], ASKED[1]]


def test_a_run_that_holds_out_nothing_is_told(make_run: Callable[..., Run], chosen: Settings) -> None:
    with pytest.raises(DatasetError, match="holds out no question"):
        side_by_side(chosen, make_run(), "embedded")


@pytest.mark.parametrize("name", ["20260101-000000-nobody", "no-such.gguf", "embeded"])
def test_an_unknown_name_is_told_with_what_there_is(make_run: Callable[..., Run], chosen: Settings, name: str) -> None:
    run = make_run("one")
    with pytest.raises(InputError, match=f"There is no model '{name}'") as caught:
        side_by_side(chosen, run, name)
    assert run.id in caught.value.message
    assert "imprint bases" in caught.value.hint


def test_a_run_of_another_version_is_told(make_run: Callable[..., Run], chosen: Settings) -> None:
    run, old = make_run("one"), make_run()
    old.write_state(old.state().model_copy(update={"settings": {"base": "embedded", "model": {"bits": 4}}}))
    with pytest.raises(InputError, match=f"settings of run {old.id}") as caught:
        side_by_side(chosen, run, old.id)
    assert str(old.folder("model")) in caught.value.hint


# ---- in a terminal --------------------------------------------------------------------------------------------------


def test_a_long_list_shows_what_the_second_alone_has_right_first() -> None:
    answers = tuple(
        Compared(f"q{number}", "a", "x", "y", first_is_right=number % 10 != 0, second_is_right=number % 10 == 0)
        for number in range(100)
    )
    found = Comparison(
        "one", "two", answers,
        (Accuracy("one", 100, 0.9, (0.84, 0.95)), Accuracy("two", 100, 0.1, (0.05, 0.16))),
        Difference(0.8, (0.68, 0.9), only_first=90, only_second=10, both=0, neither=0),
    )  # fmt: skip
    assert [answer.prompt for answer in found.telling] == [
        *(f"q{number}" for number in range(0, 100, 10)),
        *(f"q{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11)),
    ]
    assert replace(found, answers=()).text().splitlines() == [
        "one: 90.0% of 100 right (95%: 84.0% to 95.0%)",
        "two: 10.0% of 100 right (95%: 5.0% to 16.0%)",
        "one above two: +80.0 points (95%: +68.0 to +90.0)",
        "right in both 0, in neither 0, in one alone 90, in two alone 10",
        "20 of the 100 that one alone has right follow; --json has all",
    ]
