"""QLoRA as TRL's documentation shows it: SFTTrainer, PEFT's LoraConfig, bitsandbytes' BitsAndBytesConfig.

    .venv/bin/python benchmarks/plain_trl.py JOB    # a JSON file, as benchmarks/train.py writes it

The peer of train.py and train_gpu.py, in a process of its own. Prints one JSON object: tokens that carry loss a second,
memory at its peak. Nothing of Imprint runs here.
"""

import sys

# Without a GPU, what is built on triton fails where triton is installed.
if "--cpu" in sys.argv:
    sys.modules["triton"] = None  # type: ignore[assignment]
import json
import resource
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, Trainer, TrainerCallback
from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]  # trl exports lazily

_WARM_STEPS = 2


class _Clock(TrainerCallback):
    """When each step ended, and how many tokens had carried loss by then."""

    def __init__(self) -> None:
        self.tokens = 0
        self.ends: list[tuple[float, int]] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append((time.perf_counter(), self.tokens))


class _Counting(SFTTrainer):
    def __init__(self, clock: _Clock, **arguments: Any) -> None:
        self._clock = clock
        super().__init__(**arguments)

    def training_step(self, model: Any, inputs: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        self._clock.tokens += int((inputs["labels"][:, 1:] != -100).sum())
        return super().training_step(model, inputs, *arguments, **named)  # type: ignore[no-untyped-call]

    def compute_loss(self, *arguments: Any, **named: Any) -> Any:
        """TRL 1.15 has its loss from triton alone, so without a GPU that of transformers' trainer takes its place."""
        if torch.cuda.is_available():
            return super().compute_loss(*arguments, **named)  # type: ignore[no-untyped-call]
        return Trainer.compute_loss(self, *arguments, **named)


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    on_gpu = torch.cuda.is_available()
    clock = _Clock()
    kind = torch.bfloat16 if job["bfloat16"] else torch.float32
    model = AutoModelForCausalLM.from_pretrained(
        job["base"],
        dtype=kind,
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=kind,
        ),
    )
    rows = [json.loads(line) for line in Path(job["rows"]).read_text(encoding="utf-8").splitlines()]
    trainer = _Counting(
        clock,
        model=model,
        processing_class=AutoTokenizer.from_pretrained(job["base"]),
        train_dataset=Dataset.from_list(rows),
        peft_config=LoraConfig(
            r=job["rank"], lora_alpha=job["alpha"], target_modules="all-linear", task_type="CAUSAL_LM"
        ),
        args=SFTConfig(
            output_dir=job["folder"],
            max_steps=job["steps"],
            per_device_train_batch_size=job["micro_batch"],
            gradient_accumulation_steps=job["batch_size"] // job["micro_batch"],
            learning_rate=job["learning_rate"],
            warmup_steps=job["warmup_steps"],
            weight_decay=job["weight_decay"],
            max_length=job["length"],
            bf16=job["bfloat16"],
            use_cpu=not on_gpu,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=job["seed"],
        ),
        callbacks=[clock],
    )
    trainer.train()
    trainer.save_model(job["folder"])
    first, last = clock.ends[_WARM_STEPS - 1], clock.ends[-1]
    found = {
        "tokens_per_s": (last[1] - first[1]) / (last[0] - first[0]),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "gpu_memory_mb": torch.cuda.max_memory_reserved() / 1e6 if on_gpu else 0.0,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
