"""What a machine has, and what counts as memory that ran out."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from imprint.errors import InputError
from imprint.machine import (
    _cards,
    flops_of,
    is_out_of_memory,
    machine_named,
    out_of_memory_kills,
    tells_out_of_memory,
    this_machine,
)


def test_which_errors_say_that_memory_ran_out() -> None:
    with pytest.raises(RuntimeError) as on_the_cpu:
        torch.empty(1 << 60)
    assert is_out_of_memory(on_the_cpu.value)
    with pytest.raises(MemoryError) as in_numpy:
        np.empty(1 << 60, dtype=np.int8)
    assert is_out_of_memory(in_numpy.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.parametrize(
    ("log", "is_full"),
    [
        ("memory allocation of 1048576 bytes failed\nstack backtrace:", True),
        ("terminate called after throwing an instance of 'std::bad_alloc'", True),
        ("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("free(): invalid pointer", False),
        ("", False),
    ],
)
def test_what_a_process_said_last(log: str, is_full: bool) -> None:
    assert tells_out_of_memory(log) is is_full


def test_the_kernels_count() -> None:
    assert out_of_memory_kills() >= 0


@pytest.mark.parametrize(
    ("text", "card", "gigabytes"),
    [
        ("RTX 4060 8GB", "RTX 4060", 8),
        ("rtx4090", "RTX 4090", 24),
        ("NVIDIA GeForce RTX 4060 Ti", "RTX 4060 Ti", 8),
        ("NVIDIA GeForce RTX 4060 Ti 16 GiB", "RTX 4060 Ti", 16),
        ("Tesla T4", "T4", 16),
        ("A100-SXM4-80GB", "A100", 80),
        ("NVIDIA L40S", "L40S", 48),
    ],
)
def test_a_machine_by_the_name_of_its_card(text: str, card: str, gigabytes: float) -> None:
    machine = machine_named(text)
    assert machine.gpu is not None
    assert (machine.gpu.name, machine.gpu.memory_gb) == (card, gigabytes)
    assert flops_of(machine) == machine.gpu.tflops * 1e12


def test_a_machine_without_one() -> None:
    machine = machine_named("cpu 16 GB")
    assert (machine.gpu, machine.memory_gb) == (None, 16)
    assert flops_of(machine) > 1e10


@pytest.mark.parametrize("text", ["Quadro P1000", "Voodoo 2", "", "8GB"])
def test_a_card_that_the_table_does_not_have(text: str) -> None:
    with pytest.raises(InputError, match="The table has no card"):
        machine_named(text)


def test_the_table_of_cards() -> None:
    for name, card in _cards().items():
        assert set(card) == {"memory_gb", "tflops"}, name
        assert machine_named(name).gpu is not None


def test_this_machine() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.memory_gb > 0.5
    assert flops_of(machine) > 1e8


SMI = '#!/bin/sh\necho "{}"\nexit {}\n'


@pytest.mark.parametrize(
    ("says", "code", "name", "gigabytes"),
    [
        ("NVIDIA GeForce RTX 4070, 12282", 0, "RTX 4070", 12.9),
        ("NVIDIA Something New, 20000", 0, "NVIDIA Something New", 21.0),
        ("NVIDIA-SMI has failed", 9, "a GPU that nvidia-smi does not describe", 8.0),
    ],
)
def test_a_gpu_as_nvidia_smi_tells_it(
    says: str, code: int, name: str, gigabytes: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(SMI.format(says, code))
    program.chmod(0o755)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/nvidiactl" or exists(path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    gpu = this_machine.__wrapped__().gpu
    assert gpu is not None
    assert (gpu.name, round(gpu.memory_gb, 1)) == (name, gigabytes)
