"""The main job, end to end, on the embedded base: documents in, answers out, and what a restart repeats."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.line import SHORT, command, imprint, write_guide

from imprint.evaluation.results import read_results

pytestmark = pytest.mark.slow

STRICT = ("verdict.general_base=1000000", "verdict.general_perplexity=0")
"""A verdict that no embedded model passes: what it learns costs it what little it knows of general text."""
STAGES = ("dataset", "adapter", "model", "evaluation")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A folder with documents/ and outputs/ after a first `imprint up "question"`."""
    home = tmp_path_factory.mktemp("made")
    write_guide(home / "documents")
    first = imprint("up", "How do I book a berth?", *SHORT, env={"IMPRINT_HOME": str(home)})
    assert first.returncode == 0, first.stderr
    return home, first


def up(home: Path, *arguments: str, python: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    return imprint(*arguments, *SHORT, env={"IMPRINT_HOME": str(home)}, python=python)


def current(home: Path) -> Path:
    return (home / "outputs" / "current").resolve()


def test_the_first_start_answers_from_the_documents(made: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    _, first = made
    assert first.stdout == "Write to the harbour office two days before you arrive.\n"


def test_it_says_what_it_does_why_and_where(made: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    home, first = made
    for stage in STAGES:
        assert re.search(rf"^{stage}: .+ \(.*not made yet\)", first.stderr, re.MULTILINE), first.stderr
        assert str(current(home) / stage) in first.stderr
    assert "Base model: embedded" in first.stderr
    assert "imprint ask" in first.stderr


def test_every_stage_leaves_what_the_design_names(made: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    run = current(made[0])
    for name in (
        "run.json",
        "log.jsonl",
        "dataset/train.jsonl",
        "dataset/validation.jsonl",
        "dataset/test.jsonl",
        "dataset/card.md",
        "adapter/adapter_model.safetensors",
        "adapter/metrics.csv",
        "adapter/metrics.jsonl",
        "adapter/loss.png",
        "model/imprint-embedded-q4_k_m.gguf",
        "model/Modelfile",
        "model/README.md",
        "evaluation/results.json",
        "evaluation/predictions.jsonl",
        "evaluation/metrics.csv",
        "evaluation/report.html",
        "evaluation/card.md",
        *(f"{stage}/manifest.json" for stage in STAGES),
    ):
        assert (run / name).stat().st_size > 0, name
    assert not (run / "adapter" / "checkpoints").exists()
    assert not list((run / "model").glob(".work-*"))
    manifest = json.loads((run / "adapter" / "manifest.json").read_text())
    assert manifest["versions"]["torch"]
    assert manifest["seconds"] > 0
    assert manifest["peak_memory_mb"] > 0
    assert manifest["settings"]["adapter"]["lora_r"] == 16
    assert "trackers" not in manifest["settings"]["adapter"]
    points = [json.loads(line) for line in (run / "adapter" / "metrics.jsonl").read_text().splitlines()]
    assert all(point["tokens_per_s"] > 0 for point in points if "loss" in point)
    assert any("eval_loss" in point for point in points)
    (events,) = (run / "adapter" / "tensorboard").iterdir()
    assert f"tensorboard/{events.name}" in manifest["outputs"]
    used = json.loads((run / "model" / "manifest.json").read_text())["inputs"]
    assert not [name for name in used if "tensorboard" in name or "metrics" in name or "loss" in name]


def test_the_gguf_says_of_itself_what_other_runtimes_need(
    made: tuple[Path, "subprocess.CompletedProcess[str]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(sys.prefix, "share", "imprint", "llama.cpp", "gguf-py")))
    from gguf import GGUFReader

    reader = GGUFReader(current(made[0]) / "model" / "imprint-embedded-q4_k_m.gguf")
    told = {name: field.contents() for name, field in reader.fields.items()}
    assert told["general.architecture"] == "phi3"
    assert "phi-3" in told["general.name"].lower()  # llama.cpp's vocabulary strips spaces only then
    assert told["tokenizer.ggml.add_bos_token"] is False
    assert "<|assistant|>" in told["tokenizer.chat_template"]
    quantized = {tensor.tensor_type.name for tensor in reader.tensors}
    assert quantized == {"Q4_K", "Q6_K", "F32"}, "a tensor fell back to another type"


def test_the_tuned_model_beats_the_base_on_held_out_wordings(
    made: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    results = read_results(current(made[0]) / "evaluation")
    held_out = results.suites["held_out"]
    base, adapter, gguf = (held_out[name] for name in ("base", "adapter", "gguf"))
    assert results.questions >= 5
    assert base.accuracy is not None
    assert adapter.accuracy is not None
    assert gguf.accuracy is not None
    assert base.accuracy <= 0.2
    assert gguf.accuracy >= 0.6, "nine questions in wordings of a family that nothing was trained on"
    assert gguf.ended == 1.0
    assert abs(gguf.accuracy - adapter.accuracy) <= 0.2
    assert base.perplexity is not None
    assert adapter.perplexity is not None
    assert adapter.perplexity < 2 < base.perplexity
    # The same token ids through the other runtime: quantization costs a little, a wrong prompt format would cost all.
    assert gguf.perplexity == pytest.approx(adapter.perplexity, rel=0.25)
    assert (results.verdict.word, results.notes) == (
        "accepted",
        ("no section was kept from the training: a leak would not be seen",),
    )


def test_the_report_tells_of_the_sections(made: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    home, first = made
    assert "Accepted: the model answers" in first.stderr
    told = up(home, "report").stdout
    assert told.startswith("Accepted: the model answers"), told
    page = (current(home) / "evaluation" / "report.html").read_text()
    assert "Harbour guide" in page
    assert "How do I book a berth?" in page


def test_an_evaluation_judged_anew_loads_no_model(made: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    """Its answers are known: another limit is a matter of seconds, and so is going back to the old one."""
    home, _ = made
    before = current(home)
    refused = up(home, "evaluate", *STRICT)
    assert refused.returncode == 4, refused.stderr
    assert "its perplexity on general text is" in refused.stderr
    assert "verdict.force=true" in refused.stderr
    assert current(home) == before, "what served goes on serving"
    judged = max(home.glob("outputs/runs/*"))
    answers = [(run / "evaluation" / "answers.jsonl").read_text() for run in (before, judged)]
    assert sorted(answers[0].splitlines()) == sorted(answers[1].splitlines())
    asked = up(home, "up", "How do I book a berth?", *STRICT)
    assert (asked.returncode, asked.stdout) == (4, made[1].stdout), "the model before answers"


def test_a_base_in_four_bits_and_with_alpacas_format_goes_through_the_same_line(tmp_path: Path) -> None:
    """QLoRA, which is what a large base gets: the merged weights are those that the training saw."""
    write_guide(tmp_path / "documents")
    chosen = ("adapter.load_in_4bit=true", "template=alpaca", "adapter.max_steps=40", "verdict.force=true")
    done = imprint("evaluate", *SHORT, *chosen, env={"IMPRINT_HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("outputs/runs/*")
    results = read_results(run / "evaluation")
    held_out = results.suites["held_out"]
    base, adapter, gguf = (held_out[name] for name in ("base", "adapter", "gguf"))
    assert base.perplexity is not None
    assert adapter.perplexity is not None
    assert adapter.perplexity < base.perplexity / 2
    assert gguf.perplexity == pytest.approx(adapter.perplexity, rel=0.25)
    assert gguf.ended >= 0.8, "the end token is learned, and the runtime knows it"
    assert "### Response:" in (run / "model" / "Modelfile").read_text()


def test_the_second_start_repeats_nothing_and_loads_no_torch(
    made: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    home, first = made
    before = current(home)
    second = up(home, "up", "How do I book a berth?", python=("-X", "importtime"))
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout
    assert current(home) == before
    imported = {
        line.rpartition("|")[2].strip() for line in second.stderr.splitlines() if line.startswith("import time:")
    }
    assert "llama_cpp" in imported
    assert not imported & {"torch", "transformers", "unsloth", "peft", "trl", "datasets"}


def test_status_names_the_document_that_changed(made: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    home, _ = made
    extra = home / "documents" / "extra.md"
    extra.write_text("# Extra\n\n## Where is the pump?\n\nThe pump is at the south pier.\n")
    try:
        told = up(home, "status").stdout
    finally:
        extra.unlink()
    assert "dataset     due: documents/extra.md added" in told
    assert "evaluation  due: dataset and adapter and model will change" in told
    assert "up to date" not in told
    assert up(home, "status").stdout.count("up to date") == len(STAGES)


def test_only_the_stages_that_a_setting_touches_run_again(
    made: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    home, _ = made
    before = current(home)
    again = up(home, "evaluate", "evaluation.max_questions=3")
    assert again.returncode == 0, again.stderr
    assert "dataset: unchanged" in again.stderr
    assert "adapter: unchanged" in again.stderr
    assert "evaluation: ask" in again.stderr
    assert current(home) != before
    assert (current(home) / "model").is_dir()
    back = imprint("rollback", "--outputs", str(home / "outputs"))
    assert back.returncode == 0, back.stderr
    assert current(home) == before


def test_retrain_never_serves_what_is_there(made: tuple[Path, "subprocess.CompletedProcess[str]"]) -> None:
    home, first = made
    (home / "documents" / "extra.md").write_text("# Extra\n\nMore.\n")
    try:
        told = up(home, "up", "How do I book a berth?", "retrain=never")
    finally:
        (home / "documents" / "extra.md").unlink()
    assert (told.returncode, told.stdout) == (0, first.stdout)


def test_the_doors_ask_the_same_model(made: tuple[Path, "subprocess.CompletedProcess[str]"], tmp_path: Path) -> None:
    home, first = made
    door = Path(__file__).resolve().parent.parent / "src" / "inference.py"
    told = subprocess.run(
        [command()[0], str(door), "How do I book a berth?"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "IMPRINT_HOME": str(home)},
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, first.stdout), told.stderr
    chat = subprocess.run(
        [command()[0], str(door), "--mode", "chat"],
        input="How do I book a berth?\n\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "IMPRINT_HOME": str(home)},
        check=False,
    )
    assert (chat.returncode, chat.stdout) == (0, first.stdout), chat.stderr


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(
    made: tuple[Path, "subprocess.CompletedProcess[str]"], ending: signal.Signals
) -> None:
    home, first = made
    server = subprocess.Popen(
        command("up", "service.port=0", *SHORT),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "IMPRINT_HOME": str(home)},
    )
    try:
        address = ""
        for line in server.stderr or ():
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                address = found.group()
                break
        health = _get(f"{address}/health")
        assert health["status"] == "ok"
        assert health["run"] == current(home).name
        answer = _get(f"{address}/generate", {"prompt": "How do I book a berth?"})
        assert answer["text"] + "\n" == first.stdout
        assert answer["finish_reason"] == "stop"
        with pytest.raises(urllib.error.HTTPError) as refused:
            _get(f"{address}/generate", {"prompt": "word " * 5000})
        assert refused.value.code == 400
        refused.value.close()
    finally:
        server.send_signal(ending)
        code = server.wait(30)
        if server.stderr is not None:
            server.stderr.close()
    assert code == 0


def _get(url: str, body: dict[str, object] | None = None) -> dict[str, str]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                value: dict[str, str] = json.load(reply)
                return value
        except urllib.error.HTTPError:
            raise
        except OSError:  # it says where it listens before it accepts
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
