"""What a sweep found: its trials, and the files that show them: a table, a picture, the best settings."""

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from imprint.config import Settings, given
from imprint.runs import write_atomically

LABELS = {"lora_r": "rank", "learning_rate": "learning rate", "epochs": "epochs", "max_seq_length": "length"}
"""The settings of `adapter` that can be searched, and what people call them."""
TABLE, PICTURE, BEST = "trials.csv", "sweep.png", "best.yaml"
_INCHES = (4.0, 3.6)
"""Of the picture, for each setting."""
_DOTS_PER_INCH = 120
_LOSS = "validation loss, nats a token"


@dataclass(frozen=True)
class Trial:
    """A training with some of the settings that are searched, and what became of it."""

    number: int
    state: Literal["done", "pruned", "failed"]
    values: dict[str, float]
    """The settings that are searched, by their names in `adapter`."""
    steps: int | None
    """Optimizer steps that were done, where it did not fail."""
    validation_loss: float | None
    """The lowest one, in nats a token; of a pruned trial the last one."""
    seconds: float
    """That it took, also before a stop."""
    reason: str
    """Why it failed."""
    hint: str
    """What to do about that."""
    kind: str
    """The name of the error that it failed with."""
    run: str | None
    """The name of its run; of two trials with the same settings it is the same."""


@dataclass(frozen=True)
class Result:
    """The trials of a sweep that have ended, and where its files lie."""

    folder: Path
    trials: list[Trial]
    """In the order in which they were made."""

    @property
    def best(self) -> Trial | None:
        """The trial with the lowest validation loss, or None where none is done."""
        return next((trial for trial in self.ranked if trial.state == "done"), None)

    @property
    def ranked(self) -> list[Trial]:
        """Those that are done first, the best at the top; then pruned ones, then failed ones."""
        states = ("done", "pruned", "failed")

        def key(trial: Trial) -> tuple[int, float, int]:
            loss = float("inf") if trial.validation_loss is None else trial.validation_loss
            return states.index(trial.state), loss, trial.number

        return sorted(self.trials, key=key)

    @property
    def settings_file(self) -> Path:
        return self.folder / BEST

    def plain(self) -> dict[str, Any]:
        """As JSON-ready values."""
        best = self.best
        return {
            "best": None if best is None else best.number,
            "settings_file": str(self.settings_file),
            "trials": [asdict(trial) for trial in self.trials],
        }


def in_words(values: dict[str, float]) -> str:
    """Such as "rank 16, learning rate 0.002, epochs 10"."""
    return ", ".join(f"{LABELS[name]} {value:g}" for name, value in values.items())


def write(result: Result, config: Settings, base: str) -> None:
    """Write the table and, once a trial is done, its settings: a file with all that `config` changes of the defaults.

    `base` is what `config.base` stands for: on another day `auto` may stand for another one.
    """
    write_atomically(result.folder / TABLE, _table(result.trials))
    if result.best is not None:
        write_atomically(result.settings_file, _settings(result.best, result, config, base))


def _table(trials: list[Trial]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "validation_loss", "steps", "seconds", *trials[0].values, "reason", "run"])
    for trial in trials:
        figures = (trial.number, trial.state, trial.validation_loss, trial.steps, trial.seconds)
        writer.writerow([*figures, *trial.values.values(), trial.reason, trial.run])
    return text.getvalue()


def _settings(best: Trial, result: Result, config: Settings, base: str) -> str:
    tree = given(config)
    for name in ("retrain", "sweep"):  # of this call, and no part of the model
        tree.pop(name, None)
    tree["base"] = base
    tree["adapter"] = {**tree.get("adapter", {}), **best.values}
    lines = [
        f"# The best settings that `imprint sweep` found: those of trial {best.number} of {len(result.trials)}, with a "
        f"validation loss of {best.validation_loss:.4f}.",
        "# `imprint up --config FILE` makes the model with them. What is not named here is as it is by default.",
    ]
    return "\n".join(lines) + "\n" + yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def draw(result: Result) -> None:
    """Draw the validation loss over each setting that was searched, as a PNG, 480 pixels wide for each."""
    from matplotlib.figure import Figure  # without pyplot the backend is Agg, whatever the machine is set to
    from matplotlib.ticker import LogLocator, NullFormatter

    names = list(result.trials[0].values)
    width, height = _INCHES
    figure = Figure(figsize=(width * len(names), height), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), sharey=True, squeeze=False)[0], names, strict=True):
        for state, style in (("done", "o"), ("pruned", "x")):
            _plot(axes, [trial for trial in result.trials if trial.state == state], name, style, state)
        if result.best is not None:
            _plot(axes, [result.best], name, "*", "best", markersize=14)
        axes.set_xlabel(LABELS[name])
        if name == "learning_rate":
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    first = figure.axes[0]
    first.set_ylabel(_LOSS)
    if first.lines:
        first.legend()
    figure.savefig(result.folder / PICTURE, format="png", dpi=_DOTS_PER_INCH)


def _plot(axes: Any, trials: list[Trial], name: str, style: str, label: str, **look: float) -> None:
    points = [(trial.values[name], trial.validation_loss) for trial in trials]
    if points:
        axes.plot(*zip(*points, strict=True), style, label=label, **look)
