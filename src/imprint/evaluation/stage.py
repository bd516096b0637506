"""The evaluation stage: adapter, GGUF and questions in; results, predictions, a report and a verdict out."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imprint import base
from imprint.config import Settings
from imprint.evaluation.kept import NAME as ANSWERS
from imprint.evaluation.kept import Kept
from imprint.evaluation.results import HELD_OUT, Part, Results
from imprint.runs import Event, Manifest, Outputs, Run, digest_file, write_atomically

_STAGE = "evaluation"
_NO_MATTER = {"key", "concurrency", "price_per_million_tokens"}
"""Settings of the judge that say how it is asked, not what."""
_LOOKED_THROUGH = 5
"""So many newest runs whose answers may be known already."""


def inputs(config: Settings, run: Run) -> dict[str, str]:
    """What is compared, and the questions."""
    files = run.complete("model").outputs
    made = run.complete("dataset").outputs
    found = {f"dataset/{name}": made[name] for name in ("test.jsonl", "control.jsonl")}
    if config.evaluation.benchmark is not None and config.evaluation.benchmark.is_file():
        found["evaluation.benchmark"] = digest_file(config.evaluation.benchmark)
    return {
        **found,
        **{f"model/{name}": digest for name, digest in files.items() if name.endswith(".gguf")},
        "base": base.of(config).digest,
    }


def settings(config: Settings) -> dict[str, Any]:
    """The settings that figures and verdict depend on. A model that was forced stays so: `force` is none of them."""
    plain = config.plain()
    # What the benchmark's file holds is an input; how many are asked at once does not matter.
    chosen = {name: value for name, value in plain["evaluation"].items() if name not in {"benchmark", "batch_size"}}
    chosen["judge"] = {name: value for name, value in chosen["judge"].items() if name not in _NO_MATTER}
    verdict = {name: value for name, value in plain["verdict"].items() if name != "force"}
    return {"evaluation": chosen, "verdict": verdict, "context": config.service.context}


def run(config: Settings, run: Run) -> Manifest:
    """Ask base, adapter and GGUF everything that there is to ask, and say whether the GGUF may serve.

    Writes results.json, predictions.jsonl, metrics.csv, report.html and card.md. Raises SettingsError for a benchmark
    file that cannot be used, InputError for a judge's address that cannot.
    """
    from imprint.evaluation.findings import examine
    from imprint.evaluation.report import write_report

    with run.record(_STAGE, inputs=inputs(config, run), settings=settings(config), seed=config.seed) as record:
        folder = record.folder
        outputs = Outputs(config.outputs)
        with Kept(folder / ANSWERS, _known(outputs, run)) as kept:
            results, predictions = examine(config, run, kept, outputs.current())
        for note in results.notes:
            run.notify(Event("note", _STAGE, note))
        write_atomically(folder / "results.json", results.model_dump_json(indent=2) + "\n")
        write_atomically(folder / "predictions.jsonl", "".join(line.model_dump_json() + "\n" for line in predictions))
        write_atomically(folder / "metrics.csv", _table(results))
        write_report(run, results, predictions, folder)
        record.counts = _counts(results)
    return run.complete(_STAGE)


def _known(outputs: Outputs, run: Run) -> list[Path]:
    """Where other runs keep answers, the newest last."""
    others = [other for other in outputs.runs() if other.id != run.id]
    return [other.folder(_STAGE) / ANSWERS for other in others[-_LOOKED_THROUGH:]]


def _counts(results: Results) -> dict[str, Any]:
    """What the run's manifest says about it: what a list of runs shows."""
    held_out = results.suites.get(HELD_OUT, {})
    return {
        "questions": results.questions,
        "accuracy": {name: figures.accuracy for name, figures in held_out.items()},
        "verdict": results.verdict.word,
        "sentence": results.verdict.sentence,
        "failed": [
            {"name": rule.name, "words": rule.words, "advice": rule.advice}
            for rule in results.verdict.rules
            if rule.passed is False
        ],
    }


def _table(results: Results) -> str:
    """Every figure in a line of its own: suite, model, figure, value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("suite", "model", "figure", "value"))
    tables: Mapping[str, Mapping[str, Part]] = {
        **results.suites,
        "perplexity": results.perplexity,
        "speed": results.speed,
    }
    for suite, models in tables.items():
        for model, figures in models.items():
            for name, value in _flat(figures.model_dump()):
                writer.writerow((suite, model, name, value))
    return text.getvalue()


def _flat(figures: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in figures.items():
        if isinstance(value, tuple):
            yield from zip((f"{name}_low", f"{name}_high"), value, strict=True)
        elif value is not None:
            yield name, value
