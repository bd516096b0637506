"""The commands that make something: up, prepare, train, export, evaluate, sweep."""

import shlex
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imprint.cli.call import (
    Arguments,
    Call,
    Config,
    Documents,
    Json,
    Outputs,
    Prompted,
    from_here,
    program,
    read_call,
    tell,
)
from imprint.cli.keeping import show_comparison
from imprint.cli.serving import answer_from, serve_run
from imprint.errors import RefusedError

if TYPE_CHECKING:
    from imprint.runs import Run


def up(
    arguments: Prompted = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Do everything that is due, then serve; or answer PROMPT and exit."""
    from imprint.runs import Outputs as Folder

    call = read_call(arguments, config, outputs, documents, as_json=as_json, most_prompts=1)
    run, refusal = _judged(call, "imprint up")
    if refusal is not None:
        current = Folder(call.settings.outputs).current()
        if current is None:
            raise refusal
        tell(refusal)
        call.screen.say(f"Run {current.id} stays in service.", markup=False)
        run = current
    if call.prompt is None:
        serve_run(call, run)
        return
    answer_from(call, run, call.prompt)
    if refusal is not None:
        raise SystemExit(refusal.exit_code)


def stage_command(command: str, until: str, help_text: str) -> Callable[..., None]:
    """A command that does what is due up to one stage."""

    def run_until(
        arguments: Arguments = None,
        config: Config = None,
        documents: Documents = None,
        outputs: Outputs = None,
        as_json: Json = False,
    ) -> None:
        call = read_call(arguments, config, outputs, documents, as_json=as_json)
        _say_where(call, _build(call, f"imprint {command}", until), until)

    run_until.__name__ = command
    run_until.__doc__ = help_text
    return run_until


def evaluate(
    arguments: Arguments = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
    against: Annotated[
        str | None, typer.Option("--against", metavar="RUN|BASE", help="Put another model beside the tuned one.")
    ] = None,
) -> None:
    """Compare base and tuned model (and what that needs); the run becomes the current one if its verdict lets it."""
    call = read_call(arguments, config, outputs, documents, as_json=as_json)
    run, refusal = _judged(call, "imprint evaluate")
    if against is not None:
        _put_beside(call, run, against)
    if refusal is not None:
        raise refusal
    if against is None:
        _say_where(call, run, "evaluation")


def prepare(
    arguments: Arguments = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become of it; write nothing.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="FILE:LINE", help="Show what becomes of that line.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--form", help="Write it also as alpaca, sharegpt, messages, prompt-completion or parquet."),
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Where --form writes (dataset-FORM).")] = None,
) -> None:
    """Write the dataset from the documents."""
    from imprint.dataset.card import short_form
    from imprint.dataset.forms import export_splits, require_form

    call = read_call(arguments, config, outputs, documents, as_json=as_json)
    if dry_run or explain is not None:
        _foresee(call, explain)
        return
    if form is not None:
        require_form(form)
    run = _build(call, "imprint prepare", "dataset")
    counts, folder = run.complete("dataset").counts, run.folder("dataset")
    for line in short_form(counts):
        call.screen.say(line, markup=False)
    if form is not None:
        source, folder = folder, to or Path(f"dataset-{form}")
        export_splits(source, folder, form)
    call.result({"run": run.id, "folder": str(folder), "counts": counts}, str(folder))


def sweep(
    arguments: Arguments = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Search for the best rank, learning rate and epochs, by training again and again."""
    from imprint.sweep import sweep as search

    call = read_call(arguments, config, outputs, documents, as_json=as_json)
    with call.screen.following("Sweeping for the lowest validation loss.") as notify:
        found = search(call.settings, notify)
    if call.as_json:
        call.result(found.plain())
        return
    call.screen.sweep(found)
    call.screen.say(f"Table, picture and the best settings are in {found.folder}.", markup=False)
    call.screen.say("Train with them:")
    call.screen.say("  " + shlex.join([program(), "up", "--config", from_here(found.settings_file)]), markup=False)


def _judged(call: Call, command: str) -> tuple["Run", RefusedError | None]:
    """The run with all stages up to date, and why it does not serve where its verdict refused it."""
    from imprint.evaluation.results import read_results
    from imprint.runs import Outputs as Folder

    folder = Folder(call.settings.outputs)
    before = folder.current()
    try:
        run = _build(call, command)
    except RefusedError as refusal:
        run = folder.named(refusal.run)
        call.screen.figures(read_results(run.folder("evaluation")))
        return run, refusal
    if before is None or before.id != run.id:
        call.screen.figures(read_results(run.folder("evaluation")))
        _say_what_to_try(call, run)
    return run, None


def _build(call: Call, command: str, until: str = "evaluation") -> "Run":
    """Bring the stages up to `until` up to date, telling what happens; from here on the settings are resolved."""
    from imprint import pipeline
    from imprint.runs import Outputs as Folder

    if call.settings.retrain == "never":
        return Folder(call.settings.outputs).require_current()
    call.settings, base = pipeline.resolve(call.settings)
    with call.screen.following(base) as notify:
        return pipeline.build(call.settings, notify, command=command, until=until)


def _say_what_to_try(call: Call, run: "Run") -> None:
    call.screen.say(f"The report is {run.folder('evaluation') / 'report.html'}.", markup=False)
    call.screen.say(f"The model is in {run.path}.", markup=False)
    questions = run.complete("dataset").counts.get("try_next", [])
    if questions:
        call.screen.say("Try:")
    settings = call.settings
    elsewhere = [] if settings.outputs == Path.cwd() / "outputs" else ["--outputs", str(settings.outputs)]
    for question in questions:
        call.screen.say("  " + shlex.join([program(), "ask", question, *elsewhere]), markup=False)


def _say_where(call: Call, run: "Run", stage: str) -> None:
    folder = str(run.folder(stage))
    call.result({"run": run.id, "folder": folder, "counts": run.complete(stage).counts}, folder)


def _put_beside(call: Call, run: "Run", other: str) -> None:
    """Ask another model the run's held-out questions, and show both."""
    from imprint.evaluation.comparing import side_by_side
    from imprint.runs import Event

    with call.screen.following(f"Asking {other} what the model of run {run.id} was asked.") as notify:

        def progress(text: str, done: float, total: float) -> None:
            notify(Event("progress", "evaluation", text, done, total))

        comparison = side_by_side(call.settings, run, other, progress)
    show_comparison(call, comparison)


def _foresee(call: Call, place: str | None) -> None:
    """Make the dataset in a temporary folder: its card in short, or what becomes of one line."""
    from imprint import pipeline
    from imprint.dataset.card import short_form
    from imprint.dataset.explaining import explain
    from imprint.dataset.making import dry_run, warnings_of
    from imprint.runs import Event

    settings, base = pipeline.resolve(call.settings)
    with call.screen.following(base) as notify:

        def progress(text: str, done: float, total: float) -> None:
            notify(Event("progress", "dataset", text, done, total))

        if place is not None:
            explanation = explain(settings, place, progress)
            call.result(asdict(explanation), explanation.text())
            return
        with dry_run(settings, progress) as (summary, _):
            counts = summary.counts()
            for warning in warnings_of(summary):
                notify(Event("note", "dataset", warning))
    call.result({"counts": counts}, "\n".join(short_form(counts)))
