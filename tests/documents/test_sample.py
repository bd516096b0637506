"""The datasets that ship with Imprint."""

import collections
import json
from pathlib import Path

import pytest

from imprint import base, config, documents
from imprint.dataset.checking import check
from imprint.dataset.making import dry_run
from imprint.documents import sample
from imprint.errors import DocumentError

NAMES = ["sample:chat", "sample:instruct"]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_twenty_rows_without_a_problem(name: str) -> None:
    report = check([sample.find(name)], base.find(base.EMBEDDED), 2048)
    assert report.problems == []
    assert report.figures["rows"] == 20


def test_chat_holds_conversations_of_several_turns() -> None:
    rows = [json.loads(line) for line in sample.find("sample:chat").read_text(encoding="utf-8").splitlines()]
    turns = [[turn["role"] for turn in row["messages"]] for row in rows]
    assert sum(roles.count("user") > 1 for roles in turns) >= 4
    assert any(roles[0] == "system" for roles in turns)


def test_instruct_asks_for_each_fact_twice() -> None:
    """What is held out of 20 rows can be known from the others."""
    rows = [json.loads(line) for line in sample.find("sample:instruct").read_text(encoding="utf-8").splitlines()]
    assert all(set(row) == {"instruction", "input", "output"} for row in rows)
    assert set(collections.Counter(row["output"] for row in rows).values()) == {2}


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_a_documents_folder_like_any_other(name: str) -> None:
    settings = config.load(overrides=[f"documents.path={name}", "base=embedded"], environment={})
    assert settings.documents.path == Path(name)
    assert list(documents.digests(settings.documents)) == [name]
    chosen, _ = base.choose(settings, None)
    with dry_run(chosen, lambda *_: None) as (summary, folder):
        counts = summary.counts()
        rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert counts["train"] + counts["validation"] + counts["test"] == 20
    assert counts["test"] > 0, "something is held out with the default seed"
    assert counts["validation"] > 0
    assert {row["source"]["document"] for row in rows} == {name}


def test_samples_may_be_weighted_beside_folders() -> None:
    settings = config.load(overrides=["documents=[{path: 'sample:chat', weight: 2}, {path: 'sample:instruct'}]"])
    found = documents.find(settings.documents).files
    assert [(file.name, file.weight) for file in found] == [("sample:chat", 2.0), ("sample:instruct", 1.0)]


@pytest.mark.parametrize("name", ["sample:", "sample:chit", "sample:../samples/chat"])
def test_another_name_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(DocumentError, match="there are: sample:chat, sample:instruct"):
        documents.find(config.load(overrides=[f"documents.path={json.dumps(name)}"]).documents)
