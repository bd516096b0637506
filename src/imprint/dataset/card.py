"""The dataset's card: what was read, what became of it, what was left out and why."""

import collections
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imprint.dataset.gathering import SPLITS, Gathered
from imprint.documents import LeftOut

_MOST_DOCUMENTS = 200
_MOST_LEFT_OUT = 200
_MOST_ALIKE = 3  # places of a document with the same reason that are listed one by one
_BAR = 40
_FENCE_MARK = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n]*\n?", re.MULTILINE)


@dataclass
class Summary:
    """Everything that the card tells."""

    gathered: Gathered
    documents: Sequence[str]
    """Names by number."""
    languages: Mapping[int, str]
    """Language by number, of the documents that were read."""
    reasons: collections.Counter[str]
    """How often something was left out, by reason."""
    left_out: Sequence[tuple[str, LeftOut]]
    """The first of them."""
    warnings: Sequence[str]
    short_wordings: int
    notes: Mapping[str, int] = field(default_factory=dict)
    """Further counts, such as those of the augmentation's filters."""

    def counts(self) -> dict[str, Any]:
        """What the manifest keeps."""
        rows = collections.Counter[str]()
        for (split, _), count in self.gathered.rows.items():
            rows[split] += count
        kinds = {kind: count for (split, kind), count in sorted(self.gathered.rows.items()) if split == "train"}
        return {
            "documents": len(self.languages),
            "facts": self.gathered.facts,
            **{split: rows[split] for split in SPLITS},
            "tokens": sum(count for (split, _), count in self.gathered.tokens.items() if split == "train"),
            "kinds": kinds,
            "languages": dict(sorted(collections.Counter(self.languages.values()).items())),
            "left_out": self.reasons.total(),
            "reasons": dict(self.reasons.most_common()),
            **dict(self.notes),
            "try_next": _try_next(self.gathered.shortest),
        }


def card(summary: Summary) -> str:
    """The card as Markdown."""
    return "\n".join(
        [
            "# Dataset",
            "",
            *_splits(summary),
            *_kinds(summary),
            *_lengths(summary),
            *_documents(summary),
            *_left_out(summary),
            *_examples(summary),
        ]
    )


def short_form(counts: Mapping[str, Any]) -> list[str]:
    """The card in a few lines, from what the manifest keeps."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts["kinds"].items(), key=lambda item: -item[1]))
    lines = [
        f"{counts['documents']:,} documents ({', '.join(counts['languages'])}): {counts['facts']:,} facts,"
        f" {counts['train']:,} rows to train on with {counts['tokens']:,} tokens of answers",
        f"held out: {counts['validation']:,} + {counts['test']:,} questions in wordings of another family;"
        f" {counts['control']:,} about sections that are not trained on",
        f"rows by kind: {kinds}",
    ]
    if counts["left_out"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in list(counts["reasons"].items())[:6])
        lines.append(f"left out in {counts['left_out']:,} places: {reasons}")
    return lines


def _splits(summary: Summary) -> Iterator[str]:
    counts = summary.counts()
    gathered = summary.gathered
    yield f"{counts['documents']:,} documents, {counts['facts']:,} facts, {counts['train']:,} rows to train on."
    yield ""
    yield "| split | rows | what it is |"
    yield "|---|---|---|"
    yield f"| train | {counts['train']:,} | every fact in several wordings |"
    yield f"| validation | {counts['validation']:,} | wordings of another family, which watch the training |"
    yield f"| test | {counts['test']:,} | wordings of another family, which test the model |"
    yield f"| control | {counts['control']:,} | sections not trained on: what improves there is style or guessing |"
    yield ""
    if counts["tokens"]:
        share = gathered.short_tokens / counts["tokens"]
        yield f"Short answers have {share:.0%} of the answers' tokens (trained in {summary.short_wordings} wordings)."
        yield ""
    for note, count in (*sorted(gathered.dropped.items()), *summary.notes.items()):
        yield f"- {note.replace('_', ' ')}: {count:,}"
    yield ""


def _kinds(summary: Summary) -> Iterator[str]:
    rows, tokens = summary.gathered.rows, summary.gathered.tokens
    yield "## Kinds"
    yield ""
    yield f"| kind | {' | '.join(SPLITS)} | tokens of training answers |"
    yield "|---|---|---|---|---|---|"
    for kind in sorted({kind for _, kind in rows}):
        counts = " | ".join(f"{rows[split, kind]:,}" for split in SPLITS)
        yield f"| {kind} | {counts} | {tokens['train', kind]:,} |"
    yield ""


def _lengths(summary: Summary) -> Iterator[str]:
    lengths = summary.gathered.lengths
    yield "## Lengths of the training answers"
    yield ""
    yield "| tokens up to | rows | |"
    yield "|---|---|---|"
    top = max(lengths.values(), default=1)
    for most, count in sorted(lengths.items()):
        yield f"| {most:,} | {count:,} | {'█' * max(1, count * _BAR // top)} |"
    yield ""


def _documents(summary: Summary) -> Iterator[str]:
    yield "## Documents"
    yield ""
    languages = collections.Counter(summary.languages.values())
    yield "Languages: " + ", ".join(f"{language} {count:,}" for language, count in languages.most_common()) + "."
    yield ""
    yield "| document | language | training rows |"
    yield "|---|---|---|"
    shown = list(summary.languages.items())[:_MOST_DOCUMENTS]
    for number, language in shown:
        yield f"| {summary.documents[number]} | {language} | {summary.gathered.documents[number]:,} |"
    if len(summary.languages) > len(shown):
        yield f"| and {len(summary.languages) - len(shown):,} more | | |"
    yield ""
    yield from (f"- {warning}" for warning in summary.warnings)
    yield ""


def _left_out(summary: Summary) -> Iterator[str]:
    yield "## Left out"
    yield ""
    if not summary.reasons:
        yield "Nothing."
        yield ""
        return
    yield "| reason | places |"
    yield "|---|---|"
    yield from (f"| {reason} | {count:,} |" for reason, count in summary.reasons.most_common())
    yield ""
    listed = summary.left_out[:_MOST_LEFT_OUT]
    yield from _places(listed)
    if summary.reasons.total() > len(listed):
        yield f"- and {summary.reasons.total() - len(listed):,} more; `left_out.jsonl` has them all"
    yield ""


def _places(left_out: Sequence[tuple[str, LeftOut]]) -> Iterator[str]:
    """A line for each place; one for all where a document has many with the same reason."""
    alike: dict[tuple[str, str], list[LeftOut]] = collections.defaultdict(list)
    for document, item in left_out:
        alike[document, item.reason].append(item)
    for (document, reason), items in alike.items():
        if len(items) > _MOST_ALIKE:
            first = min(item.lines[0] for item in items)
            yield f"- {document}: {len(items):,} times {reason}" + (f", first at line {first}" if first else "")
            continue
        for item in items:
            yield f"- {_place(document, item.lines[0])}: {reason}" + (
                f": {_escaped(item.detail)}" if item.detail else ""
            )


def _place(document: str, line: int) -> str:
    """Without a line where the whole file is meant."""
    return f"{document}:{line}" if line else document


def _examples(summary: Summary) -> Iterator[str]:
    yield "## Examples"
    yield ""
    for kind, lines in sorted(summary.gathered.examples.items()):
        yield f"### {kind}"
        yield ""
        rows = [json.loads(line) for line in lines]
        for row in {row["fact"]: row for row in rows}.values():  # another wording of a fact shows nothing new
            source = row["source"]
            yield f"- **{_shortened(row['instruction'])}** ({_place(source['document'], source['lines'][0])})"
            yield f"  {_shortened(row['output'])}"
        yield ""


def _shortened(text: str, most: int = 240) -> str:
    """On one line; without the marks of fences, which would take in what follows where the end is cut off."""
    line = _escaped(" ".join(_FENCE_MARK.sub("", text).split()))
    return line if len(line) <= most else line[: most - 1] + "…"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _try_next(shortest: Mapping[str, str]) -> list[str]:
    """Three short questions of different kinds, to try on the model."""
    order: Iterable[str] = ("question", "definition", "cell", "section", "steps", "document", "operation", "row")
    return [shortest[kind] for kind in order if kind in shortest][:3]
