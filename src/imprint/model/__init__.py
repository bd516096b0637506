"""The adapter becomes a model that runs anywhere: merged, converted, quantized, asked; and the engine for it."""

from imprint.model.engine import Answer, Engine, Message
from imprint.model.stage import gguf_of, inputs, run, settings

__all__ = ["Answer", "Engine", "Message", "gguf_of", "inputs", "run", "settings"]
