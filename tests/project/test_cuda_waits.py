"""Waits for a GPU and launched kernels, counted on a simulated device."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from torch.utils.data import DataLoader

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._networks.predictions import prediction_batches
from sksoftinfo._networks.prepare import PrepareColumns, learn_inputs
from sksoftinfo._networks.training import has_diverged

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(240, 5)).astype(np.float32), RNG.integers(0, 3, 240)
FAST = {"random_state": 0, "max_epochs": 2, "device": "cuda"}
LOADER = {"iterator_train": DataLoader, "iterator_train__pin_memory": True}
TRAININGS = {
    "default": (InfoSoftmaxClassifier, {}),
    "prior": (InfoSoftmaxClassifier, {"class_prior": "empirical"}),
    "class weight": (InfoSoftmaxClassifier, {"class_weight": "balanced"}),
    "loader": (InfoSoftmaxClassifier, LOADER),
    "additive": (StochasticInfoClassifier, {"n_draws": 4}),
    "latent": (StochasticInfoClassifier, {"noise": "latent", "beta": 0.1, "n_draws": 4, **LOADER}),
    "dropout": (
        StochasticInfoClassifier,
        {"noise": "dropout", "n_draws": 4, "class_prior": "empirical"},
    ),
    "ensemble": (StochasticInfoClassifier, {"noise": "ensemble", "n_draws": 4}),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_waits_of_an_epoch_do_not_grow_with_the_batches(counted_cuda, name):
    kind, options = TRAININGS[name]
    waits = []
    for batch_size in (120, 20):
        clf = kind(batch_size=batch_size, **FAST, **options).fit(X, Y)
        clf.set_params(max_epochs=1)
        counted_cuda.reset()
        clf.partial_fit(X, Y)
        waits.append(counted_cuda.counts["waits"])
    assert waits[1] <= waits[0] <= 6, counted_cuda.places


@pytest.mark.parametrize("name", ["default", "additive", "ensemble"])
def test_waits_of_the_default_training_do_not_grow_with_the_batches(counted_cuda, name):
    kind, options = TRAININGS[name]
    waits = []
    for batch_size in (120, 20):
        clf = kind(
            batch_size=batch_size, class_prior="empirical", early_stopping=True, **FAST, **options
        )
        counted_cuda.reset()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clf.fit(X, Y, np.linspace(0.5, 2, len(Y)))
        assert len(clf.history_) == FAST["max_epochs"]
        waits.append(counted_cuda.counts["waits"])
    # Each weight is copied once before the first epoch.
    assert waits[1] <= waits[0] < 50, counted_cuda.places


def test_waits_of_an_epoch_of_the_default_training(counted_cuda):
    waits = []
    for max_epochs in (2, 4):
        clf = InfoSoftmaxClassifier(early_stopping=True, **{**FAST, "max_epochs": max_epochs})
        counted_cuda.reset()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clf.fit(X, Y)
        waits.append(counted_cuda.counts["waits"])
    # The state of the members, losses of training and held-out rows, and a check for finite
    # values.
    assert waits[1] - waits[0] == 2 * 4, counted_cuda.places


def test_columns_are_prepared_by_few_launches_without_a_wait(counted_cuda):
    """Centres and scales of few or many columns are copied together, from pinned memory."""
    for n_columns in (5, 3000):
        prepare = PrepareColumns(n_columns).to("cuda")
        rows = RNG.normal(size=(200, n_columns))
        counted_cuda.reset()
        learn_inputs(SimpleNamespace(module_=prepare), rows)
        assert counted_cuda.counts["waits"] == 0, counted_cuda.places
        x = torch.as_tensor(rows).to("cuda")
        counted_cuda.reset()
        prepare(x)
        assert counted_cuda.counts["launches"] <= 9


def test_validation_rows_travel_once(counted_cuda):
    clf = InfoSoftmaxClassifier(train_split=0.5, callbacks="disable", batch_size=30, **FAST)
    copies = []
    for epochs in (1, 4):
        counted_cuda.reset()
        clf.set_params(max_epochs=epochs).fit(X, Y)
        copies.append(counted_cuda.counts["to_device_pinned"])
    # The order of the training rows, once for each epoch.
    assert copies[1] - copies[0] == 3


@pytest.mark.parametrize("name", TRAININGS)
def test_a_batch_of_prediction_waits_twice_at_most(counted_cuda, name):
    kind, options = TRAININGS[name]
    clf = kind(batch_size=80, **FAST, **options).fit(X, Y)
    clf.net_.set_params(batch_size=2)
    rows, labels = np.tile(X, (6, 1)), np.tile(Y, 6)
    calls = [
        lambda n: clf.predict_proba(rows[:n]),
        lambda n: clf.score_bounds(rows[:n], labels[:n]),
    ]
    if hasattr(clf, "expected_entropy"):
        calls.append(lambda n: clf.expected_entropy(rows[:n]))
    for call in calls:
        waits, batches = [], []
        for n in (500, 1440):
            counted_cuda.reset()
            call(n)
            waits.append(counted_cuda.counts["waits"])
            batches.append(len(prediction_batches(clf.net_, rows[:n], clf.net_._n_draws)))
        assert batches[1] > batches[0]
        assert waits[1] - waits[0] <= batches[1] - batches[0], counted_cuda.places


@pytest.mark.parametrize("how", ["dense", "crop", "paste"])
def test_a_batch_of_masks_waits_twice_at_most(counted_cuda, how):
    images, labels = RNG.random((96, 8, 8)).astype(np.float32), np.arange(96) % 2
    clf = InfoSoftmaxClassifier(**FAST).fit(images, labels)
    options = {} if how == "dense" else {"stride": 2}
    masker = InfoMaskTransformer(
        FrozenEstimator(clf), patch_scoring=how, patch_size=[2, 4], batch_size=32, **options
    ).fit(images, labels)
    scorer, waits, batches = masker._mapper.scorer, [], []
    for n in (32, 96):
        counted_cuda.reset()
        masker.transform(images[:n])
        waits.append(counted_cuda.counts["waits"])
        patches = 0 if how == "dense" else sum(-(-n * len(grid) // 32) for grid in scorer.grids)
        batches.append(patches + -(-n // scorer.images_per_batch))
    assert waits[1] - waits[0] <= 2 * (batches[1] - batches[0]), counted_cuda.places


def test_one_look_at_weights_and_averages(counted_cuda):
    """A few kernels check all changes of a training, however many layers there are."""
    launches = []
    for sizes in ((8,), (8,) * 9):
        clf = InfoSoftmaxClassifier(module__hidden_sizes=sizes, **FAST).fit(X, Y)
        counted_cuda.reset()
        assert not has_diverged(clf.net_)
        launches.append(counted_cuda.counts["launches"])
        assert counted_cuda.counts["waits"] == 1
    assert launches[0] == launches[1] <= 5
    averages = clf.net_.optimizer_.state
    next(iter(averages.values()))["exp_avg_sq"][0, 0] = np.inf
    assert has_diverged(clf.net_)


def test_batches_of_prediction_are_larger_on_a_gpu(counted_cuda):
    rows = np.tile(X, (40, 1))
    n_batches = {}
    for device in ("cpu", "cuda"):
        clf = InfoSoftmaxClassifier(batch_size=8, **{**FAST, "device": device}).fit(X, Y)
        n_batches[device] = len(prediction_batches(clf.net_, rows))
    assert n_batches["cuda"] == 5 < n_batches["cpu"] == 38
