"""What models answered, kept by what was asked: an evaluation that goes on, or judges anew, asks nothing twice."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from imprint.runs import digest_of

NAME = "answers.jsonl"


class Kept:
    """Values by a digest of what they depend on, one a line; written at once, so that a kill costs little."""

    def __init__(self, file: Path, others: Iterable[Path] = ()) -> None:
        """Go on with `file`; what the others hold, as files of other runs, is known too and never written to."""
        self._known: dict[str, Any] = {}
        for other in others:
            self._known |= _read(other)
        mine = _read(file)
        self._known |= mine
        # Anew, because a line may be cut short, and the file may be linked to from another run.
        fresh = file.with_name(f".{file.name}")
        fresh.write_text("".join(_line(key, value) for key, value in mine.items()), encoding="utf-8")
        fresh.replace(file)
        self._mine = set(mine)
        self._file = file.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def get(self, key: str) -> Any:
        """The value, or None; one that another run knew is this run's from now on."""
        value = self._known.get(key)
        if value is not None and key not in self._mine:
            self.put({key: value})
        return value

    def put(self, values: Mapping[str, Any]) -> None:
        """Keep some values, on disk before this returns."""
        self._file.writelines(_line(key, value) for key, value in values.items())
        self._file.flush()
        self._mine |= values.keys()
        self._known |= values


def key_of(*parts: Any) -> str:
    """What a value is kept by: a digest of JSON-ready parts."""
    return digest_of(parts)[:32]


def _line(key: str, value: Any) -> str:
    return json.dumps([key, value], ensure_ascii=False) + "\n"


def _read(file: Path) -> dict[str, Any]:
    known: dict[str, Any] = {}
    with contextlib.suppress(OSError), file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with contextlib.suppress(ValueError, TypeError):
                key, value = json.loads(line)
                known[key] = value
    return known
