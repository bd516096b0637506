"""QLoRA with Unsloth's FastLanguageModel and TRL's SFTTrainer; the one file of the stage that loads torch."""

# Unsloth patches trl, transformers and peft as it is imported, so it comes first.
import unsloth  # isort: skip
import gc
import math
from pathlib import Path
from typing import Any

import datasets
import torch
from accelerate import PartialState
from transformers import DataCollatorForSeq2Seq, EarlyStoppingCallback
from trl import SFTConfig, SFTTrainer  # type: ignore[attr-defined]  # trl exports lazily

from imprint import base, environment
from imprint.adapter import checkpoints, estimate, passes, targets
from imprint.adapter.batches import Steps
from imprint.adapter.course import Course
from imprint.adapter.divergence import HALVINGS, Divergence
from imprint.adapter.guards import check_batch, check_loss, check_rows
from imprint.adapter.memory import recompute_long_batches
from imprint.adapter.metrics import Recorder
from imprint.adapter.noise import QuestionNoise
from imprint.adapter.packing import Packing, keeps_rows_apart, rows_in
from imprint.adapter.passes import Passes
from imprint.adapter.rows import IGNORED, Tokens, end_token, tokenize
from imprint.adapter.tracking import trackers
from imprint.adapter.watching import Watcher
from imprint.config import Settings
from imprint.dataset import read_examples
from imprint.errors import FullMemoryError, LostProcessError, Paused, SettingsError, TrainingError
from imprint.machine import is_out_of_memory, this_machine
from imprint.runs import Event, Run

_EVALUATIONS = 4
"""At least so many in a training."""
_GO_ON = "`imprint up` goes on from the last checkpoint"
_WATCHED_ROWS = 256
"""Validation rows of one evaluation, at most: it must not take long beside the steps."""


class _DivergedError(Exception):
    def __init__(self, divergence: Divergence) -> None:
        self.divergence = divergence


def train(config: Settings, run: Run, folder: Path) -> dict[str, Any]:
    """Train and save adapter and tokenizer in `folder`; give counts for the manifest.

    Where it diverges, it goes back to the last good checkpoint, with half the learning rate, twice.

    Raises TrainingError when it diverges again, Paused when it was stopped, FullMemoryError when memory ran out:
    where it trains alone, the checkpoint of the last step is written then, for a new process to go on from. Raises
    LostProcessError where another of several processes ended, SettingsError where there are more than GPUs.
    """
    together = _together()
    rate = config.adapter.filled().learning_rate
    is_first = True
    while True:
        try:
            return _train(config, run, folder, rate, together, is_first=is_first)
        except _DivergedError as error:
            divergence = error.divergence
        is_first = False
        # Not within the except block: its traceback holds model and optimizer.
        gc.collect()
        torch.cuda.empty_cache()
        rate, note = _after_divergence(config, rate, divergence)
        with together.main_process_first():
            checkpoints.drop_after(folder / passes.CHECKPOINTS, divergence.good_step)
        run.notify(Event("note", "adapter", note))


def _after_divergence(config: Settings, rate: float, seen: Divergence) -> tuple[float, str]:
    peak = config.adapter.filled().learning_rate
    what = f"the loss was {seen.loss:.2f} at step {seen.step}, and {seen.usual:.2f} before"
    if rate <= peak / 2**HALVINGS:
        raise TrainingError(
            f"The training diverged, and again with a half and a quarter of the learning rate of {peak:g}: {what}.",
            hint=f"adapter.learning_rate={peak / 10:g}",
        )
    rate /= 2
    return rate, f"the training diverged: {what}; back to the last good checkpoint, learning rate {rate:g}"


def _full_memory(taken: Passes, step: int, longest: int) -> FullMemoryError:
    return FullMemoryError(
        f"Memory ran out after step {step} with {taken}; the longest row has {longest} tokens.",
        hint=f"adapter.max_seq_length={max(64, longest // 2)} splits long answers; or take a smaller base",
    )


def _together() -> PartialState:
    """The processes that torchrun started, or this one alone."""
    gpus = torch.cuda.device_count()
    together = PartialState(cpu=not gpus)
    if not gpus:
        # accelerate calls the CPU of several processes by a name that torch.load does not know.
        torch.serialization.register_package(
            0, lambda storage: None, lambda storage, place: storage if place == "cpu:0" else None
        )
    elif together.num_processes > gpus:
        raise SettingsError(
            [f"adapter.processes: {together.num_processes} processes need a GPU each, and this machine has {gpus}"],
            hint=f"adapter.processes={gpus}",
        )
    return together


def _tells_lost_process(error: Exception) -> bool:
    return isinstance(error, torch.distributed.DistError) or "/gloo/" in str(error)


def _train(
    config: Settings, run: Run, folder: Path, rate: float, together: PartialState, *, is_first: bool
) -> dict[str, Any]:
    settings = config.adapter.filled()
    run.notify(Event("progress", "adapter", "loading the base model", 0, 1))
    found = base.of(config)
    model, tokenizer = _load(config, found)
    rows = {
        split: tokenize(read_examples(run.folder("dataset") / f"{split}.jsonl"), tokenizer, settings.max_seq_length)
        for split in ("train", "validation")
    }
    end = tokenizer.convert_tokens_to_ids(end_token(tokenizer))
    for split in rows.values():
        check_rows(split, end, settings.max_seq_length)
    lengths = [len(row.input_ids) for row in rows["train"]]
    machine = this_machine().share(together.num_processes)
    fits = estimate.rows_that_fit(base.shape(found), settings, machine, max(lengths))
    with together.main_process_first():
        taken = passes.first(settings, fits, folder / passes.REMEMBERED)
        passes.remember(taken, folder / passes.REMEMBERED)
    steps, why = estimate.steps(settings, len(lengths))
    if why and is_first:
        run.notify(Event("note", "adapter", why))
    learned = _dataset(rows["train"])
    if settings.question_noise:
        learned = learned.with_transform(QuestionNoise(tokenizer, settings.question_noise, settings.max_seq_length))
    watcher = Watcher(
        run,
        save_minutes=settings.checkpoint_minutes,
        rate=None if rate == settings.learning_rate else rate,
    )
    order = Steps(lengths, settings.batch_size, config.seed)
    recorder = Recorder(run, folder)
    shown = trackers(settings, run, folder / "tensorboard") if together.is_main_process else []
    padding = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=IGNORED)
    is_packed = keeps_rows_apart(model, rows["train"])
    packing = Packing(padding, model.config.max_position_embeddings)
    trainer = _Trainer(
        order,
        packing if is_packed else padding,
        recorder,
        model=model,
        processing_class=tokenizer,
        args=_arguments(config, folder / passes.CHECKPOINTS, steps, taken, rate, bool(rows["validation"])),
        train_dataset=learned,
        eval_dataset=_dataset(_evenly(rows["validation"], _WATCHED_ROWS)) if rows["validation"] else None,
        data_collator=padding,
        # The recorder first: it adds to what the trackers get.
        callbacks=[recorder, *shown, watcher],
    )
    for callback in list(trainer.callback_handler.callbacks):
        if type(callback).__name__ in {"PrinterCallback", "ProgressCallback", "NotebookProgressCallback"}:
            trainer.remove_callback(callback)
    if settings.patience and rows["validation"]:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=settings.patience))
    try:
        _check_first_batch(trainer, end)
        with watcher.stopping_on_signals():
            with together.main_process_first():
                last = checkpoints.last(folder / passes.CHECKPOINTS)
            result = trainer.train(resume_from_checkpoint=None if last is None else str(last))
    except Exception as error:
        if together.num_processes > 1 and _tells_lost_process(error):
            raise LostProcessError(
                f"One of the {together.num_processes} processes that train together ended.", hint=_GO_ON
            ) from error
        if not is_out_of_memory(error):
            raise
        if together.num_processes == 1:  # several write a checkpoint together or not at all
            trainer.save_last_step()
        raise _full_memory(taken, trainer.state.global_step, max(lengths)) from error
    if watcher.stopped:
        raise Paused(
            f"Stopped at step {trainer.state.global_step} of {steps}; the checkpoint is written.",
            hint=_GO_ON,
        )
    if watcher.divergence is not None:
        raise _DivergedError(watcher.divergence)
    course = Course.of(trainer.state)
    if (note := course.in_words(steps)) is not None:
        run.notify(Event("note", "adapter", note))
    if together.is_main_process:
        model.save_pretrained(folder)  # with the weights of the best evaluation: the trainer has put them back
        tokenizer.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty card
    return {
        "rows": len(lengths),
        "steps": course.steps,
        "best_step": course.best_step,
        "epochs": round(course.steps * settings.batch_size / len(lengths), 2),
        "learning_rate": rate,
        "processes": together.num_processes,
        "micro_batch": taken.micro_batch,
        "packed": is_packed,
        "padding": round(order.padding(taken.micro_batch, lambda rows: is_packed and packing.packs(rows)), 4),
        "loss": round(result.training_loss, 4),
        "validation_loss": None if course.best_loss is None else round(course.best_loss, 4),
        "parameters": sum(part.numel() for part in model.parameters() if part.requires_grad),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "gpu_memory_mb": round(torch.cuda.max_memory_reserved() / 1e6, 1) if torch.cuda.is_available() else 0.0,
    }


def _load(config: Settings, found: base.Base) -> tuple[Any, Any]:
    if found.folder is not None:
        environment.offline()
    settings = config.adapter.filled()
    on_gpu = torch.cuda.is_available()
    model, tokenizer = unsloth.FastLanguageModel.from_pretrained(
        found.source,
        max_seq_length=settings.max_seq_length,
        load_in_4bit=settings.load_in_4bit,
        trust_remote_code=found.trust_remote_code,
        use_exact_model_name=True,  # the name is remapped to a mirror otherwise
    )
    tokenizer.chat_template = base.chat_template(found)
    if tokenizer.pad_token_id is None:  # padding is masked by its place, so that the end token stays learned
        tokenizer.pad_token = tokenizer.eos_token
    model = unsloth.FastLanguageModel.get_peft_model(
        model,
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets.find(model, settings.target_modules),
        bias="none",
        use_gradient_checkpointing="unsloth" if on_gpu else False,
        random_state=config.seed,
    )
    if not on_gpu:
        recompute_long_batches(model)
    return model, tokenizer


def _arguments(config: Settings, folder: Path, steps: int, taken: Passes, rate: float, watched: bool) -> SFTConfig:
    settings = config.adapter.filled()
    on_gpu = torch.cuda.is_available()
    every = min(settings.checkpoint_steps, max(1, steps // _EVALUATIONS))
    return SFTConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=taken.micro_batch,
        per_device_eval_batch_size=taken.micro_batch,
        gradient_accumulation_steps=taken.accumulation,
        learning_rate=rate,
        warmup_steps=math.ceil(steps * settings.warmup_ratio),
        lr_scheduler_type="linear",
        weight_decay=settings.weight_decay,
        optim="adamw_8bit" if on_gpu else "adamw_torch_fused",
        max_length=settings.max_seq_length,
        gradient_checkpointing=on_gpu,  # on the CPU recompute_long_batches decides
        packing=False,
        neftune_noise_alpha=settings.neftune_noise_alpha or None,
        dataset_kwargs={"skip_prepare_dataset": True},  # rows arrive as token ids
        remove_unused_columns=False,
        logging_steps=max(1, steps // 100),
        logging_nan_inf_filter=False,  # it would put the average in the place of a loss that is no number
        eval_strategy="steps" if watched else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,  # the last and the best
        load_best_model_at_end=watched,
        metric_for_best_model="eval_loss" if watched else None,
        greater_is_better=False if watched else None,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
        fp16=on_gpu and not torch.cuda.is_bf16_supported(),
        use_cpu=not on_gpu,
        ddp_find_unused_parameters=False,
        dataloader_pin_memory=on_gpu,
        report_to="none",
        disable_tqdm=True,
        seed=config.seed,
        data_seed=config.seed,
    )


def _check_first_batch(trainer: Any, end: int) -> None:
    trainer.model.train()
    with torch.random.fork_rng():  # what is drawn here must not change what the training draws
        batch = next(iter(trainer.get_train_dataloader()))
        check_batch(batch, end)
        device = trainer.args.device
        with torch.no_grad(), trainer.compute_loss_context_manager():
            loss = trainer.model(**{name: value.to(device) for name, value in batch.items()}).loss
    check_loss(float(loss))


def _evenly(rows: list[Tokens], most: int) -> list[Tokens]:
    """At most so many, from the whole length of the list."""
    return rows[:: math.ceil(len(rows) / most)]


def _dataset(rows: list[Tokens]) -> datasets.Dataset:
    return datasets.Dataset.from_list(
        [{"input_ids": row.input_ids, "labels": row.labels, "attention_mask": [1] * len(row.input_ids)} for row in rows]
    )


class _Trainer(SFTTrainer):
    """TRL's trainer, with an order of rows that can be found again, and an answer when memory runs out."""

    def __init__(self, order: Steps, collator: Any, recorder: Recorder, **arguments: Any) -> None:
        """`collator` makes batches to train on; those of evaluations are padded."""
        self._order = order
        self._collator = collator
        self._recorder = recorder
        super().__init__(**arguments)

    def _get_train_sampler(self, train_dataset: Any = None) -> Steps:
        return self._order

    def get_train_dataloader(self) -> Any:
        padding, self.data_collator = self.data_collator, self._collator
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator = padding

    def training_step(self, model: Any, inputs: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        self._recorder.count(inputs["labels"])
        if self.args.neftune_noise_alpha:  # transformers takes the length of a sequence for that of a row
            scale = math.sqrt(rows_in(inputs) / len(inputs["input_ids"]))
            embeddings = self.accelerator.unwrap_model(model).get_input_embeddings()
            embeddings.neftune_noise_alpha = scale * self.args.neftune_noise_alpha
        return super().training_step(model, inputs, *arguments, **named)  # type: ignore[no-untyped-call]

    def evaluate(self, *arguments: Any, **named: Any) -> dict[str, float]:
        """Where memory runs out here, the training goes on as it is: only evaluations take fewer rows at a time."""
        while True:
            try:
                return dict(super().evaluate(*arguments, **named))
            except Exception as error:
                is_alone = self.args.world_size == 1  # several processes take their passes together
                if not (is_out_of_memory(error) and is_alone) or self.args.per_device_eval_batch_size == 1:
                    raise
            torch.cuda.empty_cache()
            self.args.per_device_eval_batch_size //= 2

    def save_last_step(self) -> None:
        """Write a checkpoint of the last whole step, where memory ran out in the one after it and still allows that."""
        if self.optimizer is None or not self.state.global_step:
            return
        self.optimizer.zero_grad()
        torch.cuda.empty_cache()
        try:
            self._save_checkpoint(self.model, trial=None)  # type: ignore[no-untyped-call]
        except Exception as error:
            if not is_out_of_memory(error):
                raise
