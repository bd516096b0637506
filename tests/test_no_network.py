"""The network is denied to every test and to what it starts (conftest.py): a denial with holes proves nothing."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

ELSEWHERE = ("192.0.2.1", 9)  # RFC 5737: an address of no machine


def _connect() -> None:
    with socket.socket() as opened:
        opened.settimeout(1)
        opened.connect(ELSEWHERE)


def _connect_ex() -> None:
    with socket.socket() as opened:
        opened.settimeout(1)
        opened.connect_ex(ELSEWHERE)


def _send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as opened:
        opened.sendto(b"x", ELSEWHERE)


def _open() -> None:
    async def open_connection() -> None:
        await asyncio.open_connection(*ELSEWHERE)

    asyncio.run(open_connection())


def _look_up() -> None:
    socket.getaddrinfo("example.org", 443)


@pytest.mark.parametrize("attempt", [_connect, _connect_ex, _send, _open, _look_up])
def test_an_attempt_raises_and_is_recorded(no_network: Any, attempt: Callable[[], None]) -> None:
    with pytest.raises(OSError, match="the tests have no network"):
        attempt()
    (line,) = no_network.take()
    assert "192.0.2.1:9" in line or "example.org" in line


def test_a_child_process_is_held_to_it(no_network: Any, run_python: Callable[..., Any]) -> None:
    code = "import socket, sys; sys.argv[0] = 'child'; socket.create_connection(('192.0.2.1', 9), timeout=1)"
    done = run_python("-c", code)
    assert "the tests have no network" in done.stderr
    (line,) = no_network.take()
    assert line.endswith("by child")


def test_loopback_gets_through() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
