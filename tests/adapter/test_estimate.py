"""The model of a training's memory and time."""

import pytest

from imprint import base
from imprint.adapter import estimate
from imprint.adapter.passes import Passes
from imprint.config import FilledAdapter, load
from imprint.machine import Machine, machine_named

SMALL, LARGE = machine_named("RTX 4060 8GB"), machine_named("H100")
NO_GPU = Machine(2, 16.0, None)


def settings(name: str, *overrides: str) -> FilledAdapter:
    return base.choose(load(overrides=[f"base={name}", *overrides]), None)[0].adapter.filled()


def rows(name: str, machine: Machine, longest: int, *overrides: str) -> int:
    return estimate.rows_that_fit(base.shape(base.find(name)), settings(name, *overrides), machine, longest)


def test_phi_fits_into_eight_gigabytes_and_a_large_card_takes_whole_batches() -> None:
    shape = base.shape(base.find("phi-3.5-mini"))
    assert 3_000 < estimate.need(shape, settings("phi-3.5-mini"), SMALL, 1, 2048).gpu_mb < 7_000
    assert 1 <= rows("phi-3.5-mini", SMALL, 2048) < 16
    assert rows("phi-3.5-mini", LARGE, 2048) == 16


def test_four_bits_take_less_memory() -> None:
    shape = base.shape(base.find("phi-3.5-mini"))
    four, sixteen = (
        estimate.need(shape, settings("phi-3.5-mini", f"adapter.load_in_4bit={bit}"), SMALL, 1, 512).gpu_mb
        for bit in ("true", "false")
    )
    assert four < sixteen - 4_000


def test_longer_rows_are_fewer() -> None:
    counts = [rows("phi-3.5-mini", SMALL, longest) for longest in (128, 512, 2048, 8192)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_one_row_at_least() -> None:
    assert rows("qwen-3-14b", SMALL, 2048) == 1
    assert not estimate.fits(
        estimate.need(base.shape(base.find("qwen-3-14b")), settings("qwen-3-14b"), SMALL, 1, 2048), SMALL
    )


def test_a_cpu_machine_has_its_own_limit() -> None:
    assert rows("embedded", NO_GPU, 400) == 16
    assert rows("embedded", Machine(2, 1.3, None), 2048) < 16


def test_time_goes_with_tokens_and_speed() -> None:
    shape = base.shape(base.find("phi-3.5-mini"))
    once = estimate.step_seconds(shape, SMALL, 1e13, Passes(1, 16), 500)
    assert estimate.step_seconds(shape, SMALL, 1e13, Passes(1, 16), 1000) == pytest.approx(2 * once, rel=0.1)
    assert estimate.step_seconds(shape, SMALL, 2e13, Passes(1, 16), 500) < 0.6 * once


@pytest.mark.parametrize(
    ("count", "expected", "why"),
    [(16, 60, "adapter.min_steps"), (1_000, 188, ""), (10**6, 3_000, "adapter.max_steps")],
)
def test_steps(count: int, expected: int, why: str) -> None:
    steps, reason = estimate.steps(settings("phi-3.5-mini"), count)
    assert steps == expected
    assert why in reason
    assert bool(reason) == bool(why)
