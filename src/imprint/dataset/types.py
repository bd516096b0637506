"""One line of the dataset: Alpaca's three fields first, then where it comes from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from imprint.documents import Row
from imprint.errors import DatasetError


class Source(BaseModel):
    """Where an example comes from: the document, its heading path, its first and last line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: str
    heading: tuple[str, ...]
    lines: tuple[int, int]


class Example(BaseModel):
    """A question and its answer. Examples with the same `fact` are wordings of one fact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instruction: str
    input: str
    output: str
    kind: str
    fact: str
    source: Source
    messages: tuple[tuple[str, str], ...] = ()
    """The whole conversation as (role, content) where it has more than one turn."""

    @classmethod
    def of_row(cls, row: Row, document: str, fact: str) -> "Example":
        """A ready-made row, unchanged."""
        return cls(
            instruction=row.instruction,
            input=row.input,
            output=row.output,
            kind="ready_made" if row.instruction or row.messages else "text",
            fact=fact,
            source=Source(document=document, heading=(), lines=row.lines),
            messages=row.messages,
        )

    def conversation(self) -> list[dict[str, str]]:
        """The example as chat messages, the answer last; only the answer where the example is plain text."""
        if self.messages:
            return [{"role": role, "content": content} for role, content in self.messages]
        if self.kind == "text":
            return [{"role": "assistant", "content": self.output}]
        question = f"{self.instruction}\n\n{self.input}" if self.input else self.instruction
        return [{"role": "user", "content": question}, {"role": "assistant", "content": self.output}]

    def line(self) -> str:
        """The example as a line of JSON Lines."""
        row = self.model_dump(mode="json")
        if not self.messages:
            del row["messages"]
        return json.dumps(row, ensure_ascii=False)


def read_examples(file: Path) -> list[Example]:
    """Read a dataset file. Raises DatasetError naming file and line where a line is not an example."""
    return list(stream_examples(file))


def stream_examples(file: Path) -> Iterator[Example]:
    """The same, one after the other."""
    with file.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield Example.model_validate_json(line)
            except ValidationError as error:
                problem: Any = error.errors()[0]
                place = ".".join(str(part) for part in problem["loc"])
                raise DatasetError(
                    f"{file}:{number}: not a row of the dataset: {place} {problem['msg']}.",
                    hint="`imprint prepare retrain=always` writes the dataset anew",
                ) from error
