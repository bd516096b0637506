"""`imprint plan` and `imprint bases`: what they foresee."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.line import imprint, write_guide

from imprint import machine, planning
from imprint.config import Settings, load
from imprint.errors import InputError
from imprint.machine import machine_named
from imprint.planning import plan


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Settings]:
    documents = write_guide(tmp_path / "documents")
    places = [f"documents.path={documents}", f"outputs={tmp_path / 'outputs'}"]
    return lambda *overrides: load(overrides=[*places, *overrides])


Config = Callable[..., Settings]


def chosen(made: planning.Plan, what: str) -> str:
    return next(choice.value for choice in made.choices if choice.what == what)


def test_for_this_machine(config: Config) -> None:
    made = plan(config("base=embedded"), lambda event: None)
    assert made.base == "embedded"
    assert made.machine == str(machine.this_machine())
    assert [cost.stage for cost in made.costs] == ["dataset", "adapter", "model", "evaluation"]
    assert made.fits
    assert (made.measured, made.price) == (False, 0)
    assert chosen(made, "passes") == "16 rows in a pass"
    assert chosen(made, "steps").startswith("200 (")
    assert 0 < made.data.mean_tokens <= made.data.longest_tokens
    assert all(cost.seconds > 0 and cost.memory_mb > 0 and cost.gpu_memory_mb == 0 for cost in made.costs)


def test_a_plan_leaves_nothing_behind(config: Config, tmp_path: Path) -> None:
    plan(config("base=embedded"), lambda event: None)
    assert not (tmp_path / "outputs").exists()


def test_for_a_machine_that_is_not_here_and_a_base_out_of_reach(config: Config, no_network: Any) -> None:
    made = plan(config("plan.price_per_hour=2"), lambda event: None, machine=machine_named("RTX 4060 8GB"))
    no_network.take()
    assert made.base == "phi-3.5-mini"
    assert chosen(made, "weights") == "4-bit (NF4)"
    assert chosen(made, "optimizer") == "AdamW in 8 bits"
    assert made.price == pytest.approx(2 * made.seconds / 3600, rel=0.01)
    training, merging, evaluation = made.costs[1:]
    assert 3_000 < training.gpu_memory_mb < 7_500
    assert merging.gpu_memory_mb == 0, "8 GB do not hold the whole base: it is merged beside the GPU"
    assert evaluation.gpu_memory_mb < 4_000
    assert any("tokens of the embedded base" in note for note in made.notes)


def test_what_does_not_fit_is_said(config: Config, no_network: Any) -> None:
    made = plan(config("base=qwen-3-14b"), lambda event: None, machine=machine_named("RTX 4060 8GB"))
    no_network.take()
    assert not made.fits
    assert any("does not fit" in note and "imprint bases" in note for note in made.notes)


def test_what_the_user_sets_is_kept(config: Config) -> None:
    given = (
        "adapter.batch_size=12",
        "adapter.per_device_train_batch_size=4",
        "adapter.min_steps=7",
        "adapter.epochs=0.1",
    )
    made = plan(config("base=embedded", *given), lambda event: None)
    assert chosen(made, "batch") == "12 rows in a step"
    assert chosen(made, "passes") == "4 rows in a pass and 3 passes in a step"
    assert chosen(made, "steps").startswith("7 (")


def test_another_machine_cannot_be_measured_here(config: Config) -> None:
    with pytest.raises(InputError, match="only be measured on this machine"):
        plan(config("base=embedded"), lambda event: None, machine=machine_named("T4"), measured=True)


@pytest.mark.slow
def test_measured_on_the_command_line(tmp_path: Path) -> None:
    write_guide(tmp_path / "documents")
    ended = imprint("plan", "--measure", "--json", "base=embedded", env={"IMPRINT_HOME": str(tmp_path)})
    assert ended.returncode == 0, ended.stderr
    made = json.loads(ended.stdout)
    assert made["measured"] is True
    assert made["costs"][1]["memory_mb"] > 300
    assert made["seconds"] == pytest.approx(sum(cost["seconds"] for cost in made["costs"]))
    assert not (tmp_path / "outputs").exists()


def test_as_tables() -> None:
    ended = imprint("bases", "--for", "RTX 4060 8GB")
    assert ended.returncode == 0, ended.stderr
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("phi-3.5-mini ")]
    assert "3.8 billion" in line
    assert " yes " in line
    assert len(ended.stdout.splitlines()[0]) <= 80


def test_bases_for_programs() -> None:
    ended = imprint("bases", "--for", "RTX 4060 8GB", "--json")
    found = {item["name"]: item for item in json.loads(ended.stdout)["bases"]}
    assert found["llama-3.2-1b"]["gated"] is True
    assert found["qwen-3-14b"]["fits"] is False
    assert found["gpt2"]["converts"] is True


def test_a_plan_as_tables(tmp_path: Path) -> None:
    write_guide(tmp_path / "documents")
    ended = imprint("plan", "base=embedded", "plan.price_per_hour=1.5", env={"IMPRINT_HOME": str(tmp_path)})
    assert ended.returncode == 0, ended.stderr
    assert "rows to learn" in ended.stdout
    assert "together" in ended.stdout
    assert "price" in ended.stdout
