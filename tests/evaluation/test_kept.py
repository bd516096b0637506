"""Answers on disk: what a killed evaluation leaves is used again."""

from pathlib import Path

import pytest

from imprint.evaluation.kept import Kept, key_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def test_what_was_put_is_there_after_a_kill(file: Path) -> None:
    with Kept(file) as kept:
        kept.put({"a": {"text": "ja, şöyle"}, "b": 1.5})
        written = file.read_bytes()
    file.write_bytes(written + b'["c", {"te')  # killed in the middle of the next line
    with Kept(file) as again:
        assert (again.get("a"), again.get("b"), again.get("c")) == ({"text": "ja, şöyle"}, 1.5, None)
        again.put({"c": 2})
    with Kept(file) as third:
        assert third.get("c") == 2


@pytest.mark.parametrize("damage", [b"\xff\xfe\n", b"{}\n", b"[1]\n", b"null\n", b'"ab"\n'])
def test_a_damaged_line_is_asked_again_and_leaves_the_others(file: Path, damage: bytes) -> None:
    file.write_bytes(damage + b'["a", 1]\n')
    with Kept(file) as kept:
        assert kept.get("a") == 1


def test_what_another_run_knows_becomes_this_runs_once_it_is_used(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('["a", 1]\n["b", 2]\n')
    with Kept(file, [tmp_path / "missing.jsonl", other]) as kept:
        assert kept.get("a") == 1
    assert file.read_text() == '["a", 1]\n'
    assert other.read_text() == '["a", 1]\n["b", 2]\n'


def test_a_file_shared_with_another_run_is_not_written_to(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('["a", 1]\n')
    file.hardlink_to(other)
    with Kept(file) as kept:
        kept.put({"b": 2})
    assert other.read_text() == '["a", 1]\n'


def test_a_key_depends_on_every_part() -> None:
    assert key_of("answer", "x", 1) == key_of("answer", "x", 1)
    assert len({key_of("answer", "x", 1), key_of("answer", "x", 2), key_of("answer", ["x", 1])}) == 3
