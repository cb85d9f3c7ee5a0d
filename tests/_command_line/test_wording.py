"""Messages of Python functions, rephrased in the terms of the command line."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB

from sksoftinfo import information_bounds, mi_estimate
from sksoftinfo._command_line.wording import in_options
from sksoftinfo._evaluation.folds import make_folds
from sksoftinfo._evaluation.labels import class_labels


def warning_of(function, *args, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args, **options)
    return in_options(str(caught[-1].message))


def test_remedies_keep_their_verb():
    told = warning_of(class_labels, np.arange(200) % 25)
    assert told.endswith("ages, pass --bins 4 for four classes of about equal size.")
    with pytest.raises(ValueError) as error:
        class_labels(np.linspace(0.1, 0.9, 50))
    told = in_options(str(error.value))
    assert told.startswith("the target must hold classes") and "Pass --bins 4" in told
    assert "astype" not in told


def test_remedies_fit_folds_in_time_order():
    splits = [(np.arange(10), np.arange(10, 20))]
    y, groups = np.arange(20) % 2, np.arange(20) % 5
    told = warning_of(make_folds, splits, y[:, None], y, groups=groups)
    assert told == (
        "10 rows are scored by a classifier that was trained on the same group or on copies, so "
        "that the bounds overstate the information. Leave out --time, or remove the copies from "
        "the file."
    )
    rows = np.random.default_rng(0).normal(size=(20, 3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_folds(TimeSeriesSplit(3), np.vstack([rows, rows]), np.tile(y[:20], 2))
    told = in_options(str(caught[0].message))
    assert "one observation, but --time does not hold them out together." in told


def test_numbers_of_folds_are_not_parameters():
    y = np.arange(20) % 2
    told = warning_of(make_folds, 5, y[:, None], y, groups=np.arange(20) % 3)
    assert told == "--groups should hold at least 5 groups; got 3, so 3 folds are used."
    table = (np.arange(20) % 3)[:, None]
    told = warning_of(make_folds, 5, table, y, equal_rows="together")
    assert told.startswith("The table should hold at least 5 rows that differ, ")


def test_impossible_labels_are_told_in_terms_of_the_output():
    proba = np.tile([1.0, 0.0], (4, 1))
    told = warning_of(information_bounds, [0, 1, 0, 1], proba)
    assert told == (
        "Probability 0 was predicted for the label that occurred in 2 of 4 rows. The lower bound "
        "on these rows is therefore very low. Use the limit and the interval, which mix in label "
        "frequencies."
    )


def test_classes_that_cannot_be_halved():
    y = np.r_[np.zeros(20, int), 1, 1]
    with pytest.raises(ValueError) as error:
        mi_estimate(LogisticRegression(), np.arange(22.0)[:, None], y, cv=2)
    assert in_options(str(error.value)).endswith("got 1 of class 1. Leave out --report.")


@pytest.mark.parametrize(
    "sentence",
    [
        "Pass `labels`.",
        "Use cv=3.",
        "Pass y.astype(str) to avoid it.",
        "Pass a classifier that never predicts 0 to avoid this warning.",
    ],
)
def test_code_is_left_out(sentence):
    assert in_options(f"This is a fault. {sentence} This is a remedy.") == (
        "This is a fault. This is a remedy."
    )
    assert in_options("This is in `X`.") == "This is in the table."
    # The first sentence states the fault.
    assert in_options(sentence) == sentence


def test_failures_of_the_extrapolation_are_told():
    random = np.random.default_rng(0)
    rows, y = random.normal(size=(60, 20)), np.arange(60) % 2
    told = warning_of(mi_estimate, GaussianNB(), rows, y)
    assert told.startswith("The extrapolated estimate, ")
    assert told.endswith(" label frequencies. Pass more rows, or another classifier.")
    formula = "This is a fault. The value is above H(Y) and L(n)."
    assert in_options(formula) == formula
