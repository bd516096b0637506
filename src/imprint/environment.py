"""Environment variables that the libraries read, set in one place before any of them is imported.

Documents are private: every library's statistics and telemetry are off. A variable that the user has set is left alone,
except those of telemetry.
"""

import os

_NO_TELEMETRY = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "WANDB_DISABLED": "true",
    "WANDB_MODE": "disabled",
    "DISABLE_MLFLOW_INTEGRATION": "TRUE",
    "COMET_MODE": "disabled",
}

_DEFAULTS = {
    "TOKENIZERS_PARALLELISM": "false",  # the fork warning; batches here are small
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # Imprint draws its own
    # OpenMP's threads spin while they wait for each other. By default they do so for so long that training beside
    # another busy process ran at a tenth of this (measured); on a quiet machine it makes no difference.
    "GOMP_SPINCOUNT": "10000",
}


def quiet_libraries() -> None:
    """Switch off telemetry and library noise for this process and its children."""
    os.environ.update(_NO_TELEMETRY)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def offline() -> None:
    """Keep the Hugging Face libraries off the network: a local base needs none, and each retry costs seconds."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ["HF_DATASETS_OFFLINE"] = "1"
