"""What is refused before the first step."""

import math
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, DataCollatorForLanguageModeling, DataCollatorForSeq2Seq

from imprint import base
from imprint.adapter.guards import check_batch, check_loss, check_rows
from imprint.adapter.rows import IGNORED, Tokens
from imprint.errors import BaseError, DatasetError

END = 7


def test_rows_as_they_should_be_pass() -> None:
    check_rows([Tokens([1, 2, 3, END], [IGNORED, IGNORED, 3, END]), Tokens([1, END], [1, END])], END, 4)
    check_rows([], END, 4)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (Tokens([1, 2, 3], [IGNORED, IGNORED, 3]), "does not end in the token 7"),
        (Tokens([1, 2, END], [IGNORED, 2, IGNORED]), "does not end in the token 7"),
        (Tokens([1, 2, END], [IGNORED, IGNORED, IGNORED]), "nothing to learn"),
        (Tokens([1, 2, 3, 4, END], [IGNORED, 2, 3, 4, END]), "has 5 tokens and 5 labels; at most 4 fit"),
        (Tokens([1, 2, END], [IGNORED, END]), "3 tokens and 2 labels"),
    ],
)
def test_a_row_that_would_teach_wrong_is_refused(row: Tokens, problem: str) -> None:
    with pytest.raises(DatasetError, match=f"Row 2 of 2, as the tokenizer makes it, .*{problem}"):
        check_rows([Tokens([1, END], [IGNORED, END]), row], END, 4)


@pytest.fixture
def tokenizer() -> Any:
    """One whose padding token is the token that ends an answer."""
    tokenizer = AutoTokenizer.from_pretrained(base.find("embedded").source)
    tokenizer.pad_token = "<|end|>"
    return tokenizer


def test_padding_with_the_end_token_passes_where_it_is_masked_by_place(tokenizer: Any) -> None:
    end = tokenizer.pad_token_id
    rows: list[dict[str, Any]] = [
        {"input_ids": ids, "labels": [IGNORED, *ids[1:]], "attention_mask": [1] * len(ids)}
        for ids in ([5, 6, 8, end], [5, end])
    ]
    batch = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=IGNORED)(rows)
    check_batch(batch, end)
    masked_by_token = DataCollatorForLanguageModeling(tokenizer, mlm=False)(
        [{"input_ids": row["input_ids"]} for row in rows]
    )
    with pytest.raises(DatasetError, match="where an answer ends"):
        check_batch(masked_by_token, end)


def test_padding_that_is_taught_is_refused() -> None:
    taught = {"labels": torch.tensor([[IGNORED, 3, END, END]]), "attention_mask": torch.tensor([[1, 1, 1, 0]])}
    with pytest.raises(DatasetError, match="would teach padding"):
        check_batch(taught, END)


def test_rows_that_lie_end_to_end_are_looked_at_one_by_one() -> None:
    labels, positions = [IGNORED, 3, END, IGNORED, 4, END], [0, 1, 2, 0, 1, 2]
    batch = {"labels": torch.tensor([labels]), "position_ids": torch.tensor([positions])}
    check_batch(batch, END)
    batch["labels"][0, 2] = 5
    with pytest.raises(DatasetError, match="where an answer ends"):
        check_batch(batch, END)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_refused(loss: float) -> None:
    with pytest.raises(BaseError, match="before anything was trained"):
        check_loss(loss)
    check_loss(0.0)
