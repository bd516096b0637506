"""Rows on their way into the dataset: one line each, a key of fixed width before the JSON.

Lines sort by question, then by document and place in it. So all rows with one question meet, whatever documents and
processes they come from, and the sorted order is a shuffled one, because the question's hash is random.
"""

from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

KEY_WIDTH = 62
encode = encode_basestring
"""A string as JSON, without escapes for what is not ASCII, by json's own C function."""
NOWHERE = "0" * 12
_NUL, _ENCODED_NUL = "\0", "\\u0000"


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


def question_hash(question: str, seed: int) -> int:
    """64 bits; the same for questions that differ in case and blanks only."""
    plain = question.casefold()
    if "  " in plain or not plain.isprintable() or plain != plain.strip():  # else only single spaces are in it
        plain = " ".join(plain.split())
    return xxh3_64_intdigest(plain.encode("utf-8", "surrogatepass"), seed)


def encode_all(texts: Sequence[str]) -> list[str]:
    """Each text as JSON, without the quotes; all at once, which takes half the time."""
    encoded = encode(_NUL.join(texts))[1:-1].split(_ENCODED_NUL)
    if len(encoded) != len(texts):  # a NUL in a text, or a backslash before what stands for one
        return [encode(text)[1:-1] for text in texts]
    return encoded


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
        place=line[50:62],
        kind=int(line[42:44], 16),
        document=int(line[16:24], 16),
        tokens=int(line[44:50], 16),
    )


def write_heads(
    questions: Sequence[str], seed: int, *, document: int, row: int, splits: str, shared: str
) -> list[tuple[int, bytes]]:
    """The beginnings of a fact's rows, key and question, each with the hash of its question.

    `splits` has a letter for each question, those to train on first; `row` is the number of the first; `shared` is by
    `shared_key`.
    """
    place = document << 32 | row
    form = f'%016x%016x{shared[:8]}%s%x{shared[8:]}{{"instruction": "%s"'
    heads: list[tuple[int, bytes]] = []
    for wording, (question, split, text) in enumerate(zip(questions, splits, encode_all(questions), strict=True)):
        asked = question_hash(question, seed)
        number = min(wording, 15) if split in "tT" else 0
        head = form % (asked, place + wording, split, number, text)
        heads.append((asked, head.encode("utf-8", "replace")))
    return heads


def write_key(question: int, document: int, row: int, split: str, shared: str) -> str:
    """The key of a line with a single wording; `shared` is by `shared_key`."""
    return f"{question:016x}{document:08x}{row:08x}{shared[:8]}{split}0{shared[8:]}"


def shared_key(answer: str, place: str, kind: int, tokens: int) -> str:
    """What the keys of a fact's rows share: hashes of answer and place, the kind's number, the answer's tokens."""
    return f"{answer_hash(answer)}{kind:02x}{min(tokens, 0xFFFFFF):06x}{place or NOWHERE}"


class Tails:
    """What stands behind the question in the JSON of a document's rows, as `Example.line` writes it."""

    def __init__(self, document: str) -> None:
        self._document = encode(document)
        self._headings: dict[tuple[str, ...], str] = {}
        self._answer, self._encoded = "", '""'

    def write(self, answer: str, kind: str, fact: str, heading: tuple[str, ...], lines: tuple[int, int]) -> bytes:
        """The same for all questions of a fact."""
        names = self._headings.get(heading)
        if names is None:
            names = self._headings[heading] = ", ".join(map(encode, heading))
        if answer is not self._answer:  # a section and the exercises on it follow each other
            self._answer, self._encoded = answer, encode(answer)
        return (
            f', "input": "", "output": {self._encoded}, "kind": "{kind}", "fact": "{fact}", "source": '
            f'{{"document": {self._document}, "heading": [{names}], "lines": [{lines[0]}, {lines[1]}]}}}}\n'
        ).encode("utf-8", "replace")


class Buckets:
    """Files of entries by the first digits of their key. Each process appends to files of its own."""

    def __init__(self, folder: Path, count: int, writer: str) -> None:
        self._folder, self._writer = folder, writer
        self.count = count
        self._held: list[list[bytes]] = [[] for _ in range(count)]

    def add(self, heads: Iterable[tuple[int, bytes]], tail: bytes) -> None:
        """Take entries by question hash and beginning, all with one end; nothing is written before `flush`."""
        for question, head in heads:
            self._held[question * self.count >> 64] += head, tail  # the tail is kept once, whatever the number of heads

    def flush(self) -> None:
        """Append what is held to the files."""
        for number, held in enumerate(self._held):
            if held:
                with bucket_file(self._folder, number, self._writer).open("ab") as file:
                    file.write(b"".join(held))
                held.clear()


def bucket_file(folder: Path, number: int, writer: str) -> Path:
    """Where a process keeps its entries of a bucket."""
    return folder / f"{number:04}-{writer}"


def read_bucket(folder: Path, number: int) -> list[bytes]:
    """All entries of a bucket, sorted, each with its line end; its files are removed."""
    lines: list[bytes] = []
    for file in folder.glob(f"{number:04}-*"):
        with file.open("rb", buffering=1 << 20) as stream:
            lines += stream.readlines()
        file.unlink()
    lines.sort()
    return lines
