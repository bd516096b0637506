"""What must hold of a base before anything long begins: it is all there, and it is a working language model."""

import json
import math
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from imprint.base import hub
from imprint.base.registry import Base, of, shape
from imprint.config import Settings
from imprint.errors import BaseError
from imprint.runs import Event, Run, require_space, write_atomically

REPORT = "base.json"
# Nats a character of general English: working models of these sizes have at most two thirds of it.
_LIMITS = ((1_000_000_000, 0.95), (100_000_000, 1.2))
_SMALL_SHARE = 0.7
"""Of a guess among all tokens, in nats a token: the limit for smaller ones."""


@dataclass(frozen=True)
class Checked:
    """What was found, as it is kept in the run."""

    base: str
    digest: str
    revision: str
    """The commit on the hub; empty for a folder."""
    loss: float
    """Nats a token on the general text."""
    limit: float


def run(config: Settings, run: Run) -> None:
    """Fetch the base where it is on the hub, and check it; a run whose base was checked is left as it is.

    Raises BaseError for a base that is no working language model, MachineError where it cannot be fetched.
    """
    found = of(config)
    if _report(run) == found.digest:
        return
    revision = _fetched(found, run).name if found.folder is None else ""
    loss, characters_a_token = _loss(found, four_bit=config.adapter.filled().load_in_4bit)
    limit = _limit(found, characters_a_token)
    if config.check_base:
        check(found, loss, limit)
    checked = Checked(found.name, found.digest, revision, round(loss, 4), round(limit, 4))
    write_atomically(run.path / REPORT, json.dumps(asdict(checked), indent=2) + "\n")


def check(found: Base, loss: float, limit: float) -> None:
    """Raise BaseError where the loss on general text is that of no working model."""
    if loss <= limit:  # never true of what is no number
        return
    raise BaseError(
        f"{found.label} is no working language model as it is loaded: its loss on general English is {loss:.2f} nats a "
        f"token, where at most {limit:.2f} is expected.",
        hint="take the original repository: its config.json does not fit its weights (a wrong rope scaling or "
        "attention_factor does that); check_base=false takes it as it is",
    )


def _report(run: Run) -> str | None:
    """The digest of the base that was checked for this run."""
    file = run.path / REPORT
    return str(json.loads(file.read_text(encoding="utf-8"))["digest"]) if file.is_file() else None


def _fetched(found: Base, run: Run) -> Path:
    folder = hub.snapshot(found.source)
    if folder is not None:
        return folder
    from huggingface_hub import constants

    size = hub.size(found.source)
    require_space(Path(constants.HF_HUB_CACHE), size / 1e6)
    run.notify(Event("note", "base", f"fetching {found.source}, {size / 1e9:.1f} GB"))
    text = "fetching the base, MB"
    return hub.download(
        found.source,
        lambda done, total: run.notify(Event("progress", "base", text, round(done / 1e6), round(total / 1e6))),
        with_programs=found.trust_remote_code,
    )


def _limit(found: Base, characters_a_token: float) -> float:
    """Nats a token that a working model of this size stays below."""
    sizes = shape(found)
    for parameters, nats in _LIMITS:
        if sizes.parameters >= parameters:
            return nats * characters_a_token
    return _SMALL_SHARE * math.log(sizes.vocabulary)


def _loss(found: Base, *, four_bit: bool) -> tuple[float, float]:
    """Mean loss in nats a token on the general text, and characters a token.

    By transformers alone, as the merge loads the base: Unsloth mends some configurations while it trains, and the model
    that is served would still carry the fault.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    on_gpu = torch.cuda.is_available()
    quantized: Any = None
    if four_bit and on_gpu:
        quantized = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    from_pretrained: Any = AutoModelForCausalLM.from_pretrained  # its annotation knows one of its two results
    try:
        tokenizer = AutoTokenizer.from_pretrained(found.source, trust_remote_code=found.trust_remote_code)
        model = from_pretrained(
            found.source,
            dtype=torch.bfloat16 if on_gpu else torch.float32,
            quantization_config=quantized,
            device_map="auto" if on_gpu else None,
            trust_remote_code=found.trust_remote_code,
        )
    except (ValueError, KeyError, OSError) as error:
        if "trust_remote_code" in str(error):
            raise BaseError(
                f"{found.source} brings programs along that it cannot be loaded without.",
                hint="read them; trust_remote_code=true runs them on this machine, with your rights",
            ) from error
        raise BaseError(
            f"{found.source} cannot be loaded: {error}.",
            hint="take a base from `imprint bases`, or save it there again",
        ) from error
    text = (resources.files("imprint.base") / "general.txt").read_text(encoding="utf-8").strip()
    first = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    total, count = 0.0, 0
    with torch.inference_mode():
        for paragraph in text.split("\n\n"):
            read = [*first, *tokenizer(paragraph, add_special_tokens=False).input_ids]
            ids = torch.tensor([read[: model.config.max_position_embeddings]]).to(model.device)
            predicted = ids.shape[1] - 1
            total += float(model(input_ids=ids, labels=ids).loss) * predicted
            count += predicted
    return total / count, len(text) / count
