"""Facts put into words."""

import pytest
from tests.dataset.making import scope

from imprint.dataset.facts import Fact
from imprint.dataset.wording import put_into_words, wordings_of


def fact(kind: str = "cell", **slots: str) -> Fact:
    given = {"title": "Guide", "key": "`port`", "column": "default", "value": "80", **slots}
    return Fact(kind, given, "", ("Guide",), (1, 1), "place")


def test_the_plainest_question_comes_first_and_slots_are_without_markup() -> None:
    worded = put_into_words(fact(), scope())
    assert worded.trained[0] == "What is the default of port?"
    assert len(worded.trained) == 6
    assert worded.answer == "The default of `port` is 80."


@pytest.mark.parametrize("wordings", [1, 3, 8, 12])
def test_there_are_as_many_wordings_as_asked_for_and_none_twice(wordings: int) -> None:
    worded = put_into_words(fact(), scope(wordings=wordings))
    assert len(set(worded.trained)) == len(worded.trained) == wordings


def test_what_is_held_out_is_never_trained_whatever_the_fact() -> None:
    forms = wordings_of("en")["cell"]
    held = set()
    for number in range(50):
        worded = put_into_words(fact(key=f"k{number}"), scope(wordings=12))
        held.add(worded.held_out.replace(f"k{number}", "{key}").replace("default", "{column}"))
        assert worded.held_out not in worded.trained
    assert held == set(forms["held_out"])


def test_facts_differ_in_their_wordings_and_the_seed_decides() -> None:
    def chosen(seed: int) -> list[tuple[str, ...]]:
        inside = scope(wordings=3)
        inside.seed = seed
        every = [put_into_words(fact(key=f"k{n}"), inside).trained for n in range(20)]
        return [tuple(text.replace(f"k{n}", "k") for text in texts) for n, texts in enumerate(every)]

    assert chosen(1) == chosen(1) != chosen(2)
    assert len(set(chosen(1))) > 3


def test_a_question_heading_is_rephrased_by_how_it_begins() -> None:
    question = Fact("question", {"title": "G", "question": "How do I stop?"}, "Press A.", ("G",), (1, 1), "p")
    worded = put_into_words(question, scope())
    assert worded.trained[0] == "How do I stop?"
    assert "How can I stop?" in worded.trained
    assert worded.held_out in {"I want to stop, but I do not know how.", "My plan is to stop. Which way is right?"}
    other = Fact("question", {"title": "G", "question": "Stuck?"}, "Press A.", ("G",), (1, 1), "p")
    assert put_into_words(other, scope()).trained[0] == "Stuck?"


def test_a_value_with_its_own_full_stop_gets_no_second_one() -> None:
    assert put_into_words(fact(value="M. Y."), scope()).answer == "The default of `port` is M. Y."
    assert put_into_words(fact(value="and so on..."), scope()).answer.endswith("so on...")


def test_braces_in_a_document_are_text() -> None:
    worded = put_into_words(fact(key="{value} {0}"), scope())
    assert worded.trained[0] == "What is the default of {value} {0}?"


def test_a_language_without_wordings_gets_english_ones() -> None:
    assert wordings_of("xx") == wordings_of("en")
    for language in ("tr", "ta", "de", "es", "fr", "pt", "ar", "zh", "hi"):
        assert wordings_of(language) != wordings_of("en")


@pytest.mark.parametrize("key", ["100 %s", "a\0b", ""])
def test_what_would_disturb_the_filling_in_is_text(key: str) -> None:
    worded = put_into_words(fact(key=key), scope())
    assert worded.trained[0] == f"What is the default of {key}?"
    assert len(worded.trained) == 6


def test_a_fact_may_have_fewer_wordings_than_the_settings_say() -> None:
    few = Fact("cell", fact().slots, "", ("Guide",), (1, 1), "place", 2)
    worded, usual = put_into_words(few, scope()), put_into_words(fact(), scope())
    assert worded.trained == usual.trained[:2]
    assert worded.held_out == usual.held_out


def test_the_other_side_of_a_fact_gets_half_the_wordings() -> None:
    slots = {"title": "G", "column": "c", "value": "v", "row": "r", "key": "k"}
    reverse = Fact("cell_reverse", slots, "", ("G",), (1, 1), "p")
    assert len(put_into_words(reverse, scope()).trained) == 3
    assert len(put_into_words(reverse, scope(wordings=1)).trained) == 1
