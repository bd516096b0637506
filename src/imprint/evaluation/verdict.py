"""Whether a tuned model may serve: the rules of `verdict` in the settings, applied to what was found.

Differences are between two models on the same questions. Chance alone moves them, so a model is refused for being
behind another, or for answers without an end, only where the whole 95% bootstrap interval lies beyond the limit; to be
better than the base it must reach the limit, with the whole interval above nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from imprint.config import Verdict as Limits
from imprint.evaluation.measuring import clusters, difference
from imprint.evaluation.questions import Question
from imprint.evaluation.results import (
    ADAPTER,
    BASE,
    CONTROL,
    CURRENT,
    GENERAL,
    HELD_OUT,
    SERVED,
    Rule,
    Verdict,
    Word,
)
from imprint.evaluation.scoring import bootstrap

_FEWEST = 5
_FEWEST_CONTROL = 3
"""Questions below which a suite proves nothing."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class Evidence:
    """What the rules look at. Scores are 0 to 1, by suite and model, in the order of the suite's questions."""

    questions: Mapping[str, Sequence[Question]]
    scores: Mapping[str, Mapping[str, Sequence[float]]]
    ended: Sequence[bool]
    """Which answers to held-out questions the served model ended by itself."""
    perplexity: Mapping[str, float] = field(default_factory=dict)
    """Of the general text, by model."""
    seed: int = 0

    def share(self, suite: str, model: str) -> float:
        """Mean score of a model."""
        values = self.scores[suite][model]
        return sum(values) / len(values)

    def ahead(self, suite: str, first: str, second: str) -> tuple[float, Interval]:
        """By how many points the first is ahead of the second, with its interval."""
        scores = self.scores[suite]
        mean, (low, high) = difference(self.questions[suite], scores[first], scores[second], seed=self.seed)
        return 100 * mean, (100 * low, 100 * high)

    def asked(self, suite: str, *models: str) -> int:
        """Questions of a suite that all these models have answered."""
        asked = self.scores.get(suite, {})
        return len(self.questions[suite]) if all(asked.get(model) for model in models) else 0


def decide(limits: Limits, evidence: Evidence) -> Verdict:
    """Apply every rule that is switched on."""
    rules = [
        found
        for name, rule in RULES.items()
        if (limit := getattr(limits, name)) is not None
        for found in [rule(name, limit, limits, evidence)]
    ]
    failed = [rule for rule in rules if rule.passed is False]
    proven = evidence.asked(HELD_OUT, BASE, SERVED) >= _FEWEST
    word: Word = "accepted" if proven else "not proven"
    if failed or (not proven and limits.not_proven == "refuse"):
        word = "forced" if limits.force else "refused"
    return Verdict(word=word, sentence=_sentence(word, failed, evidence), rules=tuple(rules))


def _sentence(word: Word, failed: Sequence[Rule], evidence: Evidence) -> str:
    asked = evidence.asked(HELD_OUT, BASE, SERVED)
    shares = ""
    if asked:
        served, base = (f"{evidence.share(HELD_OUT, model):.1%}" for model in (SERVED, BASE))
        shares = f"the model answers {served} of {asked} questions it was not trained on, the base {base}"
    if word == "accepted":
        return f"Accepted: {shares}."
    if word == "not proven":
        too_few = shares or "no question was held out"
        return f"Not proven: {too_few}, and it takes {_FEWEST} questions at least to tell what it learned."
    why = failed[0].words if failed else "too little was held out to prove anything, and verdict.not_proven is refuse"
    more = f" ({len(failed) - 1} more rules failed.)" if len(failed) > 1 else ""
    return f"{'Forced by the user, although refused' if word == 'forced' else 'Refused'}: {why}.{more}"


def _better_than_base(name: str, limit: float, limits: Limits, evidence: Evidence) -> Rule:
    if (asked := evidence.asked(HELD_OUT, BASE, SERVED)) < _FEWEST:
        return _too_few(name, asked, "held-out questions")
    ahead, interval = evidence.ahead(HELD_OUT, SERVED, BASE)
    return Rule(
        name=name,
        passed=ahead >= limit and interval[0] > 0,
        words=f"on held-out questions it is {_points(ahead, interval)} ahead of the base; "
        f"at least {limit:g} are asked for",
        advice="it learned too little: train longer (adapter.epochs, adapter.max_steps), in more wordings "
        "(dataset.wordings), or with a higher adapter.learning_rate; look at the loss in the report",
    )


def _behind_current(name: str, limit: float, limits: Limits, evidence: Evidence) -> Rule:
    if CURRENT not in evidence.scores.get(HELD_OUT, {}):
        return Rule(name=name, passed=None, words="no other model is in service")
    return _behind(
        name,
        limit,
        evidence,
        (HELD_OUT, CURRENT, "held-out questions"),
        "on the same questions it is {} behind the model in service; at most {:g} may be lost",
        "what changed in documents or settings made it worse: compare both with `imprint report --compare`, "
        "or train longer (adapter.epochs)",
    )


def _general_items(name: str, limit: float, limits: Limits, evidence: Evidence) -> Rule:
    return _behind(
        name,
        limit,
        evidence,
        (GENERAL, BASE, "general questions"),
        "on general questions it is {} behind the base; at most {:g} may be lost",
        "it forgot what the base could do: more general rows (dataset.replay_share=0.2), a lower "
        "adapter.learning_rate, or fewer adapter.epochs",
    )


def _general_perplexity(name: str, limit: float, limits: Limits, evidence: Evidence) -> Rule:
    base, served = evidence.perplexity.get(BASE), evidence.perplexity.get(SERVED)
    if base is None or served is None:
        return Rule(name=name, passed=None, words="the perplexity of the general text was not measured")
    if base > limits.general_base:
        return Rule(
            name=name,
            passed=None,
            words=f"the base's own perplexity on general text is {base:,.1f}, above {limits.general_base:g}: "
            "it knows nothing general that it could lose",
        )
    worse = 100 * (served / base - 1)
    return Rule(
        name=name,
        passed=worse <= limit,
        words=f"its perplexity on general text is {served:,.1f}, the base's {base:,.1f}: {worse:+.1f}%; "
        f"at most {limit:+g}% may be lost",
        advice="it forgot how to write: a lower adapter.learning_rate, fewer adapter.epochs, or more general rows "
        "(dataset.replay_share=0.2)",
    )


def _ended(name: str, limit: float, limits: Limits, evidence: Evidence) -> Rule:
    if not evidence.ended:
        return Rule(name=name, passed=None, words="no held-out question was asked")
    share = 100 * sum(evidence.ended) / len(evidence.ended)
    low, high = bootstrap(list(map(float, evidence.ended)), clusters(evidence.questions[HELD_OUT]), evidence.seed)
    return Rule(
        name=name,
        passed=100 * high >= limit,
        words=f"it ends {share:.1f}% (95%: {100 * low:.1f} to {100 * high:.1f}) of its answers by itself; "
        f"at least {limit:g}% is asked for",
        advice="it did not learn to stop: train longer (adapter.epochs), and see whether the rows of the documents end "
        "in the middle (`imprint validate`)",
    )


def _control(name: str, limit: float, limits: Limits, evidence: Evidence) -> Rule:
    if (asked := evidence.asked(CONTROL, BASE, SERVED)) < _FEWEST_CONTROL:
        return _too_few(name, asked, "questions about sections that were kept from the training")
    ahead, interval = evidence.ahead(CONTROL, SERVED, BASE)
    return Rule(
        name=name,
        passed=interval[0] <= limit,
        words=f"on sections that it was not trained on it is {_points(ahead, interval)} ahead of the base; "
        f"more than {limit:g} means that answers leaked into the training, so the other figures prove nothing",
        advice="look for copies of these sections in other documents (predictions.jsonl names them), or for rows of "
        "your own that hold them",
    )


def _behind_adapter(name: str, limit: float, limits: Limits, evidence: Evidence) -> Rule:
    return _behind(
        name,
        limit,
        evidence,
        (HELD_OUT, ADAPTER, "held-out questions"),
        "the served file is {} behind the adapter that it was made of; at most {:g} may be lost",
        "merging or quantizing lost it: a finer format, such as model.quantization=q5_k_m or q8_0",
    )


def _behind(name: str, limit: float, evidence: Evidence, other: tuple[str, str, str], words: str, advice: str) -> Rule:
    """The served model is not behind another one; `other` is the suite, that model, and what the suite is called."""
    suite, model, what = other
    if (asked := evidence.asked(suite, model, SERVED)) < _FEWEST:
        return _too_few(name, asked, what)
    behind, interval = evidence.ahead(suite, model, SERVED)
    words = words.format(_points(behind, interval), limit)
    return Rule(name=name, passed=interval[0] <= limit, words=words, advice=advice)


RULES: dict[str, Callable[[str, float, Limits, Evidence], Rule]] = {
    "control": _control,
    "behind_adapter": _behind_adapter,
    "better_than_base": _better_than_base,
    "ended": _ended,
    "general_items": _general_items,
    "general_perplexity": _general_perplexity,
    "behind_current": _behind_current,
}
"""By the name of the setting that holds the limit; what makes others fail comes before them."""


def _too_few(name: str, asked: int, what: str) -> Rule:
    return Rule(name=name, passed=None, words=f"{asked or 'no'} {what}: too few to tell")


def _points(value: float, interval: Interval) -> str:
    return f"{value:.1f} points (95%: {interval[0]:.1f} to {interval[1]:.1f})"
