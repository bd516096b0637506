"""Questions that are the same or nearly so: what the dataset drops, the leak check refuses and `validate` reports.

Nearness is the Jaccard similarity of the sets of character trigrams, estimated by MinHash (Broder 1997) with the
permutations of datasketch. Trigrams need no knowledge of a language's words.
"""

import array
import functools
import hashlib
import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NEAR: Final = 0.75
"""From this similarity on, two questions are nearly the same."""

Signatures = NDArray[np.uint16]
Keys = NDArray[np.uint64]

_PERMUTATIONS = 64
_SEED = 3407  # of the permutations, so that every run finds the same pairs
_BANDS, _ROWS = 12, 5  # finds 96% of the pairs at 0.75, and 99.9% at 0.85
_BATCH = 1024
_MIXED_AT_ONCE = 4_096  # trigrams; times the permutations they still lie in the cache
# A bucket with more questions than this holds a form of question ("What is the X of Y?"), not one question.
_MOST_IN_BUCKET = 20
_PAIRS_AT_ONCE = 65_536
_SMALL_WORD, _STEM = 3, 6  # letters: "of" and "for" carry little, "timeout" and "timeouts" much the same
_CODE_POINT_BITS = np.uint64(21)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing: the high half of the product is well mixed
_IDEOGRAM = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")  # Chinese and Japanese have no blanks between words
_WORD = re.compile(rf"{_IDEOGRAM.pattern}|\w+|[^\w\s]")
_SENTENCE_MARKS = frozenset(".,;:!?¿¡…\"'“”‘’„«»()。，、；：！？「」؟،؛।|")


def question_key(question: str) -> str:
    """What is left of a question when letter case, blanks and the mark at its end do not count."""
    return " ".join(unicodedata.normalize("NFC", question).casefold().split()).rstrip(" ?？؟.!。！।")


class Questions:
    """Many questions, of which hashes are kept: about 250 bytes each.

    Two questions are near-duplicates when they are similar, hold the same numbers, and one has all words of the other:
    a replaced word asks for something else ("the capital of Slovakia", "the capital of Slovenia"). Small words and
    endings may differ where the answers are the same. Where both name their fact, it has to be the same, and all words
    and their order have to be: another wording, with another word or another build, is what a dataset wants.
    """

    def __init__(self) -> None:
        self._waiting: list[list[str]] = []
        self._signatures: list[Signatures] = []
        self._asked, self._answered, self._facts, self._guards = (array.array("Q") for _ in range(4))
        self._words = array.array("I")
        self._word_ends = array.array("Q")

    def __len__(self) -> int:
        return len(self._asked)

    def add(self, question: str, answer: str, *, fact: str = "", context: str = "") -> None:
        """Take the next question in, with its answer, and the name of its fact where there is one.

        `context` is what was said before: a question is another one where that differs.
        """
        words = _words(question)
        self._asked.append(_hash(f"{question_key(question)}\x1f{context}"))
        self._answered.append(_hash(question_key(answer)))
        self._facts.append(_hash(fact) if fact else 0)
        self._guards.append(_hash("\x1f".join([*_numbers(words), context])))
        self._words.extend(dict.fromkeys(map(_stem, words)))
        self._word_ends.append(len(self._words))
        self._waiting.append(words)
        if len(self._waiting) == _BATCH:
            self._flush()

    def answer(self, place: int) -> int:
        """A number that questions with the same answer share."""
        return self._answered[place]

    def are_of_one_fact(self, one: int, other: int) -> bool:
        """Whether both name the same fact."""
        return self._facts[one] == self._facts[other] != 0

    def same(self) -> Iterator[list[int]]:
        """Groups of two or more questions that are the same by `question_key`, each in the order they came in."""
        yield from sorted(group.tolist() for group in _groups(np.asarray(self._asked, np.uint64)))

    def near(self) -> Iterator[tuple[int, int]]:
        """Pairs of near-duplicates, the earlier first; questions that are the same are not among them."""
        self._flush()
        if len(self) < 2:
            return
        asked, answered, facts, guards = (
            np.asarray(keys, np.uint64) for keys in (self._asked, self._answered, self._facts, self._guards)
        )
        signatures = np.concatenate(self._signatures)
        found: set[tuple[int, int]] = set()
        for band in range(_BANDS):
            keys = _band_keys(signatures, band) ^ (guards * _GOLDEN)
            for evidence in (facts,) if facts.all() else (facts, answered):
                for pairs in _pairs(keys * _GOLDEN ^ evidence, signatures):
                    found.update(map(tuple, pairs[asked[pairs[:, 0]] != asked[pairs[:, 1]]].tolist()))
        yield from sorted((pair for pair in found if self._asks_the_same(*pair)), key=lambda pair: (pair[1], pair[0]))

    def _asks_the_same(self, one: int, other: int) -> bool:
        """Whether there is evidence that two similar questions ask for the same thing."""
        if self._facts[one] and self._facts[other]:
            first, second = ([word for word in self._words_of(place) if _counts(word)] for place in (one, other))
            return self._facts[one] == self._facts[other] and first == second
        all_count = self._answered[one] != self._answered[other]
        these, those = (
            {word for word in self._words_of(place) if all_count or _counts(word)} for place in (one, other)
        )
        return these <= those or those <= these

    def _words_of(self, place: int) -> "array.array[int]":
        return self._words[self._word_ends[place - 1] if place else 0 : self._word_ends[place]]

    def _flush(self) -> None:
        if self._waiting:
            self._signatures.append(sketch(self._waiting))
            self._waiting = []


def _words(text: str) -> list[str]:
    """Words, numbers and signs; the marks between sentences and their parts do not count."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return [word for word in found if word not in _SENTENCE_MARKS] or found


def _stem(word: str) -> int:
    """31 bits of a word's beginning, then a bit that says whether the word is a small one."""
    is_small = len(word) <= _SMALL_WORD and word.isalpha() and not _IDEOGRAM.match(word)
    return zlib.crc32(word[:_STEM].encode("utf-8", "surrogatepass")) & ~1 | is_small


def _counts(stem: int) -> bool:
    """Whether a word is no small one, which makes another question even where the answer is the same."""
    return stem % 2 == 0


def _numbers(words: Sequence[str]) -> list[str]:
    return [word for word in words if any(map(str.isdigit, word))]


def _hash(text: str) -> int:
    """64 bits, never 0."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) or 1


@functools.cache
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    from datasketch import MinHash

    factors, summands = MinHash(num_perm=_PERMUTATIONS, seed=_SEED, scheme="affine32").permutations
    return factors[:, None], summands[:, None]


def sketch(texts: Sequence[Sequence[str]]) -> Signatures:
    """MinHash signatures of texts that are split into words: shape (texts, 64), equal entries for equal trigrams.

    The share of equal entries estimates the similarity. Only the low 16 bits of each minimum are kept (b-bit minwise
    hashing, Li and König 2010): half the memory, and the estimate stays the same.
    """
    signatures = np.empty((len(texts), _PERMUTATIONS), np.uint16)
    first, size = 0, 0
    padded = [f"  {' '.join(words)} " for words in texts]
    for number, text in enumerate(padded, start=1):
        size += len(text)
        if size >= _MIXED_AT_ONCE or number == len(padded):
            signatures[first:number] = _minima(padded[first:number])
            first, size = number, 0
    return signatures


def _minima(texts: Sequence[str]) -> Signatures:
    """The signatures of some texts, all trigrams at once: `MinHash.bulk` takes each by itself, eight times longer."""
    factors, summands = _permutations()
    lengths = np.array([len(text) for text in texts])
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(joined, np.uint32).astype(np.uint64)
    packed = (points[:-2] << _CODE_POINT_BITS | points[1:-1]) << _CODE_POINT_BITS | points[2:]
    inside = np.ones(len(packed), bool)  # a trigram that reaches into the next text belongs to none
    borders = np.cumsum(lengths)[:-1]
    inside[borders - 1] = inside[borders - 2] = False
    hashes = (packed[inside] * _GOLDEN >> np.uint64(32)).astype(np.uint32)
    starts = np.concatenate(([0], np.cumsum(lengths - 2)[:-1]))
    minima = np.minimum.reduceat(hashes * factors + summands, starts, axis=1)
    return minima.T.astype(np.uint16)


def _band_keys(signatures: Signatures, band: int) -> Keys:
    part = signatures[:, band * _ROWS : (band + 1) * _ROWS].astype(np.uint64)
    keys = np.full(len(part), band, np.uint64)
    for column in part.T:
        keys = (keys ^ column) * _GOLDEN
        keys ^= keys >> np.uint64(29)
    return keys


def _groups(keys: Keys) -> Iterator[NDArray[Any]]:
    """The places of equal keys, where there are at least two, each group in ascending order."""
    order = np.argsort(keys, kind="stable")
    borders = np.flatnonzero(np.diff(keys[order])) + 1
    starts = np.concatenate(([0], borders))
    ends = np.concatenate((borders, [len(keys)]))
    for index in np.flatnonzero(ends - starts > 1):
        yield order[starts[index] : ends[index]]


def _pairs(keys: Keys, signatures: Signatures) -> Iterator[NDArray[Any]]:
    """Arrays of shape (pairs, 2): the places with equal keys whose whole signatures are near, the earlier first."""
    waiting: list[NDArray[Any]] = []
    size = 0
    for group in _groups(keys):
        if len(group) <= _MOST_IN_BUCKET:
            waiting.append(group[_corners(len(group))])
            size += len(waiting[-1])
        if size >= _PAIRS_AT_ONCE:
            yield _near(np.concatenate(waiting), signatures)
            waiting, size = [], 0
    if waiting:
        yield _near(np.concatenate(waiting), signatures)


@functools.cache
def _corners(size: int) -> NDArray[Any]:
    """Every pair of places in a group of this size."""
    return np.stack(np.triu_indices(size, k=1), axis=1)


def _near(pairs: NDArray[Any], signatures: Signatures) -> NDArray[Any]:
    near: NDArray[Any] = pairs[(signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1) >= NEAR]
    return near
