"""The invented facts of the benchmark: their number, their names, and the documents that state them."""

import json
from pathlib import Path

import pytest
from benchmarks.invented import every_fact, make_pages, write_pages

from imprint import documents
from imprint.config import Documents


@pytest.mark.parametrize("count", [24, 240, 1000])
def test_there_are_as_many_facts_as_asked_for(count: int) -> None:
    assert len(list(every_fact(make_pages(count, seed=1)))) == count


@pytest.mark.parametrize("count", [0, 20, 26])
def test_a_number_that_does_not_come_out_even_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="multiple of 4, and at least 24"):
        make_pages(count, seed=1)


def test_the_seed_decides() -> None:
    assert make_pages(48, seed=1) == make_pages(48, seed=1)
    assert make_pages(48, seed=1) != make_pages(48, seed=2)


def test_no_two_things_have_one_name() -> None:
    names = [thing for page in make_pages(1000, seed=3) for thing in page.things]
    assert len(set(names)) == len(names) == 250


def test_every_form_is_read_with_every_value(tmp_path: Path) -> None:
    pages = make_pages(48, seed=1)
    write_pages(pages, tmp_path)
    assert {page.form for page in pages} == {"table", "records", "prose"}
    settings = Documents(path=tmp_path)
    read = {file.name: documents.read(file, settings) for file in documents.find(settings).files}
    for page in pages:
        text = repr(read[page.path])
        for facts in page.things.values():
            for fact in facts:
                assert fact.value in text
                assert fact.thing in text


def test_a_part_of_a_page_holds_one_thing() -> None:
    for page in make_pages(48, seed=1):
        first, second = page.things
        assert first in page.parts[0]
        assert second not in page.parts[0]


def test_things_can_be_left_out() -> None:
    page = make_pages(48, seed=1)[1]
    first, second = page.things
    assert [record["name"] for record in json.loads(page.without({first}).text)] == [second]
