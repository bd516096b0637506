"""A GGUF turned into tokens: llama.cpp through llama-cpp-python's low-level API, one answer at a time or many at once.

The prompt format is the GGUF's own chat template. It is code from a file, so it runs in Jinja's sandbox
(CVE-2024-34359).
"""

import codecs
import contextlib
import ctypes
import functools
import itertools
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypedDict, cast

from imprint.errors import InputError, MachineError
from imprint.model import batching
from imprint.model.context import BATCH, Context, Entry

# In a smaller model threads wait for each other longer than they work; on a busy machine a hundred times longer.
_PARAMETERS_FOR_THREADS = 30_000_000
_PADDING = 256
"""llama.cpp rounds a context up to a multiple of it."""

Finish = Literal["stop", "length"]


class Message(TypedDict):
    """A turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Answer:
    """A whole answer. `finish_reason` is "stop" where the model ended by itself, "length" where it was cut."""

    text: str
    tokens: int
    finish_reason: Finish


Generation = Generator[str, None, Answer]
"""An answer piece by piece; its return value is the whole."""


class Engine:
    """A loaded GGUF. Calls from several threads wait for each other.

    `context` is the number of tokens allocated for prompt and answer together, at most as many as the model was made
    for. `slots` is how many prompts are answered at the same time, where there are so many: at most, fewer where memory
    is short. Raises MachineError when the file cannot be loaded.
    """

    def __init__(self, path: Path, *, context: int, seed: int = 0, slots: int = 1) -> None:
        import llama_cpp

        self.path = path
        self._api: Any = llama_cpp
        self._lock = threading.Lock()
        self._seed = seed
        _silence(llama_cpp)
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = 999  # all, where llama.cpp was built for a GPU
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self._model:
            raise MachineError(
                f"llama.cpp cannot load {path}: the file is missing, cut short or of an architecture it does not know.",
                hint="`imprint export retrain=always` makes it anew; `imprint rollback` goes back to the run before",
            )
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        # Beyond its positions a model talks nonsense; one that has learned them, such as GPT-2, ends the process there.
        self.context = min(context, int(llama_cpp.llama_model_n_ctx_train(self._model)))
        self.slots = slots
        self._one = self._allocate(self.context, 1)
        self._many: Context | None = None
        self._wanted = (0, 0)  # the size and slots that it was to have; memory may have been short
        self.template = self._metadata("tokenizer.chat_template")

    def close(self) -> None:
        """Give the memory back; the engine cannot be used after it."""
        with self._lock:
            if self._model:
                self._one.free()
                if self._many is not None:
                    self._many.free()
                self._api.llama_model_free(self._model)
                self._model = None

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a chat in the GGUF's own prompt format, up to where the assistant speaks."""
        return self.tokenize(render(self.template, messages, self._text_of("bos"), self._text_of("eos")))

    def answered(self, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
        """A chat whose last turn is the assistant's, as a training sees it: token ids of the prompt, and of the answer.

        The last token of the answer is the one that ends it, where the template puts one there.
        """
        bos, eos = self._text_of("bos"), self._text_of("eos")
        answer = messages[-1]["content"].strip()
        asked = render(self.template, messages[:-1], bos, eos)
        closed: list[Message] = [*messages[:-1], {"role": "assistant", "content": answer}]
        whole = render(self.template, closed, bos, eos, add_generation_prompt=False)
        end = self.tokenize(whole[whole.rindex(answer) + len(answer) :].lstrip())[:1]
        before = self.tokenize(asked)
        known = end if end and self._api.llama_vocab_is_eog(self._vocab, end[0]) else []
        return before, [*self.tokenize(asked + answer)[len(before) :], *known]

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text; special tokens are recognized, none is added."""
        raw = text.encode("utf-8")
        size = len(raw) + 8
        ids = (self._api.llama_token * size)()
        count = self._api.llama_tokenize(self._vocab, raw, len(raw), ids, size, False, True)
        return list(ids[:count])

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Generation:
        """Generate an answer piece by piece.

        Raises InputError when the prompt does not fit in the context.
        """
        prompt = self.prompt(messages)
        if len(prompt) >= self.context:
            raise InputError(
                f"The prompt has {len(prompt)} tokens; the context holds {self.context}, the answer included.",
                hint="ask something shorter, or set service.context higher",
            )
        return self._generate(prompt, min(max_tokens, self.context - len(prompt)), temperature)

    def answer(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Answer:
        """Generate a whole answer."""
        return finish(self.stream(messages, max_tokens=max_tokens, temperature=temperature))

    def answer_all(
        self,
        prompts: Sequence[Sequence[int]],
        limits: Sequence[int],
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[Answer]:
        """Greedy answers to prompts, given as token ids, in their order; `slots` of them are generated at a time.

        An answer has at most its limit of tokens, and what the context leaves. `progress` is told how many are done.
        The same prompts and limits give the same answers. Raises InputError for a prompt that does not fit.
        """
        for number, prompt in enumerate(prompts, start=1):
            if not 0 < len(prompt) < self.context:
                raise InputError(
                    f"Prompt {number} of {len(prompts)} has {len(prompt)} tokens; the context holds {self.context}, "
                    "the answer included.",
                    hint="ask something shorter, or set service.context higher",
                )
        rooms = [max(0, min(limit, self.context - len(prompt))) for prompt, limit in zip(prompts, limits, strict=True)]
        with self._lock:
            size = max((len(prompt) + room for prompt, room in zip(prompts, rooms, strict=True)), default=1)
            context = self._context_for(len(prompts), size)
            said = batching.generate(context, prompts, rooms, self._is_end, progress)
        return [self._whole(ids) for ids in said]

    def negative_log_likelihoods(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        """Of each pair of prompt and answer: the sum over the answer of -ln p(token | what stands before it), in nats.

        Raises InputError for a pair that does not fit in the context.
        """
        sizes = [len(prompt) + len(answer) for prompt, answer in pairs]
        for number, size in enumerate(sizes, start=1):
            if size > self.context:
                raise InputError(
                    f"Prompt {number} of {len(pairs)} has {size} tokens with its answer; the context holds "
                    f"{self.context}.",
                    hint="set service.context higher",
                )
        with self._lock:
            return batching.measure(self._context_for(len(pairs), max(sizes, default=1)), pairs)

    def negative_log_likelihood(self, prompt: Sequence[int], answer: Sequence[int]) -> float:
        """Sum over `answer` of -ln p(token | what stands before it), in nats."""
        return self.negative_log_likelihoods([(prompt, answer)])[0]

    def seconds(self, prompt: Sequence[int], tokens: int) -> list[float]:
        """Seconds from the start until each of so many tokens after a prompt; the model's own end does not end it."""
        started = time.perf_counter()
        with contextlib.closing(self._tokens(prompt, 0.0)) as made:
            return [time.perf_counter() - started for _ in itertools.islice(made, tokens)]

    def _generate(self, prompt: list[int], limit: int, temperature: float) -> Generation:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        text: list[str] = []
        reason: Finish = "length"
        count = 0
        with contextlib.closing(self._tokens(prompt, temperature)) as tokens:
            for token in itertools.islice(tokens, limit):
                if self._is_end(token):
                    reason = "stop"
                    break
                count += 1
                piece = decoder.decode(self._piece(token))
                piece = piece.lstrip() if not text else piece  # SentencePiece's first space
                if piece:
                    text.append(piece)
                    yield piece
        rest = decoder.decode(b"", final=True)
        if rest:
            text.append(rest)
            yield rest
        return Answer("".join(text).rstrip(), count, reason)

    def _tokens(self, prompt: Sequence[int], temperature: float) -> Generator[int, None, None]:
        """The tokens that follow a prompt, past any end; the engine is held until the generator is closed."""
        with self._lock, _sampler(self._api, temperature, self._seed) as sampler:
            self._one.clear()
            for start in range(0, len(prompt), BATCH):
                chunk = enumerate(prompt[start : start + BATCH], start=start)
                self._one.decode([Entry(token, position, 0, position == len(prompt) - 1) for position, token in chunk])
            for position in itertools.count(len(prompt)):
                token = int(self._api.llama_sampler_sample(sampler, self._one.handle, -1))
                yield token
                self._one.decode([Entry(token, position, 0, True)])

    def _allocate(self, size: int, slots: int) -> Context:
        return Context(self._api, self._model, size=size, slots=slots, threads=self._threads())

    def _context_for(self, sequences: int, size: int) -> Context:
        """One in which so many sequences of so many tokens run at once; it is kept for the next ones.

        It is no larger than these need: most prompts are short, and a small cache leaves room for more slots.
        """
        slots = min(self.slots, sequences)
        if slots <= 1:
            return self._one
        # A model with LongRoPE rotates by the allocated context: above its first one all must be as in service.
        size = (
            self.context if self.context > self._first_context() else min(self.context, -size // _PADDING * -_PADDING)
        )
        wanted = (max(size, self._wanted[0]), max(slots, self._wanted[1]))
        if self._many is None or wanted != self._wanted:
            if self._many is not None:
                self._many.free()
                self._many = None  # where the next one finds no memory
            self._many = self._allocate(*wanted)
            self._wanted = wanted
        return self._many

    def _first_context(self) -> int:
        """Tokens up to which a model's positions were trained before they were stretched."""
        architecture = self._metadata("general.architecture")
        known = self._value(f"{architecture}.rope.scaling.original_context_length")
        return int(known) if known else self.context

    def _whole(self, ids: Sequence[int]) -> Answer:
        """An answer by its tokens, the one that ends it included."""
        ended = bool(ids) and self._is_end(ids[-1])
        said = ids[:-1] if ended else ids
        text = b"".join(map(self._piece, said)).decode("utf-8", errors="replace")
        return Answer(text.strip(), len(said), "stop" if ended else "length")

    def _is_end(self, token: int) -> bool:
        return bool(self._api.llama_vocab_is_eog(self._vocab, token))

    def _threads(self) -> int:
        if self._api.llama_model_n_params(self._model) < _PARAMETERS_FOR_THREADS:
            return 1
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        size = self._api.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, size)]

    def _text_of(self, name: Literal["bos", "eos"]) -> str:
        token = getattr(self._api, f"llama_vocab_{name}")(self._vocab)
        text = self._api.llama_vocab_get_text(self._vocab, token) if token >= 0 else None
        return text.decode("utf-8", "replace") if text else ""

    def _metadata(self, key: str) -> str:
        value = self._value(key)
        if value is None:
            raise InputError(
                f"{self.path} carries no {key}: it was not made by Imprint.",
                hint="`imprint export` makes one that does",
            )
        return value

    def _value(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(1 << 17)
        size = self._api.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8") if size >= 0 else None


def finish(generation: Generation) -> Answer:
    """Run a generation to its end and give the whole answer."""
    while True:
        try:
            next(generation)
        except StopIteration as end:
            return cast(Answer, end.value)


def render(
    template: str, messages: Sequence[Message], bos_token: str, eos_token: str, *, add_generation_prompt: bool = True
) -> str:
    """A chat as text, by its Jinja template; with `add_generation_prompt` up to where the assistant speaks."""

    def raise_exception(message: str) -> NoReturn:
        raise InputError(f"The model's chat template refuses this chat: {message}")

    text: str = _compiled(template).render(
        messages=messages,
        add_generation_prompt=add_generation_prompt,
        bos_token=bos_token,
        eos_token=eos_token,
        raise_exception=raise_exception,
    )
    return text


@functools.lru_cache(maxsize=8)
def _compiled(template: str) -> Any:
    """A template ready to render: to compile it takes longer than some models take to answer."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template)


@contextlib.contextmanager
def _sampler(api: Any, temperature: float, seed: int) -> Iterator[Any]:
    """A llama.cpp sampler chain for the time of a `with` block: greedy at temperature 0."""
    chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
    if temperature > 0:
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_top_p(0.95, 1))
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_temp(temperature))
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_dist(seed))
    else:
        api.llama_sampler_chain_add(chain, api.llama_sampler_init_greedy())
    try:
        yield chain
    finally:
        api.llama_sampler_free(chain)


_quiet: Any = None  # llama.cpp keeps a pointer to it


def _silence(api: Any) -> None:
    """llama.cpp prints pages to stderr; errors come back as values."""
    global _quiet
    if _quiet is None:
        _quiet = api.llama_log_callback(lambda level, text, data: None)
        api.llama_log_set(_quiet, ctypes.c_void_p(0))
