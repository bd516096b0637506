"""The set-up (scripts/setup.sh) where it refuses, and how `make` hands a question on. The set-up that goes through is
.ci/run's: it takes minutes.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def set_up(venv: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts/setup.sh"],
        env={**os.environ, "VENV": str(venv), "ACCELERATOR": "cpu", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def write_script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        write_script(tmp_path / "bin" / name, 'case "$2" in *print*) echo 3.9.2 ;; *) exit 1 ;; esac')
    done = set_up(tmp_path / "venv", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", PYTHON="")
    assert done.returncode == 1
    assert "no Python 3.11 to 3.14. Found: python3 is 3.9.2" in done.stderr
    assert "sudo apt install python3" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_names_the_missing_package(tmp_path: Path) -> None:
    python = write_script(
        tmp_path / "python3",
        'case "$2" in *print*) echo 3.12.3 ;; *ensurepip*) exit 1 ;; *) exit 0 ;; esac',
    )
    done = set_up(tmp_path / "venv", PYTHON=str(python))
    assert done.returncode == 1
    assert "sudo apt install python3.12-venv" in done.stderr


def test_a_folder_that_is_no_virtual_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    done = set_up(tmp_path)
    assert done.returncode == 1
    assert "is not a virtual environment" in done.stderr
    assert os.listdir(tmp_path) == ["letter.txt"]


def test_an_unknown_accelerator_is_refused(tmp_path: Path) -> None:
    done = set_up(tmp_path / "venv", ACCELERATOR="tpu")
    assert done.returncode == 1
    assert "expected cpu, cuda, auto or toolkit" in done.stderr


def test_an_unknown_extra_is_refused(tmp_path: Path) -> None:
    done = set_up(tmp_path / "venv", EXTRAS="pdf")
    assert done.returncode == 1
    assert "EXTRAS is 'pdf'; expected documents, or nothing." in done.stderr
    assert not (tmp_path / "venv").exists()


def test_the_lock_of_the_extra_adds_to_the_others_and_pins_everything() -> None:
    pins = {
        name: {line.partition("  #")[0].partition("==")[0] for line in lock.splitlines() if not line.startswith("#")}
        for name in ("", "-cpu", "-documents", "-dev")
        for lock in [(ROOT / f"requirements{name}.txt").read_text()]
    }
    assert "markitdown" in pins["-documents"]
    assert not pins["-documents"] & (pins[""] | pins["-cpu"])
    assert all("/" not in pin and " " not in pin for names in pins.values() for pin in names)  # no addresses


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    "question",
    ["How do I retrain?", 'it\'s "5" $5 $(HOME) $$ `id` \\ # ; & *', "-5 degrees?", "two\nlines", "Süre sınırı?"],
)
def test_make_hands_the_question_on_as_it_is(tmp_path: Path, question: str) -> None:
    write_script(tmp_path / "bin/imprint", 'printf "%s\\0" "$@"')
    done = subprocess.run(
        # -o setup: as if the set-up were done
        ["make", "--no-print-directory", "-o", "setup", "run", f"VENV={tmp_path}", f"PROMPT={question}", "ARGS=seed=1"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\0")[:-1] == ["up", "seed=1", "--", question]


def test_make_without_a_question_serves(tmp_path: Path) -> None:
    write_script(tmp_path / "bin/imprint", 'printf "%s\\0" "$@"')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "--no-print-directory", "-o", "setup", "run", f"VENV={tmp_path}"],
        cwd=ROOT,
        env=environment | {"PROMPT": "the shell's own"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split("\0")[:-1] == ["up"]
