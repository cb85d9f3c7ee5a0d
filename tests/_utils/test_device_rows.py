"""Rows that are tensors, validated as arrays are. On a device: project/test_cuda_input.py."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from sksoftinfo._utils.device_rows import columns_with_missing, is_on_cuda, validate_on_device

ROWS = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
OPTIONS = {"dtype": [np.float64, np.float32], "reset": True}


def test_rows_stay_tensors_and_labels_become_an_array():
    estimator = LogisticRegression()
    rows, labels = validate_on_device(
        estimator, ROWS.clone().requires_grad_(), torch.tensor([0, 1, 1]), **OPTIONS
    )
    assert isinstance(rows, torch.Tensor) and not rows.requires_grad
    assert rows.dtype == torch.float32
    assert labels.tolist() == [0, 1, 1]
    assert estimator.n_features_in_ == 2
    with pytest.raises(ValueError, match="2 features"):
        validate_on_device(estimator, ROWS[:, :1], **{**OPTIONS, "reset": False})


@pytest.mark.parametrize("dtype", [torch.int64, torch.float16, torch.bool])
def test_other_numbers_become_the_first_dtype(dtype):
    assert validate_on_device(LogisticRegression(), ROWS.to(dtype), **OPTIONS).dtype == (
        torch.float64
    )


@pytest.mark.parametrize(
    "value, allowed", [(torch.nan, False), (torch.inf, False), (torch.inf, True)]
)
def test_numbers_that_are_not_finite_are_named(value, allowed):
    rows = ROWS.clone()
    rows[1, 1] = value
    with pytest.raises(ValueError, match="in column 1, in 1 of 3 rows"):
        validate_on_device(LogisticRegression(), rows, allow_nan=allowed, **OPTIONS)


def test_missing_values_of_a_table_may_be_allowed():
    rows = ROWS.clone()
    rows[1, 1] = torch.nan
    found = validate_on_device(LogisticRegression(), rows, allow_nan=True, **OPTIONS)
    assert columns_with_missing(found).tolist() == [1]
    assert columns_with_missing(found.numpy()).tolist() == [1]
    assert columns_with_missing(ROWS).tolist() == []


def test_what_lies_on_the_host_is_not_on_cuda():
    assert not is_on_cuda(ROWS)
    assert not is_on_cuda(ROWS.numpy())
