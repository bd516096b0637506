"""What models contribute, through the whole making of a dataset, asked at a real HTTP endpoint."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.dataset.endpoint import Endpoint, Response, completion, running_endpoint

from imprint import dataset
from imprint.config import Settings
from imprint.dataset import Example, read_examples
from imprint.dataset.consulting import GENERAL
from imprint.runs import Run

LEAVE = """# Handbook

## Parental leave

Every employee gets exactly twelve weeks of parental leave. The leave starts at the birth or at most 3 weeks before it.
The office needs a letter two months before the leave begins, and the team plans who takes over.

## Lunch

Lunch is served from noon to two in the canteen on the ground floor, and it costs four euros for every employee.
"""


def write(body: dict[str, Any]) -> Response:
    """What a helpful model answers: questions with the section in view, one answer to a question, or small talk."""
    prompt = body["messages"][-1]["content"]
    if "Write" in prompt and "JSON" in prompt:
        subject = "Parental leave" if "Parental leave" in prompt else "Lunch"
        if subject == "Lunch":
            return completion("no JSON here")
        pairs = [
            {"question": "How long is the parental leave of the Handbook?", "answer": "It is twelve weeks long."},
            {"question": "How many days is parental leave in the Handbook?", "answer": "It is 84 days long."},
        ]
        return completion("\n".join(map(json.dumps, pairs)))
    if "How long is the parental leave" in prompt:
        return completion("The parental leave is twelve weeks long.")
    return completion("A friendly answer to that.")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint(write) as made:
        yield made


Make = Callable[..., dict[str, list[Example]]]


@pytest.fixture
def make(tmp_path: Path, settings: Callable[..., Settings], new_run: Callable[..., Run], endpoint: Endpoint) -> Make:
    """`make("dataset.replay_share=0.1")`: the rows by split, with the endpoint as base."""

    def run(*overrides: str) -> dict[str, list[Example]]:
        (tmp_path / "documents").mkdir(exist_ok=True)
        (tmp_path / "documents" / "handbook.md").write_text(LEAVE, encoding="utf-8")
        made = new_run()
        serving = lambda: contextlib.nullcontext(endpoint.url)  # noqa: E731  # a context manager for each call
        dataset.run(settings(tmp_path / "documents", *overrides), made, serving)
        folder = made.folder("dataset")
        return {split: read_examples(folder / f"{split}.jsonl") for split in ("train", "validation", "test")}

    return run


def test_general_rows_are_about_their_share_and_answered_by_the_base(make: Make) -> None:
    train = make("dataset.replay_share=0.2")["train"]
    general = [row for row in train if row.kind == "replay"]
    assert 0.1 < len(general) / len(train) < 0.3
    assert {row.output for row in general} == {"A friendly answer to that."}
    assert {row.source.document for row in general} == {GENERAL}


def test_a_restart_asks_nothing_again_and_gives_the_same_rows(make: Make, endpoint: Endpoint) -> None:
    first = make("dataset.replay_share=0.2", "dataset.augment=base")
    sent = len(endpoint.asked)
    assert sent > 0
    assert make("dataset.replay_share=0.2", "dataset.augment=base") == first
    assert len(endpoint.asked) == sent


def test_questions_that_a_model_wrote_are_kept_where_they_hold(make: Make, tmp_path: Path) -> None:
    train = make("dataset.augment=base")["train"]
    written = [row for row in train if row.kind == "augmented"]
    assert {(row.instruction, row.output) for row in written} == {
        ("How long is the parental leave of the Handbook?", "It is twelve weeks long.")
    }
    assert written[0].source.document == "handbook.md"
    assert written[0].source.heading == ("Handbook", "Parental leave")
    (card,) = tmp_path.glob("outputs/runs/*/dataset/card.md")
    text = card.read_text(encoding="utf-8")
    assert "- of them dropped: not in the section:" in text
    assert "- of them kept: 1" in text


def test_without_models_nothing_is_asked(make: Make, endpoint: Endpoint) -> None:
    make("dataset.replay_share=0")
    assert len(endpoint.asked) == 0
