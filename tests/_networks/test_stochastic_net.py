"""Training with noise."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sksoftinfo import StochasticInfoClassifier


@pytest.fixture(scope="module")
def split():
    X, y = make_classification(600, 8, n_informative=5, n_classes=3, class_sep=1.5, random_state=0)
    return train_test_split(X, y, stratify=y, random_state=0)


@pytest.mark.long_training
def test_learned_scales_shrink_without_a_penalty_and_not_with_one(split):
    X, _, y, _ = split
    options = {"noise": "gaussian", "optimizer__weight_decay": 0.0, "random_state": 0}
    with pytest.warns(UserWarning, match="nothing keeps the learned scales from shrinking"):
        free = StochasticInfoClassifier(**options).fit(X, y)
    held = StochasticInfoClassifier(beta=0.1, **options).fit(X, y)

    def scale(clf):
        hidden = clf.module_.trunk(torch.as_tensor(X).to(clf.net_.device))
        return float(clf.module_.distribution(hidden)[1].median())

    with torch.no_grad():
        assert scale(free) < 0.5 * scale(held)


def test_penalty_is_weighted_like_the_loss(split):
    X, _, y, _ = split
    options = {"noise": "latent", "beta": 0.1, "batch_size": -1, "max_epochs": 3, "n_draws": 4}
    weight = np.arange(len(y)) % 3
    weighted = StochasticInfoClassifier(random_state=0, **options).fit(X, y, sample_weight=weight)
    repeated = StochasticInfoClassifier(random_state=0, **options)
    repeated.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), rtol=0, atol=1e-7
    )
