"""The figure of the information in columns."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.tree import DecisionTreeClassifier

from sksoftinfo import FeatureInformationDisplay, feature_information

plt = pytest.importorskip("matplotlib.pyplot")
CARETLEFT = pytest.importorskip("matplotlib.markers").CARETLEFT
X, Y = load_iris(return_X_y=True, as_frame=True)
LDA = LinearDiscriminantAnalysis()


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_panels_hold_the_numbers():
    found = feature_information(LDA, X, Y, given=[0], units="bits", cv=3)
    display = FeatureInformationDisplay(found).plot()
    order = np.argsort(-found.alone_lower)
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()] == [
        found.names[i] for i in order
    ]
    for container, name in zip(display.errorbars_, ("alone", "lost", "gained"), strict=True):
        values = getattr(found, f"{name}_lower_floored" if name == "alone" else f"{name}_estimate")
        np.testing.assert_allclose(container[0].get_xdata(), values[order])
        (segments,) = container[2]
        ends = np.array([segment[:, 0] for segment in segments.get_segments()])
        np.testing.assert_allclose(ends, getattr(found, f"{name}_interval")[order])
    np.testing.assert_allclose(
        [bar.get_width() for bar in display.bars_], found.alone_lower[order]
    )
    titles = [axis.get_title() for axis in display.axes_]
    assert "column alone: lower bound (bar)" in titles[0]
    assert "lost without the column" in titles[1] and "not a bound" in titles[1]
    assert display.axes_[0].get_xlabel() == "information (bits), with 95 % intervals"
    assert display.figure_ is display.axes_[0].figure


def test_long_names_leave_room_for_the_panels():
    names = ["short", "a name of a laboratory's measurement", "x" * 400]
    columns = dict(zip(names, ([0], [1], [2]), strict=True))
    display = FeatureInformationDisplay.from_estimator(LDA, X, Y, columns=columns, cv=3)
    labels = {label.get_text() for label in display.axes_[0].get_yticklabels()}
    lines = [line for label in labels for line in label.split("\n")]
    assert max(map(len, lines)) <= 28 and len(lines) == 5
    assert "short" in labels and any(label.endswith("...") for label in labels)
    display.figure_.canvas.draw()
    assert min(axis.get_position().width for axis in display.axes_) > 0.25


def test_groups_are_called_groups():
    found = feature_information(LDA, X, Y, columns={"sepal": [0, 1], "width": [3]}, cv=3)
    titles = [axis.get_title() for axis in FeatureInformationDisplay(found).plot().axes_]
    assert "group alone" in titles[0] and "lost without the group" in titles[1]


@pytest.mark.filterwarnings("ignore:Probability 0 was predicted")
def test_bounds_below_zero_are_drawn_below_zero():
    """The bound itself, as it is printed, is drawn beside the point and its interval."""
    noise, y = np.random.default_rng(0).normal(size=(60, 1)), np.arange(60) % 2
    tree = DecisionTreeClassifier(random_state=0)
    found = feature_information(tree, np.hstack([noise, y[:, None] + noise / 3]), y, cv=3)
    display = FeatureInformationDisplay(found).plot()
    assert found.alone_lower.min() < 0
    widths = [bar.get_width() for bar in display.bars_]
    bounds = np.sort(found.alone_lower)[::-1]
    lowest = min(widths)
    np.testing.assert_allclose(widths, np.maximum(bounds, lowest))
    arrows = [line.get_marker() == CARETLEFT for line in display.axes_[0].lines]
    assert sum(arrows) == sum(bounds < lowest) == 1


def test_from_estimator_on_given_axes():
    figure, axes = plt.subplots(1, 2)
    display = FeatureInformationDisplay.from_estimator(LDA, X, Y, cv=3, max_groups=2, axes=axes)
    assert display.figure_ is figure
    assert len(display.errorbars_[0][0].get_xdata()) == 2
    with pytest.raises(ValueError, match="`axes` must have one entry for each of 2 panels; got 1"):
        display.plot(axes=axes[:1])
