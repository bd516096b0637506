"""What became of a line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imprint.config import Settings
from imprint.dataset.explaining import Explanation, explain
from imprint.errors import InputError

TEXT = """# Guide

## Retries

Requests are retried twice, and then an error is told to the caller.

[![badge](b.svg)](x)

| Key | Default |
|---|---|
| port | 80 |
"""


@pytest.fixture
def ask(tmp_path: Path, write: Callable[..., Path], settings: Callable[..., Settings]) -> Callable[[str], Explanation]:
    folder = write({"sub/a.md": TEXT, "b.md": "# Other\n\n## Thing\n\nText.\n"})
    return lambda place: explain(settings(folder), place, lambda *_: None)


def test_a_line_shows_its_rows_and_their_splits(ask: Callable[[str], Explanation]) -> None:
    found = ask("sub/a.md:11")
    kinds = {row["kind"] for rows in found.rows.values() for row in rows}
    assert {"cell", "section"} <= kinds
    text = found.text()
    assert "cell, lines 11 to 11, Guide > Retries" in text
    assert "train      What is the default of port?" in text
    assert "answer     The default of port is 80." in text


def test_what_is_left_out_is_said_with_its_reason(ask: Callable[[str], Explanation]) -> None:
    assert "left out, lines 7 to 7: badges" in ask("sub/a.md:7").text()


def test_a_line_that_nothing_is_made_from_is_said_so(ask: Callable[[str], Explanation]) -> None:
    assert "no example is made from this line" in ask("sub/a.md:1").text()


def test_a_document_may_be_named_by_its_path_or_its_end(ask: Callable[[str], Explanation], tmp_path: Path) -> None:
    assert ask(f"{tmp_path}/documents/sub/a.md:5").document == "sub/a.md"
    assert ask("a.md:5").document == "sub/a.md"


@pytest.mark.parametrize("place", ["a.md", "a.md:x", "nothing.md:3", ":3"])
def test_a_wrong_place_is_an_input_error(place: str, ask: Callable[[str], Explanation]) -> None:
    with pytest.raises(InputError):
        ask(place)
