import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InfoMaskDisplay, InfoMaskTransformer

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def masker():
    digits = load_digits()
    X, y = digits.images[:500] / 16, digits.target[:500]
    estimator = LogisticRegression(max_iter=1000)
    masker = InfoMaskTransformer(estimator, target=3, patch_size=4, random_state=0)
    return masker.fit(X, y), X


def test_shows_what_the_transformer_says(masker):
    masker, X = masker
    display = InfoMaskDisplay.from_estimator(masker, X[:2], targets=[3, [1, 8]])
    assert display.axes_.shape == (2, 7)
    drawn = [axis.get_images()[0].get_array() for axis in display.axes_[1]]
    np.testing.assert_array_equal(drawn[0], X[1])
    np.testing.assert_allclose(drawn[1], masker.information_map(X[:2])[1])
    np.testing.assert_array_equal(drawn[2], masker.mask(X[:2])[1])
    np.testing.assert_array_equal(drawn[3], masker.transform(X[:2])[1])
    np.testing.assert_allclose(drawn[4], masker.information_map(X[:2], [1, 8])[1])
    limits = {axis.get_images()[0].get_clim() for axis in display.axes_[:, [1, 4]].flat}
    ((low, high),) = limits
    assert low == -high
    assert display.colorbar_.ax.get_ylabel() == "nats"
    titles = [axis.get_title() for axis in display.axes_[0]]
    assert titles[1] == "information\nabout 3" and titles[4] == "information\nabout 1 or 8"
    assert masker.target == 3


def test_colour_images_and_a_given_figure():
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 3, 8, 10)), np.arange(40) % 2
    X[y == 1, 0, 2:6, 2:6] += 1
    masker = InfoMaskTransformer(LogisticRegression(), patch_size=4, random_state=0).fit(X, y)
    figure = plt.figure()
    display = InfoMaskDisplay.from_estimator(masker, X[:3], figure=figure)
    assert display.figure_ is figure
    shown = display.axes_[0, 0].get_images()[0].get_array()
    assert shown.shape == (8, 10, 3) and shown.min() >= 0 and shown.max() <= 1
    assert display.axes_[0, 1].get_title() == "information\nabout the predicted class"


def test_tables_are_refused():
    X, y = np.random.default_rng(0).random((20, 5)), np.arange(20) % 2
    masker = InfoMaskTransformer(LogisticRegression(), patch_size=2).fit(X, y)
    with pytest.raises(ValueError, match="X holds a table"):
        InfoMaskDisplay.from_estimator(masker, X)


def test_without_matplotlib_the_extra_is_named(masker, monkeypatch):
    masker, X = masker
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"sksoftinfo\[plot\]"):
        InfoMaskDisplay.from_estimator(masker, X[:1])
