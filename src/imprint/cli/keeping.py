"""The commands about the runs that are kept: runs, report, compare, rollback, prune."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imprint.cli.call import Arguments, Call, Config, Json, Named, Outputs, read_call
from imprint.errors import InputError

if TYPE_CHECKING:
    from imprint.evaluation.comparing import Comparison
    from imprint.evaluation.results import Results
    from imprint.runs import Outputs as Folder
    from imprint.runs import Run

Compared = Annotated[list[str] | None, typer.Argument(metavar="PROMPT|FILE|section.key=value…", show_default=False)]


def runs(arguments: Arguments = None, config: Config = None, outputs: Outputs = None, as_json: Json = False) -> None:
    """List the runs with their verdicts and figures."""
    from imprint.runs import Outputs as Folder

    call = read_call(arguments, config, outputs, as_json=as_json)
    folder = Folder(call.settings.outputs)
    current = folder.current()
    rows = [_row(run, is_current=current is not None and run.id == current.id) for run in folder.runs()]
    if call.as_json:
        call.result({"runs": rows})
    else:
        call.screen.runs(rows)


def _row(run: "Run", *, is_current: bool) -> dict[str, Any]:
    """A run in the list."""
    state, evaluation = run.state(), run.manifest("evaluation")
    counts = {} if evaluation is None else evaluation.counts
    models = ("base", "adapter", "gguf")
    accuracy = counts.get("accuracy")
    if accuracy is None:  # before there were verdicts each model had its figures there
        accuracy = {name: counts[name]["accuracy"] for name in models if name in counts}
    return {
        "run": run.id,
        "current": is_current,
        "state": state.state,
        "verdict": run.verdict,
        "base": state.base,
        "reason": state.reason,
        "started": state.started,
        "bytes": sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file()),
        "accuracy": {name: accuracy[name] for name in models if name in accuracy},
    }


def report(
    arguments: Named = None,
    config: Config = None,
    outputs: Outputs = None,
    as_json: Json = False,
    compare: Annotated[
        tuple[str, str] | None, typer.Option("--compare", metavar="RUN RUN", help="Two runs instead of one.")
    ] = None,
) -> None:
    """Open the report of RUN, or of the newest run, in the browser; print it in short where there is none."""
    from imprint.runs import Outputs as Folder

    call = read_call(arguments, config, outputs, as_json=as_json, takes_run=True)
    run = call.prompt
    folder = Folder(call.settings.outputs)
    if compare is None:
        _report_one(call, folder.named(run) if run is not None else _newest_evaluated(folder))
    elif run is None:
        _report_two(call, folder, *(folder.named(name) for name in compare))
    else:
        raise InputError(
            f"{run!r} was given beside the two runs of --compare; expected one run or two.",
            hint=f"imprint report --compare {compare[0]} {compare[1]}",
        )


def _newest_evaluated(folder: "Folder") -> "Run":
    found = next((run for run in reversed(folder.runs()) if run.manifest("evaluation") is not None), None)
    if found is None:
        raise InputError(f"No run in {folder.path} was evaluated yet.", hint="`imprint evaluate` does it")
    return found


def _report_one(call: Call, run: "Run") -> None:
    from imprint.evaluation.report import summary
    from imprint.evaluation.results import read_predictions

    results = _results(run)
    file = run.folder("evaluation") / "report.html"
    call.screen.say(f"Run {run.id} ({results.verdict.word}): {file}", markup=False)
    if call.as_json:
        call.result(results.model_dump(mode="json"))
    elif not _opens(file):
        call.result({}, summary(results, read_predictions(run.folder("evaluation")), run).rstrip())


def _report_two(call: Call, folder: "Folder", first: "Run", second: "Run") -> None:
    from pydantic import TypeAdapter

    from imprint.evaluation.comparing import FOLDER
    from imprint.evaluation.report import RunComparison, compare_reports, text, write_comparison

    comparison = compare_reports(first, second)
    file = folder.path / FOLDER / f"{first.id}-{second.id}.html"
    file.parent.mkdir(exist_ok=True)
    write_comparison(first, second, file)
    call.screen.say(f"Runs {first.id} and {second.id}: {file}", markup=False)
    if call.as_json:
        call.result(TypeAdapter(RunComparison).dump_python(comparison, mode="json"))
    elif not _opens(file):
        call.result({}, text(comparison).rstrip())


def _results(run: "Run") -> "Results":
    """What its evaluation found; raises InputError where it was not evaluated, or by an Imprint without verdicts."""
    from pydantic import ValidationError

    from imprint.evaluation.results import read_results

    if run.manifest("evaluation") is None:
        raise InputError(f"Run {run.id} was not evaluated.", hint="`imprint evaluate` does it")
    try:
        return read_results(run.folder("evaluation"))
    except (OSError, ValidationError) as error:
        raise InputError(
            f"The results of run {run.id} are not those of this version of Imprint.",
            hint="`imprint evaluate` evaluates the model anew",
        ) from error


def _opens(file: Path) -> bool:
    """Whether a browser shows the file: only where somebody sits at a terminal with a screen."""
    import webbrowser

    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ or not file.is_file():
        return False
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    return webbrowser.open(file.as_uri())


def rollback(
    arguments: Named = None,
    config: Config = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Make RUN the current one again, or the run before the current one."""
    from imprint.runs import Outputs as Folder

    call = read_call(arguments, config, outputs, as_json=as_json, takes_run=True)
    chosen = Folder(call.settings.outputs).rollback(call.prompt)
    call.result({"current": chosen.id}, f"{chosen.id} is current. `imprint up retrain=never` serves it as it is.")


def prune(
    arguments: Arguments = None,
    keep: Annotated[int, typer.Option("--keep", metavar="N", help="So many runs stay, the current one first.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
    config: Config = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Remove old runs: the current one, the one before it for a rollback, and the newest stay."""
    from dataclasses import asdict

    from imprint import pruning
    from imprint.runs import Outputs as Folder
    from imprint.screen import in_bytes

    call = read_call(arguments, config, outputs, as_json=as_json)
    done = pruning.prune(Folder(call.settings.outputs), keep, dry_run=dry_run)
    would = "would be " if dry_run else ""
    lines = [f"{name} {would}removed" for name in done.removed] or ["nothing to remove"]
    call.result(asdict(done), "\n".join([*lines, f"{in_bytes(done.freed_bytes / 1e6)} {would}freed"]))


def compare(
    arguments: Compared = None,
    config: Config = None,
    outputs: Outputs = None,
    as_json: Json = False,
    against: Annotated[
        str | None, typer.Option("--against", metavar="RUN|BASE", help="Another model than the base.")
    ] = None,
) -> None:
    """Ask base and tuned model the same, and show their answers side by side; a FILE has a prompt in each line."""
    from imprint.evaluation.comparing import compare as ask_both
    from imprint.runs import Event
    from imprint.runs import Outputs as Folder

    call = read_call(arguments, config, outputs, as_json=as_json, most_prompts=None)
    run = Folder(call.settings.outputs).require_current()
    prompts = _prompts(call.prompts)
    with call.screen.following(f"Asking {against or 'the base'} and the model of run {run.id}.") as notify:

        def progress(text: str, done: float, total: float) -> None:
            notify(Event("progress", "evaluation", text, done, total))

        comparison = ask_both(call.settings, run, prompts, against=against, progress=progress)
    show_comparison(call, comparison)


def _prompts(words: tuple[str, ...]) -> list[str]:
    """Each word is a prompt, or a file with prompts; raises InputError where there is none in them."""
    prompts: list[str] = []
    for word in words:
        # Path's own raises for a word that is too long to be the name of a file.
        prompts += _lines(Path(word)) if os.path.isfile(word) else [word]
    prompts = [prompt for prompt in prompts if prompt.strip()]
    if not prompts:
        raise InputError("There is no prompt to ask.", hint='imprint compare "your question", or a file of them')
    return prompts


def _lines(file: Path) -> list[str]:
    """The prompts of a file: the lines of a text, or those of a benchmark."""
    from imprint.evaluation.items import read_benchmark

    if file.suffix == ".json":
        return [item.prompt for item in read_benchmark(file)]
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read: {error}", hint="give a text file in UTF-8, a prompt in each line"
        ) from error


def show_comparison(call: Call, comparison: "Comparison") -> None:
    """Two models side by side: a table in a terminal, lines in a file, or JSON."""
    if sys.stdout.isatty() and not call.as_json:
        call.screen.comparison(comparison)
    else:
        call.result(comparison.plain(), comparison.text())
