"""What all tests share: a machine without network, GPU or settings of its own; documents, a base and runs."""

import importlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.line import write_tiny_gpt2
from tests.stand_ins import FakeEngine, Line

from imprint import config, pipeline
from imprint.config import Settings
from imprint.runs import Outputs, Run, RunState

ROOT = Path(__file__).parents[1]
EMBEDDED = ROOT / "src" / "imprint" / "base" / "embedded"
NOBODY = 65534

# ---- the machine ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoNetwork:
    """Proof that nothing phones home.

    Any connection to an address that is not loopback, and any look-up of a name but localhost, raises OSError in this
    process and in every Python process that it starts, and is recorded. A test fails in the end when attempts are left
    in the record; one that provokes them on purpose takes them out.
    """

    record: Path
    """The file with one line for each attempt."""
    environment: dict[str, str]
    """What a child process needs in its environment. os.environ holds it already; `env=` of a test may leave it out."""

    def attempts(self) -> list[str]:
        """What was tried since the test began: "<audit event> <target> by <command line>"."""
        return self.record.read_text(encoding="utf-8").splitlines() if self.record.exists() else []

    def take(self) -> list[str]:
        """The attempts, which the test expected; they are forgotten."""
        found = self.attempts()
        self.record.unlink(missing_ok=True)
        return found


@pytest.fixture(scope="session", autouse=True)
def _network_denied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NoNetwork]:
    hook = Path(__file__).parent / "no_network" / "sitecustomize.py"
    record = tmp_path_factory.mktemp("no-network") / "attempts"
    path = os.pathsep.join(filter(None, (str(hook.parent), os.environ.get("PYTHONPATH"))))
    environment = {"NO_NETWORK_RECORD": str(record), "PYTHONPATH": path}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        spec = importlib.util.spec_from_file_location("no_network", hook)
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        yield NoNetwork(record, environment)


@pytest.fixture(autouse=True)
def no_network(_network_denied: NoNetwork) -> Iterator[NoNetwork]:
    """The network is denied, see NoNetwork; `no_network.attempts()` says who tried."""
    yield _network_denied
    assert _network_denied.take() == []


@pytest.fixture(scope="session", autouse=True)
def _plain_machine() -> Iterator[None]:
    """No settings from outside, no GPU: the same tests everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("IMPRINT_", "HF_", "TRANSFORMERS_")):
                patch.delenv(name)
        patch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        # Read once: a test that loads the embedded base here, which switches the network off, must not decide it.
        importlib.import_module("huggingface_hub.constants")
        # A shell starts what runs in the background with SIGINT ignored, and children would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield


@pytest.fixture(autouse=True)
def _environment_restored() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def as_nobody() -> Callable[[], AbstractContextManager[None]]:
    """`with as_nobody():` has no rights but everybody's; root could read and write anything."""

    @contextmanager
    def drop() -> Iterator[None]:
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)

    return drop if os.geteuid() == 0 else nullcontext


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may reach and write; pytest's own tmp_path is closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="imprint-test-"))
    folder.chmod(0o777)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o777)
    shutil.rmtree(folder)


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run this Python with arguments, in a folder of its own, to its end."""

    def run(*arguments: str, cwd: Path = tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


# ---- what there is to work on ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def root() -> Path:
    """The project."""
    return ROOT


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model's folder with the embedded base's tokenizer and no weights: enough up to the dataset."""
    folder = tmp_path_factory.mktemp("base")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(EMBEDDED / name, folder)
    header = b"{}"
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    return folder


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded base as an f16 GGUF, by the converter that the model stage uses."""
    from imprint.model.export import _convert

    folder = tmp_path_factory.mktemp("gguf")
    _convert(EMBEDDED, folder / "base.gguf", "imprint-embedded", folder / "log")
    return folder / "base.gguf"


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of 2 layers that was never trained: no padding token, no chat template, a vocabulary of its own."""
    return write_tiny_gpt2(tmp_path_factory.mktemp("tiny") / "tiny-gpt2")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """`write({"a.md": "…"})` writes files under tmp_path/documents and gives that folder."""

    def to_disk(files: dict[str, str | bytes], folder: Path = tmp_path / "documents") -> Path:
        for name, content in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return to_disk


@pytest.fixture
def settings(tmp_path: Path, small_base: Path) -> Callable[..., Settings]:
    """`settings(folder, "seed=1")`: resolved settings with everything under tmp_path and the small base."""

    def load(documents: Path = tmp_path / "documents", *overrides: str) -> Settings:
        from imprint import base

        places = [f"documents.path={documents}", f"outputs={tmp_path / 'outputs'}", f"base={small_base}"]
        places.append("dataset.replay_share=0")  # the small base answers nothing
        return base.choose(config.load(overrides=[*places, *overrides]), None)[0]

    return load


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[..., Run]:
    """`new_run("20260101-000000-aaaaaa", state="complete")`: a run folder under tmp_path/outputs, later ones newer."""
    numbers = itertools.count(1)

    def create(name: str = "", **fields: Any) -> Run:
        name = name or f"20260101-{next(numbers):06}-aaaaaa"
        state = {"state": "building", "request": "r", "reason": ["a test"], "base": "embedded", "started": "now"}
        return Outputs(tmp_path / "outputs").create(RunState(id=name, settings={}, **(state | fields)))

    return create


@pytest.fixture
def fake_engine() -> type[FakeEngine]:
    """The class, to make one or to put in the place of the real one."""
    return FakeEngine


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    """The line with cheap functions in the place of the stages that load torch."""
    made = Line()
    monkeypatch.setattr(pipeline, "_check_base", lambda config, run: None)
    monkeypatch.setattr(pipeline, "LINE", tuple(made.cheap(stage) for stage in pipeline.LINE))
    return made
