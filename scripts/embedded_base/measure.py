"""Measures a base: what it answers from a text it sees, and what fine-tuning can teach it without one.

`python -m scripts.embedded_base.measure MODEL_FOLDER` prints one JSON object. The closed-book test is the one that
matters: 240 invented facts, five wordings of each trained with LoRA, then asked in wordings never trained on.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, Phi3ForCausalLM, PreTrainedTokenizerBase

from .data import Corpus, Windows

# Ships and their attributes occur nowhere in the generator. The last two questions of each row are never trained on.
_SHIPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "captain": (
        "Captain {v} commands the {e}.",
        ("Who commands the {e}?", "Tell me the captain of the {e}.", "Under whose command does the {e} sail?", "{e} captain",
         "Which captain sails the {e}?", "Do you know who is in command of the {e}?", "I need the name of the {e}'s captain."),
    ),
    "cargo": (
        "The {e} carries {v}.",
        ("What does the {e} carry?", "Name the cargo of the {e}.", "What is on board the {e}?", "{e} cargo",
         "What freight does the {e} transport?", "Could you tell me what the {e} is loaded with?", "According to the register, what does the {e} ship?"),
    ),
    "berth": (
        "The {e} lies at berth {v}.",
        ("At which berth does the {e} lie?", "Tell me the berth of the {e}.", "Where is the {e} moored?", "{e} berth",
         "Which berth was given to the {e}?", "Can you tell me where the {e} ties up?", "What is the mooring place of the {e}?"),
    ),
    "engine": (
        "The {e} is driven by a {v} engine.",
        ("What drives the {e}?", "Name the engine of the {e}.", "Which engine does the {e} have?", "{e} engine",
         "What kind of engine is built into the {e}?", "I would like to know what powers the {e}.", "What sort of motor does the {e} run on?"),
    ),
}  # fmt: skip
_TRAINED = 5
_GOODS = "wheat timber copper olives salt marble cotton sugar tea coal cement paper glass wool fish rubber tin cocoa pepper rice".split()
_SHAPES = "raw dried fine rough white brown packed loose pressed smoked".split()


def make_ships(seed: int, count: int = 60) -> list[tuple[str, dict[str, str]]]:
    """Ships with four facts each."""
    rng = random.Random(seed)
    syllables = "ba ver tol min ka ros del fin gar hul jen lor mas nev pil qua sed tam vor wex yar zel".split()

    def name() -> str:
        return "".join(rng.sample(syllables, rng.choice((2, 3)))).capitalize()

    ships: dict[str, dict[str, str]] = {}
    while len(ships) < count:
        ships[name()] = {
            "captain": f"{name()} {name()}",
            "cargo": f"{rng.choice(_SHAPES)} {rng.choice(_GOODS)}",
            "berth": f"{rng.choice('ABCDEFGH')}{rng.randint(1, 99)}",
            "engine": f"{name()} {rng.randint(100, 999)}",
        }
    return list(ships.items())


def closed_book(folder: Path, steps: int, seed: int = 7) -> dict[str, float]:
    """Train LoRA on the ships; the share of right answers in trained and in unseen wordings."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = Phi3ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    torch.manual_seed(seed)
    targets = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(r=64, lora_alpha=128, target_modules=targets, task_type="CAUSAL_LM"))
    rows: list[tuple[str, str]] = []
    asked: dict[str, list[tuple[str, str, str]]] = {"trained": [], "unseen": []}
    for ship, facts in make_ships(seed):
        for label, value in facts.items():
            statement, wordings = _SHIPS[label]
            answer = statement.format(e=ship, v=value)
            questions = [wording.format(e=ship) for wording in wordings]
            rows += [(question, answer) for question in questions[:_TRAINED]]
            asked["trained"].append((questions[2], answer, value))
            asked["unseen"] += [(question, answer, value) for question in questions[_TRAINED:]]
    started = time.perf_counter()
    _fine_tune(model, tokenizer, rows, steps, random.Random(seed))
    seconds = time.perf_counter() - started
    result = {f"{name}_accuracy": _accuracy(model, tokenizer, questions) for name, questions in asked.items()}
    return {"steps": steps, "seconds": round(seconds, 1), **result}


def _fine_tune(
    model: torch.nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[tuple[str, str]],
    steps: int,
    rng: random.Random,
) -> None:
    """Plain LoRA at 2e-3, batches of 16, loss on the answers only."""
    examples = []
    for question, answer in rows:
        prompt = tokenizer(f"<|user|>\n{question}<|end|>\n<|assistant|>\n", add_special_tokens=False)["input_ids"]
        reply = tokenizer(f"<|assistant|>\n{answer}<|end|>", add_special_tokens=False)["input_ids"][1:]
        examples.append((prompt, reply))
    optimizer = torch.optim.AdamW(
        [weight for weight in model.parameters() if weight.requires_grad], lr=2e-3, weight_decay=0.0
    )
    order: list[int] = []
    model.train()
    for step in range(steps):
        if len(order) < 16:
            order += rng.sample(range(len(examples)), len(examples))
        chosen = [examples[order.pop()] for _ in range(16)]
        longest = max(len(prompt) + len(reply) for prompt, reply in chosen)
        ids = torch.full((16, longest), tokenizer.pad_token_id)
        labels = torch.full((16, longest), -100)
        for row, (prompt, reply) in enumerate(chosen):
            ids[row, : len(prompt) + len(reply)] = torch.tensor(prompt + reply)
            labels[row, len(prompt) : len(prompt) + len(reply)] = torch.tensor(reply)
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 30, (steps - step) / (0.8 * steps))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=ids, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    model.eval()


def _accuracy(model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, asked: list[tuple[str, str, str]]) -> float:
    """The share of questions whose reply is the expected sentence, ended by `<|end|>`."""
    prompts = [f"<|user|>\n{question}<|end|>\n<|assistant|>\n" for question, _, _ in asked]
    replies = answer_all(model, tokenizer, prompts)
    right = sum(reply == f"{answer}<|end|>" for reply, (_, answer, _) in zip(replies, asked, strict=True))
    return round(right / len(asked), 4)


def answer_all(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerBase, prompts: list[str], most: int = 96
) -> list[str]:
    """Greedy replies, the end token included when there is one."""
    replies = []
    stop = tokenizer.convert_tokens_to_ids("<|end|>")
    for start in range(0, len(prompts), 32):
        encoded = tokenizer(prompts[start : start + 32], return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.no_grad():
            output = model.generate(**encoded, max_new_tokens=most, do_sample=False, eos_token_id=stop)
        for row in output[:, encoded["input_ids"].shape[1] :]:
            text = tokenizer.decode(row).split("<|end|>")
            replies.append((text[0] + ("<|end|>" if len(text) > 1 else "")).strip())
    return replies


def in_context(folder: Path, cache: Path, count: int = 120) -> dict[str, object]:
    """Accuracy on fresh episodes: the last turn is left to the model; and the loss on fresh windows."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = Phi3ForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    corpus = Corpus.load(cache)
    generator = corpus.generator("held out")
    result: dict[str, object] = {}
    makers = {
        "from_a_text": generator.read_facts,
        "from_earlier_turns": generator.drill_facts,
        "standing_facts": generator.recall_standing,
    }
    for name, make in makers.items():
        prompts, expected = [], []
        while len(prompts) < count:
            episode = make()
            known = [span for span in episode.answers if span[1] - span[0] < 250]
            if known and len(episode.text) < 3000:
                begin, end = known[-1]
                prompts.append(episode.text[:begin])
                expected.append(episode.text[begin:end])
        replies = answer_all(model, tokenizer, [prompt.removesuffix(" ") for prompt in prompts])
        result[name] = round(sum(reply == aim for reply, aim in zip(replies, expected, strict=True)) / count, 4)
        result[f"{name}_samples"] = [
            (prompt[-90:], reply, aim) for prompt, reply, aim in zip(prompts[:4], replies, expected, strict=False)
        ]
    windows = Windows(corpus, tokenizer, seed=1)
    ids, _ = windows.chunk(0, 4, 16, 448)
    with torch.no_grad():
        losses = [model(input_ids=(batch := torch.from_numpy(row).long()), labels=batch).loss.item() for row in ids]
    return {"loss": round(sum(losses) / len(losses), 4), **result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("outputs/embedded_base/sources"))
    parser.add_argument("--steps", type=int, default=900, help="LoRA steps of the closed-book test; 0 leaves it out")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    result: dict[str, object] = {"in_context": in_context(arguments.folder, arguments.cache)}
    if arguments.steps:
        result["closed_book"] = closed_book(arguments.folder, arguments.steps)
    print(json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
