"""The doors in src/: they work as they stand, from any folder, with default folders beside src/."""

import ast
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imprint.runs import Outputs

ROOT = Path(__file__).parents[1]
DOORS = {
    "prepare_dataset.py": "prepare",
    "train.py": "train",
    "export_gguf.py": "export",
    "inference.py": "inference",
}
Start = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own, so that the real outputs stay as they are; `imprint` itself is the installed one."""
    home = tmp_path / "project"
    (home / "src").mkdir(parents=True)
    for name in DOORS:
        shutil.copy(ROOT / "src" / name, home / "src")
    (home / "documents").mkdir()
    (home / "documents" / "guide.md").write_text("# Guide\n\n## How do I stop?\n\nPress it.\n")
    return home


@pytest.fixture
def start(project: Path, run_python: Callable[..., Any], tmp_path: Path) -> Start:
    """Start a door from another folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    return lambda name, *arguments, **environment: run_python(
        str(project / "src" / name), *arguments, cwd=elsewhere, **environment
    )


def test_these_are_all_doors() -> None:
    assert {file.name for file in (ROOT / "src").glob("*.py")} == set(DOORS)


@pytest.mark.parametrize(("name", "command"), DOORS.items())
def test_a_door_holds_no_logic(name: str, command: str) -> None:
    text = (ROOT / "src" / name).read_text(encoding="utf-8")
    *rest, last = ast.parse(text).body
    assert all(isinstance(part, ast.ImportFrom) or part is rest[0] for part in rest)
    assert ast.unparse(last) == (
        f"if __name__ == '__main__':\n    door('{command}', Path(__file__).resolve().parent.parent)"
    )


def test_prepare_writes_into_the_project(start: Start, project: Path, small_base: Path, tmp_path: Path) -> None:
    done = start("prepare_dataset.py", f"base={small_base}", "dataset.replay_share=0")
    assert done.returncode == 0, done.stderr
    (run,) = Outputs(project / "outputs").runs()
    assert done.stdout == f"{run.folder('dataset')}\n"
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_home_that_is_set_is_stronger(start: Start, project: Path, small_base: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(project / "documents", home / "documents")
    done = start("prepare_dataset.py", f"base={small_base}", "dataset.replay_share=0", IMPRINT_HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert len(Outputs(home / "outputs").runs()) == 1
    assert not (project / "outputs").exists()


def test_folders_that_are_named_start_where_the_user_stands(start: Start, project: Path, small_base: Path) -> None:
    done = start("prepare_dataset.py", "--outputs", "mine", f"base={small_base}", "dataset.replay_share=0")
    assert done.returncode == 0, done.stderr
    assert len(Outputs(project.parent / "elsewhere" / "mine").runs()) == 1


@pytest.mark.parametrize(("name", "command"), DOORS.items())
def test_a_door_is_its_command(name: str, command: str, start: Start) -> None:
    done = start(name, "--no-such-option")
    assert done.returncode == 2
    assert f"Usage: imprint {command} " in done.stderr


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("train.py", ["retrain=never"]),
        ("export_gguf.py", ["retrain=never"]),
        ("inference.py", ["What?"]),
        ("inference.py", ["What?", "--mode", "prompt"]),
        ("inference.py", ["--mode", "chat"]),
        ("inference.py", ["--mode", "api"]),
    ],
)
def test_a_door_looks_for_the_model_in_the_project(
    name: str, arguments: list[str], start: Start, project: Path
) -> None:
    done = start(name, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"There is no model in {project / 'outputs'} yet." in done.stderr


def test_an_unknown_mode_is_refused(start: Start) -> None:
    done = start("inference.py", "--mode", "talk")
    assert done.returncode == 2
    assert "There is no mode 'talk'; expected prompt, chat or api." in done.stderr
