import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sksoftinfo import MLP, ConvNet
from sksoftinfo._networks.averaged_mlp import AveragedMLP
from sksoftinfo._networks.shared_ensemble import SharedEnsemble


def centred(logits):
    return logits - logits.mean(-1, keepdim=True)


def head_of(ensemble, member, features):
    return features @ ensemble.head.weight[member] + ensemble.head.bias[member]


@pytest.mark.parametrize("hidden_sizes", [(), (8,), (8, 6)])
@pytest.mark.parametrize("n_mlps", [1, 2])
def test_each_member_is_an_mlp_with_signs_and_a_head_of_its_own(hidden_sizes, n_mlps):
    averaged = AveragedMLP(4, 3, hidden_sizes=hidden_sizes, n_members=n_mlps)
    ensemble = SharedEnsemble(averaged, 4, 6).double()
    assert set(ensemble.signs.unique().tolist()) == {-1.0, 1.0}
    x = torch.randn(5, 4, dtype=torch.float64)
    logits = ensemble(x, ensemble.draw((6,), dtype=torch.float64))
    for member in range(6):
        hidden = averaged.prepare(x) * ensemble.signs[member]
        for layer in averaged.hidden:
            if isinstance(layer, torch.nn.ReLU):
                hidden = hidden.relu()
            else:
                own = member * n_mlps // 6
                hidden = hidden @ layer.weight[own] + layer.bias[own]
        expected = centred(head_of(ensemble, member, hidden))
        torch.testing.assert_close(logits[:, member], expected)


class Features(torch.nn.Module):
    """A user's network for both tables and images: the signs multiply axis 1 of its input."""

    def __init__(self, n_inputs):
        super().__init__()
        self.layer, self.head = torch.nn.Linear(n_inputs, 7), torch.nn.Linear(7, 3)

    def features(self, x):
        return torch.tanh(self.layer(x.flatten(2).mean(2) if x.ndim > 2 else x))


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 6, 6)])
def test_signs_multiply_columns_or_channels_of_a_users_network(shape):
    module = Features(4)
    ensemble = SharedEnsemble(module, 4, 3)
    x = torch.randn(shape)
    logits = ensemble(x, ensemble.draw((3,)))
    for member in range(3):
        signs = ensemble.signs[member].view(4, *(1 for _ in shape[2:]))
        features = module.features(x * signs)
        torch.testing.assert_close(logits[:, member], centred(head_of(ensemble, member, features)))


@pytest.mark.parametrize("channels", [(), (6,), (6, 5, 4)])
def test_signs_come_before_the_last_convolution_of_the_default_network(channels):
    network = ConvNet(2, 3, channels=channels)
    ensemble = SharedEnsemble(network, 2, 3)
    x = torch.randn(5, 2, 9, 9)
    logits = ensemble(x, ensemble.draw((3,)))
    assert logits.shape == (5, 3, 3)
    before = network.prepare(x)
    before = network.body[: 2 * (len(channels) - 1)](before) if channels else before
    for member in range(3):
        signed = before * ensemble.signs[member][:, None, None]
        features = network.body[2 * (len(channels) - 1) :](signed) if channels else signed
        expected = centred(head_of(ensemble, member, features.mean((2, 3))))
        torch.testing.assert_close(logits[:, member], expected)


def test_draws_are_the_first_members_for_all_rows():
    ensemble = SharedEnsemble(AveragedMLP(4, 3, n_members=2), 4, 4)
    x = torch.randn(5, 4)
    whole = ensemble(x, ensemble.draw((4,)))
    torch.testing.assert_close(ensemble(x, ensemble.draw((2,))), whole[:, :2])
    torch.testing.assert_close(ensemble(x, ensemble.draw((5, 3))), whole[:, :3])
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(ensemble.draw((4,), generator), torch.eye(4))
    with pytest.raises(ValueError, match="`n_draws` must be at most 4, .*; got 5. Pass None"):
        ensemble.draw((5,))


@pytest.mark.parametrize("module", [torch.nn.Linear(4, 3), torch.nn.Sequential()])
def test_a_network_without_features_is_refused(module):
    with pytest.raises(
        ValueError, match="`noise` must be 'additive' or 'module' for a module without `features"
    ):
        SharedEnsemble(module, 4, 2)


def test_members_that_cannot_be_shared_out_are_refused():
    with pytest.raises(ValueError, match="`n_draws` must be a multiple of 2, .*; got 3"):
        SharedEnsemble(AveragedMLP(4, 3, n_members=2), 4, 3)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 1000))
def test_members_differ_by_signs_and_heads_alone(n_mlps, per_mlp, seed):
    torch.manual_seed(seed)
    n_members = n_mlps * per_mlp
    averaged = AveragedMLP(3, 2, hidden_sizes=(5,), n_members=n_mlps)
    ensemble = SharedEnsemble(averaged, 3, n_members).double()
    with torch.no_grad():
        ensemble.signs.copy_(ensemble.signs[:1].clone().expand_as(ensemble.signs))
        ensemble.head.weight.copy_(
            ensemble.head.weight[:1].clone().expand_as(ensemble.head.weight)
        )
        ensemble.head.bias.copy_(ensemble.head.bias[:1].clone().expand_as(ensemble.head.bias))
    x = torch.randn(4, 3, dtype=torch.float64)
    logits = ensemble(x, ensemble.draw((n_members,), dtype=torch.float64)).detach().numpy()
    shares = logits.reshape(4, n_mlps, per_mlp, 2)
    np.testing.assert_allclose(shares, np.broadcast_to(shares[:, :, :1], shares.shape))


def test_an_mlp_of_the_user_is_wrapped_as_it_is():
    """The signs multiply the columns before the columns are prepared."""
    module = MLP(4, 3)
    ensemble = SharedEnsemble(module, 4, 2)
    x = torch.randn(5, 4)
    expected = head_of(ensemble, 1, module.features(x * ensemble.signs[1]))
    torch.testing.assert_close(ensemble(x, ensemble.draw((2,)))[:, 1], centred(expected))
