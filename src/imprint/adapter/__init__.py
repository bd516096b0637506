"""The dataset becomes a LoRA adapter, by QLoRA with Unsloth."""

from imprint.adapter.stage import files, inputs, run, settings, shrink

__all__ = ["files", "inputs", "run", "settings", "shrink"]
