"""The dataset becomes a LoRA adapter, by QLoRA with Unsloth."""

from imprint.adapter.stage import discard, files, inputs, join, run, settings, shrink

__all__ = ["discard", "files", "inputs", "join", "run", "settings", "shrink"]
