"""The choice of a device, its capabilities, its memory, and the state that it restores."""

import multiprocessing
import threading
from unittest import mock

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.frozen import FrozenEstimator
from skorch.callbacks import Callback

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    load,
    save,
)
from sksoftinfo._networks import is_out_of_memory, naming_batch_size, resolve_device
from sksoftinfo._networks.device import download
from tests._classifiers.test_info_softmax import TinyNet
from tests.helpers.simulated_cuda import NO_FORK, UNAVAILABLE, has_real_cuda, simulated_cuda

simulation = pytest.mark.skipif(UNAVAILABLE is not None, reason=str(UNAVAILABLE))
X, Y = load_iris(return_X_y=True)
DIGITS = load_digits(n_class=2)
IMAGES, DIGIT = (DIGITS.images[:60] / 16).astype(np.float32), DIGITS.target[:60]
FAST = {"random_state": 0, "max_epochs": 2, "batch_size": 100}


@pytest.fixture
def mps():
    with simulated_cuda(kind="mps") as device:
        yield device


def test_auto_takes_the_first_that_works():
    found = {"cuda": torch.cuda, "xpu": torch.xpu, "mps": torch.backends.mps}
    works = "sksoftinfo._networks.device._works"
    for there, working, taken in (
        (["cuda", "xpu", "mps"], ["cuda", "xpu", "mps"], "cuda"),
        (["xpu", "mps"], ["xpu", "mps"], "xpu"),
        (["cuda", "mps"], ["mps"], "mps"),
        (["cuda"], [], "cpu"),
        ([], [], "cpu"),
    ):
        with mock.patch(works, lambda kind, working=working: kind in working):
            for kind, backend in found.items():
                mock.patch.object(
                    backend, "is_available", lambda kind=kind, there=there: kind in there
                ).start()
            try:
                assert resolve_device("auto") == taken
            finally:
                mock.patch.stopall()


@simulation
def test_double_precision_stays_where_there_is_some(mps):
    assert resolve_device("auto", torch.float32) == "mps"
    assert resolve_device("auto", torch.float64) == "cpu"
    clf = InfoSoftmaxClassifier(**FAST).fit(X, Y)
    assert clf.net_.device == "cpu" and clf.net_.dtype == torch.float64
    assert InfoSoftmaxClassifier(**FAST).fit(IMAGES, DIGIT).net_.device == "mps"
    assert InfoSoftmaxClassifier(**FAST).fit(X.astype(np.float32), Y).net_.device == "mps"


@simulation
def test_a_device_without_double_precision_converts_and_warns(mps):
    with pytest.warns(UserWarning, match="device 'mps' has no double precision"):
        clf = InfoSoftmaxClassifier(device="mps", **FAST).fit(X, Y)
    assert clf.module_.head.weight.is_mps and clf.net_.dtype == torch.float32
    assert clf.predict_proba(X).dtype == np.float64


@simulation
@pytest.mark.parametrize(
    "clf",
    [
        InfoSoftmaxClassifier(class_prior="empirical", class_weight="balanced"),
        InfoSoftmaxClassifier(TinyNet, train_split=0.2),
        StochasticInfoClassifier(noise="latent", beta=0.1, class_prior="empirical", n_draws=3),
        StochasticInfoClassifier(noise="dropout", n_draws=3),
        StochasticInfoClassifier(noise="gaussian", beta=0.1, n_draws=3, objective="dv"),
    ],
    ids=["weights", "module", "latent", "dropout", "gaussian"],
)
def test_single_precision_throughout(mps, clf):
    rows, weight = X.astype(np.float32), np.linspace(0.5, 2, len(Y))
    on_mps, on_cpu = (
        type(clf)(**{**clf.get_params(), **FAST, "device": device}).fit(rows, Y, weight)
        for device in ("mps", "cpu")
    )
    assert next(on_mps.module_.parameters()).is_mps
    np.testing.assert_allclose(on_mps.predict_proba(rows), on_cpu.predict_proba(rows), atol=1e-5)
    found, expected = (one.score_bounds(rows[1:], Y[1:]) for one in (on_mps, on_cpu))
    assert found.mi_lower == pytest.approx(expected.mi_lower, abs=1e-5)


@simulation
@pytest.mark.parametrize("how", ["dense", "crop", "paste"])
def test_masks_in_single_precision(mps, how):
    options = {} if how == "dense" else {"stride": 4}
    masker = InfoMaskTransformer(patch_scoring=how, patch_size=4, random_state=0, **options)
    masker.fit(IMAGES, DIGIT)
    assert masker.estimator_.net_.device == "mps"
    assert masker.transform(IMAGES).shape == IMAGES.shape


def test_generators_are_given_back(cuda):
    for where in ("cpu", "cuda"):
        torch.rand(1, device=where)
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    InfoSoftmaxClassifier(device="cuda", module__dropout=0.5, **FAST).fit(X, Y).predict(X)
    for one, other in zip(
        before, (torch.get_rng_state(), torch.cuda.get_rng_state()), strict=True
    ):
        assert torch.equal(one, other)


@simulation
@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_out_of_memory_names_the_batch_size(kind):
    rows = X.astype(np.float32)
    with simulated_cuda(kind=kind) as device:
        clf = InfoSoftmaxClassifier(device=kind, **FAST)
        noisy = StochasticInfoClassifier(device=kind, n_draws=64, **FAST).fit(rows, Y)
        fitted = InfoSoftmaxClassifier(device=kind, **FAST).fit(rows, Y)
        for memory, call in (
            (20_000, lambda: clf.fit(rows, Y)),
            (1000, lambda: fitted.predict_proba(rows)),
            (1000, lambda: fitted.score_bounds(rows[1:], Y[1:])),
            (9000, lambda: noisy.predict_proba(rows)),
            (9000, lambda: noisy.expected_entropy(rows)),
        ):
            device.memory = memory
            with pytest.raises(torch.OutOfMemoryError, match="lower batch_size=100"):
                call()
            device.memory = 1 << 30


@simulation
@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_full_device_chooses_neither_the_scoring_nor_the_device(kind):
    with simulated_cuda(kind=kind) as device:
        clf = InfoSoftmaxClassifier(device=kind, **FAST).fit(IMAGES, DIGIT)
        many = np.tile(IMAGES, (5, 1, 1))
        for how, batch_size, memory in (("crop", 100, 100_000), ("auto", 256, 300_000)):
            masker = InfoMaskTransformer(
                FrozenEstimator(clf), patch_scoring=how, patch_size=4, random_state=0
            )
            device.memory = 4000
            with pytest.raises(RuntimeError, match="out of memory"):
                masker.fit(IMAGES, DIGIT)
            device.memory = 1 << 30
            masker.fit(IMAGES, DIGIT)
            # Allow more memory than a copy of the weights takes, and less than the images take.
            device.memory = memory
            with pytest.raises(torch.OutOfMemoryError, match=f"lower batch_size={batch_size}"):
                masker.transform(many)
            device.memory = 1 << 30
        assert masker.patch_scoring_ == "dense"
        device.memory = 0
        for name in ("auto", kind):
            with pytest.raises(RuntimeError, match="out of memory"):
                InfoSoftmaxClassifier(device=name, **FAST).fit(IMAGES, DIGIT)


def test_what_says_that_memory_is_short():
    of_device = (
        "MPS backend out of memory (MPS allocated: 8.10 GB, max allowed: 9.07 GB).",
        "CUDA error: out of memory",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    )
    of_host = [
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:72] DefaultCPUAllocator: not enough memory"),
        MemoryError(),
    ]
    for allocate in (lambda: np.empty(1 << 50), lambda: torch.empty(1 << 50, device="cpu")):
        # NumPy's error is built from a shape and a dtype, without a message.
        with pytest.raises((MemoryError, RuntimeError)) as raised:
            allocate()
        of_host.append(raised.value)
    cases = [(RuntimeError(text), torch.OutOfMemoryError, "device") for text in of_device]
    cases += [(error, MemoryError, "host") for error in of_host]
    for error, kind, where in cases:
        assert is_out_of_memory(error)
        wanted = f"The {where} is out of memory: .*lower batch_size=7"
        with pytest.raises(kind, match=wanted), naming_batch_size(9):
            with naming_batch_size(7):
                raise error
        with pytest.raises(kind, match="lower batch_size=7 or zoom=4"):
            with naming_batch_size(7, "zoom=4"):
                raise error
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_download_is_one(counted_cuda):
    tensors = [torch.ones(2, 3), torch.zeros(0), torch.arange(4.0)]
    counted_cuda.reset()
    found = download([tensor.pin_memory().to("cuda") for tensor in tensors])
    assert counted_cuda.counts["waits"] == 1
    for array, tensor in zip(found, tensors, strict=True):
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, tensor.numpy())


@pytest.fixture(params=["no_grad", "inference_mode", "meta"])
def callers_torch(request):
    if request.param == "meta":
        return lambda: torch.device("meta")
    return getattr(torch, request.param)


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_one_row_and_files_in_the_callers_torch(callers_torch, estimator, tmp_path):
    pytest.importorskip("safetensors")
    clf = estimator(device="cpu", **FAST).fit(X, Y)
    expected = clf.predict_proba(X)
    with callers_torch():
        one = clf.predict_proba(X[:1])
        save(clf, tmp_path / "classifier")
        loaded = load(tmp_path / "classifier")
        found = loaded.predict_proba(X)
        one_of_tensor = clf.predict_proba(torch.tensor(X[:1].tolist(), device="cpu").double())
    np.testing.assert_allclose(one, expected[:1])
    np.testing.assert_allclose(one_of_tensor, expected[:1], atol=1e-6)
    np.testing.assert_array_equal(found, expected)
    loaded.partial_fit(X, Y)


@pytest.mark.parametrize("options", [{}, {"patch_scoring": "crop", "stride": 4}])
def test_masks_in_the_callers_torch(callers_torch, options):
    masker = InfoMaskTransformer(
        InfoSoftmaxClassifier(device="cpu", **FAST), patch_size=4, random_state=0, **options
    )
    expected = masker.fit(IMAGES, DIGIT).transform(IMAGES)
    scoring = masker.patch_scoring_
    with callers_torch():
        np.testing.assert_array_equal(masker.transform(IMAGES), expected)
        found = masker.fit(IMAGES, DIGIT).transform(IMAGES)
    assert masker.patch_scoring_ == scoring
    np.testing.assert_array_equal(found, expected)


def fit_in_child(queue):
    queue.put(InfoSoftmaxClassifier(**FAST).fit(X, Y).score(X, Y))


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_child_trains_though_a_thread_of_its_parent_was_training():
    if has_real_cuda():
        pytest.skip(NO_FORK)
    training, forked = threading.Event(), threading.Event()

    class Waits(Callback):
        def on_epoch_begin(self, net, **kwargs):
            training.set()
            forked.wait(60)

    clf = InfoSoftmaxClassifier(callbacks=[Waits], **{**FAST, "max_epochs": 1})
    thread = threading.Thread(target=clf.fit, args=(X, Y))
    thread.start()
    training.wait(60)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=fit_in_child, args=(queue,))
    child.start()
    forked.set()
    thread.join()
    try:
        assert queue.get(timeout=60) > 0.3
    finally:
        child.kill()
        child.join()
