"""The base behind an OpenAI-compatible address on this machine, before there is an adapter.

It answers greedily. Requests that wait at the same time are generated as one batch.
"""

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from imprint import base
from imprint.adapter.rows import end_token
from imprint.config import Settings
from imprint.errors import BaseError, InputError
from imprint.model.weights import load

_GATHERING_S = 0.02
"""How long the first of a batch waits for others."""


@dataclass(frozen=True)
class Said:
    """What the base said to one prompt."""

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class _Waiting:
    prompt: list[int]
    max_tokens: int
    said: "Future[Said]" = field(default_factory=Future)


class _Rooms(StoppingCriteria):
    """Stops each row of a batch at its own number of tokens."""

    def __init__(self, width: int, rooms: torch.Tensor) -> None:
        self._width = width
        self._rooms = rooms

    def __call__(self, input_ids: Any, scores: Any, **unused: Any) -> Any:
        return input_ids.shape[1] - self._width >= self._rooms


class Answering:
    """The base's model, its tokenizer, and one thread that generates for all who wait."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._tokenizer.padding_side = "left"
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = end_token(tokenizer)
        known = model.generation_config.eos_token_id
        self._ends = {tokenizer.convert_tokens_to_ids(end_token(tokenizer))}
        self._ends |= set(known if isinstance(known, list) else [known]) - {None}
        self._batch_size = batch_size
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def ask(self, messages: Sequence[dict[str, str]], max_tokens: int) -> "Future[Said]":
        """Hand in a conversation. Raises InputError for one that the context does not hold or the template refuses."""
        try:
            text = self._tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        except Exception as error:  # a template is a program, and raises what it likes
            raise InputError(f"The base's chat template refuses these messages: {error}.") from error
        prompt = self._tokenizer(text, add_special_tokens=False).input_ids
        context = self._model.config.max_position_embeddings
        if len(prompt) + max_tokens > context:
            raise InputError(
                f"The context holds {context} tokens; the prompt has {len(prompt)} and asks for {max_tokens} more."
            )
        waiting = _Waiting(prompt, max_tokens)
        self._waiting.put(waiting)
        return waiting.said

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < self._batch_size:
                try:
                    batch.append(self._waiting.get(timeout=_GATHERING_S))
                except queue.Empty:
                    break
            self._answer(batch)

    def _answer(self, batch: list[_Waiting]) -> None:
        try:
            for waiting, said in zip(batch, self._generate(batch), strict=True):
                waiting.said.set_result(said)
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                batch[0].said.set_exception(error)
                return
            torch.cuda.empty_cache()
            self._batch_size = half = (len(batch) + 1) // 2
            self._answer(batch[:half])
            self._answer(batch[half:])
        except Exception as error:  # told to those who wait; the thread goes on for the others
            for waiting in batch:
                waiting.said.set_exception(error)

    @torch.inference_mode()
    def _generate(self, batch: list[_Waiting]) -> list[Said]:
        padded = self._tokenizer.pad({"input_ids": [waiting.prompt for waiting in batch]}, return_tensors="pt")
        width = padded["input_ids"].shape[1]
        rooms = torch.tensor([waiting.max_tokens for waiting in batch], device=self._model.device)
        given = self._model.generate(
            **padded.to(self._model.device),
            max_new_tokens=int(rooms.max()),
            do_sample=False,
            eos_token_id=sorted(self._ends),
            pad_token_id=self._tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList([_Rooms(width, rooms)]),
        )
        answers = zip(batch, given[:, width:].tolist(), strict=True)
        return [self._said(waiting, ids[: waiting.max_tokens]) for waiting, ids in answers]

    def _said(self, waiting: _Waiting, ids: list[int]) -> Said:
        stop = next((place for place, token in enumerate(ids) if token in self._ends), None)
        text = self._tokenizer.decode(ids[:stop], skip_special_tokens=True).strip()
        tokens = len(ids) if stop is None else stop + 1
        return Said(text, "length" if stop is None else "stop", len(waiting.prompt), tokens)


def serve(config: Settings, tell: Callable[[str], None]) -> None:
    """Load the base, tell its address, answer until the process ends. Raises BaseError where the base does not load."""
    import uvicorn

    app = create_app(_load(config), config.base)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tell(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def create_app(answering: Answering, name: str) -> Any:
    """The FastAPI application: `POST /v1/chat/completions` (greedy, not streamed) and `GET /v1/models`."""
    import asyncio

    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse
    from pydantic import BaseModel, Field

    class Message(BaseModel):
        role: Literal["system", "user", "assistant"]
        content: str

    class Conversation(BaseModel):
        """What is read of a request; the model's name, the temperature and the seed decide nothing here."""

        messages: list[Message] = Field(min_length=1)
        max_tokens: int = Field(default=256, ge=1)

    app = FastAPI(title="The base")

    @app.exception_handler(InputError)
    async def refuse(request: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"error": {"message": error.message}}, 400)

    @app.exception_handler(torch.OutOfMemoryError)
    async def give_up(request: Request, error: torch.OutOfMemoryError) -> JSONResponse:
        return JSONResponse({"error": {"message": "too long for the memory"}}, 413)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "imprint"}]}

    @app.post("/v1/chat/completions")
    async def complete(body: Conversation) -> dict[str, Any]:
        messages = [message.model_dump() for message in body.messages]
        said = await asyncio.wrap_future(answering.ask(messages, body.max_tokens))
        message = {"role": "assistant", "content": said.text}
        return {
            "object": "chat.completion",
            "model": name,
            "choices": [{"index": 0, "message": message, "finish_reason": said.finish_reason}],
            "usage": {
                "prompt_tokens": said.prompt_tokens,
                "completion_tokens": said.completion_tokens,
                "total_tokens": said.prompt_tokens + said.completion_tokens,
            },
        }

    return app


def _load(config: Settings) -> Answering:
    found = base.of(config)
    on_gpu = torch.cuda.is_available()
    try:
        # In 4 bits where the training will load it so: then it fits where the training does.
        model, tokenizer = load(found, None, four_bit=config.adapter.filled().load_in_4bit and on_gpu, dequantize=False)
        tokenizer.chat_template = base.chat_template(found)
        return Answering(model, tokenizer, config.evaluation.batch_size)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # the libraries raise whatever a damaged file makes them meet
        raise BaseError(
            f"The base {config.base} cannot be loaded: {type(error).__name__}: {error}",
            hint="fetch or save it again, or take base=embedded",
        ) from error
