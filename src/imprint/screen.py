"""What people see while the command line works: lines, tables and progress on standard error, by rich."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from imprint.runs import Event, Notify

_LINE_EVERY_S = 20


class Screen:
    """What people see: rich on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)

    def say(self, text: str, *, end: str = "\n", markup: bool = True) -> None:
        """A line."""
        self._console.print(text, end=end, markup=markup, soft_wrap=True)

    def figures(self, results: dict[str, Any]) -> None:
        """The evaluation's short table."""
        if "gguf" not in results:
            return
        self.table(
            ("held-out questions", "right", "token F1", "perplexity", "ended by itself"),
            [
                (
                    label,
                    percent(results[name]["accuracy"]),
                    f"{results[name]['token_f1']:.3f}",
                    f"{results[name]['perplexity']:,.2f}",
                    percent(results[name]["ended"]),
                )
                for name, label in (("base", "base"), ("adapter", "tuned"), ("gguf", "tuned, as served"))
            ],
        )
        gained = 100 * (results["gguf"]["accuracy"] - results["base"]["accuracy"])
        of = f"of {results['questions']} questions it was not trained on"
        self.say(
            f"The tuned model answers {percent(results['gguf']['accuracy'])} {of}: {gained:+.1f} points on the base."
        )

    def table(self, header: tuple[str, ...], rows: list[tuple[str, ...]], *, to_stdout: bool = False) -> None:
        """A plain table."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in header:
            table.add_column(name, no_wrap=name == "run")  # half a run's name is no use to a rollback
        for row in rows:
            table.add_row(*row)
        (Console(highlight=False) if to_stdout else self._console).print(table)

    @contextmanager
    def following(self, first: str) -> Iterator[Notify]:
        """Show a build: a line at each start and end of a stage, a bar with the time left in between.

        Where there is no terminal, as in a container's log, a line now and then stands for the bar.
        """
        columns = (
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        said = False
        spoke = time.monotonic()
        hidden = not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=hidden) as progress:
            task = progress.add_task("", total=None, visible=False)

            def notify(event: Event) -> None:
                nonlocal said, spoke
                if not said:
                    self.say(escape(first))
                    said = True
                if event.kind == "progress":
                    progress.update(
                        task, description=event.text, completed=event.done, total=event.total or None, visible=True
                    )
                    if hidden and time.monotonic() - spoke >= _LINE_EVERY_S:
                        spoke = time.monotonic()
                        self.say(f"  {event.text}: {event.done:g} of {event.total:g}", markup=False)
                elif event.kind == "start":
                    progress.reset(task, visible=False)
                    self.say(f"[bold]{event.stage}[/]: {escape(event.text)}")
                elif event.kind == "done":
                    progress.reset(task, visible=False)
                    self.say(f"  [green]done[/] {escape(event.text)}")
                else:
                    self.say(f"  {escape(event.text)}")

            yield notify


def percent(share: float | None) -> str:
    """A share as "95.0%"; nothing where there is none."""
    return "" if share is None else f"{share:.1%}"
