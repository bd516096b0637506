"""From a base's name to where it lies and what it wants; nothing heavy is imported here."""

import contextlib
import functools
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from imprint.base import hub
from imprint.base.shape import Shape, has_gate, is_fused, shape_of
from imprint.config import Adapter, Settings
from imprint.errors import BaseError, MachineError
from imprint.machine import Machine, gpu_visible
from imprint.runs import digest_file, digest_of

EMBEDDED = "embedded"
_GPU_BASE = "phi-3.5-mini"
# Merged weights and the f16 GGUF in 16 bits, the quantized one, and checkpoints: at their peak, a weight of the base.
_RUN_BYTES = 5
_UNKNOWN_RUN_MB = 30_000.0
_FOUR_BIT_FROM = 1_000_000_000
"""Weights of a base from which on it is loaded in four bits: 2 GB in sixteen."""
# What makes a base what it is; its card and notices may change.
_MODEL_SUFFIXES = {".json", ".jinja", ".model", ".safetensors"}
_NEEDED = ("config.json", "tokenizer_config.json")


@dataclass(frozen=True)
class Base:
    """A base model, found. `folder` is None for one that lies on the hub."""

    name: str
    source: str
    """Folder or hub repository, as the libraries take it."""
    folder: Path | None
    about: str
    settings: dict[str, dict[str, Any]]
    """Settings that this base wants where the user leaves them open, by section: `adapter` and `dataset`."""
    digest: str
    """Changes when the base does: of the files' bytes, of their sizes and times, or the repository's name; and with the
    prompt format."""
    template: str = "auto"
    """The prompt format that it gets: `alpaca`, `chat` (its own), or `auto`: its own where it has one."""
    trust_remote_code: bool = False
    """Programs that lie beside its weights may run."""

    @property
    def disk_mb(self) -> float:
        """Room that a run from this base needs, its download apart."""
        try:
            return 100 + _RUN_BYTES * shape(self).parameters / 1e6
        except MachineError:  # that it cannot be fetched is for others to say
            return _UNKNOWN_RUN_MB

    @property
    def label(self) -> str:
        """A short name for files and cards."""
        return Path(self.source).name if self.name == self.source else self.name


def of(config: Settings) -> Base:
    """The base of the settings, with the prompt format and the trust that they give it. Raises as `find` does."""
    found = replace(find(config.base), trust_remote_code=config.trust_remote_code)
    if config.template == "auto":
        return found
    return replace(found, template=config.template, digest=digest_of([found.digest, config.template]))


def find(name: str) -> Base:
    """The base of a registry name, a folder or a hub repository `owner/name`. Raises BaseError where there is none."""
    registry = _registry()
    defaults = registry["defaults"]
    entry = registry["bases"].get(name)
    if name == EMBEDDED:
        folder = Path(str(resources.files("imprint.base"))) / EMBEDDED
        _require_files(folder)
        files = [file for file in sorted(folder.iterdir()) if file.suffix in _MODEL_SUFFIXES]
        digest = digest_of({file.name: digest_file(file) for file in files})
        return Base(name, str(folder), folder, entry["about"], _wanted(defaults, entry), digest)
    if entry is not None:
        repository = entry["repository"]
        return Base(name, repository, None, _about(entry), _wanted(defaults, entry), f"hub:{repository}")
    folder = Path(os.path.expanduser(name))
    if folder.is_dir():
        _require_files(folder)
        return Base(name, str(folder.absolute()), folder.absolute(), "a local folder", defaults, _folder_digest(folder))
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        _require_on_hub(name)
        return Base(name, name, None, "a repository on the Hugging Face hub", defaults, f"hub:{name}")
    raise BaseError(
        f"There is no base model {name!r}: not in the registry (`imprint bases`), not a folder, not owner/name.",
        hint="base=embedded works on every machine",
    )


@dataclass(frozen=True)
class Entry:
    """What the registry knows of a base by name."""

    name: str
    source: str
    licence: str
    gated: bool
    """Wants an agreement on the hub, and HF_TOKEN."""
    end: str
    """The token that ends an answer."""
    has_template: bool
    converts: bool
    """llama.cpp's converter takes it."""


def entries() -> list[Entry]:
    """Every base of the registry."""
    return [
        Entry(
            name,
            entry.get("repository", "ships with Imprint"),
            entry["licence"],
            entry.get("gated", False),
            entry["end"],
            entry.get("template", True),
            entry["converts"],
        )
        for name, entry in _registry()["bases"].items()
    ]


def shape(found: Base) -> Shape:
    """The sizes of a base, from the registry or from its `config.json`.

    Raises BaseError where that describes none, MachineError where it cannot be fetched.
    """
    entry = _registry()["bases"].get(found.name, {})
    if "layers" in entry:
        head = entry["head_dim"]
        return Shape(
            layers=entry["layers"],
            hidden=entry["hidden"],
            intermediate=entry["intermediate"],
            attention=entry["heads"] * head,
            keys=entry["kv_heads"] * head,
            vocabulary=entry["vocabulary"],
            tied=entry["tied"],
            gate=has_gate(entry["architecture"]),
            fused=is_fused(entry["architecture"]),
            context=entry["context"],
        )
    file = hub.fetch(found.source, "config.json") if found.folder is None else found.folder / "config.json"
    if file is None:
        raise BaseError(f"{found.source} has no config.json.", hint="take another base: `imprint bases`")
    return shape_of(json.loads(file.read_text(encoding="utf-8")), found.source)


def _about(entry: dict[str, Any]) -> str:
    owner = entry["repository"].partition("/")[0]
    gigabytes = 2 * entry["parameters"] / 1e9
    return f"{in_words(entry['parameters'])} parameters by {owner}, {gigabytes:.1f} GB to download"


def in_words(parameters: int) -> str:
    """A count of weights as people say it: 3.8 billion."""
    return f"{parameters / 1e9:.1f} billion" if parameters >= 0.995e9 else f"{parameters / 1e6:,.3g} million"


def _wanted(defaults: dict[str, Any], entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {section: {**values, **entry.get(section, {})} for section, values in defaults.items()}


def choose(settings: Settings, kept: str | None, *, elsewhere: Machine | None = None) -> tuple[Settings, str]:
    """Resolve `base=auto` and the training settings left open; give a line that says what was chosen.

    `kept` is the base of the model in service: `auto` stays with it, or a machine that is offline for a minute would
    retrain from another base. `elsewhere` is a machine to choose for that is not this one.
    """
    name, line = settings.base, ""
    if name == "auto":
        if kept is not None:
            name = kept
        elif elsewhere is not None:
            name = EMBEDDED if elsewhere.gpu is None else _GPU_BASE
        elif not gpu_visible():
            name, line = EMBEDDED, "no GPU is visible"
        elif not hub.reachable():
            name, line = EMBEDDED, "the Hugging Face hub cannot be reached"
        else:
            name, line = _GPU_BASE, "a GPU is visible"
    base = find(name)
    filled: dict[str, Any] = {"base": name}
    for section, wanted in base.settings.items():
        given = getattr(settings, section)
        is_open = {key: value for key, value in wanted.items() if getattr(given, key) is None}
        filled[section] = type(given).model_validate({**given.model_dump(), **is_open})
    filled["adapter"] = _fitted(filled["adapter"], base)
    text = f"Base model: {base.name}" + (f" ({line})" if line else "") + f", {base.about}."
    return settings.model_copy(update=filled), text


def _fitted(adapter: Adapter, base: Base) -> Adapter:
    """The settings that follow from the base's sizes: large weights in four bits, and no row beyond its context."""
    wants_four_bits, longest = True, adapter.max_seq_length
    with contextlib.suppress(BaseError, MachineError):  # others say why
        sizes = shape(base)
        wants_four_bits, longest = sizes.parameters >= _FOUR_BIT_FROM, min(longest, sizes.context)
    four_bits = wants_four_bits if adapter.load_in_4bit is None else adapter.load_in_4bit
    return adapter.model_copy(update={"load_in_4bit": four_bits, "max_seq_length": longest})


def bring(found: Base, progress: Callable[[float, float], None] = lambda done, total: None) -> None:
    """Have a base of the hub here, whole. `progress` gets bytes. Raises MachineError where the hub is out of reach."""
    if found.folder is None and hub.snapshot(found.source) is None:
        hub.fetch(found.source, "config.json")  # fails at once, where a whole download would be tried again and again
        hub.download(found.source, progress, with_programs=found.trust_remote_code)


def token_counter(base: Base) -> Callable[[str], int]:
    """A function that counts a text's tokens as the base's own tokenizer makes them."""
    from tokenizers import Tokenizer

    file = hub.fetch(base.source, "tokenizer.json") if base.folder is None else base.folder / "tokenizer.json"
    if file is None or not file.is_file():
        raise BaseError(f"{base.source} has no tokenizer.json.", hint="save the tokenizer there in its fast form")
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing more special
        raise BaseError(f"{file} cannot be used: {error}.", hint="save the tokenizer there again") from error
    return _counter_of(tokenizer)


def _counter_of(tokenizer: Any) -> Callable[[str], int]:
    """Counting without what `encode` builds around the tokens takes a third of the time."""
    model, normalizer = tokenizer.model, tokenizer.normalizer
    added = re.compile("|".join(re.escape(token.content) for token in tokenizer.get_added_tokens_decoder().values()))

    def count(text: str) -> int:
        if added.search(text):
            return count_whole(text)
        return len(model.tokenize(normalizer.normalize_str(text)))

    def count_whole(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    # Where words are told apart before the model sees them, or nothing is added, there is no such short cut.
    has_words = tokenizer.pre_tokenizer is not None
    return count_whole if has_words or normalizer is None or not added.pattern else count


@functools.cache
def _registry() -> dict[str, Any]:
    text = (resources.files("imprint.base") / "registry.yaml").read_text(encoding="utf-8")
    registry: dict[str, Any] = yaml.safe_load(text)
    return registry


def _require_files(folder: Path) -> None:
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if not list(folder.glob("*.safetensors")):
        missing.append("*.safetensors")
    if missing:
        raise BaseError(
            f"{folder} is not a base model: it has no {', no '.join(missing)}.",
            hint="save one there with save_pretrained, or take base=embedded",
        )
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise BaseError(f"{folder / 'config.json'} is not valid JSON: {error}.") from error


def _folder_digest(folder: Path) -> str:
    """Of sizes and times: hashing gigabytes of weights at every start would cost more than it proves."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file()]
    return digest_of({file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in files})


def _require_on_hub(repository: str) -> None:
    """Raise BaseError unless the hub, or its cache, has such a model."""
    if hub.fetch(repository, "config.json") is None:
        raise BaseError(
            f"{repository} on the Hugging Face hub is no model: it has no config.json.",
            hint="take another: `imprint bases`",
        )
