"""What counts as memory that ran out."""

import errno

import numpy as np
import pytest
import torch

from imprint.machine import is_out_of_memory, out_of_memory_kills, tells_out_of_memory


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
