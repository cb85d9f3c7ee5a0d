"""Predictions belong to the requested rows, in their order."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import EpochScoring
from torch import nn

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._networks.predictions import prediction_batches

OPTIONS = {"max_epochs": 4, "random_state": 0, "batch_size": 16, "device": "cpu"}

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
BOTH = [InfoSoftmaxClassifier, StochasticInfoClassifier]
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


class SomeRows(torch.utils.data.SequentialSampler):
    """A data set that gives every other row."""

    def __iter__(self):
        return iter(range(0, len(self.data_source), 2))

    def __len__(self):
        return len(self.data_source) // 2


class InPlace(nn.Module):
    """A network that changes its input in place, as a first layer of ReLU(inplace=True) does."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.head = nn.Linear(n_features, n_classes)

    def forward(self, x):
        x -= 3
        return self.head(torch.relu_(x))


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("caching", [True, False])
@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 1.5, len(Y))], ids=["", "weighted"])
def test_scores_of_training_rows_are_of_these_rows(estimator, caching, weight):
    score = EpochScoring("accuracy", on_train=True, name="train_acc", use_caching=caching)
    clf = estimator(callbacks=[("acc", score)], lr=0.03, **{**FAST, "max_epochs": 15})
    clf.fit(X, NAMES, weight)
    # Cached scores belong to the weights before each step, and noise is drawn for each step.
    assert clf.history_[-1, "train_acc"] == pytest.approx(clf.score(X, NAMES), abs=0.05)
    assert clf.score(X, NAMES) > 0.9


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("caching", [True, False])
def test_scores_of_validation_rows_with_weights(estimator, caching):
    score = EpochScoring("accuracy", name="held_out", use_caching=caching)
    clf = estimator(callbacks=[("acc", score)], train_split=0.2, lr=0.03, **FAST)
    clf.fit(X, NAMES, np.linspace(0.5, 1.5, len(Y)))
    assert clf.history_[:, "held_out"] == pytest.approx(clf.history_[:, "valid_acc"])


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("caching", [True, False])
@pytest.mark.parametrize("sampler", [False, True], ids=["drop_last", "sampler"])
def test_scores_of_training_rows_of_which_some_are_left_out(estimator, caching, sampler):
    score = EpochScoring("accuracy", on_train=True, name="train_acc", use_caching=caching)
    loss = EpochScoring("neg_log_loss", on_train=True, name="score", use_caching=caching)
    options = {"iterator_train__drop_last": True}
    if sampler:
        options = {"iterator_train__sampler": SomeRows(range(len(Y)))}
    clf = estimator(callbacks=[score, loss], batch_size=64, **options, **FAST).fit(X, NAMES)
    assert 0.1 < clf.history_[-1, "train_acc"] <= 1
    # Predictions of the classifier cover all rows.
    assert clf.predict_proba(X).shape == (len(Y), 3)


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("n", [1, 150])
@pytest.mark.parametrize("options", [{}, {"iterator_train__shuffle": False}, {"train_split": 0.2}])
def test_modules_that_work_in_place_leave_the_rows(estimator, n, options):
    rows = X.copy()
    clf = estimator(InPlace, **options, **FAST).fit(rows, Y)
    first, second = clf.predict_proba(rows[:n]), clf.predict_proba(rows[:n])
    clf.score_bounds(rows[1:], Y[1:])
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(first, second)
    tensor = torch.as_tensor(X.copy())
    clf.predict_proba(tensor[:n])
    np.testing.assert_array_equal(tensor.numpy(), X)


def test_predictions_come_in_larger_batches_that_memory_bounds():
    clf = InfoSoftmaxClassifier(**OPTIONS).fit(X, Y)
    sizes = []
    hook = clf.module_.register_forward_hook(lambda module, args, out: sizes.append(len(out)))
    clf.predict_proba(np.tile(X, (10, 1)))
    hook.remove()
    assert sizes == [32 * 16] * 2 + [476]
    wide = np.zeros((40, 100_000))
    assert prediction_batches(clf.net_, wide).batch_size == 16


def test_one_row_is_predicted_as_among_others():
    clf = InfoSoftmaxClassifier(**OPTIONS).fit(X, Y)
    together = clf.predict_proba(X[:20])
    alone = np.vstack([clf.predict_proba(X[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(alone, together, rtol=1e-12)
    clf.module_.train()
    np.testing.assert_array_equal(clf.predict_proba(X[:1]), alone[:1])
    assert not clf.module_.training
    row = X[:1].copy()
    row.flags.writeable = False
    np.testing.assert_array_equal(clf.predict_proba(row), alone[:1])


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_predictions_and_bounds_of_some_rows_are_refused(estimator):
    clf = estimator(**OPTIONS).fit(X, Y)
    clf.net_.iterator_valid__drop_last = True
    many, labels = np.tile(X, (5, 1)), np.tile(Y, 5)
    with pytest.raises(ValueError, match="got .* rows of 750.*drop_last"):
        clf.predict_proba(many)
    with pytest.raises(ValueError, match="got .* rows of 750.*drop_last"):
        clf.score_bounds(many, labels)
