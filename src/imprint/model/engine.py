"""A GGUF turned into tokens: llama.cpp through llama-cpp-python's low-level API, one sequence at a time.

The prompt format is the GGUF's own chat template. It is code from a file, so it runs in Jinja's sandbox
(CVE-2024-34359).
"""

import codecs
import contextlib
import ctypes
import itertools
import math
import os
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypedDict, cast

from imprint.errors import InputError, MachineError

_BATCH = 512
# In a smaller model threads wait for each other longer than they work; on a busy machine a hundred times longer.
_PARAMETERS_FOR_THREADS = 30_000_000

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
    for. Raises MachineError when the file cannot be loaded.
    """

    def __init__(self, path: Path, *, context: int, seed: int = 0) -> None:
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
        options = llama_cpp.llama_context_default_params()
        # Beyond its positions a model talks nonsense; one that has learned them, such as GPT-2, ends the process there.
        options.n_ctx = min(context, llama_cpp.llama_model_n_ctx_train(self._model))
        options.n_batch = options.n_ubatch = min(_BATCH, options.n_ctx)
        options.n_seq_max = 1
        options.kv_unified = False
        options.n_threads = options.n_threads_batch = self._threads()
        self._context = llama_cpp.llama_init_from_model(self._model, options)
        if not self._context:
            raise MachineError(
                f"There is not enough memory for a context of {context} tokens.", hint="set service.context lower"
            )
        self.context = int(options.n_ctx)  # more is allocated: llama.cpp rounds it up
        self.template = self._metadata("tokenizer.chat_template")
        self._batch = llama_cpp.llama_batch_init(_BATCH, 0, 1)

    def close(self) -> None:
        """Give the memory back; the engine cannot be used after it."""
        with self._lock:
            if self._model:
                self._api.llama_batch_free(self._batch)
                self._api.llama_free(self._context)
                self._api.llama_model_free(self._model)
                self._model = self._context = None

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

    def negative_log_likelihood(self, prompt: Sequence[int], answer: Sequence[int]) -> float:
        """Sum over `answer` of -ln p(token | what stands before it), in nats."""
        ids = [*prompt, *answer]
        if len(ids) > self.context:
            raise InputError(f"{len(ids)} tokens do not fit in a context of {self.context}.")
        total = 0.0
        with self._lock:
            self._clear()
            for start in range(0, len(ids), _BATCH):
                chunk = ids[start : start + _BATCH]
                wanted = [index for index in range(len(chunk)) if len(prompt) <= start + index + 1 < len(ids)]
                self._decode(chunk, start, wanted)
                for index in wanted:
                    total += self._surprise(index, ids[start + index + 1])
        return total

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
                if self._api.llama_vocab_is_eog(self._vocab, token):
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
            self._clear()
            for start in range(0, len(prompt), _BATCH):
                chunk = prompt[start : start + _BATCH]
                self._decode(chunk, start, [len(chunk) - 1])
            for position in itertools.count(len(prompt)):
                token = int(self._api.llama_sampler_sample(sampler, self._context, -1))
                yield token
                self._decode([token], position, [0])

    def _threads(self) -> int:
        if self._api.llama_model_n_params(self._model) < _PARAMETERS_FOR_THREADS:
            return 1
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def _decode(self, ids: Sequence[int], position: int, wanted: Sequence[int]) -> None:
        """Run a chunk of at most _BATCH tokens; logits are kept for the indices in `wanted`."""
        batch = self._batch
        batch.n_tokens = len(ids)
        for index, token in enumerate(ids):
            batch.token[index] = token
            batch.pos[index] = position + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = 0
            batch.logits[index] = 0
        for index in wanted:
            batch.logits[index] = 1
        code = self._api.llama_decode(self._context, batch)
        if code != 0:
            raise MachineError(f"llama.cpp could not decode (code {code}): most often memory ran out.")

    def _surprise(self, index: int, token: int) -> float:
        """-ln p(token) by the logits of a chunk's index."""
        import numpy as np

        size = self._api.llama_vocab_n_tokens(self._vocab)
        pointer = self._api.llama_get_logits_ith(self._context, index)
        logits = np.ctypeslib.as_array(pointer, shape=(size,)).astype(np.float64)
        top = float(logits.max())
        return top + math.log(float(np.exp(logits - top).sum())) - float(logits[token])

    def _clear(self) -> None:
        self._api.llama_memory_clear(self._api.llama_get_memory(self._context), True)

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        size = self._api.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(0, size)]

    def _text_of(self, name: Literal["bos", "eos"]) -> str:
        token = getattr(self._api, f"llama_vocab_{name}")(self._vocab)
        text = self._api.llama_vocab_get_text(self._vocab, token) if token >= 0 else None
        return text.decode("utf-8", "replace") if text else ""

    def _metadata(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(1 << 17)
        size = self._api.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        if size < 0:
            raise InputError(
                f"{self.path} carries no {key}: it was not made by Imprint.",
                hint="`imprint export` makes one that does",
            )
        return buffer.value.decode("utf-8")


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
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)

    def raise_exception(message: str) -> NoReturn:
        raise InputError(f"The model's chat template refuses this chat: {message}")

    return environment.from_string(template).render(
        messages=messages,
        add_generation_prompt=add_generation_prompt,
        bos_token=bos_token,
        eos_token=eos_token,
        raise_exception=raise_exception,
    )


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
