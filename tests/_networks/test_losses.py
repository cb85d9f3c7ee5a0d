"""The objectives of training, row by row, compared with their definitions."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from sksoftinfo._bounds.accumulator import row_terms
from sksoftinfo._networks.losses import (
    DonskerVaradhanLoss,
    LogSoftmaxLoss,
    PredictiveLoss,
    divergence_from_standard_normal,
    log_proba_of_rows,
)


@pytest.mark.parametrize("n_classes", [1, 2, 32, 33, 200])
@pytest.mark.parametrize("rows", [(0,), (1,), (7,), (4, 3), (0, 3)])
@pytest.mark.parametrize("scale", [1.0, 1e4, 1e300])
def test_log_proba_of_rows_for_few_and_many_classes(n_classes, rows, scale):
    logits = scale * np.random.default_rng(0).uniform(-1, 1, (*rows, n_classes))
    found = log_proba_of_rows(torch.as_tensor(logits))
    assert found.shape == logits.shape
    if logits.size:
        np.testing.assert_allclose(found, log_softmax(logits, axis=-1), rtol=1e-12, atol=1e-12)


def test_an_impossible_class_stays_impossible():
    logits = torch.tensor([[0.0, -torch.inf, 1.0]], dtype=torch.float64)
    found = log_proba_of_rows(logits)
    assert found[0, 1] == -torch.inf
    assert torch.exp(found).sum() == pytest.approx(1, abs=1e-15)


def test_loss_of_certain_logits_is_that_of_one_draw():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).double()
    y = torch.tensor([0, 1, 2, 3, 3, 0])
    one = LogSoftmaxLoss()(logits, y)
    torch.testing.assert_close(one, LogSoftmaxLoss()(logits[:, None], y))
    torch.testing.assert_close(one, -torch.log_softmax(logits, 1)[torch.arange(6), y])


def test_loss_equals_cross_entropy_and_averages_over_draws():
    z = torch.randn(6, 5, 4, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 3, 0, 1])
    loss = LogSoftmaxLoss()
    expected = torch.stack(
        [torch.nn.functional.cross_entropy(z[:, k], y, reduction="none") for k in range(5)]
    ).mean(0)
    torch.testing.assert_close(loss(z, y), expected)
    torch.testing.assert_close(loss(z[:, 0] + 1e4, y), loss(z[:, 0], y), atol=1e-10, rtol=1e-9)


@pytest.mark.parametrize("loss", [LogSoftmaxLoss, DonskerVaradhanLoss, PredictiveLoss])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_objectives_against_numpy_and_finite_differences(loss, scale):
    generator = torch.Generator().manual_seed(0)
    z = scale * torch.randn(5, 4, 3, generator=generator, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 0, 1])
    terms = row_terms(z.numpy(), y.numpy())
    expected = {
        LogSoftmaxLoss: terms.log_softmax,
        DonskerVaradhanLoss: terms.log_softmax - terms.jensen_gap + 0.0,
        PredictiveLoss: terms.predictive,
    }[loss]
    torch.testing.assert_close(loss()(z, y), -torch.as_tensor(expected))
    z.requires_grad_()
    if scale == 1.0:
        assert torch.autograd.gradcheck(lambda logits: loss()(logits, y), z)
    else:
        (gradient,) = torch.autograd.grad(loss()(z, y).sum(), z)
        assert torch.isfinite(gradient).all()


def test_divergence_against_torch_and_finite_differences():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(4, 3, generator=generator, dtype=torch.float64).requires_grad_()
    scale = torch.rand(4, 3, generator=generator, dtype=torch.float64).add(0.2).requires_grad_()
    standard = torch.distributions.Normal(torch.zeros(3).double(), torch.ones(3).double())
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, scale), standard
    ).sum(1)
    torch.testing.assert_close(divergence_from_standard_normal(mean, scale), expected)
    assert torch.autograd.gradcheck(divergence_from_standard_normal, (mean, scale))
