import numpy as np
import pytest
import torch
from torch import nn

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._networks import naming_images


class Fails(nn.Module):
    """A network that raises an error for images that are narrower than 5 pixels."""

    def __init__(self, error):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.error = error

    def forward(self, x):
        if x.shape[-1] < 5:
            raise self.error
        return self.layer(x.mean((2, 3)))


@pytest.mark.parametrize(
    "error", [RuntimeError("too thin."), ValueError("too thin"), AssertionError(), IndexError()]
)
def test_errors_of_layers_name_the_shape(error):
    reason = "too thin" if error.args else type(error).__name__
    with (
        pytest.raises(
            ValueError, match=rf"shape \(3, 9, 2\), on which module=Fails fails: {reason}\. Resi"
        ) as raised,
        naming_images(Fails(error).eval(), torch.zeros(1, 3, 9, 2)),
    ):
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    ("error", "rows", "training"),
    [
        (RuntimeError("CUDA error: device-side assert triggered"), torch.zeros(1, 3, 9, 2), False),
        (RuntimeError("tensors on the same device"), torch.zeros(1, 3, 9, 2), False),
        (torch.OutOfMemoryError("out of memory"), torch.zeros(1, 3, 9, 2), False),
        (MemoryError(), torch.zeros(1, 3, 9, 2), False),
        (LookupError("mine"), torch.zeros(1, 3, 9, 2), False),
        (RuntimeError("of a table"), torch.zeros(1, 3), False),
        (ValueError("more than 1 value per channel"), torch.zeros(1, 3, 9, 2), True),
    ],
)
def test_other_errors_come_out_as_they_are(error, rows, training):
    with (
        pytest.raises(type(error)) as raised,
        naming_images(nn.Linear(3, 2).train(training), rows),
    ):
        raise error
    assert raised.value is error


class NoisyConvolution(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
        )
        self.head = nn.Linear(4, n_classes)

    def forward(self, x):
        return self.head(self.features(x))


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_training_names_images_that_the_module_cannot_process(estimator):
    X = np.random.default_rng(0).random((8, 3, 9, 2), dtype=np.float32)
    clf = estimator(NoisyConvolution, max_epochs=1)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match=r"got images of shape \(3, 9, 2\)"):
        clf.fit(X, np.arange(8) % 2)
    assert vars(clf) == before
    clf.fit(X.repeat(4, axis=3), np.arange(8) % 2)
