"""Trial runs of a network before its training."""

import warnings

import pytest
import torch
from sklearn.datasets import load_iris

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from tests.helpers.networks import Outputs

X, Y = load_iris(return_X_y=True)
OPTIONS = {"max_epochs": 4, "random_state": 0, "batch_size": 16, "device": "cpu"}


@pytest.mark.parametrize(
    "clf",
    [
        StochasticInfoClassifier(),
        InfoSoftmaxClassifier(torch.nn.Linear(4, 3)),
    ],
    ids=["stochastic", "module"],
)
def test_a_network_is_not_checked_without_rows(clf):
    clf.set_params(iterator_valid__drop_last=True, **OPTIONS)
    with pytest.raises(ValueError, match="got 0 rows of .*drop_last"):
        clf.fit(X, Y)


def test_a_stochastic_network_is_checked_row_by_row():
    clf = StochasticInfoClassifier(**{**OPTIONS, "batch_size": 1, "max_epochs": 1})
    assert clf.fit(X[::5], Y[::5]).predict_proba(X).shape == (150, 3)


def classifier(**params):
    return InfoSoftmaxClassifier(**{"max_epochs": 1, "random_state": 0, **params})


@pytest.mark.parametrize("options", [{}, {"noise": "additive"}])
def test_a_softmax_in_the_module_is_warned_about(options):
    cls = StochasticInfoClassifier if options else InfoSoftmaxClassifier
    with pytest.warns(UserWarning, match="module=Outputs returns probabilities"):
        cls(Outputs(lambda z: z.softmax(1)), max_epochs=1, **options).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for function in (torch.nn.Identity(), torch.nn.LogSoftmax(1), torch.nn.ReLU()):
            cls(Outputs(function), max_epochs=1, **options).fit(X, Y)


@pytest.mark.parametrize("options", [{}, {"noise": "additive"}])
@pytest.mark.parametrize("n_outputs", [1, 2, 5])
def test_a_module_with_the_wrong_number_of_classes(options, n_outputs):
    cls = StochasticInfoClassifier if options else InfoSoftmaxClassifier
    with pytest.raises(ValueError, match="`module` must return logits of shape .* from Outputs"):
        cls(Outputs(lambda z: z, n_outputs), max_epochs=1, **options).fit(X, Y)


def test_a_module_that_returns_no_tensor():
    with pytest.raises(ValueError, match="must return a tensor .*; got dict from Outputs"):
        classifier(module=Outputs(lambda z: {"logits": z})).fit(X, Y)


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 8), (2,)])
@pytest.mark.parametrize("value", [0.0, 0.7])
def test_rows_that_are_all_equal_are_warned_about(shape, value):
    y = torch.arange(20).numpy() % 2
    rows = torch.full((20, *shape), value, dtype=torch.float64).numpy()
    with pytest.warns(UserWarning, match="All rows of X are equal: they carry no information"):
        classifier().fit(rows, y)
    # Differences that single precision would lose count as differences.
    rows[3] += 1e-9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier().fit(rows, y)
