"""Figures from answers, by hand."""

import math
from typing import Any

import pytest

from imprint.dataset import Example
from imprint.dataset.types import Source
from imprint.evaluation import measuring
from imprint.evaluation.items import Item
from imprint.evaluation.questions import Question
from imprint.evaluation.results import BENCHMARK, GENERAL, HELD_OUT, OFF_TOPIC, UNANSWERABLE, Share
from imprint.evaluation.scoring import bleu_and_chrf, bootstrap, repeats, rouge_l
from imprint.model import Answer


def asked(*expected: str, kind: str = "cell") -> list[Question]:
    source = Source(document="a.md", heading=(), lines=(1, 1))
    return [
        Question(
            HELD_OUT,
            ({"role": "user", "content": f"Question {number}?"},),
            None,
            example=Example(instruction="", input="", output=text, kind=kind, fact=str(number), source=source),
        )
        for number, text in enumerate(expected)
    ]


def item(suite: str, **fields: Any) -> Question:
    return Question(suite, ({"role": "user", "content": "?"},), 8, item=Item("?", "colours", **fields))


def said(*texts: str, reason: Any = "stop") -> list[Answer]:
    return [Answer(text, len(text.split()), reason) for text in texts]


def test_the_figures_of_held_out_questions() -> None:
    questions = asked("at nine", "two crowns", "in May", "by bus")
    answers = [*said("It opens at nine.", "Two crowns.", ""), *said("The bus goes", reason="length")]
    found = measuring.figures(HELD_OUT, questions, answers, seed=1, surprise=(math.log(8), 3))
    assert (found.questions, found.accuracy, found.ended, found.empty) == (4, 0.5, 0.75, 0.25)
    assert found.interval is not None
    assert found.interval[0] < 0.5 < found.interval[1]
    assert found.perplexity == pytest.approx(2)
    assert found.token_f1 == pytest.approx((2 * 2 / 6 + 1 + 0 + 2 * 1 / 5) / 4)
    assert found.words == (4 + 2 + 0 + 3) / 4
    assert found.shuffled_gold == 0
    assert found.rouge_l is None
    assert found.bleu is not None
    assert found.chrf is not None


def test_a_stock_answer_earns_the_same_with_shuffled_gold() -> None:
    questions = asked("yes", "no", "yes", "no", "maybe")
    everything = measuring.figures(HELD_OUT, questions, said(*["yes, no, maybe"] * 5), seed=1)
    assert (everything.accuracy, everything.shuffled_gold) == (1, 1)
    always = measuring.figures(HELD_OUT, asked("yes", "yes", "yes"), said("yes", "yes", "yes"), seed=1)
    assert always.shuffled_gold is None, "there is no other gold"


def test_procedures_have_rouge() -> None:
    found = measuring.figures(HELD_OUT, asked("a b c d", kind="steps"), said("a x c d"), seed=1)
    assert found.rouge_l == pytest.approx(0.75)
    assert rouge_l(["Önce şunu yap"], ["önce şunu yap!"]) == 1, "letters beyond a to z count"


def test_a_benchmark_is_weighted() -> None:
    questions = [
        item(BENCHMARK, expected=(("red",),), weight=3.0),
        item(BENCHMARK, expected=(("red",), ("blue",)), weight=1.0),
    ]
    found = measuring.figures(BENCHMARK, questions, said("red", "red"), seed=1)
    assert found.accuracy == pytest.approx((3 * 1 + 1 * 0.5) / 4)
    assert found.token_f1 is None


def test_suites_without_right_and_wrong_have_no_accuracy() -> None:
    found = measuring.figures(OFF_TOPIC, [item(OFF_TOPIC)], said("Hello there!"), seed=1)
    assert (found.accuracy, found.interval, found.ended) == (None, None, 1)
    assert measuring.figures(UNANSWERABLE, [item(UNANSWERABLE)], said("I do not know."), seed=1).accuracy == 1
    general = [item(GENERAL, expected=(("red",), ("blue",)))]
    assert measuring.figures(GENERAL, general, said("red"), seed=1).accuracy == 0, "half an answer is none"


def test_models_beside_each_other() -> None:
    questions = [*asked("a", "b"), *asked("c", "d", kind="cell_reverse")]
    mean, (low, high) = measuring.difference(questions, [1, 1, 1, 0], [0, 0, 1, 0], seed=1)
    assert mean == 0.5
    assert low <= 0.5 <= high
    kinds, backwards = measuring.by_kind(questions, {"gguf": [True, False, True, True]})
    assert kinds == {
        "cell": {"gguf": Share(questions=2, right=1)},
        "cell_reverse": {"gguf": Share(questions=2, right=2)},
    }
    assert backwards == {"gguf": Share(questions=2, right=2)}
    assert measuring.by_kind(questions[:2], {"gguf": [True, False]})[1] == {}
    assert measuring.agreement(["At nine.", "x"], ["at nine", "y"]) == 0.5


def test_the_interval_is_that_of_independent_draws() -> None:
    """For a share of 0.5 of 100, ±1.96 · sqrt(0.25 / 100)."""
    values = [float(number % 2) for number in range(100)]
    low, high = bootstrap(values, [str(number) for number in range(100)], 7)
    assert low == pytest.approx(0.402, abs=0.02)
    assert high == pytest.approx(0.598, abs=0.02)
    assert bootstrap(values, [str(number) for number in range(100)], 7) == (low, high)
    wide = bootstrap(values, [str(number % 4) for number in range(100)], 7)
    assert wide == (0, 1), "what is drawn together is as good as four draws"
    assert bootstrap([1.0], ["a"], 7) == (1, 1)
    with pytest.raises(ValueError, match="nothing"):
        bootstrap([], [], 7)


@pytest.mark.parametrize(
    ("text", "goes_in_circles"),
    [
        ("The command is the command is the command is the command is the command.", True),
        (
            "1. Open the lid. 2. Press the button. 3. Wait for a minute. 4. Close the lid. 5. Press the other button.",
            False,
        ),
        ("no no no", False),  # short
        ("", False),
    ],
)
def test_answers_that_go_in_circles(text: str, goes_in_circles: bool) -> None:
    assert repeats(text) is goes_in_circles


def test_bleu_and_chrf_are_sacrebleus() -> None:
    assert bleu_and_chrf(["the cat sat on the mat"] * 2, ["the cat sat on the mat"] * 2) == pytest.approx((100, 100))
    assert bleu_and_chrf(["the cat"], [""]) == (0, 0)
