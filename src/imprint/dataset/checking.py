"""Any dataset for fine-tuning, checked before it is trained on: every problem with its file and line.

Files are streamed and only hashes of the rows are kept, so that a file of a gigabyte takes some hundred megabytes.
"""

import collections
import statistics
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imprint.base import Base, template, token_counter
from imprint.dataset.duplicates import Questions
from imprint.dataset.lengths import Lengths
from imprint.dataset.rows import Fault, read_members
from imprint.documents import Row, forms
from imprint.errors import BaseError

Progress = Callable[[str, int], None]
"""Is told the file and how many of its rows are checked."""

_SCHEMAS = {
    "instruction": "alpaca",
    "messages": "messages",
    "conversations": "sharegpt",
    "conversation": "sharegpt",
    "prompt": "prompt/completion",
    "question": "question/answer",
}
_STEP = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a dataset that training would suffer from."""

    file: str
    line: int
    """From 1; of Parquet the number of the row; 0 where the whole file is meant."""
    what: str
    """One of a few fixed phrases, so that problems can be counted."""
    detail: str


@dataclass(frozen=True)
class Report:
    """What was found: no problems, and the dataset can be trained on as it is."""

    problems: list[Problem]
    """By file, in the order they were given, and line."""
    figures: dict[str, Any]
    """`files`, `rows`, `schemas`, `conversations` of several turns, `problems` by kind, and of the answers' tokens
    `mean`, `median` and `longest`; JSON-ready."""


def check(files: Sequence[Path], base: Base, max_seq_length: int, progress: Progress | None = None) -> Report:
    """Check files of rows in any known schema as one dataset: a question in two of them is a leak.

    Rows are measured as `base` will read them, by its own chat template and tokenizer, against `max_seq_length` tokens.
    Raises DatasetError where a file cannot be opened and BaseError where the base has no template.
    """
    checker = _Checker(base, max_seq_length)
    for number, file in enumerate(files):
        checker.check_file(number, file, progress)
    checker.compare(files)
    return checker.report(files)


def in_short(report: Report) -> str:
    """What was found, in a line or two."""
    figures = report.figures
    schemas = ", ".join(f"{count} {schema}" for schema, count in figures["schemas"].items())
    tokens = figures["answer_tokens"]
    lines = [
        f"{figures['rows']} rows ({schemas or 'none of a known schema'}); answers have {tokens['mean']:g} tokens on "
        f"average, {tokens['longest']} at most"
    ]
    kinds = ", ".join(f"{count} {kind}" for kind, count in figures["problems"].items())
    return "\n".join([*lines, f"{len(report.problems)} problems: {kinds}" if kinds else "no problems"])


@dataclass
class _Checker:
    base: Base
    max_seq_length: int
    problems: list[tuple[int, Problem]] = field(default_factory=list)
    """With the number of the file."""

    def __post_init__(self) -> None:
        self._count = token_counter(self.base)
        self._lengths = Lengths(self._count, answer=self.max_seq_length, row=self.max_seq_length)
        self._end = template.end_token(self.base)
        self._questions = Questions()
        self._places = array("I"), array("I")
        """Of each question: the number of its file, and its line."""
        self._answer_tokens = array("I")
        self._schemas: collections.Counter[str] = collections.Counter()
        self._rows: collections.Counter[int] = collections.Counter()
        self._conversations = 0

    def check_file(self, number: int, file: Path, progress: Progress | None) -> None:
        """Look at each row by itself."""
        first_schema = ""
        first_line = 0

        def add(line: int, what: str, detail: str) -> None:
            self.problems.append((number, Problem(str(file), line, what, detail)))

        if not self._end:
            add(0, "no end token", f"the chat template of {self.base.label} puts none behind an answer")
        for line, member in read_members(file):
            self._rows[number] += 1
            if progress is not None and self._rows[number] % _STEP == 0:
                progress(str(file), self._rows[number])
            if isinstance(member, Fault):
                add(line, member.what, member.detail)
                continue
            schema, row, faults = read_row(member, line)
            for fault in faults:
                add(line, fault.what, fault.detail)
            if schema:
                self._schemas[schema] += 1
                first_schema, first_line = first_schema or schema, first_line or line
                if schema != first_schema:
                    add(line, "mixed schemas", f"{schema}, where line {first_line} is {first_schema}")
            if row is not None:
                for fault in self._measure(row):
                    add(line, fault.what, fault.detail)
                self._remember(number, line, row, member)
        if not self._rows[number]:
            add(0, "no rows", "the file is empty")

    def _measure(self, row: Row) -> list[Fault]:
        """Count a row as training will see it: the prompt by the template, the answer, the token that ends it."""
        messages = _conversation(row)
        answer = messages[-1]["content"].strip()
        self._answer_tokens.append(self._lengths.estimate(answer))
        found = []
        for message in messages:
            if self._end and self._end in message["content"]:
                found.append(Fault("an end token inside", f"{self._end} in the text of the {message['role']}"))
        try:
            prompt = template.render(self.base, messages[:-1], add_generation_prompt=True) if messages[:-1] else ""
        except BaseError as error:
            return [*found, Fault("refused by the chat template", error.message)]
        whole = prompt + answer + self._end
        if not self._lengths.fits(whole, self.max_seq_length):
            tokens = self._count(whole)
            what = f"{tokens} tokens, of which {self.max_seq_length} fit: the end of the answer would be lost"
            found.append(Fault("too long", f"{what}, and its end token"))
        return found

    def _remember(self, number: int, line: int, row: Row, member: dict[str, Any]) -> None:
        *earlier, _ = _conversation(row)
        question = earlier.pop()["content"] if earlier else row.output
        context = "\x1f".join(message["content"] for message in earlier)
        fact = member.get("fact")
        self._questions.add(question, row.output, fact=fact if isinstance(fact, str) else "", context=context)
        self._places[0].append(number)
        self._places[1].append(line)
        self._conversations += len(earlier) > 1

    def compare(self, files: Sequence[Path]) -> None:
        """Look for questions that are asked twice, or nearly so, in a file or across files."""
        for group in self._questions.same():
            first_in: dict[int, int] = {}
            answers: dict[tuple[int, int], int] = {}
            for place in group:
                number, line = self._place(place)
                answer = number, self._questions.answer(place)
                if answer in answers:
                    self._add(files, place, "duplicate", f"the same as line {answers[answer]}")
                elif number in first_in:
                    detail = f"line {first_in[number]} has another answer to the same question"
                    self._add(files, place, "two answers", detail)
                elif place != group[0]:
                    self._add(files, place, "leak", f"the question of {self._name(files, group[0])}")
                first_in.setdefault(number, line)
                answers.setdefault(answer, line)
        told: set[tuple[int, bool]] = set()
        for one, other in self._questions.near():
            is_leak = self._place(one)[0] != self._place(other)[0]
            if not is_leak and self._questions.are_of_one_fact(one, other):
                continue  # wordings of it, which is what a dataset wants
            if (other, is_leak) not in told:  # one is enough to find the others
                told.add((other, is_leak))
                if is_leak:
                    self._add(files, other, "leak", f"nearly the question of {self._name(files, one)}")
                else:
                    self._add(files, other, "near-duplicate", f"nearly the question of line {self._place(one)[1]}")

    def report(self, files: Sequence[Path]) -> Report:
        """All problems in order, and the figures."""
        ordered = sorted(self.problems, key=lambda item: (item[0], item[1].line))
        problems = [problem for _, problem in ordered]
        tokens = self._answer_tokens
        figures = {
            "files": {str(file): self._rows[number] for number, file in enumerate(files)},
            "rows": self._rows.total(),
            "schemas": dict(self._schemas.most_common()),
            "conversations": self._conversations,
            "answer_tokens": {
                "mean": round(statistics.fmean(tokens), 1) if tokens else 0,
                "median": round(statistics.median(tokens)) if tokens else 0,
                "longest": max(tokens, default=0),
            },
            "problems": dict(collections.Counter(problem.what for problem in problems).most_common()),
        }
        return Report(problems, figures)

    def _place(self, place: int) -> tuple[int, int]:
        return self._places[0][place], self._places[1][place]

    def _name(self, files: Sequence[Path], place: int) -> str:
        number, line = self._place(place)
        return f"{files[number]}:{line}"

    def _add(self, files: Sequence[Path], place: int, what: str, detail: str) -> None:
        number, line = self._place(place)
        self.problems.append((number, Problem(str(files[number]), line, what, detail)))


def read_row(member: dict[str, Any], line: int) -> tuple[str, Row | None, list[Fault]]:
    """The schema of an object, its row, and what is wrong with it."""
    if (turns := _own_turns(member)) is not None:
        member = {**member, "messages": turns}
    found = forms.read_row(member, (line, line))
    if found is None and forms.are_texts([member]):
        found = forms.read_text(member, (line, line))
        schema = "text"
    else:
        schema = next((name for key, name in _SCHEMAS.items() if key in member), "")
    if found is not None:
        row, left_out = found
        return schema, row, [Fault(item.reason, item.detail) for item in left_out]
    for question, answer in forms.PAIRS:
        if question in member and answer in member:
            odd = next((name for name in (answer, question) if not isinstance(member[name], str)), answer)
            return schema, None, [Fault("not text", f"{odd} is a {type(member[odd]).__name__}")]
    for question, answer in forms.PAIRS:
        for there, missing in ((question, answer), (answer, question)):
            if there in member:
                return schema, None, [Fault("a missing field", f"{there} without {missing}")]
    keys = ", ".join(list(member)[:8])
    return "", None, [Fault("an unknown schema", f"an object with {keys}" if keys else "an empty object")]


def _own_turns(member: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The turns of a row that Imprint wrote: a list of roles and contents."""
    turns = member.get("messages")
    if not isinstance(turns, list) or "fact" not in member:
        return None
    if not all(isinstance(turn, list) and len(turn) == 2 for turn in turns):
        return None
    return [{"role": role, "content": content} for role, content in turns]


def _conversation(row: Row) -> list[dict[str, str]]:
    """A row as chat messages; only the answer where the row is plain text."""
    if row.messages:
        return [{"role": role, "content": content} for role, content in row.messages]
    question = f"{row.instruction}\n\n{row.input}" if row.input else row.instruction
    asked = [{"role": "user", "content": question}] if question else []
    return [*asked, {"role": "assistant", "content": row.output}]
