"""Messages of Python functions, rephrased in the terms of the command line."""

import warnings

import numpy as np
import pytest

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


def test_remedies_of_python_alone_are_left_out():
    splits = [(np.arange(10, 20), np.arange(10)), (np.arange(10), np.arange(10, 20))]
    y, groups = np.arange(20) % 2, np.arange(20) % 5
    told = warning_of(make_folds, splits, y[:, None], y, groups=groups)
    assert told.startswith("20 rows are scored") and "StratifiedGroupKFold" not in told


def test_numbers_of_folds_are_not_parameters():
    y = np.arange(20) % 2
    told = warning_of(make_folds, 5, y[:, None], y, groups=np.arange(20) % 3)
    assert told == "--groups should hold at least 5 groups; got 3, so 3 folds are used."
    table = (np.arange(20) % 3)[:, None]
    told = warning_of(make_folds, 5, table, y, equal_rows="together")
    assert told.startswith("The table should hold at least 5 rows that differ, ")
