"""Base and adapter in transformers: batches say what transformers' own greedy search says to each prompt alone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imprint import base, config, environment
from imprint.adapter.rows import IGNORED, Tokens
from imprint.errors import InputError
from imprint.model import Answer

QUESTIONS = ("How do I retrain?", "Why?", "Tell me about the harbour, the boats and the pier. " * 6, "Who?", "A?")
LIMITS = (6, 14, 3, 1, 0)


def load(source: str | Path, adapter: Path | None = None, *overrides: str) -> Any:
    from imprint.evaluation.weights import Weights

    chosen, _ = base.choose(config.load(overrides=[f"base={source}", "evaluation.batch_size=3", *overrides]), None)
    with environment.borrowed():  # fixtures of the module are made outside of any test, whose environment is restored
        return Weights(chosen, adapter)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the embedded base, with weights at random, so that it says something else."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("adapter")
    source = base.find("embedded").source
    torch.manual_seed(1)
    bare: Any = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    lora = LoraConfig(target_modules=["o_proj", "down_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(bare, lora).save_pretrained(str(folder))
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tuned(adapter: Path) -> Iterator[Any]:
    with load("embedded", adapter) as model:
        yield model


@pytest.fixture(scope="module")
def prompts(tuned: Any) -> list[list[int]]:
    return [tuned.prompt([{"role": "user", "content": question}]) for question in QUESTIONS]


def one_by_one(model: Any, prompts: list[list[int]], limits: tuple[int, ...]) -> list[Answer]:
    """By transformers' `generate`, a batch of one each."""
    import torch

    with torch.inference_mode():
        return [
            model._answer(model._generate([prompt], limit)[0][:limit])
            for prompt, limit in zip(prompts, limits, strict=True)
        ]


def test_answers_are_those_of_transformers(tuned: Any, prompts: list[list[int]]) -> None:
    assert tuned._keeps_keys
    done: list[int] = []
    answers = tuned.answer_all(prompts, LIMITS, done.append)
    assert answers == one_by_one(tuned, prompts, LIMITS)
    assert answers == tuned.answer_all(prompts, LIMITS)
    assert answers[-1] == Answer("", 0, "length")
    assert done == [3, 5]
    with tuned.without_adapter():
        plain = tuned.answer_all(prompts, LIMITS)
        assert plain == one_by_one(tuned, prompts, LIMITS)
    assert plain != answers
    assert tuned.answer_all([], []) == []


def test_a_merged_adapter_leaves_the_weights_as_they_were(tuned: Any, prompts: list[list[int]]) -> None:
    import torch

    before = {name: value.detach().clone() for name, value in tuned._model.named_parameters()}
    with tuned._merged():
        merged = dict(tuned._model.named_parameters())
        assert any(not torch.equal(before[name], value) for name, value in merged.items())
    for name, value in tuned._model.named_parameters():
        assert torch.equal(before[name], value), name
    with tuned.without_adapter(), tuned._merged():
        for name, value in tuned._model.named_parameters():
            assert torch.equal(before[name], value), name


def test_likelihoods_are_those_of_the_model_row_by_row(tuned: Any, prompts: list[list[int]]) -> None:
    import torch

    answer = tuned.tokenize("The boats go out in the morning.<|end|>")
    rows = [
        Tokens([*prompt, *answer[number:]], [*[IGNORED] * len(prompt), *answer[number:]])
        for number, prompt in enumerate(prompts)
    ]
    rows.append(Tokens(answer, answer))  # plain text: nothing stands before its first token
    nats = tuned.likelihoods(rows)
    for row, found in zip(rows, nats, strict=True):
        labels = torch.tensor([[IGNORED] * len(row.prompt) + row.input_ids[len(row.prompt) :]])
        with torch.no_grad():
            loss = tuned._model(torch.tensor([row.input_ids]), labels=labels).loss
        count = len(row.input_ids) - max(1, len(row.prompt))
        assert found == pytest.approx(float(loss) * count, abs=1e-3)
    assert tuned.negative_log_likelihood(prompts[0], answer) == pytest.approx(nats[0], abs=1e-3)


def test_memory_that_runs_out_halves_the_batches(
    tuned: Any, prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    expected = tuned.answer_all(prompts, LIMITS)
    sizes: list[int] = []
    answers: Callable[..., list[Answer]] = tuned._answers

    def short_of_memory(prompts: list[list[int]], limits: list[int]) -> list[Answer]:
        sizes.append(len(prompts))
        if len(prompts) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return answers(prompts, limits)

    monkeypatch.setattr(tuned, "_size", 4)
    monkeypatch.setattr(tuned, "_answers", short_of_memory)
    assert tuned.answer_all(prompts, LIMITS) == expected
    assert sizes == [4, 2, 1, 1, 1, 1, 1]

    def broken(prompts: list[list[int]], limits: list[int]) -> list[Answer]:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(tuned, "_answers", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        tuned.answer_all(prompts, LIMITS)


def test_a_prompt_that_does_not_fit_is_named(tuned: Any, prompts: list[list[int]]) -> None:
    with pytest.raises(InputError, match=r"Prompt 2 of 2 has 5000 tokens; the context holds \d+, the answer included"):
        tuned.answer_all([prompts[0], [5] * 5000], [1, 1])


@pytest.mark.parametrize("keeps_keys", [True, False])
def test_a_model_without_padding_up_to_the_end_of_its_positions(tiny_gpt2: Path, keeps_keys: bool) -> None:
    with load(tiny_gpt2) as model:
        assert model._keeps_keys
        model._keeps_keys = keeps_keys
        prompts = [[7, 8, 9], [5] * (model.context - 4), [11, 12]]
        limits = (12, 100, 12) if keeps_keys else (4, 100, 4)  # what is padded to one width has room for no more
        answers = model.answer_all(prompts, limits)
        assert answers == one_by_one(model, prompts, (limits[0], 4, limits[2]))
        assert answers[1].tokens <= 4
