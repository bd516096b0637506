"""Base and adapter in transformers: one loaded model, whose adapter can be switched off."""

import contextlib
import gc
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers.generation.streamers import BaseStreamer

from imprint import base
from imprint.adapter.rows import IGNORED, Tokens, end_token, tokenize
from imprint.config import Settings
from imprint.dataset import Example
from imprint.errors import InputError
from imprint.evaluation.subjects import Answers, Model, Progress, as_chat, room
from imprint.model import Answer, Message
from imprint.model.weights import load


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

    def ask(self, prompt: str | Sequence[Message], *, max_tokens: int = 512) -> Answer:
        messages = as_chat(prompt)
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = self.tokenize(text)
        if len(ids) >= self.context:
            raise InputError(
                f"The prompt has {len(ids)} tokens; the context holds {self.context}, the answer included.",
                hint="ask something shorter, or set service.context higher",
            )
        with torch.inference_mode():
            (answer,) = self._generate([ids], min(max_tokens, self.context - len(ids)))
        return answer

    def tokenize(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def negative_log_likelihood(self, before: Sequence[int], ids: Sequence[int]) -> float:
        with torch.inference_mode():
            nats, _ = self._likelihood([Tokens([*before, *ids], [*[IGNORED] * len(before), *ids])])
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

    def answer(
        self, examples: Sequence[Example], rows: Sequence[Tokens], *, most: int, progress: Progress = lambda done: None
    ) -> Answers:
        """In batches of questions whose expected answers are of like length."""
        order = sorted(range(len(rows)), key=lambda index: (room(rows[index], most), index))
        texts, ended = [""] * len(rows), [False] * len(rows)
        nats, tokens, done = 0.0, 0, 0
        size = self._config.evaluation.batch_size
        with torch.inference_mode():
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                prompts = [rows[index].prompt for index in batch]
                said = self._generate(prompts, room(rows[batch[-1]], most))
                for index, answer in zip(batch, said, strict=True):
                    texts[index], ended[index] = answer.text, answer.finish_reason == "stop"
                more, count = self._likelihood([rows[index] for index in batch])
                nats, tokens, done = nats + more, tokens + count, done + len(batch)
                progress(done)
        return Answers(texts, ended, nats, tokens)

    @contextlib.contextmanager
    def without_adapter(self) -> Iterator[None]:
        """Within this block the base answers as it was."""
        with self._model.disable_adapter():
            yield

    def close(self) -> None:
        self._model = None
        gc.collect()
        torch.cuda.empty_cache()

    def _generate(self, prompts: list[list[int]], most: int) -> list[Answer]:
        padded = self._tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(self._model.device)
        width = padded["input_ids"].shape[1]
        given = self._model.generate(
            **padded,
            max_new_tokens=max(1, min(most, self._positions - width)),
            do_sample=False,
            eos_token_id=sorted(self._ends),
            pad_token_id=self._tokenizer.pad_token_id,
        )
        answers = []
        for ids in given[:, width:].tolist():
            stop = next((place for place, token in enumerate(ids) if token in self._ends), None)
            text = self._tokenizer.decode(ids[:stop], skip_special_tokens=True).strip()
            answers.append(Answer(text, len(ids[:stop]), "length" if stop is None else "stop"))
        return answers

    def _likelihood(self, rows: list[Tokens]) -> tuple[float, int]:
        """Summed -ln p of the rows' last answers, in nats, and how many tokens they have."""
        width = max(len(row.input_ids) for row in rows)
        ids = torch.tensor([row.input_ids + [0] * (width - len(row.input_ids)) for row in rows])
        answers = [row.labels[len(row.prompt) :] for row in rows]
        labels = torch.tensor(
            [
                [IGNORED] * len(row.prompt) + answer + [IGNORED] * (width - len(row.labels))
                for row, answer in zip(rows, answers, strict=True)
            ]
        )
        mask = torch.tensor([[1] * len(row.input_ids) + [0] * (width - len(row.input_ids)) for row in rows])
        device = self._model.device
        logits: Any = self._model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
        nats = torch.nn.functional.cross_entropy(
            logits[:, :-1].float().flatten(0, 1),
            labels[:, 1:].to(device).flatten(),
            ignore_index=IGNORED,
            reduction="sum",
        )
        return float(nats), int((labels[:, 1:] != IGNORED).sum())


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
