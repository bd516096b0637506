"""Models to ask and measure: the one in service, a run, a GGUF, an adapter or a base, behind one interface."""

import importlib
from pathlib import Path

from imprint import base, environment
from imprint.api.sources import settings_of
from imprint.config import Settings
from imprint.errors import InputError
from imprint.evaluation.subjects import Gguf, Model
from imprint.model import gguf_of
from imprint.runs import Outputs, Run

_ADAPTER = "adapter_config.json"


def load_model(source: str | Path | None = None, *settings: str, outputs: str | Path | None = None) -> Model:
    """Load a model in this process.

    `source` is a GGUF file; a run, by its id or folder; the folder of an adapter that a run has trained; or a base: a
    name of `get_available_models`, a folder, or `owner/name` on the hub. None is the model in service. GGUFs load at
    once, by llama.cpp; adapters and bases by transformers, which takes seconds. `settings` are `section.key=value`:
    `service.context=1024` sets the tokens of prompt and answer together. `outputs` is where runs are kept.

    Raises NoModelError where there is none yet, BaseError for a base that does not exist, MachineError where a file is
    damaged or the hub cannot be reached.
    """
    config = settings_of(*settings, outputs=outputs)
    if source is None:
        return _load_run(Outputs(config.outputs).require_current(), config)
    path = Path(source).expanduser()
    if path.suffix == ".gguf":
        return Gguf(path, context=config.service.context, seed=config.seed)
    if (path / "run.json").is_file():
        return _load_run(Run(path), config)
    if (path / _ADAPTER).is_file():
        return _load_adapter(path, config)
    for run in Outputs(config.outputs).runs():
        if run.id == str(source):
            return _load_run(run, config)
    chosen, _ = base.choose(config.model_copy(update={"base": str(source)}), None)
    return _load_weights(chosen, None)


def _load_run(run: Run, config: Settings) -> Model:
    return Gguf(gguf_of(run), context=config.service.context, seed=config.seed)


def _load_adapter(folder: Path, config: Settings) -> Model:
    """Its run says which base it was trained on, and how that was loaded."""
    run = Run(folder.parent)
    if not (run.path / "run.json").is_file():
        raise InputError(
            f"{folder} is an adapter outside of a run: which base it belongs on, and how that was loaded, is unknown.",
            hint="give the folder `adapter` of a run of Imprint's, or a GGUF",
        )
    trained = Settings.model_validate(run.state().settings)
    return _load_weights(trained.model_copy(update={"service": config.service}), folder)


def _load_weights(config: Settings, adapter: Path | None) -> Model:
    with environment.borrowed():
        environment.quiet_libraries()
        base.bring(base.of(config))
        # Read once, before a local base switches the network off for what is loaded here: the program may want it.
        importlib.import_module("huggingface_hub.constants")
        from imprint.evaluation.weights import Weights

        return Weights(config, adapter)
