"""What a GPU is made to wait for, and what it is made to launch, counted on a simulated device."""

import numpy as np
import pytest
from torch.utils.data import DataLoader

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._networks.predictions import prediction_batches

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(240, 5)).astype(np.float32), RNG.integers(0, 3, 240)
FAST = {"random_state": 0, "max_epochs": 2, "device": "cuda"}
LOADER = {"iterator_train": DataLoader, "iterator_train__pin_memory": True}
TRAININGS = {
    "default": (InfoSoftmaxClassifier, {}),
    "prior": (InfoSoftmaxClassifier, {"class_prior": "empirical"}),
    "class weight": (InfoSoftmaxClassifier, {"class_weight": "balanced"}),
    "loader": (InfoSoftmaxClassifier, LOADER),
    "additive": (StochasticInfoClassifier, {"noise": "additive"}),
    "latent": (StochasticInfoClassifier, {"noise": "latent", "beta": 0.1, **LOADER}),
    "dropout": (StochasticInfoClassifier, {"noise": "dropout", "class_prior": "empirical"}),
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
    clf = kind(batch_size=24, **FAST, **options).fit(X, Y)
    rows, labels = np.tile(X, (40, 1)), np.tile(Y, 40)
    calls = [
        lambda n: clf.predict_proba(rows[:n]),
        lambda n: clf.score_bounds(rows[:n], labels[:n]),
    ]
    if hasattr(clf, "expected_entropy"):
        calls.append(lambda n: clf.expected_entropy(rows[:n]))
    for call in calls:
        waits, batches = [], []
        for n in (2400, 9600):
            counted_cuda.reset()
            call(n)
            waits.append(counted_cuda.counts["waits"])
            batches.append(len(prediction_batches(clf.net_, rows[:n], clf.net_._n_draws)))
        assert batches[1] > batches[0]
        assert waits[1] - waits[0] <= batches[1] - batches[0], counted_cuda.places
