"""What a training step keeps in memory."""

from typing import Any

from imprint.adapter.estimate import PLAIN_BYTES, activation_bytes


def recompute_long_batches(model: Any) -> None:
    """Checkpoint the gradients of those batches alone whose activations would take much memory.

    Checkpointing (Chen et al. 2016) takes a third of a step's time; where the batch is small, that buys nothing.
    """
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    layers = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    sizes = model.config.num_hidden_layers, model.config.hidden_size

    def choose(module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        is_long = activation_bytes(*sizes, named["input_ids"].numel()) > PLAIN_BYTES
        for layer in layers:
            layer.gradient_checkpointing = is_long

    model.register_forward_pre_hook(choose, with_kwargs=True)
