"""The Hugging Face hub: whether it can be reached, and what is fetched from it, each file once."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from imprint.errors import BaseError, MachineError

_ENDPOINT = "https://huggingface.co"
_WANTED = ("*.json", "*.safetensors", "*.model", "*.jinja", "*.txt")
"""Weights as safetensors alone: other forms can hold programs."""
_PROGRAMS = "*.py"


def reachable() -> bool:
    """Whether the hub answers, within three seconds; its client would try for half a minute."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True  # what a proxy reaches shows when it is asked
    address = urlsplit(os.environ.get("HF_ENDPOINT", _ENDPOINT))
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=3).close()
    except OSError:
        return False
    return True


def fetch(repository: str, name: str) -> Path | None:
    """A file of a repository, from the cache where it is there; None where the repository has none of that name.

    Raises MachineError where it cannot be fetched, BaseError where the repository is missing or closed to this user.
    """
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    with _as_errors(repository):
        cached = try_to_load_from_cache(repository, name)
        if isinstance(cached, str):
            return Path(cached)
        if cached is _CACHED_NO_EXIST:
            return None
        if not reachable():
            raise MachineError(
                f"The Hugging Face hub cannot be reached to fetch {name} of {repository}.", hint=_without(repository)
            )
        try:
            file = hf_hub_download(repository, name)
        except LocalEntryNotFoundError:  # a kind of the next one, but the hub did not answer
            raise
        except EntryNotFoundError:
            return None
    return Path(file)


def snapshot(repository: str) -> Path | None:
    """The folder of a repository that was fetched whole; its name is the revision. None where weights are missing."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repository, allow_patterns=list(_WANTED), local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if any(folder.glob("*.safetensors")) and _is_whole(folder) else None


def size(repository: str) -> int:
    """Bytes that a download takes. Raises BaseError for a repository whose weights are not safetensors."""
    from huggingface_hub import HfApi

    with _as_errors(repository):
        files = HfApi().model_info(repository, files_metadata=True, timeout=10).siblings or []
        if not any(file.rfilename.endswith(".safetensors") for file in files):
            raise BaseError(
                f"{repository} has no weights as safetensors; other forms can hold programs, and are not loaded.",
                hint="take a base from `imprint bases`",
            )
    return sum(file.size or 0 for file in files if file.rfilename.endswith(".safetensors"))


def download(repository: str, progress: Callable[[float, float], None], *, with_programs: bool = False) -> Path:
    """Fetch a repository, going on where an earlier attempt was cut off; `progress` gets bytes done and of how many."""
    wanted = [*_WANTED, _PROGRAMS] if with_programs else list(_WANTED)
    from huggingface_hub import snapshot_download
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]  # untyped; the one way to hear of the client's progress
        def __init__(self, *arguments: Any, **named: Any) -> None:
            named.pop("name", None)
            super().__init__(*arguments, **{**named, "disable": False, "file": _Nowhere()})

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            if self.unit == "B" and self.total:
                progress(self.n, self.total)
            return shown

    with _as_errors(repository):
        folder = snapshot_download(repository, allow_patterns=wanted, tqdm_class=Bar)
    return Path(folder)


def _without(repository: str) -> str:
    """How to go on without the network."""
    folder = repository.rpartition("/")[2]
    return (
        f"`hf download {repository} --local-dir {folder}` where there is a network, then base=./{folder} here; "
        "or base=embedded, which needs none"
    )


class _Nowhere:
    """Takes what a bar would draw."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""


def _is_whole(folder: Path) -> bool:
    """Whether every part that the index of the weights names is there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return True
    names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return all((folder / name).is_file() for name in names)


@contextmanager
def _as_errors(repository: str) -> Iterator[None]:
    """Turn what the hub's client raises into what the user can do."""
    import httpx
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise BaseError(
            f"{repository} is gated: its owner wants you to accept terms, and the hub to know who you are.",
            hint=f"accept them on {_ENDPOINT}/{repository}, then set HF_TOKEN to a token of your account",
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise BaseError(
            f"There is no base model {repository!r} on the Hugging Face hub, and no folder of that name here.",
            hint="check the spelling; for a private one set HF_TOKEN",
        ) from error
    except (httpx.HTTPError, OSError) as error:
        raise MachineError(
            f"{repository} cannot be fetched from the Hugging Face hub: {error}.",
            hint=f"`imprint up` goes on where the download stopped. {_without(repository)}",
        ) from error
