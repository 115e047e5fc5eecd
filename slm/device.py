"""Which device, which number format, how many threads, which seed.

Nothing here runs at import; `training/__main__.py` and the command line decide.
"""

import random

import numpy as np
import torch

from slm import machine


def best_device() -> str:
    """`cuda` or `mps` where PyTorch finds one, else `cpu`."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def default_dtype(device: str) -> torch.dtype:
    """bfloat16 on CUDA devices that compute in it, float32 elsewhere."""
    if device.startswith("cuda") and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float32


def set_threads(n_threads: int | None) -> int:
    """Use `n_threads` CPU threads (None: all cores that are its own); returns how many are in use.

    A resumed run repeats bit for bit only with the number it started with.
    """
    torch.set_num_threads(n_threads or machine.own_cores())
    return torch.get_num_threads()


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators, on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
