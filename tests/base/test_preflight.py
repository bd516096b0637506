"""A base is checked before anything long begins: it must be a working language model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.line import SHORT, imprint, write_guide

from imprint import base, config
from imprint.base import preflight
from imprint.errors import BaseError
from imprint.runs import Event, Run

EMBEDDED = base.find("embedded").folder


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., Path]:
    """The embedded base under another name, with changes to its config.json."""

    def make(**changes: Any) -> Path:
        assert EMBEDDED is not None
        folder = tmp_path / "copy"
        shutil.copytree(EMBEDDED, folder)
        file = folder / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
        return folder

    return make


def long_rope(attention_factor: float) -> dict[str, Any]:
    """Scaled rotary embeddings as Phi-3.5 has them; the factors themselves change nothing here."""
    return {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "partial_rotary_factor": 1.0,
        "long_factor": [1.0] * 32,
        "short_factor": [1.0] * 32,
        "original_max_position_embeddings": 2048,
        "factor": 1.0,
        "attention_factor": attention_factor,
    }


def check(folder: Path, run: Run, *overrides: str) -> None:
    settings, _ = base.choose(config.load(overrides=[f"base={folder}", *overrides]), None)
    preflight.run(settings, run)


def test_a_working_base_is_checked_once(copy: Callable[..., Path], new_run: Callable[..., Run]) -> None:
    folder, run = copy(rope_parameters=long_rope(1.0)), new_run()
    check(folder, run)
    report = json.loads((run.path / "base.json").read_text())
    assert 4 < report["loss"] < report["limit"]
    assert report["digest"] == base.find(str(folder)).digest
    (run.path / "base.json").write_text(json.dumps({**report, "loss": -1}))
    check(folder, run)
    assert json.loads((run.path / "base.json").read_text())["loss"] == -1


def test_the_attention_factor_of_a_known_mirror_is_refused(
    copy: Callable[..., Path], new_run: Callable[..., Run]
) -> None:
    """`attention_factor: 32`, as unsloth/Phi-3.5-mini-instruct has it, where 1.19 is right."""
    folder, run = copy(rope_parameters=long_rope(32.0)), new_run()
    with pytest.raises(
        BaseError, match=r"is no working language model as it is loaded: its loss .* is 6\.\d\d nats"
    ) as told:
        check(folder, run)
    assert "attention_factor" in told.value.hint
    assert not (run.path / "base.json").exists()
    check(folder, run, "check_base=false")
    assert (run.path / "base.json").exists()


def test_weights_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(BaseError, match="its loss on general English is nan"):
        preflight.check(base.find("embedded"), float("nan"), 5.0)


@pytest.mark.parametrize(
    ("name", "loss", "is_refused"),
    [
        ("phi-3.5-mini", 2.13, False),  # as it is, and with the mirror's attention factor, at four characters a token
        ("phi-3.5-mini", 4.74, True),
        ("gpt2", 3.6, False),
        ("gpt2", 10.8, True),
    ],
)
def test_limits_go_with_the_size(name: str, loss: float, is_refused: bool) -> None:
    found = base.find(name)
    limit = preflight._limit(found, characters_a_token=4.0)
    assert (loss > limit) is is_refused


@pytest.mark.slow
def test_the_command_refuses_before_the_dataset_is_made(copy: Callable[..., Path], tmp_path: Path) -> None:
    folder = copy(rope_parameters=long_rope(32.0))
    write_guide(tmp_path / "documents")
    ended = imprint("train", *SHORT[1:], f"base={folder}", env={"IMPRINT_HOME": str(tmp_path)})
    assert ended.returncode == 2, ended.stderr
    assert "is no working language model" in ended.stderr
    assert "dataset:" not in ended.stderr


def test_a_base_that_transformers_cannot_load(copy: Callable[..., Path], new_run: Callable[..., Run]) -> None:
    folder = copy(model_type="nothing-known", architectures=["NothingForCausalLM"])
    with pytest.raises(BaseError, match="cannot be loaded"):
        check(folder, new_run())


# ---- the hub --------------------------------------------------------------------------------------------------------


def test_a_repository_is_fetched_first(
    monkeypatch: pytest.MonkeyPatch, new_run: Callable[..., Run], copy: Callable[..., Path], tmp_path: Path
) -> None:
    revision = tmp_path / "0123abc"
    copy().rename(revision)
    found = base.Base("o/n", "o/n", None, "", base.find("embedded").settings, "hub:o/n")
    monkeypatch.setattr(preflight, "of", lambda config: found)
    monkeypatch.setattr(preflight.hub, "snapshot", lambda repository: None)
    monkeypatch.setattr(preflight.hub, "size", lambda repository: 12_000_000)

    def download(repository: str, progress: Callable[[float, float], None], *, with_programs: bool) -> Path:
        assert not with_programs
        progress(6e6, 12e6)
        return revision

    monkeypatch.setattr(preflight.hub, "download", download)
    monkeypatch.setattr(preflight, "_loss", lambda found, four_bit: (2.0, 4.0))
    monkeypatch.setattr(preflight, "_limit", lambda found, characters: 3.0)
    run = new_run()
    told: list[Event] = []
    run.notify = told.append
    settings, _ = base.choose(config.load(overrides=["base=embedded"]), None)
    preflight.run(settings, run)
    assert json.loads((run.path / "base.json").read_text())["revision"] == "0123abc"
    assert [(event.kind, event.done, event.total) for event in told] == [("note", 0, 0), ("progress", 6, 12)]


CONFIGURATION = """
import pathlib
from transformers import Phi3Config
pathlib.Path({marker!r}).touch()
class StrangeConfig(Phi3Config):
    model_type = "strange"
"""
MODEL = """
from transformers import Phi3ForCausalLM
from .configuration_strange import StrangeConfig
class StrangeForCausalLM(Phi3ForCausalLM):
    config_class = StrangeConfig
"""


def test_programs_of_a_base_run_only_where_that_is_asked_for(
    copy: Callable[..., Path], new_run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    names = {
        "AutoConfig": "configuration_strange.StrangeConfig",
        "AutoModelForCausalLM": "modeling_strange.StrangeForCausalLM",
    }
    folder = copy(model_type="strange", architectures=["StrangeForCausalLM"], auto_map=names)
    marker = tmp_path / "it ran"
    (folder / "configuration_strange.py").write_text(CONFIGURATION.format(marker=str(marker)))
    (folder / "modeling_strange.py").write_text(MODEL)
    with pytest.raises(BaseError, match="brings programs along") as told:
        check(folder, new_run())
    assert "trust_remote_code=true" in told.value.hint
    assert not marker.exists()
    check(folder, new_run(), "trust_remote_code=true")
    assert marker.exists()
