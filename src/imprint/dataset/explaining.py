"""What became of one line of a document: the rows made from it, and what was left out there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.config import Settings
from imprint.dataset.gathering import SPLITS
from imprint.dataset.making import Progress, dry_run
from imprint.errors import InputError


@dataclass(frozen=True)
class Explanation:
    """Rows by split, and places left out, whose lines hold the line asked for."""

    document: str
    line: int
    rows: dict[str, list[dict[str, Any]]]
    left_out: list[dict[str, Any]]

    def text(self) -> str:
        """For people: each fact with its questions, then what was left out."""
        lines = [f"{self.document}:{self.line}"]
        facts: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for split, rows in self.rows.items():
            for row in rows:
                facts.setdefault(row["fact"], []).append((split, row))
        for rows_of in sorted(facts.values(), key=_innermost_first):
            rows_of.sort(key=lambda item: (SPLITS.index(item[0]), len(item[1]["instruction"])))
            _, row = rows_of[0]
            first, last = row["source"]["lines"]
            place = " > ".join(row["source"]["heading"])
            lines += ["", f"{row['kind']}, lines {first} to {last}" + (f", {place}" if place else "")]
            lines += [f"  {split:<10} {_shortened(row['instruction'])}" for split, row in rows_of]
            lines.append(f"  answer     {_shortened(row['output'])}")
        for item in self.left_out:
            first, last = item["lines"]
            detail = f": {item['detail']}" if item["detail"] else ""
            lines += ["", f"left out, lines {first} to {last}: {item['reason']}{detail}"]
        if not facts and not self.left_out:
            lines += ["", "no example is made from this line: it is empty, or a heading, which questions below it name"]
        return "\n".join(lines)


def _innermost_first(rows: list[tuple[str, dict[str, Any]]]) -> tuple[int, str]:
    first, last = rows[0][1]["source"]["lines"]
    return last - first, rows[0][1]["kind"]


def _shortened(text: str, most: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def explain(config: Settings, place: str, progress: Progress) -> Explanation:
    """Make the dataset in a temporary folder and look up `document:line` in it. Raises InputError for a wrong place."""
    name, _, number = place.rpartition(":")
    if not name or not number.isdecimal():
        raise InputError(
            f"{place!r}: expected a document and a line.", hint="imprint prepare --explain handbook/leave.md:120"
        )
    line = int(number)
    with dry_run(config, progress) as (summary, folder):
        known = [summary.documents[at] for at in summary.languages]
        document = _named(name, config, [*known, *(path for path, _ in summary.left_out)])
        return Explanation(
            document=document,
            line=line,
            rows={split: _holding(folder / f"{split}.jsonl", document, line, in_source=True) for split in SPLITS},
            left_out=_holding(folder / "left_out.jsonl", document, line, in_source=False),
        )


def _named(name: str, config: Settings, known: list[str]) -> str:
    """The document that the user means: its name in the dataset, or its path on disk."""
    if name in known:
        return name
    path = Path(name).absolute()
    for folder in config.documents.sources:
        if path.is_relative_to(folder.path):
            inside = path.relative_to(folder.path).as_posix()
            for document in (inside, f"{folder.path.name}/{inside}", folder.path.name):
                if document in known:
                    return document
    ending = [document for document in known if document.endswith(f"/{name}")]
    if len(set(ending)) == 1:
        return ending[0]
    raise InputError(
        f"There is no document {name!r} among those that are read.",
        hint="the card lists them: imprint prepare --dry-run",
    )


def _holding(file: Path, document: str, line: int, *, in_source: bool) -> list[dict[str, Any]]:
    """The lines of a JSON Lines file about this place."""
    found: list[dict[str, Any]] = []
    with file.open(encoding="utf-8") as stream:
        for text in stream:
            if document not in text and json.dumps(document)[1:-1] not in text:
                continue
            row = json.loads(text)
            source = row["source"] if in_source else row
            first, last = source["lines"]
            if source["document"] == document and first <= line <= last:
                found.append(row)
    return found
