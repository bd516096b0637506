"""Numbers and dates in a text, read so that the same one in another writing is the same."""

import functools
import itertools
import re
import unicodedata
from dataclasses import dataclass
from importlib import resources

import yaml

_NUMBER = re.compile(r"\d+(?:[.,'’]\d+)*")
_ISO = re.compile(r"(?<!\d)(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})(?!\d)日?")
_NUMERIC = re.compile(r"(?<![\d.])(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4})(?!\d)")
_ORDINAL = r"(?:st|nd|rd|th|er|º|ª|\.)?"
_OF = r"(?:(?:of|de|del)\s+)?"

Date = tuple[int | None, int, int | None]
"""Year, month, day; None where it is left open."""


@dataclass(frozen=True)
class _Found:
    text: str
    span: tuple[int, int]
    readings: frozenset[Date]


def unsupported_quantities(text: str, section: str) -> list[str]:
    """The numbers and dates of a text that the section does not hold, as written."""
    text, section = _with_plain_digits(text), _with_plain_digits(section)
    known_dates = {date for found in _dates(section) for date in found.readings}
    known = {reading for number in _NUMBER.findall(section) for reading in _readings(number)}
    missing, rest = [], text
    for found in _dates(text):
        numbers = _NUMBER.findall(found.text)
        # A place of the section that is no date, such as a version, may look like one.
        if any(_covers(date, other) for date in found.readings for other in known_dates):
            rest = rest[: found.span[0]] + " " * len(found.text) + rest[found.span[1] :]
        elif found.text not in section or not numbers:
            missing.append(found.text)
            rest = rest[: found.span[0]] + " " * len(found.text) + rest[found.span[1] :]
    return missing + [number for number in _NUMBER.findall(rest) if not known & _readings(number)]


def join_digits(text: str) -> str:
    """The text with each number in the longest of its readings: for texts whose numbers are known to be the same."""
    return _NUMBER.sub(lambda number: max(_readings(number[0]), key=lambda one: (one.isdigit(), one)), text)


def _readings(number: str) -> set[str]:
    """What a number may stand for: 1,234.5 is 1234.5; 1.000 is 1000 or 1.000, by the country."""
    parts = re.split(r"[.,'’]", number)
    separators = re.findall(r"[.,'’]", number)
    readings = {".".join([parts[0].lstrip("0") or "0", *parts[1:]])}
    groups = list(itertools.takewhile(lambda part: len(part) == 3, parts[1:]))
    if len(parts[0]) > 3 or not groups or len(set(separators[: len(groups)])) > 1:
        return readings
    whole = (parts[0] + "".join(groups)).lstrip("0") or "0"
    if len(groups) == len(parts) - 1:
        readings.add(whole)
    elif len(groups) == len(parts) - 2 and separators[-1] != separators[0]:
        readings.add(f"{whole}.{parts[-1]}")
    return readings


def _dates(text: str) -> list[_Found]:
    """The dates of a text, none inside another."""
    found: list[tuple[re.Match[str], set[Date]]] = []
    for match in _ISO.finditer(text):
        found.append((match, {(int(match["y"]), int(match["m"]), int(match["d"]))}))
    for match in _NUMERIC.finditer(text):
        year, one, two = int(match["y"]), int(match["a"]), int(match["b"])
        found.append((match, {(year, one, two), (year, two, one)}))
    months, patterns = _named()
    for pattern in patterns:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            day = int(parts["d"]) if parts.get("d") else None
            year_ = int(parts["y"]) if parts.get("y") else None
            found.append((match, {(year_, month, day) for month in months[match["month"].casefold()]}))
    taken: list[_Found] = []
    for match, readings in found:
        valid = {(y, m, d) for y, m, d in readings if 1 <= m <= 12 and (d is None or 1 <= d <= 31)}
        if valid and not any(match.start() < one.span[1] and one.span[0] < match.end() for one in taken):
            taken.append(_Found(match[0], match.span(), frozenset(valid)))
    return taken


def _covers(date: Date, known: Date) -> bool:
    """Whether a known date says all that a date says."""
    return all(part is None or part == other for part, other in zip(date, known, strict=True))


@functools.cache
def _named() -> tuple[dict[str, set[int]], list[re.Pattern[str]]]:
    """The numbers of the months by name, and the forms of dates with them, the longest first."""
    file = resources.files("imprint.dataset") / "phrases" / "months.yaml"
    months: dict[str, set[int]] = {}
    for language in yaml.safe_load(file.read_text(encoding="utf-8")).values():
        for number, names in enumerate(language, start=1):
            for name in names:
                months.setdefault(name.casefold(), set()).add(number)
    names = "|".join(re.escape(name) for name in sorted(months, key=len, reverse=True))
    month, day, year = rf"(?P<month>{names})\.?(?!\w)", rf"(?<!\d)(?P<d>\d{{1,2}}){_ORDINAL}", r"(?P<y>\d{4})(?!\d)"
    forms = (
        rf"{day}\s+{_OF}{month},?\s+{_OF}{year}",
        rf"(?<!\w){month}\s+{day},?\s+{year}",
        rf"{day}\s+{_OF}{month}",
        rf"(?<!\w){month}\s+{_OF}{year}",
        rf"(?<!\w){month}\s+{day}(?!\d)",
        r"(?<!\d)(?P<month>\d{1,2})月(?P<d>\d{1,2})日",
    )
    months |= {str(number): {number} for number in range(1, 13)} | {f"{number:02}": {number} for number in range(1, 10)}
    return months, [re.compile(form, re.IGNORECASE) for form in forms]


def _with_plain_digits(text: str) -> str:
    """Composed, and with the digits of every script as ASCII ones."""
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in unicodedata.normalize("NFKC", text)
    )
