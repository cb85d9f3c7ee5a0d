"""The places where noise enters a network."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sksoftinfo import StochasticInfoClassifier
from sksoftinfo._networks.modules import MLP
from sksoftinfo._networks.noise import AdditiveNoise, DropoutNoise, noise_bank


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
    with pytest.raises(ValueError, match="got .* and Linear"):
        DropoutNoise(torch.nn.Linear(2, 2), 1.0)


@pytest.fixture(scope="module")
def split():
    X, y = make_classification(600, 8, n_informative=5, n_classes=3, class_sep=1.5, random_state=0)
    return train_test_split(X, y, stratify=y, random_state=0)


class OtherForward(MLP):
    def forward(self, x):
        return super().forward(x) + 1 + x[:, :1]


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_noise_bank_is_nearer_to_its_expectation_than_independent_draws(distribution):
    transform = norm.cdf if distribution == "normal" else np.asarray
    errors = {"bank": [], "independent": []}
    for seed in range(40):
        bank = transform(noise_bank(64, 5, distribution, seed))
        errors["bank"].append(np.abs(bank.mean(0) - 0.5).max())
        independent = np.random.default_rng(seed).random((64, 5))
        errors["independent"].append(np.abs(independent.mean(0) - 0.5).max())
    assert np.mean(errors["bank"]) < np.mean(errors["independent"]) / 3
    np.testing.assert_array_equal(
        noise_bank(7, 3, distribution, 1), noise_bank(7, 3, distribution, 1)
    )
    assert np.isfinite(noise_bank(1, 2, distribution, 0)).all()
    assert noise_bank(3, 30_000, distribution, 0).shape == (3, 30_000)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"noise": "dropout", "module": OtherForward},
            r"replaces forward\(x\) by head\(features\(x\)\)",
        ),
    ],
)
def test_modules_that_cannot_be_wrapped(split, options, message):
    with pytest.raises(ValueError, match=message):
        StochasticInfoClassifier(**options).fit(split[0], split[2])
