"""`imprint plan`: what a build would choose, why, and what it would take, before anything long begins.

First from a model of the machine (`adapter/estimate.py`), then, where asked, from a few real steps.
"""

import heapq
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imprint import base, pipeline
from imprint.adapter import estimate, passes
from imprint.adapter.estimate import Need
from imprint.base import Base, Shape
from imprint.config import FilledAdapter, Settings
from imprint.dataset import Example, making, read_examples
from imprint.errors import BaseError, InputError, MachineError
from imprint.machine import Machine, flops_of, this_machine
from imprint.runs import Event, Notify

USUAL_TOKENS = 512
_SAMPLE = 2_000
_LONG = 64
_MEASURED_STEPS = 12
_WARM_STEPS = 2  # the first ones allocate and compile
_STARTING_S = 6.0  # until a process has loaded torch
_PROCESS_MB = 900.0
_MERGING = 1.2  # times the weights in 16 bits, to be merged on the GPU; otherwise that happens beside it
_DATASET_MB = 350.0
_ROW_MB = 0.001
_DISK_MB_S = 300.0
_ANSWERING_SHARE = 0.05
"""Of the operations that a machine can do, what is left when tokens are made one after the other."""


@dataclass(frozen=True)
class Data:
    """The dataset in numbers, of which a plan is made. Tokens are the base's."""

    train: int
    validation: int
    test: int
    mean_tokens: float
    """Of a row, prompt and answer together."""
    longest_tokens: int
    answer_tokens: float
    """Of an answer, on average."""
    seconds: float
    """That its making took."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why."""

    what: str
    value: str
    why: str


@dataclass(frozen=True)
class Cost:
    """What a stage takes; memory at its peak. `price` is that of the time, in the currency of the setting."""

    stage: str
    seconds: float
    memory_mb: float
    gpu_memory_mb: float
    disk_mb: float
    price: float


@dataclass(frozen=True)
class Plan:
    """What a build would do on a machine."""

    base: str
    machine: str
    data: Data
    choices: list[Choice]
    costs: list[Cost]
    fits: bool
    measured: bool
    """The training's figures come from real steps on this machine, not from the model of it."""
    notes: list[str]

    @property
    def seconds(self) -> float:
        return sum(cost.seconds for cost in self.costs)

    @property
    def price(self) -> float:
        return sum(cost.price for cost in self.costs)


def plan(config: Settings, notify: Notify, *, machine: Machine | None = None, measured: bool = False) -> Plan:
    """Plan a build with `config`, as the user gave it, for this machine or another one.

    The dataset is made in a temporary folder, to know its size. `measured` trains some steps on it. Raises InputError
    where both are asked for: another machine's steps cannot be measured here.
    """
    if machine is not None and measured:
        raise InputError(
            "Steps can only be measured on this machine, not on another one.", hint="leave one of them out"
        )
    settings, _ = pipeline.resolve(config, elsewhere=machine)
    on = machine or this_machine()
    found = base.of(settings)
    shape = base.shape(found)
    data, notes = _look_at_data(settings, found, notify)
    filled = settings.adapter.filled()
    each = on.share(filled.processes)
    fits = estimate.rows_that_fit(shape, filled, each, data.longest_tokens)
    taken = passes.split(filled.batch_size // filled.processes, filled.per_device_train_batch_size or fits)
    needed = estimate.need(shape, filled, each, taken.micro_batch, data.longest_tokens)
    steps, _ = estimate.steps(filled, data.train)
    flops = flops_of(on)
    own = flops if on.gpu is not None else flops / filled.processes
    step_seconds = estimate.step_seconds(shape, on, own, taken, data.mean_tokens)
    if measured:
        step_seconds, needed = _measure(settings, notify)
    seconds = 2 * _STARTING_S + steps * step_seconds
    price = settings.plan.price_per_hour
    costs = [
        Cost(stage, seconds, memory, gpu, disk, round(price * seconds / 3600, 4))
        for stage, seconds, memory, gpu, disk in _costs(shape, filled, on, flops, data, seconds, needed)
    ]
    if not estimate.fits(needed, each):
        notes.append(_does_not_fit(needed, each))
    return Plan(
        found.name,
        str(on),
        data,
        list(_choices(shape, filled, on, data, taken, fits)),
        costs,
        estimate.fits(needed, each),
        measured,
        notes,
    )


@dataclass(frozen=True)
class Candidate:
    """A base of the registry, and whether a training from it fits a machine."""

    name: str
    source: str
    parameters: int
    licence: str
    gated: bool
    context: int
    end: str
    has_template: bool
    converts: bool
    memory_mb: float
    """Of the GPU where there is one, otherwise of the process."""
    fits: bool
    million_tokens_s: float
    """Seconds to train on a million tokens."""


def candidates(config: Settings, on: Machine) -> list[Candidate]:
    """Every base of the registry, with the settings that it would get, on rows of `USUAL_TOKENS` tokens."""
    found = []
    flops = flops_of(on)
    for entry in base.entries():
        settings, _ = base.choose(config.model_copy(update={"base": entry.name}), None)
        shape = base.shape(base.find(entry.name))
        needed = estimate.need(shape, settings.adapter.filled(), on, 1, USUAL_TOKENS)
        found.append(
            Candidate(
                entry.name,
                entry.source,
                shape.parameters,
                entry.licence,
                entry.gated,
                shape.context,
                entry.end,
                entry.has_template,
                entry.converts,
                round(needed.process_mb if on.gpu is None else needed.gpu_mb),
                estimate.fits(needed, on),
                1e6 / USUAL_TOKENS * estimate.step_seconds(shape, on, flops, passes.Passes(1, 1), USUAL_TOKENS),
            )
        )
    return found


def _look_at_data(settings: Settings, found: Base, notify: Notify) -> tuple[Data, list[str]]:
    """Make the dataset and measure its rows; in the embedded base's tokens where the base's own are out of reach."""

    def progress(text: str, done: float, total: float) -> None:
        notify(Event("progress", "dataset", text, done, total))

    notes = []
    try:
        base.token_counter(found)
    except (MachineError, BaseError) as error:
        notes.append(f"rows are counted in tokens of the embedded base, which are shorter: {error.message}")
        found = base.find(base.EMBEDDED)
        settings = settings.model_copy(update={"base": base.EMBEDDED})
    started = time.monotonic()
    with making.dry_run(settings, progress) as (summary, folder):
        seconds = time.monotonic() - started
        counts = summary.counts()
        rows = read_examples(folder / "train.jsonl")
        count = base.token_counter(found)
        step = max(1, len(rows) // _SAMPLE)
        sample = [count(_text(found, row)) for row in rows[::step]]
        longest = max(count(_text(found, row)) for row in heapq.nlargest(_LONG, rows, key=_characters))
        data = Data(
            counts["train"],
            counts["validation"],
            counts["test"],
            round(statistics.fmean(sample), 1),
            longest,
            round(counts["tokens"] / counts["train"], 1),
            seconds,
        )
    return data, notes


def _text(found: Base, row: Example) -> str:
    return base.render(found, row.conversation())


def _characters(row: Example) -> int:
    return sum(len(turn["content"]) for turn in row.conversation())


def _choices(
    shape: Shape, filled: FilledAdapter, on: Machine, data: Data, taken: passes.Passes, fits: int
) -> Iterator[Choice]:
    size = f"{base.in_words(shape.parameters)} weights"
    if filled.load_in_4bit:
        yield Choice("weights", "4-bit (NF4)", f"{size}: {2 * shape.parameters / 1e9:.1f} GB in 16 bits")
    else:
        yield Choice("weights", "16-bit", f"{size}: four bits would save little, and take time")
    yield Choice("batch", f"{filled.batch_size} rows in a step", "adapter.batch_size")
    longest = data.longest_tokens
    given = f"adapter.per_device_train_batch_size={filled.per_device_train_batch_size}"
    is_open = filled.per_device_train_batch_size is None
    together = "" if filled.processes == 1 else f", in each of {filled.processes} processes"
    yield Choice("passes", f"{taken}{together}", f"memory holds {fits} rows of {longest} tokens" if is_open else given)
    yield Choice(
        "length", f"up to {longest} tokens", f"the longest row; adapter.max_seq_length={filled.max_seq_length}"
    )
    if on.gpu is not None:
        yield Choice(
            "activations",
            "computed twice",
            "gradient checkpointing: more time, much less memory",
        )
        yield Choice("optimizer", "AdamW in 8 bits", "its moments in a quarter of the memory")
    else:
        twice = estimate.recomputes(shape, taken.micro_batch * data.longest_tokens)
        value = "computed twice in the longest passes" if twice else "kept"
        yield Choice("activations", value, f"up to {estimate.PLAIN_BYTES / 1e9:.0f} GB of them are kept")
        yield Choice("optimizer", "AdamW, fused", "the fastest on a CPU")
    steps, limited = estimate.steps(filled, data.train)
    epochs = steps * filled.batch_size / data.train
    yield Choice("steps", f"{steps} ({epochs:.1f} epochs)", limited or f"{filled.epochs:g} epochs of {data.train} rows")
    rank = f"rank {filled.lora_r}, alpha {filled.lora_alpha}"
    yield Choice("adapter", rank, f"{base.in_words(shape.lora_parameters(filled.lora_r))} weights to train")


def _costs(
    shape: Shape, filled: FilledAdapter, on: Machine, flops: float, data: Data, training_s: float, training: Need
) -> Iterator[tuple[str, float, float, float, float]]:
    """Stage, seconds, memory, GPU memory and disk, the last three in megabytes."""
    on_gpu = on.gpu is not None
    whole = (2 if on_gpu else 4) * shape.parameters / 1e6
    merges_there = on.gpu is not None and _MERGING * whole < 1e3 * on.gpu.memory_gb
    yield "dataset", data.seconds, _DATASET_MB, 0.0, _ROW_MB * (data.train + data.validation + data.test)
    together = filled.processes * training.process_mb
    yield "adapter", training_s, together, training.gpu_mb, estimate.checkpoints_mb(shape, filled)
    # The merged weights lie in memory once; then they are written, read by the converter, and read by the quantizer.
    merging_gpu = _MERGING * whole if merges_there else 0.0
    seconds = _STARTING_S + 3 * whole / _DISK_MB_S
    yield "model", seconds, _PROCESS_MB + whole, merging_gpu, 4.6 * shape.parameters / 1e6
    # Each question is answered three times, by the base, with the adapter, and by the file.
    tokens = 3 * data.test * data.answer_tokens
    answering_s = tokens * 2 * shape.parameters / (_ANSWERING_SHARE * flops)
    loaded = estimate.weights_mb(shape, filled, on)
    process, gpu = (_PROCESS_MB, loaded + estimate.GPU_CONTEXT_MB) if on_gpu else (_PROCESS_MB + whole, 0.0)
    yield "evaluation", 2 * _STARTING_S + answering_s, process, gpu, 1.0


def _does_not_fit(needed: Need, on: Machine) -> str:
    if on.gpu is not None and needed.gpu_mb > on.gpu.memory_gb * 1e3 * estimate.USABLE:
        found = f"{needed.gpu_mb / 1e3:.1f} GB on the GPU, which has {on.gpu.memory_gb:.1f}"
    else:
        found = f"{needed.process_mb / 1e3:.1f} GB of memory, of {on.memory_gb:.1f}"
    return f"does not fit: one row at a time takes {found}; take a smaller base (`imprint bases`) or shorter rows"


def _measure(settings: Settings, notify: Notify) -> tuple[float, Need]:
    """Train some steps in a temporary folder; give the median seconds of a step and the memory at its peak."""
    times: list[float] = []

    def listen(event: Event) -> None:
        if event.kind == "progress" and event.stage == "adapter" and event.total == _MEASURED_STEPS:
            times.append(time.monotonic())
        if event.kind in {"progress", "note"}:
            notify(event)

    few = {"max_steps": _MEASURED_STEPS, "min_steps": _MEASURED_STEPS}
    with tempfile.TemporaryDirectory(prefix="imprint-") as folder:
        short = settings.model_copy(
            update={"outputs": Path(folder), "retrain": "auto", "adapter": settings.adapter.model_copy(update=few)}
        )
        run = pipeline.build(short, listen, command="imprint plan --measure", until="adapter")
        manifest = run.complete("adapter")
    steps = [later - earlier for earlier, later in itertools.pairwise(times)][_WARM_STEPS:]
    return statistics.median(steps), Need(manifest.peak_memory_mb, manifest.counts.get("gpu_memory_mb", 0.0))
