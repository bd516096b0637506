"""Questions beside the documents' own: the suites that ship, the user's benchmark file, and who answered them right."""

import difflib
import functools
import json
import re
import reprlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from imprint.dataset.quantities import join_digits
from imprint.dataset.wording import wordings_of
from imprint.errors import SettingsError

LISTED_NUMBERS = 10
"""More different numbers than this in an answer to a short item are a list, which holds the right one by chance."""
LARGEST_BENCHMARK = 10_000_000
"""Bytes."""
_MOST_PROBLEMS = 20
_FORM = 'write {"prompts": [{"prompt": "…", "expected": ["word", ["either", "or"]]}]}, as configs/benchmark.json does'

# Scripts that put no blanks between words, where a word is looked for anywhere; and marks, which are no \w.
_UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0970-\u0dff"
_LETTER = rf"[^\W{_UNSPACED}]|[{_MARKS}]"
_NUMBER = re.compile(rf"(?<![^\W{_UNSPACED}])\d+(?:[.,']\d+)*")
_ANYWHERE = re.compile("")
_WORD_BEGINS, _WORD_ENDS = re.compile(rf"(?<!{_LETTER})"), re.compile(rf"(?!{_LETTER})")
# No part of another number; a unit may follow.
_NUMBER_BEGINS, _NUMBER_ENDS = re.compile(rf"(?<!{_LETTER})(?<!−)(?<!\d[.,:])"), re.compile(r"(?!\d|[.,:]\d)")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_QUOTES_AND_EMPHASIS = re.compile(r"[\"“”„‟«»‹›「」『』《》*`]")
_SPACES_IN_NUMBERS = re.compile("(?<=\\d)[\u00a0\u2009\u202f](?=\\d{3})")
_SIGN = re.compile(r"(?<![\w)\]-])[-−–](?=\d)")
_APOSTROPHES = str.maketrans("’‘ʼ", "'''")


@dataclass(frozen=True)
class Item:
    """A prompt, and how its answer is told right from wrong."""

    prompt: str
    subject: str
    expected: tuple[tuple[str, ...], ...] = ()
    """Groups of alternatives: an answer must hold at least one of each group. A word that ends in * may go on."""
    forbidden: tuple[str, ...] = ()
    """What an answer must not hold."""
    weight: float = 1.0
    """How much it counts, above 0."""
    short: bool = False
    """Whether it asks for one thing, so that an answer that lists many numbers is wrong."""


@dataclass(frozen=True)
class _Phrase:
    """What is looked for, and what must be true of the places where it begins and ends."""

    text: str
    begin: re.Pattern[str]
    end: re.Pattern[str]


def grade(item: Item, answer: str) -> float:
    """Share of the expected groups that an answer holds, 0 to 1; 0 where it is blank or holds what is forbidden.

    Words are compared whole, without regard to letter case, emphasis and quotation marks, as Unicode's NFKC has them;
    in scripts without blanks anywhere in the text. Numbers are compared by value, whatever unit follows.
    """
    said = _fold(answer)
    if not said or any(_holds(said, word) for word in item.forbidden):
        return 0.0
    if item.short and len(set(_NUMBER.findall(said))) > LISTED_NUMBERS:
        return 0.0
    if not item.expected:
        return 1.0
    return sum(any(_holds(said, word) for word in group) for group in item.expected) / len(item.expected)


def is_right(item: Item, answer: str) -> bool:
    """Whether an answer holds one of each expected group, and nothing forbidden."""
    return grade(item, answer) == 1.0


def declines(answer: str) -> bool:
    """Whether an answer says that it does not know, in the words of the dataset or in usual ones, in any language."""
    said = _fold(answer)
    phrases, form = _refusals()
    return form.search(said) is not None or any(_holds(said, phrase) for phrase in phrases)


@functools.cache
def read_suite(name: Literal["general", "off_topic", "unanswerable"]) -> tuple[Item, ...]:
    """The items of a suite that ships, always in the same order; only those of `general` expect something."""
    content = _read_suite(name)
    if name == "general":
        return tuple(
            Item(
                prompt=entry["ask"],
                subject=subject,
                expected=tuple(tuple(map(str, group)) for group in entry["expect"]),
                forbidden=tuple(entry.get("forbid", ())),
                short=True,
            )
            for subject, entries in content.items()
            for entry in entries
        )
    subjects = content["questions"] if name == "unanswerable" else content
    return tuple(Item(prompt, subject) for subject, prompts in subjects.items() for prompt in prompts)


def read_benchmark(file: Path) -> list[Item]:
    """The user's own prompts with the words that their answers must and must not hold, subject "benchmark".

    Raises SettingsError with all problems of the file, each with its place.
    """
    content = _read_json(file)
    place = "" if isinstance(content, list) else "prompts"
    try:
        benchmark = _Benchmark.model_validate({"prompts": content} if isinstance(content, list) else content)
    except ValidationError as error:
        raise _broken(file, [*_repeated_keys(content), *_describe(error, place)]) from error
    if repeated := list(_repeated_keys(content)):
        raise _broken(file, repeated)
    return [
        Item(entry.prompt, "benchmark", entry.expected, entry.forbidden, entry.weight) for entry in benchmark.prompts
    ]


# ---- words in an answer ---------------------------------------------------------------------------------------------


def _fold(text: str) -> str:
    """A text in the form in which two spellings of the same words are the same."""
    text = _SPACES_IN_NUMBERS.sub("", _INVISIBLE.sub("", text))
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    # Case folding makes I of Turkish words an i, and İ an i with a dot above; so ı has to become an i, too.
    text = text.casefold().replace("i\u0307", "i").replace("ı", "i")
    text = _QUOTES_AND_EMPHASIS.sub("", "".join(map(_plain_digit, text)))
    text = re.sub(r"(?<!\w)_+|_+(?!\w)", "", text)
    text = _NUMBER.sub(lambda number: _plain_number(number[0]), _SIGN.sub("−", text))
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _plain_digit(letter: str) -> str:
    return str(unicodedata.decimal(letter)) if letter.isdecimal() else letter


def _plain_number(number: str) -> str:
    """A number in its plainest form: 1,000 is 1000, 12.0 is 12, 0,5 is 0.5, 03 is 3; versions such as 3.10 stay."""
    if not number.startswith("0"):  # else what stands behind the point is no group of three digits
        number = join_digits(number)
    number = re.sub(r"^0+(?=\d)", "", re.sub(r"[,']", ".", number))
    return re.sub(r"^(\d+)\.0+$", r"\1", number)


def _holds(said: str, phrase: str) -> bool:
    """Whether a folded text holds a phrase as whole words."""
    wanted = _read_phrase(phrase)
    at = said.find(wanted.text)
    while at >= 0:
        if wanted.begin.match(said, at) and wanted.end.match(said, at + len(wanted.text)):
            return True
        at = said.find(wanted.text, at + 1)
    return False


@functools.cache
def _read_phrase(phrase: str) -> _Phrase:
    text = _fold(phrase)
    begin = end = _ANYWHERE
    if text[:1].isdigit():
        begin = _NUMBER_BEGINS
    elif re.match(_LETTER, text):
        begin = _WORD_BEGINS
    if re.search(r"\w\*$", phrase):
        pass
    elif re.search(r"(?<![^\W_])\d+$", text):
        end = _NUMBER_ENDS
    elif re.search(rf"(?:{_LETTER})$", text):
        end = _WORD_ENDS
    return _Phrase(text, begin, end)


@functools.cache
def _refusals() -> tuple[tuple[str, ...], re.Pattern[str]]:
    """Phrases that say so; and what finds the dataset's own answers about what documents do not say."""
    phrases = tuple(phrase for known in _read_suite("unanswerable")["refusals"].values() for phrase in known)
    forms = []
    for file in (resources.files("imprint.dataset") / "wordings").iterdir():
        for answer in wordings_of(file.name.removesuffix(".yaml"))["unknown"]["answers"]:
            parts = [_fold(part) for part in re.split(r"\{\w+\}", answer.rstrip(".。।"))]
            forms.append(r"\s?.{1,200}?\s?".join(re.escape(part) for part in parts if part))
    return phrases, re.compile("|".join(forms))


def _read_suite(name: str) -> dict[str, Any]:
    file = resources.files("imprint.evaluation") / "suites" / f"{name}.yaml"
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


# ---- the user's file ------------------------------------------------------------------------------------------------


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank")
    return text


def _to_look_for(text: str) -> str:
    if not _fold(text):
        raise ValueError(f"{text!r} holds nothing that could be looked for")
    return text


def _not_empty(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    # A length in pydantic's own terms would also be missed where each part has a problem of its own.
    if not parts:
        raise ValueError("is empty")
    return parts


def _as_group(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


_Word = Annotated[str, AfterValidator(_to_look_for)]
_Group = Annotated[tuple[_Word, ...], BeforeValidator(_as_group), AfterValidator(_not_empty)]


class _Entry(BaseModel):
    """A prompt of the benchmark file. A number may stand for the text that it is written as."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True)

    prompt: Annotated[str, AfterValidator(_not_blank)]
    expected: tuple[_Group, ...] = ()
    forbidden: tuple[_Word, ...] = ()
    weight: Annotated[float, Field(gt=0, strict=True)] = 1.0

    @model_validator(mode="after")
    def _can_be_graded(self) -> Self:
        if not self.expected and not self.forbidden:
            raise ValueError("has neither expected nor forbidden words, so that every answer would be right")
        for group in self.expected:
            if all(any(_holds(_fold(one), word) for word in self.forbidden) for one in group):
                raise ValueError(f"can have no right answer: {' or '.join(group)} is expected and forbidden")
        return self


class _Benchmark(BaseModel):
    """The benchmark file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompts: Annotated[tuple[_Entry, ...], AfterValidator(_not_empty)]


_EXPECTED = {
    "string_type": "expected a text",
    "tuple_type": "expected a list",
    "float_type": "expected a number",
    "greater_than": "expected a number above 0",
    "finite_number": "expected a number above 0",
    "model_type": "expected an object with a prompt",
}
"""What pydantic's kinds of problems mean here."""


class _Object(dict[str, Any]):
    """A JSON object that knows which of its keys were given twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.repeated = sorted({name for name in names if names.count(name) > 1}) if len(self) < len(names) else []


def _read_json(file: Path) -> Any:
    """The file's content; raises SettingsError where it is none."""
    try:
        if not file.is_file():
            problem = "is a folder" if file.is_dir() else "no such file"
            raise SettingsError([f"{file}: {problem}"], hint="write evaluation.benchmark= and the name of a JSON file")
        if (size := file.stat().st_size) > LARGEST_BENCHMARK:
            raise _broken(file, [f"{size / 1e6:.1f} MB, expected at most {LARGEST_BENCHMARK / 1e6:.0f} MB"])
        return json.loads(file.read_bytes().decode("utf-8-sig"), object_pairs_hook=_Object)
    except OSError as error:
        raise SettingsError([f"{file}: {error.strerror or error}"], hint="make the file readable") from error
    except UnicodeDecodeError as error:
        raise _broken(file, [f"byte {error.start + 1} is not UTF-8; save the file as UTF-8"]) from error
    except json.JSONDecodeError as error:
        raise _broken(file, [f"line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}"]) from error
    except (RecursionError, ValueError) as error:  # nested without end; a number of thousands of digits
        raise _broken(file, [f"not JSON that can be read: {error}"]) from error


def _broken(file: Path, problems: Sequence[str]) -> SettingsError:
    lines = [f"{file}: {problem}" for problem in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"{file}: and {len(problems) - _MOST_PROBLEMS} more")
    return SettingsError(lines, hint=_FORM)


def _describe(error: ValidationError, root: str) -> Iterator[str]:
    """A line for each problem. `root` is what the list of prompts is called; "" where it is the whole file."""
    for item in error.errors():
        place = _place(item["loc"])
        if not root:
            place = place.removeprefix("prompts")
        match item["type"]:
            case "extra_forbidden":
                names = list(_Benchmark.model_fields if len(item["loc"]) == 1 else _Entry.model_fields)
                near = difflib.get_close_matches(str(item["loc"][-1]), names, n=1, cutoff=0.6)
                guess = f"did you mean {near[0]}?" if near else f"expected {', '.join(names)}"
                yield f"{place}: unknown key; {guess}"
            case "missing":
                yield f"{place}: missing"
            case "value_error":
                yield f"{place or 'the list'}: {item['ctx']['error']}"
            case _:
                words = (
                    _EXPECTED.get(item["type"], item["msg"]) if place else "expected an object with a list of prompts"
                )
                yield f"{place or 'the file'}: {words} (found {reprlib.repr(item['input'])})"


def _place(path: Sequence[int | str]) -> str:
    """`prompts[3].expected`: as one would write it in a program."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _repeated_keys(content: Any) -> Iterator[str]:
    entries = content if isinstance(content, list) else None
    if isinstance(content, _Object):
        yield from (f"{name}: given twice" for name in content.repeated)
        entries = content.get("prompts")
    root = "" if entries is content else "prompts"
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, _Object):
            yield from (f"{root}[{number}].{name}: given twice" for name in entry.repeated)
