import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from sksoftinfo import InformationBoundsDisplay, InfoSoftmaxClassifier, information_bounds

plt = pytest.importorskip("matplotlib.pyplot")
X, Y = load_iris(return_X_y=True)
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, Y, random_state=0)


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.mark.parametrize(
    "estimator", [LinearDiscriminantAnalysis(), InfoSoftmaxClassifier(random_state=0)]
)
def test_ladder_draws_the_bounds_and_the_limit(estimator):
    estimator.fit(X_TRAIN, Y_TRAIN)
    display = InformationBoundsDisplay.from_estimator(estimator, X_TEST, Y_TEST, units="bits")
    (bounds,) = display.bounds.values()
    assert [bar.get_width() for bar in display.entropies_] == [bounds.mi_upper]
    assert [bar.get_width() for bar in display.bars_] == [bounds.mi_lower]
    np.testing.assert_allclose(display.limits_.get_xdata(), [bounds.mi_lower_limit])
    centre, _, (line,) = display.intervals_
    np.testing.assert_allclose(centre.get_xdata(), [bounds.mi_lower_floored])
    np.testing.assert_allclose(line.get_segments()[0][:, 0], bounds.interval)
    (sandwich,) = display.sandwiches_
    assert list(sandwich.get_xdata()) == [bounds.dv_minus_log_m, bounds.log_softmax]
    assert sandwich.axes is display.sandwich_ax_ is not display.ax_
    assert display.ax_.get_xlabel() == "information about the label (bits)"
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == [
        type(estimator).__name__
    ]


def test_predictions_axes_and_several_results():
    proba = LinearDiscriminantAnalysis().fit(X_TRAIN, Y_TRAIN).predict_proba(X_TEST)
    _, axis = plt.subplots()
    display = InformationBoundsDisplay.from_predictions(Y_TEST, proba, name="LDA", ax=axis)
    assert display.ax_ is axis and display.figure_ is axis.figure
    assert display.sandwich_ax_ is None and display.sandwiches_ == []
    one = information_bounds(Y_TEST, proba, confidence_level=0.9)
    assert "90 % lower limit on I(X;Y)" in [
        text.get_text() for text in InformationBoundsDisplay(one).plot().ax_.get_legend().texts
    ]
    two = InformationBoundsDisplay({"a": one, "b": one}).plot()
    assert [len(drawn) for drawn in (two.bars_, two.entropies_, two.sandwiches_)] == [2, 2, 2]
    _, axes = plt.subplots(1, 2)
    both = InformationBoundsDisplay(one).plot(ax=axes[0], sandwich_ax=axes[1])
    assert both.ax_ is axes[0] and both.sandwich_ax_ is axes[1]


def test_a_limit_above_the_bound_is_drawn():
    """An over-confident prediction is recalibrated for its limit."""
    y, sure = np.arange(200) % 2, np.arange(200) % 10 != 0
    bounds = information_bounds(y, np.where(sure == (y == 1), 1 - 1e-9, 1e-9))
    assert bounds.mi_lower < 0 < bounds.mi_lower_limit
    display = InformationBoundsDisplay(bounds).plot()
    assert display.limits_.get_xdata() == [bounds.mi_lower_limit]
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts == [f"\N{MINUS SIGN}{-bounds.mi_lower:.3f} of 0.693"]


@pytest.mark.filterwarnings("ignore:Probability 0 was predicted")
def test_a_bound_far_below_zero_leaves_room_for_the_entropy():
    y = np.arange(200) % 2
    bounds = information_bounds(y, np.where(np.arange(200) % 5 < 2, y, 1 - y))
    assert bounds.mi_lower < -100
    display = InformationBoundsDisplay(bounds).plot()
    left, right = display.ax_.get_xlim()
    assert left < bounds.interval[0] and right - left < 10
    (bar,) = display.bars_
    assert left < bar.get_width() == min(bounds.interval[0], -0.5 * bounds.mi_upper)
    assert display.ax_.texts[0].get_text().endswith(f"{-bounds.mi_lower:.3f} of 0.693")


@pytest.mark.parametrize("sure", [0.5, 0.9, 1 - 1e-9])
def test_terms_of_the_sandwich_are_not_on_the_information_scale(sure):
    y = np.arange(40) % 2
    bounds = information_bounds(y, np.where(y == 1, sure, 1 - sure))
    display = InformationBoundsDisplay(bounds).plot()
    left, right = display.ax_.get_xlim()
    assert left <= 0 and right > bounds.mi_upper
    assert display.sandwich_ax_.get_xlim()[0] < bounds.dv_minus_log_m


def test_absent_classes_of_the_scored_rows():
    clf = LinearDiscriminantAnalysis().fit(X_TRAIN, Y_TRAIN)
    part = Y_TEST < 2
    display = InformationBoundsDisplay.from_estimator(clf, X_TEST[part], Y_TEST[part], name="some")
    assert display.bounds["some"].n_classes == 3


def test_bad_input():
    with pytest.raises(ValueError, match="must have score_bounds or predict_proba; got SVC"):
        InformationBoundsDisplay.from_estimator(SVC().fit(X, Y), X, Y)
    one = information_bounds([0, 1], [0.2, 0.8])
    with pytest.raises(ValueError, match="at least one result; got none. Pass results by name"):
        InformationBoundsDisplay({}).plot()
    with pytest.raises(ValueError, match="same units; got .*to_bits"):
        InformationBoundsDisplay({"a": one, "b": one.to_bits()}).plot()
    with pytest.raises(ValueError, match="given if `sandwich_ax` is given; got ax=None"):
        InformationBoundsDisplay(one).plot(sandwich_ax=plt.subplots()[1])


def test_numbers_have_one_kind_of_minus_and_zeros_none():
    y = np.arange(40) % 2
    poor, perfect = (information_bounds(y, np.where(y == 1, p, 1 - p)) for p in (0.4, 1 - 1e-12))
    display = InformationBoundsDisplay({"poor": poor, "perfect": perfect}).plot()
    texts = [text.get_text() for text in (*display.ax_.texts, *display.sandwich_ax_.texts)]
    minus, below = "\N{MINUS SIGN}", "\N{LESS-THAN OR EQUAL TO}"
    assert display.bars_[0].get_width() == poor.mi_lower
    assert texts == [
        f"{minus}0.223 of 0.693",
        "0.693 of 0.693",
        f"{minus}0.916 {below} {minus}0.916 {below} 0",
        f"0.000 {below} 0.000 {below} 0",
    ]


def test_long_names_are_wrapped_and_leave_room():
    one = information_bounds([0, 1] * 20, [0.2, 0.8] * 20)
    long = InformationBoundsDisplay({"a classifier " * 8: one, "b": one}).plot()
    short = InformationBoundsDisplay({"a": one, "b": one}).plot()
    first, second = (label.get_text() for label in long.ax_.get_yticklabels())
    assert max(map(len, first.split("\n"))) <= 28 and second == "b"
    assert (long.figure_.get_size_inches() > short.figure_.get_size_inches()).all()
