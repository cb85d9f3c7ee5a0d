"""Masks of a pretrained network, from pictures without labels."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import DataLoader, Dataset

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._networks import ConvNet
from sksoftinfo.export import information_map_module
from tests.helpers.pretrained import NAMES, Colours, pretrained_network


def iou(masks, squares):
    return (masks & squares).sum((1, 2)) / (masks | squares).sum((1, 2))


@pytest.mark.parametrize("wrap", [lambda clf: clf, FrozenEstimator], ids=["itself", "frozen"])
@pytest.mark.parametrize("n", [1, 30])
def test_pictures_without_labels_are_enough(network, pictures, n, wrap):
    images, squares, labels = pictures
    assert (network.predict(images) == labels).all()
    masker = InfoMaskTransformer(wrap(network)).fit(images[:n])
    assert masker.calibration_ == ("shipped" if n == 1 else "shared")
    assert masker.patch_scoring_ == "dense" and masker.estimator_ is not None
    assert np.isfinite(masker.presence_floor_).all() and masker.presence_floor_.shape == (6,)
    np.testing.assert_allclose(masker.prior_, 1 / 6)
    masks = masker.mask(images, y=labels)
    assert iou(masks, squares).mean() > 0.5
    absent = masker.mask(images, y=np.roll(NAMES, 1)[np.searchsorted(sorted(NAMES), labels)])
    there = np.roll(NAMES, 1)[np.searchsorted(sorted(NAMES), labels)] == labels
    assert not absent[~there].any()


def test_even_none_of_the_target(network, pictures):
    images, _, labels = pictures
    others = labels != "red"
    masker = InfoMaskTransformer(network, target="red").fit(images[others])
    assert not masker.mask(images[others]).any()
    kept = masker.mask(images[~others])
    assert kept.any((1, 2)).all() and np.isfinite(masker.information_map(images)).all()
    with pytest.raises(ValueError, match="`target` must hold known classes, .*; got 'mauve'"):
        InfoMaskTransformer(network, target="mauve").fit(images)


@pytest.mark.parametrize("which", ["one class", "five classes"])
def test_labels_of_some_classes_alone(network, pictures, which):
    images, squares, labels = pictures
    rows = labels == "red" if which == "one class" else labels != "red"
    masker = InfoMaskTransformer(network, patch_size=6).fit(images[rows], labels[rows])
    assert masker.calibration_ == ("shipped" if which == "one class" else "shared")
    assert (masker.prior_ > 0).all() and masker.prior_.sum() == pytest.approx(1)
    maps = masker.information_maps(images)
    assert np.isfinite(maps).all()
    assert iou(masker.mask(images, y=labels), squares).mean() > 0.5


@pytest.mark.parametrize("wrap", [lambda clf: clf, FrozenEstimator], ids=["itself", "frozen"])
@pytest.mark.parametrize("scoring", ["dense", "crop"])
def test_labels_of_all_classes_mask_as_well_as_none(network, pictures, scoring, wrap):
    images, squares, labels = pictures
    masker = InfoMaskTransformer(wrap(network), patch_scoring=scoring, random_state=0)
    without = masker.fit(images).mask(images, y=labels)
    np.testing.assert_array_equal(masker.fit(images, labels).mask(images, y=labels), without)
    assert masker.calibration_ == "shared" and not hasattr(masker, "patch_size_scores_")


def test_labels_of_two_classes_calibrate_them(network, pictures):
    images, squares, labels = pictures
    two = np.isin(labels, ["red", "blue"])
    module = torch.nn.Sequential(Colours(), torch.nn.Linear(6, 2, bias=False))
    module[1].weight.data = torch.eye(6)[[NAMES.index("red"), NAMES.index("blue")]]
    clf = InfoSoftmaxClassifier.from_module(module, classes=["red", "blue"])
    masker = InfoMaskTransformer(clf).fit(images[two], labels[two])
    assert masker.calibration_ == "labels" and masker.patch_size_ == (5, 5)
    assert iou(masker.mask(images[two], y=labels[two]), squares[two]).mean() > 0.5


def test_the_prior_is_given_or_the_networks(pictures):
    images, _, labels = pictures
    given = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    network = InfoSoftmaxClassifier.from_module(Colours(), classes=NAMES, prior=given)
    fits = {
        None: InfoMaskTransformer(network).fit(images[:1]),
        "uniform": InfoMaskTransformer(network, prior="uniform").fit(images[:1]),
        "array": InfoMaskTransformer(network, prior=given[::-1]).fit(images[:12], labels[:12]),
    }
    np.testing.assert_allclose(fits[None].prior_, given)
    np.testing.assert_allclose(fits["uniform"].prior_, 1 / 6)
    np.testing.assert_allclose(fits["array"].prior_, given[::-1])
    assert not any(np.isnan(masker.presence_floor_).any() for masker in fits.values())
    with pytest.raises(ValueError, match="`prior` must be a distribution"):
        InfoMaskTransformer(network, prior=[0.5, 0.5]).fit(images)


def test_what_is_refused(network, pictures):
    images, _, labels = pictures
    with pytest.raises(TypeError, match="from_module"):
        InfoMaskTransformer(pretrained_network()).fit(images, labels)
    for estimator in (None, LogisticRegression()):
        with pytest.raises(ValueError, match="the target y is None.*from_module"):
            InfoMaskTransformer(estimator).fit(images)
    with pytest.raises(ValueError, match="must be passed with calibrate='features'"):
        InfoMaskTransformer(network, calibrate="features").fit(images)
    with pytest.raises(ValueError, match="calibrate"):
        InfoMaskTransformer(network, calibrate="pictures").fit(images)


@pytest.mark.parametrize("reference", ["fit", "absolute"])
@pytest.mark.parametrize("calibrate", [True, False])
def test_every_reference_of_the_threshold_works_without_labels(
    network, pictures, reference, calibrate
):
    images, squares, labels = pictures
    masker = InfoMaskTransformer(
        network, threshold_reference=reference, threshold=0.2, calibrate=calibrate, patch_size=8
    ).fit(images)
    assert iou(masker.mask(images, y=labels), squares).mean() > 0.3
    assert not np.isnan(masker.presence_floor_).any()


def test_nothing_of_the_network_changes(pictures):
    module = pretrained_network()
    clf = InfoSoftmaxClassifier.from_module(module, classes=["a", "b", "c"])
    before = {name: value.clone() for name, value in clf.module_.state_dict().items()}
    images = pictures[0]
    InfoMaskTransformer(clf, random_state=0).fit(images, clf.predict(images)).transform(images)
    for name, value in clf.module_.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("information", ["weight_of_evidence", "pmi"])
def test_maps_of_a_shared_calibration_are_exported(information):
    images = np.random.default_rng(0).normal(size=(12, 1, 16, 16)).astype(np.float32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = ConvNet(1, 5, channels=(8, 8), kernel_size=3)
    module.head.weight.data.mul_(20)
    clf = InfoSoftmaxClassifier.from_module(module, classes=list("edcba"))
    masker = InfoMaskTransformer(clf, information=information, patch_size=[4, 8]).fit(images)
    assert masker.calibration_ in ("shared", "shipped")
    with torch.no_grad():
        maps = information_map_module(masker, "d")(torch.as_tensor(images)).numpy()
    np.testing.assert_allclose(maps, masker.information_map(images, "d"), rtol=1e-3, atol=1e-3)


def test_a_fitted_masker_is_pickled_and_cached(network, pictures, tmp_path):
    images, _, labels = pictures
    plain = InfoMaskTransformer(network, random_state=0).fit(images)
    cached = InfoMaskTransformer(network, random_state=0, memory=str(tmp_path)).fit(images)
    copied = pickle.loads(pickle.dumps(plain))
    for other in (cached, cached, copied):
        np.testing.assert_array_equal(other.mask(images, y=labels), plain.mask(images, y=labels))
        group = [
            one.set_params(combine="group").information_map(images, NAMES[:2])
            for one in (plain, other)
        ]
        union = [
            one.set_params(combine="union").information_map(images, NAMES[:2])
            for one in (plain, other)
        ]
        np.testing.assert_allclose(group[0], group[1], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(union[0], union[1], rtol=1e-5, atol=1e-6)
        assert not np.allclose(group[0], union[0])


class Averages(nn.Module):
    """A network that drops two pixels at each side, and averages over the remaining pixels."""

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


def pil_image(pixels):
    return pytest.importorskip("PIL.Image").fromarray(pixels)


FORMS = {
    "array": lambda X: X,
    "PIL": lambda X: [pil_image((255 * x).astype(np.uint8).transpose(1, 2, 0)) for x in X],
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
        pil_image(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
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
