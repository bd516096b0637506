"""Many prompts at once: what each is answered, and how likely each answer is, is what it would be alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imprint.errors import InputError, MachineError
from imprint.model import Answer, Engine
from imprint.model.batching import _pieces
from imprint.model.context import BATCH, Context, Entry, _fitting_slots

pytestmark = pytest.mark.slow  # one GGUF is converted for all of them

QUESTIONS = (
    "How do I retrain?",
    "Why?",
    "What is the default of `service.port`?",
    "Tell me about the harbour, the boats and the pier. " * 12,
    "数字 42",
    "Name three things.",
    "word " * 700,  # more than one call takes
    "Where do boats go in the morning?",
    "Tell me a story.",
    "Who?",
)
LIMITS = (9, 30, 1, 12, 0, 25, 8, 3, 40, 17)


@pytest.fixture(scope="module")
def alone(gguf: Path) -> Iterator[Engine]:
    engine = Engine(gguf, context=1024)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def together(gguf: Path) -> Iterator[Engine]:
    engine = Engine(gguf, context=1024, slots=4)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def prompts(alone: Engine) -> list[list[int]]:
    return [alone.prompt([{"role": "user", "content": question}]) for question in QUESTIONS]


def test_answers_are_those_of_one_by_one_in_the_order_of_the_prompts(
    alone: Engine, together: Engine, prompts: list[list[int]]
) -> None:
    done: list[int] = []
    answers = together.answer_all(prompts, LIMITS, done.append)
    one_by_one = [
        alone.answer([{"role": "user", "content": question}], max_tokens=limit)
        for question, limit in zip(QUESTIONS, LIMITS, strict=True)
    ]
    assert answers == one_by_one
    assert len({answer.text for answer in answers}) > 5
    assert answers[4] == Answer("", 0, "length")
    assert done == sorted(done)
    assert done[-1] == len(prompts)
    assert together.answer_all(prompts, LIMITS) == answers
    backwards = together.answer_all(prompts[::-1], LIMITS[::-1])
    assert backwards[::-1] == answers


def test_likelihoods_are_those_of_one_by_one(alone: Engine, together: Engine, prompts: list[list[int]]) -> None:
    answer = alone.tokenize(" The boats go out in the morning.<|end|>")
    pairs = [(prompt, answer[: 1 + number]) for number, prompt in enumerate(prompts)]
    one_by_one = [alone.negative_log_likelihood(*pair) for pair in pairs]
    assert together.negative_log_likelihoods(pairs) == pytest.approx(one_by_one, rel=1e-3)  # sums in 16 bits
    assert len(set(one_by_one)) == len(pairs)
    assert together.negative_log_likelihoods([]) == []


def test_a_prompt_that_does_not_fit_is_named(together: Engine, prompts: list[list[int]]) -> None:
    with pytest.raises(InputError, match="Prompt 2 of 3 has 1024 tokens; the context holds 1024"):
        together.answer_all([prompts[0], [5] * 1024, prompts[1]], [1, 1, 1])
    with pytest.raises(InputError, match="Prompt 1 of 1 has 0 tokens"):
        together.answer_all([[]], [1])
    with pytest.raises(InputError, match="Prompt 1 of 2 has 1025 tokens with its answer"):
        together.negative_log_likelihoods([([5] * 1000, [5] * 25), ([5], [5])])
    assert together.answer_all([], []) == []
    full = together.answer_all([[5] * 1020, prompts[0]], [100, 2])
    assert full[0].tokens <= 4


def test_what_is_no_text_is_an_answer_all_the_same(alone: Engine) -> None:
    half_a_character = alone.tokenize("\N{SLIGHTLY SMILING FACE}")[-4:-2]
    assert alone._whole(half_a_character).text == "\N{REPLACEMENT CHARACTER}"
    blanks = alone.tokenize("      ")
    assert alone._whole(blanks) == Answer("", len(blanks), "length")
    (end,) = alone.tokenize("<|end|>")
    assert alone._whole([end]) == Answer("", 0, "stop")


def test_where_memory_is_short_there_are_fewer_slots(alone: Engine, together: Engine) -> None:
    assert _fitting_slots(alone._api, alone._model, 10**12) == 1
    assert _fitting_slots(alone._api, alone._model, 256) > 64
    assert together._many is not None
    assert together._many.slots == 4


class ShortOfMemory:
    """llama.cpp on a device whose memory holds so many slots."""

    def __init__(self, api: Any, slots: int) -> None:
        self._api = api
        self._slots = slots

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def llama_init_from_model(self, model: Any, options: Any) -> Any:
        return self._api.llama_init_from_model(model, options) if options.n_seq_max <= self._slots else None


def test_where_a_device_is_full_half_the_slots_are_tried(alone: Engine) -> None:
    context = Context(ShortOfMemory(alone._api, 3), alone._model, size=256, slots=9, threads=1)
    assert context.slots == 2
    context.free()
    with pytest.raises(MachineError, match="not enough memory for a context of 256 tokens"):
        Context(ShortOfMemory(alone._api, 0), alone._model, size=256, slots=9, threads=1)


def test_a_slot_is_no_larger_than_its_prompts_need(gguf: Path) -> None:
    engine = Engine(gguf, context=2048, slots=2)
    prompt = engine.tokenize("The boats")
    first = engine.answer_all([prompt] * 3, [5] * 3)
    assert engine._many is not None
    assert (engine._many.size, engine._many.slots) == (256, 2)
    assert engine.answer_all([prompt] * 3, [400, 5, 5])[1:] == first[1:]
    assert engine._many.size == 512
    engine.close()


def test_pieces_hold_whole_sequences_and_cut_only_longer_ones() -> None:
    lengths = (1300, 512, 300, 200, 100, 1)
    sequences = [
        [Entry(position, position, slot, False) for position in range(length)] for slot, length in enumerate(lengths)
    ]
    pieces = list(_pieces(sequences))
    assert [entry for piece in pieces for entry in piece] == [entry for sequence in sequences for entry in sequence]
    assert all(0 < len(piece) <= BATCH for piece in pieces)
    for slot, length in enumerate(lengths):
        assert sum(any(entry.slot == slot for entry in piece) for piece in pieces) == -(-length // BATCH)
