"""How patches are scored for torchvision's networks, here small and with random weights."""

import numpy as np
import pytest
import torch
from torch import nn

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.scoring import takes_crops
from tests.helpers.pretrained import Flattening, pretrained_network


def convnext(models):
    setting = [models.convnext.CNBlockConfig(8, 16, 1), models.convnext.CNBlockConfig(16, None, 1)]
    return models.ConvNeXt(setting, num_classes=3)


def swin(models):
    return models.SwinTransformer([4, 4], 8, [1, 1], [1, 2], [4, 4], num_classes=3)


def vit(models):
    network = models.VisionTransformer(64, 16, 1, 2, 16, 16, num_classes=3)
    # With the initial weights, all logits are zero.
    nn.init.normal_(network.heads.head.weight)
    return network


def vgg(models):
    features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(8))
    network = models.VGG(features, num_classes=3)
    network.classifier = nn.Sequential(nn.Linear(8 * 49, 16), nn.ReLU(), nn.Linear(16, 3))
    return network


#: Network, scoring, and how the feature layer is pooled.
ARCHITECTURES = {
    "ResNet": (
        lambda models: models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=3),
        "dense",
        "logits",
    ),
    "DenseNet": (
        lambda models: models.DenseNet(4, (1, 1), 8, num_classes=3),
        "dense",
        "logits",
    ),
    "MobileNetV2": (
        lambda models: models.mobilenet_v2(width_mult=0.1, num_classes=3),
        "dense",
        "logits",
    ),
    "SqueezeNet": (
        lambda models: models.squeezenet1_1(num_classes=3),
        "dense",
        "logits",
    ),
    "ConvNeXt": (convnext, "dense", "average"),
    "Swin": (swin, "dense", "logits"),
    "VGG": (vgg, "crop", None),
    "ViT": (vit, "paste", None),
}


def assert_chosen(network, scoring, pooling, n_images):
    clf = InfoSoftmaxClassifier.from_module(
        network, classes=["a", "b", "c"], input_shape=(3, 64, 64)
    )
    images = np.random.default_rng(0).normal(size=(n_images, 3, 64, 64)).astype(np.float32)
    masker = InfoMaskTransformer(clf, patch_size=32, context=1).fit(images)
    found = None if masker._dense is None else masker._dense[0].pooling
    assert (masker.patch_scoring_, found) == (scoring, pooling)
    assert np.isfinite(masker.information_map(images, "a")).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_is_chosen(name):
    models = pytest.importorskip("torchvision.models")
    build, scoring, pooling = ARCHITECTURES[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build(models)
    assert_chosen(network, scoring, pooling, n_images=2)


SMALL_VIT = {"img_size": 64, "embed_dim": 16, "depth": 1, "num_heads": 1}
#: Networks of timm, some of them smaller than their names suggest.
OF_TIMM = {
    "resnet10t": ({}, "dense", "logits"),
    "efficientnet_lite0": ({}, "dense", "logits"),
    "mobilenetv3_small_050": ({}, "dense", "average"),
    "regnetx_002": ({}, "dense", "logits"),
    "convnext_atto": ({"depths": (1, 1, 1, 1)}, "dense", "average"),
    "swin_tiny_patch4_window7_224": (
        {
            "img_size": 64,
            "window_size": 2,
            "embed_dim": 16,
            "depths": (1, 1, 1, 1),
            "num_heads": (1, 1, 1, 1),
        },
        "dense",
        "logits",
    ),
    "vit_tiny_patch16_224": (SMALL_VIT, "paste", None),
    "vit_tiny_patch16_224, average": (
        {**SMALL_VIT, "global_pool": "avg"},
        "dense",
        "average",
    ),
    "vit_tiny_patch16_224, average without a class token": (
        {**SMALL_VIT, "global_pool": "avg", "class_token": False, "fc_norm": False},
        "dense",
        "logits",
    ),
    "beit_base_patch16_224": (SMALL_VIT, "dense", "average"),
    "mlp_mixer.MlpMixer": ({"img_size": 64, "embed_dim": 16, "num_blocks": 1}, "dense", "logits"),
    "vgg.VGG": ({"cfg": [8, "M"] * 5, "mlp_ratio": 0.01}, "crop", None),
}


@pytest.mark.parametrize("name", OF_TIMM)
def test_what_is_chosen_for_networks_of_timm(name):
    timm = pytest.importorskip("timm")
    options, scoring, pooling = OF_TIMM[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        file, _, of_class = name.split(",")[0].partition(".")
        if of_class:
            network = getattr(getattr(timm.models, file), of_class)(num_classes=3, **options)
        else:
            network = timm.create_model(file, pretrained=False, num_classes=3, **options)
        # The weights of some heads start near zero.
        nn.init.normal_(network.get_classifier().weight)
    assert_chosen(network, scoring, pooling, n_images=1)


def test_a_network_that_flattens_by_the_number_of_its_images_is_scored_by_its_head():
    """If all layers share one activation, the map is taken at its last call."""
    module = pretrained_network()
    clf = InfoSoftmaxClassifier.from_module(module, classes=["a", "b", "c"])
    images = np.random.default_rng(0).normal(size=(5, 3, 24, 32)).astype(np.float32)
    masker = InfoMaskTransformer(clf, patch_size=4, context=1).fit(images)
    layer = masker._dense[0]
    expected = type(layer)("activation", "linear", 2, 12, ("activation", 1, "first"), "head")
    assert (masker.patch_scoring_, layer) == ("dense", expected)
    assert masker.stride_ == (4, 4)
    windows, whole = masker._mapper.scorer.logits(images)
    with torch.no_grad():
        own = module.eval()(torch.as_tensor(images)).numpy()
        cells = module.activation(
            module.second(module.activation(module.norm(module.first(torch.as_tensor(images)))))
        )
        expected = module.head(cells.movedim(1, -1)).numpy()
    np.testing.assert_allclose(whole, own, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(windows[0].transpose(1, 2, 3, 0), expected, rtol=1e-3, atol=1e-3)


class Doubling(Flattening):
    """A network whose logits differ from the outputs of its last layer."""

    def forward(self, x):
        return 2 * super().forward(x)


def test_a_head_without_weights_of_its_own_is_known_by_its_gradient():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Doubling()
    clf = InfoSoftmaxClassifier.from_module(module, classes=["a", "b", "c"])
    images = np.random.default_rng(0).normal(size=(5, 3, 24, 32)).astype(np.float32)
    masker = InfoMaskTransformer(clf, patch_size=4, context=1).fit(images)
    layer = masker._dense[0]
    assert (layer.pooling, layer.head) == ("linear", None)
    windows, whole = masker._mapper.scorer.logits(images)
    np.testing.assert_allclose(windows[0].mean((2, 3)).T, whole, rtol=1e-3, atol=1e-4)


class Curved(Flattening):
    """A network with a nonlinear head, which requires the number of images at the input."""

    def forward(self, x):
        logits = super().forward(x)
        return logits * logits.abs()


def test_a_head_that_is_not_linear_is_not_taken_for_one():
    clf = InfoSoftmaxClassifier.from_module(Curved(), classes=["a", "b", "c"])
    images = np.random.default_rng(0).normal(size=(5, 3, 24, 32)).astype(np.float32)
    masker = InfoMaskTransformer(clf, patch_size=16, context=1).fit(images)
    assert masker.patch_scoring_ == "crop"


class Raising(nn.Module):
    """A network that raises for inputs smaller than its images."""

    def __init__(self, error):
        super().__init__()
        self.error = error
        self.layer = nn.Linear(3 * 16 * 16, 2)

    def forward(self, x):
        if x.shape[-1] < 16:
            raise self.error
        return self.layer(x.flatten(1))


@pytest.mark.parametrize("error", [AssertionError, KeyError("size"), NotImplementedError])
def test_whatever_a_network_raises_it_does_not_take_crops(error):
    clf = InfoSoftmaxClassifier.from_module(Raising(error), classes=["a", "b"])
    images = np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)
    masker = InfoMaskTransformer(clf, patch_size=8, context=1).fit(images)
    assert masker.patch_scoring_ == "paste"


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError(), RuntimeError("can't allocate memory")]
)
def test_a_machine_without_memory_is_not_a_network_that_takes_no_crops(error):
    clf = InfoSoftmaxClassifier.from_module(Raising(error), classes=["a", "b"])
    images = np.random.default_rng(0).normal(size=(3, 3, 16, 16)).astype(np.float32)
    masker = InfoMaskTransformer(clf, patch_size=8, patch_scoring="paste").fit(images)
    with pytest.raises(type(error)):
        takes_crops(masker._classifier, images, (8, 8))
