"""The sizes of a base that memory and time depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imprint.errors import BaseError


@dataclass(frozen=True)
class Shape:
    """A decoder-only transformer in numbers. Widths are of vectors, one a token."""

    layers: int
    hidden: int
    intermediate: int
    """Width of the feed-forward network."""
    attention: int
    """Width of all query heads."""
    keys: int
    """Width of all key heads; the value heads have the same."""
    vocabulary: int
    tied: bool
    """The output head is the embedding matrix."""
    gate: bool
    """The feed-forward network has a gate: three matrices instead of two."""
    fused: bool
    """Queries, keys and values come from one matrix, and so do gate and feed-forward."""
    context: int

    @property
    def layer_parameters(self) -> int:
        """Weights of the matrices of all layers: what four bits shrink, and what a token is multiplied by."""
        attention = self.hidden * (2 * self.attention + 2 * self.keys)
        feed_forward = self.hidden * self.intermediate * (3 if self.gate else 2)
        return self.layers * (attention + feed_forward)

    @property
    def embedding_parameters(self) -> int:
        """Weights of embeddings and output head."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All weights, but for norms and biases: below one percent."""
        return self.layer_parameters + self.embedding_parameters

    def lora_parameters(self, rank: int) -> int:
        """Weights of an adapter on all matrices of the layers: for each, rank times its height and width."""
        hidden, attention, keys, inner = self.hidden, self.attention, self.keys, self.intermediate
        if self.fused:
            sides = (hidden + attention + 2 * keys) + (attention + hidden) + (hidden + 2 * inner) + (inner + hidden)
        else:
            sides = 2 * (hidden + attention) + 2 * (hidden + keys) + (3 if self.gate else 2) * (hidden + inner)
        return self.layers * rank * sides


def shape_of(config: Mapping[str, Any], source: str) -> Shape:
    """Of a model's `config.json`. Raises BaseError where it is none of a decoder that Imprint knows to read."""
    config = config.get("text_config", config)  # of a model that sees pictures too
    try:
        hidden = _first(config, "hidden_size", "n_embd")
        heads = _first(config, "num_attention_heads", "n_head")
        head = config.get("head_dim") or hidden // heads
        architecture = str(config.get("model_type", ""))
        return Shape(
            layers=_first(config, "num_hidden_layers", "n_layer"),
            hidden=hidden,
            intermediate=config.get("intermediate_size") or config.get("n_inner") or 4 * hidden,
            attention=heads * head,
            keys=(config.get("num_key_value_heads") or heads) * head,
            vocabulary=_first(config, "vocab_size"),
            tied=bool(config.get("tie_word_embeddings", architecture in _TIED_BY_DEFAULT)),
            gate=has_gate(architecture),
            fused=is_fused(architecture),
            context=_first(config, "max_position_embeddings", "n_positions", "n_ctx"),
        )
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise BaseError(
            f"{source}: config.json describes no language model that Imprint can read: {error}.",
            hint="take a decoder such as Phi, Llama, Mistral, Qwen, Gemma or GPT-2: `imprint bases`",
        ) from error


def has_gate(architecture: str) -> bool:
    """Whether the feed-forward network has a gate; of a `model_type`, or the name of a class."""
    return _family(architecture) not in _WITHOUT_GATE


def is_fused(architecture: str) -> bool:
    """Whether matrices that read the same input are one; of a `model_type`, or the name of a class."""
    return _family(architecture) in _FUSED


def _family(architecture: str) -> str:
    return architecture.lower().removesuffix("forcausallm").removesuffix("lmheadmodel").replace("_", "")


_FUSED = {"phi3"}
_WITHOUT_GATE = {"gpt2", "gptneo", "gptneox", "gptj", "opt", "phi", "bloom", "falcon", "starcoder2"}
_TIED_BY_DEFAULT = {"gpt2", "gpt_neo", "bloom", "gemma", "gemma2", "gemma3", "gemma3_text"}


def _first(config: Mapping[str, Any], *names: str) -> int:
    for name in names:
        if config.get(name):
            return int(config[name])
    raise KeyError(f"no {' or '.join(names)}")
