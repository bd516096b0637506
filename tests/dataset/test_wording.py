"""Facts put into words: how many questions, which one is held out, in which language."""

import pytest

from imprint.dataset.facts import Fact
from imprint.dataset.wording import Worded, put_into_words


def fact(kind: str, answer: str = "", language: str = "en", **slots: str) -> Fact:
    return Fact(kind, tuple(({"title": "Guide"} | slots).items()), answer, "guide.md", ("Guide",), (3, 4), language)


CELL = fact("table", key="`port`", column="default", value="8080")
QUESTION = fact("question", "So.", question="How do I retrain?")


def questions(worded: Worded) -> list[str]:
    return [*worded.trained, worded.held_out]


@pytest.mark.parametrize("wordings", [1, 2, 6])
def test_so_many_are_trained_on_and_one_more_is_held_out(wordings: int) -> None:
    worded = put_into_words(CELL, wordings, seed=1)
    assert len(worded.trained) == wordings
    assert len(set(questions(worded))) == wordings + 1


def test_where_there_are_fewer_forms_one_is_still_held_out() -> None:
    worded = put_into_words(CELL, 12, seed=1)
    assert worded.held_out
    assert worded.held_out not in worded.trained
    assert len(worded.trained) < 12


def test_the_plainest_wording_is_always_trained_on() -> None:
    held_out = set()
    for seed in range(30):
        worded = put_into_words(CELL, 1, seed)
        assert worded.trained == ("What is the default of port?",)
        held_out.add(worded.held_out)
    assert len(held_out) > 5, "the seed decides which one is held out"


def test_fact_and_seed_alone_decide() -> None:
    assert put_into_words(CELL, 6, 1) == put_into_words(CELL, 6, 1)
    assert put_into_words(CELL, 6, 1) != put_into_words(CELL, 6, 2)


def test_a_cell_is_answered_in_a_sentence_with_its_value_as_written() -> None:
    worded = put_into_words(fact("table", key="port", column="use", value="**open** `80`"), 3, 1)
    assert worded.answer == "The use of port is **open** `80`."


def test_the_documents_own_text_is_the_answer_where_there_is_one() -> None:
    assert put_into_words(QUESTION, 3, 1).answer == "So."


def test_a_question_that_begins_in_a_usual_way_gets_other_words() -> None:
    every = {question for seed in range(9) for question in questions(put_into_words(QUESTION, 12, seed))}
    assert {"How do I retrain?", "How can I retrain?", "Tell me how to retrain."} <= every


def test_questions_are_plain_text() -> None:
    worded = put_into_words(fact("section", "x", heading="The `port` **key**"), 12, 1)
    assert not any(mark in question for question in questions(worded) for mark in "`*")


def test_braces_of_the_document_are_only_text() -> None:
    worded = put_into_words(fact("table", key="{title}", column="{x}", value="{0}"), 2, 1)
    assert worded.trained[0] == "What is the {x} of {title}?"
    assert worded.answer == "The {x} of {title} is {0}."


@pytest.mark.parametrize(
    ("asked", "first", "answer"),
    [
        (fact("table", language="tr", key="İzmir", column="ilçe", value="30"), "İzmir için ilçe nedir?", "30"),
        (fact("definition", language="tr", term="ışık", meaning="enerji"), "ışık nedir?", "ışık: enerji"),
        (fact("section", "Metin.", language="tr", heading="İzin"), "Guide belgesinde “İzin” konusunda ne yazıyor?", ""),
    ],
)
def test_turkish_facts_are_asked_and_answered_in_turkish(asked: Fact, first: str, answer: str) -> None:
    worded = put_into_words(asked, 6, 1)
    assert worded.trained[0] == first
    assert worded.answer.endswith(answer)
    assert not {"what", "the", "tell", "me", "give"} & set(" ".join(questions(worded)).casefold().split())


def test_a_language_without_wordings_is_asked_in_english() -> None:
    worded = put_into_words(fact("definition", language="de", term="Lauf", meaning="ein Durchgang"), 2, 1)
    assert worded.trained[0] == "What is Lauf?"
