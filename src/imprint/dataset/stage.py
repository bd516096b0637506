"""The dataset stage: documents in; train, validation and test JSONL and a card out."""

import collections
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from imprint import base, documents
from imprint.config import Settings
from imprint.dataset.facts import find_facts
from imprint.dataset.types import Example, Source
from imprint.dataset.wording import Worded, put_into_words
from imprint.documents import Document
from imprint.errors import DatasetError
from imprint.runs import Event, Manifest, Run, write_atomically

_STAGE = "dataset"
SPLITS = ("train", "validation", "test")
_HELD_OUT_ROWS = 0.1  # of ready-made rows, where there is nothing else to hold out


def inputs(config: Settings, run: Run) -> dict[str, str]:
    """What the dataset is made from: every document, and the base whose tokenizer counts."""
    found = {f"documents/{path}": digest for path, digest in documents.digests(config.documents).items()}
    return {**found, "base": base.find(config.base).digest}


def settings(config: Settings) -> dict[str, Any]:
    """The settings that the dataset depends on."""
    plain = config.plain()
    return {"dataset": plain["dataset"], "seed": config.seed}


def run(config: Settings, run: Run) -> Manifest:
    """Write the dataset. Raises DatasetError where the documents hold nothing to ask."""
    with run.record(_STAGE, inputs=inputs(config, run), settings=settings(config), seed=config.seed) as record:

        def progress(text: str, done: int, total: int) -> None:
            run.notify(Event("progress", _STAGE, text, done, total))

        found = documents.read(config.documents, progress)
        count_tokens = base.token_counter(base.find(config.base))
        worded: list[Worded] = []
        rows: list[Example] = []
        left_out: list[str] = []
        for number, document in enumerate(found):
            progress(document.path, number, len(found))
            facts, skipped = find_facts(document, count_tokens, config.dataset.max_answer_tokens)
            worded.extend(put_into_words(fact, config.dataset.wordings, config.seed) for fact in facts)
            rows.extend(_rows(document))
            left_out.extend(f"{document.path}: {line}" for line in skipped)
        splits, dropped = _split(worded, rows, config)
        left_out.extend(dropped)
        if not splits["train"]:
            raise DatasetError(
                f"{len(found)} documents were read, and none holds anything to ask: no sections, tables or records.",
                hint=f"put text under headings in {config.documents.path}",
            )
        for split, examples in splits.items():
            text = "".join(example.line() + "\n" for example in examples)
            write_atomically(record.folder / f"{split}.jsonl", text)
        counts = {
            "documents": len(found),
            "facts": len({example.fact for example in splits["train"]}),
            **{split: len(examples) for split, examples in splits.items()},
            "left_out": len(left_out),
        }
        record.counts = {**counts, "try_next": _try_next(splits["train"])}
        _write_card(record.folder / "card.md", found, splits, left_out)
        run.notify(Event("note", _STAGE, "{facts} facts of {documents} documents, {train} examples".format_map(counts)))
    return run.complete(_STAGE)


def _rows(document: Document) -> Iterator[Example]:
    for number, row in enumerate(document.rows):
        yield Example(
            instruction=row.instruction,
            input=row.input,
            output=row.output,
            kind="row",
            fact=f"{document.digest[:8]}{number % 65536:04x}",
            source=Source(document=document.path, heading=(), lines=row.lines),
            messages=row.messages,
        )


def _split(worded: list[Worded], rows: list[Example], config: Settings) -> tuple[dict[str, list[Example]], list[str]]:
    """Spread examples over the splits; a question with two answers is made distinct by its document, or dropped."""
    asked: dict[str, set[str]] = collections.defaultdict(set)
    for row in rows:
        asked[_prompt_key(row)].add(row.output)
    for item in worded:
        for question in (*item.trained, item.held_out):
            asked[_key(question)].add(item.answer)
    dropped: list[str] = []
    taken: dict[str, str] = {}

    def distinct(question: str, item: Worded) -> str:
        """The question, with its document's name where others ask this, or the plainest wording of it."""
        if all(len(asked[_key(text)]) == 1 for text in (question, item.trained[0])):
            return question
        return f"{question} ({item.fact.document}, {' > '.join(item.fact.heading)})".replace(", )", ")")

    def is_unanswered(question: str, item: Worded) -> bool:
        if taken.setdefault(_key(question), item.answer) == item.answer:
            return True
        dropped.append(f"{item.fact.document}: line {item.fact.lines[0]}: two answers to {question!r}")
        return False

    # A fact whose plainest wording stays ambiguous is dropped whole: its other wordings would contradict as well.
    items = [item for item in worded if is_unanswered(distinct(item.trained[0], item), item)]
    splits: dict[str, list[Example]] = {split: [] for split in SPLITS}
    chance = random.Random(config.seed)
    seen = {_prompt_key(row) for row in rows}  # the same fact stated twice is asked once
    for item in items:
        for question in (distinct(question, item) for question in item.trained):
            if is_unanswered(question, item) and _key(question) not in seen:
                seen.add(_key(question))
                splits["train"].append(_example(item, question))
    for item in items:
        split = "validation" if chance.random() < config.dataset.validation_share else "test"
        question = distinct(item.held_out, item) if item.held_out else ""
        if question and is_unanswered(question, item) and _key(question) not in seen:
            seen.add(_key(question))
            splits[split].append(_example(item, question))
    held: dict[str, str] = {}
    if not items:
        questions = [question for question in dict.fromkeys(map(_prompt_key, rows)) if chance.random() < _HELD_OUT_ROWS]
        held = {question: SPLITS[1 + number % 2] for number, question in enumerate(questions)}
    for row in rows:
        splits[held.get(_prompt_key(row), "train")].append(row)
    chance.shuffle(splits["train"])  # wordings of one fact side by side teach the row, not the fact
    return splits, dropped


def _key(question: str) -> str:
    return " ".join(question.casefold().split())


def _prompt_key(row: Example) -> str:
    return _key("\n".join(turn["content"] for turn in row.conversation()[:-1]))


def _example(item: Worded, question: str) -> Example:
    fact = item.fact
    source = Source(document=fact.document, heading=fact.heading, lines=fact.lines)
    return Example(instruction=question, input="", output=item.answer, kind=fact.kind, fact=fact.id, source=source)


def _try_next(examples: Iterable[Example]) -> list[str]:
    """Three short questions of different kinds, to try on the model."""
    chosen: dict[str, str] = {}
    for example in sorted(examples, key=lambda example: (len(example.instruction), example.instruction)):
        if example.instruction.endswith("?") and ":" not in example.instruction and len(example.instruction) >= 15:
            chosen.setdefault(example.kind, example.instruction)
    order = ("question", "definition", "table", "record", "section", "steps", "document", "row")
    return [chosen[kind] for kind in order if kind in chosen][:3]


def _write_card(file: Path, found: list[Document], splits: dict[str, list[Example]], left_out: list[str]) -> None:
    """The dataset's card: what was read, what became of it, what was left out."""
    every = [example for examples in splits.values() for example in examples]
    lines = ["# Dataset", "", "| document | language | examples |", "|---|---|---|"]
    per_document = collections.Counter(example.source.document for example in every)
    lines += [f"| {item.path} | {item.language} | {per_document[item.path]} |" for item in found]
    lines += ["", "| kind | train | validation | test |", "|---|---|---|---|"]
    for kind in sorted({example.kind for example in every}):
        counts = [sum(example.kind == kind for example in splits[split]) for split in SPLITS]
        lines.append(f"| {kind} | {' | '.join(map(str, counts))} |")
    lines += ["", "## Left out", "", *(f"- {line}" for line in left_out or ["nothing"]), ""]
    write_atomically(file, "\n".join(lines))
