"""Run the tests once more where there is a simulated CUDA device, which ``device="auto"`` takes.

Use: ``python -m pytest -p tests.helpers.cuda_plugin``. Of all tests those are run that may do
something else there: tests of files that know a network, an estimator or torch, unless the tests
bring a device of their own. Of the cases of one test the first, the middle and the last are run,
for a device makes little difference between them; ``--all-cases`` runs all.
"""

import contextlib
from types import ModuleType

import pytest
import torch

from .simulated_cuda import UNAVAILABLE, NotSimulated, simulated_cuda

_simulation = contextlib.ExitStack()
# Fixtures that are a device.
_DEVICES = {"cuda", "counted_cuda", "mps"}
# What builds, trains or runs networks.
_OF_NETWORKS = tuple(
    f"sksoftinfo.{name}"
    for name in ("_classifiers", "_networks", "_masking", "_evaluation", "_command_line", "export")
)


def pytest_addoption(parser):
    parser.addoption(
        "--all-cases", action="store_true", help="run each case of a test on the simulated device"
    )


def pytest_configure(config):
    if UNAVAILABLE is None:
        _simulation.enter_context(simulated_cuda())


def pytest_report_header(config):
    return "CUDA: " + (UNAVAILABLE or "simulated, see tests/helpers/simulated_cuda.py")


def pytest_collection_modifyitems(config, items):
    """Leave out tests that the device is nothing to, or that have been run on one."""
    cases = {}
    for item in items:
        if _asks_for_a_device(item) and not _DEVICES & set(getattr(item, "fixturenames", ())):
            cases.setdefault((item.path, getattr(item, "originalname", item.name)), []).append(
                item
            )
    kept = set()
    for some in cases.values():
        if not config.getoption("--all-cases"):
            some = {some[0], some[len(some) // 2], some[-1]}
        kept.update(some)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def _asks_for_a_device(item):
    module = getattr(item, "module", None)
    if module is None or module.__name__.startswith("tests.helpers"):
        return False
    return any(_knows_a_device(value, module.__name__) for value in vars(module).values())


def _knows_a_device(value, own_name):
    """Return whether a name in a test's file is torch, or leads to a network."""
    if value is torch:
        return True
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if not isinstance(name, str) or name == own_name:
        return False
    return name.startswith(("tests.", "torch.nn", *_OF_NETWORKS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Skip what needs something of a GPU that is not simulated, for the reason that it gives."""
    try:
        return (yield)
    except Exception as error:
        for cause in _chain(error):
            if isinstance(cause, NotSimulated):
                pytest.skip(str(cause))
        raise


def _chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def pytest_unconfigure(config):
    _simulation.close()
