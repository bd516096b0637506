"""The client that asks a model, while the dataset is made or as a judge: concurrent, patient, never twice the same.

It speaks to any OpenAI-compatible endpoint (`POST …/chat/completions`), the base on a local port among them. What an
endpoint answers is not trusted: whatever cannot be used is asked for again a few times, then left out and counted.
"""

import collections
import contextlib
import math
import os
import queue
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
import httpx
from anyio.from_thread import start_blocking_portal
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from imprint.config import Endpoint as EndpointSettings
from imprint.config import Settings
from imprint.dataset.answers import AnswerCache, Reply, Request, digest_request
from imprint.dataset.responses import LARGEST_BODY, Refused, Rejected, Unusable, read_reply, require_success
from imprint.errors import ImprintError, InputError, MachineError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_AUGMENT = "dataset.augment"


@dataclass(frozen=True)
class Endpoint:
    """Who is asked. `open` gives its address when the first answer is not in the cache, and is left at the end."""

    identity: str
    """What tells its answers from another's: a base's digest, or the address."""
    open: Callable[[], AbstractContextManager[str]]
    model: str = ""
    key: str = field(default="", repr=False)
    key_variable: str = ""
    concurrency: int = 8
    max_requests: int | None = None
    price_per_million_tokens: float = 0.0
    section: str = _AUGMENT
    """Where in the settings it stands: what an error tells the user to correct."""


@dataclass(frozen=True)
class Patience:
    """How long and how often an endpoint is waited for. Times are in seconds."""

    attempts: int = 6
    unusable_attempts: int = 3
    """For an answer that came but cannot be used, and for an endpoint that has never answered yet."""
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    longest_retry_after_s: float = 300.0
    """An endpoint that asks to be left alone for longer (Retry-After) is taken to be out of service."""
    connect_s: float = 10.0
    answer_s: float = 600.0
    """For one attempt, from the first byte sent to the last one received."""
    failures_in_a_row: int = 10
    """So many requests failing for good one after another mean that the endpoint is of no use."""


@dataclass
class Usage:
    """What was asked so far, and what it took."""

    sent: int = 0
    """HTTP requests, those that were repeated counted each time."""
    cached: int = 0
    tokens: int = 0
    """Of prompts and answers, as the endpoint counts them; answers from the cache not counted."""
    cost: float = 0.0
    failed: collections.Counter[str] = field(default_factory=collections.Counter)
    """Requests without a usable answer, by reason."""


def remote_endpoint(settings: EndpointSettings, section: str = _AUGMENT) -> Endpoint:
    """The endpoint that this section of the settings names; its key comes from the environment.

    Raises InputError for an address or a key that cannot be sent.
    """
    address = completions_url(settings.url, section)
    key = os.environ.get(settings.key, "").strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise InputError(
            f"The environment variable {settings.key} holds something that is no key: it has blanks or is not ASCII.",
            hint=f"export {settings.key}=…",
        )
    return Endpoint(
        identity=str(address.copy_with(userinfo=b"")),
        open=lambda: contextlib.nullcontext(settings.url),
        model=settings.model,
        key=key,
        key_variable=settings.key,
        concurrency=settings.concurrency,
        max_requests=settings.max_requests,
        price_per_million_tokens=settings.price_per_million_tokens,
        section=section,
    )


def base_endpoint(config: Settings, digest: str, serving: Callable[[], AbstractContextManager[str]]) -> Endpoint:
    """The base itself. `digest` is that of the base; `serving` starts it and gives its address."""
    return Endpoint(
        identity=f"{digest}:{'4-bit' if config.adapter.load_in_4bit else 'whole'}",
        open=serving,
        concurrency=config.evaluation.batch_size,  # it answers in batches
        max_requests=config.dataset.augment.max_requests,
    )


def completions_url(url: str, section: str = _AUGMENT) -> httpx.URL:
    """Where chat completions are at an address that may or may not end in /v1. Raises InputError for a wrong one."""
    try:
        address = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise _wrong_address(url, section) from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise _wrong_address(url, section)
    path = address.path.rstrip("/").removesuffix("/chat/completions")
    if not re.search(r"/v\d\w*(/|$)", path):
        path += "/v1"
    return address.copy_with(path=f"{path}/chat/completions")


class Asker:
    """Asks one endpoint: `with Asker(endpoint, folder) as asker: replies = asker.ask_all(requests)`.

    `find_fault` says what makes a reply unusable, if anything does: it is asked for again, and never kept.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        cache: Path,
        patience: Patience | None = None,
        find_fault: Callable[[Reply], str | None] = lambda reply: None,
    ) -> None:
        self.usage = Usage()
        self._endpoint = endpoint
        self._cache = AnswerCache(cache)
        self._patience = patience or Patience()
        self._find_fault = find_fault
        self._open = contextlib.ExitStack()
        self._address: httpx.URL | None = None
        self._has_answered = False
        self._failures_in_a_row = 0

    def __enter__(self) -> "Asker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    @property
    def left(self) -> int | None:
        """Requests that may still be sent; None where there is no limit."""
        limit = self._endpoint.max_requests
        return None if limit is None else max(limit - self.usage.sent, 0)

    def ask_all(
        self, requests: Sequence[Request], progress: Callable[[int], None] = lambda done: None
    ) -> list[Reply | None]:
        """The replies in the order of the requests, None for one that got no usable answer; `usage.failed` has why.

        The order in which answers come in does not matter. `progress` is called in this thread, with the number of
        requests that are done. Raises MachineError for an endpoint that cannot be reached or used, InputError for a
        wrong address, key or model. On Ctrl-C it sends nothing more and raises at once; what has come in is cached.
        """
        places: dict[str, list[int]] = collections.defaultdict(list)
        for place, request in enumerate(requests):
            places[self._digest(request)].append(place)
        replies: list[Reply | None] = [None] * len(requests)
        missing: list[tuple[str, Request]] = []
        done = 0
        for digest, same in places.items():
            reply = self._cache.read(digest)
            if reply is None:
                missing.append((digest, requests[same[0]]))
                continue
            self.usage.cached += 1
            for place in same:
                replies[place] = reply
            done += len(same)
        progress(done)
        with contextlib.closing(self._ask_missing(missing)) as answers:
            for digest, reply in answers:
                for place in places[digest]:
                    replies[place] = reply
                done += len(places[digest])
                progress(done)
        return replies

    def known(self, requests: Sequence[Request]) -> list[Reply | None]:
        """The replies that are kept from earlier, None for the others; nothing is sent."""
        return [self._cache.read(self._digest(request)) for request in requests]

    def _digest(self, request: Request) -> str:
        return digest_request(request, self._endpoint.model, self._endpoint.identity)

    def _ask_missing(self, missing: list[tuple[str, Request]]) -> Generator[tuple[str, Reply | None], None, None]:
        """Give each reply as it comes in. The event loop has a thread of its own, so that Ctrl-C is met here."""
        if not missing:
            return
        if self._address is None:
            self._address = completions_url(self._open.enter_context(self._endpoint.open()))
        answers: queue.SimpleQueue[tuple[str, Reply | None] | None] = queue.SimpleQueue()
        with start_blocking_portal() as portal:
            work = portal.start_task_soon(self._work, missing, answers.put)
            work.add_done_callback(lambda _: answers.put(None))
            while (answer := answers.get()) is not None:
                yield answer
            work.result()

    async def _work(self, missing: list[tuple[str, Request]], tell: Callable[[tuple[str, Reply | None]], None]) -> None:
        waiting = iter(missing)
        errors: list[ImprintError] = []

        async def work() -> None:
            try:
                for digest, request in waiting:
                    reply = await self._ask(client, request)
                    if reply is not None:
                        self._cache.write(digest, reply)
                    tell((digest, reply))
            except ImprintError as error:
                errors.append(error)
                group.cancel_scope.cancel()

        async with self._client() as client, anyio.create_task_group() as group:
            for _ in range(min(self._endpoint.concurrency, len(missing))):
                group.start_soon(work)
        if errors:
            raise errors[0]

    def _client(self) -> httpx.AsyncClient:
        headers = {"Accept-Encoding": "identity"}  # so that the limit on a body's size is one on what is received
        if self._endpoint.key:
            headers["Authorization"] = f"Bearer {self._endpoint.key}"
        assert self._address is not None
        return httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(None, connect=self._patience.connect_s),
            limits=httpx.Limits(max_connections=self._endpoint.concurrency),
            trust_env=self._address.host not in _LOOPBACK,  # a proxy does not know this machine's ports
        )

    async def _ask(self, client: httpx.AsyncClient, request: Request) -> Reply | None:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Unusable), stop=self._is_enough, wait=self._wait, reraise=True
        )
        try:
            reply: Reply = await retrying(self._send, client, request)
        except Refused as refusal:
            self.usage.failed[refusal.reason] += 1
            return None
        except Unusable as failure:
            self._give_up(failure)
            return None
        self._has_answered = True
        self._failures_in_a_row = 0
        return reply

    async def _send(self, client: httpx.AsyncClient, request: Request) -> Reply:
        if self.left == 0:
            raise Refused(f"over {self._endpoint.section}.max_requests")
        self.usage.sent += 1
        assert self._address is not None
        try:
            with anyio.fail_after(self._patience.answer_s):
                async with client.stream("POST", self._address, json=self._body(request)) as response:
                    body = await _read(response)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unusable("timed out", is_unreachable=isinstance(error, httpx.ConnectTimeout)) from error
        except httpx.HTTPError as error:
            reason = "cannot be connected to" if isinstance(error, httpx.ConnectError) else "the connection broke"
            raise Unusable(
                reason, detail=str(error), is_unreachable=isinstance(error, httpx.ConnectError | httpx.ProxyError)
            ) from error
        try:
            require_success(response, body)
        except Rejected as rejection:
            raise self._explain(rejection) from rejection
        reply = read_reply(body)
        tokens = reply.prompt_tokens + reply.completion_tokens
        self.usage.tokens += tokens
        self.usage.cost += tokens * self._endpoint.price_per_million_tokens / 1e6
        if (fault := self._find_fault(reply)) is not None:
            raise Unusable(fault, detail=reply.text, may_pass=False)
        return reply

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "messages": [{"role": role, "content": content} for role, content in request.messages],
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
        }
        return body | ({"model": self._endpoint.model} if self._endpoint.model else {})

    def _is_enough(self, state: RetryCallState) -> bool:
        failure = _failure(state)
        if self.left == 0 or failure.retry_after > self._patience.longest_retry_after_s:
            return True
        few = not failure.may_pass or (failure.is_unreachable and not self._has_answered)
        return state.attempt_number >= (self._patience.unusable_attempts if few else self._patience.attempts)

    def _wait(self, state: RetryCallState) -> float:
        patience = self._patience
        first, longest = patience.first_wait_s, patience.longest_wait_s
        wait = wait_exponential_jitter(multiplier=first, max=longest, jitter=first)
        return max(wait(state), _failure(state).retry_after)

    def _give_up(self, failure: Unusable) -> None:
        """Count a request that failed for good; raises MachineError where it is the endpoint that fails."""
        self.usage.failed[failure.reason] += 1
        self._failures_in_a_row += 1
        detail = f" ({self._without_key(failure.detail)})" if failure.detail else ""
        section = self._endpoint.section
        if failure.is_unreachable:
            raise MachineError(
                f"{self._name} cannot be reached: {failure.reason}{detail}.",
                hint=f"start it or correct {section}.url; answers so far are kept, and not asked for again",
            )
        if failure.retry_after > self._patience.longest_retry_after_s:
            raise MachineError(
                f"{self._name} asks to be left alone for {math.ceil(failure.retry_after)} s ({failure.reason}).",
                hint="start again later; answers so far are kept, and not asked for again",
            )
        if self._failures_in_a_row >= self._patience.failures_in_a_row:
            raise MachineError(
                f"{self._name} gave no usable answer to {self._failures_in_a_row} requests in a row; "
                f"the last: {failure.reason}{detail}.",
                hint=f"look at the endpoint, or set {section}.concurrency lower; answers so far are kept",
            )

    def _explain(self, rejection: Rejected) -> InputError:
        said = f": {self._without_key(rejection.said)}" if rejection.said else ""
        found = f"{self._name} answers with status {rejection.status}{said}"
        variable, section = self._endpoint.key_variable, self._endpoint.section
        if rejection.status in {401, 403} and variable:
            state = f"the key in {variable} is not accepted" if self._endpoint.key else f"{variable} is not set"
            return InputError(f"{found}. {state}.", hint=f"export {variable}=…, or {section}.key=VARIABLE")
        model = f"the model {self._endpoint.model!r}" if self._endpoint.model else "no model named"
        return InputError(
            f"{found}. It was asked for chat completions, with {model}.",
            hint=f"correct {section}.url or {section}.model",
        )

    def _without_key(self, text: str) -> str:
        return text.replace(self._endpoint.key, "…") if self._endpoint.key else text

    @property
    def _name(self) -> str:
        return "" if self._address is None else str(self._address.copy_with(userinfo=b"", query=None))


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LARGEST_BODY:
            raise Unusable("the answer is too large", may_pass=False)
    return bytes(body)


def _failure(state: RetryCallState) -> Unusable:
    failure = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(failure, Unusable)
    return failure


def _wrong_address(url: str, section: str) -> InputError:
    base = "`base` or " if section == _AUGMENT else ""
    return InputError(
        f"{section}.url is {url!r}; expected {base}an address such as http://127.0.0.1:8000/v1.",
        hint=f"{section}.url=http://HOST:PORT/v1",
    )
