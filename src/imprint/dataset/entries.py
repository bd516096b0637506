"""Rows on their way into the dataset: one line each, a key of fixed width before the JSON.

Lines sort by question, then by document and place in it. So all rows with one question meet, whatever documents and
processes they come from, and the sorted order is a shuffled one, because the question's hash is random.
"""

from collections.abc import Iterable
from json.encoder import encode_basestring
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64_hexdigest

KEY_WIDTH = 62
encode = encode_basestring
"""A string as JSON, without escapes for what is not ASCII, by json's own C function."""
NOWHERE = "0" * 12


class Key(NamedTuple):
    """What stands before the JSON, read back."""

    question: bytes
    answer: bytes
    split: str
    """t: train, v: validation, e: test, r: a ready-made row, for which gathering decides."""
    is_short: bool
    """Written as a capital letter."""
    wording: int
    place: bytes
    kind: int
    document: int
    tokens: int


def question_hash(question: str, seed: int) -> str:
    """Sixteen hexadecimal digits; the same for questions that differ in case and blanks only."""
    return xxh3_64_hexdigest(" ".join(question.casefold().split()).encode("utf-8", "surrogatepass"), seed)


def answer_hash(answer: str) -> str:
    """Eight hexadecimal digits."""
    return xxh3_64_hexdigest(answer.encode("utf-8", "surrogatepass"))[:8]


def place_hash(document: str, place: str) -> str:
    """Twelve hexadecimal digits that name a section, a record or an operation."""
    return xxh3_64_hexdigest(f"{document}\x1f{place}".encode("utf-8", "surrogatepass"))[:12]


def read_key(line: bytes) -> Key:
    """Take a line's key apart."""
    split = chr(line[40])
    return Key(
        question=line[:16],
        answer=line[32:40],
        split=split.lower(),
        is_short=split.isupper(),
        wording=int(line[41:42], 16),
        place=line[42:54],
        kind=int(line[54:56], 16),
        document=int(line[16:24], 16),
        tokens=int(line[56:62], 16),
    )


def write_key(question: str, document: int, row: int, split: str, wording: int, rest: str) -> str:
    """The key of a line; `rest` is what all rows of a fact share, by `shared_key`."""
    return f"{question}{document:08x}{row:08x}{rest[:8]}{split}{min(wording, 15):x}{rest[8:]}"


def shared_key(answer: str, place: str, kind: int, tokens: int) -> str:
    """What the keys of a fact's rows share: hashes of answer and place, the kind's number, the answer's tokens."""
    return f"{answer_hash(answer)}{place or NOWHERE}{kind:02x}{min(tokens, 0xFFFFFF):06x}"


class Tails:
    """What stands behind the question in the JSON of a document's rows, as `Example.line` writes it."""

    def __init__(self, document: str) -> None:
        self._document = encode(document)
        self._headings: dict[tuple[str, ...], str] = {}

    def write(self, answer: str, kind: str, fact: str, heading: tuple[str, ...], lines: tuple[int, int]) -> str:
        """The same for all questions of a fact."""
        names = self._headings.get(heading)
        if names is None:
            names = self._headings[heading] = ", ".join(map(encode, heading))
        return (
            f', "input": "", "output": {encode(answer)}, "kind": "{kind}", "fact": "{fact}", "source": '
            f'{{"document": {self._document}, "heading": [{names}], "lines": [{lines[0]}, {lines[1]}]}}}}\n'
        )


class Buckets:
    """Files of entries by the first digits of their key. Each process appends to files of its own."""

    def __init__(self, folder: Path, count: int, writer: str) -> None:
        self._folder, self._writer = folder, writer
        self.count = count
        self._held: list[list[str]] = [[] for _ in range(count)]

    def add(self, entries: Iterable[str]) -> None:
        """Take entries; nothing is written before `flush`."""
        for entry in entries:
            self._held[int(entry[:4], 16) * self.count >> 16].append(entry)

    def flush(self) -> None:
        """Append what is held to the files."""
        for number, held in enumerate(self._held):
            if held:
                with bucket_file(self._folder, number, self._writer).open("ab") as file:
                    file.write("".join(held).encode("utf-8", "replace"))
                held.clear()


def bucket_file(folder: Path, number: int, writer: str) -> Path:
    """Where a process keeps its entries of a bucket."""
    return folder / f"{number:04}-{writer}"


def read_bucket(folder: Path, number: int) -> list[bytes]:
    """All entries of a bucket, sorted; its files are removed."""
    lines: list[bytes] = []
    for file in folder.glob(f"{number:04}-*"):
        lines += file.read_bytes().split(b"\n")
        lines.pop()  # what follows the last line end
        file.unlink()
    lines.sort()
    return lines
