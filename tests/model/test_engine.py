"""The engine: the GGUF's tokens and likelihoods are Hugging Face's; bad files and long prompts are refused."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imprint import base
from imprint.errors import InputError, MachineError
from imprint.model import Engine, Message
from imprint.model.engine import finish, render

pytestmark = pytest.mark.slow  # one GGUF is converted for all of them

PROMPTS = (
    "How do I retrain?",
    "What is the default of `service.port`?",
    "  leading and trailing  ",
    "line one\nline two\n\n- a list\n",
    "İstanbul'da ılık yağmur, çok güzel; größer, façade, año.",
    "数字 42 и кириллица 🙂",
    "<|end|> said the user <|assistant|>",
)


@pytest.fixture(scope="module")
def engine(gguf: Path) -> Iterator[Engine]:
    loaded = Engine(gguf, context=1024)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def hf() -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = base.find("embedded").source
    return AutoTokenizer.from_pretrained(source), AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)


def user(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_token_ids_are_those_of_the_training(engine: Engine, hf: tuple[Any, Any], prompt: str) -> None:
    tokenizer, _ = hf
    trained = tokenizer.apply_chat_template(user(prompt), tokenize=False, add_generation_prompt=True)
    assert engine.prompt(user(prompt)) == tokenizer(trained, add_special_tokens=False).input_ids


def test_likelihoods_are_those_of_hugging_face(engine: Engine, hf: tuple[Any, Any]) -> None:
    import torch

    tokenizer, model = hf
    prompt = engine.prompt(user("What is the default of the port?"))
    answer = tokenizer(" The default of the port is 8080." * 50, add_special_tokens=False).input_ids  # over one batch
    with torch.no_grad():
        logits = model(torch.tensor([prompt + answer])).logits[0].double()
    expected = -torch.log_softmax(logits[len(prompt) - 1 : -1], -1)[range(len(answer)), answer].sum().item()
    assert len(prompt) + len(answer) > 512
    assert engine.negative_log_likelihood(prompt, answer) == pytest.approx(expected, rel=0.01)


def test_greedy_answers_are_those_of_hugging_face(engine: Engine, hf: tuple[Any, Any]) -> None:
    import torch

    tokenizer, model = hf
    prompt = engine.prompt(user("Tell me about the port."))
    with torch.no_grad():
        ids = model.generate(torch.tensor([prompt]), max_new_tokens=8, do_sample=False)[0, len(prompt) :]
    expected = tokenizer.decode(ids, skip_special_tokens=True).strip()
    assert engine.answer(user("Tell me about the port."), max_tokens=8).text == expected


def test_the_pieces_of_a_stream_make_the_answer(engine: Engine) -> None:
    pieces: list[str] = []
    generation = engine.stream(user("Tell me about the port."), max_tokens=20)
    while True:
        try:
            pieces.append(next(generation))
        except StopIteration as end:
            answer = end.value
            break
    assert "".join(pieces).rstrip() == answer.text == engine.answer(user("Tell me about the port."), max_tokens=20).text
    assert answer.tokens <= 20
    assert answer.finish_reason == ("length" if answer.tokens == 20 else "stop")


def test_a_stream_that_is_left_frees_the_engine(engine: Engine) -> None:
    generation = engine.stream(user("Tell me about the port."), max_tokens=50)
    next(generation)
    generation.close()
    assert engine.answer(user("Hello"), max_tokens=4).tokens <= 4


def test_sampling_with_one_seed_repeats(gguf: Path) -> None:
    answers = []
    for seed in (1, 1, 2):
        engine = Engine(gguf, context=256, seed=seed)
        answers.append(finish(engine.stream(user("Tell me a story."), max_tokens=30, temperature=1.5)).text)
        engine.close()
    assert answers[0] == answers[1] != answers[2]


def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers(gguf: Path) -> None:
    engine = Engine(gguf, context=256)
    with pytest.raises(InputError, match=r"The prompt has \d+ tokens; the context holds 256"):
        engine.answer(user("word " * 400), max_tokens=5)
    answer = engine.answer(user("word " * 200), max_tokens=1000)
    assert answer.tokens <= 256
    engine.close()


def test_damaged_files_are_machine_errors(gguf: Path, tmp_path: Path) -> None:
    cut, other = tmp_path / "cut.gguf", tmp_path / "other.gguf"
    cut.write_bytes(gguf.read_bytes()[: os.path.getsize(gguf) // 2])
    other.write_bytes(b"not a model")
    for path in (cut, other, tmp_path / "missing.gguf"):
        with pytest.raises(MachineError, match=path.name):
            Engine(path, context=256)


def test_a_file_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    import sys

    vocabulary = Path(sys.prefix, "share", "imprint", "llama.cpp", "models", "ggml-vocab-phi-3.gguf")
    assert vocabulary.is_file()
    with pytest.raises((InputError, MachineError)):  # a vocabulary has no weights to load
        Engine(vocabulary, context=256)


def test_templates_run_in_a_sandbox() -> None:
    from jinja2.exceptions import SecurityError

    with pytest.raises(SecurityError):
        render("{{ ''.__class__.__mro__[1].__subclasses__() }}", user("hello"), "", "")
    with pytest.raises(InputError, match="only users"):
        render("{{ raise_exception('only users') }}", user("hello"), "", "")
