"""Environment variables that the libraries read, set in one place before any of them is imported.

Documents are private: every library's statistics and telemetry are off. A variable that the user has set is left alone,
except those of telemetry. A tracker that the user asks for works (`allow_tracker`), but gets figures only.
"""

import contextlib
import os
from collections.abc import Iterator

_NO_TELEMETRY = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "WANDB_DISABLED": "true",
    "WANDB_MODE": "disabled",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_CONSOLE": "off",  # what the libraries print
    "WANDB_LOG_MODEL": "false",  # the adapter has learned the documents
    "DISABLE_MLFLOW_INTEGRATION": "TRUE",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_MLFLOW_LOG_ARTIFACTS": "FALSE",
    "COMET_MODE": "disabled",
}

_SWITCHES = {"wandb": ("WANDB_DISABLED", "WANDB_MODE"), "mlflow": ("DISABLE_MLFLOW_INTEGRATION",)}
"""Those that switch a tracker off as a whole."""
_KEPT = "_IMPRINT_KEPT_"
"""Before the name of such a variable: what the user had set it to. Worker processes inherit it."""

_DEFAULTS = {
    "TOKENIZERS_PARALLELISM": "false",  # the fork warning; batches here are small
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # Imprint draws its own
    # A tracker that does not answer does not hold up a training for long.
    "WANDB_INIT_TIMEOUT": "30",
    "WANDB_FINISH_TIMEOUT": "60",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    # OpenMP's threads spin while they wait for each other. By default they do so for so long that training beside
    # another busy process ran at a tenth of this (measured); on a quiet machine it makes no difference.
    "GOMP_SPINCOUNT": "10000",
}


def quiet_libraries() -> None:
    """Switch off telemetry and library noise for this process and its children."""
    for name in (name for names in _SWITCHES.values() for name in names):
        os.environ.setdefault(_KEPT + name, os.environ.get(name, ""))
    os.environ.update(_NO_TELEMETRY)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def allow_tracker(tracker: str) -> None:
    """Put the variables that `quiet_libraries` switches a tracker off with back to what the user had set."""
    for name in _SWITCHES.get(tracker, ()):
        kept = os.environ.pop(_KEPT + name, None)
        if kept:
            os.environ[name] = kept
        elif kept is not None:
            os.environ.pop(name, None)


@contextlib.contextmanager
def borrowed() -> Iterator[None]:
    """What is set within this block is put back at its end: a program that uses Imprint has variables of its own."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def offline() -> None:
    """Keep the Hugging Face libraries off the network: a local base needs none, and each retry costs seconds."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ["HF_DATASETS_OFFLINE"] = "1"
