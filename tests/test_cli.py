"""The command line: what goes to which stream, what is a prompt and what a setting, and the exit codes."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.stand_ins import Line, evaluate, made_results

from imprint import cli
from imprint.evaluation.comparing import Accuracy, Compared, Comparison, Difference
from imprint.runs import Outputs, Run

BUILDING = ["up", "prepare", "train", "export", "evaluate", "sweep"]
COMMANDS = [*BUILDING, "serve", "ask", "chat", "status", "runs", "report", "compare", "rollback", "prune"]
GUIDE = "# Guide\n\n## How do I stop?\n\nPress it.\n"


@dataclass
class Done:
    """What a command left."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        (line,) = self.stdout.splitlines()
        return json.loads(line)


@pytest.fixture
def imprint(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Done]]:
    """`imprint("ask", "What?", stdin="…")` in this process."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str | Path, stdin: Any = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin) if isinstance(stdin, str) else stdin)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments])
        code = ended.value.code
        assert code is None or isinstance(code, int)
        return Done(code or 0, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def current(new_run: Callable[..., Run], outputs: Path, fake_engine: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run in service, with an engine that repeats what it is asked."""
    monkeypatch.setattr("imprint.service.served.Engine", fake_engine)
    run = new_run(state="complete")
    with run.record("model", inputs={}, settings={}, seed=1) as record:
        (record.folder / "m-q4_k_m.gguf").write_bytes(b"GGUF")
    evaluate(run, made_results(run.id))
    Outputs(outputs).activate(run)
    return run


@pytest.fixture
def places(write: Callable[..., Path], outputs: Path, small_base: Path) -> list[str]:
    """A document, the outputs and the small base, as arguments."""
    folder = write({"guide.md": GUIDE})
    return ["--documents", str(folder), "--outputs", str(outputs), f"base={small_base}", "dataset.replay_share=0"]


Imprint = Callable[..., Done]

# ---- help -----------------------------------------------------------------------------------------------------------


def test_help_lists_the_commands_and_loads_nothing_heavy(run_python: Callable[..., Any]) -> None:
    code = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from imprint.cli import main\n"
        "main(['--help'])\n"
    )
    done = run_python("-c", code)
    assert done.returncode == 0
    listed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("│ ") and len(line.split()) > 3]
    assert [name for name in COMMANDS if name not in listed] == []
    assert "inference" not in listed, "the doors' own command is not for people"
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    heavy = {"torch", "transformers", "unsloth", "llama_cpp", "datasets", "numpy", "tokenizers", "huggingface_hub"}
    assert not loaded & heavy
    assert not loaded & {"optuna", "matplotlib"}
    assert not loaded & {"pydantic", "yaml", "fastapi", "uvicorn", "httpx", "filelock", "py3langid"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(command: str, imprint: Imprint) -> None:
    done = imprint(command, "--help")
    assert done.code == 0
    assert f"imprint {command}" in done.stdout
    assert "--config" in done.stdout
    assert "--outputs" in done.stdout
    assert ("--documents" in done.stdout) == (command in {*BUILDING, "status"})


@pytest.mark.parametrize("arguments", [["frobnicate"], ["up", "--no-such-option"], ["runs", "--config"]])
def test_a_command_line_that_is_none_is_2(arguments: list[str], imprint: Imprint) -> None:
    done = imprint(*arguments)
    assert (done.code, done.stdout) == (2, "")


# ---- prompts and settings -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("current")
@pytest.mark.parametrize(
    "prompt",
    [
        "What is it?",
        "seed=1, is that good?",
        "Is service.port = 80 the default?",
        "What does lora_r=64 mean?",
        "=",
        "a==b or not?",
        "İzin = tatil?",
        "-5 degrees?",
        "--help",
        "two\nlines",
    ],
)
def test_a_question_is_asked_as_it_is(prompt: str, imprint: Imprint, outputs: Path) -> None:
    done = imprint("ask", "--outputs", outputs, "--", prompt)
    assert done.code == 0, done.stderr
    assert done.stdout.split() == f"You asked: {prompt}".split()


@pytest.mark.usefixtures("current")
@pytest.mark.parametrize("prompt", ["seed=1", "service.port=80 means what?", "up", "--help"])
def test_what_follows_two_dashes_is_never_a_setting(prompt: str, imprint: Imprint, outputs: Path) -> None:
    done = imprint("ask", "--outputs", outputs, "--", prompt)
    assert (done.code, done.stdout.split()) == (0, f"You asked: {prompt}".split())


@pytest.mark.usefixtures("current")
@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [2, 1, 0]])
def test_settings_and_prompt_stand_in_any_order(order: list[int], imprint: Imprint, outputs: Path) -> None:
    words = ["What is it?", "service.max_tokens=3", "seed=5"]
    done = imprint("ask", *(words[index] for index in order), "--outputs", outputs)
    assert done.stdout == "You asked: What\n"


@pytest.mark.usefixtures("current")
def test_without_a_prompt_it_is_read(imprint: Imprint, outputs: Path) -> None:
    assert imprint("ask", "--outputs", outputs, stdin="Işık nerede?\n").stdout == "You asked: Işık nerede?\n"


@pytest.mark.usefixtures("current")
@pytest.mark.parametrize("prompt", ["", " \n"])
def test_an_empty_prompt_is_refused(prompt: str, imprint: Imprint, outputs: Path) -> None:
    for done in (imprint("ask", "--outputs", outputs, stdin=prompt), imprint("ask", prompt, "--outputs", outputs)):
        assert (done.code, done.stdout) == (2, "")
        assert "The prompt is empty." in done.stderr


@pytest.mark.parametrize("command", ["up", "ask"])
def test_two_prompts_are_refused_with_the_one_they_make(command: str, imprint: Imprint) -> None:
    done = imprint(command, "How do", "I stop?")
    assert (done.code, done.stdout) == (2, "")
    assert "imprint: 2 prompts were given: 'How do', 'I stop?'; expected one.\n" in done.stderr
    assert "try: put it in quotes: 'How do I stop?'" in done.stderr


@pytest.mark.parametrize("command", ["prepare", "status", "runs", "serve", "chat"])
def test_a_command_without_a_prompt_takes_none(command: str, imprint: Imprint) -> None:
    done = imprint(command, "stray")
    assert (done.code, done.stdout) == (2, "")
    assert "'stray' was given; expected settings as section.key=value." in done.stderr


def test_unknown_settings_are_told_all_at_once(imprint: Imprint) -> None:
    done = imprint("status", "servce.port=1", "sed=1")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("imprint: 2 problems in the settings:\n")
    assert "servce: unknown setting; did you mean service?" in done.stderr
    assert "sed: unknown setting; did you mean seed?" in done.stderr
    assert "  try: configs/default.yaml lists every setting" in done.stderr


def test_a_file_of_settings_is_read_and_the_command_line_is_stronger(
    imprint: Imprint, current: Run, outputs: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"outputs: {outputs}\nservice: {{max_tokens: 2}}\n")
    assert imprint("ask", "a b c", "--config", file).stdout == "You asked:\n"
    assert imprint("ask", "a b c", "--config", file, "service.max_tokens=3").stdout == "You asked: a\n"


@pytest.mark.parametrize("name", ["outputs of 😀 #1: 'x'", "2026-11-20", "ışık\tüst", "null", 'quote"d'])
def test_a_folder_may_have_any_name(name: str, imprint: Imprint, tmp_path: Path) -> None:
    done = imprint("status", "--outputs", tmp_path / name, "--documents", tmp_path / name, "--json")
    assert done.code == 0, done.stderr
    done = imprint("ask", "What?", "--outputs", tmp_path / name)
    assert f"There is no model in {tmp_path / name} yet." in done.stderr


# ---- streams and codes ----------------------------------------------------------------------------------------------


def test_an_answer_alone_is_on_standard_output(
    imprint: Imprint, line: Line, places: list[str], fake_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imprint.service.served.Engine", fake_engine)
    done = imprint("up", "How do I stop?", *places)
    assert (done.code, done.stdout) == (0, "You asked: How do I stop?\n"), done.stderr
    assert "Base model: " in done.stderr
    for stage in ("dataset", "adapter", "model", "evaluation"):
        assert f"{stage}: " in done.stderr
        assert f"/{stage}" in done.stderr
    assert "The model is accepted." in done.stderr
    assert "evaluation/report.html" in done.stderr
    assert "Try:\n  " in done.stderr
    assert "imprint ask " in done.stderr
    again = imprint("up", "And now?", *places)
    assert (again.stdout, again.stderr) == ("You asked: And now?\n", "")
    assert line.ran == ["dataset", "adapter", "model", "evaluation"]


def test_brackets_in_names_are_no_markup(
    imprint: Imprint,
    line: Line,
    small_base: Path,
    write: Callable[..., Path],
    tmp_path: Path,
    fake_engine: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("imprint.service.served.Engine", fake_engine)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal: with a bar that shows the name of each document
    folder = write({"[/red].md": GUIDE}, tmp_path / "docs [old]")
    outputs = tmp_path / "out [bold]"
    done = imprint(
        "up", "What?", "--documents", folder, "--outputs", outputs, f"base={small_base}", "dataset.replay_share=0"
    )
    assert (done.code, done.stdout) == (0, "You asked: What?\n"), done.stderr
    assert f"The model is in {Outputs(outputs).require_current().path}." in done.stderr


def test_what_changed_is_said(imprint: Imprint, line: Line, places: list[str]) -> None:
    assert imprint("evaluate", *places).code == 0
    Path(places[1], "new.md").write_text("# New\n\ntext\n")
    done = imprint("evaluate", *places)
    assert "dataset: write questions and answers from the documents (documents/new.md added)\n" in done.stderr


def test_retrain_never_answers_from_what_is_there(imprint: Imprint, current: Run, outputs: Path) -> None:
    done = imprint("up", "What?", "retrain=never", "--outputs", outputs, "--documents", "/nowhere")
    assert (done.code, done.stdout, done.stderr) == (0, "You asked: What?\n", "")


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["ask", "What?"], {"text", "finish_reason", "tokens", "run"}),
        (["up", "What?", "retrain=never"], {"text", "finish_reason", "tokens", "run"}),
        (["runs"], {"runs"}),
        (["status", "base=embedded"], {"current", "verdict", "refused", "stages"}),
        (["prune"], {"kept", "removed", "freed_bytes"}),
        (["rollback", "20260101-000001-aaaaaa"], {"current"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_json_is_one_object_and_nothing_else(
    arguments: list[str], keys: set[str], imprint: Imprint, current: Run, outputs: Path, write: Callable[..., Path]
) -> None:
    if arguments[0] == "status":
        arguments = [*arguments, "--documents", str(write({"guide.md": GUIDE}))]
    done = imprint(*arguments, "--outputs", outputs, "--json")
    assert (done.code, done.stderr) == (0, "")
    assert done.json.keys() == keys


@pytest.mark.parametrize(
    ("command", "stage"),
    [("prepare", "dataset"), ("train", "adapter"), ("export", "model"), ("evaluate", "evaluation")],
)
def test_a_stages_command_prints_where_the_result_lies(
    command: str, stage: str, imprint: Imprint, line: Line, places: list[str], outputs: Path
) -> None:
    done = imprint(command, *places, "--json")
    assert (done.code, done.stderr) == (0, "")
    (run,) = Outputs(outputs).runs()
    assert done.json == {
        "run": run.id,
        "folder": str(run.folder(stage)),
        "counts": run.complete(stage).counts,
    }
    assert line.ran[-1] == stage
    assert imprint(command, *places).stdout == f"{run.folder(stage)}\n"


def test_a_question_with_no_model_is_2(imprint: Imprint, outputs: Path) -> None:
    for command in (["ask", "What?"], ["chat"], ["serve"], ["rollback"], ["up", "retrain=never"]):
        done = imprint(*command, "--outputs", outputs)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr == (
            f"imprint: There is no model in {outputs} yet.\n"
            "  try: `imprint up` makes one from your documents and serves it\n"
        )


def test_no_documents_is_2(imprint: Imprint, outputs: Path, tmp_path: Path, small_base: Path) -> None:
    done = imprint(
        "prepare",
        "--documents",
        tmp_path / "none",
        "--outputs",
        outputs,
        f"base={small_base}",
        "dataset.replay_share=0",
    )
    assert (done.code, done.stdout) == (2, "")
    assert f"imprint: There is no documents folder at {tmp_path / 'none'}.\n  try: mkdir -p " in done.stderr
    assert not outputs.exists()


def test_a_second_up_on_the_same_outputs_is_3(imprint: Imprint, places: list[str], outputs: Path) -> None:
    with Outputs(outputs).lock("imprint up --first"):
        done = imprint("up", "What?", *places)
    assert (done.code, done.stdout) == (3, "")
    assert f"process {os.getpid()} on " in done.stderr
    assert "(`imprint up --first`)" in done.stderr


def test_outputs_that_cannot_be_written_are_3(imprint: Imprint, places: list[str], outputs: Path) -> None:
    outputs.write_text("a file")
    done = imprint("prepare", *places)
    assert (done.code, done.stdout) == (3, "")
    assert f"imprint: {outputs / 'runs'} cannot be written to: " in done.stderr


def full_disk(folder: Path, fill: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command where `folder` lies on a disk of 256 KB, of which `fill` has taken some."""
    script = 'mount -t tmpfs -o size=256k none "$1" && cd "$1" && eval "$2" && shift 2 && exec "$@"'
    return subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", folder, fill, sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_mount = pytest.mark.skipif(not can_mount(), reason="a small disk needs unshare and the right to mount")


@needs_mount
@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (":", "has 0 MB free; this run needs about 129 MB."),
        ("head -c 300000 /dev/zero >full 2>&-; :", "cannot be written to: No space left on device."),
    ],
)
def test_a_full_disk_is_3(fill: str, said: str, places: list[str], outputs: Path) -> None:
    outputs.mkdir()
    done = full_disk(outputs, fill, "-m", "imprint", "prepare", *places)
    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr
    assert "--outputs DIR" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_by_the_user_is_130(number: signal.Signals, imprint: Imprint) -> None:
    class Waiting(io.StringIO):
        def read(self, size: int | None = -1) -> str:
            os.kill(os.getpid(), number)
            return ""

    done = imprint("ask", stdin=Waiting())
    assert (done.code, done.stdout) == (130, "")
    assert done.stderr == "imprint: Stopped. What is done is kept; the same command goes on from there.\n"


def test_a_reader_that_leaves_is_no_error(current: Run, outputs: Path) -> None:
    command = [sys.executable, "-m", "imprint", "runs", "--json", "--outputs", str(outputs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


# ---- looking --------------------------------------------------------------------------------------------------------


def test_status_without_a_model(imprint: Imprint, places: list[str]) -> None:
    done = imprint("status", *places)
    assert done.stdout.splitlines() == [
        "current     none",
        *(f"{name:<11} due: there is no model yet" for name in ("dataset", "adapter", "model", "evaluation")),
    ]
    assert done.stderr.startswith("Base model: ")


def test_status_says_what_is_due_and_why(imprint: Imprint, line: Line, places: list[str], outputs: Path) -> None:
    imprint("evaluate", *places)
    run = Outputs(outputs).require_current()
    assert imprint("status", *places).stdout.splitlines() == [
        f"current     {run.path}",
        "verdict     The model is accepted.",
        *(f"{name:<11} up to date" for name in ("dataset", "adapter", "model", "evaluation")),
    ]
    done = imprint("status", *places, "model.quantization=q8_0", "--json")
    assert done.json == {
        "current": run.id,
        "verdict": "accepted",
        "refused": None,
        "stages": [
            {"stage": "dataset", "due": False, "reasons": []},
            {"stage": "adapter", "due": False, "reasons": []},
            {"stage": "model", "due": True, "reasons": ["model.quantization was q4_k_m, is q8_0"]},
            {"stage": "evaluation", "due": True, "reasons": ["model will change"]},
        ],
    }


def test_looking_makes_nothing(imprint: Imprint, places: list[str], outputs: Path) -> None:
    for command in ("status", "runs"):
        assert imprint(command, "--outputs", outputs).code == 0
    assert not outputs.exists()


def test_status_says_the_verdict_and_which_newer_run_was_refused(
    imprint: Imprint, line: Line, places: list[str], outputs: Path
) -> None:
    line.verdict = "not proven"
    imprint("evaluate", *places)
    current = Outputs(outputs).require_current()
    Path(places[1], "new.md").write_text("# New\n\ntext\n")
    line.verdict = "refused"
    imprint("evaluate", *places)
    (refused,) = (run for run in Outputs(outputs).runs() if run.id != current.id)
    assert imprint("status", *places).stdout.splitlines()[:3] == [
        f"current     {current.path}",
        "verdict     The model is not proven.",
        f"refused     {refused.id}: The model is refused.",
    ]
    said = imprint("status", *places, "--json").json
    assert (said["current"], said["verdict"], said["refused"]) == (current.id, "not proven", refused.id)


def test_runs_are_listed_with_their_verdicts_and_figures(
    imprint: Imprint, current: Run, new_run: Callable[..., Run], outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = new_run(reason=["documents/[red].md changed", "seed was 1, is 2"], base="another", state="refused")
    evaluate(newer, made_results(newer.id, "refused", questions=0))
    unfinished = new_run()
    listed = imprint("runs", "--outputs", outputs, "--json").json["runs"]
    for row in listed:
        run = Outputs(outputs).named(row["run"])
        assert row.pop("bytes") == sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file())
    assert listed[:2] == [
        {
            "run": current.id,
            "current": True,
            "state": "complete",
            "verdict": "accepted",
            "base": "embedded",
            "reason": ["a test"],
            "started": "now",
            "accuracy": {"base": 0.0, "adapter": 1.0, "gguf": 0.975},
        },
        {
            "run": newer.id,
            "current": False,
            "state": "refused",
            "verdict": "refused",
            "base": "another",
            "reason": ["documents/[red].md changed", "seed was 1, is 2"],
            "started": "now",
            "accuracy": {},
        },
    ]
    monkeypatch.setenv("COLUMNS", "200")
    table = imprint("runs", "--outputs", outputs).stdout
    header, *rows = (" ".join(row.split()) for row in table.splitlines())
    assert header == "run verdict base base knew tuned knows size why"
    assert rows[0] == f"-> {current.id} accepted embedded 0.0% 97.5% 0 MB a test"
    assert rows[1] == f"{newer.id} refused another 0 MB documents/[red].md changed and 1 more"
    assert rows[2].startswith(f"{unfinished.id} unfinished ")


def test_a_run_from_before_there_were_verdicts_is_listed(
    imprint: Imprint, new_run: Callable[..., Run], outputs: Path
) -> None:
    run = new_run(state="complete")
    with run.record("evaluation", inputs={}, settings={}, seed=1) as record:
        (record.folder / "results.json").write_text('{"questions": 2}')
        record.counts = {"questions": 2} | {name: {"accuracy": 0.5} for name in ("base", "adapter", "gguf")}
    (row,) = imprint("runs", "--outputs", outputs, "--json").json["runs"]
    assert (row["verdict"], row["accuracy"]) == (None, {"base": 0.5, "adapter": 0.5, "gguf": 0.5})
    assert f" {run.id}  none " in imprint("runs", "--outputs", outputs).stdout
    done = imprint("report", "--outputs", outputs)
    assert (done.code, done.stdout) == (2, "")
    assert f"The results of run {run.id} are not those of this version of Imprint." in done.stderr


def test_prune_says_what_goes_and_what_is_freed(
    imprint: Imprint, current: Run, new_run: Callable[..., Run], outputs: Path
) -> None:
    older, newer = new_run("20250101-000000-aaaaaa"), new_run()
    (older.path / "big").write_bytes(bytes(3_000_000))
    assert imprint("prune", "--keep", "2", "--dry-run", "--outputs", outputs).stdout.splitlines() == [
        f"{older.id} would be removed",
        "3 MB would be freed",
    ]
    assert older.path.exists()
    assert imprint("prune", "--keep", "2", "--outputs", outputs).stdout.splitlines() == [
        f"{older.id} removed",
        "3 MB freed",
    ]
    assert [run.id for run in Outputs(outputs).runs()] == [current.id, newer.id]
    assert imprint("prune", "--outputs", outputs).stdout.splitlines() == ["nothing to remove", "0 MB freed"]
    assert imprint("prune", "--keep", "0", "--outputs", outputs).code == 2
    with Outputs(outputs).lock("imprint up"):
        assert imprint("prune", "--keep", "1", "--outputs", outputs).code == 3


def test_rollback_and_its_errors(imprint: Imprint, current: Run, new_run: Callable[..., Run], outputs: Path) -> None:
    newer = new_run(state="complete")
    Outputs(outputs).activate(newer)
    done = imprint("rollback", "--outputs", outputs)
    assert done.stdout == f"{current.id} is current. `imprint up retrain=never` serves it as it is.\n"
    assert Outputs(outputs).require_current().id == current.id
    assert imprint("rollback", "--outputs", outputs).code == 2
    done = imprint("rollback", "no-such-run", "--outputs", outputs)
    assert done.code == 2
    assert f"Complete runs: {current.id}, {newer.id}." in done.stderr


# ---- the verdict ----------------------------------------------------------------------------------------------------


@pytest.fixture
def refusing(
    line: Line, places: list[str], imprint: Imprint, fake_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> Line:
    """A model in service, and documents that have changed since into something that is refused."""
    monkeypatch.setattr("imprint.service.served.Engine", fake_engine)
    assert imprint("evaluate", *places).code == 0
    Path(places[1], "new.md").write_text("# New\n\ntext\n")
    line.verdict = "refused"
    return line


REFUSAL = (
    "imprint: The model is refused.\n  better_than_base: 97.5 points better than the base, not 99\n  try: learn more\n"
)


def test_a_refusal_is_told_and_the_model_in_service_answers(
    refusing: Line, imprint: Imprint, places: list[str], outputs: Path
) -> None:
    current = Outputs(outputs).require_current()
    for ran in (["dataset", "adapter", "model", "evaluation"], []):
        refusing.ran.clear()
        done = imprint("up", "What?", *places)
        assert (done.code, done.stdout) == (4, "You asked: What?\n"), done.stderr
        assert REFUSAL in done.stderr
        assert "       verdict.force=true serves it all the same\n" in done.stderr
        assert f"Run {current.id} stays in service.\n" in done.stderr
        assert "Try:" not in done.stderr
        assert refusing.ran == ran
    done = imprint("up", "What?", *places, "--json")
    assert (done.code, done.json["run"]) == (4, current.id)
    assert done.stderr.startswith(REFUSAL)


def test_a_refusal_is_told_and_the_model_in_service_is_served(
    refusing: Line, imprint: Imprint, places: list[str], outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []
    monkeypatch.setattr("imprint.service.serve", lambda model, settings, ready: served.append(model.run))
    done = imprint("up", *places)
    assert (done.code, served) == (0, [Outputs(outputs).require_current().id])
    assert REFUSAL in done.stderr


@pytest.mark.parametrize("command", [["up", "What?"], ["up"], ["evaluate"], ["evaluate", "--json"]], ids=" ".join)
def test_a_refusal_with_no_model_in_service_is_4(
    command: list[str], imprint: Imprint, line: Line, places: list[str], outputs: Path
) -> None:
    line.verdict = "refused"
    for _ in range(2):
        done = imprint(*command, *places)
        assert (done.code, done.stdout) == (4, "")
        assert REFUSAL in done.stderr
    assert Outputs(outputs).current() is None
    assert imprint("export", *places).code == 0, "what reaches no verdict is not refused"


def test_a_forced_model_is_marked_wherever_it_is_named(
    refusing: Line, imprint: Imprint, places: list[str], outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imprint("evaluate", *places)
    refusing.ran.clear()
    done = imprint("up", "What?", *places, "verdict.force=true")
    assert (done.code, done.stdout, refusing.ran) == (0, "You asked: What?\n", ["evaluation"])
    assert "The model is forced.\n  better_than_base: 97.5 points better than the base, not 99\n" in done.stderr
    run = Outputs(outputs).require_current()
    assert (run.state().state, run.verdict) == ("complete", "forced")
    marked = "m (forced: its verdict refused it)"
    assert imprint("chat", "--outputs", outputs).stderr.startswith(f"{marked}. An empty line")
    monkeypatch.setattr("imprint.service.serve", lambda model, settings, ready: ready("http://here"))
    assert f"{marked} of run {run.id} is served on http://here;" in imprint("serve", "--outputs", outputs).stderr
    assert " forced " in imprint("runs", "--outputs", outputs).stdout


# ---- reports and comparisons ----------------------------------------------------------------------------------------


def test_a_report_is_that_of_the_newest_run_or_of_the_one_that_is_named(
    imprint: Imprint, current: Run, new_run: Callable[..., Run], outputs: Path
) -> None:
    refused = new_run(state="refused")
    evaluate(refused, made_results(refused.id, "refused"))
    new_run()
    done = imprint("report", "--outputs", outputs)
    assert done.code == 0, done.stderr
    assert done.stderr == f"Run {refused.id} (refused): {refused.folder('evaluation') / 'report.html'}\n"
    assert "The model is refused." in done.stdout
    assert "97.5%" in done.stdout
    done = imprint("report", current.id, "--outputs", outputs, "--json")
    assert (done.stderr, done.json) == ("", json.loads(made_results(current.id).model_dump_json()))


def test_a_report_that_there_is_not_is_2(imprint: Imprint, new_run: Callable[..., Run], outputs: Path) -> None:
    assert "No run in " in imprint("report", "--outputs", outputs).stderr
    run = new_run()
    for arguments, words in (
        ([], f"No run in {outputs} was evaluated yet."),
        ([run.id], f"Run {run.id} was not evaluated."),
        (["none"], f"There is no run 'none' in {outputs}. Runs: {run.id}."),
        (["--compare", run.id, "none"], "There is no run 'none'"),
        ([run.id, "--compare", run.id, run.id], "expected one run or two."),
    ):
        done = imprint("report", *arguments, "--outputs", outputs)
        assert (done.code, done.stdout) == (2, "")
        assert words in done.stderr


@pytest.mark.parametrize(
    ("terminal", "environment", "opened"),
    [
        (True, {"DISPLAY": ":0"}, True),
        (True, {}, False),
        (True, {"DISPLAY": ":0", "SSH_CONNECTION": "a b"}, False),
        (False, {"DISPLAY": ":0"}, False),
    ],
)
def test_a_report_opens_only_where_somebody_sits_before_a_screen(
    terminal: bool,
    environment: dict[str, str],
    opened: bool,
    imprint: Imprint,
    current: Run,
    outputs: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: not shown.append(url))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = imprint("report", "--outputs", outputs)
    assert shown == [(current.folder("evaluation") / "report.html").as_uri()] * opened
    assert (done.stdout == "") == opened


def test_two_reports_are_held_against_each_other(
    imprint: Imprint, current: Run, new_run: Callable[..., Run], outputs: Path
) -> None:
    other = new_run()
    evaluate(other, made_results(other.id))
    done = imprint("report", "--compare", current.id, other.id, "--outputs", outputs)
    assert done.code == 0, done.stderr
    assert current.id in done.stdout
    assert other.id in done.stdout
    page = outputs / "comparisons" / f"{current.id}-{other.id}.html"
    assert done.stderr == f"Runs {current.id} and {other.id}: {page}\n"
    assert other.id in page.read_text()
    said = imprint("report", "--compare", current.id, other.id, "--outputs", outputs, "--json").json
    assert (said["first"]["id"], said["second"]["id"], said["shared"]) == (current.id, other.id, 0)


ANSWERS = (
    Compared("[red] What?", "a [b]", "long " * 30, "a b", False, True),
    Compared("Both?", "c", "c", "c", True, True),
)
FIGURES = Comparison(
    "base [x]",
    "run r",
    ANSWERS,
    (Accuracy("base [x]", 2, 0.5, (0.0, 1.0)), Accuracy("run r", 2, 1.0, (1.0, 1.0))),
    Difference(-0.5, (-1.0, 0.0), 0, 1, 1, 0),
)


def test_compare_asks_prompts_and_those_of_files(
    imprint: Imprint, current: Run, outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def both(config: Any, run: Run, prompts: list[str], *, against: str | None, progress: Any) -> Comparison:
        asked.append((run.id, prompts, against))
        progress("asking", 1, 2)
        return Comparison("base", "run r", tuple(Compared(text, None, "x", "y", None, None) for text in prompts))

    monkeypatch.setattr("imprint.evaluation.comparing.compare", both)
    (tmp_path / "prompts.txt").write_text("\ufeffIşık nerede?\r\n\nWhat?\n", encoding="utf-8")
    (tmp_path / "mine.json").write_text('[{"prompt": "Which?", "expected": ["this"]}]')
    long = "Why " * 1000
    files = [tmp_path / "prompts.txt", tmp_path / "mine.json"]
    done = imprint("compare", "One?", *files, long, "--outputs", outputs, "--against", "gpt2")
    assert done.code == 0, done.stderr
    assert asked == [(current.id, ["One?", "Işık nerede?", "What?", "Which?", long], "gpt2")]
    assert "Işık nerede?\n  base: x\n  run r: y\n" in done.stdout
    said = imprint("compare", "One?", "--outputs", outputs, "--json").json
    assert [answer["prompt"] for answer in said["answers"]] == ["One?"]


def test_compare_without_a_prompt_is_2(imprint: Imprint, current: Run, outputs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "other.txt").write_bytes(b"\xff\xfe\x00")
    for arguments, words in (
        ([], "There is no prompt to ask."),
        ([tmp_path / "empty.txt"], "There is no prompt to ask."),
        ([tmp_path / "other.txt"], f"{tmp_path / 'other.txt'} cannot be read: "),
    ):
        done = imprint("compare", *arguments, "--outputs", outputs)
        assert (done.code, done.stdout) == (2, "")
        assert words in done.stderr


@pytest.mark.parametrize("verdict", ["accepted", "refused"])
def test_evaluate_puts_another_model_beside_the_tuned_one(
    verdict: Any, imprint: Imprint, line: Line, places: list[str], outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def both(config: Any, run: Run, other: str, progress: Any) -> Comparison:
        asked.append((run.id, other))
        return FIGURES

    monkeypatch.setattr("imprint.evaluation.comparing.side_by_side", both)
    line.verdict = verdict
    done = imprint("evaluate", *places, "--against", "gpt2")
    (run,) = Outputs(outputs).runs()
    assert (done.code, asked) == (0 if verdict == "accepted" else 4, [(run.id, "gpt2")])
    assert done.stdout == f"{FIGURES.text()}\n"
    assert imprint("evaluate", *places, "--against", "gpt2", "--json").json == json.loads(json.dumps(FIGURES.plain()))


# ---- the chat -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "\n", "   \nnot asked any more\n"])
def test_a_chat_answers_line_by_line_until_it_ends(end: str, imprint: Imprint, current: Run, outputs: Path) -> None:
    done = imprint("chat", "--outputs", outputs, stdin=f"Merhaba\nIşık nerede?\n{end}")
    assert (done.code, done.stdout) == (0, "You asked: Merhaba\nYou asked: Işık nerede?\n")
    assert done.stderr == "m-q4_k_m. An empty line or Ctrl-C ends the chat.\n"
