"""What a training step keeps in memory."""

from typing import Any

_ACTIVATION_BYTES = 160  # about, a token, a layer and a dimension of the hidden state, in float32
PLAIN_BYTES = 1e9
"""Activations that are kept; where a batch has more, they are computed twice."""


def recompute_long_batches(model: Any) -> None:
    """Checkpoint the gradients of those batches alone whose activations would take much memory.

    Checkpointing (Chen et al. 2016) takes a third of a step's time; where the batch is small, that buys nothing.
    """
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    layers = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    token_bytes = model.config.num_hidden_layers * model.config.hidden_size * _ACTIVATION_BYTES

    def choose(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        is_long = named["input_ids"].numel() * token_bytes > PLAIN_BYTES
        for layer in layers:
            layer.gradient_checkpointing = is_long

    model.register_forward_pre_hook(choose, with_kwargs=True)
