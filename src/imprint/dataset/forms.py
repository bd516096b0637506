"""A dataset in the forms that other tools train on."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from imprint.dataset.gathering import SPLITS
from imprint.dataset.types import Example, stream_examples
from imprint.errors import DatasetError

FORMS: Final = ("alpaca", "sharegpt", "messages", "prompt-completion", "parquet")

_SHAREGPT_ROLES = {"user": "human", "assistant": "gpt"}
_ROW_GROUP = 10_000

_Shape = Callable[[Example], dict[str, Any]]


def export(source: Path, target: Path, form: str) -> int:
    """Write a dataset file of Imprint's in one of `FORMS`, and give the number of its rows.

    All but `parquet` are JSON Lines. Rows are streamed, and `target` is there only when it is complete. Raises
    DatasetError for an unknown form, a source that is not Imprint's, or a row that the form cannot hold.
    """
    require_form(form)
    if not source.is_file():
        raise DatasetError(f"There is no dataset at {source}.", hint="`imprint prepare` writes one")
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        count = _write_parquet(source, fresh) if form == "parquet" else _write_lines(source, fresh, form)
        os.replace(fresh, target)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    return count


def require_form(form: str) -> None:
    """Raise DatasetError for an unknown form, before any work is done."""
    if form not in FORMS:
        raise DatasetError(f"There is no form {form!r}; expected one of {', '.join(FORMS)}.", hint=f"--form {FORMS[0]}")


def export_splits(folder: Path, target: Path, form: str) -> None:
    """Write every split of a dataset in `folder` into the folder `target`. Raises as `export` does."""
    target.mkdir(parents=True, exist_ok=True)
    suffix = ".parquet" if form == "parquet" else ".jsonl"
    for source in sorted(folder.glob("*.jsonl")):
        if source.stem in SPLITS:
            export(source, target / f"{source.stem}{suffix}", form)


def _write_lines(source: Path, target: Path, form: str) -> int:
    shapes: dict[str, _Shape] = {"alpaca": _alpaca, "sharegpt": _sharegpt, "messages": _messages}
    if form == "prompt-completion":
        # One type a column: strings, or messages (TRL's conversational form) where a row has more than one turn.
        has_turns = any(example.messages for example in stream_examples(source))
        shapes[form] = _conversational_completion if has_turns else _completion
    count = 0
    with target.open("w", encoding="utf-8") as stream:
        for example in stream_examples(source):
            stream.write(json.dumps(shapes[form](example), ensure_ascii=False) + "\n")
            count += 1
    return count


def _alpaca(example: Example) -> dict[str, Any]:
    """Instruction, input and output; earlier turns in `history` and `system`, as LLaMA-Factory reads them."""
    row: dict[str, Any] = {"instruction": example.instruction, "input": example.input, "output": example.output}
    if not example.messages:
        return row
    turns = list(example.messages)
    system = turns.pop(0)[1] if turns[0][0] == "system" else ""
    pairs = list(zip(turns[::2], turns[1::2], strict=False))
    if len(turns) % 2 or any((asked[0], answered[0]) != ("user", "assistant") for asked, answered in pairs):
        place = f"{example.source.document}:{example.source.lines[0]}"
        raise DatasetError(
            f"The conversation from {place} does not go from user to assistant in turn, as alpaca's history has to.",
            hint="export it as messages or sharegpt",
        )
    row["instruction"], row["input"] = turns[-2][1], ""
    if system:
        row["system"] = system
    if pairs[:-1]:
        row["history"] = [[asked[1], answered[1]] for asked, answered in pairs[:-1]]
    return row


def _sharegpt(example: Example) -> dict[str, Any]:
    turns = example.conversation()
    return {
        "conversations": [
            {"from": _SHAREGPT_ROLES.get(turn["role"], turn["role"]), "value": turn["content"]} for turn in turns
        ]
    }


def _messages(example: Example) -> dict[str, Any]:
    return {"messages": example.conversation()}


def _completion(example: Example) -> dict[str, Any]:
    *before, answer = example.conversation()
    return {"prompt": before[0]["content"] if before else "", "completion": answer["content"]}


def _conversational_completion(example: Example) -> dict[str, Any]:
    *before, answer = example.conversation()
    return {"prompt": before, "completion": [answer]}


def _write_parquet(source: Path, target: Path) -> int:
    """Every field of the examples in a column of its own."""
    import pyarrow
    from pyarrow import parquet

    text, texts = pyarrow.string(), pyarrow.list_(pyarrow.string())
    place = {"document": text, "heading": texts, "lines": pyarrow.list_(pyarrow.int64())}
    turn = pyarrow.struct({"role": text, "content": text})
    schema = pyarrow.schema(
        {
            **dict.fromkeys(("instruction", "input", "output", "kind", "fact"), text),
            "source": pyarrow.struct(place),
            "messages": pyarrow.list_(turn),
        }
    )
    count = 0
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        for rows in _batches(stream_examples(source)):
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema), row_group_size=_ROW_GROUP)
            count += len(rows)
    return count


def _batches(examples: Iterator[Example]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(examples, _ROW_GROUP)):
        rows = [example.model_dump(mode="json") for example in batch]
        for row in rows:
            row["messages"] = [{"role": role, "content": content} for role, content in row["messages"]]
        yield rows
