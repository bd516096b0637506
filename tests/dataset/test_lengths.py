"""Counting tokens word by word."""

from pathlib import Path

from imprint import base
from imprint.dataset.lengths import Lengths

ROOT = Path(__file__).parents[2]


def lengths(most: int = 100) -> Lengths:
    return Lengths(base.token_counter(base.find("embedded")), answer=most, row=most)


def test_the_sum_over_words_is_near_the_tokenizers_count() -> None:
    count, measure = base.token_counter(base.find("embedded")), lengths()
    for file in sorted((ROOT / "documents").glob("*.md")):
        text = file.read_text(encoding="utf-8")
        assert abs(measure.estimate(text) - count(text)) <= 0.1 * count(text)


def test_near_the_limit_the_tokenizer_decides() -> None:
    count = base.token_counter(base.find("embedded"))
    text = "A sentence about retries,  with `code` and\n\n- a list;\n- of things. " * 7
    exact = count(text)
    assert lengths(exact).fits(text, exact)
    assert not lengths(exact).fits(text, exact - 1)


def test_an_answer_is_never_longer_than_a_row() -> None:
    assert Lengths(len, answer=500, row=200).answer == 200


def test_two_texts_fit_together_as_they_do_in_one() -> None:
    measure = lengths()
    question, answer = "What does the guide say about retries? " * 3, "A request is sent again, `n` times. " * 9
    whole = base.token_counter(base.find("embedded"))(question + answer)
    for most in (whole // 2, whole - 1, whole, whole + 1, 2 * whole):
        assert measure.fit_together(question, answer, most) == measure.fits(question + answer, most) == (whole <= most)


def test_an_estimate_that_was_noted_is_the_one_given() -> None:
    measure = lengths()
    measure.note("Of two texts.", 99)
    assert measure.estimate("Of two texts.") == 99
