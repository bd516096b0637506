"""The commands that look before anything is made: status, plan, bases, validate."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imprint.cli.call import Arguments, Config, Documents, Elsewhere, Json, Outputs, read_call

if TYPE_CHECKING:
    from imprint.runs import Run


def status(
    arguments: Arguments = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Say which model serves, what its verdict was, which stages are due and why."""
    from imprint import pipeline
    from imprint.runs import Outputs as Folder

    call = read_call(arguments, config, outputs, documents, as_json=as_json)
    settings, base = pipeline.resolve(call.settings)
    folder = Folder(settings.outputs)
    current = folder.current()
    due = [] if current is None else [(item.stage, item.reasons) for item in pipeline.examine(settings, current)]
    if current is None:
        due = [(stage, ("there is no model yet",)) for stage in pipeline.LINE]
    refused = next((run for run in reversed(folder.runs()) if run.state().state == "refused"), None)
    if refused is not None and current is not None and refused.state().started < current.state().started:
        refused = None
    call.screen.say(base, markup=False)
    lines = [f"current     {'none' if current is None else current.path}", *_verdicts(current, refused)]
    lines += [f"{stage.name:<11} {'due: ' + '; '.join(reasons) if reasons else 'up to date'}" for stage, reasons in due]
    call.result(
        {
            "current": None if current is None else current.id,
            "verdict": None if current is None else current.verdict,
            "refused": None if refused is None else refused.id,
            "stages": [{"stage": stage.name, "due": bool(reasons), "reasons": reasons} for stage, reasons in due],
        },
        "\n".join(lines),
    )


def _verdicts(current: "Run | None", refused: "Run | None") -> list[str]:
    """What was said of the current run, and of a newer one that was refused."""
    lines = []
    if current is not None and current.verdict is not None:
        lines.append(f"verdict     {current.complete('evaluation').counts['sentence']}")
    if refused is not None:
        lines.append(f"refused     {refused.id}: {refused.complete('evaluation').counts['sentence']}")
    return lines


def plan(
    arguments: Arguments = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
    elsewhere: Elsewhere = None,
    measure: Annotated[bool, typer.Option("--measure", help="Train some steps to know better.")] = False,
) -> None:
    """Say what a build would choose, why, and what time, memory and disk it would take."""
    from imprint import machine
    from imprint.planning import plan as make_plan

    call = read_call(arguments, config, outputs, documents, as_json=as_json)
    on = None if elsewhere is None else machine.machine_named(elsewhere)
    with call.screen.following(f"Planning for {on or machine.this_machine()}.") as notify:
        made = make_plan(call.settings, notify, machine=on, measured=measure)
    if call.as_json:
        call.result({**asdict(made), "seconds": made.seconds, "price": made.price})
    else:
        call.screen.plan(made)


def bases(
    arguments: Arguments = None, config: Config = None, as_json: Json = False, elsewhere: Elsewhere = None
) -> None:
    """List the base models that have a name, and whether they fit."""
    from imprint import machine, planning

    call = read_call(arguments, config, None, as_json=as_json)
    on = machine.this_machine() if elsewhere is None else machine.machine_named(elsewhere)
    found = planning.candidates(call.settings, on)
    if call.as_json:
        call.result({"machine": str(on), "bases": [asdict(item) for item in found]})
    else:
        call.screen.bases(str(on), planning.USUAL_TOKENS, found)


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Datasets, or settings as YAML.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check datasets of any known form, or settings: every problem with its line; exit code 2 where there is one."""
    from imprint import base, pipeline
    from imprint import config as settings
    from imprint.dataset.checking import check, in_short
    from imprint.runs import Event

    for file in (file for file in files if file.suffix in {".yaml", ".yml"}):
        settings.load(file)
    datasets = [file for file in files if file.suffix not in {".yaml", ".yml"}]
    call = read_call([], config, None, as_json=as_json)
    if not datasets:
        call.result({"problems": [], "figures": {}}, "no problems")
        return
    chosen, line = pipeline.resolve(call.settings)
    with call.screen.following(line) as notify:
        report = check(
            datasets,
            base.of(chosen),
            chosen.adapter.max_seq_length,
            lambda name, rows: notify(Event("progress", "dataset", f"{name}, {rows} rows")),
        )
    lines = [f"{item.file}:{item.line}: {item.what}: {item.detail}" for item in report.problems]
    call.result(
        {"problems": [asdict(item) for item in report.problems], "figures": report.figures},
        "\n".join([*lines, in_short(report)]),
    )
    if report.problems:
        raise SystemExit(2)
