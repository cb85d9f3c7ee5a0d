"""Tensors become arrays on the host, and masked arrays are refused."""

import numpy as np
import pytest
import torch

from sksoftinfo._utils.host_arrays import on_host, refuse_masked


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int16, torch.bool])
def test_tensors_become_arrays_of_their_dtype(dtype):
    tensor = torch.arange(6).reshape(2, 3).to(dtype)
    array = on_host(tensor)
    assert type(array) is np.ndarray
    assert torch.from_numpy(array).dtype == dtype
    np.testing.assert_array_equal(array, tensor.numpy())


def test_bfloat16_and_tensors_with_a_gradient_become_arrays():
    tensor = torch.tensor([0.5, 2.0], dtype=torch.bfloat16, requires_grad=True)
    np.testing.assert_array_equal(on_host(tensor), np.array([0.5, 2.0], dtype=np.float32))


def test_lists_of_tensors_are_stacked_if_they_are_alike():
    np.testing.assert_array_equal(on_host([torch.ones(2), torch.zeros(2)]), [[1, 1], [0, 0]])
    different = on_host([torch.ones(2), torch.zeros(3)])
    assert [one.shape for one in different] == [(2,), (3,)]
    assert all(type(one) is np.ndarray for one in different)


@pytest.mark.parametrize("values", [None, "text", [1, 2], np.arange(3)])
def test_other_values_are_left_as_they_are(values):
    assert on_host(values) is values


def test_sparse_tensors_are_refused():
    with pytest.raises(TypeError, match="`y` must be a dense tensor; got a sparse tensor"):
        on_host(torch.eye(2).to_sparse(), "y")


def test_masked_entries_are_refused_and_masked_arrays_without_them_are_not():
    refuse_masked(np.ma.array([1, 2], mask=[False, False]), "y")
    with pytest.raises(ValueError, match="`y` must not have masked entries; got 1"):
        refuse_masked(np.ma.array([1, 2], mask=[False, True]), "y")
