"""What the functions of the API take, as settings: a base, documents as a path or a list of rows, an outputs folder."""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint import config
from imprint.config import Settings
from imprint.errors import DocumentError

Documents = str | Path | Sequence[Mapping[str, Any]]
"""A folder, a file, `sample:NAME`, `hf:owner/name`, or a list of rows or records."""


def settings_of(*settings: str, **named: str | Path | None) -> Settings:
    """The settings as the command line reads them; of `named`, `documents_path` is `documents.path`, None is left out.

    Raises SettingsError.
    """
    given = [
        f"{name.replace('_', '.')}={json.dumps(str(value), ensure_ascii=False)}"
        for name, value in named.items()
        if value is not None
    ]
    return config.load(overrides=[*given, *settings])


@contextlib.contextmanager
def reading(documents: Documents, *settings: str, **named: str | Path | None) -> Iterator[Settings]:
    """Settings that read these documents; a list lies in a temporary file for the time of the `with` block.

    Raises SettingsError, and DocumentError for a list that is not JSON.
    """
    with tempfile.TemporaryDirectory(prefix="imprint-") as work:
        path = documents if isinstance(documents, str | Path) else _write(documents, Path(work, "rows.json"))
        # Processes that are spawned import the program that started them, and a script of three lines would start anew.
        yield settings_of("dataset.processes=1", *settings, documents_path=path, **named)


def _write(rows: Sequence[Mapping[str, Any]], file: Path) -> Path:
    try:
        file.write_text(json.dumps(list(rows), ensure_ascii=False), encoding="utf-8")
    except (TypeError, ValueError) as error:
        raise DocumentError(
            f"The list cannot be read as JSON: {error}.",
            hint='give dicts of text, numbers and lists, such as {"question": "…", "answer": "…"}',
        ) from error
    return file
