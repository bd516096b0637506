"""Where the base is put together with its adapter."""

import pytest
import torch

from imprint import base
from imprint.model.weights import holds_whole


@pytest.mark.parametrize(("free_gb", "expected"), [(7.9, False), (10.0, True)])
def test_a_gpu_that_trains_in_four_bits_may_not_hold_the_whole(
    free_gb: float, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (int(free_gb * 1e9), int(12e9)))
    assert holds_whole(base.find("phi-3.5-mini")) is expected  # 7.6 GB in 16 bits


def test_without_a_gpu_nothing_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not holds_whole(base.find("embedded"))
