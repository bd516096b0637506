"""Structured data to records: what is an entry of a collection, what names it, and which values say nothing."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from imprint.documents import forms, noise
from imprint.documents.tokens import Binary, Number, Tokens, count_tokens, write_scalar
from imprint.documents.types import Field, LeftOut, Lines, Parsed, Record, Row

_NAMES = ("name", "title", "label", "term", "id", "key", "code", "slug", "symbol")
"""Words in the names of fields that name a record, the likeliest first."""
_COUNTED = {"id", "key", "code", "number", "no", "nr", "year", "date"}
"""Words in the names of whole numbers that name a record where no text does."""
_LONGEST = 80
"""Characters of a value that names a record, or that a record is looked up by."""
_LONGEST_PATH = 40
_LONGEST_VECTOR = 50
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_NO_NAMES = {"true", "false", "null"}


_Leaf = tuple[str, str, int, tuple[str, ...]]
"""Name, value, line and parts of a field before it is known whether its value is unique."""


@dataclass(slots=True)
class _Entry:
    """A record of a collection before it is known what names it."""

    lines: Lines
    leaves: list[_Leaf]
    subject: str
    is_half: bool = False
    """Of a ready-made row: among rows it is no record."""


def gather(tokens: Tokens) -> Parsed:
    """The records, the ready-made rows and what was left out of a decoded document."""
    gathering = _Gathering(tokens)
    gathering.walk(tokens.value, 0, ())
    return gathering.finish()


@dataclass(slots=True)
class _Dull:
    """A kind of values that are left out of a field: where the first stands, and how many there are."""

    lines: Lines
    count: int = 0

    def tell(self, name: str, reason: str) -> LeftOut:
        place = f"field {name}" if name else ""
        detail = f"{place}: {self.count} times".removeprefix(": ") if self.count > 1 else place
        return LeftOut(self.lines, reason, detail)


@dataclass(slots=True)
class _Gathering:
    tokens: Tokens
    records: list[Record] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    dull: dict[tuple[str, str], _Dull] = field(default_factory=dict)
    """By the field's name and the reason."""
    kinds: dict[str, noise.Kind] = field(default_factory=dict)

    def finish(self) -> Parsed:
        dull = (found.tell(name, reason) for (name, reason), found in self.dull.items())
        left_out = (*self.tokens.left_out, *self.left_out, *dull)
        return Parsed(
            records=tuple(self.records),
            rows=tuple(self.rows),
            left_out=tuple(sorted(left_out, key=lambda part: part.lines)),
        )

    # ---- from the outside in: every `at` is the number of a token; what reads a value gives the one after it --------

    def walk(self, value: Any, at: int, path: tuple[str, ...]) -> int:
        if isinstance(value, list):
            return self._read_collection(value, [], at, path)
        if not isinstance(value, dict):
            self._leave_out(".".join(path), "a value without a name", at, at + 1)
            return at + 1
        if (found := forms.read_row(value, self._span(at, at + count_tokens(value)))) is not None:
            self._take_row(found)
            return at + count_tokens(value)
        if _are_alike(value):
            return self._read_collection(list(value.values()), list(value), at, path)
        return self._read_object(value, at, path)

    def _read_object(self, value: dict[str, Any], at: int, path: tuple[str, ...]) -> int:
        """An object that is no entry of a collection: a record of its own scalars, and what lies in it."""
        place = len(self.records)
        leaves: list[_Leaf] = []
        last = self.tokens.lines[at]
        at += 1
        for key, member in value.items():
            parts = member if isinstance(member, list) else [member]
            if any(isinstance(part, dict) for part in parts) and member:
                at = self.walk(member, at + 1, (*path, key))
            else:
                known = len(leaves)
                at = self._flatten_member(key, member, at, leaves)
                if len(leaves) > known:
                    last = self.tokens.lines[at - 1]
        if kept := list(self._without_noise(leaves)):
            fields = tuple(Field(name, str(value), line, False, parts) for name, value, line, parts in kept)
            self.records.insert(place, Record(".".join(path), path, (fields[0].line, last), fields))
        return at + 1

    def _read_collection(self, members: list[Any], names: list[str], at: int, path: tuple[str, ...]) -> int:
        """The members of a list, or of an object whose keys name alike objects: rows in known forms, else records."""
        entries: list[_Entry] = []
        are_texts = not names and forms.are_texts(members)
        rows = len(self.rows)
        at += 1
        for number, member in enumerate(members):
            at += bool(names)
            if isinstance(member, list):
                at = self.walk(member, at, path)
                continue
            if not isinstance(member, dict):
                self._leave_out(".".join(path), "a value without a name", at, at + 1)
                at += 1
                continue
            end = at + count_tokens(member) if are_texts or not forms.MARKS.isdisjoint(member) else 0
            span = self._span(at, end) if end else (0, 0)
            found = forms.read_text(member, span) if are_texts else forms.read_row(member, span) if end else None
            if found is not None:
                self._take_row(found)
                at = end
                continue
            is_half = bool(end) and forms.is_unfinished(member)
            leaves: list[_Leaf] = []
            end = self._flatten(member, "", at, leaves)
            entries.append(_Entry(self._span(at, end), leaves, names[number] if names else "", is_half))
            at = end
        if len(self.rows) > rows:
            self.left_out.extend(LeftOut(entry.lines, "half of a row") for entry in entries if entry.is_half)
            entries = [entry for entry in entries if not entry.is_half]
        self._make_records(entries, path)
        return at + 1

    def _take_row(self, found: forms.Found) -> None:
        row, left_out = found
        if row is not None:
            self.rows.append(row)
        self.left_out.extend(left_out)

    # ---- an entry's fields ------------------------------------------------------------------------------------------

    def _flatten(self, value: dict[str, Any], prefix: str, at: int, leaves: list[_Leaf]) -> int:
        lines = self.tokens.lines
        at += 1
        for key, member in value.items():
            kind = type(member)
            if kind is str or kind is Number:
                leaves.append((prefix + key, member, lines[at], ()))
                at += 2
            elif kind is dict and member:
                at = self._flatten(member, f"{prefix}{key}.", at + 1, leaves)
            else:
                at = self._flatten_member(prefix + key, member, at, leaves)
        return at + 1

    def _flatten_member(self, name: str, member: Any, at: int, leaves: list[_Leaf]) -> int:
        """A member that begins with its key at token `at`."""
        return self._flatten_value(name, member, at, at + 1, leaves)

    def _flatten_value(self, name: str, value: Any, start: int, at: int, leaves: list[_Leaf]) -> int:
        line = self.tokens.lines[start]
        if isinstance(value, Binary):
            self._leave_out(name, "binary data", start, at + 1)
        elif not isinstance(value, (dict, list)):
            leaves.append((name, write_scalar(value), line, ()))
        elif not value:
            self._leave_out(name, "an empty value", start, at + 2)
            return at + 2
        elif isinstance(value, dict):
            return self._flatten(value, f"{name}.", at, leaves)
        elif not any(isinstance(part, (dict, list, Binary)) for part in value):
            end = at + len(value) + 2
            parts = self._choose_parts(name, value, (line, self.tokens.lines[end - 1]))
            if parts:
                leaves.append((name, ", ".join(parts), line, parts))
            return end
        elif noise.kind_of(_last(name)) == "coordinates":
            end = at + count_tokens(value)
            self._leave_out(name, "coordinates", start, end)
            return end
        else:
            return self._flatten_list(name, value, at, leaves)
        return at + 1

    def _choose_parts(self, name: str, value: list[Any], lines: Lines) -> tuple[str, ...]:
        """The members of a list of scalars that something can be asked about."""
        parts = tuple(part if type(part) is str else str(write_scalar(part)) for part in value)
        kind = noise.kind_of(_last(name))
        if len(parts) > _LONGEST_VECTOR and all(type(part) is Number for part in value):
            self._note(name, "a vector", lines)
            return ()
        reasons = [noise.find_noise(kind, part) for part in parts]
        for reason in dict.fromkeys(filter(None, reasons)):
            self._note(name, reason, lines)
        return tuple(part for part, reason in zip(parts, reasons, strict=True) if not reason)

    def _flatten_list(self, name: str, members: list[Any], at: int, leaves: list[_Leaf]) -> int:
        """A list with objects in it: each by its own name where all have one, by its number otherwise."""
        key = _find_own_name(members)
        line = self.tokens.lines[at]
        at += 1
        if key:
            parts = tuple(str(member[key]) for member in members)
            leaves.append((name, ", ".join(parts), line, parts))
        for number, member in enumerate(members, start=1):
            if key:
                own: list[_Leaf] = []
                prefix = f"{name}.{member[key]}."
                at = self._flatten(member, prefix, at, own)
                leaves.extend(leaf for leaf in own if leaf[0] != prefix + key)
            else:
                at = self._flatten_value(f"{name}.{number}", member, at, at, leaves)
        return at + 1

    # ---- a collection's records -------------------------------------------------------------------------------------

    def _make_records(self, entries: list[_Entry], path: tuple[str, ...]) -> None:
        columns: dict[str, list[str]] = defaultdict(list)
        for entry in entries:
            entry.leaves = list(self._without_noise(entry.leaves))
            for name, value, _, _ in entry.leaves:
                columns[name].append(value)
        repeated = {name: _find_repeated(values) for name, values in columns.items()}
        has_siblings = len(entries) > 1
        key = "" if entries and entries[0].subject else _find_key(entries, columns)
        entries.reverse()
        for number in range(1, len(entries) + 1):
            entry = entries.pop()  # what has become a record is not kept twice
            subject = entry.subject or f"{'.'.join(path)} {number}".strip()
            fields = []
            for name, value, line, parts in entry.leaves:
                if name == key:
                    subject = str(value)
                    continue
                twins = repeated[name]
                is_unique = has_siblings and not parts and _tells_apart(value)
                if is_unique and twins:
                    is_unique = value.casefold() not in twins
                fields.append(Field(name, str(value), line, is_unique, parts))
            self.records.append(Record(subject, path, entry.lines, tuple(fields), key))

    def _without_noise(self, leaves: list[_Leaf]) -> Iterator[_Leaf]:
        for leaf in leaves:
            name, value, line, parts = leaf
            kind = self.kinds.get(name)
            if kind is None:
                kind = self.kinds.setdefault(name, noise.kind_of(_last(name)))
            if not parts and (reason := noise.find_noise(kind, value)):
                self._note(name, reason, (line, line))
            else:
                yield leaf

    def _leave_out(self, name: str, reason: str, start: int, end: int) -> None:
        self._note(name, reason, self._span(start, end))

    def _note(self, name: str, reason: str, lines: Lines) -> None:
        found = self.dull.get((name, reason))
        if found is None:
            found = self.dull.setdefault((name, reason), _Dull(lines))
        found.count += 1

    def _span(self, start: int, end: int) -> Lines:
        return self.tokens.lines[start], self.tokens.lines[end - 1]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _are_alike(value: dict[str, Any]) -> bool:
    """Whether an object is a collection: its members are objects with mostly the same keys."""
    members = list(value.values())
    if len(members) < 2 or not all(isinstance(member, dict) and member for member in members):
        return False
    counts = Counter(key for member in members for key in member)
    return sum(counts.values()) >= 0.5 * len(members) * len(counts)


def _find_own_name(members: list[Any]) -> str:
    """The field that names each object of a list inside a record; empty where there is none."""
    if not members or not all(isinstance(member, dict) for member in members):
        return ""
    for name in _NAMES:
        values = [member.get(name) for member in members]
        are_short = all(type(value) is str and 0 < len(value.strip()) <= _LONGEST_PATH for value in values)
        if are_short and len(set(values)) == len(values):
            return name
    return ""


def _find_repeated(values: list[str]) -> set[str]:
    """The values that stand there more than once, in small letters."""
    folded = list(map(str.casefold, values))
    if len(set(folded)) == len(folded):
        return set()
    return {value for value, count in Counter(folded).items() if count > 1}


def _tells_apart(value: str) -> bool:
    """Whether a value is one that a record may be looked up by: no small number, no truth value, nothing long."""
    if type(value) is Number or value.isdecimal():
        try:
            return len(value) <= _LONGEST and float(value) >= 10
        except ValueError:
            return False
    return len(value) <= _LONGEST and value.casefold() not in _NO_NAMES


def _find_key(entries: list[_Entry], columns: dict[str, list[str]]) -> str:
    """The field that names a record: in every record, never twice; text, usual names and early places go first."""
    ranked: list[tuple[tuple[int, int, int, int], str]] = []
    for place, (name, values) in enumerate(columns.items()):
        if len(values) != len(entries) or len(set(values)) != len(values):
            continue
        words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
        is_number = any(type(value) is Number for value in values)
        usual = min((_NAMES.index(word) for word in words if word in _NAMES), default=len(_NAMES))
        if is_number and (_COUNTED.isdisjoint(words) or not all(map(str.isdecimal, values))):
            continue
        if len(entries) == 1 and usual == len(_NAMES):  # anything is unique there
            continue
        if all(len(value) <= _LONGEST and not _ADDRESS.match(value) for value in values):
            ranked.append(((is_number, usual, name.count(".") + len(words), place), name))
    for _, name in sorted(ranked):
        if all(any(leaf[0] == name and not leaf[3] for leaf in entry.leaves) for entry in entries):
            return name
    return ""
