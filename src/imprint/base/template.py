"""A base's own prompt format, rendered without its heavy libraries, so that rows are counted as training sees them."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from imprint.base import hub
from imprint.base.registry import Base
from imprint.errors import BaseError

_CONFIG = "tokenizer_config.json"
_TEMPLATE = "chat_template.jinja"
_NAMED_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True)
class _Format:
    text: str
    template: Any
    """Compiled by Jinja."""
    named_tokens: Mapping[str, str]
    special_tokens: frozenset[str]


def render(base: Base, messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = False) -> str:
    """A conversation as the text that the base reads, `messages` having `role` and `content`.

    The same as `apply_chat_template` of transformers. The template is code from whoever made the base, so it runs in a
    sandbox. Raises BaseError where the base has no template, or where it refuses the conversation.
    """
    from jinja2 import TemplateError

    found = _format(base.source, base.folder, base.digest, base.template)
    try:
        return str(
            found.template.render(
                messages=messages,
                tools=None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
                **found.named_tokens,
            )
        )
    except (TemplateError, TypeError) as error:
        raise BaseError(
            f"The chat template of {base.label} refuses a conversation: {error}.",
            hint="most templates want user and assistant in turn, and the system message first, if at all",
        ) from error


def end_token(base: Base) -> str:
    """The special token that the template puts behind an answer; empty where it puts none.

    A model that is trained without one never learns to stop.
    """
    answer = "answer"
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": answer}]
    whole = render(base, turns)
    rest = whole[whole.rindex(answer) + len(answer) :].lstrip()
    return max((token for token in special_tokens(base) if rest.startswith(token)), key=len, default="")


def special_tokens(base: Base) -> frozenset[str]:
    """The tokens that structure a conversation; in the text of a message they would break it."""
    return _format(base.source, base.folder, base.digest, base.template).special_tokens


def chat_template(base: Base) -> str:
    """The template itself, as its tokenizer is to carry it: the base's own or Alpaca's. Raises as `render` does."""
    return _format(base.source, base.folder, base.digest, base.template).text


@functools.cache
def _format(source: str, folder: Path | None, digest: str, wanted: str) -> _Format:
    """The files of a base, read once; the digest stands for their content."""
    config = _read_json(source, folder, _CONFIG)
    text = None if wanted == "alpaca" else _own_template(source, folder, config)
    if text is None and wanted == "chat":
        raise BaseError(
            f"{source} has no chat template: neither {_TEMPLATE} nor `chat_template` in {_CONFIG}.",
            hint="template=alpaca, or an instruction-tuned base, such as base=embedded",
        )
    text = text or (resources.files("imprint.base") / "alpaca.jinja").read_text(encoding="utf-8")
    named = {name: token for name in _NAMED_TOKENS if (token := _content(config.get(name)))}
    added = _read_json(source, folder, "tokenizer.json").get("added_tokens", [])
    if "eos_token" not in named and (end := _end_by_number(source, folder, added)):
        named["eos_token"] = end
    special = {str(token["content"]) for token in added if token.get("special")}
    return _Format(text, _compile(text), named, frozenset(special | set(named.values())))


def _end_by_number(source: str, folder: Path | None, added: Sequence[Mapping[str, Any]]) -> str:
    """The end token of a base that names it by its number alone, as GPT-2 does; empty where there is none."""
    number = _read_json(source, folder, "config.json").get("eos_token_id")
    return next((str(token["content"]) for token in added if token.get("id") == number), "")


def _own_template(source: str, folder: Path | None, config: Mapping[str, Any]) -> str | None:
    template = config.get("chat_template")
    if folder is not None or template is None:  # offline, a file that a repository lacks looks like one not fetched yet
        template = _read(source, folder, _TEMPLATE) or template
    if isinstance(template, list):  # several, by name
        template = next((entry["template"] for entry in template if entry.get("name") == "default"), None)
    return template if isinstance(template, str) else None


def _content(token: Any) -> str:
    """A token is written as text, or as an object with `content`."""
    return str(token.get("content", "") if isinstance(token, dict) else token or "")


def _compile(template: str) -> Any:
    """The template with what transformers gives to one."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}` marks the answer for training; the text stays as it is."""

        tags = {"generation"}  # noqa: RUF012  # that is how Jinja asks for it

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def raise_exception(message: str) -> NoReturn:
        raise TemplateError(message)

    def as_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **options)

    def strftime_now(form: str) -> str:
        return datetime.now().astimezone().strftime(form)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = as_json  # Jinja's own escapes for HTML
    environment.globals.update(raise_exception=raise_exception, strftime_now=strftime_now)
    try:
        return environment.from_string(template)
    except TemplateError as error:
        raise BaseError(f"The chat template is broken: {error}.", hint="save the tokenizer there again") from error


def _read_json(source: str, folder: Path | None, name: str) -> dict[str, Any]:
    try:
        value = json.loads(_read(source, folder, name) or "{}")
    except ValueError as error:
        raise BaseError(
            f"{source}: {name} is not valid JSON: {error}.", hint="save the tokenizer there again"
        ) from error
    return value if isinstance(value, dict) else {}


def _read(source: str, folder: Path | None, name: str) -> str:
    """A file of the base; empty where it has none of that name."""
    if folder is not None:
        file = folder / name
        return file.read_text(encoding="utf-8") if file.is_file() else ""
    fetched = hub.fetch(source, name)
    return "" if fetched is None else fetched.read_text(encoding="utf-8")
