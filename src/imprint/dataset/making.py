"""The making of a dataset: documents to entries, entries to splits, and the card."""

import collections
import contextlib
import difflib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from imprint import documents
from imprint.config import Settings
from imprint.dataset import gathering, writing
from imprint.dataset.card import Summary, card
from imprint.dataset.consulting import Serving, consult
from imprint.dataset.gathering import SPLITS, Gathered, Plan
from imprint.dataset.kinds import KINDS
from imprint.dataset.leaks import FREE, remove_leaks
from imprint.dataset.writing import Written
from imprint.documents import UNREADABLE, Found, LeftOut
from imprint.errors import DatasetError, SettingsError
from imprint.runs import write_atomically

_CONTROL_SHARE = 0.02  # of all sections, at most
_FEWEST_WORDINGS = 3  # of a short answer, however many short answers there are
_SHORT_SHARE = 0.5  # of the answers' tokens that short answers may have
_MOST_WARNINGS = 10
_MOST_KEPT = 200  # places left out that the card lists
ENTRIES = "entries"
"""The folder of rows on their way; removed at the end."""

Progress = Callable[[str, float, float], None]
"""Is told what happens, how much is done, and of how much."""


@contextlib.contextmanager
def dry_run(config: Settings, progress: Progress) -> Iterator[tuple[Summary, Path]]:
    """Make the dataset in a temporary folder, without asking any model; it is removed afterwards."""
    without = config.dataset.augment.model_copy(update={"url": ""})
    config = config.model_copy(update={"dataset": config.dataset.model_copy(update={"augment": without})})
    with tempfile.TemporaryDirectory(prefix="imprint-") as folder:
        yield make(config, Path(folder), progress), Path(folder)


def make(config: Settings, folder: Path, progress: Progress, serving: Serving | None = None) -> Summary:
    """Make the dataset in `folder`. Documents, settings and seed decide its bytes, not the number of processes."""
    _require_known(config.dataset.kinds)
    found = documents.find(config.documents)
    entries = folder / ENTRIES
    shutil.rmtree(entries, ignore_errors=True)
    entries.mkdir(parents=True)
    for name in (*(f"{split}.jsonl" for split in SPLITS), "left_out.jsonl", "card.md"):
        (folder / name).unlink(missing_ok=True)  # of a killed run; perhaps linked to by another one
    processes = writing.process_count(config, found.files)
    with contextlib.ExitStack() as stack, (folder / "left_out.jsonl").open("w", encoding="utf-8") as left_out_file:
        workers = stack.enter_context(_workers(processes)) if processes > 1 else None
        left_out = _LeftOut(left_out_file)
        left_out.add(found.left_out)
        written = _write(config, found, entries, workers, left_out, progress)
        if not written.rows:
            raise DatasetError(
                f"{len(found.files)} documents were read, and none holds anything to ask: "
                "no sections, tables or records.",
                hint=f"put text under headings in {config.documents.sources[0].path}",
            )
        plan = _plan(config, found, written, entries)
        consulted = consult(config, found.files, written.rows, written.languages, plan.control, serving, progress)
        buckets = writing.bucket_count(found.files)
        contributed = [*consulted.augmented, *((len(found.files), example) for example in consulted.replayed)]
        if contributed:
            writing.Writer(config, entries, buckets, "models").write_examples(contributed)
        gathered = Gathered()
        for number, part in enumerate(gathering.gather(plan, buckets, folder, workers)):
            left_out.add(part.left_out)
            part.left_out = []
            gathered.add(part)
            progress("sorting", number + 1, buckets)
        if any(gathered.rows["train", kind] for kind in FREE):  # else reading all rows again would find nothing
            for split, kind, document, item in remove_leaks(folder):
                gathered.rows[split, kind] -= 1
                left_out.add([(document, item)])
    shutil.rmtree(entries)
    summary = Summary(
        gathered=gathered,
        documents=[file.name for file in found.files],
        languages=written.languages,
        reasons=left_out.reasons,
        left_out=left_out.first,
        warnings=written.warnings,
        short_wordings=plan.short_wordings,
        notes=consulted.notes,
    )
    write_atomically(folder / "card.md", card(summary))
    return summary


def warnings_of(summary: Summary) -> list[str]:
    """What somebody should see at once: the first documents that could not be read, and encodings that were guessed."""
    unread = [f"left out: {item.detail}" for _, item in summary.left_out if item.reason == UNREADABLE]
    told = [*unread, *summary.warnings]
    more = len(told) - _MOST_WARNINGS
    return told[:_MOST_WARNINGS] + ([f"and {more} more warnings; card.md has them"] if more > 0 else [])


def _require_known(kinds: Sequence[str]) -> None:
    """Raise SettingsError for a kind of fact that there is not."""
    problems = []
    for kind in kinds:
        if kind not in KINDS:
            near = difflib.get_close_matches(kind, KINDS, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"dataset.kinds: there is no kind {kind!r}{guess}")
    if problems:
        raise SettingsError(problems, hint=f"the kinds are {', '.join(KINDS)}")


class _LeftOut:
    """Writes down what is left out, and counts it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.reasons: collections.Counter[str] = collections.Counter()
        self.first: list[tuple[str, LeftOut]] = []

    def add(self, items: Any) -> None:
        for document, item in items:
            self.reasons[item.reason] += 1
            if len(self.first) < _MOST_KEPT:
                self.first.append((document, item))
            line = {"document": document, "lines": item.lines, "reason": item.reason, "detail": item.detail}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write(
    config: Settings,
    found: Found,
    entries: Path,
    workers: ProcessPoolExecutor | None,
    left_out: _LeftOut,
    progress: Progress,
) -> Written:
    total = sum(file.size for file in found.files)
    written = Written()
    for part in writing.write_all(config, found.files, entries, workers):
        written.add(part, config.dataset.control_sections)
        left_out.add(part.left_out)
        progress("reading documents", written.size, total)
    return written


def _plan(config: Settings, found: Found, written: Written, entries: Path) -> Plan:
    """What can only be decided once all documents are written."""
    count = min(config.dataset.control_sections, int(_CONTROL_SHARE * written.place_count))
    wordings = config.dataset.wordings
    if written.long_tokens:
        share = _SHORT_SHARE / (1 - _SHORT_SHARE)
        while (
            wordings > _FEWEST_WORDINGS
            and sum(written.short_tokens[number] for number in range(wordings)) > share * written.long_tokens
        ):
            wordings -= 1
    return Plan(
        folder=entries,
        control=frozenset(place.encode() for place in sorted(written.places)[:count]),
        short_wordings=wordings,
        holds_rows_out=written.facts == 0,
        weights={number: file.weight for number, file in enumerate(found.files) if file.weight != 1.0},
    )


@contextlib.contextmanager
def _workers(processes: int) -> Iterator[ProcessPoolExecutor]:
    workers = writing.pool(processes)
    try:
        yield workers
    finally:
        workers.shutdown(wait=True, cancel_futures=True)
