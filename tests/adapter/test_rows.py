"""Rows for the trainer: the loss is on the response, the end token is learned, nothing is cut."""

from typing import Any

import pytest

from imprint import base
from imprint.adapter.rows import IGNORED, end_token, tokenize
from imprint.dataset import Example
from imprint.dataset.types import Source
from imprint.errors import DatasetError


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base.find("embedded").source)


def example(question: str, answer: str, messages: tuple[tuple[str, str], ...] = ()) -> Example:
    source = Source(document="a.md", heading=("A",), lines=(7, 9))
    return Example(
        instruction=question, input="", output=answer, kind="row", fact="0" * 12, source=source, messages=messages
    )


def test_the_loss_covers_the_answer_and_the_token_that_ends_it(tokenizer: Any) -> None:
    (row,) = tokenize([example("Where is the pump?", "The pump is at the pier.")], tokenizer, 100)
    learned = [token for token, label in zip(row.input_ids, row.labels, strict=True) if label != IGNORED]
    assert learned == [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(learned) == "The pump is at the pier.<|end|>"
    asked = [token for token, label in zip(row.input_ids, row.labels, strict=True) if label == IGNORED]
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Where is the pump?"}], add_generation_prompt=True, return_dict=False
    )
    assert asked == prompt
    assert row.labels[: len(asked)] == [IGNORED] * len(asked)


def test_every_row_ends_in_the_end_token(tokenizer: Any) -> None:
    answers = ["Yes.", "1. One.\n2. Two.", "```sh\nmake run\n```", "İstanbul'da, ılık bir yağmur.", "  spaces  ", "🙂"]
    rows = tokenize([example("Say it.", answer) for answer in answers], tokenizer, 200)
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    assert [row.labels[-1] for row in rows] == [end] * len(answers)
    assert all(row.labels.count(end) == 1 for row in rows)


CONVERSATION = (
    ("system", "Be short."),
    ("user", "Hello"),
    ("assistant", "Hi. "),
    ("user", "Bye"),
    ("assistant", "Bye."),
)


def test_of_a_conversation_every_answer_is_learned(tokenizer: Any) -> None:
    (row,) = tokenize([example("Bye", "Bye.", CONVERSATION)], tokenizer, 100)
    assert tokenizer.decode([label for label in row.labels if label != IGNORED]) == "Hi.<|end|> Bye.<|end|>"
    learned = [token for token, label in zip(row.input_ids, row.labels, strict=True) if label != IGNORED]
    assert learned == [label for label in row.labels if label != IGNORED]
    prompt = [{"role": role, "content": content.strip()} for role, content in CONVERSATION[:-1]]
    rendered = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)
    assert row.prompt == rendered


def test_an_answer_that_the_template_shortens_later_is_not_learned_in_its_place(tokenizer: Any) -> None:
    import copy

    forgetful = copy.deepcopy(tokenizer)
    forgetful.chat_template = (
        "{% for message in messages %}<|{{ message['role'] }}|>\n"
        "{{ message['content'] if loop.last or message['role'] != 'assistant' else 'Well.' }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    )
    (row,) = tokenize([example("Bye", "Bye.", CONVERSATION)], forgetful, 100)
    assert forgetful.decode([label for label in row.labels if label != IGNORED]) == "Bye.<|end|>"
    assert "Well." in forgetful.decode(row.prompt)


def test_plain_text_has_no_prompt(tokenizer: Any) -> None:
    (row,) = tokenize([example("", "Just text.").model_copy(update={"kind": "text"})], tokenizer, 100)
    assert row.prompt == []
    assert row.labels == row.input_ids


def test_a_row_that_does_not_fit_is_named_not_cut(tokenizer: Any) -> None:
    with pytest.raises(DatasetError, match=r"a\.md:7 has \d+ tokens; at most 20 fit") as caught:
        tokenize([example("Where?", "word " * 40)], tokenizer, 20)
    assert "adapter.max_seq_length=" in caught.value.hint


def test_a_template_without_an_end_token_is_refused(tokenizer: Any) -> None:
    import copy

    endless = copy.deepcopy(tokenizer)
    endless.chat_template = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
    with pytest.raises(DatasetError, match="no special token"):
        end_token(endless)
    assert end_token(tokenizer) == "<|end|>"
