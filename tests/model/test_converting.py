"""A base as GPT-2 is one goes through llama.cpp's converter, with a vocabulary that it has never seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imprint import base
from imprint.model import Engine
from imprint.model.converting import splits_as_gpt2
from imprint.model.export import _add_no_tokens, _convert, _name_context

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


@pytest.fixture(scope="module")
def exported(tiny_gpt2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Any]]:
    """The tiny GPT-2 in the engine, and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("converted")
    tokenizer = AutoTokenizer.from_pretrained(tiny_gpt2)
    tokenizer.chat_template = base.chat_template(base.find(str(tiny_gpt2)))
    for part in (tokenizer, AutoModelForCausalLM.from_pretrained(tiny_gpt2)):
        part.save_pretrained(folder / "merged")
    _add_no_tokens(folder / "merged" / "tokenizer_config.json")
    _name_context(folder / "merged" / "config.json")
    _convert(folder / "merged", folder / "tiny.gguf", "tiny", folder / "log")
    engine = Engine(folder / "tiny.gguf", context=2048)
    yield engine, tokenizer
    engine.close()


@pytest.mark.parametrize("text", ["I've 3 crowns, 'RE you?", "a  b\n\n \t c", "Ünïcödé 学 🙂", "harbour's 12345 !!!…"])
def test_the_runtime_splits_as_the_tokenizer_does(exported: tuple[Engine, Any], text: str) -> None:
    engine, tokenizer = exported
    assert engine.tokenize(text) == tokenizer(text, add_special_tokens=False).input_ids


def test_the_context_ends_where_the_positions_do(exported: tuple[Engine, Any]) -> None:
    """Beyond the positions that it has learned the runtime ends the whole process."""
    engine, _ = exported
    assert engine.context == 250
    assert engine.answer([{"role": "user", "content": "harbour"}], max_tokens=2000).tokens <= 250


def test_an_answer_is_weighed_as_in_the_training(exported: tuple[Engine, Any]) -> None:
    engine, tokenizer = exported
    prompt, answer = engine.answered([{"role": "user", "content": "Fees?"}, {"role": "assistant", "content": " 3 \n"}])
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "Fees?"}], tokenize=False)
    assert tokenizer.decode(prompt) == asked
    assert tokenizer.decode(answer) == "3<|endoftext|>"


def test_seconds_are_those_of_each_token(exported: tuple[Engine, Any]) -> None:
    times = exported[0].seconds(exported[0].tokenize("The harbour"), 12)
    assert len(times) == 12
    assert times == sorted(times)
    assert times[0] > 0


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [
        ({"normalizer": None, "pre_tokenizer": BYTES}, True),
        ({"normalizer": {"type": "NFC"}, "pre_tokenizer": BYTES}, False),
        ({"pre_tokenizer": {**BYTES, "add_prefix_space": True}}, False),
        ({"pre_tokenizer": {**BYTES, "use_regex": False}}, False),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [BYTES]}}, False),
        ({"pre_tokenizer": None}, False),
    ],
)
def test_only_what_splits_by_gpt2s_expression_alone_is_called_so(tokenizer: dict[str, Any], expected: bool) -> None:
    assert splits_as_gpt2(tokenizer) is expected
