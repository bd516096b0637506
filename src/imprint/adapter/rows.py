"""Examples as token ids: the prompt format applied once, the loss on the response, the end token part of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from imprint.dataset import Example
from imprint.errors import DatasetError

IGNORED = -100
"""The label that PyTorch's cross-entropy leaves out."""


@dataclass(frozen=True)
class Tokens:
    """One row for the trainer: `input_ids` and `labels`, each of the same length."""

    input_ids: list[int]
    labels: list[int]

    @property
    def prompt(self) -> list[int]:
        """What stands before the last answer."""
        end = next((place for place in range(len(self.labels), 0, -1) if self.labels[place - 1] == IGNORED), 0)
        return self.input_ids[:end]


def tokenize(examples: Iterable[Example], tokenizer: Any, max_length: int) -> list[Tokens]:
    """Token ids and labels of each example, as the tokenizer's own chat template renders them.

    The labels cover each answer of a conversation and the token that ends it. Raises DatasetError for a row that is
    longer than `max_length` tokens: nothing is ever cut in silence.
    """
    end = end_token(tokenizer)
    rows = []
    for example in examples:
        row = _tokens(example, tokenizer, end)
        if len(row.input_ids) > max_length:
            place = f"{example.source.document}:{example.source.lines[0]}"
            raise DatasetError(
                f"A row from {place} has {len(row.input_ids)} tokens; at most {max_length} fit.",
                hint=f"set adapter.max_seq_length={len(row.input_ids)}, or shorten the text there",
            )
        rows.append(row)
    return rows


def end_token(tokenizer: Any) -> str:
    """The special token that the chat template puts behind an answer: what the model must learn to say last.

    Raises DatasetError for a template that ends an answer with none: a model trained on it would never stop.
    """
    answer = "answer"
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": answer}]
    whole = str(tokenizer.apply_chat_template(turns, tokenize=False))
    rest = whole[whole.rindex(answer) + len(answer) :].lstrip()
    known = {str(token) for token in tokenizer.added_tokens_decoder.values()} | set(tokenizer.all_special_tokens)
    for token in sorted(known, key=len, reverse=True):
        if rest.startswith(token):
            return token
    raise DatasetError("The base's chat template ends an answer with no special token.", hint="take another base")


def _tokens(example: Example, tokenizer: Any, end: str) -> Tokens:
    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
        return ids

    conversation = [
        {**turn, "content": turn["content"].strip()} if turn["role"] == "assistant" else turn
        for turn in example.conversation()
    ]
    if len(conversation) == 1:  # plain text: there is no question, and all of it is learned
        ids = encode(example.conversation()[0]["content"] + end)
        return Tokens(ids, ids)
    whole = _answered(conversation, tokenizer, end)
    ids = encode("".join(whole))
    before = encode(whole[0])
    if ids[: len(before)] != before or ids[-1] != tokenizer.convert_tokens_to_ids(end):
        raise DatasetError("The base's tokenizer joins prompt and answer in one token.", hint="take another base")
    labels = [IGNORED] * len(before) + ids[len(before) :]
    for place, turn in enumerate(conversation[:-1]):
        if turn["role"] == "assistant" and place:
            asked, said = _answered(conversation[: place + 1], tokenizer, end)
            start, stop = encode(asked), encode(asked + said)
            # What a template renders otherwise once it is past (Qwen3 drops the thoughts) is not learned there.
            if ids[: len(start)] == start and ids[: len(stop)] == stop:
                labels[len(start) : len(stop)] = ids[len(start) : len(stop)]
    return Tokens(ids, labels)


def _answered(conversation: list[dict[str, str]], tokenizer: Any, end: str) -> tuple[str, str]:
    """What stands before the last answer, as the template renders it, and the answer with its end."""
    asked = str(tokenizer.apply_chat_template(conversation[:-1], tokenize=False, add_generation_prompt=True))
    return asked, conversation[-1]["content"] + end
