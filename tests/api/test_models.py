"""Models from Python, in both runtimes: loaded, asked, measured, compared."""

import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import imprint
from imprint import Model
from imprint.errors import BaseError, DatasetError, InputError, MachineError, NoModelError
from imprint.runs import Outputs, Run

ROWS = [
    {"question": "Where do boats go?", "answer": "Into the water."},
    {"question": "How many?", "answer": "Three, of which two are old."},
    {"messages": [{"role": role, "content": text} for role, text in (("user", "A?"), ("assistant", "B."))]},
    {"text": "Plain text, of which nothing is asked."},
]
TEXT = "The harbour of the town has a long pier, and boats go out in the morning. "


@pytest.fixture(scope="module")
def served(gguf: Path) -> Iterator[Model]:
    with imprint.load_model(gguf, "service.context=512") as model:
        yield model


@pytest.fixture(scope="module")
def weights() -> Iterator[Model]:
    with imprint.load_model("embedded", "service.context=512") as model:
        yield model


@pytest.fixture
def run(new_run: Callable[..., Run], gguf: Path) -> Run:
    """A run whose model stage has left the embedded base's GGUF."""
    made = new_run(state="complete")
    with made.record("model", inputs={}, settings={}, seed=1) as record:
        os.link(gguf, record.folder / "m.gguf")
    return made


def test_the_same_model_says_the_same_in_both_runtimes(served: Model, weights: Model) -> None:
    assert (served.context, weights.context) == (512, 512)
    for prompt in ("What is a boat?", [{"role": "user", "content": "Tell me about the port."}]):
        one, other = served.ask(prompt, max_tokens=8), weights.ask(prompt, max_tokens=8)
        assert one == other
        assert one.tokens <= 8


def test_the_same_model_scores_the_same_in_both_runtimes(served: Model, weights: Model) -> None:
    one, other = imprint.evaluate_model(served, ROWS), imprint.evaluate_model(weights, ROWS)
    assert one.questions == other.questions == 3
    assert one.perplexity == pytest.approx(other.perplexity, rel=0.01)
    assert one.token_f1 == pytest.approx(other.token_f1)
    assert one.ended == other.ended


def test_perplexity_is_that_of_all_tokens_but_the_first(served: Model, weights: Model) -> None:
    import torch

    ids = weights.tokenize(TEXT)
    with torch.no_grad():
        loss = weights._model(torch.tensor([ids]), labels=torch.tensor([ids])).loss  # type: ignore[attr-defined]
    assert imprint.calculate_perplexity(weights, TEXT) == pytest.approx(math.exp(float(loss)), rel=1e-4)
    assert imprint.calculate_perplexity(served, TEXT) == pytest.approx(math.exp(float(loss)), rel=0.01)


class Even(Model):
    """Holds every token for as likely as any of ten, and notes what is asked of it."""

    name = "even"
    context = 8

    def __init__(self) -> None:
        self.windows: list[tuple[int, int]] = []

    def tokenize(self, text: str) -> list[int]:
        return list(range(len(text)))

    def likelihoods(self, rows: Any) -> list[float]:
        for row in rows:
            assert row.input_ids == list(range(row.input_ids[0], row.input_ids[-1] + 1))
            self.windows.append((len(row.prompt), len(row.input_ids) - len(row.prompt)))
        return [(len(row.input_ids) - len(row.prompt)) * math.log(10) for row in rows]

    def ask(self, prompt: Any, *, max_tokens: int = 512) -> Any: ...
    def prompt(self, messages: Any) -> Any: ...
    def seconds(self, prompt: Any, tokens: int) -> Any: ...
    def rows(self, examples: Any) -> Any: ...
    def answer_all(self, prompts: Any, limits: Any, progress: Any = None) -> Any: ...
    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("length", "stride", "windows"),
    [
        (2, None, [(1, 1)]),
        (8, None, [(1, 7)]),
        (9, None, [(7, 1)]),
        (20, None, [(4, 4), (4, 4), (4, 4)]),
        (11, 2, [(6, 2), (7, 1)]),
    ],
)
def test_a_text_above_the_context_is_read_in_windows_that_overlap(
    length: int, stride: int | None, windows: list[tuple[int, int]]
) -> None:
    model = Even()
    assert imprint.calculate_perplexity(model, "x" * length, stride=stride) == pytest.approx(10)
    assert model.windows[-len(windows) :] == windows
    assert sum(count for _, count in model.windows) == length - 1
    assert all(before + count <= 8 for before, count in model.windows)


def test_perplexity_needs_something_to_predict() -> None:
    with pytest.raises(InputError, match="two tokens"):
        imprint.calculate_perplexity(Even(), ["", "x"])
    with pytest.raises(InputError, match="expected 1 to 7"):
        imprint.calculate_perplexity(Even(), "xyz", stride=8)


@pytest.mark.parametrize("name", ["served", "weights"])
def test_speed_is_that_of_so_many_tokens(name: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    speed = imprint.benchmark_speed(model, prompt_tokens=300, tokens=5, repeats=1)
    assert (speed.prompt_tokens, speed.tokens) == (300, 5)
    assert speed.tokens_per_s > 0
    assert speed.prompt_tokens_per_s == pytest.approx(300 / speed.seconds_to_first_token)
    with pytest.raises(InputError, match="at most 512 tokens together"):
        imprint.benchmark_speed(model, prompt_tokens=500, tokens=13)


def test_two_models_side_by_side(served: Model, weights: Model) -> None:
    prompts = imprint.compare_models(served, weights, ["What is a boat?", "Why?"], max_tokens=6)
    assert [row.prompt for row in prompts.answers] == ["What is a boat?", "Why?"]
    assert all(row.first == row.second and row.expected is None for row in prompts.answers)
    assert (prompts.first, prompts.second) == (None, None)
    rows = imprint.compare_models(served, weights, ROWS, max_tokens=6)
    assert [row.expected for row in rows.answers] == ["Into the water.", "Three, of which two are old.", "B."]
    assert rows.first is not None
    assert rows.first.accuracy == sum(bool(row.first_is_right) for row in rows.answers) / 3
    assert rows.first == imprint.evaluate_model(served, ROWS, max_tokens=6)


def test_texts_alone_ask_nothing(served: Model) -> None:
    with pytest.raises(DatasetError, match="no question"):
        imprint.evaluate_model(served, [ROWS[-1]])


@pytest.mark.parametrize("name", ["served", "weights"])
def test_a_prompt_that_does_not_fit_is_refused(name: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(InputError, match=r"The prompt has \d+ tokens; the context holds 512"):
        request.getfixturevalue(name).ask("word " * 600)


# ---- what is loaded -------------------------------------------------------------------------------------------------


def test_a_run_by_folder_or_id_and_the_current_one(run: Run, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    with pytest.raises(NoModelError, match="no model"):
        imprint.load_model(outputs=outputs)
    Outputs(outputs).activate(run)
    for source in (None, run.id, run.path):
        with imprint.load_model(source, "service.context=300", outputs=outputs) as model:
            assert (model.name, model.context) == ("m", 300)


def test_an_adapter_is_loaded_on_the_base_of_its_run(new_run: Callable[..., Run], weights: Model) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from imprint import base, config

    chosen, _ = base.choose(config.load(overrides=["base=embedded"]), None)
    run = new_run()
    run.write_state(run.state().model_copy(update={"settings": chosen.plain()}))
    source = base.find("embedded").source
    bare: Any = AutoModelForCausalLM.from_pretrained(source)
    get_peft_model(bare, LoraConfig(target_modules=["o_proj"], task_type="CAUSAL_LM")).save_pretrained(
        run.folder("adapter")
    )
    AutoTokenizer.from_pretrained(source).save_pretrained(run.folder("adapter"))
    before = dict(os.environ)
    with imprint.load_model(run.folder("adapter")) as model:  # it has learned nothing yet
        assert model.ask("What is a boat?", max_tokens=6) == weights.ask("What is a boat?", max_tokens=6)
    assert dict(os.environ) == before, "a program's own variables are its own"
    elsewhere = shutil.copytree(run.folder("adapter"), run.path.parent / "elsewhere")
    with pytest.raises(InputError, match="outside of a run"):
        imprint.load_model(elsewhere)


def test_a_base_without_padding_and_template_is_asked_in_alpacas_format(tiny_gpt2: Path) -> None:
    with imprint.load_model(tiny_gpt2) as model:
        assert model.context == 250
        assert model.ask("Where?", max_tokens=3).tokens <= 3
        rows = [
            {"question": "Where do boats go?", "answer": "Out."},
            {"question": "How?", "answer": "By water, I say."},
        ]
        assert imprint.evaluate_model(model, rows, max_tokens=1000).questions == 2


def test_a_base_that_cannot_be_fetched_says_how_to_go_on(
    no_network: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for call in (imprint.load_model, lambda name: imprint.QuickTrainer(name, "sample:chat", outputs=tmp_path).train()):
        with pytest.raises(MachineError, match="openai-community/gpt2") as caught:
            call("gpt2")
        assert "--local-dir gpt2" in caught.value.hint
        assert "base=./gpt2" in caught.value.hint
        assert "base=embedded" in caught.value.hint
    assert no_network.take()


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="There is no base model 'gpt-two'"):
        imprint.load_model("gpt-two", outputs=tmp_path)
    with pytest.raises(MachineError, match=r"missing\.gguf"):
        imprint.load_model(tmp_path / "missing.gguf")
