"""What a model wrote about a section is held against that section: pure functions, one a filter."""

import collections
import functools
import re
import string
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import yaml

from imprint.dataset.quantities import join_digits, unsupported_quantities

if TYPE_CHECKING:
    from datasketch import MinHash

AGREEMENT_F1 = 0.5
"""Least token F1 of two answers that agree, over the words that their question does not hold."""
NEAR_DUPLICATE = 0.8
"""Least Jaccard similarity, over runs of four characters, of two questions that are the same."""
_QUESTION_CHARACTERS = (8, 400)
_LONGEST_WORD = 100
_SHINGLE = 4
_PERMUTATIONS = 128
_LEAST_SHARE_OF_SCRIPT = 0.05

# Scripts that put no blanks between words: each character counts as one word.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# A run of letters, digits and marks; \w alone would break the words of Indic scripts at their vowel signs.
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[\w\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0dff])+")
_PLACEHOLDER = re.compile(r"^\W*(?:\.\.\.|…|question|answer|n/a|none|null|not answered)?\W*$", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_ESCAPE = re.compile(rf"\\(?=[{re.escape(string.punctuation)}])")
_TOKEN = re.compile(rf"(?:(?![{_UNSPACED}])[\w./:@~+\-])+(?:\(\))?")
_IDENTIFIER = re.compile(
    r"""\w*\w_\w+ | _+\w+ | .*://.* | .+@.+\..+       # snake_case, addresses
    | --?[a-z][\w-]*                                   # options
    | [~.]{0,2}/\w.* | [\w.\-]+(/[\w.\-]+){2,}/?       # paths
    | \w+(\.\w{2,})+ | \w{2,}(\.\w+)+                  # dotted.names, file.txt
    | \w*[a-z][A-Z]\w* | .+\(\)                        # camelCase, calls()
    | [^\W\d_]+-?\d[\w\-]*                             # q4_k_m, utf-8
    """,
    re.VERBOSE,
)


def find_fault_of_form(question: str, answer: str, section: str) -> Literal["", "format", "length", "another language"]:
    """The first filter: whether this is a question and an answer at all, in the script that the section is written in.

    The length of the answer in tokens is the caller's to judge.
    """
    if _PLACEHOLDER.match(question) or _PLACEHOLDER.match(answer) or words(question) == words(answer):
        return "format"
    if answer.count("```") % 2 or answer.count("~~~") % 2:
        return "format"
    if not _QUESTION_CHARACTERS[0] <= len(_without_blanks(question)) <= _QUESTION_CHARACTERS[1] and not (
        re.search(f"[{_UNSPACED}]", question) and len(question) >= _QUESTION_CHARACTERS[0] // 2
    ):
        return "length"
    known = _scripts(section)
    for text in (question, answer):
        found = _scripts(text)
        if found and known[found.most_common(1)[0][0]] < _LEAST_SHARE_OF_SCRIPT * known.total():
            return "another language"
    return ""


def refers_to_text(text: str, language: str, section: str) -> bool:
    """Whether a text points at another that its reader will not have: "the text above", "this section"."""
    said, own = (" ".join(part.casefold().split()) for part in (text, section))
    for phrases in (_phrases("en"), *([_phrases(language)] if language != "en" else [])):
        if phrases.always.search(said):
            return True
        if any(not re.search(rf"(?<!\w){re.escape(found[0])}", own) for found in phrases.unless_said.finditer(said)):
            return True
    return False


def find_unsupported(text: str, section: str) -> list[str]:
    """The numbers, dates, identifiers and code spans of a text that do not occur in the section, as written.

    Numbers are compared by value however their digits are grouped, dates by day, month and year in any order, code and
    identifiers without regard to case, line breaks and Markdown's backslashes.
    """
    own = _plain(_ESCAPE.sub("", section))
    code = [line for found in _FENCE.finditer(text) for line in found[2].splitlines() if line.strip()]
    rest = _FENCE.sub(" ", text)
    code += [found[2] for found in _CODE_SPAN.finditer(rest)]
    rest = _CODE_SPAN.sub(" ", rest)
    missing = [part for part in code if _plain(part) not in own]
    for token in _TOKEN.findall(rest):
        name = _identifier(token)
        if name and not re.search(rf"(?<!\w){re.escape(_plain(name))}(?!\w)", own):
            missing.append(name)
    return missing + unsupported_quantities(rest, section)


def agree(question: str, answer: str, again: str) -> bool:
    """Whether two answers to a question say the same.

    They have the same numbers, dates, identifiers and code; and one holds the other word for word, or their token F1
    (Rajpurkar et al. 2016) is at least AGREEMENT_F1 over the words that the question does not hold: the words that it
    holds say nothing about the answer, and would make "The capital is Paris" and "The capital is Lyon" alike.
    """
    if find_unsupported(answer, f"{question}\n{again}") or find_unsupported(again, f"{question}\n{answer}"):
        return False
    first, second = words(join_digits(answer)), words(join_digits(again))
    if not first or not second:
        return False
    if _holds(first, second) or _holds(second, first):
        return True
    known = set(words(question))
    first, second = [word for word in first if word not in known], [word for word in second if word not in known]
    if not first or not second:
        return not first and not second
    common = (collections.Counter(first) & collections.Counter(second)).total()
    return 2 * common / (len(first) + len(second)) >= AGREEMENT_F1


def find_distinct(pairs: Sequence[tuple[str, str]], seed: int) -> list[int]:
    """The places of the (question, answer) pairs of one section that are no duplicates of an earlier one.

    A duplicate has the same words in its question; or nearly the same question (NEAR_DUPLICATE, estimated by MinHash:
    Broder 1997) and an answer that agrees. Two like questions with different answers ask about two things.
    """
    kept: list[tuple[int, list[str], MinHash]] = []
    for place, (question, answer) in enumerate(pairs):
        same, sketch = words(question), _sketch(question, seed)
        for other, other_words, other_sketch in kept:
            is_near = sketch.jaccard(other_sketch) >= NEAR_DUPLICATE
            if same == other_words or (is_near and agree(question, pairs[other][1], answer)):
                break
        else:
            kept.append((place, same, sketch))
    return [place for place, _, _ in kept]


def words(text: str) -> list[str]:
    """The words of a text for comparison, case folded; single characters where a script puts no blanks between them."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True)
class _Phrases:
    always: re.Pattern[str]
    unless_said: re.Pattern[str]


@functools.cache
def _phrases(language: str) -> _Phrases:
    every = _read("self_reference")
    known = every.get(language, every["en"])
    starts = "" if language in {"zh", "ar"} else r"(?<!\w)"  # Arabic writes prepositions as one word with what follows

    def compiled(phrases: list[str]) -> re.Pattern[str]:
        ends = r"(?![\w\u0900-\u0dff])" if language != "zh" else ""
        forms = (
            re.escape(" ".join(phrase.casefold().rstrip("*").split())) + ("" if phrase.endswith("*") else ends)
            for phrase in phrases
        )
        return re.compile(f"{starts}(?:{'|'.join(forms)})")

    return _Phrases(compiled(known["always"]), compiled(known["unless_said"]))


def _read(name: str) -> dict[str, Any]:
    file = resources.files("imprint.dataset") / "phrases" / f"{name}.yaml"
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


def _identifier(token: str) -> str:
    """The token as an identifier, without the punctuation around it; "" where it is none, or a plain quantity."""
    name = token.rstrip(".:/-+").lstrip(":+") if "://" in token else token.rstrip(".:-+~").lstrip(":+")
    if not re.search(r"[^\W\d_]", name) or re.fullmatch(r"[\d.,]+[^\W\d_]{1,4}", name):  # 40, 3.5, 40kg
        return ""
    return name if len(name) > _LONGEST_WORD or _IDENTIFIER.fullmatch(name) else ""


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def _scripts(text: str) -> "collections.Counter[str]":
    """Letters by script, as the first word of their Unicode names has it."""
    return collections.Counter(_script(letter) for letter in text if letter.isalpha())


@functools.cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0]


def _holds(whole: list[str], part: list[str]) -> bool:
    return any(whole[start : start + len(part)] == part for start in range(len(whole) - len(part) + 1))


def _sketch(question: str, seed: int) -> "MinHash":
    from datasketch import MinHash  # brings scipy: two seconds that nobody else should wait for

    sketch = MinHash(num_perm=_PERMUTATIONS, seed=seed)
    sketch.update_batch([shingle.encode() for shingle in _shingles(" ".join(words(question)))])
    return sketch


def _shingles(text: str) -> Iterator[str]:
    for start in range(max(len(text) - _SHINGLE + 1, 1)):
        yield text[start : start + _SHINGLE]
