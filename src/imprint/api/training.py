"""From documents to a model, in one call or step by step, as the command line does it: in worker processes."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint import pipeline
from imprint.api.models import load_model
from imprint.api.sources import Documents, reading
from imprint.config import Settings
from imprint.evaluation.results import ADAPTER, BASE, HELD_OUT, SERVED, Results, Verdict, read_results
from imprint.evaluation.scoring import Score
from imprint.evaluation.subjects import Model
from imprint.machine import this_machine
from imprint.model import Answer, Message, gguf_of
from imprint.planning import Plan, plan
from imprint.runs import Notify, Run
from imprint.screen import Screen


@dataclass(frozen=True)
class PreparedDataset:
    """What the dataset stage has left: rows by split, and all its counts."""

    run: str
    folder: Path
    train: int
    validation: int
    test: int
    counts: dict[str, Any]


@dataclass(frozen=True)
class TrainedAdapter:
    """What the adapter stage has left. Losses are in nats a token of the answers."""

    run: str
    folder: Path
    steps: int
    loss: float
    validation_loss: float | None
    """At its lowest; None where no row watches the training."""


@dataclass(frozen=True)
class ExportedModel:
    """What the model stage has left."""

    run: str
    file: Path
    """The GGUF."""
    bytes: int


@dataclass(frozen=True)
class TrainedModel:
    """A complete run. The scores are those of held-out questions, and None where there are none."""

    run: str
    folder: Path
    file: Path
    """The GGUF."""
    base: Score | None
    """Before the training."""
    tuned: Score | None
    """With the adapter."""
    served: Score | None
    """The GGUF, as it is served."""
    verdict: Verdict
    """Why it may serve."""
    report: Path
    """`report.html`."""

    def load(self, *settings: str) -> Model:
        """The GGUF, loaded; settings as `load_model` takes them."""
        return load_model(self.file, *settings)

    def ask(self, prompt: str | Sequence[Message], *, max_tokens: int = 512) -> Answer:
        """One answer. The file is loaded for it each time: for several questions `load` it once."""
        with self.load() as model:
            return model.ask(prompt, max_tokens=max_tokens)


class SimpleTrainer:
    """The line, step by step. Each step does what is due up to there, and gives what its stage has left.

    `base` is a name of `get_available_models`, a folder, `owner/name` on the hub, or `auto`. `documents` is a folder, a
    file, `sample:NAME`, `hf:owner/name` or a list of rows. `settings` are `section.key=value`, as on the command line;
    `outputs` is where runs are kept. `progress` shows on standard error what the command line shows there; where
    `notify` is given, that gets the events instead, and nothing is shown.

    Steps raise ImprintError: DocumentError, DatasetError and SettingsError for what was given, MachineError for memory,
    disk and network, RefusedError where the model is not to be served, Paused where Ctrl-C stopped a training at a
    checkpoint; called again, a step goes on from there.
    """

    def __init__(
        self,
        base: str | Path = "auto",
        documents: Documents = "documents",
        *settings: str,
        outputs: str | Path | None = None,
        progress: bool = True,
        notify: Notify | None = None,
    ) -> None:
        self._base = base
        self._documents = documents
        self._settings = settings
        self._outputs = outputs
        self._progress = progress
        self._notify = notify

    def plan(self) -> Plan:
        """What a build would choose, why, and what it would take. Nothing is written."""
        with self._given() as config, self._following(f"Planning for {this_machine()}.") as notify:
            return plan(config, notify)

    def prepare(self) -> PreparedDataset:
        """Write the dataset."""
        run = self._build("dataset")
        counts = run.complete("dataset").counts
        rows = {split: int(counts[split]) for split in ("train", "validation", "test")}
        return PreparedDataset(run.id, run.folder("dataset"), **rows, counts=counts)

    def train(self) -> TrainedAdapter:
        """Train the adapter."""
        run = self._build("adapter")
        counts = run.complete("adapter").counts
        return TrainedAdapter(run.id, run.folder("adapter"), counts["steps"], counts["loss"], counts["validation_loss"])

    def export(self) -> ExportedModel:
        """Merge, convert and quantize."""
        run = self._build("model")
        file = gguf_of(run)
        return ExportedModel(run.id, file, file.stat().st_size)

    def evaluate(self) -> TrainedModel:
        """Compare base and tuned model; the run becomes the current one.

        Raises RefusedError where the verdict refuses the model, which stays in its run.
        """
        run = self._build("evaluation")
        folder = run.folder("evaluation")
        results = read_results(folder)
        return TrainedModel(
            run.id,
            run.path,
            gguf_of(run),
            base=_score(results, BASE),
            tuned=_score(results, ADAPTER),
            served=_score(results, SERVED),
            verdict=results.verdict,
            report=folder / "report.html",
        )

    def _build(self, until: str) -> Run:
        with self._given() as config:
            chosen, line = pipeline.resolve(config)
            with self._following(line) as notify:
                return pipeline.build(chosen, notify, command=f"imprint.{type(self).__name__}", until=until)

    def _given(self) -> contextlib.AbstractContextManager[Settings]:
        return reading(self._documents, *self._settings, base=self._base, outputs=self._outputs)

    @contextlib.contextmanager
    def _following(self, line: str) -> Iterator[Notify]:
        if self._notify is not None:
            yield self._notify
            return
        with Screen(quiet=not self._progress).following(line) as notify:
            yield notify


class QuickTrainer:
    """The whole line in one call: `QuickTrainer("gpt2", "sample:chat").train()`. It takes what SimpleTrainer takes."""

    def __init__(
        self,
        base: str | Path = "auto",
        documents: Documents = "documents",
        *settings: str,
        outputs: str | Path | None = None,
        progress: bool = True,
        notify: Notify | None = None,
    ) -> None:
        self._steps = SimpleTrainer(base, documents, *settings, outputs=outputs, progress=progress, notify=notify)

    def train(self) -> TrainedModel:
        """Do everything that is due; the model becomes the current one. Raises as the steps of `SimpleTrainer` do."""
        return self._steps.evaluate()


def _score(results: Results, model: str) -> Score | None:
    """A model's figures on the held-out questions, where there are any."""
    figures = results.suites.get(HELD_OUT, {}).get(model)
    if figures is None or figures.accuracy is None or figures.token_f1 is None or figures.perplexity is None:
        return None
    return Score(figures.questions, figures.accuracy, figures.token_f1, figures.perplexity, figures.ended)
