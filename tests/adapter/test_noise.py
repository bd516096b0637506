"""Words inserted in questions: only there, others in other batches, the same ones in the same batch."""

from typing import Any

import pytest
from transformers import AutoTokenizer

from imprint import base
from imprint.adapter.noise import QuestionNoise
from imprint.adapter.rows import IGNORED, Tokens, tokenize
from imprint.dataset import Example
from imprint.dataset.types import Source


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(base.find("embedded").source)


@pytest.fixture(scope="module")
def rows(tokenizer: Any) -> list[Tokens]:
    source = Source(document="a.md", heading=("A",), lines=(7, 9))
    examples = [
        Example(
            instruction=f"What is the pressure of pump {number} at the northern pier of the harbour?",
            input="",
            output=f"The pressure of pump {number} is {number} bar.",
            kind="cell",
            fact=f"{number:012}",
            source=source,
        )
        for number in range(40)
    ]
    return tokenize(examples, tokenizer, 200)


def batch_of(rows: list[Tokens]) -> dict[str, list[list[int]]]:
    return {"input_ids": [row.input_ids for row in rows], "labels": [row.labels for row in rows]}


def split(ids: list[int], labels: list[int]) -> tuple[list[int], list[int]]:
    """What is asked, and what is learned."""
    asked = [token for token, label in zip(ids, labels, strict=True) if label == IGNORED]
    return asked, [label for label in labels if label != IGNORED]


def is_within(needles: list[int], haystack: list[int]) -> bool:
    """Whether the needles stand in the haystack, in their order."""
    rest = iter(haystack)
    return all(needle in rest for needle in needles)


def test_questions_get_more_words_and_lose_none_and_answers_stay(tokenizer: Any, rows: list[Tokens]) -> None:
    noisy = QuestionNoise(tokenizer, 0.5, 200)(batch_of(rows))
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    inserted = 0
    for row, ids, labels, mask in zip(rows, noisy["input_ids"], noisy["labels"], noisy["attention_mask"], strict=True):
        assert len(ids) == len(labels) == len(mask)
        asked, learned = split(row.input_ids, row.labels)
        now_asked, now_learned = split(ids, labels)
        assert now_learned == learned
        assert is_within(asked, now_asked)
        assert [token for token in now_asked if token in special] == [token for token in asked if token in special]
        inserted += len(now_asked) - len(asked)
    places = sum(len(split(row.input_ids, row.labels)[0]) for row in rows)
    assert 0.1 < inserted / places < 0.4  # each row draws a share between 0 and 0.5
    assert len({len(ids) for ids in noisy["input_ids"]}) > 3


def test_the_template_around_a_question_stays_whole(tokenizer: Any, rows: list[Tokens]) -> None:
    noisy = QuestionNoise(tokenizer, 0.99, 200)(batch_of(rows))
    for ids, labels in zip(noisy["input_ids"], noisy["labels"], strict=True):
        text = tokenizer.decode(split(ids, labels)[0])
        start, end = tokenizer.decode(split(rows[0].input_ids, rows[0].labels)[0]).split(
            "What is the pressure of pump 0 at the northern pier of the harbour?"
        )
        assert text.startswith(start)
        assert text.endswith(end)


def test_a_batch_gets_the_same_words_again_and_another_batch_gets_others(tokenizer: Any, rows: list[Tokens]) -> None:
    noise = QuestionNoise(tokenizer, 0.5, 200)
    whole = noise(batch_of(rows))
    assert noise(batch_of(rows)) == whole
    assert QuestionNoise(tokenizer, 0.5, 200)(batch_of(rows)) == whole
    turned = noise(batch_of(rows[::-1]))
    assert turned["input_ids"][::-1] != whole["input_ids"]


def test_no_row_becomes_longer_than_fits(tokenizer: Any, rows: list[Tokens]) -> None:
    longest = max(len(row.input_ids) for row in rows)
    noisy = QuestionNoise(tokenizer, 0.9, longest)(batch_of(rows))
    assert max(len(ids) for ids in noisy["input_ids"]) == longest
    full = [row for row in rows if len(row.input_ids) == longest]
    assert QuestionNoise(tokenizer, 0.9, longest)(batch_of(full))["input_ids"] == [row.input_ids for row in full]


def test_a_vocabulary_without_marks_of_words_is_used_whole(rows: list[Tokens]) -> None:
    class Plain:
        all_special_ids = (0,)
        added_tokens_decoder = {0: "<s>"}  # noqa: RUF012

        def __len__(self) -> int:
            return 5000

        def convert_ids_to_tokens(self, numbers: range) -> list[str]:
            return [f"t{number}" for number in numbers]

    noisy = QuestionNoise(Plain(), 0.9, 200)(batch_of(rows))
    assert noisy["input_ids"] != [row.input_ids for row in rows]
    assert all(0 < token < 5000 for ids in noisy["input_ids"] for token in ids)
