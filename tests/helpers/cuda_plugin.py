"""Run every test where there is a simulated CUDA device, which ``device="auto"`` takes.

Use: ``python -m pytest -p tests.helpers.cuda_plugin``.
"""

import contextlib

from .simulated_cuda import UNAVAILABLE, simulated_cuda

_simulation = contextlib.ExitStack()


def pytest_configure(config):
    if UNAVAILABLE is None:
        _simulation.enter_context(simulated_cuda())


def pytest_report_header(config):
    return "CUDA: " + (UNAVAILABLE or "simulated, see tests/helpers/simulated_cuda.py")


def pytest_unconfigure(config):
    _simulation.close()
