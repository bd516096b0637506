"""Base and adapter as one PyTorch model: what is merged, and what is evaluated with the adapter switched off and on."""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from imprint import base, environment
from imprint.base import Base
from imprint.errors import BaseError

_ROOM = 1.2
"""Of the weights' size: what else lies beside them while they are merged."""


def holds_whole(found: Base) -> bool:
    """Whether the GPU has room for the base in 16 bits; a card that trains in 4 bits often has not."""
    if not torch.cuda.is_available():
        return False
    free, _ = torch.cuda.mem_get_info()
    return free > _ROOM * 2 * base.shape(found).parameters


def load(
    found: Base, adapter: Path | None, *, four_bit: bool, dequantize: bool, on_gpu: bool | None = None
) -> tuple[Any, Any]:
    """The base with its adapter on, and the tokenizer that the adapter was trained with; or the base as it is.

    `four_bit` loads the weights that the training saw. `dequantize` turns those into 16-bit ones (32-bit on the CPU),
    once: an adapter that was trained on a 4-bit base corrects that base's rounding too, so it belongs on the weights
    that the 4-bit base stands for, not on the original ones; and on the CPU each step would dequantize them again.
    `on_gpu` is open where it goes there if there is one.
    """
    if found.folder is not None:
        environment.offline()
    has_gpu = torch.cuda.is_available()
    on_gpu = has_gpu if on_gpu is None else on_gpu
    dtype = torch.bfloat16 if has_gpu else torch.float32
    quantized: Any = None
    if four_bit:
        quantized = BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # transformers types it in part
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    from_pretrained: Any = AutoModelForCausalLM.from_pretrained  # its annotation knows one of its two results
    model, loaded = from_pretrained(
        found.source,
        dtype=dtype,
        quantization_config=quantized,
        device_map="auto" if on_gpu else {"": "cpu"} if has_gpu else None,
        output_loading_info=True,
        trust_remote_code=found.trust_remote_code,
    )
    if missing := sorted(loaded["missing_keys"]):  # they would be random, and nothing would say so
        raise BaseError(
            f"The weights of {found.label} are not whole: {missing[0]} and {len(missing) - 1} more are missing.",
            hint="fetch or save the model again, or take another base",
        )
    if four_bit and dequantize:
        model = model.dequantize().to(dtype)
        model.config.quantization_config = None
    if adapter is None:
        return model.eval(), AutoTokenizer.from_pretrained(found.source, trust_remote_code=found.trust_remote_code)
    model = PeftModel.from_pretrained(model, str(adapter)).eval()
    return model, AutoTokenizer.from_pretrained(adapter, trust_remote_code=found.trust_remote_code)
