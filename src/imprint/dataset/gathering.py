"""Entries to splits: one answer a question, no question on both sides, and what is for balance or control left out."""

import collections
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from imprint.dataset import entries
from imprint.dataset.entries import KEY_WIDTH, Key, encode, read_key
from imprint.dataset.writing import KINDS
from imprint.documents import LeftOut

SPLITS = ("train", "validation", "test", "control")
_AGAIN = "again"
"""Rows of folders with a weight above one, once more behind all others."""
_NO_FACTS = {"masked", "unknown", "replay", "ready_made", "text"}
_BALANCE = "wordings of short answers, for balance"
_EXAMPLES = 5
# Where things stand in a key.
_LETTER, _WORDING, _KIND, _LETTER_TO_TOKENS, _PLACE = 40, 41, slice(42, 44), slice(40, 50), slice(50, 62)
_JSON = itemgetter(slice(KEY_WIDTH, None))
_PLAINEST = ord("0")
# Around parts of the JSON; inside a string each quote has a backslash before it, so there they are not found.
_BEFORE_QUESTION, _BEHIND_QUESTION, _BEFORE_SOURCE = b'{"instruction": ', b'", "input": "', b'", "source": '
_SPLIT_OF = {
    ord(letter): split
    for small, split in (("t", "train"), ("v", "validation"), ("e", "test"))
    for letter in (small, small.upper())
}
_LENGTHS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
_HELD_OUT_ROWS = 0.1  # of ready-made rows, where there is nothing else to hold out


@dataclass(frozen=True)
class Plan:
    """What the pass over all documents decided."""

    folder: Path
    control: frozenset[bytes]
    """Hashes of the places that are not trained on."""
    short_wordings: int
    """Wordings of a short answer that are trained on."""
    holds_rows_out: bool
    """There is nothing but ready-made rows, so some of them are held out."""
    weights: dict[int, float]
    """By document number, where not 1."""


@dataclass
class Gathered:
    """Counts of what was gathered, by split."""

    rows: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    """By split and kind."""
    tokens: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    """Tokens of answers, by split and kind."""
    documents: collections.Counter[int] = field(default_factory=collections.Counter)
    """Training rows by document number."""
    lengths: collections.Counter[int] = field(default_factory=collections.Counter)
    """Training answers by the power of two that is at least their tokens."""
    facts: int = 0
    short_tokens: int = 0
    dropped: collections.Counter[str] = field(default_factory=collections.Counter)
    left_out: list[tuple[str, LeftOut]] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)
    """A few rows of each kind, as JSON."""
    shortest: dict[str, str] = field(default_factory=dict)
    """The shortest plain question of each kind."""

    def add(self, other: "Gathered") -> None:
        """Take in another bucket's."""
        self.rows.update(other.rows)
        self.tokens.update(other.tokens)
        self.documents.update(other.documents)
        self.lengths.update(other.lengths)
        self.facts += other.facts
        self.short_tokens += other.short_tokens
        self.dropped.update(other.dropped)
        self.left_out += other.left_out
        for kind, lines in other.examples.items():
            mine = self.examples.setdefault(kind, [])
            mine += lines[: _EXAMPLES - len(mine)]
        for kind, question in other.shortest.items():
            if kind not in self.shortest or _rank(question) < _rank(self.shortest[kind]):
                self.shortest[kind] = question


def gather(plan: Plan, buckets: int, target: Path, workers: ProcessPoolExecutor | None) -> Iterator[Gathered]:
    """Write the splits into `target`; yields the counts of each bucket, in order."""
    if workers is None:
        for number in range(buckets):
            yield _gather_bucket(plan, number)
            _append(plan, number, target)
    else:
        waiting: collections.deque[Future[Gathered]] = collections.deque()
        most = 2 * (os.cpu_count() or 1)
        for number in range(buckets + most):
            if number < buckets:
                waiting.append(workers.submit(_gather_bucket, plan, number))
            if number >= most:
                yield waiting.popleft().result()
                _append(plan, number - most, target)
    for split in SPLITS:
        (target / f"{split}.jsonl").touch()
    again = _again(plan)
    if again.exists():
        _move(again, target / "train.jsonl")


def _part(plan: Plan, split: str, number: int) -> Path:
    return plan.folder / f"{split}-{number:04}"


def _append(plan: Plan, number: int, target: Path) -> None:
    for split in (*SPLITS, _AGAIN):
        part = _part(plan, split, number)
        if part.exists():
            _move(part, _again(plan) if split == _AGAIN else target / f"{split}.jsonl")


def _again(plan: Plan) -> Path:
    """Where the second and later copies of rows are kept until all first ones are written."""
    return plan.folder / f"{_AGAIN}.jsonl"


def _move(part: Path, target: Path) -> None:
    """Append a file to another, and remove it."""
    with part.open("rb") as source, target.open("ab") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    part.unlink()


def _gather_bucket(plan: Plan, number: int) -> Gathered:
    gathered = Gathered()
    kept: dict[str, list[bytes]] = {split: [] for split in SPLITS}
    plain, others = _sorted_out(plan, entries.read_bucket(plan.folder, number), gathered)
    for line in plain:
        kept[_SPLIT_OF[line[_LETTER]]].append(line)
    for group in others:
        for split, line in _placed(plan, [(read_key(line), line) for line in group], gathered):
            kept[split].append(line)
    again: list[bytes] = []
    if plan.weights:
        kept["train"], again = _weighted(plan, kept["train"])
    for split, lines in (*kept.items(), (_AGAIN, again)):
        if lines:
            lines.sort()  # the shuffled order, as hashes of questions are
            with _part(plan, split, number).open("wb", buffering=1 << 20) as part:
                part.writelines(map(_JSON, lines))  # one by one: no second copy of all rows
            _count(gathered, "train" if split == _AGAIN else split, lines)
    _look_at(gathered, kept["train"])
    return gathered


def _sorted_out(plan: Plan, lines: list[bytes], gathered: Gathered) -> tuple[list[bytes], list[list[bytes]]]:
    """Rows that only go where they say, and the others, in groups with the same question."""
    heads = [line[:16] for line in lines]
    others: list[list[bytes]] = []
    if len(set(heads)) < len(heads):
        often = {head for head, following in itertools.pairwise(heads) if head == following}
        groups: dict[bytes, list[bytes]] = collections.defaultdict(list)
        single: list[bytes] = []
        for line, head in zip(lines, heads, strict=True):
            (groups[head] if head in often else single).append(line)
        lines, others = single, list(groups.values())
    plain: list[bytes] = []
    spared = 0
    short, given, limit = ord("T"), ord("r"), ord(f"{plan.short_wordings:x}")
    for line in lines:
        letter = line[_LETTER]
        if letter == given or (plan.control and line[_PLACE] in plan.control):
            others.append([line])
        elif letter == short and line[_WORDING] >= limit:
            spared += 1
        else:
            plain.append(line)
    if spared:
        gathered.dropped[_BALANCE] += spared
    return plain, others


def _weighted(plan: Plan, lines: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Training rows once, and again as their folder's weight says; one wording of each fact is left at any weight."""
    once: list[bytes] = []
    again: list[bytes] = []
    for line in lines:
        key = read_key(line)
        weight = plan.weights.get(key.document, 1.0)
        copies = int(weight) + (int(key.question[4:12], 16) / 2**32 < weight % 1)
        if copies or key.wording == 0:
            once.append(line)
        again += [line] * (copies - 1)
    return once, again


def _placed(plan: Plan, rows: list[tuple[Key, bytes]], gathered: Gathered) -> Iterator[tuple[str, bytes]]:
    """Where rows with the same question go: the user's own as they are; of the others one, and only with one answer."""
    wanted = [(split, key, line) for key, line in rows if (split := _split(plan, key, gathered))]
    ready_made = [item for item in wanted if item[1].split == "r"]
    made = [item for item in wanted if item[1].split != "r"]
    yield from ((split, line) for split, _, line in ready_made)
    answers = {key.answer for _, key, _ in wanted}
    if len(answers) == 1:
        if made and not ready_made:
            yield _first(made, gathered)
        return
    named = collections.defaultdict(list)
    for split, key, line in made:
        question, renamed = _with_document(line)
        named[question].append((split, key, renamed))
    for question, same in named.items():
        if len({key.answer for _, key, _ in same}) == 1:
            yield _first(same, gathered)
            continue
        for _, _, line in same:
            source = _source(line)
            asked = str(json.loads(question[len(_BEFORE_QUESTION) :] + b'"'))
            left = LeftOut(tuple(source["lines"]), "a question with two answers", asked[:80])
            gathered.left_out.append((source["document"], left))


def _split(plan: Plan, key: Key, gathered: Gathered) -> str:
    """The split of a row; empty where it is left out."""
    if plan.control and key.place in plan.control:
        return "control" if key.wording == 0 or key.split != "t" else ""
    if key.split == "t" and key.is_short and key.wording >= plan.short_wordings:
        gathered.dropped[_BALANCE] += 1
        return ""
    if key.split == "r":
        if plan.holds_rows_out and KINDS[key.kind] != "text" and int(key.question[8:16], 16) / 2**32 < _HELD_OUT_ROWS:
            return ("test", "validation")[int(key.question[7:8], 16) % 2]
        return "train"
    return _SPLIT_OF[ord(key.split)]


def _first(rows: list[tuple[str, Key, bytes]], gathered: Gathered) -> tuple[str, bytes]:
    """One of several rows with the same question and answer; what is trained on is not held out."""
    split, _, line = min(rows, key=lambda row: SPLITS.index(row[0]))
    if len(rows) > 1:
        gathered.dropped["the same question and answer again"] += len(rows) - 1
    return split, line


def _with_document(line: bytes) -> tuple[bytes, bytes]:
    """The question, as JSON, of a row that names its document and heading there, and the row."""
    source = _source(line)
    place = ", ".join([source["document"], " > ".join(source["heading"])]).removesuffix(", ")
    end = line.index(_BEHIND_QUESTION, KEY_WIDTH)
    question = line[KEY_WIDTH:end] + f" ({encode(place)[1:-1]})".encode("utf-8", "replace")
    return question, line[:KEY_WIDTH] + question + line[end:]


def _source(line: bytes) -> dict[str, Any]:
    """Where a row comes from; it stands last."""
    behind = line[line.rindex(_BEFORE_SOURCE) + len(_BEFORE_SOURCE) :]
    source: dict[str, Any] = json.JSONDecoder().raw_decode(behind.decode())[0]
    return source


def _count(gathered: Gathered, split: str, lines: list[bytes]) -> None:
    """Count rows by what their keys say."""
    alike = collections.Counter([line[_LETTER_TO_TOKENS] for line in lines])
    for key, count in alike.items():
        kind, tokens = KINDS[int(key[2:4], 16)], int(key[4:], 16)
        gathered.rows[split, kind] += count
        gathered.tokens[split, kind] += count * tokens
        if split == "train":
            gathered.lengths[next((most for most in _LENGTHS if tokens <= most), _LENGTHS[-1] * 2)] += count
            if key[:1].isupper():
                gathered.short_tokens += count * tokens
            if key[1:2] == b"0" and kind not in _NO_FACTS:
                gathered.facts += count
    if split == "train":
        for document, count in collections.Counter([line[16:24] for line in lines]).items():
            gathered.documents[int(document, 16)] += count


def _look_at(gathered: Gathered, lines: list[bytes]) -> None:
    """Keep the first rows of each kind as examples, and the shortest plain question."""
    for line in [line for line in lines if line[_WORDING] == _PLAINEST]:
        kind, text = KINDS[int(line[_KIND], 16)], line[KEY_WIDTH:]
        examples = gathered.examples.setdefault(kind, [])
        if len(examples) < _EXAMPLES:
            examples.append(text.decode().rstrip("\n"))
        end = text.find(_BEHIND_QUESTION)
        best = gathered.shortest.get(kind)
        if 27 <= end < (len(best) + 17 if best else 120):
            asked = str(json.loads(text[16 : end + 1]))
            if asked.endswith(("?", "？", "؟")) and "(" not in asked and ": " not in asked:
                gathered.shortest[kind] = asked


def _rank(question: str) -> tuple[int, str]:
    return len(question), question


__all__ = ["SPLITS", "Gathered", "Plan", "gather"]
