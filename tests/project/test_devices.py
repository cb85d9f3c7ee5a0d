"""Devices, precision and threads: what changes is the time, not the result."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksoftinfo import InfoSoftmaxClassifier
from tests.helpers.simulated_cuda import active_simulation

OPTIONS = {"random_state": 0, "max_epochs": 5, "dtype": "float32"}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, random_state=0)


def half_precision():
    from accelerate import Accelerator

    return Accelerator(cpu=True, mixed_precision="bf16")


def half_precision_on_cuda():
    from accelerate import Accelerator

    return Accelerator(mixed_precision="bf16")


@pytest.fixture
def other_precision():
    """An accelerator's precision is that of its process, unless its state is forgotten."""
    state = pytest.importorskip("accelerate").state
    state.AcceleratorState._reset_state(reset_partial_state=True)
    yield
    state.AcceleratorState._reset_state(reset_partial_state=True)


def assert_close_to_single_precision(accelerator, digits):
    """Eight bits of mantissa in training move the bound by far less than it is sure."""
    X, X_test, y, y_test = digits
    single = InfoSoftmaxClassifier(device="cpu", **OPTIONS).fit(X, y)
    half = InfoSoftmaxClassifier(accelerator=accelerator, **OPTIONS).fit(X, y)
    expected, found = single.score_bounds(X_test, y_test), half.score_bounds(X_test, y_test)
    assert found.mi_lower == pytest.approx(
        expected.mi_lower, abs=expected.standard_errors["mi_lower"]
    )
    assert not np.array_equal(half.predict_proba(X_test), single.predict_proba(X_test))
    np.testing.assert_allclose(half.predict_proba(X_test).sum(axis=1), 1, atol=1e-12)


def test_mixed_precision_through_accelerate(digits, other_precision):
    assert_close_to_single_precision(half_precision, digits)


def test_mixed_precision_on_cuda(cuda, digits, other_precision):
    assert_close_to_single_precision(half_precision_on_cuda, digits)


def test_compiled(digits):
    """On the CPU as far as torch traces it; what Triton makes of it needs a GPU."""
    if active_simulation() is not None:
        pytest.skip("torch traces graphs with tensors of its own")
    device, backend = ("cuda", "inductor") if torch.cuda.is_available() else ("cpu", "aot_eager")
    X, X_test, y, y_test = digits
    options = {"device": device, "compile__backend": backend, **OPTIONS}
    expected = InfoSoftmaxClassifier(**options).fit(X, y)
    compiled = InfoSoftmaxClassifier(compile=True, **options).fit(X, y)
    assert type(compiled.module_).__name__ == "OptimizedModule"
    found = compiled.predict_proba(X_test)
    np.testing.assert_allclose(found, expected.predict_proba(X_test), atol=1e-3)
    compiled.partial_fit(X, y).score_bounds(X_test, y_test)


def test_workers_of_a_search_share_the_cores():
    """joblib sets the inner threads of its workers, and nothing here sets them back."""
    code = (
        "import os, numpy as np, torch\n"
        "from sklearn.model_selection import GridSearchCV\n"
        "from sksoftinfo import InfoSoftmaxClassifier\n"
        "def threads(estimator, X, y):\n"
        "    estimator.predict_proba(X)\n"
        "    return torch.get_num_threads()\n"
        "X, y = np.eye(40), np.arange(40) % 2\n"
        "search = GridSearchCV(InfoSoftmaxClassifier(max_epochs=1), {'lr': [0.1, 0.2]}, cv=2,\n"
        "                      n_jobs=2, scoring=threads, refit=False).fit(X, y)\n"
        "import joblib\n"
        "most = max(1, joblib.cpu_count() // 2)\n"
        "assert max(search.cv_results_['mean_test_score']) <= most\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
