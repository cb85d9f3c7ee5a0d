"""The figure of the information in columns."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from sksoftinfo import FeatureInformationDisplay, feature_information

plt = pytest.importorskip("matplotlib.pyplot")
X, Y = load_iris(return_X_y=True, as_frame=True)
LDA = LinearDiscriminantAnalysis()


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_panels_hold_the_numbers():
    found = feature_information(LDA, X, Y, given=[0], units="bits", cv=3)
    display = FeatureInformationDisplay(found).plot()
    order = np.argsort(-found.alone_lower_floored)
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()] == [
        found.names[i] for i in order
    ]
    for container, name in zip(display.errorbars_, ("alone", "lost", "gained"), strict=True):
        values = getattr(found, f"{name}_lower_floored" if name == "alone" else f"{name}_estimate")
        np.testing.assert_allclose(container[0].get_xdata(), values[order])
        (segments,) = container[2]
        ends = np.array([segment[:, 0] for segment in segments.get_segments()])
        np.testing.assert_allclose(ends, getattr(found, f"{name}_interval")[order])
    assert "not a bound" in display.axes_[1].get_title()
    assert display.figure_ is display.axes_[0].figure


def test_from_estimator_on_given_axes():
    figure, axes = plt.subplots(1, 2)
    display = FeatureInformationDisplay.from_estimator(LDA, X, Y, cv=3, max_groups=2, axes=axes)
    assert display.figure_ is figure
    assert len(display.errorbars_[0][0].get_xdata()) == 2
    with pytest.raises(ValueError, match="`axes` must have one entry for each of 2 panels; got 1"):
        display.plot(axes=axes[:1])
