"""Base and adapter in transformers: one loaded model, whose adapter can be switched off."""

import contextlib
import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from transformers.generation.streamers import BaseStreamer

from imprint import base
from imprint.adapter.rows import Tokens, end_token, tokenize
from imprint.config import Settings
from imprint.dataset import Example
from imprint.errors import InputError
from imprint.evaluation import decoding
from imprint.evaluation.subjects import Model, Progress, as_chat
from imprint.machine import is_out_of_memory
from imprint.model import Answer, Message
from imprint.model.weights import load

_LOGITS = 1 << 26
"""So many logits are computed at once: 256 MB, a row of 2,000 tokens of a vocabulary of 32,000."""
_SHARE = 0.5
"""Of the free memory that a copy of weights may take."""


class Weights(Model):
    """A base, with an adapter where there is one."""

    def __init__(self, config: Settings, adapter: Path | None = None) -> None:
        """Load the base of resolved settings. Raises BaseError, and MachineError where it cannot be fetched."""
        found = base.of(config)
        self._config = config
        self._model, self._tokenizer = load(
            found,
            adapter,
            four_bit=config.adapter.filled().load_in_4bit,
            dequantize=not torch.cuda.is_available(),
        )
        if adapter is None:
            self._tokenizer.chat_template = base.chat_template(found)
        self._tokenizer.padding_side = "left"
        end = end_token(self._tokenizer)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = end
        known = self._model.generation_config.eos_token_id
        self._ends = {self._tokenizer.convert_tokens_to_ids(end)}
        self._ends |= set(known if isinstance(known, list) else [known]) - {None}
        self.name = found.label if adapter is None else f"{found.label} with {adapter}"
        self._positions = int(self._model.config.max_position_embeddings)
        self.context = min(config.service.context, self._positions)
        self._size = config.evaluation.batch_size
        self._inner = self._model if adapter is None else self._model.get_base_model()
        self._keeps_keys = decoding.can_generate(self._inner)
        self._is_tuned = adapter is not None

    def ask(self, prompt: str | Sequence[Message], *, max_tokens: int = 512) -> Answer:
        ids = self.prompt(as_chat(prompt))
        if len(ids) >= self.context:
            raise InputError(
                f"The prompt has {len(ids)} tokens; the context holds {self.context}, the answer included.",
                hint="ask something shorter, or set service.context higher",
            )
        with torch.inference_mode():
            return self._answers([ids], [min(max_tokens, self.context - len(ids))])[0]

    def tokenize(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        return self.tokenize(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def answer_all(
        self, prompts: Sequence[Sequence[int]], limits: Sequence[int], progress: Progress = lambda done: None
    ) -> list[Answer]:
        """In batches of prompts with like limits, the longest first; of half the size where memory runs out."""
        for number, prompt in enumerate(prompts, start=1):
            if not 0 < len(prompt) < self.context:
                raise InputError(
                    f"Prompt {number} of {len(prompts)} has {len(prompt)} tokens; the context holds {self.context}, "
                    "the answer included.",
                    hint="ask something shorter, or set service.context higher",
                )
        rooms = [min(limit, self.context - len(prompt)) for prompt, limit in zip(prompts, limits, strict=True)]
        order = sorted(range(len(prompts)), key=lambda number: (-rooms[number], -len(prompts[number]), number))
        answers = [Answer("", 0, "length")] * len(prompts)

        def ask(batch: list[int]) -> None:
            said = self._answers([[*prompts[number]] for number in batch], [rooms[number] for number in batch])
            for number, answer in zip(batch, said, strict=True):
                answers[number] = answer

        with self._merged(), torch.inference_mode():
            self._in_batches(order, lambda start: self._size, ask, progress)
        return answers

    def likelihoods(self, rows: Sequence[Tokens]) -> list[float]:
        """In batches of rows of like lengths, as many as memory holds the logits of."""
        order = sorted(range(len(rows)), key=lambda number: (-len(rows[number].input_ids), number))
        vocabulary = int(self._model.config.get_text_config().vocab_size)
        nats = [0.0] * len(rows)

        def size(start: int) -> int:
            return max(1, min(self._size, _LOGITS // (vocabulary * len(rows[order[start]].input_ids))))

        def weigh(batch: list[int]) -> None:
            for number, value in zip(batch, self._likelihoods([rows[number] for number in batch]), strict=True):
                nats[number] = value

        with self._merged(), torch.inference_mode():
            self._in_batches(order, size, weigh, lambda done: None)
        return nats

    def seconds(self, prompt: Sequence[int], tokens: int) -> list[float]:
        clock = _Clock()
        given = torch.tensor([[*prompt]], device=self._model.device)
        with torch.inference_mode():
            self._model.generate(
                given,
                attention_mask=torch.ones_like(given),
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id,
                streamer=clock,
            )
        return [at - clock.started for at in clock.times]

    def rows(self, examples: Sequence[Example]) -> list[Tokens]:
        return tokenize(examples, self._tokenizer, self._config.adapter.max_seq_length)

    @contextlib.contextmanager
    def without_adapter(self) -> Iterator[None]:
        """Within this block the base answers as it was."""
        self._is_tuned = False
        try:
            with self._model.disable_adapter():
                yield
        finally:
            self._is_tuned = True

    def close(self) -> None:
        self._model = self._inner = None
        gc.collect()
        torch.cuda.empty_cache()

    def _in_batches(
        self,
        order: list[int],
        size: Callable[[int], int],
        work: Callable[[list[int]], None],
        progress: Progress,
    ) -> None:
        """Work through the numbers in batches of at most `size(start)`; of half as many from where memory ran out."""
        start = 0
        while start < len(order):
            batch = order[start : start + size(start)]
            try:
                work(batch)
            except (MemoryError, RuntimeError) as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
                self._size = len(batch) // 2
            else:
                start += len(batch)
                progress(start)
                continue
            gc.collect()
            torch.cuda.empty_cache()

    def _answers(self, prompts: list[list[int]], limits: list[int]) -> list[Answer]:
        if max(limits) < 1:
            return [Answer("", 0, "length")] * len(prompts)
        if self._keeps_keys:
            rooms = [max(1, limit) for limit in limits]
            said = decoding.generate(self._model, prompts, rooms, self._ends, self._tokenizer.pad_token_id)
        else:
            said = self._generate(prompts, max(limits))
        return [self._answer(ids[: max(0, limit)]) for ids, limit in zip(said, limits, strict=True)]

    def _answer(self, ids: list[int]) -> Answer:
        stop = next((place for place, token in enumerate(ids) if token in self._ends), None)
        text = self._tokenizer.decode(ids[:stop], skip_special_tokens=True).strip()
        return Answer(text, len(ids[:stop]), "length" if stop is None else "stop")

    def _generate(self, prompts: list[list[int]], most: int) -> list[list[int]]:
        """By transformers: what any model can."""
        padded = self._tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(self._model.device)
        width = padded["input_ids"].shape[1]
        given = self._model.generate(
            **padded,
            max_new_tokens=max(1, min(most, self._positions - width)),
            do_sample=False,
            eos_token_id=sorted(self._ends),
            pad_token_id=self._tokenizer.pad_token_id,
        )
        said: list[list[int]] = given[:, width:].tolist()
        return said

    def _likelihoods(self, rows: list[Tokens]) -> list[float]:
        """Of each row: -ln p of its last answer, in nats."""
        width = max(len(row.input_ids) for row in rows)
        device = self._model.device
        padded = [row.input_ids + [0] * (width - len(row.input_ids)) for row in rows]
        mask = [[1] * len(row.input_ids) + [0] * (width - len(row.input_ids)) for row in rows]
        logits: Any = self._model(
            input_ids=torch.tensor(padded, device=device), attention_mask=torch.tensor(mask, device=device)
        ).logits
        nats = []
        for scores, row in zip(logits, rows, strict=True):
            first, end = max(1, len(row.prompt)), len(row.input_ids)
            answer = torch.tensor(row.input_ids[first:end], device=scores.device)
            values = torch.nn.functional.cross_entropy(scores[first - 1 : end - 1].float(), answer, reduction="none")
            nats.append(math.fsum(values.tolist()))
        return nats

    @contextlib.contextmanager
    def _merged(self) -> Iterator[None]:
        """The adapter within the weights for a while: on a CPU that saves a fifth of the time of small models.

        Not on a GPU, where the weights have 16 bits or 4 and a sum would be rounded; nor where memory does not hold the
        copy from which the weights become, to the last bit, what they were.
        """
        layers = [layer for layer in self._model.modules() if isinstance(layer, LoraLayer)]
        weights: list[Any] = [layer.get_base_layer().weight for layer in layers]
        room = _SHARE * psutil.virtual_memory().available
        if not (
            self._is_tuned
            and isinstance(self._model, PeftModel)
            and all(weight.dtype == torch.float32 and weight.device.type == "cpu" for weight in weights)
            and sum(weight.nbytes for weight in weights) < room
        ):
            yield
            return
        copies = [weight.detach().clone() for weight in weights]
        self._model.merge_adapter()
        try:
            yield
        finally:
            self._model.unmerge_adapter()
            for weight, copy in zip(weights, copies, strict=True):
                weight.data.copy_(copy)


class _Clock(BaseStreamer):
    """Notes when each token comes."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.times: list[float] = []
        self._has_prompt = False

    def put(self, value: Any) -> None:
        if self._has_prompt:  # the prompt is handed over first
            self.times.append(time.perf_counter())
        self._has_prompt = True

    def end(self) -> None:
        """Nothing is left to note."""
