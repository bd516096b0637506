"""The embedded base as it ships: small, a Phi-3, with Phi-3.5's special tokens, template and a card."""

import json
from pathlib import Path

import pytest

from imprint import base
from imprint.model.engine import render

FOLDER = base.find("embedded").folder or Path()
CONFIG = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))


def test_the_folder_takes_at_most_12_mb() -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob("*")) <= 12_000_000


def test_it_is_a_phi_3() -> None:
    assert CONFIG["architectures"] == ["Phi3ForCausalLM"]
    assert CONFIG["model_type"] == "phi3"


@pytest.mark.parametrize("name", ["hidden_size", "intermediate_size"])
def test_rows_can_be_quantized(name: str) -> None:
    assert CONFIG[name] % 256 == 0, "K-quants need multiples of 256, or llama.cpp takes another type"


@pytest.mark.parametrize(
    "name", ["model.safetensors", "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]
)
def test_it_is_complete(name: str) -> None:
    assert (FOLDER / name).stat().st_size > 0


def test_the_special_tokens_are_phis() -> None:
    tokens = {
        item["content"]: item
        for item in json.loads((FOLDER / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    }
    for name in ("<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"):
        assert tokens[name]["special"] is True
        assert tokens[name]["id"] < CONFIG["vocab_size"]


def test_the_prompt_format_is_phis() -> None:
    template = (FOLDER / "chat_template.jinja").read_text(encoding="utf-8")
    chat = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    assert render(template, chat, "<s>", "<|endoftext|>") == "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\n"  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["İzin ve ışık: ağ, şube, öğün.", "service.port=80 `x`\n\n1. one\n", "日本 🙂"])
def test_no_text_is_lost_in_the_tokenizer(text: str) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text


def test_the_card_names_texts_licences_and_limits() -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for word in ("licen", "seed", "trained on", "cannot"):
        assert word in card.casefold(), word
