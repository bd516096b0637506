"""Who is asked, in whichever runtime: a GGUF in the serving engine here, weights in transformers in `weights.py`."""

import abc
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from imprint.adapter.rows import IGNORED, Tokens
from imprint.dataset import Example
from imprint.model import Answer, Engine, Message

Progress = Callable[[int], None]
"""Is told how many are done."""


def _silent(done: int) -> None:
    """Nobody wants to know."""


_SLOTS = 64
"""As many as `evaluation.batch_size` by default. More are hardly faster."""


class Model(abc.ABC):
    """A loaded model: something that can be asked and measured. Token ids are those of its own tokenizer.

    `with load_model(…) as model:` gives its memory back at the end, as `close` does.
    """

    name: str
    context: int
    """Tokens of prompt and answer together, at most."""

    @abc.abstractmethod
    def ask(self, prompt: str | Sequence[Message], *, max_tokens: int = 512) -> Answer:
        """Answer a question, or a chat that ends with the user's turn, greedily, in at most `max_tokens` tokens.

        Raises InputError where the prompt does not fit in the context.
        """

    @abc.abstractmethod
    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text as it stands: none is added."""

    @abc.abstractmethod
    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a chat in the format of the training, up to where the assistant speaks."""

    @abc.abstractmethod
    def answer_all(
        self, prompts: Sequence[Sequence[int]], limits: Sequence[int], progress: Progress = _silent
    ) -> list[Answer]:
        """Answer prompts greedily, in batches; an answer has at most its limit of tokens, and what the context leaves.

        The answers are in the order of the prompts, and the same each time. Raises InputError for a prompt that does
        not fit in the context.
        """

    @abc.abstractmethod
    def likelihoods(self, rows: Sequence[Tokens]) -> list[float]:
        """Of each row: the sum over its last answer of -ln p(token | what stands before it), in nats."""

    def negative_log_likelihood(self, before: Sequence[int], ids: Sequence[int]) -> float:
        """Sum over `ids` of -ln p(token | what stands before it), in nats; `before` is not empty."""
        return self.likelihoods([Tokens([*before, *ids], [*[IGNORED] * len(before), *ids])])[0]

    @abc.abstractmethod
    def seconds(self, prompt: Sequence[int], tokens: int) -> list[float]:
        """Seconds from the start until each of so many tokens after a prompt; the model's own end does not end it."""

    @abc.abstractmethod
    def rows(self, examples: Sequence[Example]) -> list[Tokens]:
        """The examples as token ids, in the format of the training."""

    @abc.abstractmethod
    def close(self) -> None:
        """Give the memory back; the model cannot be used after it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Gguf(Model):
    """A GGUF in the engine that serves it, which renders and tokenizes by itself."""

    def __init__(self, file: Path, *, context: int, slots: int = _SLOTS, seed: int = 0) -> None:
        """`slots` is how many prompts are answered at the same time, at most; fewer where memory is short.

        Raises MachineError where the file cannot be loaded.
        """
        self._engine = Engine(file, context=context, seed=seed, slots=slots)
        self.name = file.stem
        self.context = self._engine.context

    def ask(self, prompt: str | Sequence[Message], *, max_tokens: int = 512) -> Answer:
        return self._engine.answer(as_chat(prompt), max_tokens=max_tokens)

    def tokenize(self, text: str) -> list[int]:
        return self._engine.tokenize(text)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        return self._engine.prompt(messages)

    def answer_all(
        self, prompts: Sequence[Sequence[int]], limits: Sequence[int], progress: Progress = _silent
    ) -> list[Answer]:
        return self._engine.answer_all(prompts, limits, progress)

    def likelihoods(self, rows: Sequence[Tokens]) -> list[float]:
        pairs = [(row.prompt, row.input_ids[len(row.prompt) :]) for row in rows]
        return self._engine.negative_log_likelihoods(pairs)

    def seconds(self, prompt: Sequence[int], tokens: int) -> list[float]:
        return self._engine.seconds(prompt, tokens)

    def rows(self, examples: Sequence[Example]) -> list[Tokens]:
        found = []
        for example in examples:
            prompt, answer = self._engine.answered(_chat_of(example))
            found.append(Tokens([*prompt, *answer], [*[IGNORED] * len(prompt), *answer]))
        return found

    def close(self) -> None:
        self._engine.close()


def as_chat(prompt: str | Sequence[Message]) -> list[Message]:
    """A question as a chat; a chat as it is."""
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)


def room(expected: int, most: int) -> int:
    """Tokens that an answer may have: twice the expected ones and some. A model that never stops is cut there."""
    return min(most, 2 * expected + 16)


def _chat_of(example: Example) -> list[Message]:
    return [*example.conversation()]  # type: ignore[list-item]  # roles are checked where rows are read
