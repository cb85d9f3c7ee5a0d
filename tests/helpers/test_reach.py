"""A test leads to uses of a device through helpers, fixtures, cases and code in strings."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sksoftinfo import InfoSoftmaxClassifier, information_bounds

from .reach import reaches_a_device

NETWORKS = {"one": [partial(InfoSoftmaxClassifier, max_epochs=1)]}


def trained():
    return InfoSoftmaxClassifier().fit([[0.0], [1.0]], [0, 1])


def through_a_helper():
    return trained().predict([[0.0]])


def through_a_global():
    return NETWORKS["one"]


def inside_another_function():
    def inner():
        return torch.ones(1)

    return inner()


def by_its_own_import():
    from sksoftinfo import StochasticInfoClassifier

    return StochasticInfoClassifier()


def in_a_text():
    exec("import torch")


def without_a_device():
    bounds = information_bounds([0, 1] * 9, np.full(18, 0.5))
    return bounds, make_pipeline(LogisticRegression())


def item(function, *fixtures, **cases):
    fixtures = {one.__name__: [SimpleNamespace(func=one)] for one in fixtures}
    return SimpleNamespace(
        obj=function,
        _fixtureinfo=SimpleNamespace(name2fixturedefs=fixtures),
        callspec=SimpleNamespace(params=cases),
    )


@pytest.mark.parametrize(
    "function",
    [
        through_a_helper,
        through_a_global,
        inside_another_function,
        by_its_own_import,
        in_a_text,
    ],
)
def test_what_leads_to_a_device(function):
    assert reaches_a_device(item(function))
    assert reaches_a_device(item(without_a_device, function))
    assert reaches_a_device(item(without_a_device, case={"call": [function]}))


@pytest.mark.parametrize(
    "case", [InfoSoftmaxClassifier(), make_pipeline(InfoSoftmaxClassifier()), torch.float32]
)
def test_cases_that_are_networks_or_tensors(case):
    assert reaches_a_device(item(without_a_device, case=case))


def test_what_does_not():
    assert not reaches_a_device(item(without_a_device))
    assert not reaches_a_device(item(without_a_device, case=make_pipeline(LogisticRegression())))
