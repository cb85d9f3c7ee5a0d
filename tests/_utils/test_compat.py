"""Private functions of other libraries that the estimators use through one module."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sksoftinfo._utils.compat import (
    IntegerInterval,
    check_sample_weight,
    num_samples,
    output_container,
    params_of_rows,
    safe_indexing,
    safe_split,
)


@pytest.mark.parametrize("value", [1, 7, np.uint8(3), np.int64(1)])
def test_integers(value):
    assert IntegerInterval(1).is_satisfied_by(value)


@pytest.mark.parametrize("value", [0, -1, 1.0, True, np.True_, "1", None])
def test_what_is_not_an_integer_of_the_interval(value):
    assert not IntegerInterval(1).is_satisfied_by(value)


def test_containers_of_results():
    scaler = StandardScaler()
    assert output_container(scaler) == "default"
    with config_context(transform_output="polars"):
        assert output_container(scaler) == "polars"
    assert output_container(scaler.set_output(transform="pandas")) == "pandas"


def test_rows_of_frames_and_what_goes_with_them():
    frame, y = pd.DataFrame({"x": [1.0, 2.0, 3.0]}), np.array([0, 1, 0])
    rows, labels = safe_split(LogisticRegression(), frame, y, [2, 0])
    assert rows["x"].tolist() == [3.0, 1.0]
    assert labels.tolist() == [0, 0]
    assert safe_indexing(frame, [0], axis=1).shape == (3, 1)
    assert num_samples(frame) == 3
    assert params_of_rows(frame, params={"w": y, "tol": 1}, indices=[1]) == {"w": [1], "tol": 1}
    with pytest.raises(ValueError, match="(?i)negative"):
        check_sample_weight([1.0, -1.0, 1.0], frame, ensure_non_negative=True)
