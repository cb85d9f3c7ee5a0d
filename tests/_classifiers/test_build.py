"""Building a network from parameters and rows."""

import numpy as np
import pytest
import torch
from sklearn.utils import compute_sample_weight

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo._networks.modules import ConvNet
from tests.helpers.networks import TinyNet


def test_class_weight_is_sample_weight(split):
    X, X_test, y, _ = split
    keep = ~((y == "setosa") & (np.arange(len(y)) % 3 > 0))
    X, y = X[keep], y[keep]
    options = {"max_epochs": 3, "random_state": 0}
    weights = {"setosa": 2.0, "versicolor": 1.0, "virginica": 0.5}
    for class_weight in ("balanced", weights):
        by_class = InfoSoftmaxClassifier(class_weight=class_weight, **options).fit(X, y)
        by_row = InfoSoftmaxClassifier(**options).fit(
            X, y, sample_weight=compute_sample_weight(class_weight, y)
        )
        np.testing.assert_allclose(by_class.predict_proba(X_test), by_row.predict_proba(X_test))


def test_images_get_a_convolutional_network(images):
    X, y = images
    grey = InfoSoftmaxClassifier(max_epochs=8, random_state=0).fit(X, y)
    assert isinstance(grey.module_, ConvNet)
    assert next(grey.module_.parameters()).dtype == torch.float32
    assert grey.score(X, y) > 0.9
    channel = InfoSoftmaxClassifier(max_epochs=8, random_state=0).fit(X[:, None], y)
    np.testing.assert_array_equal(grey.predict_proba(X), channel.predict_proba(X[:, None]))
    colour = np.repeat(X[:, None], 3, axis=1)
    assert InfoSoftmaxClassifier(max_epochs=1).fit(colour, y).module_.body[0].in_channels == 3


def test_dtype_follows_the_table(split):
    X, _, y, _ = split
    for dtype in ("float32", "float64"):
        fitted = InfoSoftmaxClassifier(max_epochs=1).fit(X.astype(dtype), y)
        assert next(fitted.module_.parameters()).dtype == getattr(torch, dtype)
    forced = InfoSoftmaxClassifier(max_epochs=1, dtype="float32").fit(X, y)
    assert next(forced.module_.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    "module", [TinyNet, TinyNet(4, 3), lambda n_classes: TinyNet(4, n_classes)]
)
def test_any_module(split, module):
    X, X_test, y, y_test = split
    before = module.layers[0].weight.clone() if isinstance(module, torch.nn.Module) else None
    fitted = InfoSoftmaxClassifier(module, lr=0.03, random_state=0).fit(X, y)
    assert fitted.score(X_test, y_test) > 0.85
    if before is not None:
        torch.testing.assert_close(module.layers[0].weight, before)
