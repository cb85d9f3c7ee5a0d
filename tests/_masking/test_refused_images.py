"""Images that a network cannot process are refused in terms of the images."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier


class Averages(nn.Module):
    """A network that drops two pixels at each side, and averages over what is left."""

    def __init__(self):
        super().__init__()
        self.convolution, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.convolution(x)[:, :, 2:-2, 2:-2].mean((2, 3)))


class Tokens(nn.Module):
    """A network that takes images of 16 x 16 pixels only."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 8, stride=8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        torch._assert(x.shape[2:] == (16, 16), f"Wrong image size {tuple(x.shape[2:])}")
        return self.head(self.layer(x).mean((2, 3)))


def network_of(*layers):
    layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(8, 2))


NETWORKS = {
    "kernel": lambda: network_of(),
    "pooling": lambda: network_of(nn.MaxPool2d(4)),
    "border": lambda: network_of(nn.ReflectionPad2d(5)),
    "flat": lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(32, 2)),
    "tokens": Tokens,
    "averages": Averages,
}
NEEDED = r"`X` must hold images that the network can process; got images of shape \(3, {}, {}\)"
NO_PIXELS = "images in X are so small that a layer averages over no pixels"


def classifier_of(name):
    torch.manual_seed(0)
    return InfoSoftmaxClassifier.from_module(NETWORKS[name](), classes=["a", "b"])


class Pictures(Dataset):
    def __init__(self, pictures):
        self.pictures = pictures

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        return self.pictures[index], index % 2


FORMS = {
    "array": lambda X: X,
    "PIL": lambda X: [
        Image.fromarray((255 * x).astype(np.uint8).transpose(1, 2, 0), "RGB") for x in X
    ],
    "dataset": lambda X: Pictures([torch.as_tensor(x) for x in X]),
    "loader": lambda X: DataLoader(Pictures([torch.as_tensor(x) for x in X]), batch_size=2),
}


@pytest.mark.parametrize("size", [(2, 40), (40, 2), (1, 1)])
@pytest.mark.parametrize("name", NETWORKS)
def test_thin_arrays(name, size):
    clf = classifier_of(name)
    X = np.random.default_rng(0).random((3, 3, *size), dtype=np.float32)
    message = NO_PIXELS if name == "averages" else NEEDED.format(*size)
    for use in (
        clf.predict_proba,
        lambda X: clf.score_bounds(X, ["a", "b", "a"]),
        lambda X: InfoMaskTransformer(clf).fit(X).mask(X),
        lambda X: InfoMaskTransformer(clf, patch_scoring="paste").fit(X).transform(X),
        lambda X: InfoMaskTransformer(clf, patch_size=1).fit(X, ["a", "b", "a"]).mask(X),
    ):
        with pytest.raises(ValueError, match=message):
            use(X)


@pytest.mark.parametrize("form", FORMS)
def test_thin_pictures_in_every_form(form):
    clf = classifier_of("pooling")
    thin = FORMS[form](np.random.default_rng(0).random((3, 3, 3, 40), dtype=np.float32))
    masker = InfoMaskTransformer(clf)
    with pytest.raises(ValueError, match=NEEDED.format(3, 40)):
        masker.fit(thin)
    assert not hasattr(masker, "estimator_")
    with pytest.raises(ValueError, match=NEEDED.format(3, 40)):
        clf.predict(thin)
    if form != "array":
        with pytest.raises(ValueError, match=NEEDED.format(3, 40)):
            clf.score_bounds(thin, ["a", "b", "a"])


@pytest.mark.parametrize("n_channels", [1, 2, 4])
def test_other_numbers_of_channels(n_channels):
    clf = classifier_of("kernel")
    X = np.random.default_rng(0).random((3, n_channels, 20, 20), dtype=np.float32)
    message = rf"shape \({n_channels}, 20, 20\), on which module=Sequential fails"
    for use in (clf.predict, InfoMaskTransformer(clf).fit):
        with pytest.raises(ValueError, match=message):
            use(X)


@pytest.mark.parametrize("name", ["pooling", "averages"])
def test_thin_pictures_are_enlarged_for_a_known_size(name):
    torch.manual_seed(0)
    clf = InfoSoftmaxClassifier.from_module(
        NETWORKS[name](), classes=["a", "b"], input_shape=(3, 24, 24)
    )
    pictures = [
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
        for size in ((2, 40), (40, 2), (1, 1))
    ]
    masker = InfoMaskTransformer(clf).fit(pictures)
    assert [one.shape for one in masker.mask(pictures)] == [(2, 40), (40, 2), (1, 1)]
    assert all(np.isfinite(one).all() for one in masker.information_map(pictures))


@pytest.mark.parametrize("shape", [(5, 40), (40, 4)])
def test_preprocessing_that_returns_thin_images(shape):
    clf = classifier_of("pooling")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 50, 50), dtype=np.uint8)

    def preprocess(picture):
        return torch.as_tensor(picture)[:, : shape[0], : shape[1]] / 255

    masker = InfoMaskTransformer(clf, preprocess=preprocess)
    with pytest.raises(ValueError, match=NEEDED.format(*shape)):
        masker.fit(pictures)
