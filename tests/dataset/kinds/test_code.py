"""Code, by its heading and by what leads to it."""

import pytest
from tests.dataset.making import code, paragraph, scope

from imprint.dataset.kinds import code as kind
from imprint.dataset.kinds import find_facts
from imprint.dataset.wording import put_into_words


def test_code_is_asked_by_heading_and_by_lead_in() -> None:
    found = scope(paragraph("There are ways. To start `it`, run:"), code("x = 1  # *not* emphasis", line=3))
    facts = list(kind.find(found, found.document.sections[0], "place"))
    assert [(fact.kind, fact.slots.get("lead")) for fact in facts] == [
        ("code", None),
        ("code_lead_in", "To start it, run:"),
    ]
    assert {fact.answer for fact in facts} == {"```\nx = 1  # *not* emphasis\n```"}


def test_several_blocks_are_told_apart() -> None:
    found = scope(code("a"), code("b", line=5))
    facts = list(kind.find(found, found.document.sections[0], "place"))
    assert [fact.slots["heading"] for fact in facts] == ["Retries", "Retries (2/2)"]


@pytest.mark.parametrize(("wordings", "asked"), [(1, [1, 1]), (2, [1, 1]), (5, [3, 2]), (6, [3, 3])])
def test_code_that_is_asked_both_ways_has_the_wordings_of_one_fact(wordings: int, asked: list[int]) -> None:
    found = scope(paragraph("To start it, run:"), code("x"), wordings=wordings)
    worded = [put_into_words(fact, found) for fact in kind.find(found, found.document.sections[0], "place")]
    assert [len(fact.trained) for fact in worded] == asked
    assert all(fact.held_out for fact in worded)


def test_code_that_is_asked_one_way_only_keeps_all_wordings() -> None:
    for found in (
        scope(code("x"), wordings=6),
        scope(paragraph("To start it, run:"), code("x"), wordings=6, kinds=("code",)),
        scope(paragraph("To start it, run:"), code("x"), wordings=6, kinds=("code_lead_in",)),
    ):
        (fact,) = [fact for fact in find_facts(found) if fact.kind in kind.KINDS]
        assert len(put_into_words(fact, found).trained) == 6
