"""The embedded base as it ships: small, a Phi-3, with Phi-3.5's special tokens, template and a card."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from scripts.embedded_base.words import Words, expand

from imprint import base
from imprint.model.engine import render

FOLDER = base.find("embedded").folder or Path()
SCRIPTS = Path(__file__).parents[2] / "scripts" / "embedded_base"
WORDINGS = Path(__file__).parents[2] / "src" / "imprint" / "dataset" / "wordings" / "en.yaml"
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


def test_no_wording_that_is_held_out_was_learned_by_the_base() -> None:
    """Five words in a row of a held-out wording (all of a shorter one) stand in no template of the base's episodes."""
    said = {run for text in _templates() for run in _runs(text)}
    held_out = [*_held_out(yaml.safe_load(WORDINGS.read_text(encoding="utf-8")))]
    assert len(held_out) > 40
    for form in held_out:
        words = _words(form)
        runs = {tuple(words[start : start + _RUN]) for start in range(max(1, len(words) - _RUN + 1))}
        assert not runs & said, form


def test_a_wording_that_the_base_learned_would_be_found() -> None:
    said = {run for text in _templates() for run in _runs(text)}
    assert tuple(_words("Can you tell me {x}")) in said
    assert tuple(_words("{e} came up today; now the")) in said


_RUN = 5


def _held_out(forms: object) -> Iterator[str]:
    if isinstance(forms, dict):
        yield from forms.get("held_out", ())
        forms = list(forms.values())
    if isinstance(forms, list):
        for part in forms:
            yield from _held_out(part)


def _templates() -> Iterator[str]:
    """Every string of the episodes' generators, its choices drawn in many ways, with a mark for each slot."""
    strings = [
        node.value
        for file in SCRIPTS.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    strings += [
        line for file in SCRIPTS.glob("families/*.txt") for line in file.read_text(encoding="utf-8").split("\n")
    ]
    words = Words(None, 1)  # type: ignore[arg-type]  # no word of a list is drawn: what asks for one is marked
    for text in strings:
        marked = re.sub(r"<[a-z]+( \d+)*>", "_", text)
        if marked.count("[") == marked.count("]"):
            yield from {expand(marked, words) for _ in range(200 if "[" in marked else 1)}


def _words(text: str) -> list[str]:
    """The words of a template without its slots: `{e}`, `N`."""
    return [
        word.lower()
        for word in re.findall(r"[\w']+", re.sub(r"\{\w+\}", " ", text))
        if word == "I" or not _SLOT.match(word)
    ]


_SLOT = re.compile(r"([NDdCTPELRrSGXO]|_+)$")


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    words = _words(text)
    for size in range(2, _RUN + 1):
        yield from (tuple(words[start : start + size]) for start in range(len(words) - size + 1))
