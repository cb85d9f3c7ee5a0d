"""Run the tests again on a simulated CUDA device, which ``device="auto"`` chooses.

Use: ``python -m pytest -p tests.helpers.cuda_plugin``. The plugin selects the tests and doctests
whose names lead to torch, or to code that builds, trains or runs networks (see `reach`), unless
the tests use a device of their own. Tests marked by ``long_training`` are left out: they check the
result of learning, and short trainings show that the device agrees with the CPU. For the same
reason, the default training of a table takes a sixth of its epochs here. The first, the middle and
the last case of each test are run, since the device makes little difference between cases.
``--all-cases`` runs all cases, and ``--all-tests`` runs all tests, with all epochs: then a test
fails if it uses the device although `reach` does not select it.

A test that needs an unsimulated function of a GPU is skipped at the call of that function, for the
reason that `NotSimulated` gives.
"""

import contextlib
import dataclasses
from unittest import mock

import pytest

from sksoftinfo._classifiers import info_softmax, stochastic_info
from sksoftinfo._classifiers.plan import plan_training

from .reach import reaches_a_device
from .simulated_cuda import UNAVAILABLE, NotSimulated, simulated_cuda

_simulation = contextlib.ExitStack()
_devices = []
_left_out = set()
# Factor by which the default training of a table is shorter.
_SHORTER = 6
# Fixtures that provide a device.
_DEVICES = {"cuda", "counted_cuda", "mps"}


def pytest_addoption(parser):
    parser.addoption(
        "--all-cases", action="store_true", help="run each case of a test on the simulated device"
    )
    parser.addoption(
        "--all-tests",
        action="store_true",
        help="run tests of long trainings, and those to which the device should be nothing",
    )


def pytest_configure(config):
    if not config.getoption("--all-tests"):
        for module in (info_softmax, stochastic_info):
            _simulation.enter_context(mock.patch.object(module, "plan_training", _short_plan))
    if UNAVAILABLE is None:
        _devices.append(_simulation.enter_context(simulated_cuda()))


def _short_plan(classifier, X, *args, **options):
    plan = plan_training(classifier, X, *args, **options)
    if X.ndim != 2 or plan.epochs is None or classifier.max_epochs != "auto":
        return plan
    return dataclasses.replace(plan, epochs=-(-plan.epochs // _SHORTER))


def pytest_report_header(config):
    return "CUDA: " + (UNAVAILABLE or "simulated, see tests/helpers/simulated_cuda.py")


def pytest_collection_modifyitems(config, items):
    """Leave out tests that do not use a device, and tests that have been run on one."""
    cases, kept = {}, set()
    for item in items:
        if _has_been_run(item):
            continue
        is_long = item.get_closest_marker("long_training")
        if is_long or not reaches_a_device(item):
            if not is_long:
                _left_out.add(item.nodeid)
            if not config.getoption("--all-tests"):
                continue
        cases.setdefault((item.path, getattr(item, "originalname", item.name)), []).append(item)
    for some in cases.values():
        if not config.getoption("--all-cases"):
            some = {some[0], some[len(some) // 2], some[-1]}
        kept.update(some)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def _has_been_run(item):
    module = getattr(item, "module", None)
    of_helpers = module is not None and module.__name__.startswith("tests.helpers")
    return of_helpers or bool(_DEVICES & set(getattr(item, "fixturenames", ())))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Skip tests whose fixtures need an unsimulated function."""
    with _skipping_not_simulated():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Skip tests that need an unsimulated function, and check `reach` by the launched kernels."""
    before = [device.counts["launches"] for device in _devices]
    with _skipping_not_simulated():
        result = yield
    if before != [device.counts["launches"] for device in _devices]:
        assert item.nodeid not in _left_out, "works on the device, and would be left out"
    return result


@contextlib.contextmanager
def _skipping_not_simulated():
    try:
        yield
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
