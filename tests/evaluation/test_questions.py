"""What is asked: the suites of an evaluation, from a run's dataset and the documents."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imprint.config import Settings
from imprint.errors import SettingsError
from imprint.evaluation.questions import WHO, Question, collect
from imprint.evaluation.results import (
    BENCHMARK,
    CEILING,
    CONTROL,
    GENERAL,
    HELD_OUT,
    OFF_TOPIC,
    SUITES,
    UNANSWERABLE,
)
from imprint.runs import Run

HOURS = "# Pool\n\n## Hours\n\nThe pool opens at nine.\n\nIt closes at five.\n\n## Price\n\nIt costs 2,000 crowns.\n"


def row(question: str, answer: str, *, kind: str = "cell", heading: tuple[str, ...] = ("Pool", "Hours")) -> str:
    source = {"document": "pool.md", "heading": heading, "lines": [1, 2]}
    fields = {"instruction": question, "input": "", "output": answer, "kind": kind, "fact": question, "source": source}
    return json.dumps(fields) + "\n"


@pytest.fixture
def run(new_run: Callable[..., Run], write: Callable[..., Path]) -> Run:
    write({"pool.md": HOURS})
    made = new_run()
    folder = made.folder("dataset")
    folder.mkdir()
    (folder / "test.jsonl").write_text(
        row("When does the pool open?", "At nine.")
        + row("What does it cost?", "2,000 crowns", heading=("Pool", "Price"))
        + row("", "Plain text.", kind="text")
        + row("What is there?", "A pool.", kind="document", heading=())
    )
    (folder / "control.jsonl").write_text(
        row("Is there a sauna?", "Yes.") + row("Fill in: a ____.", "A sauna.", kind="masked")
    )
    return made


def asked(found: list[Question], suite: str) -> list[Question]:
    return [question for question in found if question.suite == suite]


def test_every_suite_is_asked(run: Run, settings: Callable[..., Settings], write: Callable[..., Path]) -> None:
    own = write({"own.json": json.dumps([{"prompt": "Where?", "expected": ["here"], "weight": 3}])}, run.path)
    found, notes = collect(settings(run.path.parents[2] / "documents", f"evaluation.benchmark={own / 'own.json'}"), run)
    assert notes == []
    assert {question.suite for question in found} == set(SUITES) == set(WHO)
    assert [question.text for question in asked(found, HELD_OUT)] == [
        "When does the pool open?",
        "What does it cost?",
        "What is there?",
    ]
    assert [question.text for question in asked(found, CONTROL)] == ["Is there a sauna?"]
    assert len(asked(found, GENERAL)) >= 120
    assert len(asked(found, OFF_TOPIC)) >= 25
    assert len(asked(found, UNANSWERABLE)) >= 25


def test_the_ceiling_shows_the_section_and_keeps_the_question(run: Run, settings: Callable[..., Settings]) -> None:
    found, _ = collect(settings(), run)
    first, second = asked(found, CEILING)
    assert first.text == "When does the pool open?"
    prompt = first.messages[-1]["content"]
    assert "It closes at five." in prompt
    assert "crowns" not in prompt
    assert prompt.endswith("When does the pool open?")
    assert "2,000 crowns" in second.messages[-1]["content"]
    none, _ = collect(settings(run.path.parents[2] / "documents", "evaluation.ceiling_questions=0"), run)
    assert asked(none, CEILING) == []


def test_a_document_that_is_gone_costs_the_ceiling_alone(run: Run, settings: Callable[..., Settings]) -> None:
    documents = run.path.parents[2] / "documents"
    (documents / "pool.md").rename(documents / "other.md")
    found, _ = collect(settings(), run)
    assert asked(found, CEILING) == []
    assert len(asked(found, HELD_OUT)) == 3


def test_nothing_held_out_is_said(run: Run, settings: Callable[..., Settings]) -> None:
    for name in ("test.jsonl", "control.jsonl"):
        (run.folder("dataset") / name).write_text("")
    found, notes = collect(settings(), run)
    assert {question.suite for question in found} == {GENERAL, OFF_TOPIC, UNANSWERABLE}
    assert [note.partition(":")[0] for note in notes] == [
        "no question is held out",
        "no section was kept from the training",
    ]


@pytest.mark.parametrize(
    ("suite", "fields", "answer", "score", "right"),
    [
        (HELD_OUT, {}, "It opens at nine.", 1.0, True),
        (HELD_OUT, {}, "It opens at ten.", 0.0, False),
        (UNANSWERABLE, {"item": "nobody"}, "I do not know.", 1.0, True),
        (UNANSWERABLE, {"item": "nobody"}, "It was Tuesday.", 0.0, False),
        (OFF_TOPIC, {"item": "nobody"}, "Hello!", None, None),
        (BENCHMARK, {"item": "two"}, "red", 0.5, False),
        (BENCHMARK, {"item": "two"}, "red, azure", 1.0, True),
        (BENCHMARK, {"item": "two"}, "red, azure, pink", 0.0, False),
    ],
)
def test_what_is_right(
    run: Run, settings: Callable[..., Settings], suite: str, fields: Any, answer: str, score: float, right: bool
) -> None:
    from imprint.evaluation.items import Item

    items = {
        "nobody": Item("Who?", "people"),
        "two": Item("Which?", "colours", (("red",), ("blue", "azure")), ("pink",)),
    }
    if fields:
        question = Question(suite, ({"role": "user", "content": "?"},), 8, item=items[fields["item"]])
    else:
        question = asked(collect(settings(), run)[0], HELD_OUT)[0]
        assert question.expected == "At nine."
    assert question.score(answer) == score
    assert question.is_right(answer) is right


def test_what_a_benchmark_expects_can_be_read() -> None:
    from imprint.evaluation.items import Item

    item = Item("Which?", "colours", (("red",), ("blue", "azure")))
    assert Question(BENCHMARK, ({"role": "user", "content": "?"},), 8, item=item).expected == "red, blue or azure"


def test_a_benchmark_that_is_not_there_is_an_error(run: Run, settings: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match=r"own\.json"):
        collect(settings(run.path.parents[2] / "documents", "evaluation.benchmark=own.json"), run)
