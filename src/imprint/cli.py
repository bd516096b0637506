"""The command line: what people type, what it prints (with `screen.py`), and the exit codes.

Answers go to standard output, everything else to standard error. A command imports what is heavy when it runs.
"""

import json
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from imprint import environment
from imprint.errors import ImprintError, InputError, Interrupted

if TYPE_CHECKING:
    from types import FrameType

    from imprint.config import Settings
    from imprint.runs import Run
    from imprint.screen import Screen
    from imprint.service import Served

app = typer.Typer(
    name="imprint",
    help="A folder of documents in; a private language model that answers from them out; served.",
    epilog="Every command takes settings as section.key=value; configs/default.yaml lists them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Arguments = Annotated[list[str] | None, typer.Argument(metavar="section.key=value", show_default=False)]
Prompted = Annotated[list[str] | None, typer.Argument(metavar="PROMPT|section.key=value", show_default=False)]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings as YAML.")]
Documents = Annotated[Path | None, typer.Option("--documents", metavar="DIR", help="What to learn (documents/).")]
Outputs = Annotated[Path | None, typer.Option("--outputs", metavar="DIR", help="Where runs are kept (outputs/).")]
Elsewhere = Annotated[
    str | None, typer.Option("--for", metavar="MACHINE", help='Another machine, such as "RTX 4060 8GB".')
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]

# "service.port=80", "seed=1"; but "seed=1, is that good?" is a question.
_SETTING = re.compile(r"[a-z_]\w*(?:\.\w+)+=|[a-z_]\w*=\S*$", re.ASCII | re.IGNORECASE)

# Stands before what followed `--`, which is never a setting. No argument can hold this character by itself.
_PROMPT = "\0"


@dataclass
class Call:
    """One call of the command line: its settings, its prompt, and what it says."""

    settings: "Settings"
    prompt: str | None
    as_json: bool
    _screen: "Screen | None" = field(default=None, init=False)

    @property
    def screen(self) -> "Screen":
        """Standard error for people; silent where a program reads."""
        if self._screen is None:
            from imprint.screen import Screen

            self._screen = Screen(quiet=self.as_json)
        return self._screen

    def result(self, value: dict[str, Any], text: str = "") -> None:
        """The command's result on standard output: JSON or text."""
        if self.as_json:
            print(json.dumps(value, ensure_ascii=False))
        elif text:
            print(text)


def _call(
    arguments: list[str] | None,
    config: Path | None,
    outputs: Path | None,
    documents: Path | None = None,
    *,
    as_json: bool = False,
    takes_prompt: bool = False,
) -> Call:
    from imprint import config as settings

    overrides = [text for text in arguments or () if _SETTING.match(text)]
    words = [text.removeprefix(_PROMPT) for text in arguments or () if not _SETTING.match(text)]
    if documents is not None:
        overrides.append(f"documents.path={_quote(documents)}")
    if outputs is not None:
        overrides.append(f"outputs={_quote(outputs)}")
    if words and not takes_prompt:
        raise InputError(
            f"{words[0]!r} was given; expected settings as section.key=value.", hint="imprint COMMAND --help"
        )
    if len(words) > 1:
        raise InputError(
            f"{len(words)} prompts were given: {', '.join(map(repr, words))}; expected one.",
            hint=f"put it in quotes: {shlex.quote(' '.join(words))}",
        )
    return Call(settings.load(config, overrides), words[0] if words else None, as_json)


def _quote(path: Path) -> str:
    """A path as a YAML scalar. JSON's escapes for what lies beyond 16 bits are not YAML's, so nothing is escaped."""
    return json.dumps(str(path), ensure_ascii=False)


@app.command()
def up(
    arguments: Prompted = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Do everything that is due, then serve; or answer PROMPT and exit."""
    call = _call(arguments, config, outputs, documents, as_json=as_json, takes_prompt=True)
    run = _build(call, "imprint up")
    if call.prompt is None:
        _serve(call, run)
    else:
        _answer(call, run, call.prompt)


def _stage_command(command: str, until: str) -> "Callable[..., None]":
    def run_until(
        arguments: Arguments = None,
        config: Config = None,
        documents: Documents = None,
        outputs: Outputs = None,
        as_json: Json = False,
    ) -> None:
        call = _call(arguments, config, outputs, documents, as_json=as_json)
        run = _build(call, f"imprint {command}", until)
        folder = str(run.folder(until))
        call.result({"run": run.id, "folder": folder, "counts": run.complete(until).counts}, folder)

    return run_until


@app.command()
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

    call = _call(arguments, config, outputs, documents, as_json=as_json)
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


@app.command()
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
    call = _call([], config, None, as_json=as_json)
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


for _command, _until, _help in (
    ("train", "adapter", "Train the adapter (and what it needs)."),
    ("export", "model", "Merge, convert and quantize (and what that needs)."),
    ("evaluate", "evaluation", "Compare base and tuned model (and what that needs); the run becomes the current one."),
):
    app.command(_command, help=_help)(_stage_command(_command, _until))


@app.command()
def serve(arguments: Arguments = None, config: Config = None, outputs: Outputs = None) -> None:
    """Serve the current model over HTTP."""
    from imprint.runs import Outputs as Folder

    call = _call(arguments, config, outputs)
    _serve(call, Folder(call.settings.outputs).require_current())


@app.command()
def ask(arguments: Prompted = None, config: Config = None, outputs: Outputs = None, as_json: Json = False) -> None:
    """Ask the current model one question; without PROMPT it is read from standard input."""
    from imprint.runs import Outputs as Folder

    call = _call(arguments, config, outputs, as_json=as_json, takes_prompt=True)
    prompt = call.prompt if call.prompt is not None else sys.stdin.read()
    _answer(call, Folder(call.settings.outputs).require_current(), prompt)


@app.command()
def chat(arguments: Arguments = None, config: Config = None, outputs: Outputs = None) -> None:
    """Chat with the current model."""
    from imprint.runs import Outputs as Folder
    from imprint.service import Conversation

    call = _call(arguments, config, outputs)
    served = _load(call, Folder(call.settings.outputs).require_current())
    say = call.screen.say
    say(f"{served.name}. An empty line or Ctrl-C ends the chat.", markup=False)
    conversation = Conversation(served)
    while True:
        if sys.stderr.isatty():
            say("[bold]you>[/] ", end="")
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            line = ""
        if not line.strip():
            return
        try:
            for piece in conversation.say(line.strip()):
                print(piece, end="", flush=True)
        except KeyboardInterrupt:
            say(" (stopped)", end="")
        print(flush=True)


@app.command()
def status(
    arguments: Arguments = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Say which stages are due and why."""
    from imprint import pipeline
    from imprint.runs import Outputs as Folder

    call = _call(arguments, config, outputs, documents, as_json=as_json)
    settings, base = pipeline.resolve(call.settings)
    current = Folder(settings.outputs).current()
    due = [] if current is None else [(item.stage, item.reasons) for item in pipeline.examine(settings, current)]
    if current is None:
        due = [(stage, ("there is no model yet",)) for stage in pipeline.LINE]
    call.screen.say(base, markup=False)
    call.result(
        {
            "current": None if current is None else current.id,
            "stages": [{"stage": stage.name, "due": bool(reasons), "reasons": reasons} for stage, reasons in due],
        },
        "\n".join(
            [
                f"current     {'none' if current is None else current.path}",
                *(
                    f"{stage.name:<11} {'due: ' + '; '.join(reasons) if reasons else 'up to date'}"
                    for stage, reasons in due
                ),
            ]
        ),
    )


@app.command()
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

    call = _call(arguments, config, outputs, documents, as_json=as_json)
    on = None if elsewhere is None else machine.machine_named(elsewhere)
    with call.screen.following(f"Planning for {on or machine.this_machine()}.") as notify:
        made = make_plan(call.settings, notify, machine=on, measured=measure)
    if call.as_json:
        call.result({**asdict(made), "seconds": made.seconds, "price": made.price})
    else:
        call.screen.plan(made)


@app.command()
def sweep(
    arguments: Arguments = None,
    config: Config = None,
    documents: Documents = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Search for the best rank, learning rate and epochs, by training again and again."""
    from imprint.sweep import sweep as search

    call = _call(arguments, config, outputs, documents, as_json=as_json)
    with call.screen.following("Sweeping for the lowest validation loss.") as notify:
        found = search(call.settings, notify)
    if call.as_json:
        call.result(found.plain())
        return
    call.screen.sweep(found)
    call.screen.say(f"Table, picture and the best settings are in {found.folder}.", markup=False)
    call.screen.say("Train with them:")
    call.screen.say("  " + shlex.join([_program(), "up", "--config", _from_here(found.settings_file)]), markup=False)


@app.command()
def bases(
    arguments: Arguments = None, config: Config = None, as_json: Json = False, elsewhere: Elsewhere = None
) -> None:
    """List the base models that have a name, and whether they fit."""
    from imprint import machine, planning

    call = _call(arguments, config, None, as_json=as_json)
    on = machine.this_machine() if elsewhere is None else machine.machine_named(elsewhere)
    found = planning.candidates(call.settings, on)
    if call.as_json:
        call.result({"machine": str(on), "bases": [asdict(item) for item in found]})
    else:
        call.screen.bases(str(on), planning.USUAL_TOKENS, found)


@app.command()
def runs(arguments: Arguments = None, config: Config = None, outputs: Outputs = None, as_json: Json = False) -> None:
    """List the runs with their figures."""
    from imprint.runs import Outputs as Folder
    from imprint.screen import percent

    call = _call(arguments, config, outputs, as_json=as_json)
    folder = Folder(call.settings.outputs)
    current = folder.current()
    rows: list[dict[str, Any]] = []
    for run in folder.runs():
        state, evaluation = run.state(), run.manifest("evaluation")
        figures = evaluation.counts if evaluation is not None else {}
        rows.append(
            {
                "run": run.id,
                "current": current is not None and run.id == current.id,
                "state": state.state,
                "base": state.base,
                "reason": state.reason,
                "accuracy": {
                    name: figures[name]["accuracy"] for name in ("base", "adapter", "gguf") if name in figures
                },
            }
        )
    if call.as_json:
        call.result({"runs": rows})
    else:
        call.screen.table(
            ("", "run", "state", "base", "base knew", "tuned knows", "why"),
            [
                (
                    "->" if row["current"] else "",
                    row["run"],
                    row["state"],
                    row["base"],
                    percent(row["accuracy"].get("base")),
                    percent(row["accuracy"].get("gguf")),
                    "; ".join(row["reason"]),
                )
                for row in rows
            ],
            to_stdout=True,
        )


@app.command()
def rollback(
    run: Annotated[str | None, typer.Argument(help="The run to go back to; the one before the current one.")] = None,
    config: Config = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """Make an earlier run the current one again."""
    from imprint.runs import Outputs as Folder

    call = _call([], config, outputs, as_json=as_json)
    chosen = Folder(call.settings.outputs).rollback(run)
    call.result({"current": chosen.id}, f"{chosen.id} is current. `imprint up retrain=never` serves it as it is.")


def _build(call: Call, command: str, until: str = "evaluation") -> "Run":
    """Bring the stages up to `until` up to date, telling what happens."""
    from imprint import pipeline
    from imprint.runs import Outputs as Folder

    if call.settings.retrain == "never":
        return Folder(call.settings.outputs).require_current()
    settings, base = pipeline.resolve(call.settings)
    call.settings = settings
    before = Folder(settings.outputs).current()
    with call.screen.following(base) as notify:
        run = pipeline.build(settings, notify, command=command, until=until)
    made = run.manifest("evaluation")
    if until == "evaluation" and made is not None and (before is None or before.id != run.id):
        call.screen.figures(made.counts)
        call.screen.say(f"The model is in {run.path}.", markup=False)
        questions = run.complete("dataset").counts.get("try_next", [])
        if questions:
            call.screen.say("Try:")
        elsewhere = [] if settings.outputs == Path.cwd() / "outputs" else ["--outputs", str(settings.outputs)]
        for question in questions:
            call.screen.say("  " + shlex.join([_program(), "ask", question, *elsewhere]), markup=False)
    return run


def _load(call: Call, run: "Run") -> "Served":
    from imprint.service import Served

    return Served.load(run, call.settings.service, call.settings.seed)


def _answer(call: Call, run: "Run", prompt: str) -> None:
    if not prompt.strip():
        raise InputError("The prompt is empty.", hint='imprint ask "your question"')
    answer = _load(call, run).ask(prompt)
    call.result(
        {"text": answer.text, "finish_reason": answer.finish_reason, "tokens": answer.tokens, "run": run.id},
        answer.text,
    )


def _serve(call: Call, run: "Run") -> None:
    from imprint.service import serve

    served = _load(call, run)

    def ready(address: str) -> None:
        call.screen.say(f"{served.name} of run {run.id} is served on {address}; Ctrl-C stops it.", markup=False)
        command = f"curl {address}/generate -H 'Content-Type: application/json' -d '{{\"prompt\": \"…\"}}'"
        call.screen.say(command, markup=False)
        if call.settings.service.host not in {"127.0.0.1", "localhost", "::1"}:
            call.screen.say("[yellow]Anyone who reaches this address can use it: it asks for no key.[/]")

    serve(served, call.settings.service, ready)


def _program() -> str:
    """What to type to call this Imprint again: its name where that finds it, its path otherwise."""
    here = Path(sys.executable).with_name("imprint")
    found = shutil.which("imprint")
    if found is not None and Path(found).resolve() == here.resolve():
        return "imprint"
    return _from_here(here)


def _from_here(path: Path) -> str:
    """A path as short as it can be typed where the user stands."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@app.command(hidden=True)
def inference(
    arguments: Prompted = None,
    mode: Annotated[str, typer.Option("--mode", help="prompt, chat or api.")] = "prompt",
    config: Config = None,
    outputs: Outputs = None,
    as_json: Json = False,
) -> None:
    """The door src/inference.py: ask, chat or serve."""
    if mode == "chat":
        chat(arguments, config, outputs)
    elif mode == "api":
        serve(arguments, config, outputs)
    elif mode == "prompt":
        ask(arguments, config, outputs, as_json)
    else:
        raise InputError(
            f"There is no mode {mode!r}; expected prompt, chat or api.", hint="src/inference.py --mode chat"
        )


def door(command: str, home: Path) -> None:
    """Run one command for a script in `src/`, with default folders beside `src/`."""
    import os

    os.environ.setdefault("IMPRINT_HOME", str(home))
    main([command, *sys.argv[1:]])


def main(arguments: list[str] | None = None) -> None:
    """The entry point: errors become a message and an exit code."""

    def stop(number: int, frame: "FrameType | None") -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)  # a container's stop is a Ctrl-C: checkpoint, then end
    environment.quiet_libraries()
    words = sys.argv[1:] if arguments is None else arguments
    if "--" in words:
        at = words.index("--") + 1
        words = [*words[:at], *(_PROMPT + word for word in words[at:])]
    try:
        app(args=words, prog_name="imprint", standalone_mode=True)
    except SystemExit as end:  # typer has met the exception before and made it an exit
        if end.code == Interrupted.exit_code:
            _fail("Stopped. What is done is kept; the same command goes on from there.", "", Interrupted.exit_code)
        if isinstance(end.__context__, BrokenPipeError):  # `imprint ask … | head`
            raise SystemExit(0) from None
        raise
    except ImprintError as error:
        _fail(error.message, error.hint, error.exit_code)


def _fail(message: str, hint: str, code: int) -> NoReturn:
    print(f"imprint: {message}" + (f"\n  try: {hint}" if hint else ""), file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
