"""Trains the embedded base from scratch: a tiny Phi-3, Muon for its matrices, AdamW for the rest."""

from __future__ import annotations

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import GenerationConfig, Phi3Config, Phi3ForCausalLM, PreTrainedTokenizerBase

from .data import Windows

_NOT_THE_TOKENIZER = ("model.safetensors", "config.json", "generation_config.json", "README.md", "NOTICE")


@dataclass(frozen=True)
class Recipe:
    """The run's fixed numbers. Steps, not minutes, so that another machine makes the same base."""

    seed: int = 20261120
    batch: int = 12
    micro_batch: int = 3
    length: int = 448
    steps: int = 2700
    warmup: int = 100
    decay: float = 0.25
    """The last share of the steps, over which the rates fall linearly to zero."""
    long_steps: int = 60
    """How many of the last steps run on windows of twice the length, half the batch."""
    muon_rate: float = 0.015
    adam_rate: float = 0.004
    weight_decay: float = 0.05
    chunk: int = 100
    """Steps whose windows are made at once."""
    save_every: int = 250
    phase: int = 1
    """Which windows are drawn: 1 from nothing, 2 on from the first phase's weights."""
    autocast: bool = True
    """Multiply in bfloat16; slower than float32 on a processor without the instructions for it."""


SECOND = Recipe(
    seed=20261121,
    steps=1180,
    warmup=30,
    decay=0.6,
    long_steps=0,
    muon_rate=0.01,
    adam_rate=0.0025,
    save_every=50,
    phase=2,
)
"""The second phase: Imprint's own kinds of question, and requests that are statements."""


def make_config(tokenizer: PreTrainedTokenizerBase) -> Phi3Config:
    """Six layers whose rows are multiples of 256, as K-quants ask; 5.8 million parameters, tied embeddings."""
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    return Phi3Config(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        original_max_position_embeddings=2048,
        tie_word_embeddings=True,
        sliding_window=None,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=end,
        pad_token_id=end,
    )


def make_model(config: Phi3Config, seed: int) -> Phi3ForCausalLM:
    """Fresh weights; the layers that write to the residual stream start small."""
    torch.manual_seed(seed)
    model = Phi3ForCausalLM(config)
    # On a CPU the plain form of attention trains faster at these lengths than the fused one does.
    model.set_attn_implementation("eager")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.mul_((2 * config.num_hidden_layers) ** -0.5)
    return model


class Trainer:
    """One resumable run; every batch and rate follows from the step's number."""

    def __init__(
        self, recipe: Recipe, windows: Windows, folder: Path, exports: list[Path], start: Phi3ForCausalLM | None = None
    ) -> None:
        self.recipe, self.windows, self.folder, self.exports = recipe, windows, folder, exports
        self.model = (start or make_model(make_config(windows.tokenizer), recipe.seed)).train()
        matrices = [
            weight for name, weight in self.model.named_parameters() if weight.ndim == 2 and "embed" not in name
        ]
        chosen = {id(weight) for weight in matrices}
        rest = [weight for weight in self.model.parameters() if id(weight) not in chosen]
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=recipe.weight_decay, adjust_lr_fn="original"),
            torch.optim.AdamW(rest, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0),
        ]
        # One thread a part of the batch: on a few shared cores that is 1.6 times as fast as threads inside each operation.
        workers = torch.get_num_threads()
        self.pool = ThreadPoolExecutor(workers, initializer=lambda: torch.set_num_threads(1))
        self.step = 0
        self.tokens = 0

    def rate(self, step: int) -> float:
        """Warm-up, a long plateau, and a linear fall: the plateau does not depend on how long the run is."""
        recipe = self.recipe
        falling = round(recipe.steps * recipe.decay)
        return min(1.0, (step + 1) / recipe.warmup, (recipe.steps - step) / falling)

    def resume(self) -> None:
        state_file = self.folder / "state.pt"
        if state_file.exists():
            state = torch.load(state_file, weights_only=True)
            self.model.load_state_dict(state["model"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.step, self.tokens = state["step"], state["tokens"]

    def save(self) -> None:
        """The whole state for `resume`, and the model as a folder for everybody else; both replaced at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "tokens": self.tokens,
        }
        torch.save(state, self.folder / "state.pt.new")
        os.replace(self.folder / "state.pt.new", self.folder / "state.pt")
        for export in self.exports:
            export_model(self.model, self.windows.tokenizer, export)

    def train(self) -> None:
        """Run to the recipe's last step."""
        recipe, started = self.recipe, time.perf_counter()
        first_tokens, plain = self.tokens, recipe.steps - recipe.long_steps
        running: list[float] = []
        while self.step < recipe.steps:
            is_long = self.step >= plain
            batch, length = (recipe.batch // 2, recipe.length * 2) if is_long else (recipe.batch, recipe.length)
            number, start = divmod(self.step, recipe.chunk)
            ids, weights = self.windows.chunk(number, recipe.chunk, batch, length)
            stop = recipe.steps if is_long else plain
            for index in range(start, min(recipe.chunk, stop - number * recipe.chunk)):
                running.append(
                    self._learn(torch.from_numpy(ids[index]).long(), torch.from_numpy(weights[index]).float())
                )
                if self.step % 20 == 0:
                    speed = (self.tokens - first_tokens) / (time.perf_counter() - started)
                    mean = sum(running) / len(running)
                    print(
                        json.dumps(
                            {
                                "step": self.step,
                                "loss": round(mean, 4),
                                "tokens": self.tokens,
                                "tokens_per_second": round(speed),
                            }
                        ),
                        flush=True,
                    )
                    running.clear()
                if self.step % recipe.save_every == 0 or self.step in {20, 100}:
                    self.save()
        self.save()

    def _learn(self, ids: torch.Tensor, weights: torch.Tensor) -> float:
        """One step on ids (batch, length); returns the plain mean loss."""
        for optimizer, rate in zip(self.optimizers, (self.recipe.muon_rate, self.recipe.adam_rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * self.rate(self.step)
        total = weights[:, 1:].sum()
        parts = zip(ids.split(self.recipe.micro_batch), weights.split(self.recipe.micro_batch), strict=True)
        losses = list(self.pool.map(lambda part: self._add_gradients(*part, total), parts))
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += ids.numel()
        return sum(losses) / ids[:, 1:].numel()

    def _add_gradients(self, ids: torch.Tensor, weights: torch.Tensor, total: torch.Tensor) -> float:
        """Forward and backward over a part of the batch; returns its summed plain loss."""
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.recipe.autocast):
            logits = self.model(input_ids=ids[:, :-1], use_cache=False).logits
        losses = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        ((losses * weights[:, 1:].flatten()).sum() / total).backward()
        return losses.detach().sum().item()


def load_model(folder: Path) -> Phi3ForCausalLM:
    """An exported model, to train on."""
    model = Phi3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.set_attn_implementation("eager")
    return model


def export_model(model: Phi3ForCausalLM, tokenizer: PreTrainedTokenizerBase, target: Path) -> None:
    """Write a complete model folder in bfloat16, each file replaced at once, so that readers never see half of one."""
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(tokenizer.name_or_path, fresh, ignore=shutil.ignore_patterns(*_NOT_THE_TOKENIZER))
    weights = {
        name: weight.to(torch.bfloat16) for name, weight in model.state_dict().items() if name != "lm_head.weight"
    }
    copy = Phi3ForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(weights, strict=False)
    copy.tie_weights()
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    stops = [tokenizer.convert_tokens_to_ids("<|end|>"), end]
    copy.generation_config = GenerationConfig(bos_token_id=tokenizer.bos_token_id, eos_token_id=stops, pad_token_id=end)
    copy.save_pretrained(fresh)
    target.mkdir(parents=True, exist_ok=True)
    for path in fresh.iterdir():
        path.chmod(0o644)
        os.replace(path, target / path.name)
    fresh.rmdir()
