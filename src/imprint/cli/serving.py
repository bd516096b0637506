"""The commands that ask the model in service: serve, ask, chat."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from imprint.cli.call import Arguments, Call, Config, Json, Outputs, Prompted, read_call
from imprint.errors import InputError

if TYPE_CHECKING:
    from imprint.runs import Run
    from imprint.service import Served


def serve(arguments: Arguments = None, config: Config = None, outputs: Outputs = None) -> None:
    """Serve the current model over HTTP."""
    from imprint.runs import Outputs as Folder

    call = read_call(arguments, config, outputs)
    serve_run(call, Folder(call.settings.outputs).require_current())


def ask(arguments: Prompted = None, config: Config = None, outputs: Outputs = None, as_json: Json = False) -> None:
    """Ask the current model one question; without PROMPT it is read from standard input."""
    from imprint.runs import Outputs as Folder

    call = read_call(arguments, config, outputs, as_json=as_json, most_prompts=1)
    prompt = call.prompt if call.prompt is not None else sys.stdin.read()
    answer_from(call, Folder(call.settings.outputs).require_current(), prompt)


def chat(arguments: Arguments = None, config: Config = None, outputs: Outputs = None) -> None:
    """Chat with the current model."""
    from imprint.runs import Outputs as Folder
    from imprint.service import Conversation

    call = read_call(arguments, config, outputs)
    served = _load(call, Folder(call.settings.outputs).require_current())
    say = call.screen.say
    say(f"{served.title}. An empty line or Ctrl-C ends the chat.", markup=False)
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


def answer_from(call: Call, run: "Run", prompt: str) -> None:
    """Answer one prompt from a run's model."""
    if not prompt.strip():
        raise InputError("The prompt is empty.", hint='imprint ask "your question"')
    answer = _load(call, run).ask(prompt)
    call.result(
        {"text": answer.text, "finish_reason": answer.finish_reason, "tokens": answer.tokens, "run": run.id},
        answer.text,
    )


def serve_run(call: Call, run: "Run") -> None:
    """Serve a run's model until it is stopped."""
    from imprint.service import serve

    served = _load(call, run)

    def ready(address: str) -> None:
        call.screen.say(f"{served.title} of run {run.id} is served on {address}; Ctrl-C stops it.", markup=False)
        command = f"curl {address}/generate -H 'Content-Type: application/json' -d '{{\"prompt\": \"…\"}}'"
        call.screen.say(command, markup=False)
        if call.settings.service.host not in {"127.0.0.1", "localhost", "::1"}:
            call.screen.say("[yellow]Anyone who reaches this address can use it: it asks for no key.[/]")

    serve(served, call.settings.service, ready)


def _load(call: Call, run: "Run") -> "Served":
    from imprint.service import Served

    return Served.load(run, call.settings.service, call.settings.seed)
