import pytest
import torch
from torch import nn

from sksoftinfo._masking.hooks import computed_gradients, replaced_output


class SwitchedOff(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3)
        self.activation = nn.ReLU()

    @torch.no_grad()
    def forward(self, x):
        return self.activation(self.activation(self.first(x)) - 0.1)


def test_gradients_are_computed_where_a_network_switches_them_off():
    module, x = SwitchedOff(), torch.ones(1, 1, 4, 4, requires_grad=True)
    assert not module(x).requires_grad
    with torch.inference_mode(), computed_gradients(module):
        made = module(x)
        assert torch.is_grad_enabled()
    assert made.requires_grad and not module(x).requires_grad
    assert not any(one._forward_pre_hooks for one in module.modules())


def test_an_output_is_replaced_with_gradients_where_a_network_switches_them_off():
    module, x = SwitchedOff(), torch.ones(1, 1, 4, 4)
    enabled, scale = [], torch.ones((), requires_grad=True)

    def scaled(maps):
        enabled.append(torch.is_grad_enabled())
        return maps * scale

    for call in (1, 2):
        with computed_gradients(module), replaced_output(module, "activation", scaled, call=call):
            assert module(x).requires_grad
    assert enabled == [True, True]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_users_setting_of_gradients_is_restored(enabled):
    with torch.set_grad_enabled(enabled):
        with pytest.raises(RuntimeError), computed_gradients(SwitchedOff()):
            raise RuntimeError
        assert torch.is_grad_enabled() is enabled


def test_one_call_of_a_submodule_is_replaced():
    module, x = SwitchedOff(), torch.ones(1, 1, 4, 4)
    with replaced_output(module, "activation", torch.zeros_like, call=2):
        assert not module(x).any()
    with replaced_output(module, "activation", lambda maps: maps + 1, call=1):
        changed = module(x)
    assert (changed >= 0.9 - 1e-6).all()
    with replaced_output(module, "activation", lambda maps: None):
        torch.testing.assert_close(module(x), module(x))
