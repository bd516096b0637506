"""The dataset becomes a LoRA adapter, by QLoRA with Unsloth."""

from imprint.adapter.stage import inputs, run, settings, shrink

__all__ = ["inputs", "run", "settings", "shrink"]
