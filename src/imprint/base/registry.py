"""From a base's name to where it lies and what it wants; nothing heavy is imported here."""

import functools
import json
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from imprint.config import Settings
from imprint.errors import BaseError, MachineError
from imprint.runs import digest_file, digest_of

EMBEDDED = "embedded"
_GPU_BASE = "phi-3.5-mini"
_HUB = ("huggingface.co", 443)
_HUB_RUN_MB = 30_000.0  # 7.6 GB of weights, merged, as f16 GGUF and quantized
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
    """Changes when the base does: of the files' bytes, of their sizes and times, or the repository's name."""

    @property
    def disk_mb(self) -> float:
        """Room that a run from this base needs: checkpoints, merged weights, the GGUF before and after quantization."""
        if self.folder is None:
            return _HUB_RUN_MB
        return 100 + 6 * sum(file.stat().st_size for file in self.folder.glob("*.safetensors")) / 1e6

    @property
    def label(self) -> str:
        """A short name for files and cards."""
        return Path(self.source).name if self.name == self.source else self.name


def names() -> list[str]:
    """The names in the registry."""
    return list(_registry()["bases"])


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
        return Base(name, repository, None, entry["about"], _wanted(defaults, entry), f"hub:{repository}")
    folder = Path(os.path.expanduser(name))
    if folder.is_dir():
        _require_files(folder)
        return Base(name, str(folder.absolute()), folder.absolute(), "a local folder", defaults, _folder_digest(folder))
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        _require_on_hub(name)
        return Base(name, name, None, "a repository on the Hugging Face hub", defaults, f"hub:{name}")
    raise BaseError(
        f"There is no base model {name!r}: not in the registry ({', '.join(names())}), not a folder, not owner/name.",
        hint="base=embedded works on every machine",
    )


def _wanted(defaults: dict[str, Any], entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {section: {**values, **entry.get(section, {})} for section, values in defaults.items()}


def choose(settings: Settings, kept: str | None) -> tuple[Settings, str]:
    """Resolve `base=auto` and the training settings left open; give a line that says what was chosen.

    `kept` is the base of the model in service: `auto` stays with it, or a machine that is offline for a minute would
    retrain from another base.
    """
    name, line = settings.base, ""
    if name == "auto":
        if kept is not None:
            name = kept
        elif not gpu_visible():
            name, line = EMBEDDED, "no GPU is visible"
        elif not _hub_reachable():
            name, line = EMBEDDED, "the Hugging Face hub cannot be reached"
        else:
            name, line = _GPU_BASE, "a GPU is visible"
    base = find(name)
    filled: dict[str, Any] = {"base": name}
    for section, wanted in base.settings.items():
        given = getattr(settings, section)
        is_open = {key: value for key, value in wanted.items() if getattr(given, key) is None}
        filled[section] = given.model_copy(update=is_open)
    text = f"Base model: {base.name}" + (f" ({line})" if line else "") + f", {base.about}."
    return settings.model_copy(update=filled), text


def token_counter(base: Base) -> Callable[[str], int]:
    """A function that counts a text's tokens as the base's own tokenizer makes them."""
    from tokenizers import Tokenizer

    if base.folder is not None and (base.folder / "tokenizer.json").is_file():
        file = base.folder / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # tokenizers raises nothing more special
            raise BaseError(f"{file} cannot be used: {error}.", hint="save the tokenizer there again") from error
    elif base.folder is None:
        from huggingface_hub import hf_hub_download

        try:
            tokenizer = Tokenizer.from_file(hf_hub_download(base.source, "tokenizer.json"))
        except OSError as error:
            raise MachineError(
                f"The tokenizer of {base.source} cannot be fetched: {error}.", hint="base=embedded needs no network"
            ) from error
    else:
        raise BaseError(f"{base.folder} has no tokenizer.json.", hint="save the tokenizer there in its fast form")
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


def gpu_visible() -> bool:
    """Whether an NVIDIA GPU is there and not hidden by CUDA_VISIBLE_DEVICES; without loading torch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in {"", "-1"}:
        return False
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()  # the second is WSL's


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


def _hub_reachable() -> bool:
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        return False
    try:
        socket.create_connection(_HUB, timeout=3).close()
    except OSError:
        return False
    return True


def _require_on_hub(repository: str) -> None:
    import httpx
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

    try:
        if not isinstance(try_to_load_from_cache(repository, "config.json"), str):
            HfApi().model_info(repository, timeout=10)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise BaseError(
            f"There is no base model {repository!r} on the Hugging Face hub, and no folder of that name here.",
            hint="check the spelling; for a private or gated one set HF_TOKEN",
        ) from error
    except (httpx.HTTPError, OSError) as error:
        raise MachineError(
            f"The Hugging Face hub cannot be reached to look for {repository!r}, and no folder of that name is here.",
            hint="base=embedded needs no network",
        ) from error
