"""Training beside plain TRL, in one run: tokens that carry loss a second, memory at the peak, and the loss in the end.

    .venv/bin/python benchmarks/train.py [documents] [--steps 60]

Same base (the embedded one), same rows as token ids, same rows in a step, same steps, rate, rank and targets. TRL runs
as its documentation shows QLoRA, in bfloat16, and again in float32, which a CPU without bfloat16 is faster at; all rows
of a step go through it at once. Noise is off on both sides. The loss is that of each adapter on held-out rows, over the
base that it was trained on, counted by one code.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import ROOT, against, run

from imprint import base, config, environment
from imprint.runs import Run

_FASTER = 2.5
_LOSS_PERCENT = 2.0
_WARM_STEPS = 2


@dataclass(frozen=True)
class Trained:
    """What a training gave. Memory in 10^6 bytes; `loss` in nats a token."""

    tokens_per_s: float
    memory_mb: float
    loss: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("documents", nargs="?", type=Path, default=ROOT / "documents")
    parser.add_argument("--steps", type=int, default=60)
    arguments = parser.parse_args()
    environment.quiet_libraries()
    with tempfile.TemporaryDirectory() as folder:
        ours, built = _imprint(arguments.documents, Path(folder), arguments.steps)
        print(f"{'':<28} {'tokens/s':>9} {'memory':>9} {'loss':>7}")
        _show("Imprint", ours)
        for name, bfloat16 in (("TRL, as documented", True), ("TRL, float32", False)):
            theirs = _plain(built, Path(folder, name), bfloat16=bfloat16)
            _show(name, theirs)
            against(f"tokens/s to {name}", ours.tokens_per_s / theirs.tokens_per_s, _FASTER, "times", at_least=True)
            against(f"memory to {name}", ours.memory_mb / theirs.memory_mb, 1.0, "times")
            against(f"loss from {name}", 100 * abs(ours.loss / theirs.loss - 1), _LOSS_PERCENT, "%")


def _show(name: str, found: Trained) -> None:
    print(f"{name:<28} {found.tokens_per_s:>9.0f} {found.memory_mb:>6.0f} MB {found.loss:>7.3f}")


def _imprint(documents: Path, folder: Path, steps: int) -> tuple[Trained, Run]:
    built, speed = with_imprint(documents, folder / "outputs", "base=embedded", f"adapter.max_steps={steps}")
    loss = _loss(built, built.folder("adapter"), four_bit=settings_of(built).adapter.filled().load_in_4bit)
    return Trained(speed, built.complete("adapter").peak_memory_mb, loss), built


def with_imprint(
    documents: Path, outputs: Path, *settings: str, env: dict[str, str] | None = None
) -> tuple[Run, float]:
    """Train by `imprint train`, without noise and evaluations; give the run, and tokens that carry loss a second."""
    still = ("adapter.neftune_noise_alpha=0", "adapter.question_noise=0", "adapter.trackers=[]")
    # No validation rows: TRL evaluates nothing either.
    rows = ("dataset.validation_share=0", "dataset.replay_share=0")
    places = ("--documents", str(documents), "--outputs", str(outputs))
    if run("train", *places, *settings, *still, *rows, env=env).code:
        raise SystemExit("imprint train failed")
    (path,) = (outputs / "runs").iterdir()
    built = Run(path)
    lines = (built.folder("adapter") / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    points = [point for point in map(json.loads, lines) if point.get("loss") is not None]
    seconds = [point["seconds"] for point in points]
    tokens = [
        point["tokens_per_s"] * (now - before)
        for point, before, now in zip(points[1:], seconds[:-1], seconds[1:], strict=True)
    ]
    return built, sum(tokens[_WARM_STEPS - 1 :]) / (seconds[-1] - seconds[_WARM_STEPS - 1])


def _plain(built: Run, folder: Path, *, bfloat16: bool) -> Trained:
    found = with_trl(built, folder, settings_of(built).adapter.filled().batch_size, bfloat16=bfloat16)
    return Trained(found["tokens_per_s"], found["memory_mb"], _loss(built, folder / "adapter", four_bit=True))


def with_trl(built: Run, folder: Path, micro_batch: int, *, bfloat16: bool) -> dict[str, float]:
    """Train on the rows of a run by `plain_trl.py`; give what that prints."""
    import torch

    from imprint.adapter.rows import IGNORED

    folder.mkdir()
    settings = settings_of(built)
    adapter, counts = settings.adapter.filled(), built.complete("adapter").counts
    rows = folder / "rows.jsonl"
    with rows.open("w", encoding="utf-8") as file:
        for row in rows_of(built, "train"):
            mask = [int(label != IGNORED) for label in row.labels]
            file.write(json.dumps({"input_ids": row.input_ids, "completion_mask": mask}) + "\n")
    job = {
        "base": str(base.of(settings).source),
        "rows": str(rows),
        "folder": str(folder / "adapter"),
        "steps": counts["steps"],
        "batch_size": adapter.batch_size,
        "micro_batch": micro_batch,
        "learning_rate": adapter.learning_rate,
        "warmup_steps": math.ceil(counts["steps"] * adapter.warmup_ratio),
        "weight_decay": adapter.weight_decay,
        "rank": adapter.lora_r,
        "alpha": adapter.lora_alpha,
        "length": adapter.max_seq_length,
        "seed": settings.seed,
        "bfloat16": bfloat16,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    command = [sys.executable, str(ROOT / "benchmarks" / "plain_trl.py"), str(folder / "job.json")]
    said = subprocess.run(
        command if torch.cuda.is_available() else [*command, "--cpu"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"},
    ).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def settings_of(built: Run) -> config.Settings:
    """Those that a run was made with."""
    return config.Settings.model_validate(built.state().settings)


def rows_of(built: Run, split: str) -> list[Any]:
    """Its rows as token ids and labels."""
    from transformers import AutoTokenizer

    from imprint.adapter.rows import tokenize
    from imprint.dataset import read_examples

    tokenizer = AutoTokenizer.from_pretrained(built.folder("adapter"))
    examples = read_examples(built.folder("dataset") / f"{split}.jsonl")
    return tokenize(examples, tokenizer, settings_of(built).adapter.max_seq_length)


def _loss(built: Run, adapter: Path, *, four_bit: bool) -> float:
    """Nats a token of the answers to the test questions."""
    import torch

    from imprint.model.weights import load

    model, _ = load(base.of(settings_of(built)), adapter, four_bit=four_bit, dequantize=True)
    nats, tokens = 0.0, 0
    with torch.inference_mode():
        for row in rows_of(built, "test"):
            ids, labels = torch.tensor([row.input_ids]), torch.tensor(row.labels)
            logits = model(input_ids=ids).logits[0, :-1].float()
            nats += float(torch.nn.functional.cross_entropy(logits, labels[1:], reduction="sum"))
            tokens += int((labels[1:] >= 0).sum())
    return nats / tokens


if __name__ == "__main__":
    main()
