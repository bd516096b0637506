"""What the machine says when its memory runs out: in an error, in a log, in the kernel's own count."""

import errno
import re
from pathlib import Path

_FULL = re.compile(
    r"out of memory|can(no|')t allocate memory|bad_alloc|memory allocation of \d+ bytes failed|ALLOC_FAILED"
    r"|unable to allocate",
    re.IGNORECASE,
)
"""As CUDA, torch, the C library, C++, Rust (tokenizers), cuBLAS and numpy say it."""


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
