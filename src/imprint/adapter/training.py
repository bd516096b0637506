"""QLoRA with Unsloth's FastLanguageModel and TRL's SFTTrainer; the one file of the stage that loads torch."""

# Unsloth patches trl, transformers and peft as it is imported, so it comes first.
import unsloth  # isort: skip
import csv
import math
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import datasets
import torch
from transformers import DataCollatorForSeq2Seq, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]  # trl exports lazily

from imprint import base, environment
from imprint.adapter.memory import recompute_long_batches
from imprint.adapter.noise import QuestionNoise
from imprint.adapter.rows import IGNORED, Tokens, tokenize
from imprint.config import Settings
from imprint.dataset import read_examples
from imprint.errors import Interrupted
from imprint.runs import Event, Run

TARGET_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
FUSED_MODULES = ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")
"""The same seven, as Phi-3 fuses them."""


def train(config: Settings, run: Run, folder: Path) -> dict[str, Any]:
    """Train and save adapter and tokenizer in `folder`; give counts for the manifest."""
    settings = config.adapter.filled()
    run.notify(Event("progress", "adapter", "loading the base model", 0, 1))
    model, tokenizer = _load(config)
    rows = {
        split: tokenize(read_examples(run.folder("dataset") / f"{split}.jsonl"), tokenizer, settings.max_seq_length)
        for split in ("train", "validation")
    }
    batch = settings.per_device_train_batch_size * settings.gradient_accumulation_steps
    wanted = math.ceil(len(rows["train"]) * settings.epochs / batch)
    steps = min(wanted, settings.max_steps)
    if steps < wanted:
        text = f"{steps} steps, where {settings.epochs:g} epochs would take {wanted}: adapter.max_steps sets the limit"
        run.notify(Event("note", "adapter", text))
    checkpoints = folder / "checkpoints"
    learned = _dataset(rows["train"])
    if settings.question_noise:
        learned = learned.with_transform(QuestionNoise(tokenizer, settings.question_noise, settings.max_seq_length))
    watcher = _Watcher(run, folder / "metrics.csv")
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        args=_arguments(config, checkpoints, steps, bool(rows["validation"])),
        train_dataset=learned,
        eval_dataset=_dataset(rows["validation"]) if rows["validation"] else None,
        data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=IGNORED),
        callbacks=[watcher],
    )
    for callback in list(trainer.callback_handler.callbacks):
        if type(callback).__name__ in {"PrinterCallback", "ProgressCallback", "NotebookProgressCallback"}:
            trainer.remove_callback(callback)
    with watcher.stopping_on_signals():
        result = trainer.train(resume_from_checkpoint=_last_checkpoint(checkpoints))
    if watcher.stopped:
        raise Interrupted(
            f"Stopped at step {trainer.state.global_step} of {steps}; the checkpoint is written.",
            hint="`imprint up` goes on from there",
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty card
    evaluated = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    return {
        "rows": len(rows["train"]),
        "steps": steps,
        "epochs": round(steps * batch / len(rows["train"]), 2),
        "loss": round(result.training_loss, 4),
        "validation_loss": round(evaluated[-1], 4) if evaluated else None,
        "parameters": sum(part.numel() for part in model.parameters() if part.requires_grad),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


def _load(config: Settings) -> tuple[Any, Any]:
    found = base.find(config.base)
    if found.folder is not None:
        environment.offline()
    settings = config.adapter
    on_gpu = torch.cuda.is_available()
    model, tokenizer = unsloth.FastLanguageModel.from_pretrained(
        found.source,
        max_seq_length=settings.max_seq_length,
        load_in_4bit=settings.load_in_4bit,
        use_exact_model_name=True,  # the name is remapped to a mirror otherwise
    )
    names = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    model = unsloth.FastLanguageModel.get_peft_model(
        model,
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=list(FUSED_MODULES if "qkv_proj" in names else TARGET_MODULES),
        bias="none",
        use_gradient_checkpointing="unsloth" if on_gpu else False,
        random_state=config.seed,
    )
    if not on_gpu:
        recompute_long_batches(model)
    return model, tokenizer


def _arguments(config: Settings, checkpoints: Path, steps: int, watched: bool) -> SFTConfig:
    settings = config.adapter.filled()
    on_gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(checkpoints),
        max_steps=steps,
        per_device_train_batch_size=settings.per_device_train_batch_size,
        per_device_eval_batch_size=settings.per_device_train_batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        learning_rate=settings.learning_rate,
        warmup_steps=math.ceil(steps * settings.warmup_ratio),
        lr_scheduler_type="linear",
        weight_decay=settings.weight_decay,
        optim="adamw_8bit" if on_gpu else "adamw_torch_fused",
        max_length=settings.max_seq_length,
        gradient_checkpointing=on_gpu,  # on the CPU recompute_long_batches decides
        train_sampling_strategy="group_by_length",
        packing=False,
        neftune_noise_alpha=settings.neftune_noise_alpha or None,
        dataset_kwargs={"skip_prepare_dataset": True},  # rows arrive as token ids
        remove_unused_columns=False,
        logging_steps=max(1, steps // 100),
        eval_strategy="steps" if watched else "no",
        eval_steps=max(1, steps // 4),
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        save_total_limit=2,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
        fp16=on_gpu and not torch.cuda.is_bf16_supported(),
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
        report_to="none",
        disable_tqdm=True,
        seed=config.seed,
        data_seed=config.seed,
    )


def _dataset(rows: list[Tokens]) -> datasets.Dataset:
    return datasets.Dataset.from_list(
        [{"input_ids": row.input_ids, "labels": row.labels, "attention_mask": [1] * len(row.input_ids)} for row in rows]
    )


def _last_checkpoint(checkpoints: Path) -> str | None:
    """The newest whole checkpoint; halves that a kill left behind are removed. The trainer's state is written last."""
    found = sorted(checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for path in found:
        if (path / "trainer_state.json").is_file():
            return str(path)
        shutil.rmtree(path)
    return None


class _Watcher(TrainerCallback):
    """Tells how far the training is, writes metrics.csv, and stops with a checkpoint when asked."""

    def __init__(self, run: Run, metrics: Path) -> None:
        self.stopped = False
        self._run = run
        self._metrics = metrics

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step:
            self._run.notify(Event("note", "adapter", f"goes on from the checkpoint of step {state.global_step}"))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        if self.stopped:
            control.should_save = True
            control.should_training_stop = True
        loss = next((entry["loss"] for entry in reversed(state.log_history) if "loss" in entry), None)
        text = "training" if loss is None else f"training, loss {loss:.3f}"
        self._run.notify(Event("progress", "adapter", text, state.global_step, state.max_steps))
        return control

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write the whole history each time: after a resume it has no gap and no row twice."""
        fields = ["step", "epoch", "loss", "eval_loss", "learning_rate", "grad_norm"]
        with self._metrics.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(state.log_history)

    @contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        """Within this block SIGINT and SIGTERM stop the training after the step under way."""

        def stop(number: int, frame: FrameType | None) -> None:
            self.stopped = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
