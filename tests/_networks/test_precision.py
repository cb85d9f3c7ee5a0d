"""Half precision on the CPU. Half precision on devices: project/test_devices.py."""

from types import SimpleNamespace

import pytest
import torch

from sksoftinfo._networks.precision import PRECISIONS, in_precision, widened


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_layer_computes_in_the_precision_of_its_net(precision):
    net = SimpleNamespace(precision=precision, _input_device="cpu")
    layer, rows = torch.nn.Linear(3, 2), torch.ones(4, 3)
    with in_precision(net):
        found = layer(rows)
    assert found.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
    assert layer.weight.dtype == torch.float32
    assert layer(rows).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bits_are_widened_and_nothing_else(dtype):
    assert widened(torch.ones(2, dtype=dtype), torch.float64).dtype == torch.float64
    for other in (torch.ones(2), torch.ones(2, dtype=torch.float64), None, (1, 2)):
        assert widened(other, torch.float32) is other
