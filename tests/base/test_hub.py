"""The hub's client against a small hub on this machine: what is fetched, kept, and said where that fails."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imprint.base import hub
from imprint.errors import BaseError, MachineError

FILES = {
    "config.json": b'{"model_type": "phi3"}',
    "tokenizer.json": b"{}",
    "model.safetensors": b"\x02\0\0\0\0\0\0\0{}" + b"\0" * 300_000,
}
COMMIT = "a" * 40


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as its client asks for: the list of files, and the files with ranges."""

    files: dict[str, bytes] = FILES
    breaks_after: int | None = None
    asked: list[str] = []  # noqa: RUF012  # shared by all requests, which is what it is for

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        type(self).asked.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        if "/gated/" in path:
            self._answer(403, b"", {"X-Error-Code": "GatedRepo"})
        elif "/tree/" in path:
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": name}
                for name, content in self.files.items()
            ]
            self._answer(200, json.dumps(tree).encode())
        elif path.startswith("/api/models/"):
            siblings = [{"rfilename": name, "size": len(content)} for name, content in self.files.items()]
            self._answer(200, json.dumps({"id": "o/n", "sha": COMMIT, "siblings": siblings}).encode())
        elif (name := path.rpartition("/")[2]) in self.files:
            self._file(self.files[name], name)
        else:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})

    def _file(self, content: bytes, name: str) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        self.send_response(206 if start else 200)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            if self.breaks_after is not None and len(body) > self.breaks_after:
                self.wfile.write(body[: self.breaks_after])
                self.wfile.flush()
                self.connection.close()
            else:
                self.wfile.write(body)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub on this machine, an empty cache, and a client that uses both."""
    from huggingface_hub import constants

    handler = type("OneHub", (Hub,), {"asked": [], "files": dict(FILES)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name, value in {
        "ENDPOINT": address,
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": False,
        "HUGGINGFACE_CO_URL_TEMPLATE": address + "/{repo_id}/resolve/{revision}/{filename}",
    }.items():
        monkeypatch.setattr(constants, name, value)
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_fetched_once(served: type[Hub]) -> None:
    first = hub.fetch("o/n", "config.json")
    assert first is not None
    assert first.read_bytes() == FILES["config.json"]
    count = len(served.asked)
    assert hub.fetch("o/n", "config.json") == first
    assert len(served.asked) == count


def test_a_file_that_a_repository_does_not_have(served: type[Hub]) -> None:
    assert hub.fetch("o/n", "chat_template.jinja") is None


def test_a_gated_repository_says_where_to_accept_and_what_to_set(served: type[Hub]) -> None:
    with pytest.raises(BaseError, match="is gated") as told:
        hub.fetch("gated/n", "config.json")
    assert "huggingface.co/gated/n" in told.value.hint
    assert "HF_TOKEN" in told.value.hint


def test_a_download_is_followed_and_pinned(served: type[Hub]) -> None:
    seen: list[tuple[float, float]] = []
    assert hub.size("o/n") == len(FILES["model.safetensors"])
    assert hub.snapshot("o/n") is None
    folder = hub.download("o/n", lambda done, total: seen.append((done, total)))
    assert folder.name == COMMIT
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert seen
    assert all(0 < done <= total for done, total in seen)
    assert hub.snapshot("o/n") == folder


def test_a_download_that_is_cut_off_goes_on_where_it_stopped(served: type[Hub]) -> None:
    served.breaks_after = 100_000
    with pytest.raises(MachineError, match="cannot be fetched") as told:
        hub.download("o/n", lambda done, total: None)
    assert "goes on where the download stopped" in told.value.hint
    served.breaks_after = None
    folder = hub.download("o/n", lambda done, total: None)
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_weights_in_another_form_are_not_loaded(served: type[Hub]) -> None:
    served.files = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    with pytest.raises(BaseError, match="no weights as safetensors"):
        hub.size("o/n")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HF_HUB_OFFLINE", "1", False),
        ("HF_ENDPOINT", "http://127.0.0.1:9", False),
        ("HTTPS_PROXY", "http://127.0.0.1:9", True),
    ],
)
def test_whether_the_hub_can_be_reached(
    name: str, value: str, expected: bool, monkeypatch: pytest.MonkeyPatch, served: Callable[..., Any]
) -> None:
    monkeypatch.setenv(name, value)
    assert hub.reachable() is expected


def test_parts_that_are_missing(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"")
    assert hub._is_whole(tmp_path)
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert not hub._is_whole(tmp_path)
