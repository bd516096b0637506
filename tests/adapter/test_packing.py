"""Rows end to end in one sequence: each is read as if it stood alone, or they are padded."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, Phi3ForCausalLM

from imprint import base
from imprint.adapter.packing import Packing, keeps_rows_apart, rows_in
from imprint.adapter.rows import IGNORED, Tokens

ROWS = [
    Tokens([20, 30, 40, 50, 60, 7], [IGNORED, IGNORED, 40, 50, 60, 7]),
    Tokens([200, 300, 7], [IGNORED, 300, 7]),
    Tokens([21, 31, 41, 7], [IGNORED, IGNORED, 41, 7]),
]


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(base.find("embedded").source, dtype=torch.float32)


@pytest.fixture(scope="module")
def padding() -> DataCollatorForSeq2Seq:
    tokenizer = AutoTokenizer.from_pretrained(base.find("embedded").source)
    return DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=IGNORED)


def features(rows: list[Tokens]) -> list[dict[str, Any]]:
    return [
        {"input_ids": row.input_ids, "labels": row.labels, "attention_mask": [1] * len(row.input_ids)} for row in rows
    ]


def test_packed_and_padded_rows_have_the_same_loss_and_gradients(model: Any, padding: DataCollatorForSeq2Seq) -> None:
    found = []
    for collate in (padding, Packing(padding, 4096)):
        model.zero_grad()
        loss = model(**collate(features(ROWS)), use_cache=False).loss
        loss.backward()
        found.append((loss.detach(), model.model.layers[0].self_attn.qkv_proj.weight.grad.clone()))
    (padded, padded_gradient), (packed, packed_gradient) = found
    torch.testing.assert_close(packed, padded)
    torch.testing.assert_close(packed_gradient, padded_gradient, rtol=1e-3, atol=1e-5)


def test_rows_lie_end_to_end_with_positions_that_begin_anew(padding: DataCollatorForSeq2Seq) -> None:
    batch = Packing(padding, 4096)(features(ROWS))
    assert batch["input_ids"].tolist() == [[*ROWS[0].input_ids, *ROWS[1].input_ids, *ROWS[2].input_ids]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3]]
    assert "attention_mask" not in batch
    assert rows_in(batch) == 3
    assert rows_in(padding(features(ROWS))) == 3


@pytest.mark.parametrize("lengths", [[1000, 1000, 500], [30, 30], [30]])
def test_long_rows_and_rows_of_one_length_are_padded(lengths: list[int], padding: DataCollatorForSeq2Seq) -> None:
    packing = Packing(padding, 4096)
    assert not packing.packs(lengths)
    batch = packing(features([Tokens([9] * length, [9] * length) for length in lengths]))
    assert batch["input_ids"].shape == (len(lengths), max(lengths))
    assert "attention_mask" in batch


def test_no_sequence_is_longer_than_the_context(padding: DataCollatorForSeq2Seq) -> None:
    assert Packing(padding, 50).packs([30, 20])
    assert not Packing(padding, 49).packs([30, 20])


def test_nothing_beyond_the_context_is_looked_at(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.config, "max_position_embeddings", 5)
    seen: list[int] = []

    def forward(**named: Any) -> Any:
        seen.append(named["input_ids"].shape[1])
        return Phi3ForCausalLM.forward(model, **named)

    monkeypatch.setattr(model, "forward", forward)
    assert keeps_rows_apart(model, ROWS)
    assert max(seen) == 4


def test_the_embedded_base_keeps_rows_apart(model: Any) -> None:
    assert keeps_rows_apart(model.eval(), ROWS)
    assert not model.training


def without_positions(model: Any, **named: Any) -> Any:
    named.pop("position_ids", None)
    return Phi3ForCausalLM.forward(model, **named)


def with_every_row_in_sight(model: Any, **named: Any) -> Any:
    """Positions begin anew, but what stood before is seen, as by an attention that knows nothing of them."""
    tokens = named["input_ids"].shape[1]
    causal = torch.ones(tokens, tokens, dtype=torch.bool).tril()[None, None]
    return Phi3ForCausalLM.forward(model, **named, attention_mask=causal)


def that_takes_none(model: Any, **named: Any) -> Any:
    if "position_ids" in named:
        raise TypeError("forward() got an unexpected keyword argument 'position_ids'")
    return Phi3ForCausalLM.forward(model, **named)


@pytest.mark.parametrize("forward", [without_positions, with_every_row_in_sight, that_takes_none])
def test_a_base_that_does_not_is_seen(model: Any, forward: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "forward", lambda **named: forward(model, **named))
    assert not keeps_rows_apart(model, ROWS)


def test_memory_that_runs_out_is_no_answer(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**named: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(model, "forward", full)
    with pytest.raises(torch.OutOfMemoryError):
        keeps_rows_apart(model, ROWS)
