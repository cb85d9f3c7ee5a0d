"""The objectives of training, row by row, against their definitions."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from sksoftinfo._networks.losses import LogSoftmaxLoss, log_proba_of_rows


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
