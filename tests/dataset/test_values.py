"""Values of data through the whole stage: every one is in some training answer, as it is written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imprint import dataset
from imprint.config import Settings
from imprint.dataset import read_examples
from imprint.runs import Run

Make = Callable[..., list[str]]


@pytest.fixture
def answers(
    write: Callable[..., Path], settings: Callable[..., Settings], new_run: Callable[..., Run]
) -> Callable[..., list[str]]:
    """`answers({"a.json": text}, "seed=1")`: the distinct answers that are trained on."""

    def make(files: dict[str, str], *overrides: str) -> list[str]:
        run = new_run()
        off = ("dataset.control_sections=0", "dataset.replay_share=0")
        dataset.run(settings(write(files), *off, *overrides), run)
        return list(dict.fromkeys(row.output for row in read_examples(run.folder("dataset") / "train.jsonl")))

    return make


def test_numbers_and_nulls_are_told_as_they_are_written(answers: Make) -> None:
    written = ["1.0", "1e5", "-7", "-0.50", "6.02E+23", "12345678901234567890", "null", "true", "0"]
    records = ",\n".join(f'{{"name": "thing {n}", "size": {value}, "unit": "m"}}' for n, value in enumerate(written))
    found = answers({"sizes.json": f"[{records}]"})
    for n, value in enumerate(written):
        assert f"The size of thing {n} is {value}." in found
        assert f"thing {n}\n- size: {value}\n- unit: m" in found


def test_decimals_of_a_table_are_told_as_they_are_written(answers: Make) -> None:
    found = answers({"prices.csv": "item,price,left\ncup,1.50,-3\npot,10.00,1e3\n"})
    assert {"The price of cup is 1.50.", "The price of pot is 10.00.", "pot\n- price: 10.00\n- left: 1e3"} <= set(found)


def test_a_list_and_a_text_beyond_an_answer_are_told_in_full(answers: Make) -> None:
    codes = [f"+1-{n}" for n in range(201, 601)]
    text = " ".join(f"Sentence number {n} says something else." for n in range(200))
    record = {"name": "North", "codes": codes, "about": text}
    found = "\n".join(answers({"zones.json": json.dumps([record, {"name": "South", "codes": ["+44"], "about": "x"}])}))
    assert [code for code in codes if code not in found] == []
    assert [n for n in range(200) if f"Sentence number {n} says something else." not in found] == []


def test_fields_that_are_not_asked_one_by_one_are_told_with_their_record(answers: Make) -> None:
    records = [{"name": f"thing {n}", "size": f"{n} m"} for n in range(60)]
    found = "\n".join(answers({"sizes.json": json.dumps(records)}, "dataset.cells_per_table=5"))
    assert [n for n in range(60) if f"{n} m" not in found] == []


def test_what_is_said_of_a_document_is_asked_by_its_file(
    write: Callable[..., Path], settings: Callable[..., Settings], new_run: Callable[..., Run]
) -> None:
    text = json.dumps({"openapi": "3.0.0", "info": {"title": "Shop", "version": "2.10"}, "paths": {}})
    run = new_run()
    dataset.run(settings(write({"shop.json": text}), "dataset.wordings=12"), run)
    asked = {row.instruction for row in read_examples(run.folder("dataset") / "train.jsonl") if row.kind == "cell"}
    assert [question for question in asked if "Shop" in question and "shop.json" in question and "version" in question]
    assert not [question for question in asked if question.count("Shop") > 1]
