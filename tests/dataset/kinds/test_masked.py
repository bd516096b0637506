"""Masked reconstruction."""

import pytest
from tests.dataset.making import paragraph, scope

from imprint.dataset.facts import Fact
from imprint.dataset.kinds import find_facts, masked
from imprint.dataset.wording import put_into_words

TEXT = "The quick brown fox doesn't jump over the lazy dog, because `it` is tired: 7.5 hours of sleep were not enough."


def exercises(text: str, **settings: object) -> list[Fact]:
    found = scope(paragraph(text), kinds=("section", "masked"), **settings)  # type: ignore[arg-type]
    return [fact for fact in find_facts(found) if fact.kind == "masked"]


@pytest.mark.parametrize(
    "text", [TEXT, "敏捷的棕色狐狸跳过懒狗因为它很累睡眠不够", "முதல் வரி இங்கே உள்ளது இரண்டாம் வரி அங்கே உள்ளது மூன்றாம் வரி"]
)
def test_a_share_of_the_words_is_missing_and_the_answer_is_the_text(text: str) -> None:
    facts = exercises(text, masked=10)
    assert len(facts) == 10
    shares = []
    for fact in facts:
        assert fact.answer == text
        rest = iter(fact.slots["text"].split(masked.BLANK))
        assert text.startswith(next(rest))
        words = len(masked._WORD.findall(text))
        shares.append(fact.slots["text"].count(masked.BLANK) / words)
        assert masked.LEAST <= shares[-1] <= masked.MOST
    assert len(set(shares)) > 3


def test_the_blanks_stand_where_words_stood_and_nothing_else_changes() -> None:
    for fact in exercises(TEXT, masked=5):
        rest = TEXT
        for piece in fact.slots["text"].split(masked.BLANK):
            at = rest.find(piece)
            assert at >= 0
            rest = rest[at + len(piece) :]
        assert rest == ""


def test_short_texts_and_a_setting_of_zero_give_none() -> None:
    assert exercises("Five words are too few.") == []
    assert exercises(TEXT, masked=0) == []


def test_an_exercise_is_one_row_and_holds_none_out() -> None:
    found = scope(paragraph(TEXT))
    for fact in exercises(TEXT):
        worded = put_into_words(fact, found)
        assert (len(worded.trained), worded.held_out) == (1, "")
        assert fact.slots["text"] in worded.trained[0]
