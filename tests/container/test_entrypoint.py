"""The container's entrypoint as a script: what it hands to `imprint`, seen by a stand-in that is first on PATH."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENTRYPOINT = ROOT / "entrypoint.sh"

# Writes its process id and its arguments, each ended by a NUL, which no argument can hold.
STAND_IN = """#!/usr/bin/env bash
printf '%s\\0' "$$" "$@" >"$RECORD.part"
mv "$RECORD.part" "$RECORD"
if [ -n "${WAIT:-}" ]; then
    trap 'exit 42' TERM
    printf 'waiting\\n'
    while :; do sleep 0.05; done
fi
exit "${STATUS:-0}"
"""


class Container:
    """Starts the entrypoint in a folder of its own and reads what the stand-in was given."""

    def __init__(self, folder: Path) -> None:
        stand_in = folder / "bin" / "imprint"
        stand_in.parent.mkdir()
        stand_in.write_text(STAND_IN)
        stand_in.chmod(0o755)
        self.record = folder / "record"
        self.environment = {"PATH": f"{stand_in.parent}:{os.environ['PATH']}", "RECORD": str(self.record)}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [ENTRYPOINT, *arguments],
            env=self.environment | environment,
            cwd=self.record.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> int:
        with self.start(*arguments, **environment) as process:
            return process.wait(timeout=30)

    @property
    def recorded(self) -> list[str]:
        """The process id and the arguments of `imprint`."""
        return self.record.read_text().split("\0")[:-1]

    @property
    def given(self) -> list[str]:
        return self.recorded[1:]


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_without_arguments_it_goes_up_and_serves(container: Container) -> None:
    assert container.run() == 0
    assert container.given == ["up"]


@pytest.mark.parametrize(
    "question",
    [
        "How do I retrain?",
        'What\'s "retrain=never" for, and what does it cost: $5 or `5`?',
        "  spaces\tand\na new line  ",
        "$(touch /tmp/never) $HOME ; exit 3 & * ? [a-z] \\",
        "Süre sınırını nasıl değiştiririm?",
        "plan the holidays",
        "",
    ],
)
def test_a_question_arrives_as_one_argument(container: Container, question: str) -> None:
    assert container.run(question) == 0
    assert container.given == ["up", "--", question]


def test_words_that_the_shell_has_split_are_one_question(container: Container) -> None:
    container.run("How", "do", "I", "retrain?")
    assert container.given == ["up", "--", "How do I retrain?"]


@pytest.mark.parametrize("question", ["-5 degrees: too cold?", "--help me", "serve"])
def test_after_two_dashes_everything_is_a_question(container: Container, question: str) -> None:
    container.run("--", question)
    assert container.given == ["up", "--", question]


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "service.port=9000"],
        ["up", "--documents", "/a folder/with $pace", "Why?"],
        ["ask", "How do I retrain?"],
        ["status", "--json"],
        ["--help"],
        ["-h"],
    ],
)
def test_a_command_is_passed_on(container: Container, arguments: list[str]) -> None:
    container.run(*arguments)
    assert container.given == arguments


@pytest.mark.parametrize("arguments", [[], ["a question"], ["serve"]])
@pytest.mark.parametrize("status", [0, 2, 130])
def test_the_exit_code_is_that_of_imprint(container: Container, arguments: list[str], status: int) -> None:
    assert container.run(*arguments, STATUS=str(status)) == status


@pytest.mark.parametrize("arguments", [[], ["a question"], ["serve"]])
def test_a_stop_reaches_imprint_itself(container: Container, arguments: list[str]) -> None:
    with container.start(*arguments, WAIT="1") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        assert container.recorded[0] == str(process.pid), "imprint runs in the entrypoint's own process"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 42


def test_every_command_of_imprint_is_known() -> None:
    """A command that the entrypoint does not know would be taken for a question."""
    from imprint.cli import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands if not command.hidden}
    line = next(line for line in ENTRYPOINT.read_text().splitlines() if line.startswith("up | "))
    assert commands <= {word.strip() for word in line.rstrip(")").split("|")}
