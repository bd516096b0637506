"""Which batches are computed twice."""

from typing import Any

import pytest
import torch
from transformers import Phi3Config, Phi3ForCausalLM

from imprint.adapter import memory


@pytest.fixture
def model() -> Any:
    torch.manual_seed(1)
    shape = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config = Phi3Config(**shape, num_attention_heads=2, num_key_value_heads=2, pad_token_id=0, eos_token_id=1)
    return Phi3ForCausalLM(config).train()


def gradients(model: Any, tokens: int) -> list[torch.Tensor]:
    ids = torch.arange(tokens).remainder(60).reshape(1, -1) + 2
    model.zero_grad()
    model(input_ids=ids, labels=ids).loss.backward()
    return [weight.grad.clone() for weight in model.parameters()]


def test_a_long_batch_is_computed_twice_and_learns_the_same(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {tokens: gradients(model, tokens) for tokens in (20, 40)}
    monkeypatch.setattr(memory, "PLAIN_BYTES", 30 * 2 * 32 * 160)  # what 30 tokens take
    memory.recompute_long_batches(model)
    passes = 0

    def count(*_: Any) -> None:
        nonlocal passes
        passes += 1

    model.model.layers[0].mlp.register_forward_pre_hook(count)
    for tokens, expected in ((20, 1), (40, 2), (20, 1)):
        passes = 0
        found = gradients(model, tokens)
        assert passes == expected
        assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(found, plain[tokens], strict=True))
