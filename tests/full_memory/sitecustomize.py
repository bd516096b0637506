"""Lets memory run out in the process that trains, for tests which start Imprint with this folder on PYTHONPATH.

FULL_MEMORY_ROWS=N: a pass with more rows than N fails as CUDA does, from the 15th on. FULL_MEMORY_EVALUATED=N: the same
in evaluations, at once. FULL_MEMORY_ABORT_ROWS=N: from the 15th pass on, the process ends as one does in which a
library written in Rust gets no memory. FULL_MEMORY_MB=N: from the 15th pass on, the process gets N megabytes beside
what it has, and the machine itself refuses more; with a low MALLOC_MMAP_THRESHOLD_, what was freed has gone back.
"""

import os
import resource
import runpy
import sys
from pathlib import Path
from typing import Any

runpy.run_path(
    str(Path(__file__).resolve().parent.parent / "no_network" / "sitecustomize.py"), run_name="sitecustomize"
)

PASSES_BEFORE = 15
ASKS = 4095
"""The token <|user|> of the embedded base. Each row has it once, also where several lie in one sequence."""


def _watch() -> None:
    import torch

    most = {
        True: int(os.environ.get("FULL_MEMORY_ROWS", sys.maxsize)),
        False: int(os.environ.get("FULL_MEMORY_EVALUATED", sys.maxsize)),
    }
    passes = 0

    def look(module: Any, inputs: tuple[Any, ...]) -> None:
        nonlocal passes
        if not isinstance(module, torch.nn.Embedding):
            return
        passes += module.training
        if module.training and passes < PASSES_BEFORE:
            return
        if passes == PASSES_BEFORE and module.training and "FULL_MEMORY_MB" in os.environ:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + int(os.environ["FULL_MEMORY_MB"]) * 1_000_000
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        rows = int((inputs[0] == ASKS).sum())
        if rows > int(os.environ.get("FULL_MEMORY_ABORT_ROWS", sys.maxsize)):
            os.write(2, b"memory allocation of 1048576 bytes failed\n")
            os.abort()
        if rows > most[module.training]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate more than this test allows.")

    torch.nn.modules.module.register_module_forward_pre_hook(look)


if "imprint.worker" in sys.orig_argv and "adapter" in sys.orig_argv:
    _watch()
