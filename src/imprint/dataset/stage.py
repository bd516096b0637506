"""The dataset stage: documents in; train, validation, test and control JSONL and a card out."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from imprint import base, documents
from imprint.config import Settings
from imprint.runs import Event, Manifest, Run

_STAGE = "dataset"
_NO_MATTER = {"key", "concurrency", "price_per_million_tokens"}
"""Settings of the augmentation that say how a service is asked, not what."""


def inputs(config: Settings, run: Run) -> dict[str, str]:
    """What the dataset is made from: every document, and the base whose tokenizer counts."""
    found = {f"documents/{path}": digest for path, digest in documents.digests(config.documents).items()}
    return {**found, "base": base.of(config).digest}


def settings(config: Settings) -> dict[str, Any]:
    """The settings that the dataset depends on."""
    plain = config.plain()
    chosen = {name: value for name, value in plain["dataset"].items() if name != "processes"}
    chosen["augment"] = {name: value for name, value in chosen["augment"].items() if name not in _NO_MATTER}
    read = {name: plain["documents"][name] for name in ("include", "exclude", "max_file_mb", "strict")}
    weights = [folder.weight for folder in config.documents.sources]
    length = config.adapter.max_seq_length
    return {
        "dataset": chosen,
        "documents": {**read, "weights": weights},
        "max_seq_length": length,
        "seed": config.seed,
    }


def run(config: Settings, run: Run, serving: Callable[[], AbstractContextManager[str]] | None = None) -> Manifest:
    """Write the dataset. `serving` starts the base, which answers the general prompts; without it there are none.

    Raises DatasetError where the documents hold nothing to ask.
    """
    from imprint.dataset.making import ENTRIES, make, warnings_of

    with run.record(_STAGE, inputs=inputs(config, run), settings=settings(config), seed=config.seed) as record:
        record.temporary.append(ENTRIES)

        def progress(text: str, done: float, total: float) -> None:
            run.notify(Event("progress", _STAGE, text, done, total))

        summary = make(config, record.folder, progress, serving)
        record.counts = summary.counts()
        run.notify(
            Event("note", _STAGE, "{facts} facts of {documents} documents, {train} rows".format_map(record.counts))
        )
        for warning in warnings_of(summary):
            run.notify(Event("note", _STAGE, warning))
    return run.complete(_STAGE)
