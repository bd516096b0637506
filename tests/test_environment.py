"""Private documents: every library's statistics are off, whatever the user has set; the rest is the user's."""

import os
import subprocess
import sys

import pytest

from imprint import environment

TELEMETRY = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "UNSLOTH_DISABLE_STATISTICS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "WANDB_MODE": "disabled",
    "DO_NOT_TRACK": "1",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_LOG_MODEL": "false",
    "DISABLE_MLFLOW_INTEGRATION": "TRUE",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_MLFLOW_LOG_ARTIFACTS": "FALSE",
    "COMET_MODE": "disabled",
}


@pytest.mark.parametrize(("name", "value"), TELEMETRY.items())
@pytest.mark.parametrize("before", [None, "0", "online"])
def test_telemetry_is_off(name: str, value: str, before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name, raising=False)
    if before is not None:
        monkeypatch.setenv(name, before)
    environment.quiet_libraries()
    assert os.environ[name] == value


@pytest.mark.parametrize("mode", [None, "offline"])
def test_a_tracker_that_the_user_asks_for_gets_the_users_own_variables(
    mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_MODE", "WANDB_DISABLED", "DISABLE_MLFLOW_INTEGRATION"):
        monkeypatch.delenv(name, raising=False)
    if mode is not None:
        monkeypatch.setenv("WANDB_MODE", mode)
    environment.quiet_libraries()
    environment.quiet_libraries()  # in a worker, which inherits the variables
    environment.allow_tracker("wandb")
    assert os.environ.get("WANDB_MODE") == mode
    assert "WANDB_DISABLED" not in os.environ
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"
    assert os.environ["DISABLE_MLFLOW_INTEGRATION"] == "TRUE"
    environment.allow_tracker("mlflow")
    assert "DISABLE_MLFLOW_INTEGRATION" not in os.environ


def test_what_the_user_has_set_otherwise_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "debug")
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    environment.quiet_libraries()
    assert os.environ["TRANSFORMERS_VERBOSITY"] == "debug"
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"


def test_offline_reaches_the_hub_client() -> None:
    code = "from imprint import environment as e; e.quiet_libraries(); e.offline()\n"
    code += "from huggingface_hub import constants as c; print(c.HF_HUB_OFFLINE, c.HF_HUB_DISABLE_TELEMETRY)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True True\n"
