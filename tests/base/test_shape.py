"""The sizes of a base, from its config.json and from the registry."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from imprint import base
from imprint.base.registry import _registry
from imprint.base.shape import shape_of
from imprint.errors import BaseError

LLAMA = {
    "model_type": "llama",
    "hidden_size": 2048,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "intermediate_size": 8192,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
}
GPT2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}


def test_every_base_of_the_registry_has_the_weights_that_its_sizes_make() -> None:
    for name, entry in _registry()["bases"].items():
        if "parameters" in entry:
            assert base.shape(base.find(name)).parameters == pytest.approx(entry["parameters"], rel=0.01), name


def test_every_base_of_the_registry_says_what_people_ask() -> None:
    for entry in base.entries():
        assert entry.licence
        assert entry.end
        assert base.find(entry.name).settings["adapter"]["target_modules"], entry.name


def test_the_embedded_base_is_counted_to_the_weight() -> None:
    found = base.find("embedded")
    assert found.folder is not None
    with safe_open(found.folder / "model.safetensors", "np") as weights:  # type: ignore[no-untyped-call]
        sizes = {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118  # no mapping
    matrices = sum(size[0] * size[1] for size in sizes.values() if len(size) == 2)
    assert base.shape(found).parameters == matrices


@pytest.mark.parametrize(
    ("config", "parameters", "adapter"),
    [
        # meta-llama/Llama-3.2-1B: 1,235,814,400 with its norms; rank 16 on seven matrices: 11,272,192 (PEFT's count)
        (LLAMA, 1_235_746_816, 11_272_192),
        # openai-community/gpt2: 124,439,808 with its biases, norms and positions
        (GPT2, 123_532_032, 16 * 12 * (4 * (768 + 768) + 2 * (768 + 3072))),
        ({"text_config": LLAMA, "vision_config": {}}, 1_235_746_816, 11_272_192),
    ],
    ids=["llama", "gpt2", "with pictures"],
)
def test_a_configuration_in_numbers(config: dict[str, Any], parameters: int, adapter: int) -> None:
    shape = shape_of(config, "x")
    assert shape.parameters == parameters
    assert shape.lora_parameters(16) == adapter


@pytest.mark.parametrize("config", [{}, {**LLAMA, "hidden_size": None}, {"model_type": "vit", "hidden_size": 8}])
def test_what_is_no_language_model(config: dict[str, Any]) -> None:
    with pytest.raises(BaseError, match="describes no language model"):
        shape_of(config, "x")


def test_of_a_folder(small_base: Path) -> None:
    config = json.loads((small_base / "config.json").read_text())
    shape = base.shape(base.find(str(small_base)))
    assert (shape.layers, shape.hidden) == (config["num_hidden_layers"], config["hidden_size"])


@pytest.mark.parametrize(
    ("count", "words"), [(5_767_168, "5.77 million"), (999_885_952, "1.0 billion"), (3_821_079_552, "3.8 billion")]
)
def test_in_words(count: int, words: str) -> None:
    assert base.in_words(count) == words
