"""Warnings point to the user's line of code, and other threads keep their filters."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import joblib
import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_validate
from sklearn.naive_bayes import GaussianNB
from torch import nn

from sksoftinfo import (
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    cross_val_bounds,
    feature_information,
    mi_estimate,
)
from sksoftinfo._utils.user_warnings import (
    ignored_warnings,
    recorded_warnings,
    users_stacklevel,
)

X, Y = load_iris(return_X_y=True)
NOISE = np.random.default_rng(0).normal(size=(30, 2))
OPTIONS = {"max_epochs": 1, "random_state": 0, "device": "cpu"}


class NeverTheFirst(nn.Linear):
    def forward(self, x):
        return super().forward(x) + torch.tensor([-torch.inf, 0.0, 0.0])


def fitted(module=None):
    # An impossible label has infinite loss; the module is therefore replaced after training.
    clf = InfoSoftmaxClassifier(nn.Linear(4, 3), **OPTIONS).fit(X, Y)
    if module is not None:
        clf.net_.module_ = module
    return clf


WARN = {
    "impossible labels": lambda: fitted(NeverTheFirst(4, 3, dtype=torch.float64)).score_bounds(
        X + 1, Y
    ),
    "rows of training": lambda: fitted().score_bounds(X, Y),
    "impossible labels of a fold": lambda: cross_val_bounds(
        RandomForestClassifier(n_estimators=3, random_state=0), X, Y
    ),
    "rows that repeat": lambda: cross_val_bounds(
        LogisticRegression(), np.repeat(NOISE, 2, axis=0), np.repeat(np.arange(30) % 2, 2)
    ),
    "folds that ignore groups": lambda: cross_val_bounds(
        GaussianNB(), X, Y, groups=np.arange(150) // 2, cv=KFold(3, shuffle=True)
    ),
    "an extrapolation that fails": lambda: mi_estimate(
        LogisticRegression(), NOISE, np.arange(30) % 2, cv=2
    ),
    "impossible labels of some columns": lambda: feature_information(
        RandomForestClassifier(n_estimators=3, random_state=0), X, Y, columns=[0]
    ),
    "search": lambda: cross_validate(
        StochasticInfoClassifier(noise="gaussian", **OPTIONS), X, Y, cv=2
    ),
    "fit": lambda: StochasticInfoClassifier(noise="gaussian", **OPTIONS).fit(X, Y),
    "probabilities": lambda: InfoSoftmaxClassifier.from_module(
        nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), classes=[0, 1, 2], input_shape=(4,)
    ),
}


@pytest.mark.parametrize("warn", WARN.values(), ids=WARN)
def test_warnings_point_here(warn):
    with pytest.warns(UserWarning) as caught:
        warn()
    assert {one.filename for one in caught} == {__file__}


def test_a_call_from_outside_is_the_users():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("look here", stacklevel=users_stacklevel())
    assert caught[0].filename == __file__


def test_matching_warnings_are_ignored_even_where_they_are_errors():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        with ignored_warnings("This", UserWarning):
            warnings.warn("This is ignored.", stacklevel=1)
            with pytest.raises(UserWarning, match="Not this"):
                warnings.warn("Not this.", stacklevel=1)
        with ignored_warnings():
            warnings.warn("Anything.", RuntimeWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="This"):
            warnings.warn("This is an error again.", stacklevel=1)
    assert not caught


@pytest.mark.parametrize("block", [ignored_warnings, recorded_warnings])
def test_threads_leave_the_filters_as_they_were(block):
    """The first thread leaves its block while the second is inside its own."""
    met, first_left = Barrier(2), Barrier(2)

    def first():
        with block():
            met.wait(10)
        first_left.wait(10)

    def second():
        with block() as caught:
            met.wait(10)
            first_left.wait(10)
        return caught

    before, show = list(warnings.filters), warnings.showwarning
    with ThreadPoolExecutor(2) as threads:
        _, caught = [one.result() for one in (threads.submit(first), threads.submit(second))]
    assert not caught
    assert warnings.filters == before
    assert warnings.showwarning is show


def test_members_of_the_stack_do_not_warn_in_threads_either():
    with warnings.catch_warnings(record=True) as caught, joblib.parallel_config("threading"):
        warnings.simplefilter("always")
        cross_val_bounds("stack", X, Y, cv=2, n_jobs=2)
    assert [str(one.message) for one in caught] == []
