"""Fixtures and settings of all tests: one thread, repeatable examples, a CUDA device."""

import os

import pytest
import torch
from hypothesis import settings

from .helpers.simulated_cuda import UNAVAILABLE, simulated_cuda, some_cuda

# Small networks gain nothing from threads, which slow down a loaded machine.
torch.set_num_threads(1)
os.environ.setdefault("SCIPY_ARRAY_API", "1")
settings.register_profile("sksoftinfo", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("sksoftinfo")


@pytest.fixture
def cuda():
    """A CUDA device, real or simulated; `elsewhere` runs a function without the device."""
    if UNAVAILABLE is not None and not torch.cuda.is_available():
        pytest.skip(UNAVAILABLE)
    with some_cuda() as device:
        yield device


@pytest.fixture
def counted_cuda():
    """A simulated CUDA device, which counts launches and waits."""
    if UNAVAILABLE is not None:
        pytest.skip(UNAVAILABLE)
    with simulated_cuda(trace=True) as device:
        yield device
