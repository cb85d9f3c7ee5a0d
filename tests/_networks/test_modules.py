import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo._networks.modules import ConvNet

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


def test_convnet_logits_are_the_average_of_its_position_logits():
    net = ConvNet(n_channels=1, n_classes=3).double()
    x = torch.randn(4, 1, 28, 56, dtype=torch.float64)
    positions = net.head(net.feature_map(x).movedim(1, -1))
    torch.testing.assert_close(positions.mean((1, 2)), net(x))


@pytest.mark.parametrize("sizes", [5, (0,), (-3,), (2.5,), "ab", (True,), (8, np.True_)])
def test_sizes_that_no_layer_has(sizes):
    with pytest.raises(ValueError, match="`hidden_sizes` must be a sequence of positive ints"):
        InfoSoftmaxClassifier(module__hidden_sizes=sizes, **FAST).fit(X, Y)
    images = np.zeros((4, 8, 8))
    with pytest.raises(ValueError, match="`channels` must be a sequence of positive ints"):
        InfoSoftmaxClassifier(module__channels=sizes, **FAST).fit(images, Y[48:52])


@pytest.mark.parametrize("rate", [float("nan"), -0.1, 2])
@pytest.mark.parametrize("early_stopping", ["auto", False])
def test_rates_of_dropout_that_are_not_shares(rate, early_stopping):
    options = {"module__dropout": rate, "early_stopping": early_stopping, "random_state": 0}
    clf = InfoSoftmaxClassifier(**options)
    with pytest.raises(ValueError, match=r"`dropout` must be within \[0, 1\]; got"):
        clf.fit(X, Y)
    clf.set_params(module__dropout=0.1, max_epochs=1, early_stopping=False).fit(X, Y)


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_images_of_any_scale_give_the_same_network(dtype):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8)).astype(dtype)
    y = np.arange(20) % 2
    default = InfoSoftmaxClassifier(random_state=0, device="cpu")
    found = default.fit(images, y).predict_proba(images)
    expected = default.fit(images / 255, y).predict_proba(images / 255)
    np.testing.assert_allclose(found, expected, atol=1e-2)
