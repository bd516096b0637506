"""The model over HTTP, with an engine behind it that repeats what it is asked."""

import asyncio
import socket
from typing import Any

import httpx
import pytest

from imprint.config import Service
from imprint.errors import MachineError
from imprint.service import Served, create_app, serve
from imprint.service.http import _pieces


@pytest.fixture
def served(fake_engine: Any) -> Served:
    return Served(fake_engine(), "20260101-000000-aaaaaa", Service(max_tokens=20))


class Client:
    """Sends requests to the application without a socket (Starlette's own client asks for another HTTP library)."""

    def __init__(self, served: Served) -> None:
        self._app = create_app(served)

    def get(self, path: str) -> httpx.Response:
        return self._send("GET", path)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self._send("POST", path, **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://imprint") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())


@pytest.fixture
def client(served: Served) -> Client:
    return Client(served)


# ---- answers --------------------------------------------------------------------------------------------------------


def test_health_names_model_and_run(client: Client) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "model": "fake-q4_k_m",
        "run": "20260101-000000-aaaaaa",
        "verdict": None,
    }


def test_health_says_the_verdict(served: Served) -> None:
    served.verdict = "forced"
    assert Client(served).get("/health").json()["verdict"] == "forced"


def test_an_answer_is_json(client: Client, served: Any) -> None:
    response = client.post("/generate", json={"prompt": "İzin kaç gün?"})
    assert response.status_code == 200
    assert response.json() == {"text": "You asked: İzin kaç gün?", "finish_reason": "stop", "tokens": 5}
    assert served.engine.asked == [
        {"messages": [{"role": "user", "content": "İzin kaç gün?"}], "max_tokens": 20, "temperature": 0.0}
    ]


def test_a_request_may_set_length_and_temperature(client: Client, served: Any) -> None:
    response = client.post("/generate", json={"prompt": "a b c", "max_tokens": 3, "temperature": 0.7})
    assert response.json() == {"text": "You asked: a", "finish_reason": "length", "tokens": 3}
    assert (served.engine.asked[0]["max_tokens"], served.engine.asked[0]["temperature"]) == (3, 0.7)


def test_temperature_nothing_is_not_the_default(fake_engine: Any) -> None:
    served: Any = Served(fake_engine(), "r", Service(temperature=1.5))
    client = Client(served)
    client.post("/generate", json={"prompt": "a", "temperature": 0})
    client.post("/generate", json={"prompt": "a"})
    assert [asked["temperature"] for asked in served.engine.asked] == [0, 1.5]


def test_a_stream_comes_in_pieces(client: Client) -> None:
    response = client.post("/generate", json={"prompt": "ışık nerede?", "stream": True})
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == "You asked: ışık nerede?"


def test_a_client_that_leaves_ends_the_generation(served: Any) -> None:
    async def leave_after_two() -> list[str]:
        pieces = _pieces(served.generate("a b c", None, None))
        heard = [await anext(pieces), await anext(pieces)]
        await pieces.aclose()  # type: ignore[attr-defined]  # what Starlette does when the connection is gone
        return heard

    assert asyncio.run(leave_after_two()) == ["You", " asked:"]
    assert served.engine.left == 1


def test_requests_follow_each_other(client: Client) -> None:
    for number in range(3):
        assert client.post("/generate", json={"prompt": str(number)}).json()["text"] == f"You asked: {number}"


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long_is_refused_with_a_hint(client: Client, stream: bool) -> None:
    response = client.post("/generate", json={"prompt": "word " * 64, "stream": stream})
    assert response.status_code == 400
    assert response.json() == {
        "error": {"message": "The prompt has 64 tokens; the context holds 64.", "hint": "ask less"}
    }


def test_a_machine_that_fails_is_no_fault_of_the_client(client: Client) -> None:
    response = client.post("/generate", json={"prompt": "break down"})
    assert response.status_code == 500
    assert response.json()["error"] == {"message": "llama.cpp could not decode.", "hint": "more memory"}
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"prompt": "a", "temprature": 1}, "temprature"),
        ({"text": "a"}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "a", "temperature": 2.1}, "temperature"),
        ({"prompt": "a", "stream": "perhaps"}, "stream"),
    ],
)
def test_a_wrong_body_is_refused_with_its_place(client: Client, body: dict[str, Any], place: str) -> None:
    response = client.post("/generate", json=body)
    assert response.status_code == 422
    assert place in [item["loc"][-1] for item in response.json()["detail"]]


def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    assert client.post("/generate", content=b"{", headers={"content-type": "application/json"}).status_code == 422


# ---- the port -------------------------------------------------------------------------------------------------------


class Enough(Exception):
    """Ends the serving from within."""


def test_a_port_in_use_is_named(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MachineError) as caught:
            serve(served, Service(port=port), lambda address: None)
    assert caught.value.message == f"127.0.0.1:{port} cannot be listened on: Address already in use."
    assert f"service.port={port + 1}" in caught.value.hint
    assert caught.value.exit_code == 3


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        pytest.param("::1", "[::1]", marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")),
    ],
)
def test_who_is_told_the_address_can_connect_at_once(served: Served, host: str, shown: str) -> None:
    def connect(address: str) -> None:
        prefix, _, port = address.rpartition(":")
        assert prefix == f"http://{shown}"
        socket.create_connection((host, int(port)), timeout=5).close()
        raise Enough

    with pytest.raises(Enough):
        serve(served, Service(host=host, port=0), connect)
