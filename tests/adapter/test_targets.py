"""Which matrices get an adapter."""

from typing import Any

import pytest
import torch

from imprint.adapter import targets
from imprint.errors import SettingsError


class Layer(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj = torch.nn.Linear(4, 4)
        self.up_proj = torch.nn.Linear(4, 8)
        self.norm = torch.nn.LayerNorm(4)


class Model(torch.nn.Module):
    """As much of a language model as is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList([Layer(), Layer()])
        self.lm_head = torch.nn.Linear(4, 16)

    def get_output_embeddings(self) -> Any:
        return self.lm_head


def test_all_linear_layers_but_the_output_head() -> None:
    assert targets.find(Model(), ()) == ["q_proj", "up_proj"]


def test_those_that_are_named() -> None:
    assert targets.find(Model(), ("up_proj",)) == ["up_proj"]


@pytest.mark.parametrize("wanted", [("k_proj",), ("q_proj", "norm"), ("lm_head",)])
def test_a_name_that_the_base_does_not_have(wanted: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as told:
        targets.find(Model(), wanted)
    assert f"the base has no linear layer {wanted[-1]!r}" in told.value.message
    assert told.value.hint == "adapter.target_modules=[q_proj,up_proj], or leave it out"
