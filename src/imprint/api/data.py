"""Datasets: made from documents, and read into examples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint import base
from imprint.api.sources import Documents, reading
from imprint.config import SAMPLE_PREFIX
from imprint.dataset import Example, read_examples
from imprint.dataset.checking import read_row
from imprint.dataset.gathering import SPLITS
from imprint.dataset.making import make
from imprint.dataset.rows import Fault, Member, read_members
from imprint.documents import sample
from imprint.errors import DatasetError

Dataset = str | Path | Sequence[Example | Mapping[str, Any]]
"""A source of `load_dataset`, or the examples themselves."""


def prepare_dataset(documents: Documents, folder: str | Path, *settings: str) -> dict[str, Any]:
    """Make a dataset in `folder` from documents, or from a list of rows or records; give its counts.

    `documents` is a folder, a file, `sample:NAME`, `hf:owner/name` or a list. `settings` are `section.key=value`, as on
    the command line. The base is not asked for general rows: that takes a run (`imprint prepare`). The counts hold
    rows by split (`train`, `validation`, `test`, `control`), `facts`, `tokens`, `kinds` and what was left out.

    Raises DocumentError, DatasetError and SettingsError.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with reading(documents, *settings) as given:
        chosen, _ = base.choose(given, None)
        return make(chosen, target, lambda *_: None).counts()


prepare = prepare_dataset
"""Its short name."""


def load_dataset(source: Dataset, split: str = "train") -> list[Example]:
    """Read rows as examples, unchanged.

    `source` is `sample:chat`, `sample:instruct`; a file of rows in any form that Imprint knows (JSON Lines, JSON, CSV,
    TSV, Parquet); a list of such rows; or a folder that `prepare_dataset` wrote, of which `split` names the file:
    train, validation, test or control.

    Raises DatasetError for rows that are none, with file and line, DocumentError for a sample that does not exist.
    """
    if not isinstance(source, str | Path):
        return [row if isinstance(row, Example) else _example((n, dict(row)), "row") for n, row in enumerate(source, 1)]
    file = sample.find(str(source)) if str(source).startswith(SAMPLE_PREFIX) else Path(source).expanduser()
    if file.is_dir():
        file = file / f"{split}.jsonl"
        if split not in SPLITS or not file.is_file():
            raise DatasetError(
                f"There is no {file}; expected one of {', '.join(f'{name}.jsonl' for name in SPLITS)} there.",
                hint="imprint.prepare_dataset(documents, folder) writes them",
            )
        return read_examples(file)
    name = str(source) if str(source).startswith(SAMPLE_PREFIX) else file.name
    found = [_example(member, name) for member in read_members(file)]
    if not found:
        raise DatasetError(f"{file} has no rows.", hint="give a file with a row a line")
    return found


def _example(member: Member, name: str) -> Example:
    """The example of a row, by its place from 1. Raises DatasetError where it is none."""
    line, value = member
    if isinstance(value, Fault):
        raise _not_a_row(name, line, value)
    _, row, faults = read_row(value, line)
    if row is None:
        raise _not_a_row(name, line, faults[0])
    return Example.of_row(row, name, f"{line:012x}")


def _not_a_row(name: str, line: int, fault: Fault) -> DatasetError:
    return DatasetError(
        f"{name}:{line}: {fault.what}: {fault.detail}", hint="`imprint validate FILE` lists all such rows"
    )
