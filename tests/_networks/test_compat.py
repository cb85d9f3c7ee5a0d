"""Private functions of other libraries that the networks use through one module."""

import math

import numpy as np
import pytest
import torch

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo._networks.compat import (
    get_len,
    largest_entries,
    set_training,
    step_optimizers,
    to_device,
    to_tensor,
    unpack_data,
    zero_gradients,
)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_an_entry_that_is_not_finite_is_the_largest(value):
    tensors = [torch.tensor([-3.0, 2.0]), torch.tensor([[1.0, value], [9.0, 0.0]])]
    first, second = largest_entries(tensors)
    assert first == 3
    assert not math.isfinite(second)


def test_a_step_of_a_net():
    net = InfoSoftmaxClassifier(optimizer=torch.optim.SGD, lr=1.0, max_epochs=1)
    net = net.fit([[0.0], [1.0]], [0, 1]).net_
    set_training(net, True)
    assert net.module_.training
    set_training(net, False)
    assert not net.module_.training
    weight = next(net.module_.parameters())
    before = weight.detach().clone()

    def closure():
        zero_gradients(net)
        loss = weight.sum()
        loss.backward()
        return loss

    step_optimizers(net, closure)
    torch.testing.assert_close(weight.detach(), before - 1)
    zero_gradients(net)
    assert weight.grad is None or not weight.grad.any()


def test_batches_and_tensors():
    rows = np.arange(6.0).reshape(3, 2)
    assert get_len({"X": rows, "weight": rows[:, 0]}) == 3
    assert unpack_data((rows, None)) == (rows, None)
    tensor = to_tensor(rows, device="cpu")
    assert to_device(tensor, device="cpu").tolist() == rows.tolist()
