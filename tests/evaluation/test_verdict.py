"""The verdict: each failure is refused by the rule meant for it, in words; what chance explains is not refused."""

from collections.abc import Sequence
from typing import Any

import pytest

from imprint.config import Verdict as Limits
from imprint.dataset import Example
from imprint.dataset.types import Source
from imprint.evaluation.questions import Question
from imprint.evaluation.results import ADAPTER, BASE, CONTROL, GENERAL, HELD_OUT, SERVED, Rule, Verdict
from imprint.evaluation.verdict import RULES, Evidence, decide

ASKED = 200


def questions(suite: str, count: int) -> list[Question]:
    source = Source(document="a.md", heading=("A",), lines=(1, 1))
    return [
        Question(
            suite,
            ({"role": "user", "content": f"Question {number}?"},),
            None,
            example=Example(instruction="", input="", output="yes", kind="cell", fact=str(number), source=source),
        )
        for number in range(count)
    ]


def right(count: int, of: int = ASKED) -> list[float]:
    """The first so many questions answered right."""
    return [float(number < count) for number in range(of)]


def ended(count: int, of: int = ASKED) -> list[bool]:
    return [number < count for number in range(of)]


def good(**changed: Any) -> Evidence:
    """What a good run finds, but for what is changed: `held_out_gguf=right(3)`, `ended=ended(40)`."""
    scores = {
        HELD_OUT: {BASE: right(4), ADAPTER: right(182), SERVED: right(180)},
        CONTROL: {BASE: right(0, 6), SERVED: right(1, 6)},
        GENERAL: {BASE: right(120, 150), SERVED: right(117, 150)},
    }
    others = {"ended": ended(199), "perplexity": {BASE: 9.0, SERVED: 9.4}}
    for name, value in changed.items():
        suite, _, model = name.rpartition("_")
        if suite in scores:
            scores[suite][model] = value
        else:
            others[name] = value
    counts = {suite: len(models[BASE]) for suite, models in scores.items()}
    return Evidence(
        {suite: questions(suite, count) for suite, count in counts.items()},
        scores,
        **others,  # type: ignore[arg-type]
    )


def failed(verdict: Verdict) -> list[Rule]:
    return [rule for rule in verdict.rules if rule.passed is False]


def test_a_good_run_is_accepted_and_every_rule_says_what_it_found() -> None:
    verdict = decide(Limits(), good())
    assert verdict.word == "accepted"
    assert verdict.sentence == (
        "Accepted: the model answers 90.0% of 200 questions it was not trained on, the base 2.0%."
    )
    assert [rule.name for rule in verdict.rules] == list(RULES)
    assert {rule.name: rule.passed for rule in verdict.rules} == {**dict.fromkeys(RULES, True), "behind_current": None}
    assert all(rule.words and not rule.words.endswith(".") for rule in verdict.rules)


FAILURES = {
    "nothing learned": ({"held_out_gguf": right(5), "held_out_adapter": right(6)}, "better_than_base", "too little"),
    "less than 5 points": ({"held_out_gguf": right(13), "held_out_adapter": right(13)}, "better_than_base", "4.5"),
    "general questions forgotten": ({"general_gguf": right(60, 150)}, "general_items", "forgot"),
    "writing forgotten": ({"perplexity": {BASE: 9.0, SERVED: 40.0}}, "general_perplexity", "+344.4%"),
    "never stops": ({"ended": ended(82)}, "ended", "41.0%"),
    "control leaks": ({"control_gguf": right(6, 6)}, "control", "leaked"),
    "the GGUF is unlike the adapter": ({"held_out_gguf": right(120)}, "behind_adapter", "model.quantization"),
    "worse than what serves": ({"held_out_current": right(197)}, "behind_current", "in service"),
}


@pytest.mark.parametrize(("changed", "name", "word"), FAILURES.values(), ids=FAILURES.keys())
def test_a_planted_failure_is_refused_by_the_rule_meant_for_it(changed: dict[str, Any], name: str, word: str) -> None:
    limits = Limits()
    verdict = decide(limits, good(**changed))
    assert verdict.word == "refused"
    (rule,) = failed(verdict)
    assert rule.name == name
    assert word in rule.words + rule.advice
    assert verdict.sentence == f"Refused: {rule.words}."
    assert rule.advice
    assert decide(limits.model_copy(update={"force": True}), good(**changed)).word == "forced"
    switched_off = decide(limits.model_copy(update={name: None}), good(**changed))
    assert switched_off.word == "accepted"
    assert name not in {rule.name for rule in switched_off.rules}


def test_a_broken_gguf_is_blamed_before_the_training() -> None:
    verdict = decide(Limits(), good(held_out_gguf=right(0), ended=ended(0)))
    assert verdict.sentence.startswith("Refused: the served file is 91.0 points")
    assert verdict.sentence.endswith("(2 more rules failed.)")


@pytest.mark.parametrize(
    "changed",
    [
        {"held_out_current": right(188)},  # 4 points more, of 200 questions: the interval reaches to 1.5
        {"held_out_adapter": right(192)},
        {"general_gguf": right(113, 150)},
        {"control_gguf": right(2, 6)},
        {"ended": ended(187)},  # 93.5%, of 200
        {"perplexity": {BASE: 114.0, SERVED: 2000.0}},  # such a base knows nothing general
        {"perplexity": {}},
    ],
)
def test_what_chance_explains_or_cannot_be_lost_is_not_refused(changed: dict[str, Any]) -> None:
    assert decide(Limits(), good(**changed)).word == "accepted"


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_questions_prove_nothing(count: int) -> None:
    few = good()
    scores = {**few.scores, HELD_OUT: {name: right(count, count) for name in (BASE, ADAPTER, SERVED)}}
    few = Evidence(
        {**few.questions, HELD_OUT: questions(HELD_OUT, count)},
        scores if count else {suite: found for suite, found in few.scores.items() if suite != HELD_OUT},
        ended=ended(count, count),
        perplexity=few.perplexity,
    )
    verdict = decide(Limits(), few)
    assert verdict.word == "not proven"
    assert verdict.sentence.startswith("Not proven: ")
    refused = decide(Limits(not_proven="refuse"), few)
    assert (refused.word, failed(refused)) == ("refused", [])
    assert "verdict.not_proven" in refused.sentence
    forgot = Evidence(few.questions, few.scores, few.ended, {BASE: 9.0, SERVED: 90.0})
    assert decide(Limits(), forgot).word == "refused", "what can be judged is judged"


def test_wordings_of_one_fact_are_no_proof_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred questions about three facts are three draws."""

    def about(facts: Sequence[str]) -> Evidence:
        evidence = good()
        asked = [
            Question(
                HELD_OUT,
                question.messages,
                None,
                example=question.example.model_copy(update={"fact": facts[place % len(facts)]}),
            )
            for place, question in enumerate(evidence.questions[HELD_OUT])
            if question.example is not None
        ]
        learned = [float(place % len(facts) < len(facts) / 3) for place in range(ASKED)]
        scores = {**evidence.scores, HELD_OUT: {BASE: right(0), ADAPTER: learned, SERVED: learned}}
        return Evidence({**evidence.questions, HELD_OUT: asked}, scores, ended=ended(ASKED))

    assert decide(Limits(), about([str(number) for number in range(3)])).word == "refused"
    assert decide(Limits(), about([str(number) for number in range(39)])).word == "accepted"
