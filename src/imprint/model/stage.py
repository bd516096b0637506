"""The model stage: adapter in; one checked GGUF, a Modelfile and a card out."""

from pathlib import Path
from typing import Any

from imprint import adapter, base
from imprint.config import Settings
from imprint.errors import ImprintError
from imprint.runs import Manifest, Run

_STAGE = "model"


def inputs(config: Settings, run: Run) -> dict[str, str]:
    """What the model is made from: the adapter's files and the base."""
    used = {f"adapter/{name}": digest for name, digest in adapter.files(run).items()}
    return {**used, "base": base.of(config).digest}


def settings(config: Settings) -> dict[str, Any]:
    """The settings that the model depends on."""
    return {"model": config.plain()["model"]}


def run(config: Settings, run: Run) -> Manifest:
    """Merge, convert, quantize and ask the result a question."""
    from imprint.model.export import export

    with run.record(_STAGE, inputs=inputs(config, run), settings=settings(config), seed=config.seed) as record:
        record.counts = export(config, run, record.folder)
    return run.complete(_STAGE)


def gguf_of(run: Run) -> Path:
    """The GGUF of a run whose model stage is complete."""
    names = [name for name in run.complete(_STAGE).outputs if name.endswith(".gguf")]
    if len(names) != 1:
        raise ImprintError(
            f"{run.folder(_STAGE)} holds {len(names)} GGUF files; expected one.", hint="`imprint export`"
        )
    return run.folder(_STAGE) / names[0]
