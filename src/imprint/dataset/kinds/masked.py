"""Masked reconstruction: a section with some of its words missing, restored.

It teaches a text without other wordings of it.
"""

import math
import random
import re
from collections.abc import Iterator

from imprint.dataset.facts import Fact, Scope

KINDS = ("masked",)
LEAST, MOST = 0.15, 0.6
"""The shares of words that are masked."""
BLANK = "____"
_FEWEST_WORDS = 8
# A word has no blank and no punctuation but the apostrophe; scripts without blanks go character by character.
_WORD = re.compile(
    r"([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]"
    r"|[^\s!-&(-/:-@\[-^`{-~¡§«»¿–—‘“”„…।、。「」《》（），！？：；،؛؟\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]+)"
)
_FROM = frozenset({"section", "document", "question"})


def find(scope: Scope, fact: Fact) -> Iterator[Fact]:
    """Exercises on a section that is a fact already."""
    if fact.kind not in _FROM or scope.settings.masked == 0:
        return
    pieces = _WORD.split(fact.answer)  # what lies between the words, and the words, in turn
    words = len(pieces) // 2
    if words < _FEWEST_WORDS or not scope.lengths.fits(fact.answer, scope.lengths.row // 3):
        return
    heading = fact.slots.get("heading") or fact.slots.get("question") or scope.heading(fact.heading)
    for number in range(scope.settings.masked):
        chance = random.Random(scope.chance("masked", number, fact.lines, fact.answer))
        count = max(1, math.ceil(LEAST * words), int((LEAST + (MOST - LEAST) * chance.random()) * words))
        masked = pieces.copy()
        for word in sorted(range(words), key=chance.randbytes(words).__getitem__)[:count]:
            masked[2 * word + 1] = BLANK
        slots = {"title": scope.document.title, "heading": heading, "text": "".join(masked)}
        yield Fact("masked", slots, fact.answer, fact.heading, fact.lines, fact.place)
