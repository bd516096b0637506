"""The language of a document's prose, which decides in what language it is asked about."""

import functools
import re
from collections.abc import Callable, Iterator

from imprint.documents.types import Field, Parsed

_LEAST = 200
"""Bytes of prose below which nothing can be told."""
_GLANCE, _LOOK = (3, 60), (8, 250)
"""Pieces of the prose that are looked at, and their characters; a glance does for nearly all, a byte costs 1 µs."""
_CLEAR = 40.0
"""By how much, in log-likelihood, the likeliest language leads where it needs no second look."""
_SENTENCE_END = re.compile(r"[.!?…]($|\s)|[。！？।۔؟]")
# Code spans, addresses and tags are English everywhere.
_NO_PROSE = re.compile(r"`[^`]*`|\]\([^)\s]*\)?|https?://\S+|</?[a-zA-Z][^>]*>")


def detect(parsed: Parsed) -> str:
    """ISO 639-1 code of the language of what a reader found; English where there is too little prose to tell."""
    prose = "\n".join(_prose(parsed))
    if len(prose) < _LEAST and len(prose.encode()) < _LEAST:
        return "en"
    (first, score), (_, next_score) = rank(_sample(prose, *_GLANCE))[:2]
    if score - next_score >= _CLEAR:
        return first
    return rank(_sample(prose, *_LOOK))[0][0]


def rank(text: str) -> list[tuple[str, float]]:
    """All languages with their log-likelihoods (py3langid, BSD-3-Clause), the likeliest first."""
    return _ranking()(text)


@functools.cache
def _ranking() -> Callable[[str], list[tuple[str, float]]]:
    import py3langid  # takes long to import

    # Others than those of two letters are not ISO 639-1. They are left out here, because py3langid.set_languages would
    # hold a second copy of most of the model, in every process.
    return lambda text: [(code, score) for code, score in py3langid.rank(text) if len(code) == 2]


def _prose(parsed: Parsed) -> Iterator[str]:
    for section in parsed.sections:
        for block in section.blocks:
            if block.kind != "code":
                yield block.text
    for record in parsed.records:
        for field in record.fields:
            if _is_prose(field):
                yield field.value
    for operation in parsed.operations:
        yield operation.summary
        yield operation.description
        for parameter in operation.parameters:
            yield parameter.description


def _is_prose(field: Field) -> bool:
    """Names, codes and lists tell no language: many are in another one than the text."""
    if field.parts or not _SENTENCE_END.search(field.value):
        return False
    return field.value.count(" ") >= 5 or (
        len(field.value) >= 20 and not field.value.isascii()
    )  # scripts without blanks


def _sample(prose: str, count: int, length: int) -> str:
    """Pieces from all over the prose, so that a preface in another language does not decide."""
    if len(prose) <= count * length:
        return _NO_PROSE.sub(" ", prose)
    stride = len(prose) // count
    pieces = (prose[at : at + 2 * length] for at in range(0, stride * count, stride))
    return "\n".join(_NO_PROSE.sub(" ", piece)[:length] for piece in pieces)
