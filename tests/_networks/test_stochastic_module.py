"""Networks with random logits of the user's own."""

import pytest
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sksoftinfo import StochasticInfoClassifier
from sksoftinfo._networks.modules import MLP
from sksoftinfo._networks.noise import AdditiveNoise, DropoutNoise


@pytest.fixture(scope="module")
def split():
    X, y = make_classification(600, 8, n_informative=5, n_classes=3, class_sep=1.5, random_state=0)
    return train_test_split(X, y, stratify=y, random_state=0)


def test_modules_of_the_user(split):
    X, X_test, y, _ = split
    instance = MLP(8, 3, hidden_sizes=(10,))
    for module in (instance, MLP):
        for noise, wrapper in (("additive", AdditiveNoise), ("dropout", DropoutNoise)):
            clf = StochasticInfoClassifier(module, noise=noise, max_epochs=1).fit(X, y)
            assert isinstance(clf.module_, wrapper)
            assert clf.predict(X_test).shape == (len(X_test),)
    assert clf.set_params(module__hidden_sizes=(6,)).fit(X, y).module_.module.head.in_features == 6
    with pytest.raises(ValueError, match="`noise` must be 'additive' or 'module' for a module"):
        StochasticInfoClassifier(torch.nn.Linear(8, 3), noise="dropout").fit(X, y)
