"""What a machine has, this one or another one by its name, and what it says when its memory runs out."""

import difflib
import errno
import functools
import os
import re
import subprocess
import time
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import psutil
import yaml

from imprint.errors import InputError

_FULL = re.compile(
    r"out of memory|can(no|')t allocate memory|bad_alloc|memory allocation of \d+ bytes failed|ALLOC_FAILED"
    r"|unable to allocate",
    re.IGNORECASE,
)
"""As CUDA, torch, the C library, C++, Rust (tokenizers), cuBLAS and numpy say it."""
_SIZE = re.compile(r"[\s-]+(\d+(?:\.\d+)?)\s*G(?:i?B)?$", re.IGNORECASE)
_NO_GPU = "CPU"
_USUAL_CORES = 8
_USUAL_MEMORY_GB = 32.0
_USUAL_CORE_FLOPS = 50e9


@dataclass(frozen=True)
class Gpu:
    """A graphics card. `tflops`: dense 16-bit tensor operations, 10^12 a second."""

    name: str
    memory_gb: float
    tflops: float


@dataclass(frozen=True)
class Machine:
    """What a plan depends on. Gigabytes are 10^9 bytes."""

    cores: int
    memory_gb: float
    """What one process may have at most: of the machine, or of the container around it."""
    gpu: Gpu | None

    def share(self, processes: int) -> "Machine":
        """What each of so many processes has that work at the same time; a GPU is its own."""
        return replace(self, cores=max(1, self.cores // processes), memory_gb=self.memory_gb / processes)

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        gpu = "no GPU" if self.gpu is None else f"{self.gpu.name} with {self.gpu.memory_gb:.0f} GB"
        return f"{cores}, {self.memory_gb:.0f} GB of memory, {gpu}"


def flops_of(machine: Machine) -> float:
    """Operations a second in products of large matrices: by the data sheet, measured here, or as cores usually do."""
    if machine.gpu is not None:
        return machine.gpu.tflops * 1e12
    if machine == this_machine():
        return _measured_flops()
    return _USUAL_CORE_FLOPS * machine.cores


def _measured_flops() -> float:
    """The best of a few products of 1,024 x 1,024 matrices in 32 bits; a tenth of a second."""
    import numpy as np

    size = 1024
    matrix = np.ones((size, size), dtype=np.float32)
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


@functools.cache
def this_machine() -> Machine:
    """The one that this runs on; the first of its GPUs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(cores, min(psutil.virtual_memory().total, _container_limit()) / 1e9, _first_gpu())


def machine_named(text: str) -> Machine:
    """A machine with the GPU of that name, such as "RTX 4060 8GB", or with none, such as "CPU 16GB".

    It has eight cores, and 32 GB of memory beside the GPU. Raises InputError for a card that the table does not have.
    """
    size = _SIZE.search(text)
    given = float(size[1]) if size else None
    name = text[: size.start()] if size else text
    if name.strip().upper() == _NO_GPU:
        return Machine(_USUAL_CORES, given or _USUAL_MEMORY_GB, None)
    gpu = _known(name, given)
    if gpu is None:
        near = difflib.get_close_matches(name, _cards(), n=5, cutoff=0.3)
        shown = ", ".join(near or list(_cards())[:5])
        raise InputError(f"The table has no card {name!r}; near to it are {shown}.", hint='--for "RTX 4060 8GB"')
    return Machine(_USUAL_CORES, _USUAL_MEMORY_GB, gpu)


def gpu_visible() -> bool:
    """Whether an NVIDIA GPU is there and not hidden by CUDA_VISIBLE_DEVICES; without loading torch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in {"", "-1"}:
        return False
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()  # the second is WSL's


def _first_gpu() -> Gpu | None:
    if not gpu_visible():
        return None
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    try:
        said = subprocess.run(
            [*command, *(["-i", first] if first else [])], capture_output=True, text=True, timeout=20, check=True
        ).stdout
        name, mebibytes = said.splitlines()[0].rsplit(",", 1)
        memory_gb = float(mebibytes) * 2**20 / 1e9
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return _unknown("a GPU that nvidia-smi does not describe", 8.0)
    known = _known(name, memory_gb)
    return known or _unknown(name.strip(), memory_gb)


def _unknown(name: str, memory_gb: float) -> Gpu:
    """A card that the table does not have is taken for a modest one."""
    return Gpu(name, memory_gb, tflops=30.0)


def _known(name: str, memory_gb: float | None) -> Gpu | None:
    """The card of the table whose words a name holds; where there are several, the one with the most."""
    words = f" {_words(name)} "
    found = max((card for card in _cards() if f" {_words(card)} " in words), key=len, default=None)
    if found is None:
        return None
    facts = _cards()[found]
    sizes = facts["memory_gb"] if isinstance(facts["memory_gb"], list) else [facts["memory_gb"]]
    memory = memory_gb if memory_gb is not None else float(min(sizes))
    return Gpu(found, memory, facts["tflops"])


def _words(name: str) -> str:
    """Letters and digits apart: "RTX4060" is "rtx 4060", and "Quadro P1000" holds no "P100"."""
    return " ".join(re.findall(r"[a-z]+|[0-9]+", name.lower()))


@functools.cache
def _cards() -> dict[str, dict[str, Any]]:
    cards: dict[str, dict[str, Any]] = yaml.safe_load((resources.files("imprint") / "gpus.yaml").read_text("utf-8"))
    return cards


def _container_limit() -> float:
    """Bytes that the control group allows; infinity where it sets no limit."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return float(Path(file).read_text(encoding="ascii"))
        except (OSError, ValueError):  # version 2 writes "max"
            continue
    return float("inf")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the GPU or beside it."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and tells_out_of_memory(str(error))


def tells_out_of_memory(text: str) -> bool:
    """Whether a text, such as the end of a log, says that memory ran out."""
    return _FULL.search(text) is not None


def out_of_memory_kills() -> int:
    """How many processes the kernel has killed for memory since it started; 0 where it does not count them."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
