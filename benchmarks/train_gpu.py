"""Training of a large base on a GPU beside plain TRL: tokens a second and memory; and whether 8 GB are enough.

    .venv/bin/python benchmarks/train_gpu.py [--steps 20]
    .venv/bin/python benchmarks/train_gpu.py --small       # a tiny base, on any machine: its figures say nothing

The base has the shape of Phi-3.5-mini and random weights, made on the device and saved to a temporary folder (8 GB of
disk). QLoRA with rank 64 on rows of about 2,048 tokens, by `imprint train` and by TRL, in equal passes. Then once more
by `imprint train` with one row in a pass, held to 7.5 GB. Model FLOPs are 4 for a weight and token: forward, and
backward to the inputs; the weights of the base get no gradients, and what is computed twice counts once.
"""

import argparse
import json
import random
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from measure import ROOT, against
from transformers import Phi3Config, Phi3ForCausalLM

from imprint import base, environment
from imprint.machine import flops_of, this_machine
from train import rows_of, with_imprint, with_trl

_FASTER = 2.0
_MEMORY_SHARE = 0.6
_SMALL_GPU_GB = 7.5
_BATCH = 8
_WORDS = ("the", "harbour", "opens", "at", "nine", "and", "a", "boat", "brings", "letters", "to", "every", "ship")


@dataclass(frozen=True)
class Scale:
    """Sizes of the base and of the rows."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    vocabulary: int
    rank: int
    length: int
    words: int


_WHOLE = Scale(3072, 8192, 32, 32, 32064, 64, 2048, 1500)
_TINY = Scale(64, 128, 2, 2, 4096, 4, 256, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    environment.quiet_libraries()
    if not (torch.cuda.is_available() or arguments.small):
        raise SystemExit("No CUDA GPU is here; --small runs the script without one.")
    print(this_machine())
    with tempfile.TemporaryDirectory() as folder:
        _compare(Path(folder), _TINY if arguments.small else _WHOLE, arguments.steps)


def _compare(folder: Path, scale: Scale, steps: int) -> None:
    parameters = _make_base(folder / "base", scale)
    _write_rows(folder / "documents", _BATCH * steps, scale.words)
    settings = (
        f"base={folder / 'base'}",
        "check_base=false",  # random weights know no English
        "adapter.load_in_4bit=true",
        f"adapter.lora_r={scale.rank}",
        f"adapter.lora_alpha={scale.rank}",
        f"adapter.max_seq_length={scale.length}",
        f"adapter.batch_size={_BATCH}",
        f"adapter.max_steps={steps}",
        f"dataset.max_answer_tokens={scale.length}",
    )
    built, speed = with_imprint(folder / "documents", folder / "ours", *settings)
    counts = built.complete("adapter").counts
    rows = rows_of(built, "train")
    every = sum(len(row.input_ids) for row in rows) / sum(label >= 0 for row in rows for label in row.labels[1:])
    theirs = with_trl(built, folder / "theirs", counts["micro_batch"], bfloat16=torch.cuda.is_available())
    print(
        f"{parameters / 1e9:.2f} billion weights, {max(len(row.input_ids) for row in rows)} tokens in the longest row"
    )
    print(f"Imprint: {speed:.0f} tokens/s, {counts['gpu_memory_mb']:.0f} MB, {counts['micro_batch']} rows in a pass")
    print(f"TRL: {theirs['tokens_per_s']:.0f} tokens/s, {theirs['gpu_memory_mb']:.0f} MB")
    print(f"model FLOPs utilization: {4 * parameters * every * speed / flops_of(this_machine()):.1%}")
    against("tokens/s to TRL", speed / theirs["tokens_per_s"], _FASTER, "times", at_least=True)
    if torch.cuda.is_available():
        against("memory to TRL", counts["gpu_memory_mb"] / theirs["gpu_memory_mb"], _MEMORY_SHARE, "times")
    limited = {"SMALL_GPU_GB": str(_SMALL_GPU_GB), "PYTHONPATH": str(ROOT / "benchmarks" / "small_gpu")}
    one = "adapter.per_device_train_batch_size=1"
    held, slower = with_imprint(folder / "documents", folder / "held", *settings, one, env=limited)
    peak = held.complete("adapter").counts["gpu_memory_mb"] / 1e3
    print(f"held to {_SMALL_GPU_GB} GB, one row in a pass: {slower:.0f} tokens/s")
    against("memory at the peak there", peak, _SMALL_GPU_GB, "GB")


def _make_base(folder: Path, scale: Scale) -> int:
    """Save a base with random weights and the tokenizer of the embedded one; give the number of its weights."""
    embedded = base.find(base.EMBEDDED).folder
    assert embedded is not None
    folder.mkdir()
    for file in embedded.glob("token*"):
        shutil.copy(file, folder)
    for file in embedded.glob("*.jinja"):
        shutil.copy(file, folder)
    known = json.loads((embedded / "config.json").read_text(encoding="utf-8"))
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Phi3ForCausalLM(
            Phi3Config(
                hidden_size=scale.hidden,
                intermediate_size=scale.intermediate,
                num_hidden_layers=scale.layers,
                num_attention_heads=scale.heads,
                num_key_value_heads=scale.heads,
                vocab_size=scale.vocabulary,
                max_position_embeddings=4096,
                **{name: known[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")},
            )
        )
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    return sum(part.numel() for part in model.parameters())


def _write_rows(folder: Path, count: int, words: int) -> None:
    folder.mkdir()
    rng = random.Random(0)
    rows = [
        {"instruction": f"Tell the story of ship {number}.", "output": " ".join(rng.choices(_WORDS, k=words)) + "."}
        for number in range(count)
    ]
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
