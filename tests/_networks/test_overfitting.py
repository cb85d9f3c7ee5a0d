"""Networks that memorise their training rows."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris, load_wine, make_classification
from skorch.callbacks import EarlyStopping

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(120, 20)).astype("float32"), np.arange(120) % 2
OPTIONS = {"train_split": 0.25, "lr": 0.01, "random_state": 0, "device": "cpu"}
BY_HEART = {"max_epochs": 150, "optimizer__weight_decay": 0.0, **OPTIONS}


@pytest.mark.parametrize(
    "clf",
    [
        InfoSoftmaxClassifier(**BY_HEART),
        InfoSoftmaxClassifier(
            torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)),
            **BY_HEART,
        ),
        StochasticInfoClassifier(noise="gaussian", n_draws=4, **BY_HEART),
    ],
    ids=["default", "module", "stochastic"],
)
@pytest.mark.long_training
def test_a_bound_of_training_rows_far_above_the_held_out_rows_is_warned_of(clf):
    with pytest.warns(UserWarning, match="memorised its training rows.* held-out rows"):
        clf.fit(*NOISE)


@pytest.mark.parametrize(
    "options",
    [
        {**BY_HEART, "callbacks": [EarlyStopping(load_best=True, patience=5)]},
        {**BY_HEART, "max_epochs": 5},
        {"random_state": 0, "device": "cpu", "max_epochs": 100},
    ],
    ids=["best epoch", "few epochs", "nothing held out"],
)
def test_nothing_is_warned_of_what_is_not_kept_or_not_held_out(options):
    assert_silent(InfoSoftmaxClassifier(**options), *NOISE)


@pytest.mark.parametrize(
    "rows",
    [
        load_iris(return_X_y=True),
        load_wine(return_X_y=True),
        make_classification(400, 8, n_classes=3, n_informative=5, flip_y=0.2, random_state=0),
    ],
    ids=["iris", "wine", "noisy labels"],
)
def test_ordinary_tables_are_not_warned_of(rows):
    clf = InfoSoftmaxClassifier(train_split=0.2, max_epochs=30, random_state=0, device="cpu")
    assert_silent(clf, *rows)


def assert_silent(clf, X, y):
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        clf.fit(X, y)
    assert not [one for one in noted if "memorised" in str(one.message)]
