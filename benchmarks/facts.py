"""Invented facts through the ordinary line: what the embedded base answers about them, closed book.

    .venv/bin/python benchmarks/facts.py [--facts 240] [--seed 1] [--ablations] [section.key=value ...]

Documents of invented facts (`invented.py`) become a dataset and an adapter by `imprint train`. Asked are the wordings
that the dataset holds out, of families that neither its training rows nor the base's own training used; the reversed
ones among them; and the same about things that no document names (control: what improves there is style or guessing).
`--ablations` trains on less than the full recipe, each time on as many tokens, and asks the same questions.

Limits, for 2 CPU cores: 240 facts 98% within 120 s of training, 1,000 facts 95% within 480 s; at least 60% reversed;
control within 3 points of the base.
"""

import argparse
import collections
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invented import Page, make_pages, write_pages
from measure import against, run

from imprint import environment
from imprint.config import Settings
from imprint.dataset import Example, read_examples
from imprint.runs import Manifest, Run

FULL = "the full recipe"
# What a recipe leaves out, as settings; the raw one is made from other documents.
RECIPES: dict[str, tuple[str, ...]] = {
    "one wording": ("dataset.wordings=1", "dataset.masked=0", "dataset.unknown_share=0", "dataset.replay_share=0"),
    "all deterministic kinds": ("dataset.masked=0", "dataset.unknown_share=0", "dataset.replay_share=0"),
    "plus masked": ("dataset.unknown_share=0", "dataset.replay_share=0"),
    FULL: (),
}
RAW = "raw sections"
LIMITS = {240: (98, 120), 1000: (95, 480)}
"""Facts: least accuracy on held-out wordings in percent, most seconds of training."""
_CONTROL_FACTS = 120
_REVERSED = "_reverse"


@dataclass(frozen=True)
class Trained:
    """A recipe's run after its adapter stage."""

    settings: Settings
    run: Run
    manifest: Manifest
    tokens: int
    """Of all training rows, once each."""

    @property
    def seen(self) -> float:
        """Tokens that the training saw."""
        return float(self.tokens * self.manifest.counts["epochs"])


@dataclass(frozen=True)
class Shares:
    """Shares of right answers, 0 to 1, by kind; and how many were asked."""

    right: collections.Counter[str]
    asked: collections.Counter[str]

    def of(self, *, reversed_too: bool = True, forward_too: bool = True) -> float:
        """The share over all kinds, the reversed only, or the others only."""
        kinds = [kind for kind in self.asked if (reversed_too if kind.endswith(_REVERSED) else forward_too)]
        asked = sum(self.asked[kind] for kind in kinds)
        return sum(self.right[kind] for kind in kinds) / asked if asked else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ablations", action="store_true", help="train on less than the full recipe as well")
    parser.add_argument("settings", nargs="*", metavar="section.key=value")
    arguments = parser.parse_args()
    environment.quiet_libraries()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = make_pages(arguments.facts, arguments.seed)
        known = {thing for page in pages for thing in page.things}
        write_pages(pages, folder / "documents")
        write_pages(_others(known, arguments.seed), folder / "others")
        full = train(folder, FULL, folder / "documents", arguments.settings)
        questions = held_out(full.run)
        control = held_out(prepare(folder, "control", folder / "others", ["dataset.replay_share=0"]))
        print(f"{arguments.facts} facts, {len(questions)} held-out questions, {len(control)} of the control")
        _head()
        shares, others, base, base_others = ask(full, questions, control)
        _row(FULL, full, shares, others)
        print(f"{'the base, untrained':<26} {'':>9} {'':>10} {_percent(base)} {base_others.of():>8.1%}")
        if arguments.ablations:
            _ablate(folder, pages, full, questions, control, arguments.settings)
        _by_kind(shares)
    least, most = LIMITS.get(arguments.facts, LIMITS[240])
    against("held-out wordings", 100 * shares.of(), least, "%", at_least=True)
    against("seconds of training", full.manifest.seconds, most, "s")
    against("held-out wordings, reversed", 100 * shares.of(forward_too=False), 60, "%", at_least=True)
    against("control, tuned above base", 100 * (others.of() - base_others.of()), 3, "points")


def train(folder: Path, recipe: str, documents: Path, settings: Sequence[str]) -> Trained:
    """Dataset and adapter of these documents by `imprint train`, in an outputs folder named for the recipe."""
    run_of = _imprint("train", folder, recipe, documents, settings)
    return Trained(
        Settings.model_validate(run_of.state().settings), run_of, run_of.complete("adapter"), count_tokens(run_of)
    )


def prepare(folder: Path, recipe: str, documents: Path, settings: Sequence[str]) -> Run:
    """The dataset of these documents by `imprint prepare`."""
    return _imprint("prepare", folder, recipe, documents, settings)


def _imprint(command: str, folder: Path, recipe: str, documents: Path, settings: Sequence[str]) -> Run:
    outputs = folder / recipe.replace(" ", "-")
    places = ("--documents", str(documents), "--outputs", str(outputs))
    ran = run(command, *places, "base=embedded", "--json", *settings)
    if ran.code != 0:
        sys.exit(f"imprint {command} ended with code {ran.code}")
    return Run(Path(json.loads(ran.stdout)["folder"]).parent)


def held_out(run_of: Run) -> list[Example]:
    """The questions that a dataset holds out, of both splits, but those about what the documents do not say."""
    rows = [
        row for split in ("validation", "test") for row in read_examples(run_of.folder("dataset") / f"{split}.jsonl")
    ]
    return [row for row in rows if row.kind not in {"unknown", "replay"}]


def count_tokens(run_of: Run) -> int:
    """Tokens of the training rows, once each, as the training renders them."""
    from transformers import AutoTokenizer

    from imprint import base
    from imprint.adapter.rows import tokenize

    settings = Settings.model_validate(run_of.state().settings)
    tokenizer: Any = AutoTokenizer.from_pretrained(base.find("embedded").source)
    rows = read_examples(run_of.folder("dataset") / "train.jsonl")
    return sum(len(row.input_ids) for row in tokenize(rows, tokenizer, settings.adapter.max_seq_length))


def ask(trained: Trained, *sets: Sequence[Example]) -> list[Shares]:
    """Shares of right answers for each set, the adapter's first, then the base's."""
    from imprint.evaluation.weights import Weights

    most = trained.settings.evaluation.max_new_tokens
    with Weights(trained.settings, trained.run.folder("adapter")) as model:
        tuned = [_ask(model, questions, most) for questions in sets]
        with model.without_adapter():
            return [*tuned, *(_ask(model, questions, most) for questions in sets)]


def _ask(model: Any, questions: Sequence[Example], most: int) -> Shares:
    from imprint.evaluation.scoring import is_correct
    from imprint.evaluation.subjects import room

    rows = model.rows(questions)
    said = model.answer_all(
        [row.prompt for row in rows], [room(len(row.labels) - len(row.prompt), most) for row in rows]
    )
    right = [row.kind for row, answer in zip(questions, said, strict=True) if is_correct(row.output, answer.text)]
    return Shares(collections.Counter(right), collections.Counter(row.kind for row in questions))


def _ablate(
    folder: Path,
    pages: list[Page],
    full: Trained,
    questions: list[Example],
    control: list[Example],
    settings: list[str],
) -> None:
    write_raw(pages, folder / "raw")
    no_extras = ("dataset.unknown_share=0", "dataset.replay_share=0")
    recipes: dict[str, tuple[Path, tuple[str, ...]]] = {RAW: (folder / "raw", no_extras)}
    recipes |= {name: (folder / "documents", less) for name, less in RECIPES.items() if name != FULL}
    for name, (documents, less) in recipes.items():
        tokens = count_tokens(prepare(folder, name, documents, [*settings, *less]))
        epochs = [f"adapter.epochs={full.seen / tokens:.3f}", "adapter.max_steps=1000000"]
        trained = train(folder, name, documents, [*settings, *less, *epochs])
        shares, others, *_ = ask(trained, questions, control)
        _row(name, trained, shares, others)


def write_raw(pages: Sequence[Page], folder: Path) -> None:
    """The pages' parts as rows of plain text, one a thing, which are trained on as they are."""
    folder.mkdir()
    parts = [text for page in pages for text in page.parts]
    random.Random(0).shuffle(parts)
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in parts]
    (folder / "raw.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _others(known: set[str], seed: int) -> list[Page]:
    """Pages of things that no document names."""
    pages = make_pages(_CONTROL_FACTS, seed + 1_000_003)
    return [page.without(known) for page in pages]


def _head() -> None:
    print(f"{'':<26} {'seconds':>9} {'tokens':>10} {'held out':>9} {'forward':>9} {'reversed':>9} {'control':>8}")


def _row(name: str, trained: Trained, shares: Shares, others: Shares) -> None:
    figures = f"{trained.manifest.seconds:>9.0f} {trained.seen:>10,.0f}"
    print(f"{name:<26} {figures} {_percent(shares)} {others.of():>8.1%}", flush=True)


def _percent(shares: Shares) -> str:
    forward, backward = shares.of(reversed_too=False), shares.of(forward_too=False)
    return f"{shares.of():>9.1%} {forward:>9.1%} {backward:>9.1%}"


def _by_kind(shares: Shares) -> None:
    kinds = (f"{kind} {shares.right[kind]}/{count}" for kind, count in sorted(shares.asked.items()))
    print("held out, by kind: " + ", ".join(kinds))


if __name__ == "__main__":
    main()
