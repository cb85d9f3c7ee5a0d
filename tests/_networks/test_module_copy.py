"""Copies of modules: equal to deep copies, or sharing the weights of the module."""

import copy
import threading

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from sksoftinfo._networks.module_copy import copied_module, evaluation_copy


class Knotted(nn.Module):
    """A network with shared layers, weights and dictionaries, and a reference to itself."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.layers[1].weight = self.layers[0].weight
        self.last = self.layers[1]
        self.in_list = [self.layers[0]]
        self.first.cache = self.norm.cache = {}
        self.first.owner = [self]

    def forward(self, x):
        x = self.norm(self.first(x)).mean((2, 3))
        return self.last(self.in_list[0](x))


class OwnCopy(nn.Linear):
    def __deepcopy__(self, memo):
        made = OwnCopy(self.in_features, self.out_features)
        made.load_state_dict(self.state_dict())
        made.note = "its own"
        return made


class WithoutLock(nn.Linear):
    def __init__(self, *args):
        super().__init__(*args)
        self.lock = threading.Lock()

    def __getstate__(self):
        return {key: held for key, held in vars(self).items() if key != "lock"}


@pytest.mark.parametrize("make", [copy.deepcopy, copied_module, evaluation_copy])
def test_copies_keep_what_is_shared_within_a_network(make):
    module = Knotted().eval()
    fresh = make(module)
    assert fresh.last is fresh.layers[1] and fresh.in_list[0] is fresh.layers[0]
    assert fresh.layers[0].weight is fresh.last.weight
    assert fresh.first.owner[0] is fresh
    assert fresh.first.cache is fresh.norm.cache and fresh.first.cache is not module.first.cache
    ours, theirs = {*map(id, fresh.modules())}, {*map(id, module.modules())}
    assert len(ours) == len(theirs) and not ours & theirs
    x = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(fresh(x), module(x))


@pytest.mark.parametrize("make", [copied_module, evaluation_copy])
def test_hooks_and_settings_of_a_copy_are_its_own(make):
    module, seen = Knotted(), []
    fresh = make(module)
    fresh.last.register_forward_hook(lambda *_: seen.append("copy"))
    fresh.layers.append(nn.Identity())
    fresh.first.cache["size"] = 3
    module.eval()(torch.rand(1, 3, 8, 8))
    assert not seen and len(module.layers) == 2 and module.first.cache == {}


def test_a_full_copy_has_weights_of_its_own():
    module = Knotted()
    fresh = copied_module(module)
    assert fresh.training and fresh.first.weight.requires_grad
    for (name, one), (other_name, other) in zip(
        module.state_dict().items(), fresh.state_dict().items(), strict=True
    ):
        assert name == other_name and torch.equal(one, other)
        assert one.data_ptr() != other.data_ptr()


def test_copies_for_hooks_share_weights_and_have_buffers_of_their_own():
    module = Knotted()
    fresh = evaluation_copy(module)
    assert not fresh.training and not any(one.requires_grad for one in fresh.parameters())
    assert module.training and all(one.requires_grad for one in module.parameters())
    assert fresh.last.weight.data_ptr() == module.last.weight.data_ptr()
    assert fresh.first.weight.is_contiguous(memory_format=torch.channels_last)
    fresh.norm.running_mean += 1
    assert not module.norm.running_mean.any()
    with torch.no_grad():
        module.last.weight.zero_()
    assert not fresh.last.weight.any()


@pytest.mark.parametrize("make", [copied_module, evaluation_copy])
def test_layers_that_define_how_they_are_copied_are_copied_so(make):
    module = nn.Sequential(
        OwnCopy(3, 3), WithoutLock(3, 3), parametrizations.orthogonal(nn.Linear(3, 3))
    ).eval()
    fresh = make(module)
    assert fresh[0].note == "its own" and not hasattr(fresh[1], "lock")
    x = torch.rand(2, 3)
    torch.testing.assert_close(fresh(x), module(x))


LAYERS = {
    "recurrent": (lambda: nn.LSTM(3, 4, batch_first=True), (2, 5, 3)),
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (2, 5, 4)),
    "graph": (lambda: torch.fx.symbolic_trace(nn.Sequential(nn.Linear(3, 2), nn.ReLU())), (2, 3)),
    "parametrized": (lambda: parametrizations.weight_norm(nn.Linear(3, 2)), (2, 3)),
}


@pytest.mark.parametrize("make", [copied_module, evaluation_copy])
@pytest.mark.parametrize("build, shape", LAYERS.values(), ids=LAYERS)
def test_layers_with_states_of_their_own(make, build, shape):
    module, x = build().eval(), torch.rand(shape)
    with torch.no_grad():
        fresh = make(module)
        torch.testing.assert_close(fresh(x), module(x))
        for weight in module.parameters():
            weight.mul_(2)
        changed = make(module)(x)
        torch.testing.assert_close(changed, module(x))


def test_weights_made_in_inference_mode_are_copied_for_gradients():
    with torch.inference_mode():
        module = nn.Linear(3, 2)
    x = torch.rand(1, 3, requires_grad=True)
    evaluation_copy(module)(x).sum().backward()
    assert x.grad is not None
