"""How long a row is in the base's own tokens, and whether it fits.

Counting every row with the tokenizer takes longer than all the rest of the stage. Tokens do not reach over blanks, so
the sum over words is all but exact, and each distinct word is counted once; near a limit the tokenizer itself decides.
"""

from collections.abc import Callable

_DOUBTFUL = 0.1  # of the limit: nearer to it than this, the sum over words does not decide
_MOST_WORDS = 200_000
_MOST_TEXTS = 2_000


class _Words(dict[str, int]):
    """Tokens of words, counted when they are first asked for."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS:
            self.clear()
        tokens = self[word] = self._count(word)
        return tokens


class Lengths:
    """Counts tokens. `answer` and `row` are the most that an answer and a whole row may have."""

    def __init__(self, count: Callable[[str], int], *, answer: int, row: int) -> None:
        self._count = count
        self._words = _Words(count)
        self._texts: dict[str, int] = {}
        self.answer = min(answer, row)
        self.row = row

    def estimate(self, text: str) -> int:
        """About so many tokens: the sum over its words, one for each line end."""
        tokens = self._texts.get(text)
        if tokens is None:
            tokens = sum(map(self._words.__getitem__, text.split())) + text.count("\n")
            self.note(text, tokens)
        return tokens

    def note(self, text: str, tokens: int) -> None:
        """Remember the estimate of a text that is put together from others, which it is the sum of."""
        if len(self._texts) >= _MOST_TEXTS:  # a text is asked for several times, one after the other
            self._texts.clear()
        self._texts[text] = tokens

    def fits(self, text: str, most: int) -> bool:
        """Whether the text has at most so many tokens."""
        return self.fit_together("", text, most)

    def fit_together(self, first: str, second: str, most: int) -> bool:
        """Whether two texts have at most so many tokens, one right behind the other."""
        first_most, second_most = _most_tokens(first), _most_tokens(second)
        if first_most + second_most < most:
            return True
        estimate = self.estimate(second)
        doubtful = _DOUBTFUL * most + 8
        if first_most + estimate < most - doubtful:  # a question is seldom long enough to be worth counting
            return True
        estimate += self.estimate(first) if first else 0
        if abs(estimate - most) > doubtful:
            return estimate < most
        return self._count(first + second) <= most


def _most_tokens(text: str) -> int:
    """A token has at least one byte, and a character at most four."""
    return len(text) * (1 if text.isascii() else 4)
