"""What an OpenAI-compatible endpoint sends back, checked: a reply, or why there is none."""

import datetime
import email.utils
import json
import re

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imprint.dataset.answers import Reply

LARGEST_BODY = 4_000_000
"""Bytes; a longer body is not read to its end."""
_PASSING = {408, 409, 425, 429}
"""Statuses that say: not now."""
_ABOUT_THE_REQUEST = re.compile(
    r"context|too long|too large|maximum.{0,20}(length|tokens)|content.?(filter|policy)", re.I
)
_SHOWN = 200
_MOST_TOKENS = 10**9


class Unusable(Exception):
    """No usable answer this time. `reason` is one of a few phrases, `detail` what was found."""

    def __init__(
        self,
        reason: str,
        *,
        detail: str = "",
        may_pass: bool = True,
        is_unreachable: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail[:_SHOWN]
        self.may_pass = may_pass
        """Whether time may heal it: the endpoint is busy, not talking rubbish."""
        self.is_unreachable = is_unreachable
        self.retry_after = retry_after
        """Seconds that the endpoint asks to wait."""


class Refused(Exception):
    """This one request will never be answered; others may."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rejected(Exception):
    """No request will be answered as it is asked: a wrong key, model or address."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(status)
        self.status = status
        self.said = said


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(default=0, ge=0, le=_MOST_TOKENS)
    completion_tokens: int = Field(default=0, ge=0, le=_MOST_TOKENS)


class _Completion(BaseModel):
    model_config = ConfigDict(strict=True)

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def require_success(response: httpx.Response, body: bytes) -> None:
    """Raise what the status stands for: Unusable, Refused, Rejected; nothing for success."""
    status = response.status_code
    if response.is_success:
        return
    if status in _PASSING or status >= 500:
        wait = _retry_after(response.headers.get("Retry-After", ""))
        raise Unusable(f"status {status}", detail=_message(body), retry_after=wait)
    said = _message(body)
    if status == 413 or (status in {400, 422} and _ABOUT_THE_REQUEST.search(said)):
        raise Refused("refused by the endpoint, too long most often")
    raise Rejected(status, said)


def read_reply(body: bytes) -> Reply:
    """The first choice of a completion. Raises Unusable for anything else."""
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise Unusable("not a chat completion", detail=f"{place} {problem['msg']}".strip(), may_pass=False) from error
    choice, usage = completion.choices[0], completion.usage or _Usage()
    return Reply(
        text=choice.message.content,
        finished=choice.finish_reason == "stop",
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
    )


def _message(body: bytes) -> str:
    """What an error's body says, in one line; the shapes of OpenAI, FastAPI and plain text."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = body[: 4 * _SHOWN].decode("utf-8", "replace")
    while isinstance(found, dict):
        found = next((found[name] for name in ("error", "message", "detail") if name in found), "")
    return " ".join(str(found).split())[:_SHOWN]


def _retry_after(value: str) -> float:
    """Seconds of a Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3); 0 where it holds neither."""
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value.strip()):
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=datetime.UTC)
    return max((date - datetime.datetime.now(datetime.UTC)).total_seconds(), 0.0)
