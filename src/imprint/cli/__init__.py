"""The command line: what people type, what it prints (with `screen.py`), and the exit codes.

Answers go to standard output, everything else to standard error. A command imports what is heavy when it runs.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from imprint import environment
from imprint.cli.building import evaluate, prepare, stage_command, sweep, up
from imprint.cli.call import mark_prompts, tell
from imprint.cli.foreseeing import bases, plan, status, validate
from imprint.cli.keeping import compare, prune, report, rollback, runs
from imprint.cli.serving import ask, chat, inference, serve
from imprint.errors import ImprintError, Interrupted

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["app", "door", "main"]

app = typer.Typer(
    name="imprint",
    help="A folder of documents in; a private language model that answers from them out; served.",
    epilog="Every command takes settings as section.key=value; configs/default.yaml lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: tuple[Callable[..., Any], ...] = (
    up,
    prepare,
    stage_command("train", "adapter", "Train the adapter (and what it needs)."),
    stage_command("export", "model", "Merge, convert and quantize (and what that needs)."),
    evaluate,
    serve,
    ask,
    chat,
    status,
    plan,
    runs,
    report,
    compare,
    rollback,
    prune,
    sweep,
    bases,
    validate,
)
for _command in _COMMANDS:
    app.command()(_command)
app.command(hidden=True)(inference)


def door(command: str, home: Path) -> None:
    """Run one command for a script in `src/`, with default folders beside `src/`."""
    os.environ.setdefault("IMPRINT_HOME", str(home))
    main([command, *sys.argv[1:]])


def main(arguments: list[str] | None = None) -> None:
    """The entry point: errors become a message and an exit code."""

    def stop(number: int, frame: "FrameType | None") -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)  # a container's stop is a Ctrl-C: checkpoint, then end
    environment.quiet_libraries()
    words = mark_prompts(sys.argv[1:] if arguments is None else arguments)
    try:
        app(args=words, prog_name="imprint", standalone_mode=True)
    except SystemExit as end:  # typer has met the exception before and made it an exit
        if end.code == Interrupted.exit_code:
            stopped = Interrupted("Stopped. What is done is kept; the same command goes on from there.")
            tell(stopped)
            raise SystemExit(stopped.exit_code) from None
        if isinstance(end.__context__, BrokenPipeError):  # `imprint ask … | head`
            raise SystemExit(0) from None
        raise
    except ImprintError as error:
        tell(error)
        raise SystemExit(error.exit_code) from None
