"""Device, precision and threads change the time, but not the result."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, train_test_split

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    load,
    save,
)
from sksoftinfo._networks import predict_logits
from sksoftinfo.export import log_proba_module

OPTIONS = {"random_state": 0, "max_epochs": 5, "dtype": "float32"}
FAST = {"random_state": 0, "max_epochs": 2}


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
    """The precision of an accelerator is fixed in its process, unless its state is reset."""
    state = pytest.importorskip("accelerate").state
    state.AcceleratorState._reset_state(reset_partial_state=True)
    yield
    state.AcceleratorState._reset_state(reset_partial_state=True)


def assert_close_to_single_precision(accelerator, digits):
    """Training with eight bits of mantissa moves the bound by far less than its standard error."""
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


def small(digits):
    X, _, y, _ = digits
    return X[:400], y[:400]


def pictures(X):
    return X.reshape(-1, 8, 8).astype(np.float32)


NETWORKS = {
    "table": (InfoSoftmaxClassifier, {}),
    "weights": (InfoSoftmaxClassifier, {"class_prior": "empirical", "class_weight": "balanced"}),
    "images": (InfoSoftmaxClassifier, {}),
    "additive": (StochasticInfoClassifier, {"n_draws": 4}),
    "bottleneck": (
        StochasticInfoClassifier,
        {"noise": "latent", "beta": 0.01, "n_draws": 4, "class_prior": "empirical"},
    ),
    "gaussian": (StochasticInfoClassifier, {"noise": "gaussian", "beta": 0.01, "n_draws": 4}),
    "dropout": (StochasticInfoClassifier, {"noise": "dropout", "n_draws": 4, "objective": "dv"}),
    "ensemble": (StochasticInfoClassifier, {"noise": "ensemble", "n_draws": 4}),
}


@pytest.mark.parametrize(
    ("name", "device"),
    [*((name, "cpu") for name in NETWORKS), ("images", "cuda"), ("bottleneck", "cuda")],
)
def test_half_precision_by_a_word(cuda, device, name, digits):
    """Weights and bounds keep their precision, and bounds equal the bounds in single precision."""
    X, X_test, y, y_test = digits
    if name == "images":
        X, X_test = pictures(X), pictures(X_test)
    kind, options = NETWORKS[name]
    options = {**options, **OPTIONS, "device": device}
    seen = []
    single = kind(**options).fit(X, y)
    half = kind(precision="bf16", **{**options, "dtype": "auto"}).fit(X, y)
    half.module_.apply(lambda part: part.register_forward_hook(lambda *all: seen.append(all[2])))
    assert half.net_.dtype == torch.float32
    assert {weight.dtype for weight in half.module_.parameters()} == {torch.float32}
    expected, found = single.score_bounds(X_test, y_test), half.score_bounds(X_test, y_test)
    for bound in ("mi_lower", "log_softmax"):
        assert getattr(found, bound) == pytest.approx(
            getattr(expected, bound), abs=expected.standard_errors[bound]
        )
    assert any(part.dtype == torch.bfloat16 for part in seen if torch.is_tensor(part))
    proba = half.predict_proba(X_test)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    rows = X_test[:2, None] if name == "images" else X_test[:2]
    assert next(half.net_.forward_iter(rows)).dtype == torch.float32


def test_half_precision_goes_along(digits, tmp_path):
    """Half precision works with clones, files, searches and further training, or raises."""
    pytest.importorskip("safetensors")
    X, y = small(digits)
    for clf in (
        InfoSoftmaxClassifier(precision="bf16", **FAST),
        StochasticInfoClassifier(precision="bf16", noise="latent", n_draws=3, **FAST),
    ):
        assert clone(clf).get_params()["precision"] == "bf16"
        expected = clf.fit(X, y).predict_proba(X)
        save(clf, tmp_path / "classifier")
        for again in (load(tmp_path / "classifier"), pickle.loads(pickle.dumps(clf))):
            np.testing.assert_array_equal(again.predict_proba(X), expected)
            again.partial_fit(X, y)
        with pytest.raises(ValueError, match="`precision` must be as in"):
            clf.set_params(precision="full").partial_fit(X, y)
        with pytest.raises(ValueError, match="`precision` must be as in"):
            save(clf, tmp_path / "classifier")
    search = GridSearchCV(InfoSoftmaxClassifier(**FAST), {"precision": ["full", "bf16"]}, cv=2)
    full, half = search.fit(X, y).cv_results_["mean_test_score"]
    assert half == pytest.approx(full, abs=0.1)
    with pytest.raises(ValueError, match="`precision` must be 'full' where dtype='float64'"):
        InfoSoftmaxClassifier(precision="bf16", dtype="float64").fit(X, y)
    with pytest.raises(ValueError, match="'precision' parameter .* must be a str among"):
        InfoSoftmaxClassifier(precision="fp8").fit(X, y)


def test_half_precision_of_a_module_and_of_rows(digits):
    """Logits that a module returns in 16 bits are cast to 32 bits, and large rows are refused."""

    class Halving(torch.nn.Linear):
        def forward(self, x):
            return super().forward(x).bfloat16()

    X, y = small(digits)
    module = Halving(64, 10)
    for precision in ("full", "bf16"):
        clf = InfoSoftmaxClassifier(module, precision=precision, **FAST).fit(X, y)
        assert predict_logits(clf.net_, X).dtype == np.float64
        clf.score_bounds(X[1:] + 1e-3, y[1:])
    rows = X * 1e300
    with pytest.raises(ValueError, match="infinity or a value too large for float32"):
        InfoSoftmaxClassifier(precision="bf16", **FAST).fit(rows, y)


def test_masks_and_exported_modules_of_half_precision(digits):
    X, y = small(digits)
    images = pictures(X)
    clf = InfoSoftmaxClassifier(precision="bf16", **FAST).fit(images, y)
    for how, options in (("dense", {}), ("crop", {"stride": 4})):
        masker = InfoMaskTransformer(
            FrozenEstimator(clf), patch_scoring=how, patch_size=4, random_state=0, **options
        ).fit(images, y)
        assert masker.transform(images[:5]).shape == (5, 8, 8)
    with torch.no_grad():
        found = log_proba_module(clf)(torch.as_tensor(images[:50, None]))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), clf.predict_log_proba(images[:50]), atol=0.1)


@pytest.mark.parametrize("name", ["images", "bottleneck"])
def test_compiled(name, digits, tmp_path):
    """The CPU tests the part that torch traces; code that Triton compiles needs a GPU."""
    device, backend = ("cuda", "inductor") if torch.cuda.is_available() else ("cpu", "aot_eager")
    X, y = small(digits)
    if name == "images":
        X = pictures(X)
    kind, options = NETWORKS[name]
    options = {**options, **FAST, "device": device, "dtype": "float32"}
    expected = kind(**options).fit(X, y)
    compiled = kind(compile=True, compile__backend=backend, **options).fit(X, y)
    assert type(compiled.module_).__name__ == "OptimizedModule"
    found = compiled.predict_proba(X)
    np.testing.assert_allclose(found, expected.predict_proba(X), atol=1e-3)
    save(compiled, tmp_path / "classifier")
    read = load(tmp_path / "classifier", compile=True, compile__backend=backend)
    np.testing.assert_allclose(read.predict_proba(X), found, atol=1e-6)
    copied = pickle.loads(pickle.dumps(compiled))
    np.testing.assert_allclose(copied.predict_proba(X), found, atol=1e-6)
    compiled.partial_fit(X, y)
    if name == "images":
        masker = InfoMaskTransformer(FrozenEstimator(compiled), patch_size=4, random_state=0)
        assert masker.fit(X, y).patch_scoring_ == "dense"
        log_proba_module(compiled)(torch.as_tensor(X[:2, None]))


def test_workers_of_a_search_share_the_cores():
    """joblib sets the number of inner threads of its workers, which the package must not reset."""
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
