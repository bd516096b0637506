"""What people see while the command line works: lines, tables and progress on standard error, by rich."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from imprint.base import in_words
from imprint.runs import Event, Notify

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imprint.evaluation.comparing import Comparison
    from imprint.evaluation.results import Results
    from imprint.planning import Candidate, Plan
    from imprint.sweep import Result

_LINE_EVERY_S = 20
_HELD_OUT = "held-out questions"
_WHOLE = {"run", "base", "verdict", "size", _HELD_OUT, "95%"}
"""Columns that are never cut: half a name is no use to type."""
_STATES = {"building": "unfinished", "complete": "none", "refused": "refused"}
"""What stands for a verdict where there is none."""
_STYLES = {"refused": "bold red", "forced": "bold yellow", "not proven": "yellow"}


class _Bar(Progress):
    """A bar, and below it what the work says about itself, each in full or not at all."""

    def get_renderables(self) -> "Iterable[RenderableType]":
        yield from super().get_renderables()
        for task in self.tasks:
            line = ""
            for figure in task.fields.get("figures", []) if task.visible else []:
                longer = f"{line} · {figure}" if line else f"  {figure}"
                line = longer if len(longer) <= self.console.width else line
            if line:
                yield Text(line, style="dim")


class Screen:
    """What people see: rich on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)

    def say(self, text: str, *, end: str = "\n", markup: bool = True) -> None:
        """A line."""
        self._console.print(text, end=end, markup=markup, soft_wrap=True)

    def figures(self, results: "Results") -> None:
        """The evaluation's short table, and the verdict; a refusal is an error, which says it itself."""
        from imprint.evaluation.results import ADAPTER, BASE, CURRENT, HELD_OUT, SERVED

        asked = results.suites.get(HELD_OUT, {})
        labels = {BASE: "base", ADAPTER: "tuned", SERVED: "tuned, as served", CURRENT: "in service until now"}
        rows = [
            (
                label,
                percent(asked[name].accuracy),
                "" if (interval := asked[name].interval) is None else f"{100 * interval[0]:.1f}–{interval[1]:.1%}",
                _number(asked[name].token_f1, 3),
                _number(asked[name].perplexity, 2),
                percent(asked[name].ended),
                _number(asked[name].words, 1),
            )
            for name, label in labels.items()
            if name in asked
        ]
        if rows:
            self.table((_HELD_OUT, "right", "95%", "token F1", "perplexity", "ended", "words"), rows)
        for note in results.notes:
            self.say(f"Note: {note}", markup=False)
        if results.verdict.word == "refused":
            return
        self.say(results.verdict.sentence, markup=False)
        for rule in results.verdict.rules:
            if rule.passed is False and rule.words not in results.verdict.sentence:
                self.say(f"  {rule.name}: {rule.words}", markup=False)

    def runs(self, rows: "Sequence[dict[str, Any]]") -> None:
        """The runs as a table, on standard output. A run's name says when it was started, in UTC."""
        columns: dict[str, list[str | Text]] = {
            "": ["->" if row["current"] else "" for row in rows],
            "run": [row["run"] for row in rows],
            "verdict": [Text(row["verdict"] or _STATES[row["state"]], _STYLES.get(row["verdict"], "")) for row in rows],
            "base": [row["base"] for row in rows],
            "base knew": [percent(row["accuracy"].get("base")) for row in rows],
            "tuned knows": [percent(row["accuracy"].get("gguf")) for row in rows],
            "size": [in_bytes(row["bytes"] / 1e6) for row in rows],
            "why": [_in_short(row["reason"]) for row in rows],
        }
        if len(set(columns["base"])) == 1:  # there is little room in a line
            del columns["base"]
        self.table(tuple(columns), list(zip(*columns.values(), strict=True)), to_stdout=True)

    def comparison(self, found: "Comparison") -> None:
        """Two models side by side: the figures, and a table of the answers to look at, on standard output."""
        out = Console(highlight=False)
        figures = replace(found, answers=()).text()
        if figures:
            out.print(Text(figures))
        if not found.telling:
            return
        knows = any(answer.expected is not None for answer in found.telling)
        table = Table(box=SIMPLE, show_lines=True)
        for name in ("question", *(["expected"] if knows else []), found.first, found.second):
            table.add_column(Text(name))
        for answer in found.telling:
            expected = [Text(answer.expected or "")] if knows else []
            table.add_row(Text(answer.prompt), *expected, Text(answer.first), Text(answer.second))
        out.print(table)

    def table(
        self, header: tuple[str, ...], rows: "Sequence[tuple[str | Text, ...]]", *, to_stdout: bool = False
    ) -> None:
        """A plain table. What cells hold is no markup: names of documents have brackets too."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in header:
            table.add_column(name, no_wrap=name in _WHOLE, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
        (Console(highlight=False) if to_stdout else self._console).print(table)

    def plan(self, made: "Plan") -> None:
        """A plan as two tables, on standard output."""
        out = Console(highlight=False)
        rows = f"{made.data.train:,} rows to learn, {made.data.test:,} questions to test"
        out.print(f"{made.base} on {made.machine}; {rows}.\n", markup=False, soft_wrap=True)
        self.table(
            ("what", "chosen", "why"), [(item.what, item.value, item.why) for item in made.choices], to_stdout=True
        )
        out.print()
        columns: dict[str, list[str]] = {
            "stage": [*(cost.stage for cost in made.costs), "together"],
            "time": [duration(seconds) for seconds in [*(cost.seconds for cost in made.costs), made.seconds]],
            "memory": _most([cost.memory_mb for cost in made.costs]),
        }
        if any(cost.gpu_memory_mb for cost in made.costs):
            columns["GPU memory"] = _most([cost.gpu_memory_mb for cost in made.costs])
        disk = [cost.disk_mb for cost in made.costs]
        columns["disk"] = [in_bytes(megabytes) for megabytes in [*disk, sum(disk)]]
        if made.price:
            columns["price"] = [f"{price:.2f}" for price in [*(cost.price for cost in made.costs), made.price]]
        self.table(tuple(columns), list(zip(*columns.values(), strict=True)), to_stdout=True)
        source = "measured here" if made.measured else "estimated; --measure trains some steps to know better"
        out.print(f"\nTime and memory of the training are {source}.", markup=False, soft_wrap=True)
        for note in made.notes:
            out.print(f"Note: {note}", markup=False, soft_wrap=True)

    def bases(self, machine: str, tokens: int, found: "Sequence[Candidate]") -> None:
        """The registry's bases as a table, on standard output."""
        rows = [
            (
                item.name,
                in_words(item.parameters),
                item.licence + (", gated" if item.gated else ""),
                f"{item.context:,}",
                in_bytes(item.memory_mb),
                "yes" if item.fits else "no",
                duration(item.million_tokens_s) if item.fits else "",
            )
            for item in found
        ]
        self.table(("base", "parameters", "licence", "context", "memory", "fits", "1M tokens"), rows, to_stdout=True)
        about = f"one row of {tokens} tokens at a time, and the time for a million tokens"
        self.say(f"Memory is that of a training on {machine}, {about}.", markup=False)

    def sweep(self, found: "Result") -> None:
        """The trials of a sweep as a table, the best one first, on standard output."""
        from imprint.sweep import LABELS

        names = list(found.trials[0].values)
        rows = [
            (
                str(trial.number),
                *(f"{trial.values[name]:g}" for name in names),
                "" if trial.steps is None else f"{trial.steps:,}",
                "" if trial.validation_loss is None else f"{trial.validation_loss:.4f}",
                duration(trial.seconds),
                "best" if trial == found.best else trial.state,
            )
            for trial in found.ranked
        ]
        header = ("trial", *(LABELS[name] for name in names), "steps", "validation loss", "time", "")
        self.table(header, rows, to_stdout=True)
        for trial in found.ranked:
            if trial.state == "failed":
                self.say(f"Trial {trial.number} failed: {trial.reason}", markup=False)

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
        with _Bar(*columns, console=self._console, transient=True, disable=hidden) as progress:
            task = progress.add_task("", total=None, visible=False)

            def notify(event: Event) -> None:
                nonlocal said, spoke
                if not said:
                    self.say(escape(first))
                    said = True
                if event.kind == "progress":
                    figures = _in_words(event.figures)
                    progress.update(
                        task,
                        description=event.text,
                        completed=event.done,
                        total=event.total or None,
                        visible=True,
                        figures=figures,
                    )
                    if hidden and time.monotonic() - spoke >= _LINE_EVERY_S:
                        spoke = time.monotonic()
                        told = ", ".join([f"{event.done:g} of {event.total:g}", *figures])
                        self.say(f"  {event.text}: {told}", markup=False)
                elif event.kind == "start":
                    progress.reset(task, visible=False)
                    self.say(f"[bold]{event.stage}[/]: {escape(event.text)}")
                elif event.kind == "done":
                    progress.reset(task, visible=False)
                    self.say(f"  [green]done[/] {escape(event.text)}")
                else:
                    self.say(f"  {escape(event.text)}")

            yield notify


def _in_words(figures: dict[str, float]) -> list[str]:
    """The figures of a training for people, the most telling first."""
    forms: dict[str, Callable[[float], str]] = {
        "loss": "loss {:.3f}".format,
        "validation_loss": "validation {:.3f}".format,
        "tokens_per_s": "{:,.0f} tokens/s".format,
        "memory_mb": in_bytes,
    }
    return [form(figures[name]) for name, form in forms.items() if name in figures]


def duration(seconds: float) -> str:
    """Seconds as people say them: "12 s", "3 min", "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _most(megabytes: list[float]) -> list[str]:
    """Each, and the most of them: stages follow each other."""
    return [in_bytes(item) for item in [*megabytes, max(megabytes)]]


def in_bytes(megabytes: float) -> str:
    """Megabytes as people say them: "350 MB", "4.6 GB"."""
    return f"{megabytes:.0f} MB" if megabytes < 1e3 else f"{megabytes / 1e3:.1f} GB"


def _in_short(reasons: list[str]) -> str:
    """The first of the reasons, and how many there are."""
    return reasons[0] + (f" and {len(reasons) - 1} more" if len(reasons) > 1 else "") if reasons else ""


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def percent(share: float | None) -> str:
    """A share as "95.0%"; nothing where there is none."""
    return "" if share is None else f"{share:.1%}"
