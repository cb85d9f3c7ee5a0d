"""Threads and processes that share a classifier, or train in parallel, give the usual result."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    cross_val_bounds,
)
from tests.helpers.simulated_cuda import NO_FORK, has_real_cuda

IMAGES = (load_digits(n_class=3).images / 16).astype(np.float32)
X, Y = IMAGES.reshape(-1, 64), load_digits(n_class=3).target
CLASSIFIERS = [
    InfoSoftmaxClassifier(max_epochs=3, module__dropout=0.2, random_state=0),
    StochasticInfoClassifier(noise="latent", max_epochs=3, n_draws=8, random_state=0),
]


@pytest.fixture(scope="module", params=CLASSIFIERS, ids=lambda clf: type(clf).__name__)
def fitted(request):
    return clone(request.param).fit(X, Y)


def test_eight_threads_predict_as_one(fitted):
    chunks = [X[start::8] for start in range(8)] * 4
    serial = [fitted.predict_proba(chunk) for chunk in chunks]
    with ThreadPoolExecutor(8) as threads:
        parallel = list(threads.map(fitted.predict_proba, chunks))
    for one, other in zip(serial, parallel, strict=True):
        np.testing.assert_array_equal(one, other)


def test_eight_threads_score_as_one(fitted):
    serial = fitted.score_bounds(X[1:], Y[1:])
    with ThreadPoolExecutor(8) as threads:
        for bounds in threads.map(lambda _: fitted.score_bounds(X[1:], Y[1:]), range(8)):
            assert bounds == serial


def test_eight_threads_mask_as_one():
    classifier = InfoSoftmaxClassifier(max_epochs=3, random_state=0).fit(IMAGES, Y)
    for scoring in ("dense", "paste"):
        masker = InfoMaskTransformer(
            FrozenEstimator(classifier), patch_size=4, patch_scoring=scoring, random_state=0
        ).fit(IMAGES, Y)
        chunks = [IMAGES[start : start + 20] for start in range(0, 160, 20)]
        with ThreadPoolExecutor(8) as threads:
            parallel = np.concatenate(list(threads.map(masker.transform, chunks)))
        np.testing.assert_array_equal(parallel, masker.transform(IMAGES[:160]))


def test_folds_in_threads_are_the_folds_one_by_one(fitted):
    serial = cross_val_bounds(clone(fitted), X, Y, cv=4)
    with joblib.parallel_config("threading"):
        threaded = cross_val_bounds(clone(fitted), X, Y, cv=4, n_jobs=4)
    assert threaded == serial


def predict_and_train(fitted):
    return [
        proba
        for clf in fitted
        for proba in (clf.predict_proba(X), clone(clf).fit(X, Y).predict_proba(X))
    ]


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_processes_predict_and_train_as_one(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system does not {method}")
    if method == "fork" and has_real_cuda():
        pytest.skip(NO_FORK)
    classifiers = [clone(clf).fit(X, Y) for clf in CLASSIFIERS]
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as process:
        results = process.submit(predict_and_train, classifiers).result(timeout=120)
    for result, expected in zip(results, predict_and_train(classifiers), strict=True):
        np.testing.assert_array_equal(result, expected)
