"""The model over HTTP: `GET /health` and `POST /generate`, by FastAPI."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from imprint.config import Service
from imprint.errors import ImprintError, InputError, MachineError
from imprint.model.engine import Generation, finish
from imprint.service.served import Served


def create_app(served: Served) -> Any:
    """The FastAPI application for a loaded model."""
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse, StreamingResponse
    from pydantic import BaseModel, ConfigDict, Field

    class Prompt(BaseModel):
        """What `/generate` takes."""

        model_config = ConfigDict(extra="forbid")

        prompt: str = Field(min_length=1)
        max_tokens: int | None = Field(default=None, ge=1)
        temperature: float | None = Field(default=None, ge=0, le=2)
        stream: bool = False

    app = FastAPI(title="Imprint", description="A model that answers from a folder of documents.")

    @app.exception_handler(ImprintError)
    async def refuse(request: Request, error: ImprintError) -> JSONResponse:
        status = 400 if isinstance(error, InputError) else 500
        return JSONResponse({"error": {"message": error.message, "hint": error.hint}}, status)

    @app.get("/health")
    def health() -> dict[str, str | None]:
        """Whether the model answers, which it is, and the word of its verdict."""
        return {"status": "ok", "model": served.name, "run": served.run, "verdict": served.verdict}

    @app.post("/generate", response_model=None)
    def generate(body: Prompt) -> dict[str, Any] | StreamingResponse:
        """Answer a prompt: as JSON, or with `stream` as plain text while it is made."""
        generation = served.generate(body.prompt, body.max_tokens, body.temperature)
        if body.stream:
            return StreamingResponse(_pieces(generation), media_type="text/plain; charset=utf-8")
        answer = finish(generation)
        return {"text": answer.text, "finish_reason": answer.finish_reason, "tokens": answer.tokens}

    return app


def serve(served: Served, settings: Service, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is told the address. Raises MachineError where the port is taken."""
    import uvicorn

    with _listen(settings) as listener:
        host, port = listener.getsockname()[:2]
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        config = uvicorn.Config(create_app(served), log_level="warning", access_log=False, timeout_graceful_shutdown=10)
        with contextlib.suppress(KeyboardInterrupt):  # how uvicorn passes on the signal that ended it
            uvicorn.Server(config).run(sockets=[listener])


def _listen(settings: Service) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen()  # from here on who connects waits until the server takes over
    except OSError as error:
        listener.close()
        raise MachineError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror or error}.",
            hint=f"choose another port, for example service.port={min(settings.port + 1, 65535)}",
        ) from error
    return listener


async def _pieces(generation: Generation) -> AsyncIterator[str]:
    """The pieces, each made in a thread; a client that leaves ends the generation."""
    from starlette.concurrency import run_in_threadpool

    try:
        while (piece := await run_in_threadpool(next, generation, None)) is not None:
            yield piece
    finally:
        generation.close()
