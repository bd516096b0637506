"""A base's prompt format, rendered as transformers renders it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from imprint import base, config
from imprint.base import template
from imprint.base.registry import Base
from imprint.errors import BaseError, MachineError

EMBEDDED = base.find("embedded")
TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "İzin “kaç” <hafta>?"},
    {"role": "assistant", "content": "İki.\n\n```\ncode\n```"},
]
# What templates of well-known models use: filters, loop controls, a namespace, tojson, generation marks, named tokens.
ELABORATE = """{{- bos_token }}
{%- set found = namespace(system=false) %}
{% for message in messages %}
    {% if message.role == 'system' %}
        {% set found.system = true %}
        {% continue %}
    {% endif %}
    {% if loop.index0 > 5 %}{% break %}{% endif %}
<{{ message['role'] }}>{% generation %}{{ message['content'] | trim | tojson }}{% endgeneration %}{{ eos_token }}
{% endfor %}
{% if found.system and not tools %}system{% endif %}
{% if add_generation_prompt %}<ASSISTANT>{% endif %}
"""


@pytest.fixture
def with_template(small_base: Path, tmp_path: Path) -> Any:
    """`with_template("…")`: a base with this template in its tokenizer_config.json."""

    def make(text: Any, **config: Any) -> Base:
        folder = tmp_path / "base"
        shutil.copytree(small_base, folder)
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        file = folder / "tokenizer_config.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**settings, "chat_template": text, **config}), encoding="utf-8")
        return base.find(str(folder))

    return make


def by_transformers(folder: Path | None, messages: list[dict[str, str]], prompt: bool) -> str:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt))


@pytest.mark.parametrize("prompt", [False, True])
@pytest.mark.parametrize("messages", [TURNS, TURNS[:2], TURNS[1:], [*TURNS, *TURNS[1:]]])
def test_the_embedded_base_renders_as_transformers_does(messages: list[dict[str, str]], prompt: bool) -> None:
    assert template.render(EMBEDDED, messages, prompt) == by_transformers(EMBEDDED.folder, messages, prompt)


@pytest.mark.parametrize("prompt", [False, True])
def test_an_elaborate_template_renders_as_transformers_does(with_template: Any, prompt: bool) -> None:
    found = with_template(ELABORATE)
    rendered = template.render(found, TURNS, prompt)
    assert "İzin “kaç” <hafta>?" in rendered
    assert rendered == by_transformers(found.folder, TURNS, prompt)


def test_of_several_templates_the_default_is_taken(with_template: Any) -> None:
    found = with_template([{"name": "rag", "template": "no"}, {"name": "default", "template": "yes"}])
    assert template.render(found, TURNS) == "yes"


def test_tokens_may_be_objects(with_template: Any) -> None:
    found = with_template("{{ eos_token }}", eos_token={"content": "<|end|>", "lstrip": False})
    assert template.render(found, TURNS) == "<|end|>"


def test_the_file_of_the_template_comes_before_the_configuration(with_template: Any) -> None:
    found = with_template("old")
    (found.folder / "chat_template.jinja").write_text("new", encoding="utf-8")
    assert template.render(base.find(str(found.folder)), TURNS) == "new" == by_transformers(found.folder, TURNS, False)


# ---- the end of an answer -------------------------------------------------------------------------------------------


def test_the_end_token_is_what_follows_the_answer(with_template: Any) -> None:
    assert template.end_token(EMBEDDED) == "<|end|>"
    found = with_template("{% for message in messages %}{{ message.content }}\n{{ eos_token }}{% endfor %}")
    assert template.end_token(found) == "<|endoftext|>"


def test_a_template_without_an_end_token(with_template: Any) -> None:
    assert template.end_token(with_template("{% for message in messages %}{{ message.content }}\n{% endfor %}")) == ""


def test_special_tokens_are_those_of_the_tokenizer() -> None:
    assert {"<|end|>", "<|user|>", "<|endoftext|>", "<s>"} <= template.special_tokens(EMBEDDED)


# ---- what cannot be rendered ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{% for %}", "The chat template is broken"),
        ("{{ raise_exception('roles must alternate') }}", "refuses a conversation: roles must alternate"),
        ("{{ messages.append(1) }}", "refuses a conversation: .*unsafe"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "refuses a conversation: .*unsafe"),
    ],
)
def test_a_template_that_cannot_be_used(with_template: Any, text: str, said: str) -> None:
    with pytest.raises(BaseError, match=said):
        template.render(with_template(text), TURNS)


def test_a_base_whose_configuration_is_broken(with_template: Any) -> None:
    found = with_template("x")
    (found.folder / "tokenizer_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(BaseError, match=r"tokenizer_config\.json is not valid JSON"):
        template.render(base.find(str(found.folder)), TURNS)


def test_a_base_on_the_hub_that_was_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MachineError, match=r"to fetch tokenizer_config\.json of microsoft/Phi-3\.5-mini-instruct\.$"):
        template.render(base.find("phi-3.5-mini"), TURNS)


# ---- the format that a base gets ------------------------------------------------------------------------------------

CONVERSATION = [
    {"role": "user", "content": "Where?"},
    {"role": "assistant", "content": "Here."},
    {"role": "user", "content": "When?"},
    {"role": "assistant", "content": "Now."},
]


def wanted(template_name: str, name: str = "embedded") -> base.Base:
    return base.of(config.load(overrides=[f"base={name}", f"template={template_name}"]))


def test_alpaca_has_the_same_words_as_transformers_makes_of_it() -> None:
    from transformers import AutoTokenizer

    found = wanted("alpaca")
    text = template.render(found, CONVERSATION)
    assert text.endswith("### Instruction:\nWhen?\n\n### Response:\nNow.<|endoftext|>")
    assert text.startswith("<s>Below is an instruction")
    assert template.end_token(found) == "<|endoftext|>"
    tokenizer = AutoTokenizer.from_pretrained(found.source)
    tokenizer.chat_template = template.chat_template(found)
    assert tokenizer.apply_chat_template(CONVERSATION, tokenize=False) == text


def test_alpaca_with_a_system_message_and_a_question_to_answer() -> None:
    turns = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Where?"}]
    text = template.render(wanted("alpaca"), turns, add_generation_prompt=True)
    assert text == "<s>Be short.\n\n### Instruction:\nWhere?\n\n### Response:\n"


def test_a_base_without_a_template_gets_alpaca_and_chat_refuses_it(with_template: Any) -> None:
    found = with_template(None)
    name = str(found.folder)
    assert "### Response:" in template.render(wanted("auto", name), CONVERSATION)
    with pytest.raises(BaseError, match="has no chat template") as told:
        template.render(wanted("chat", name), CONVERSATION)
    assert "template=alpaca" in told.value.hint


def test_another_format_makes_another_base() -> None:
    assert wanted("auto").digest == base.find("embedded").digest
    assert len({wanted(name).digest for name in ("auto", "alpaca", "chat")}) == 3
