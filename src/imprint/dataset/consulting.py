"""What models contribute: questions about the documents, and the base's own answers to general prompts."""

import collections
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from xxhash import xxh3_64_hexdigest

from imprint import base, documents
from imprint.config import Settings
from imprint.dataset import augmenting, entries, kinds
from imprint.dataset.asking import Asker, base_endpoint, remote_endpoint
from imprint.dataset.replaying import read_replies, replay_requests
from imprint.dataset.types import Example, Source
from imprint.documents import Document, File
from imprint.errors import DocumentError

GENERAL = "(general)"
"""What stands for the document in rows that come from none."""
BASE = "base"
"""`dataset.augment.url` where the base itself is to write the questions."""

Serving = Callable[[], AbstractContextManager[str]]
"""Starts the base and gives its address."""
Progress = Callable[[str, float, float], None]


@dataclass(frozen=True)
class Consulted:
    """What models contributed, and counts for the card."""

    augmented: Sequence[tuple[int, Example]]
    """With the number of the document."""
    replayed: Sequence[Example]
    notes: Mapping[str, int]


def consult(
    config: Settings,
    files: Sequence[File],
    rows: int,
    languages: Mapping[int, str],
    control: frozenset[bytes],
    serving: Serving | None,
    progress: Progress,
) -> Consulted:
    """Ask the models that the settings name. `rows` is how many there are to train on, `control` what is not.

    Answers are kept in the outputs folder and never asked for twice. Raises what `Asker.ask_all` raises.
    """
    settings = config.dataset
    notes: collections.Counter[str] = collections.Counter()
    augmented: list[tuple[int, Example]] = []
    replayed: list[Example] = []
    with contextlib.ExitStack() as stack:
        own = None
        if serving is not None and (settings.replay_share or settings.augment.url == BASE):
            endpoint = base_endpoint(config, base.of(config).digest, serving)
            own = stack.enter_context(Asker(endpoint, _cache(config)))
        if settings.augment.url == BASE:
            writer = own
        elif settings.augment.url:
            writer = stack.enter_context(Asker(remote_endpoint(settings.augment), _cache(config)))
        else:
            writer = None
        if writer is not None:
            augmented = _augment(config, files, control, writer, progress, notes)
        if own is not None and settings.replay_share:
            count = _beside(rows + len(augmented), settings.replay_share)
            replayed = _replay(count, config.seed, languages, own, progress, notes)
    return Consulted(augmented, replayed, notes)


def _cache(config: Settings) -> Path:
    return config.outputs / "cache" / "answers"


def _augment(
    config: Settings,
    files: Sequence[File],
    control: frozenset[bytes],
    writer: Asker,
    progress: Progress,
    notes: "collections.Counter[str]",
) -> list[tuple[int, Example]]:
    numbers = {file.name: number for number, file in enumerate(files)}

    def tell(state: augmenting.Progress) -> None:
        cost = f", {state.tokens:,} tokens, {state.cost:.2f}" if state.cost else f", {state.tokens:,} tokens"
        progress(f"a model writes questions{cost}", state.done, state.total)

    count = base.token_counter(base.of(config))
    written, counts = augmenting.write_questions(
        list(_trained(config, files, control)), config, writer, count, progress=tell
    )
    notes["questions that a model wrote"] = counts.written
    notes["of them kept"] = counts.kept
    for reason, number in counts.dropped.items():
        if number:
            notes[f"of them dropped: {reason}"] = number
    return [
        (
            numbers[item.document],
            Example(
                instruction=item.question,
                input="",
                output=item.answer,
                kind="augmented",
                fact=_fact(item.document, *item.heading, item.answer),
                source=Source(document=item.document, heading=item.heading, lines=item.lines),
            ),
        )
        for item in written
    ]


def _trained(config: Settings, files: Sequence[File], control: frozenset[bytes]) -> Iterator[Document]:
    """The documents without their control sections."""
    for file in files:
        try:
            document = documents.read(file, config.documents)
        except DocumentError:  # the pass over the documents has reported it
            continue
        sections = tuple(
            section
            for section, _, place in kinds.places(document)
            if entries.place_hash(document.path, place).encode() not in control
        )
        yield replace(document, sections=sections)


def _beside(rows: int, share: float) -> int:
    """So many rows beside `rows` others are that share of all."""
    return round(rows * share / (1 - share))


def _replay(
    count: int,
    seed: int,
    languages: Mapping[int, str],
    own: Asker,
    progress: Progress,
    notes: "collections.Counter[str]",
) -> list[Example]:
    weights = collections.Counter(languages.values())
    requests = replay_requests(count, weights, seed)
    replies = own.ask_all(requests, lambda done: progress("the base answers general prompts", done, len(requests)))
    answered, dropped = read_replies(requests, replies)
    notes["general prompts that the base answered"] = len(answered)
    for reason, number in dropped.items():
        notes[f"of its answers dropped: {reason}"] = number
    return [
        Example(
            instruction=item.instruction,
            input="",
            output=item.output,
            kind="replay",
            fact=_fact(GENERAL, item.instruction),
            source=Source(document=GENERAL, heading=(), lines=(1, 1)),
        )
        for item in answered
    ]


def _fact(*parts: str) -> str:
    return xxh3_64_hexdigest("\x1f".join(parts).encode("utf-8", "surrogatepass"))[:12]
