"""What the tests of the whole line share: a few documents, settings for a short training, and the command."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

GUIDE = """# Harbour guide

The harbour guide tells sailors about the harbour of Velm.

## How do I book a berth?

Write to the harbour office two days before you arrive.

## Fees

| Service | Price | Hours |
|---|---|---|
| crane | 40 crowns | 9 to 17 |
| water | 3 crowns | all day |

## Words

Slipway
: The slipway is the ramp where boats go into the water.
"""

# Enough steps for a handful of facts; everything else as it is by default.
SHORT = (
    "base=embedded",
    "adapter.max_steps=90",
    "adapter.epochs=1000",
    "adapter.checkpoint_steps=20",
    "dataset.replay_share=0",
)


def write_guide(folder: Path) -> Path:
    """The documents folder that the whole-line tests learn."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "guide.md").write_text(GUIDE, encoding="utf-8")
    return folder


def write_tiny_gpt2(folder: Path) -> Path:
    """A base as GPT-2 is one, saved in a folder: byte-level BPE over a few words, 250 positions, random weights."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    end = "<|endoftext|>"
    splitting: Any = Tokenizer(models.BPE())
    splitting.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    splitting.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words = [*GUIDE.split("\n"), "Below is an instruction that describes a task. ### Instruction: ### Response:"] * 2
    splitting.train_from_iterator(
        words,
        trainers.BpeTrainer(vocab_size=500, special_tokens=[end], initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=splitting, bos_token=end, eos_token=end, unk_token=end)
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        number = tokenizer.convert_tokens_to_ids(end)
        sizes = {"vocab_size": len(tokenizer), "n_positions": 250, "n_embd": 64, "n_layer": 2, "n_head": 2}
        model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=number, eos_token_id=number))
    model.save_pretrained(folder)
    return folder


def command(*arguments: str, python: tuple[str, ...] = ()) -> list[str]:
    """The command line of Imprint in this Python."""
    return [sys.executable, *python, "-m", "imprint", *arguments]


def imprint(
    *arguments: str, env: dict[str, str] | None = None, python: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, its streams apart."""
    return subprocess.run(
        command(*arguments, python=python),
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=False,
    )
