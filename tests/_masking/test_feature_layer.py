import copy

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from torch import nn

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.dense import dense_layer
from sksoftinfo._masking.image_classifier import ImageClassifier
from sksoftinfo._networks import predict_logits


@pytest.fixture(scope="module")
def colour():
    rng = np.random.default_rng(0)
    return rng.random((16, 3, 48, 64), dtype=np.float32), np.arange(16) % 3


class Pooled(nn.Module):
    """Two convolutions and a pooling that is not a module."""

    def __init__(self, pool, n_classes=3):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 5, stride=3, padding=2)
        self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.pool = pool
        self.head = nn.Linear(8, n_classes)

    def forward(self, x):
        return self.head(self.pool(self.second(torch.relu(self.first(x)))))


def average(x):
    return x.mean((2, 3))


def maximum(x):
    return x.amax((2, 3))


def log_mean_exp(x):
    return x.flatten(2).logsumexp(2) - np.log(x.shape[2:].numel())


def rectified_average(x):
    return torch.relu(x).mean((2, 3))


def weighted(x):
    return (x * torch.linspace(0, 1, x.shape[-1], device=x.device)).mean((2, 3))


def fitted(module, data):
    return InfoSoftmaxClassifier(module, max_epochs=1, random_state=0, device="cpu").fit(*data)


def masker_of(classifier, data, **options):
    options = {"patch_size": 24, "random_state": 0, **options}
    return InfoMaskTransformer(FrozenEstimator(classifier), **options).fit(*data)


@pytest.mark.parametrize(
    "pool, pooling",
    [
        (average, "logits"),
        (maximum, "maximum"),
        (log_mean_exp, "own"),
        (rectified_average, "logits"),
    ],
)
def test_windows_are_pooled_as_the_network_pools(colour, pool, pooling):
    X, y = colour
    classifier = fitted(Pooled(pool), colour)
    masker = masker_of(classifier, colour)
    assert masker.patch_scoring_ == "dense"
    assert (masker.feature_layer_, masker._dense[0].pooling) == ("second", pooling)
    # The strides are 3 and 2: 5 pixels, and two more cells of 3 pixels.
    assert masker.stride_ == (6, 6)
    assert masker.receptive_field_ == (11, 11)
    logits, whole = masker._mapper.scorer.logits(X[:2])
    np.testing.assert_allclose(whole, predict_logits(classifier.net_, X[:2]), atol=1e-5)
    module = classifier.module_
    with torch.no_grad():
        feature_map = module.second(torch.relu(module.first(torch.as_tensor(X[:2]))))
        if pooling == "logits":
            # Four cells around one: three whole, and half of one at either end.
            weight = torch.tensor([0.5, 1, 1, 1, 0.5]) / 4
            cells = feature_map[:, :, 1:6, 3:8]
            # Layers before the pooling that act on single cells also act on the cells of a window.
            cells = cells.relu() if pool is rectified_average else cells
            window = torch.einsum("ncab,a,b->nc", cells, weight, weight)
            expected = module.head(window)
        else:
            expected = module.head(module.pool(feature_map[:, :, 1:6, 3:8]))
    np.testing.assert_allclose(logits[0, :, :, 3, 5].T, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert masker.information_maps(X[:2]).shape == (3, 2, 48, 64)


class Sizes(Pooled):
    """A network that records the number of pixels of its images, and how they are pooled."""

    def __init__(self, pool):
        super().__init__(pool)
        self.sizes = []

    def __deepcopy__(self, memo):
        # Copies share the list of records.
        memo[id(self.sizes)] = self.sizes
        fresh = type(self).__new__(type(self))
        fresh.__dict__ = copy.deepcopy(self.__dict__, memo)
        return fresh

    def forward(self, x):
        self.sizes.append(len(x) * x.shape[2] * x.shape[3])
        return super().forward(x)


def weighted_if_large(x):
    return weighted(x) if x.shape[-1] > 5 else average(x)


@pytest.mark.parametrize("pool, dense", [(average, True), (weighted_if_large, False)])
def test_one_image_confirms_what_small_images_prove(colour, pool, dense):
    X = colour[0][:1]
    clf = InfoSoftmaxClassifier.from_module(Sizes(pool), classes=["a", "b", "c"])
    images = ImageClassifier(clf, X.shape[1:], 32)
    del clf.module_.sizes[:]
    found = dense_layer(images, X, None)
    assert (found is not None) == dense
    if dense:
        layer, geometry = found
        assert layer.name == "second" and layer.small_side == 24
        assert [one.stride for one in geometry] == [6, 6]
        assert clf.module_.sizes.count(48 * 64) == 1
        assert max(clf.module_.sizes) == 48 * 64


class LastMapVanishes(Pooled):
    """A network whose last map is a single cell for small images."""

    def __init__(self):
        super().__init__(average)
        self.second = nn.Sequential(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 8, stride=8, padding=4))


def test_the_last_map_is_found_if_it_is_a_single_cell_of_small_images(colour):
    X = colour[0][:1, :, :24, :24]
    clf = InfoSoftmaxClassifier.from_module(LastMapVanishes(), classes=["a", "b", "c"])
    layer, geometry = dense_layer(ImageClassifier(clf, X.shape[1:], 32), X, None)
    assert layer.name == "second" and geometry[0].stride == 12


def test_a_pooling_that_depends_on_positions_is_not_dense(colour):
    masker = masker_of(fitted(Pooled(weighted), colour), colour)
    assert masker.patch_scoring_ == "crop"
    assert masker.feature_layer_ is None


class Spread(nn.Module):
    """A network with pointwise layers after the convolution, and without a linear head."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=4, padding=2), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.tail = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8), nn.Hardswish(), nn.Linear(8, 3)
        )

    def forward(self, x):
        return self.tail(self.body(x))


def test_a_head_that_is_not_linear(colour):
    X, _ = colour
    classifier = fitted(Spread(), colour)
    masker = masker_of(classifier, colour, patch_size=[4, 20])
    assert (masker.feature_layer_, masker._dense[0].pooling) == ("body", "average")
    logits = masker._mapper.scorer.patch_logits(X[:2])
    module = classifier.module_.eval()
    with torch.no_grad():
        feature_map = module.body(torch.as_tensor(X[:2]))
        expected = [
            module.tail(feature_map[:, :, 4:5, 6:7]).numpy(),
            module.tail(feature_map[:, :, 2:7, 4:9]).numpy(),
        ]
    np.testing.assert_allclose(
        logits[:2, :, :, 4, 6].swapaxes(1, 2), expected, rtol=1e-4, atol=1e-5
    )


def test_the_layer_can_be_named(colour):
    classifier = fitted(Spread(), colour)
    named = masker_of(classifier, colour, feature_layer="body.2")
    assert named.feature_layer_ == "body.2"
    np.testing.assert_allclose(
        named.information_map(colour[0]),
        masker_of(classifier, colour).information_map(colour[0]),
        atol=1e-9,
    )
    for wrong in ("nothing", "tail.0", "tail.4"):
        with pytest.raises(
            ValueError, match=f"`feature_layer` must name a submodule .*; got '{wrong}'"
        ):
            masker_of(classifier, colour, feature_layer=wrong)
    with pytest.raises(
        ValueError, match="`feature_layer` must be None without dense scoring; got 'body'"
    ):
        masker_of(classifier, colour, feature_layer="body", patch_scoring="paste")


@pytest.mark.parametrize(
    "name, layer",
    [("resnet18", "layer4"), ("mobilenet_v2", "features"), ("squeezenet1_1", "classifier.2")],
)
def test_torchvision_networks(colour, name, layer):
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    module = getattr(models, name)(weights=None, num_classes=3)
    X, y = colour[0][:, :, :, :48], colour[1]
    classifier = InfoSoftmaxClassifier(module, max_epochs=1, lr=1e-5, device="cpu").fit(X, y)
    masker = masker_of(classifier, (X[:8], y[:8]), patch_size=40)
    assert masker.patch_scoring_ == "dense"
    assert masker.feature_layer_ == layer
    _, whole = masker._mapper.scorer.logits(X[:4])
    own = predict_logits(classifier.net_, X[:4])
    np.testing.assert_allclose(whole, own, rtol=1e-3, atol=1e-4 * np.abs(own).max())
    assert masker.transform(X[:4]).shape == (4, 3, 48, 48)


class Inexact(nn.Linear):
    """A layer that rounds differently at each call, as kernels of a GPU may."""

    n_calls = 0

    def __init__(self, n_inputs, n_outputs, error):
        super().__init__(n_inputs, n_outputs)
        self.error = error

    def forward(self, x):
        Inexact.n_calls += 1
        return super().forward(x) * (1 + self.error * np.sin(Inexact.n_calls))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(
    ("error", "scoring"),
    [
        # The errors are of single precision and of TF32, which would hide the evidence against a
        # layer.
        (1e-6, "dense"),
        (1e-3, "crop"),
    ],
)
def test_what_rounding_the_proof_of_dense_scoring_permits(cuda, colour, device, error, scoring):
    images, labels = colour
    module = Pooled(average)
    module.head = Inexact(8, 3, error)
    clf = InfoSoftmaxClassifier(module, max_epochs=1, random_state=0, device=device)
    masker = InfoMaskTransformer(
        FrozenEstimator(clf.fit(images, labels)), patch_size=24, random_state=0
    )
    assert masker.fit(images, labels).patch_scoring_ == scoring


class InNoGrad(Pooled):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class WithTrunkInNoGrad(Pooled):
    """A trunk without gradients, before a head that is not called as a module."""

    def forward(self, x):
        with torch.no_grad():
            x = self.second(torch.relu(self.first(x)))
        return nn.functional.linear(self.pool(x), self.head.weight, self.head.bias)


class InInferenceMode(Pooled):
    @torch.inference_mode()
    def forward(self, x):
        return super().forward(x)


@pytest.mark.parametrize("pool", [average, maximum])
@pytest.mark.parametrize("kind", [InNoGrad, WithTrunkInNoGrad])
def test_networks_that_switch_gradients_off_are_measured_by_gradients(colour, kind, pool):
    def fitted_masker(module):
        classifier = InfoSoftmaxClassifier.from_module(module, classes=[0, 1, 2], device="cpu")
        return InfoMaskTransformer(classifier, patch_size=24).fit(colour[0])

    torch.manual_seed(0)
    module = Pooled(pool)
    off = kind(pool)
    off.load_state_dict(module.state_dict())
    expected, masker = fitted_masker(module), fitted_masker(off)
    assert masker.feature_layer_ == "second"
    assert masker.receptive_field_ == expected.receptive_field_
    found = masker.information_maps(colour[0])
    np.testing.assert_allclose(found, expected.information_maps(colour[0]), atol=1e-4)
    assert torch.is_grad_enabled()


def test_networks_without_gradients_are_named(colour):
    module = InInferenceMode(average)
    classifier = InfoSoftmaxClassifier.from_module(module, classes=[0, 1, 2], device="cpu")
    message = "module=InInferenceMode computes without gradients.* Remove torch.inference_mode"
    with pytest.warns(UserWarning, match=message) as caught:
        masker = InfoMaskTransformer(classifier, patch_size=24).fit(colour[0])
    assert len(caught) == 1 and caught[0].filename == __file__
    assert masker.patch_scoring_ == "crop"
