"""An OpenAI-compatible endpoint for tests: a real HTTP server that answers, errs, stalls or talks rubbish."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Response:
    """What the server sends: JSON, or bytes as they are; None closes the connection without a word."""

    content: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def completion(text: str, finish_reason: str = "stop") -> Response:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return Response({"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})


def echo(body: Body) -> Response:
    return completion(f"You asked: {body['messages'][-1]['content']}")


@dataclass
class Endpoint:
    """The server's address, what it was asked, and how it answers: a function of the body of a request."""

    url: str = ""
    answer: Callable[[Body], Response] = echo
    asked: list[Body] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def prompts(self) -> list[str]:
        return [body["messages"][-1]["content"] for body in self.asked]

    def stall(self) -> None:
        """Until the test is over."""
        self.stopping.wait(60)


@contextmanager
def running_endpoint(answer: Callable[[Body], Response] = echo) -> Iterator[Endpoint]:
    endpoint = Endpoint(answer=answer)
    lock = threading.Lock()
    open_now = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            nonlocal open_now
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                open_now += 1
                endpoint.most_at_once = max(endpoint.most_at_once, open_now)
                endpoint.asked.append(body)
                endpoint.paths.append(self.path)
                endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
            response = endpoint.answer(body)
            with lock:
                open_now -= 1
            if response.content is None:
                self.close_connection = True
                return
            content = response.content if isinstance(response.content, bytes) else json.dumps(response.content).encode()
            try:
                self.send_response(response.status)
                for name, value in {"Content-Length": str(len(content)), **response.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client has left

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.005)
