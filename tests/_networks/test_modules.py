import pytest
import torch

from sksoftinfo._networks.losses import LogSoftmaxLoss
from sksoftinfo._networks.modules import MLP, ConvNet
from sksoftinfo._networks.noise import AdditiveNoise, DropoutNoise


def test_convnet_logits_are_the_average_of_its_position_logits():
    net = ConvNet(n_channels=1, n_classes=3).double()
    x = torch.randn(4, 1, 28, 56, dtype=torch.float64)
    positions = net.head(net.feature_map(x).movedim(1, -1))
    torch.testing.assert_close(positions.mean((1, 2)), net(x))


@pytest.mark.parametrize("noise", [AdditiveNoise, DropoutNoise])
def test_without_noise_a_stochastic_module_is_the_network(noise):
    net = MLP(5, 3).double()
    args = (net, 3, 0.0) if noise is AdditiveNoise else (net, 0.0)
    stochastic = noise(*args)
    x = torch.randn(7, 5, dtype=torch.float64)
    draws = stochastic(x, torch.rand(4, stochastic.noise_size, dtype=torch.float64))
    assert draws.shape == (7, 4, 3)
    torch.testing.assert_close(draws, net(x)[:, None].expand(7, 4, 3))


def test_dropout_factor_has_mean_one_and_the_stated_scale():
    net = MLP(2, 2, hidden_sizes=(50,)).double()
    scale = 0.5
    stochastic = DropoutNoise(net, scale)
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(4000, 50, generator=generator, dtype=torch.float64)
    factor = (noise >= stochastic.rate).double() / (1 - stochastic.rate)
    n = factor.numel()
    # Four standard errors of the mean, and of the variance of a two-point variable.
    assert abs(factor.mean().item() - 1) < 4 * scale / n**0.5
    squares = (factor - 1) ** 2
    assert abs(squares.mean().item() - scale**2) < 4 * squares.std().item() / n**0.5


def test_dropout_refuses_a_module_without_features():
    with pytest.raises(ValueError, match="Linear has not both"):
        DropoutNoise(torch.nn.Linear(2, 2), 1.0)


def test_loss_equals_cross_entropy_and_averages_over_draws():
    z = torch.randn(6, 5, 4, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    loss = LogSoftmaxLoss()
    expected = torch.stack(
        [torch.nn.functional.cross_entropy(z[:, k], y, reduction="none") for k in range(5)]
    ).mean(0)
    torch.testing.assert_close(loss(z, y), expected)
    torch.testing.assert_close(loss(z[:, 0] + 1e4, y), loss(z[:, 0], y), atol=1e-10, rtol=1e-9)
