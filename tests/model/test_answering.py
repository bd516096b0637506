"""The base behind a local address, in a process of its own: what it answers, and how it ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import EMBEDDED

from imprint import base, config
from imprint.config import Settings
from imprint.dataset.answers import Request
from imprint.dataset.asking import Asker, Patience, base_endpoint
from imprint.errors import BaseError, MachineError
from imprint.worker import serving_base

QUESTIONS = ["Hello!", "What is two plus two?", "Name a colour, and say why you chose that one and no other.", "Who?"]
PATIENCE = Patience(attempts=2, first_wait_s=0.01)


@dataclass(frozen=True)
class Served:
    """The embedded base, serving."""

    url: str
    folder: Path

    def ask(self, question: str, max_tokens: int = 24) -> Any:
        body = {"messages": [{"role": "user", "content": question}], "max_tokens": max_tokens}
        return self.post(body).json()

    def post(self, body: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/chat/completions", json=body, timeout=60, trust_env=False)


def chosen(*overrides: str) -> Settings:
    """Settings as the line has them: what is left open, the base has filled in."""
    return base.choose(config.load(overrides=overrides), None)[0]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with serving_base(chosen("base=embedded", "evaluation.batch_size=8"), folder) as url:
        yield Served(url, folder)


def test_asked_at_the_same_time_it_says_what_it_says_alone(served: Served) -> None:
    alone = [served.ask(question) for question in QUESTIONS]
    with ThreadPoolExecutor(3 * len(QUESTIONS)) as pool:
        together = list(pool.map(served.ask, QUESTIONS * 3))
    assert together == alone * 3
    for answer in alone:
        (choice,) = answer["choices"]
        assert choice["message"]["role"] == "assistant"
        assert choice["message"]["content"]
        assert choice["finish_reason"] in {"stop", "length"}
        assert 0 < answer["usage"]["completion_tokens"] <= 24
        assert answer["usage"]["prompt_tokens"] > 3


def test_each_of_a_batch_has_its_own_room(served: Served) -> None:
    with ThreadPoolExecutor(3) as pool:
        short, middle, whole = pool.map(lambda most: served.ask(QUESTIONS[2], most), (3, 6, 200))
    assert [answer["choices"][0]["finish_reason"] for answer in (short, middle, whole)] == ["length", "length", "stop"]
    assert [answer["usage"]["completion_tokens"] for answer in (short, middle)] == [3, 6]
    texts = [answer["choices"][0]["message"]["content"] for answer in (short, middle, whole)]
    assert texts[2].startswith(texts[1])
    assert texts[1].startswith(texts[0])


def test_the_prompt_is_rendered_with_the_base_s_own_template(served: Served) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]
    expected = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=True, return_dict=True)
    said = served.post({"messages": turns, "max_tokens": 2}).json()
    assert said["usage"]["prompt_tokens"] == len(expected["input_ids"])


def test_what_cannot_be_answered_is_refused(served: Served) -> None:
    too_long = served.post({"messages": [{"role": "user", "content": "word " * 3000}], "max_tokens": 10})
    assert too_long.status_code == 400
    assert "The context holds 2048 tokens" in too_long.json()["error"]["message"]
    for body in ({}, {"messages": []}, {"messages": [{"role": "user"}]}, {"messages": "hello"}, []):
        assert served.post(body).status_code == 422
    assert served.ask("Hello!", 3)["usage"]["completion_tokens"] == 3


def test_it_names_the_base(served: Served) -> None:
    answer = httpx.get(f"{served.url}/models", trust_env=False).json()
    assert [model["id"] for model in answer["data"]] == ["embedded"]


@pytest.mark.slow
def test_the_asker_asks_it_and_a_restart_does_not_start_it(served: Served, tmp_path: Path) -> None:
    settings = chosen("base=embedded")
    requests = [Request((("user", question),), max_tokens=24) for question in [*QUESTIONS, "word " * 3000]]
    folder = tmp_path / "worker"
    with Asker(base_endpoint(settings, "digest", lambda: serving_base(settings, folder)), tmp_path / "a") as asker:
        replies = asker.ask_all(requests)
    said = [served.ask(question)["choices"][0]["message"]["content"] for question in QUESTIONS]
    assert [reply.text if reply else None for reply in replies] == [*said, None]
    (folder / "worker.log").unlink()
    with Asker(base_endpoint(settings, "digest", lambda: serving_base(settings, folder)), tmp_path / "a") as asker:
        assert asker.ask_all(requests[:-1]) == replies[:-1]
    assert not (folder / "worker.log").exists()


def test_a_base_that_does_not_load_is_told(tmp_path: Path, small_base: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(small_base, broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    with (
        pytest.raises(BaseError, match=r"The base .*broken cannot be loaded") as told,
        serving_base(chosen(f"base={broken}"), tmp_path / "worker"),
    ):
        pytest.fail("it serves")
    assert "base=embedded" in told.value.hint
    assert "Traceback" in (tmp_path / "worker" / "worker.log").read_text()


def test_weights_that_are_not_whole_are_refused(tmp_path: Path, small_base: Path) -> None:
    """The small base has a weights file with nothing in it: its weights would be random."""
    with (
        pytest.raises(BaseError, match="are not whole"),
        serving_base(chosen(f"base={small_base}"), tmp_path / "worker"),
    ):
        pytest.fail("it serves")


HOLDER = """
import sys, time
from pathlib import Path
from imprint import base, config
from imprint.worker import serving_base
with serving_base(base.choose(config.load(overrides=["base=embedded"]), None)[0], Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""


def workers(folder: Path) -> list[int]:
    """The workers of this folder that are alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            parts = entry.read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        if b"imprint.worker" in parts and str(folder).encode() in parts:
            found.append(int(entry.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_it_dies_with_its_parent(tmp_path: Path, sign: signal.Signals) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert holder.stdout is not None
    assert holder.stdout.readline().startswith("http://127.0.0.1:")
    assert len(workers(tmp_path)) == 1
    holder.send_signal(sign)
    holder.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while workers(tmp_path):
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_base_that_is_killed_is_told(tmp_path: Path) -> None:
    settings = chosen("base=embedded")
    folder = tmp_path / "worker"
    asked = base_endpoint(settings, "digest", lambda: serving_base(settings, folder))

    def lose_the_base() -> None:
        with Asker(asked, tmp_path / "answers", PATIENCE) as asker:
            asker.ask_all([Request((("user", "Hello!"),), max_tokens=5)])
            (worker,) = workers(folder)
            os.kill(worker, signal.SIGKILL)
            asker.ask_all([Request((("user", "Hello again!"),), max_tokens=5)])

    with pytest.raises(MachineError, match="killed"):
        lose_the_base()
