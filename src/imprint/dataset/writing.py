"""Documents to entries: the pass over the documents, in as many processes as there are cores."""

import collections
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path

from imprint import base, documents
from imprint.config import Settings
from imprint.dataset import entries, kinds
from imprint.dataset.facts import Fact, Scope
from imprint.dataset.lengths import Lengths
from imprint.dataset.types import Example
from imprint.dataset.wording import put_into_words, wordings_of
from imprint.documents import Document, File, LeftOut
from imprint.errors import DocumentError

KINDS = (*kinds.KINDS, "ready_made", "text", "augmented", "replay")
"""Every kind, in the order that entries number them."""
_NUMBER = {kind: number for number, kind in enumerate(KINDS)}
SHORT_ANSWER = 8
"""Tokens; answers up to it are short ones: a term, a number, less than a sentence."""
_LAST_ROWS = 0xF0000000  # behind the rows that the pass over the documents writes
_SEAMS = 8  # tokens that question and answer may have more inside the prompt format than alone
_ALONE_BYTES = 4_000_000  # below it, starting processes takes longer than they save
_TASK_BYTES = 1_500_000
_BUCKET_BYTES = 1_000_000  # of documents; rows take about twenty times that
_MOST_BUCKETS = 1024


@dataclass
class Written:
    """What became of some documents."""

    languages: dict[int, str] = field(default_factory=dict)
    """Language by the number of each document that was read."""
    size: int = 0
    """Bytes of all documents, those that could not be read included."""
    left_out: list[tuple[str, LeftOut]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: int = 0
    rows: int = 0
    """To train on, before anything is left out again."""
    short_tokens: collections.Counter[int] = field(default_factory=collections.Counter)
    """Tokens of short answers by number of wording, those of control sections included."""
    long_tokens: int = 0
    places: set[str] = field(default_factory=set)
    """The candidates for control: the sections whose hashes are smallest."""
    place_count: int = 0

    def add(self, other: "Written", most_places: int) -> None:
        """Take in what another task wrote, but for `left_out`, which may be long and is written at once."""
        self.languages.update(other.languages)
        self.size += other.size
        self.warnings += other.warnings
        self.facts += other.facts
        self.rows += other.rows
        self.short_tokens.update(other.short_tokens)
        self.long_tokens += other.long_tokens
        self.place_count += other.place_count
        self.places = set(sorted(self.places | other.places)[:most_places])


class Writer:
    """Writes the entries of documents into buckets."""

    def __init__(self, config: Settings, folder: Path, buckets: int, name: str) -> None:
        found = base.of(config)
        self._config = config
        self._seed = config.seed
        count = base.token_counter(found)
        frame = base.render(found, [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}])
        self._lengths = Lengths(
            count,
            answer=config.dataset.max_answer_tokens,
            row=config.adapter.max_seq_length - count(frame) - _SEAMS,
        )
        self._buckets = entries.Buckets(folder, buckets, name)

    def write_files(self, files: Sequence[tuple[int, File]]) -> Written:
        """Read and write the files, each with its number. Raises DocumentError where `documents.strict` asks for it."""
        written = Written()
        for number, file in files:
            written.size += file.size
            try:
                document = documents.read(file, self._config.documents)
            except DocumentError as error:
                if self._config.documents.strict:
                    raise
                written.left_out.append((file.name, documents.left_out_for(error)))
                continue
            self._write(number, document, written)
        self._buckets.flush()
        return written

    def write_examples(self, examples: Iterable[tuple[int, Example]]) -> None:
        """Write examples that come from no pass over the documents, each with the number of its document."""
        for row, (number, example) in enumerate(examples):
            self._write_example(example, number, _LAST_ROWS + row, "t")
        self._buckets.flush()

    def _write(self, number: int, document: Document, written: Written) -> None:
        forms = wordings_of(document.language)
        scope = Scope(document, self._config.dataset, self._lengths, forms, self._seed)
        tails = entries.Tails(document.path)
        places: dict[str, str] = {}
        row = 0
        for fact in kinds.find_facts(scope):
            place = places.get(fact.place)
            if place is None:
                place = places[fact.place] = entries.place_hash(document.path, fact.place)
            row = self._write_fact(fact, scope, tails, number, row, place, written)
        for fact in kinds.find_unknown(scope, row):
            row = self._write_fact(fact, scope, tails, number, row, "", written)
        for example in _rows(document):
            row += 1
            self._write_example(example, number, row, "r")
        written.languages[number] = document.language
        written.left_out += [(document.path, item) for item in (*document.left_out, *scope.left_out)]
        written.warnings += [f"{document.path}: {text}" for text in document.warnings]
        written.rows += len(document.rows)
        written.place_count += len(places)
        most = self._config.dataset.control_sections
        written.places = set(sorted(written.places.union(places.values()))[:most])

    def _write_fact(
        self, fact: Fact, scope: Scope, tails: entries.Tails, number: int, row: int, place: str, written: Written
    ) -> int:
        """Write a fact's rows; give the number of the last."""
        worded = put_into_words(fact, scope)
        answer, trained, seed = worded.answer, worded.trained, self._seed
        tokens = self._lengths.estimate(answer)
        if not self._lengths.fit_together(max(trained, key=len), answer, self._lengths.row):
            scope.leave_out(fact.lines, f"a row of more than {self._lengths.row} tokens", fact.kind)
            return row
        name = fact.id(scope.document.path)
        is_short = tokens <= SHORT_ANSWER
        splits = ("T" if is_short else "t") * len(trained)
        questions = trained
        if worded.held_out:
            watched = scope.chance("validation", name) < self._config.dataset.validation_share
            splits += "v" if watched else "e"
            questions = (*trained, worded.held_out)
        shared = entries.shared_key(answer, place, _NUMBER[fact.kind], tokens)
        heads = entries.write_heads(questions, seed, document=number, row=row + 1, splits=splits, shared=shared)
        self._buckets.add(heads, tails.write(answer, fact.kind, name, fact.heading, fact.lines))
        written.facts += 1
        written.rows += len(trained)
        if is_short:
            written.short_tokens.update(dict.fromkeys(range(len(trained)), tokens))
        else:
            written.long_tokens += tokens * len(trained)
        return row + len(questions)

    def _write_example(self, example: Example, number: int, row: int, split: str) -> None:
        question = "\n".join(turn["content"] for turn in example.conversation()[:-1]) or example.output
        tokens = self._lengths.estimate(example.output)
        shared = entries.shared_key(example.output, "", _NUMBER[example.kind], tokens)
        asked = entries.question_hash(question, self._seed)
        line = f"{entries.write_key(asked, number, row, split, shared)}{example.line()}\n"
        self._buckets.add([(asked, line.encode("utf-8", "replace"))], b"")


def _rows(document: Document) -> Iterator[Example]:
    for number, row in enumerate(document.rows):
        yield Example.of_row(row, document.path, f"{document.digest[:6]}{number:06x}"[-12:])


def bucket_count(files: Sequence[File]) -> int:
    """So many that one of them, with its rows, is a few tens of megabytes."""
    return min(_MOST_BUCKETS, 1 + sum(file.size for file in files) // _BUCKET_BYTES)


def process_count(config: Settings, files: Sequence[File]) -> int:
    """The processes that are worth starting for these files."""
    wanted = config.dataset.processes or len(os.sched_getaffinity(0))
    return 1 if sum(file.size for file in files) < _ALONE_BYTES else wanted


def pool(processes: int) -> ProcessPoolExecutor:
    """Processes that end with this one, and leave Ctrl-C to it."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_start_process)


def _start_process() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end_with_parent() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


_writer: Writer | None = None


def _write_task(config: Settings, folder: Path, buckets: int, files: Sequence[tuple[int, File]]) -> Written:
    global _writer  # one for each process: its words are counted once
    if _writer is None:
        _writer = Writer(config, folder, buckets, str(os.getpid()))
    return _writer.write_files(files)


def write_all(
    config: Settings, files: Sequence[File], folder: Path, workers: ProcessPoolExecutor | None
) -> Iterator[Written]:
    """Write the entries of all files into the bucket folder; yields what became of each task, in order."""
    buckets = bucket_count(files)
    if workers is None:
        writer = Writer(config, folder, buckets, "0")
        for task in _tasks(files):
            yield writer.write_files(task)
        return
    waiting: collections.deque[Future[Written]] = collections.deque()
    most = 4 * (os.cpu_count() or 1)  # tasks handed out; results are small, but documents may be many
    for task in _tasks(files):
        waiting.append(workers.submit(_write_task, config, folder, buckets, task))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _tasks(files: Sequence[File]) -> Iterator[list[tuple[int, File]]]:
    task: list[tuple[int, File]] = []
    size = 0
    for number, file in enumerate(files):
        task.append((number, file))
        size += file.size
        if size >= _TASK_BYTES:
            yield task
            task, size = [], 0
    if task:
        yield task
