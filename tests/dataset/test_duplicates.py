"""Questions that are the same or nearly so, in several languages, and those that only look alike."""

import itertools
import random
import string

import numpy as np
import pytest
from numpy.typing import NDArray

from imprint.dataset.duplicates import NEAR, Questions, question_key, sketch


def trigrams(text: str) -> set[str]:
    padded = f"  {text} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def signature(text: str) -> NDArray[np.uint16]:
    return sketch([text.split(" ")])[0]


def similarity(one: str, other: str) -> float:
    return float((signature(one) == signature(other)).mean())


def collect(*rows: tuple[str, ...]) -> Questions:
    questions = Questions()
    for question, answer, *fact in rows:
        questions.add(question, answer, fact="".join(fact))
    return questions


# ---- signatures -----------------------------------------------------------------------------------------------------


def test_the_estimate_is_near_the_jaccard_similarity() -> None:
    chance = random.Random(1)
    words = ["".join(chance.choices(string.ascii_lowercase, k=6)) for _ in range(500)]
    errors = []
    for _ in range(500):
        one = chance.choices(words, k=12)
        other = [word if chance.random() < 0.9 else chance.choice(words) for word in one]
        texts = [" ".join(one), " ".join(other)]
        first, second = map(trigrams, texts)
        errors.append(similarity(*texts) - len(first & second) / len(first | second))
    assert abs(np.mean(errors)) < 0.01
    assert np.std(errors) < 0.07, "64 permutations have a standard error of at most 1/16"


def test_a_signature_does_not_depend_on_its_neighbours() -> None:
    texts = ["a", "", "what is it?", "İzin kaç hafta?", "日本", "x" * 20_000, "🙂", "b"]
    together = sketch([text.split(" ") for text in texts])
    assert together.shape == (8, 64)
    for text, mine in zip(texts, together, strict=True):
        assert (signature(text) == mine).all()


def test_signatures_are_the_same_in_every_run() -> None:
    assert signature("what is it ?")[:4].tolist() == [58302, 11842, 47997, 50668]


# ---- many questions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is  it?", "what is it"),
        ("İzin?", "i̇zin"),
        ("नियम क्या है।", "नियम क्या है"),
        ("是什么？", "是什么"),
    ],
)
def test_the_same_question(one: str, other: str) -> None:
    assert question_key(one) == question_key(other)
    assert list(collect((one, "a"), ("another", "b"), (other, "c")).same()) == [[0, 2]]


@pytest.mark.parametrize(("one", "other"), [("What is C++?", "What is C#?"), ("What is it?", "Is it what?")])
def test_not_the_same_question(one: str, other: str) -> None:
    questions = collect((one, "a"), (other, "a"))
    assert list(questions.same()) == []
    assert list(questions.near()) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ("How do I reset the password of my account?", "On its page."),
            ("How do I reset the password of account?", "x"),
        ),
        (
            ("How do I reset the password of my account?", "On its page."),
            ("How do I reset the password for my account?", "On its page."),
        ),
        (("Wie lange dauert der Urlaub im Sommer?", "Zwei."), ("Wie lange dauert der Urlaub im Sommer, bitte?", "2")),
        (("如何在应用程序的设置页面中重置我的密码？", "a"), ("请问如何在应用程序的设置页面中重置我的密码？", "b")),
    ],
)
def test_nearly_the_same_question(one: tuple[str, str], other: tuple[str, str]) -> None:
    filler = [(f"Something else, namely number {number}", "a") for number in range(3)]
    assert list(collect(one, *filler, other).near()) == [(0, 4)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("According to the table of countries, what is the currency of {}?", ("Slovakia", "Slovenia")),
        ("In the description of the service, what is the port of server {}?", ("12", "13")),
        ("What does the documentation of the service say about {} requests?", ("GET", "PUT")),
    ],
)
def test_a_form_asked_of_two_things_is_two_questions(one: str, other: tuple[str, str]) -> None:
    rows = [(one.format(name), f"Answer {name}") for name in other]
    assert list(collect(*rows).near()) == []


def test_the_fact_decides_where_it_is_known() -> None:
    one, other = "How do I reset the password of my account?", "How do I reset the password for my account?"
    assert list(collect((one, "a", "fact1"), (other, "a", "fact2")).near()) == []
    assert list(collect((one, "a", "fact1"), (other, "b", "fact1")).near()) == [(0, 1)]
    assert list(collect((one, "a", "fact1"), (other, "a")).near()) == [(0, 1)]


def test_another_wording_of_a_long_question_about_a_fact_is_none() -> None:
    heading = "Resolving failures of the build in continuous integration, step by step"
    wordings = [
        f"What does the guide say about {heading}?",
        f"The guide: {heading}",
        f"What does it say, the guide, about {heading}?",
    ]
    assert list(collect(*((wording, "a", "fact1") for wording in wordings)).near()) == [(0, 2)]


def test_another_build_of_a_question_about_a_fact_is_another_wording() -> None:
    wordings = [
        "What is the native official name of Saint Vincent and the Grenadines?",
        "Of Saint Vincent and the Grenadines, what is the native official name?",
    ]
    assert list(collect(*((wording, "a", "fact1") for wording in wordings)).near()) == []
    assert list(collect(*((wording, "a") for wording in wordings)).near()) == [(0, 1)]


def test_what_was_said_before_makes_another_question() -> None:
    questions = Questions()
    for context in ("Be brief.", "Be polite.", "Be brief."):
        questions.add("How do I reset the password of my account?", "On its page.", context=context)
        questions.add("How do I reset the password for my account?", "On its page.", context=context)
    assert sorted(questions.same()) == [[0, 4], [1, 5]]
    assert list(questions.near()) == [(0, 1), (2, 3), (1, 4), (0, 5), (4, 5)]


def test_pairs_in_a_large_collection_are_found() -> None:
    chance = random.Random(2)
    words = ["".join(chance.choices(string.ascii_lowercase, k=6)) for _ in range(3000)]
    texts = [" ".join(chance.choices(words, k=10)) for _ in range(3000)]
    copies = [f"{text} {chance.choice(words)}" for text in texts[:200]]
    found = set(collect(*((text, str(number)) for number, text in enumerate(texts + copies))).near())
    assert all(pair[1] >= 3000 and pair[0] == pair[1] - 3000 for pair in found)
    near = [similarity(text, copy) >= NEAR for text, copy in zip(texts[:200], copies, strict=False)]
    assert len(found) >= 0.95 * sum(near) > 100
    assert len(found) <= sum(near)


def test_a_form_of_thousands_of_questions_takes_no_square_of_comparisons() -> None:
    questions = Questions()
    for name in ("".join(letters) for letters in itertools.islice(itertools.product("abcdefghij", repeat=4), 5000)):
        questions.add(f"According to the long table of all the countries, what is the capital of {name}?", "a")
    assert list(questions.near()) == []
