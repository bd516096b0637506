"""Holds what trains to the memory of a smaller GPU, for train_gpu.py, which starts Imprint with this on PYTHONPATH.

SMALL_GPU_GB=N: the process gets N gigabytes (10^9 bytes) of the GPU, CUDA's own aside; more is out of memory.
"""

import os
import sys

if "SMALL_GPU_GB" in os.environ and "imprint.worker" in sys.orig_argv and "adapter" in sys.orig_argv:
    import torch

    if torch.cuda.is_available():
        whole = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, float(os.environ["SMALL_GPU_GB"]) * 1e9 / whole))
