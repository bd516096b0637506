"""What a training will take, before it begins: a model of memory and of time.

The terms are those of the arithmetic (Korthikanti et al. 2022 for activations, Kaplan et al. 2020 for operations); the
constants were measured, see benchmarks/plan.py.
"""

import math
from dataclasses import dataclass

from imprint.adapter.passes import Passes
from imprint.base import Shape
from imprint.config import FilledAdapter
from imprint.machine import Machine

PLAIN_BYTES = 1e9
"""Activations that are kept on the CPU; where a batch has more, they are computed twice."""
_ACTIVATION_BYTES = 160  # about, a token, a layer and a dimension of the hidden state, in float32
_TWICE_BYTES = 240  # the same of the one layer that is computed again, with its gradients
_PROCESS_MB = 610.0  # Python with torch, transformers, trl and unsloth
_GPU_PROCESS_MB = 3000.0  # with CUDA's libraries
GPU_CONTEXT_MB = 700.0
"""CUDA's own, and what its allocator cannot use."""
_NF4_BYTES = 0.53  # a weight, with its share of the scales
USABLE = 0.9
"""The share of memory that a plan may use: the model of it errs, and others run too."""
_CPU_WEIGHT_BYTES = 4
_GPU_WEIGHT_BYTES = 2
_CPU_SHARE = 0.35  # of what a product of large matrices reaches
_GPU_SHARE = 0.35
_CPU_PASS_S = 0.005  # a layer and a pass, whatever its size
_GPU_PASS_S = 0.002
_LOGIT_BYTES = 16  # logits in float32, their gradients and what is between, as Unsloth's fused loss reckons
_MOST_LOGIT_BYTES = 4 * 2**30  # it takes the tokens in parts that stay below this, and below half of what is free


@dataclass(frozen=True)
class Need:
    """Memory at the peak, in megabytes (10^6 bytes)."""

    process_mb: float
    gpu_mb: float


def steps(settings: FilledAdapter, rows: int) -> tuple[int, str]:
    """How many optimizer steps, and why they are not those that the epochs would take."""
    wanted = math.ceil(rows * settings.epochs / settings.batch_size)
    taken = min(max(wanted, settings.min_steps), settings.max_steps)
    if taken == wanted:
        return taken, ""
    limit = "adapter.max_steps" if taken < wanted else "adapter.min_steps"
    return taken, f"{taken} steps, where {settings.epochs:g} epochs would take {wanted}: {limit} sets the limit"


def activation_bytes(layers: int, hidden: int, tokens: int) -> float:
    """What the backward pass needs of so many tokens, where nothing is computed twice."""
    return tokens * layers * hidden * _ACTIVATION_BYTES


def need(shape: Shape, settings: FilledAdapter, machine: Machine, rows: int, longest: int) -> Need:
    """Memory of a training with `rows` of at most `longest` tokens in a pass."""
    tokens = rows * longest
    if machine.gpu is None:
        rest = _on_cpu(shape, settings, tokens) + 1e6 * _PROCESS_MB
        return Need((rest + _logits(shape, tokens, 1e9 * machine.memory_gb - rest)) / 1e6, 0.0)
    rest = _on_gpu(shape, settings, tokens) + 1e6 * GPU_CONTEXT_MB
    gpu = rest + _logits(shape, tokens, 1e9 * machine.gpu.memory_gb - rest)
    offloaded = 2 * tokens * shape.hidden * shape.layers  # the inputs of layers wait beside the GPU
    staged = _GPU_WEIGHT_BYTES * shape.parameters / shape.layers  # weights pass through, a part at a time
    return Need(_GPU_PROCESS_MB + (offloaded + staged) / 1e6, gpu / 1e6)


def rows_that_fit(shape: Shape, settings: FilledAdapter, machine: Machine, longest: int) -> int:
    """The most rows in a pass, of at most `longest` tokens each, that memory holds; one at least."""
    counts = range(settings.batch_size // settings.processes, 1, -1)
    return next((rows for rows in counts if fits(need(shape, settings, machine, rows, longest), machine)), 1)


def fits(needed: Need, machine: Machine) -> bool:
    """Whether the machine has that much memory."""
    has_gpu_memory = machine.gpu is None or needed.gpu_mb <= USABLE * machine.gpu.memory_gb * 1e3
    return has_gpu_memory and needed.process_mb <= USABLE * machine.memory_gb * 1e3


def recomputes(shape: Shape, tokens: int) -> bool:
    """Whether a pass of so many tokens computes its activations twice on the CPU."""
    return activation_bytes(shape.layers, shape.hidden, tokens) > PLAIN_BYTES


def step_seconds(shape: Shape, machine: Machine, flops: float, passes: Passes, mean_tokens: float) -> float:
    """Of one optimizer step with rows of so many tokens on average."""
    tokens = passes.micro_batch * passes.accumulation * mean_tokens
    twice = machine.gpu is not None or recomputes(shape, round(passes.micro_batch * mean_tokens))
    # Forward, and backward to the inputs of each matrix; the weights of the base get no gradients.
    operations = tokens * (2 * shape.parameters) * (3 if twice else 2)
    share, pass_s = (_GPU_SHARE, _GPU_PASS_S) if machine.gpu is not None else (_CPU_SHARE, _CPU_PASS_S)
    return operations / (share * flops) + passes.accumulation * pass_s * shape.layers


def checkpoints_mb(shape: Shape, settings: FilledAdapter) -> float:
    """Disk for the adapter and what is kept of its checkpoints while one more is written: weights and two moments."""
    return (1 + 3 * 3) * 4 * shape.lora_parameters(settings.lora_r) / 1e6


def weights_mb(shape: Shape, settings: FilledAdapter, machine: Machine) -> float:
    """The base's weights as the training loads them, in megabytes."""
    return _weights(shape, settings, _CPU_WEIGHT_BYTES if machine.gpu is None else _GPU_WEIGHT_BYTES) / 1e6


def _on_cpu(shape: Shape, settings: FilledAdapter, tokens: int) -> float:
    plain = activation_bytes(shape.layers, shape.hidden, tokens)
    if plain > PLAIN_BYTES:  # passes with fewer tokens keep theirs, up to there
        plain = max(PLAIN_BYTES, tokens * shape.hidden * (shape.layers * 4 + _TWICE_BYTES))
    return _weights(shape, settings, _CPU_WEIGHT_BYTES) + 16 * shape.lora_parameters(settings.lora_r) + plain


def _on_gpu(shape: Shape, settings: FilledAdapter, tokens: int) -> float:
    # Weights and gradients in 32 bits, Adam's two moments in 8.
    adapter = 10 * shape.lora_parameters(settings.lora_r)
    # One layer at a time: its inputs, what its two halves leave, and their gradients, in 16 bits.
    layer = 2 * tokens * (8 * shape.hidden + 4 * (shape.attention + 2 * shape.keys) + 8 * shape.intermediate)
    dequantized = 2 * shape.hidden * max(2 * shape.intermediate, shape.attention) if settings.load_in_4bit else 0
    return _weights(shape, settings, _GPU_WEIGHT_BYTES) + adapter + layer + dequantized


def _logits(shape: Shape, tokens: int, free: float) -> float:
    return min(_LOGIT_BYTES * tokens * shape.vocabulary, _MOST_LOGIT_BYTES, max(0.0, free / 2))


def _weights(shape: Shape, settings: FilledAdapter, plain: int) -> float:
    matrices = _NF4_BYTES if settings.load_in_4bit else plain
    return matrices * shape.layer_parameters + plain * shape.embedding_parameters
