"""Who is asked: base and adapter in one loaded model, switched off and on; and the GGUF through the serving engine."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from imprint import base
from imprint.adapter.rows import IGNORED, Tokens, tokenize
from imprint.config import Settings
from imprint.dataset import Example
from imprint.model import Engine, Message
from imprint.model.weights import load

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Answers:
    """What one model said, in the order of the questions, and how likely it held the expected answers."""

    texts: list[str]
    ended: list[bool]
    nats: float
    tokens: int


class Loaded:
    """Base and adapter in one model."""

    def __init__(self, config: Settings, adapter: Path) -> None:
        self._config = config
        self._model, self._tokenizer = load(
            base.of(config),
            adapter,
            four_bit=config.adapter.filled().load_in_4bit,
            dequantize=not torch.cuda.is_available(),
        )
        self._tokenizer.padding_side = "left"

    def rows(self, examples: Sequence[Example]) -> list[Tokens]:
        """The examples as token ids, in the format of the training."""
        return tokenize(examples, self._tokenizer, self._config.adapter.max_seq_length)

    def ask(self, rows: Sequence[Tokens], *, adapter: bool, progress: Progress) -> Answers:
        """Ask greedily, in batches of questions whose expected answers are of like length."""
        order = sorted(range(len(rows)), key=lambda index: (_room(rows[index], self._config), index))
        texts, ended = [""] * len(rows), [False] * len(rows)
        nats, tokens, done = 0.0, 0, 0
        size = self._config.evaluation.batch_size
        with torch.inference_mode(), self._only(adapter):
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                room = _room(rows[batch[-1]], self._config)
                said = self._generate([rows[index].prompt for index in batch], room)
                for index, (text, stopped) in zip(batch, said, strict=True):
                    texts[index], ended[index] = text, stopped
                more, count = self._likelihood([rows[index] for index in batch])
                nats, tokens, done = nats + more, tokens + count, done + len(batch)
                progress(done)
        return Answers(texts, ended, nats, tokens)

    @contextlib.contextmanager
    def _only(self, adapter: bool) -> Iterator[None]:
        with contextlib.nullcontext() if adapter else self._model.disable_adapter():
            yield

    def _generate(self, prompts: list[list[int]], room: int) -> list[tuple[str, bool]]:
        padded = self._tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(self._model.device)
        given = self._model.generate(
            **padded,
            max_new_tokens=room,
            do_sample=False,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        ends = self._model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        answers = []
        for ids in given[:, padded["input_ids"].shape[1] :].tolist():
            stop = next((place for place, token in enumerate(ids) if token in ends), None)
            answers.append((self._tokenizer.decode(ids[:stop], skip_special_tokens=True).strip(), stop is not None))
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


def ask_gguf(
    file: Path, config: Settings, examples: Sequence[Example], rows: Sequence[Tokens], progress: Progress
) -> Answers:
    """Ask the file that will be served, through the engine that will serve it, which renders and tokenizes by itself.

    The likelihood is that of the very token ids of `rows`, so that it compares with the adapter's.
    """
    texts: list[str] = []
    ended: list[bool] = []
    nats, tokens = 0.0, 0
    engine = Engine(file, context=config.service.context)
    try:
        for number, (example, row) in enumerate(zip(examples, rows, strict=True), start=1):
            messages: list[Message] = [*example.conversation()[:-1]]  # type: ignore[list-item]  # roles are checked there
            answer = engine.answer(messages, max_tokens=_room(row, config))
            texts.append(answer.text)
            ended.append(answer.finish_reason == "stop")
            prompt = row.prompt
            expected = row.input_ids[len(prompt) :]
            nats += engine.negative_log_likelihood(prompt, expected)
            tokens += len(expected)
            progress(number)
    finally:
        engine.close()
    return Answers(texts, ended, nats, tokens)


def _room(row: Tokens, config: Settings) -> int:
    """Tokens that an answer may have: twice the expected one and some. A model that never stops is cut there."""
    expected = len(row.labels) - len(row.prompt)
    return min(config.evaluation.max_new_tokens, 2 * expected + 16)
