"""The client of an OpenAI-compatible endpoint, against a real one that also errs, stalls and talks rubbish."""

import datetime
import email.utils
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.dataset.endpoint import Body, Endpoint, Response, completion, echo, running_endpoint, wait_until

from imprint.config import Augment
from imprint.dataset.answers import Request
from imprint.dataset.asking import Asker, Patience, completions_url, remote_endpoint
from imprint.dataset.asking import Endpoint as Asked
from imprint.errors import InputError, MachineError

SHORT = Patience(attempts=4, first_wait_s=0.01, longest_wait_s=0.05, connect_s=2, answer_s=10)
KEY = "sk-a-very-secret-key"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "answers"


def requests(count: int, text: str = "question") -> list[Request]:
    return [Request((("user", f"{text} {number}"),), max_tokens=20) for number in range(count)]


def ask(
    url: str, cache: Path, asked: list[Request], *, patience: Patience = SHORT, **settings: Any
) -> tuple[list[str | None], Asker]:
    augment = Augment(url=url, model=settings.pop("model", "m"), key="TEST_KEY", **settings)
    with Asker(remote_endpoint(augment), cache, patience) as asker:
        replies = asker.ask_all(asked)
    return [reply.text if reply is not None else None for reply in replies], asker


def first_times(count: int, response: Response) -> Callable[[Body], Response]:
    """This response the first `count` times that each question is asked, then an answer."""
    seen: dict[str, int] = {}
    lock = threading.Lock()

    def answer(body: Body) -> Response:
        prompt = body["messages"][-1]["content"]
        with lock:
            seen[prompt] = seen.get(prompt, 0) + 1
            return response if seen[prompt] <= count else echo(body)

    return answer


ANSWERS = [f"You asked: question {number}" for number in range(40)]

# ---- asking ---------------------------------------------------------------------------------------------------------


def test_answers_come_in_the_order_of_the_requests_whatever_order_they_arrive_in(
    endpoint: Endpoint, cache: Path
) -> None:
    def late_first(body: Body) -> Response:
        time.sleep(0.1 if body["messages"][-1]["content"] in {"question 0", "question 3"} else 0)
        return echo(body)

    endpoint.answer = late_first
    answers, asker = ask(endpoint.url, cache, requests(20), concurrency=4, price_per_million_tokens=2.0)
    assert answers == ANSWERS[:20]
    assert 2 <= endpoint.most_at_once <= 4
    assert (asker.usage.sent, asker.usage.tokens) == (20, 200)
    assert asker.usage.cost == pytest.approx(200 * 2 / 1e6)
    assert endpoint.asked[0].keys() == {"messages", "max_tokens", "temperature", "seed", "model"}


def test_a_restart_repeats_no_request(endpoint: Endpoint, cache: Path) -> None:
    first, _ = ask(endpoint.url, cache, requests(10))
    again, asker = ask(endpoint.url, cache, requests(12))
    assert again[:10] == first
    assert len(endpoint.asked) == 12
    assert (asker.usage.sent, asker.usage.cached) == (2, 10)


def test_the_same_question_is_sent_once(endpoint: Endpoint, cache: Path) -> None:
    answers, _ = ask(endpoint.url, cache, requests(3) * 4)
    assert answers == ANSWERS[:3] * 4
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"model": "another"},
        {"url": "/other/v1"},
        {"request": Request((("user", "question 0"),), max_tokens=21)},
        {"request": Request((("user", "question 0"),), max_tokens=20, temperature=0.5)},
        {"request": Request((("user", "question 0"),), max_tokens=20, seed=1)},
        {"request": Request((("system", "s"), ("user", "question 0")), max_tokens=20)},
    ],
)
def test_an_answer_holds_only_for_what_decided_it(endpoint: Endpoint, cache: Path, other: dict[str, Any]) -> None:
    ask(endpoint.url, cache, requests(1))
    asked = [other["request"]] if "request" in other else requests(1)
    ask(endpoint.url + other.get("url", ""), cache, asked, model=other.get("model", "m"))
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"text": 3}', b"\xff\xfe\x00", b'{"text": "a"}'])
def test_a_damaged_answer_on_disk_is_asked_for_again_and_rewritten(
    endpoint: Endpoint, cache: Path, damage: bytes
) -> None:
    ask(endpoint.url, cache, requests(3))
    file = sorted(cache.rglob("*.json"))[1]
    whole = file.read_bytes()
    file.write_bytes(damage)
    answers, _ = ask(endpoint.url, cache, requests(3))
    assert answers == ANSWERS[:3]
    assert len(endpoint.asked) == 4
    assert file.read_bytes() == whole


def test_the_cache_holds_answers_in_folders_and_neither_questions_nor_key(
    endpoint: Endpoint, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    endpoint.answer = lambda body: completion("fine")
    ask(endpoint.url, cache, requests(1))
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    (file,) = (path for path in cache.rglob("*") if path.is_file())
    assert file.relative_to(cache).parts == (file.stem[:2], file.stem[2:4], file.name)
    assert json.loads(file.read_text()) == {
        "text": "fine",
        "finished": True,
        "prompt_tokens": 7,
        "completion_tokens": 3,
    }


def test_a_folder_that_takes_no_files_is_told(
    endpoint: Endpoint, public_folder: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    public_folder.chmod(0o500)
    with as_nobody(), pytest.raises(MachineError, match="cannot be written to"):
        ask(endpoint.url, public_folder / "answers", requests(3))


def test_an_answer_that_was_cut_off_says_so(endpoint: Endpoint, cache: Path) -> None:
    endpoint.answer = lambda body: completion("and then", "length")
    with Asker(remote_endpoint(Augment(url=endpoint.url)), cache, SHORT) as asker:
        (reply,) = asker.ask_all(requests(1))
    assert reply is not None
    assert not reply.finished
    assert "model" not in endpoint.asked[0]


def test_the_limit_is_one_on_requests_sent_and_not_on_answers_from_the_cache(endpoint: Endpoint, cache: Path) -> None:
    answers, asker = ask(endpoint.url, cache, requests(10), max_requests=4)
    assert answers == ANSWERS[:4] + [None] * 6
    assert len(endpoint.asked) == 4
    assert asker.left == 0
    assert asker.usage.failed == {"over dataset.augment.max_requests": 6}
    answers, _ = ask(endpoint.url, cache, requests(10), max_requests=4)
    assert answers == ANSWERS[:8] + [None] * 2


def test_a_repeated_request_counts_against_the_limit(endpoint: Endpoint, cache: Path) -> None:
    endpoint.answer = first_times(1, Response({}, 500))
    ask(endpoint.url, cache, requests(10), max_requests=5, concurrency=2)
    assert len(endpoint.asked) == 5


def test_progress_is_told_in_this_thread_up_to_the_whole(endpoint: Endpoint, cache: Path) -> None:
    ask(endpoint.url, cache, requests(3))
    told: list[tuple[int, bool]] = []
    with Asker(remote_endpoint(Augment(url=endpoint.url, model="m")), cache, SHORT) as asker:
        asker.ask_all(
            requests(8), lambda done: told.append((done, threading.current_thread() is threading.main_thread()))
        )
    assert told == [(done, True) for done in range(3, 9)]


def test_the_address_is_opened_at_the_first_question_that_the_cache_cannot_answer(
    endpoint: Endpoint, cache: Path
) -> None:
    told: list[str] = []

    @contextmanager
    def serving() -> Iterator[str]:
        told.append("open")
        yield endpoint.url
        told.append("closed")

    asked = Asked(identity="base", open=serving)
    with Asker(asked, cache, SHORT) as asker:
        assert told == []
        asker.ask_all(requests(2))
        asker.ask_all(requests(3))
        assert told == ["open"]
    assert told == ["open", "closed"]
    with Asker(asked, cache, SHORT) as asker:
        asker.ask_all(requests(3))
    assert told == ["open", "closed"]


# ---- an endpoint in trouble -----------------------------------------------------------------------------------------

RUBBISH: list[Any] = [
    b"",
    b"<html>hello</html>",
    b'{"choices": [{"message": {"content": "cut',
    b"\xff\xfe\x00\x01",
    b"[" * 100_000,
    [],
    {},
    {"choices": []},
    {"choices": None},
    {"choices": [3]},
    {"choices": [{"message": {"content": None}}]},
    {"choices": [{"message": {"content": 5}}]},
    {"choices": [{"message": {"content": "x"}, "finish_reason": 5}]},
    {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": -1}},
    {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 10**400}},
    b'{"choices": [{"message": {"content": "\\ud800"}}]}',
]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_is_asked_for_again_then_left_out_and_counted(endpoint: Endpoint, cache: Path, rubbish: Any) -> None:
    def one_bad(body: Body) -> Response:
        return Response(rubbish) if body["messages"][-1]["content"] == "question 1" else echo(body)

    endpoint.answer = one_bad
    answers, asker = ask(endpoint.url, cache, requests(3))
    assert answers == [ANSWERS[0], None, ANSWERS[2]]
    assert asker.usage.failed == {"not a chat completion": 1}
    assert endpoint.prompts.count("question 1") == SHORT.unusable_attempts
    assert len(list(cache.rglob("*.json"))) == 2


def test_a_huge_body_is_not_read_to_its_end(endpoint: Endpoint, cache: Path) -> None:
    endpoint.answer = first_times(1, Response(b"[" + b" " * 30_000_000 + b"]"))
    answers, _ = ask(endpoint.url, cache, requests(1))
    assert answers == ANSWERS[:1]
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_a_passing_status_is_waited_out(endpoint: Endpoint, cache: Path, status: int) -> None:
    endpoint.answer = first_times(2, Response({"error": {"message": "busy"}}, status))
    answers, asker = ask(endpoint.url, cache, requests(4))
    assert answers == ANSWERS[:4]
    assert asker.usage.sent == 12
    assert not asker.usage.failed


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(endpoint: Endpoint, cache: Path, form: str) -> None:
    arrivals: list[float] = []

    def busy_once(body: Body) -> Response:
        arrivals.append(time.monotonic())
        if len(arrivals) > 1:
            return echo(body)
        # A date has no fractions: two seconds from now may be little more than one.
        date = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
        value = "1" if form == "seconds" else email.utils.format_datetime(date, usegmt=True)
        return Response({}, 429, {"Retry-After": value})

    endpoint.answer = busy_once
    answers, _ = ask(endpoint.url, cache, requests(1))
    assert answers == ANSWERS[:1]
    assert arrivals[1] - arrivals[0] >= 0.9


def test_an_endpoint_that_wants_to_be_left_alone_for_long_is_out_of_service(endpoint: Endpoint, cache: Path) -> None:
    endpoint.answer = lambda body: Response({}, 503, {"Retry-After": "3600"})
    with pytest.raises(MachineError, match=r"to be left alone for 3600 s \(status 503\)"):
        ask(endpoint.url, cache, requests(1))
    assert len(endpoint.asked) == 1


def test_a_stalled_request_times_out_and_is_asked_again(endpoint: Endpoint, cache: Path) -> None:
    seen: set[str] = set()

    def stalls_once(body: Body) -> Response:
        prompt = body["messages"][-1]["content"]
        if prompt == "question 1" and prompt not in seen:
            seen.add(prompt)
            endpoint.stall()
        return echo(body)

    endpoint.answer = stalls_once
    quick = Patience(attempts=2, first_wait_s=0.01, answer_s=0.5)
    answers, asker = ask(endpoint.url, cache, requests(3), patience=quick)
    assert answers == ANSWERS[:3]
    assert asker.usage.sent == 4


def test_a_request_that_always_stalls_is_left_out(endpoint: Endpoint, cache: Path) -> None:
    def stalls(body: Body) -> Response:
        if body["messages"][-1]["content"] == "question 1":
            endpoint.stall()
        return echo(body)

    endpoint.answer = stalls
    quick = Patience(attempts=2, first_wait_s=0.01, answer_s=0.3)
    answers, asker = ask(endpoint.url, cache, requests(3), patience=quick)
    assert answers == [ANSWERS[0], None, ANSWERS[2]]
    assert asker.usage.failed == {"timed out": 1}


@pytest.mark.parametrize("headers", [{"Content-Length": "1000"}, {"Transfer-Encoding": "chunked"}])
def test_a_connection_that_breaks_is_made_again(endpoint: Endpoint, cache: Path, headers: dict[str, str]) -> None:
    endpoint.answer = first_times(1, Response(None))
    answers, _ = ask(endpoint.url, cache, requests(5))
    assert answers == ANSWERS[:5]
    assert len(endpoint.asked) == 10

    endpoint.answer = first_times(1, Response(b"{", headers={**headers, "Connection": "close"}))
    answers, _ = ask(endpoint.url, cache, requests(2, "another question"))
    assert None not in answers


def test_an_endpoint_that_only_fails_is_given_up(endpoint: Endpoint, cache: Path) -> None:
    endpoint.answer = lambda body: Response({"error": "no memory"}, 500)
    with pytest.raises(MachineError, match=r"no usable answer to 10 requests in a row; the last: status 500 \(no mem"):
        ask(endpoint.url, cache, requests(200), concurrency=4)
    assert len(endpoint.asked) < 100


def test_an_endpoint_that_is_not_there_is_told(cache: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(
        MachineError, match=rf"http://127\.0\.0\.1:{port}/v1/chat/completions cannot be reached"
    ) as told:
        ask(f"http://127.0.0.1:{port}", cache, requests(5))
    assert "dataset.augment.url" in told.value.hint


def test_an_endpoint_that_goes_away_keeps_what_it_said(cache: Path) -> None:
    with running_endpoint() as endpoint:
        ask(endpoint.url, cache, requests(5))
    with pytest.raises(MachineError):
        ask(endpoint.url, cache, requests(6))
    assert ask(endpoint.url, cache, requests(5))[0] == ANSWERS[:5]


# ---- what the user has wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_told_at_once_and_not_shown(
    endpoint: Endpoint, cache: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    endpoint.answer = lambda body: Response({"error": {"message": f"Incorrect API key provided: {KEY}."}}, status)
    with pytest.raises(InputError, match="TEST_KEY is not set"):
        ask(endpoint.url, cache, requests(1))
    monkeypatch.setenv("TEST_KEY", KEY)
    with pytest.raises(InputError, match=r"Incorrect API key provided: ….*the key in TEST_KEY is not accepted") as told:
        ask(endpoint.url, cache, requests(50), concurrency=1)
    assert len(endpoint.asked) == 2
    assert "export TEST_KEY" in told.value.hint
    shown = [
        told.value,
        told.value.__cause__,
        told.value.hint,
        remote_endpoint(Augment(url="http://a", key="TEST_KEY")),
    ]
    assert KEY not in repr(shown)


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (Response({"error": {"message": "The model `m` does not exist"}}, 404), "The model `m` does not exist"),
        (Response({"detail": "Not Found"}, 404), "Not Found"),
        (Response({"error": {"message": "Unsupported parameter"}}, 400), "Unsupported parameter"),
        (Response(b"moved", 301, {"Location": "https://example.com/"}), "status 301"),
        (Response(b"", 418), "status 418"),
    ],
)
def test_another_refusal_ends_it_at_once(endpoint: Endpoint, cache: Path, response: Response, says: str) -> None:
    endpoint.answer = lambda body: response
    with pytest.raises(InputError, match=says) as told:
        ask(endpoint.url, cache, requests(20), concurrency=1)
    assert len(endpoint.asked) == 1
    assert "the model 'm'" in told.value.message
    assert "dataset.augment.model" in told.value.hint


@pytest.mark.parametrize(
    "response",
    [
        Response({"error": {"code": "context_length_exceeded", "message": "maximum context length is 4096"}}, 400),
        Response({"error": {"message": "Prompt is too long"}}, 422),
        Response(b"", 413),
    ],
)
def test_a_question_too_long_for_the_model_is_left_out_alone(
    endpoint: Endpoint, cache: Path, response: Response
) -> None:
    endpoint.answer = lambda body: response if body["messages"][-1]["content"] == "question 1" else echo(body)
    answers, asker = ask(endpoint.url, cache, requests(3))
    assert answers == [ANSWERS[0], None, ANSWERS[2]]
    assert len(endpoint.asked) == 3
    assert asker.usage.failed.total() == 1


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://a:1", "/v1/chat/completions"),
        ("http://a:1/", "/v1/chat/completions"),
        ("http://a:1/v1", "/v1/chat/completions"),
        ("http://a:1/v1/", "/v1/chat/completions"),
        ("http://a:1/api/v1", "/api/v1/chat/completions"),
        ("http://a:1/proxy", "/proxy/v1/chat/completions"),
        ("https://a/v1beta/openai/", "/v1beta/openai/chat/completions"),
        ("http://a:1/v1/chat/completions", "/v1/chat/completions"),
        ("https://a/v1?api-version=3", "/v1/chat/completions?api-version=3"),
    ],
)
def test_the_address_may_end_in_v1_or_not(url: str, path: str) -> None:
    assert completions_url(url).raw_path.decode() == path


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://a/v1", "http://", "bases", "http://a:port", "http://[::1"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(InputError, match=r"dataset\.augment\.url is '.*'; expected `base` or an address"):
        remote_endpoint(Augment(url=url))


@pytest.mark.parametrize("key", ["sk\nX-Other: 1", "schlüssel", "two words"])
def test_a_key_that_cannot_be_sent_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("TEST_KEY", key)
    with pytest.raises(InputError, match="TEST_KEY holds something that is no key") as told:
        remote_endpoint(Augment(url="http://a", key="TEST_KEY"))
    assert key not in told.value.message


def test_a_proxy_is_not_asked_for_this_machine(
    endpoint: Endpoint, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert ask(endpoint.url, cache, requests(2))[0] == ANSWERS[:2]


# ---- Ctrl-C ---------------------------------------------------------------------------------------------------------

ASKING = """
import sys
from pathlib import Path
from imprint.config import Augment
from imprint.dataset.answers import Request
from imprint.dataset.asking import Asker, remote_endpoint
requests = [Request((("user", f"question {number}"),), max_tokens=20) for number in range(40)]
try:
    with Asker(remote_endpoint(Augment(url=sys.argv[1], model="m", concurrency=4)), Path(sys.argv[2])) as asker:
        asker.ask_all(requests)
except KeyboardInterrupt:
    print("stopped")
"""


def test_ctrl_c_stops_at_once_and_what_was_answered_is_not_asked_again(endpoint: Endpoint, cache: Path) -> None:
    def stalls_later(body: Body) -> Response:
        if int(body["messages"][-1]["content"].split()[-1]) >= 6:
            endpoint.stall()
        return echo(body)

    endpoint.answer = stalls_later
    process = subprocess.Popen(
        [sys.executable, "-c", ASKING, endpoint.url, str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    wait_until(lambda: len(endpoint.asked) == 10 and len(list(cache.rglob("*.json"))) == 6)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=20)  # the endpoint stalls for longer
    assert (process.returncode, out, told) == (0, "stopped\n", "")
    assert len(endpoint.asked) == 10

    endpoint.answer = echo
    endpoint.asked.clear()
    assert ask(endpoint.url, cache, requests(40))[0] == ANSWERS
    assert sorted(endpoint.prompts) == sorted(f"question {number}" for number in range(6, 40))
