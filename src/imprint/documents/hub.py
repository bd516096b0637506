"""Datasets of Hugging Face: by name from the hub (`hf:owner/name`), or a folder that `Dataset.save_to_disk` wrote."""

import glob
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imprint.config import HUB_PREFIX
from imprint.documents import data, encoding, tabular
from imprint.documents.tokens import convert
from imprint.documents.types import LeftOut, Parsed
from imprint.errors import DocumentError, MachineError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_TEXTS = {
    ".jsonl": data.parse_json_lines,
    ".ndjson": data.parse_json_lines,
    ".json": data.parse_json,
    ".csv": tabular.parse_csv,
    ".tsv": tabular.parse_tsv,
}
_NOT_DATA = {"dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json"}
_CONVERTED = "refs/convert/parquet"
"""The branch on which the hub keeps every dataset as Parquet."""
_SPLITS = {
    "train": {"train", "training"},
    "validation": {"validation", "valid", "val", "dev"},
    "test": {"test", "testing", "eval", "evaluation"},
}


# ---- by name --------------------------------------------------------------------------------------------------------


def digest(name: str) -> str:
    """The commit of a dataset on the hub; where the hub cannot be reached, that of the copy in the cache.

    Raises DocumentError where there is no such dataset, MachineError where there is neither hub nor copy.
    """
    repository, _ = _split_name(name)
    return _find_commit(repository)


def read(name: str) -> Parsed:
    """The rows and records of a dataset: of the split that the name has after a colon, else of "train".

    Raises as `digest` does, and DocumentError where the dataset has no such split or no tables.
    """
    repository, split = _split_name(name)
    folder, names = _fetch(repository, _find_commit(repository), split)
    members: list[dict[str, Any]] = []
    found: list[Parsed] = []
    for file in names:
        raw = (folder / file).read_bytes()
        place = f"{HUB_PREFIX}{repository}/{file}"
        if file.endswith(".parquet"):
            members.extend(tabular.read_parquet(place, raw))
        else:
            found.append(_TEXTS[Path(file).suffix](place, encoding.decode(place, raw).text))
    return _merge([*([tabular.parse_rows(members)] if members else []), *found])


def _split_name(name: str) -> tuple[str, str]:
    repository, _, split = name.removeprefix(HUB_PREFIX).partition(":")
    if not re.fullmatch(r"[\w.-]+(?:/[\w.-]+)?", repository) or not re.fullmatch(r"[\w.-]*", split):
        raise DocumentError(
            f"{name}: expected {HUB_PREFIX}owner/name or {HUB_PREFIX}owner/name:split.",
            hint=f"for example {HUB_PREFIX}tatsu-lab/alpaca",
        )
    return repository, split


def _find_commit(repository: str) -> str:
    import httpx
    from huggingface_hub import HfApi, errors

    try:
        return str(HfApi().dataset_info(repository, revision="main", timeout=30).sha)
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        raise DocumentError(
            f"{HUB_PREFIX}{repository}: there is no such dataset on the hub, or it needs a login.",
            hint="look at its address on the hub, or log in: hf auth login",
        ) from error
    except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        cached = _cache(repository) / "refs" / "main"
        if cached.is_file():
            return cached.read_text(encoding="utf-8").strip()
        raise _unreachable(repository, error) from error


def _fetch(repository: str, commit: str, split: str) -> tuple[Path, list[str]]:
    """The folder with the data files of a split, and their names in it."""
    import httpx
    from huggingface_hub import HfApi, errors, snapshot_download

    try:
        names, revision = _list_files(HfApi(), repository, commit)
        chosen = _choose(repository, names, split)
        patterns = [glob.escape(name) for name in chosen]
        folder = snapshot_download(repository, repo_type="dataset", revision=revision, allow_patterns=patterns)
        main = _cache(repository) / "refs" / "main"  # what a commit is asked for by, it does not note itself
        main.parent.mkdir(parents=True, exist_ok=True)
        main.write_text(commit, encoding="utf-8")
        return Path(folder), chosen
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, httpx.HTTPError, OSError) as error:
        for copy in _list_copies(repository, commit):
            names = sorted(file.relative_to(copy).as_posix() for file in copy.rglob("*") if file.is_file())
            if any(map(_is_data, names)):
                return copy, _choose(repository, names, split)
        raise _unreachable(repository, error) from error


def _list_copies(repository: str, commit: str) -> list[Path]:
    """Where the cache may have the files of a commit: its own, or those that the hub has made of it."""
    cache = _cache(repository)
    converted = cache / "refs" / _CONVERTED
    commits = [commit, *([converted.read_text(encoding="utf-8").strip()] if converted.is_file() else [])]
    return [cache / "snapshots" / one for one in commits]


def _list_files(api: "HfApi", repository: str, commit: str) -> tuple[list[str], str]:
    """The files of a dataset and their commit: its own where it has tables, else those that the hub has made of it."""
    from huggingface_hub import errors

    names = api.list_repo_files(repository, repo_type="dataset", revision=commit)
    if not any(map(_is_data, names)):
        try:
            names = api.list_repo_files(repository, repo_type="dataset", revision=_CONVERTED)
            return names, _CONVERTED
        except errors.RevisionNotFoundError:
            pass
    return names, commit


def _cache(repository: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / str(repo_folder_name(repo_id=repository, repo_type="dataset"))


def _unreachable(repository: str, error: Exception) -> MachineError:
    reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return MachineError(
        f"{HUB_PREFIX}{repository}: the Hugging Face hub cannot be reached: {reason}.",
        hint="connect the machine once (and unset HF_HUB_OFFLINE), or save the dataset to a folder with save_to_disk",
    )


def _is_data(name: str) -> bool:
    path = Path(name)
    is_hidden = any(part.startswith(".") for part in path.parts)
    return (path.suffix == ".parquet" or path.suffix in _TEXTS) and path.name not in _NOT_DATA and not is_hidden


def _choose(repository: str, names: list[str], split: str) -> list[str]:
    """The data files of a split: Parquet where there is any; the split is a word in a file's path."""
    files = sorted(filter(_is_data, names))
    files = [name for name in files if name.endswith(".parquet")] or files
    if not files:
        raise DocumentError(
            f"{HUB_PREFIX}{repository}: no Parquet, JSON or CSV files in it.", hint="name another dataset"
        )
    splits = {name: _find_split(name) for name in files}
    if split:
        chosen = [name for name in files if splits[name] == split or split in re.split(r"[/._-]", name)]
        if not chosen:
            known = ", ".join(sorted(set(filter(None, splits.values())))) or "none"
            raise DocumentError(
                f"{HUB_PREFIX}{repository}: there is no split {split!r}; there are: {known}.",
                hint=f"{HUB_PREFIX}{repository} alone reads the split to train on",
            )
        return chosen
    return [name for name in files if splits[name] == "train"] or [n for n in files if not splits[n]] or files


def _find_split(name: str) -> str:
    words = set(re.split(r"[/._-]", name.lower()))
    return next((split for split, marks in _SPLITS.items() if marks & words), "")


def _merge(found: list[Parsed]) -> Parsed:
    return Parsed(
        title=next((one.title for one in found if one.title), ""),
        sections=tuple(part for one in found for part in one.sections),
        records=tuple(part for one in found for part in one.records),
        operations=tuple(part for one in found for part in one.operations),
        rows=tuple(part for one in found for part in one.rows),
        left_out=tuple(part for one in found for part in one.left_out),
    )


# ---- from disk ------------------------------------------------------------------------------------------------------


def is_saved_dataset(folder: Path) -> bool:
    """Whether `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote this folder."""
    return (folder / "dataset_dict.json").is_file() or (
        (folder / "state.json").is_file() and (folder / "dataset_info.json").is_file()
    )


def read_saved(folder: Path) -> Parsed:
    """The rows and records of such a folder; of several splits, "train" where there is one.

    Raises DocumentError where a part of it is missing or broken.
    """
    import pyarrow

    left_out: list[LeftOut] = []
    try:
        if (folder / "dataset_dict.json").is_file():
            splits = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
            chosen = [split for split in splits if _find_split(split) == "train"] or splits
            folders = [folder / split for split in chosen]
            left_out = [
                LeftOut((1, 1), "a split that is not trained on", split) for split in splits if split not in chosen
            ]
        else:
            folders = [folder]
        members = [member for part in folders for member in _read_arrow(part)]
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise DocumentError(
            f"{folder.name}: not a whole saved dataset: {reason}.", hint="save it again with save_to_disk"
        ) from error
    return _merge([tabular.parse_rows(members), Parsed(left_out=tuple(left_out))])


def _read_arrow(folder: Path) -> list[dict[str, Any]]:
    from pyarrow import ipc

    members: list[dict[str, Any]] = []
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    for part in state["_data_files"]:
        with (folder / Path(part["filename"]).name).open("rb") as file, ipc.open_stream(file) as stream:
            for batch in stream:
                members.extend(convert(row) for row in batch.to_pylist())
    return members
