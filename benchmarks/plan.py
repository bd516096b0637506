"""How far the plan's model of the training is from a real one: memory at the peak, and seconds of a step.

    .venv/bin/python benchmarks/plan.py [--steps 6] [--only NAME]

Each case trains some steps by `imprint train` on ready-made rows of one length, and compares the peak memory of the
process (on a CUDA machine, of the GPU) and the median step with what `imprint plan` says of the same. Limit: 15% of the
memory, on the CPU. The larger bases have random weights.
"""

import argparse
import csv
import itertools
import json
import random
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measure import against, run

from imprint import base, config, environment
from imprint.adapter import estimate
from imprint.adapter.passes import Passes
from imprint.machine import flops_of, this_machine
from imprint.runs import Run


@dataclass(frozen=True)
class Case:
    """A training: which base, rows in a pass, words in an answer."""

    name: str
    rows: int
    words: int
    size: tuple[int, int, int] | None = None
    """Layers, hidden and intermediate size of a random base; None: the embedded one."""


CASES = (
    Case("embedded, 16 short rows", 16, 25),
    Case("embedded, 4 middling rows", 4, 200),
    Case("embedded, 16 middling rows", 16, 200),
    Case("embedded, 16 long rows", 16, 700),
    Case("30 million weights, 16 short rows", 16, 25, (8, 512, 1536)),
    Case("30 million weights, 4 long rows", 4, 700, (8, 512, 1536)),
    Case("110 million weights, 4 middling rows", 4, 200, (12, 768, 3072)),
)
_WORDS = ("the", "harbour", "opens", "at", "nine", "and", "a", "boat", "brings", "letters", "to", "every", "ship")
_LIMIT = 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    environment.quiet_libraries()
    print(f"{this_machine()}; {flops_of(this_machine()) / 1e9:.0f} GFLOP/s")
    print(f"{'':<38} {'longest':>7} {'planned':>9} {'measured':>9} {'error':>7} {'planned':>9} {'measured':>9}")
    errors = []
    for case in CASES:
        if arguments.only in case.name:
            with tempfile.TemporaryDirectory() as folder:
                errors.append(_compare(case, Path(folder), arguments.steps))
    against("largest error of the memory", max(map(abs, errors)), _LIMIT, "%")


def _compare(case: Case, folder: Path, steps: int) -> float:
    """Train, print the line of a case, and give the memory's error in percent."""
    _write_rows(folder / "documents", case, count=case.rows * steps)
    name = "embedded" if case.size is None else str(_random_base(folder / "base", case.size))
    given = (
        f"base={name}",
        "check_base=false",
        f"adapter.batch_size={case.rows}",
        f"adapter.per_device_train_batch_size={case.rows}",
        f"adapter.max_steps={steps}",
        f"adapter.min_steps={steps}",
        "adapter.question_noise=0",
        "adapter.trackers=[]",
        "dataset.replay_share=0",
        "adapter.lora_r=16",
    )
    places = ("--documents", str(folder / "documents"), "--outputs", str(folder / "outputs"))
    ended = run("train", *places, *given, show=False)
    if ended.code != 0:
        raise SystemExit(f"{case.name}: imprint train ended with {ended.code}")
    made = Run(next((folder / "outputs" / "runs").iterdir()))
    settings, _ = base.choose(config.load(overrides=list(given)), None)
    machine, found = this_machine(), base.find(settings.base)
    manifest, shape, filled = made.complete("adapter"), base.shape(found), settings.adapter.filled()
    lengths = _lengths(made, found)
    needed = estimate.need(shape, filled, machine, case.rows, max(lengths))
    planned, measured = needed.process_mb, manifest.peak_memory_mb
    if machine.gpu is not None:
        planned, measured = needed.gpu_mb, manifest.counts["gpu_memory_mb"]
    step = estimate.step_seconds(shape, machine, flops_of(machine), Passes(case.rows, 1), statistics.fmean(lengths))
    error = 100 * (planned / measured - 1)
    memory = f"{planned:>6.0f} MB {measured:>6.0f} MB {error:>+6.1f}%"
    print(f"{case.name:<38} {max(lengths):>7} {memory} {step:>7.2f} s {_median_step(made):>7.2f} s", flush=True)
    return error


def _write_rows(folder: Path, case: Case, count: int) -> None:
    """Alpaca rows whose answers have so many words."""
    folder.mkdir()
    draw = random.Random(7)
    rows = [
        {"instruction": f"What is on page {number}?", "output": " ".join(draw.choices(_WORDS, k=case.words)) + "."}
        for number in range(count)
    ]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")


def _random_base(folder: Path, size: tuple[int, int, int]) -> Path:
    """A Phi-3 of this size with the embedded base's tokenizer and random weights."""
    import torch
    from transformers import AutoModelForCausalLM, Phi3Config

    embedded = base.find("embedded").folder
    assert embedded is not None
    shutil.copytree(embedded, folder)
    (folder / "model.safetensors").unlink()
    layers, hidden, intermediate = size
    plain = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    plain |= {"num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": intermediate}
    plain |= {"num_attention_heads": hidden // 64, "num_key_value_heads": hidden // 64, "tie_word_embeddings": False}
    torch.manual_seed(7)
    AutoModelForCausalLM.from_config(Phi3Config(**plain)).save_pretrained(folder)
    return folder


def _lengths(made: Run, found: base.Base) -> list[int]:
    count = base.token_counter(found)
    with (made.folder("dataset") / "train.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        count(
            base.render(
                found,
                [{"role": "user", "content": row["instruction"]}, {"role": "assistant", "content": row["output"]}],
            )
        )
        for row in rows
    ]


def _median_step(made: Run) -> float:
    """Of those after the first two, which allocate and compile."""
    with (made.folder("adapter") / "metrics.csv").open(newline="") as table:
        times = [float(row["seconds"]) for row in csv.DictReader(table) if row["loss"]]
    return statistics.median([later - earlier for earlier, later in itertools.pairwise(times)][1:])


if __name__ == "__main__":
    main()
