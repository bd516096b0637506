"""The dataset becomes a LoRA adapter, by QLoRA with Unsloth."""

from imprint.adapter.stage import files, inputs, join, run, settings, shrink

__all__ = ["files", "inputs", "join", "run", "settings", "shrink"]
