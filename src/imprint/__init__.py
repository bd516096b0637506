"""Imprint: a folder of documents in, a private language model that answers from them out, served.

    from imprint import QuickTrainer
    model = QuickTrainer("embedded", "sample:instruct").train()
    print(model.ask("When does the ferry to Quillmere leave?").text)

docs/python.md has all names. What is behind one is imported when it is asked for, so `import imprint` is instant.
"""

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imprint.api.data import load_dataset, prepare_dataset
    from imprint.api.data import prepare_dataset as prepare
    from imprint.api.foreseeing import estimate_training_time, get_available_models
    from imprint.api.measuring import (
        Compared,
        Comparison,
        Speed,
        benchmark_speed,
        calculate_perplexity,
        compare_models,
        evaluate_model,
    )
    from imprint.api.models import load_model
    from imprint.api.training import (
        ExportedModel,
        PreparedDataset,
        QuickTrainer,
        SimpleTrainer,
        TrainedAdapter,
        TrainedModel,
    )
    from imprint.dataset import Example
    from imprint.errors import ImprintError
    from imprint.evaluation.scoring import Score
    from imprint.evaluation.subjects import Model
    from imprint.model import Answer
    from imprint.planning import Candidate, Plan

try:
    __version__ = version("imprint")
except PackageNotFoundError:  # a source tree that is not installed; the doors in src/ work from one
    __version__ = "0.0.0"

__all__ = [
    "Answer",
    "Candidate",
    "Compared",
    "Comparison",
    "Example",
    "ExportedModel",
    "ImprintError",
    "Model",
    "Plan",
    "PreparedDataset",
    "QuickTrainer",
    "Score",
    "SimpleTrainer",
    "Speed",
    "TrainedAdapter",
    "TrainedModel",
    "__version__",
    "benchmark_speed",
    "calculate_perplexity",
    "compare_models",
    "estimate_training_time",
    "evaluate_model",
    "get_available_models",
    "load_dataset",
    "load_model",
    "prepare",
    "prepare_dataset",
]

_MODULES = {
    "api.data": ("load_dataset", "prepare", "prepare_dataset"),
    "api.foreseeing": ("estimate_training_time", "get_available_models"),
    "api.measuring": (
        "Compared",
        "Comparison",
        "Speed",
        "benchmark_speed",
        "calculate_perplexity",
        "compare_models",
        "evaluate_model",
    ),
    "api.models": ("load_model",),
    "api.training": (
        "ExportedModel",
        "PreparedDataset",
        "QuickTrainer",
        "SimpleTrainer",
        "TrainedAdapter",
        "TrainedModel",
    ),
    "dataset": ("Example",),
    "errors": ("ImprintError",),
    "evaluation.scoring": ("Score",),
    "evaluation.subjects": ("Model",),
    "model": ("Answer",),
    "planning": ("Candidate", "Plan"),
}
"""Where each name is (PEP 562)."""


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            value = getattr(importlib.import_module(f"imprint.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
