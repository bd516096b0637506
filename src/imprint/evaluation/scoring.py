"""How right an answer is: accuracy as SQuAD and closed-book QA measure it, overlaps, and how sure a mean is."""

import collections
import math
import re
import statistics
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

LONG_ANSWER_WORDS = 30
LONG_ANSWER_F1 = 0.9
_RESAMPLES = 2000
_NGRAM = 4
_REPEATED = 0.3
_FEWEST_WORDS = 12

_THOUSANDS = re.compile(r"(?<=\d)[,'’\u00a0\u202f](?=\d{3}(?!\d))")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_WHOLE = re.compile(r"(?<![\d.])(\d+)\.00?(?![\d.])")  # 1.000 may be a thousand
_NO_BLANKS = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")
# Vowel signs are no \w, and they tell words of Hindi, Tamil or Arabic apart.
_WORD = re.compile(r"[\w.\-:/'\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0970-\u0dff]+")
_NEGATIVE = re.compile(r"-\d[\d.]*")


@dataclass(frozen=True)
class Score:
    """A model's figures over a set of questions. Shares are 0 to 1; perplexity is per token of the expected answers."""

    questions: int
    accuracy: float
    token_f1: float
    perplexity: float
    ended: float
    """Share of the answers that the model ended by itself."""


def normalize(text: str) -> list[str]:
    """Words of a text for comparison: case folded, punctuation and markup gone (SQuAD's, without dropping articles).

    Dots, dashes and underscores inside a word stay: `service.port` is not `service port`. Numbers are written one way:
    1,000 and 1000, 22,5 and 22.5, 5.0 and 5 are the same; 3.10 and 3.1 are not, they may be versions. Where a script
    has no blanks, as Chinese, each character is a word.
    """
    folded = unicodedata.normalize("NFKC", text).replace("\u2212", "-").casefold()
    folded = _NO_BLANKS.sub(r" \1 ", _numbers(folded))
    words = (word if _NEGATIVE.fullmatch(word) else word.strip(".-_:/'") for word in _WORD.findall(folded))
    return [word.rstrip(".") for word in words if word]


def is_correct(expected: str, given: str) -> bool:
    """Whether an answer holds the expected one, word for word; a long answer must match it to 0.9 of token F1."""
    gold, said = normalize(expected), normalize(given)
    if not gold:
        return not said
    if len(gold) > LONG_ANSWER_WORDS:
        return token_f1(expected, given) >= LONG_ANSWER_F1
    return holds(said, gold)


def holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the wanted words stand among the others, together and in order."""
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))


def token_f1(expected: str, given: str) -> float:
    """Harmonic mean of precision and recall over words (Rajpurkar et al. 2016), 0 to 1."""
    gold, said = normalize(expected), normalize(given)
    if not gold or not said:
        return float(gold == said)
    common = sum((collections.Counter(gold) & collections.Counter(said)).values())
    return 2 * common / (len(gold) + len(said))


def rouge_l(expected: Sequence[str], given: Sequence[str]) -> float:
    """Mean F-measure of the longest common subsequence of words (Lin 2004), by `rouge-score`, 0 to 1.

    Words are those of `normalize`: the package's own tokenizer knows a to z only.
    """
    from rouge_score.rouge_scorer import RougeScorer

    class Words:
        def tokenize(self, text: str) -> list[str]:
            return normalize(text)

    scorer = RougeScorer(["rougeL"], tokenizer=Words())
    found = [scorer.score(gold, said)["rougeL"].fmeasure for gold, said in zip(expected, given, strict=True)]
    return statistics.fmean(found)


def bleu_and_chrf(expected: Sequence[str], given: Sequence[str]) -> tuple[float, float]:
    """BLEU (Papineni et al. 2002) and chrF (Popović 2015) of the whole, by sacreBLEU with its defaults, 0 to 100."""
    import sacrebleu

    said, gold = list(given), [list(expected)]
    # `force`: an answer that ends in a blank and a full stop is no sign of tokenized text.
    return sacrebleu.corpus_bleu(said, gold, force=True).score, sacrebleu.corpus_chrf(said, gold).score


def bootstrap(values: Sequence[float], clusters: Sequence[str], seed: int) -> tuple[float, float]:
    """95% percentile interval of the mean (Efron 1979); what shares a cluster, as wordings of a fact, is drawn as one.

    Raises ValueError where there are no values.
    """
    import numpy as np

    if not values:
        raise ValueError("there is no mean of nothing")
    names = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    places = [names[name] for name in clusters]
    sums = np.bincount(places, weights=values)
    counts = np.bincount(places)
    drawn = np.random.default_rng(seed).multinomial(len(names), [1 / len(names)] * len(names), size=_RESAMPLES)
    low, high = np.percentile(drawn @ sums / (drawn @ counts), [2.5, 97.5])
    return float(low), float(high)


def repeats(text: str) -> bool:
    """Whether an answer goes in circles: more than 0.3 of its 4-grams stood in it before (Welleck et al. 2020)."""
    words = normalize(text)
    if len(words) < _FEWEST_WORDS:
        return False
    grams = [tuple(words[start : start + _NGRAM]) for start in range(len(words) - _NGRAM + 1)]
    return 1 - len(set(grams)) / len(grams) > _REPEATED


def score(expected: Sequence[str], given: Sequence[str], ended: Sequence[bool], nats: float, tokens: int) -> Score:
    """The figures of one model. `nats` is the summed negative log-likelihood of `tokens` expected tokens."""
    count = len(expected)
    return Score(
        questions=count,
        accuracy=sum(map(is_correct, expected, given)) / count,
        token_f1=sum(map(token_f1, expected, given)) / count,
        perplexity=perplexity(nats, tokens),
        ended=sum(ended) / count,
    )


def perplexity(nats: float, tokens: int) -> float:
    """Of `tokens` tokens whose negative log-likelihoods sum up to so many nats; at most e^50."""
    return math.exp(min(nats / max(tokens, 1), 50.0))


def _numbers(text: str) -> str:
    """Digits of any script as 0 to 9, and numbers written one way."""
    if not text.isascii():
        text = "".join(str(unicodedata.digit(sign)) if unicodedata.category(sign) == "Nd" else sign for sign in text)
    return _WHOLE.sub(r"\1", _DECIMAL_COMMA.sub(".", _THOUSANDS.sub("", text)))
