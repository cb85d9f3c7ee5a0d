import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits
from skorch.callbacks import Callback

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo._networks.image_net import empty_images, shifted

LEVELS = (-0.5, -0.1, 0.0, 0.3, 0.5, 0.7, 1.0, 1.3)


@pytest.fixture(scope="module")
def digits():
    """Zeros, ones and twos within [0, 1]: images (n, 8, 8) and labels."""
    X, y = load_digits(n_class=3, return_X_y=True)
    return (X.reshape(-1, 8, 8) / 16).astype(np.float32)[:250], y[:250]


@pytest.fixture(scope="module")
def of_digits(digits):
    X, y = digits
    return InfoSoftmaxClassifier(random_state=0, device="cpu").fit(X, y)


def strange(n, channels=1):
    """Images without content, by name: constants, gradients, and noise of several scales."""
    rng, ramp = np.random.default_rng(0), np.linspace(0, 1, n)
    found = {f"level {level}": np.full((1, n, n), level) for level in LEVELS}
    found |= {"across": ramp[None, None].repeat(n, 1), "down": ramp[None, :, None].repeat(n, 2)}
    for scale in (0, 1, 2):
        noise = gaussian_filter(rng.normal(size=(20, n, n)), (0, scale, scale))
        found[f"noise {scale}"] = 0.5 + 0.15 * noise / noise.std()
    return {name: images.astype(np.float32) for name, images in found.items()}


def test_images_without_content_carry_no_information(of_digits, digits):
    X, y = digits
    assert of_digits.score(X, y) > 0.98
    for name, images in strange(8).items():
        found = np.abs(of_digits.pointwise_information(images)).mean()
        # A black image resembles the border of digits; images unlike all digits are uninformative.
        assert found < 0.7, (name, found)


def test_levels_are_information_where_the_label_is_a_level():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = (0.3 + 0.4 * y[:, None, None] + 0.05 * rng.normal(size=(200, 8, 8))).astype(np.float32)
    clf = InfoSoftmaxClassifier(random_state=0, device="cpu").fit(X[:100], y[:100])
    assert clf.score_bounds(X[100:], y[100:]).mi_lower > 0.6


@pytest.mark.parametrize("offset", [1e2, 1e4, -1e3])
def test_a_bias_of_all_images_does_not_matter(digits, offset):
    """A camera's bias level is an example."""
    X, y = digits
    clf = InfoSoftmaxClassifier(random_state=0, device="cpu").fit(X[:150] + offset, y[:150])
    assert clf.score(X[150:] + offset, y[150:]) > 0.95


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 8)])
def test_a_bias_does_not_matter_in_trainings_of_ones_own(digits, shape):
    X, y = digits
    X = np.broadcast_to(X[:, None], (len(X), 3, 8, 8)) if len(shape) == 3 else X
    X = X + (np.float32(1e3) if len(shape) == 2 else np.float32([[[10]], [[1e3]], [[-500]]]))
    assert InfoSoftmaxClassifier(max_epochs=20, random_state=0).fit(X, y).score(X, y) > 0.9
    clf = InfoSoftmaxClassifier(random_state=0)
    for _ in range(20):
        for rows in (slice(0, 100), slice(100, 250)):
            clf.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert clf.score(X, y) > 0.9


@pytest.mark.parametrize("channels", [1, 3])
def test_empty_images_have_the_range_of_images_and_half_are_constant(channels):
    torch.manual_seed(0)
    images = torch.rand(16, channels, 12, 20) * 4 - 1
    empty = torch.cat([empty_images(images, 10) for _ in range(40)])
    assert empty.shape == (400, channels, 12, 20)
    low, high = images.min(), images.max()
    levels = empty.mean((2, 3))
    spread = high - low
    assert (levels > low - spread).all() and (levels < high + spread).all()
    assert levels.min() < low and levels.max() > high
    constant = (empty == empty[..., :1, :1]).all(3).all(2).all(1)
    assert 0.35 < constant.float().mean() < 0.65


def test_images_are_shifted_by_whole_pixels_in_training_alone(digits):
    torch.manual_seed(0)
    images = torch.rand(50, 2, 6, 7)
    moved = shifted(images, 1)
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), "replicate")
    places = [(down, right) for down in range(3) for right in range(3)]
    found = set()
    for image, all_of_it in zip(moved, padded, strict=True):
        fits = [
            place
            for place in places
            if torch.equal(image, all_of_it[:, place[0] :, place[1] :][:, :6, :7])
        ]
        assert len(fits) == 1
        found.add(fits[0])
    assert found == set(places)


def test_training_is_the_same_for_the_same_seed_and_leaves_nothing_behind(digits):
    X, y = digits[0][:30], digits[1][:30]
    fits = [InfoSoftmaxClassifier(random_state=seed, device="cpu").fit(X, y) for seed in (3, 3, 4)]
    probabilities = [clf.predict_proba(X) for clf in fits]
    np.testing.assert_array_equal(*probabilities[:2])
    assert not np.array_equal(probabilities[0], probabilities[2])
    assert "_of_empty" not in vars(fits[0].net_)
    fits[0].partial_fit(X, y)
    assert not fits[0].net_.adds_empty


def test_the_target_of_empty_images_is_the_weighted_label_frequencies(digits):
    X, y = digits
    weight = np.where(y == 0, 8.0, 1.0)
    clf = InfoSoftmaxClassifier(random_state=0, device="cpu").fit(X, y, sample_weight=weight)
    found = clf.predict_proba(np.full((1, 8, 8), 0.6, np.float32))[0]
    np.testing.assert_allclose(found, clf.train_prior_, atol=0.12)


class Rates(Callback):
    """A callback that records the learning rate of each epoch."""

    def on_epoch_end(self, net, **kwargs):
        net.history.record("rate", net.optimizer_.param_groups[0]["lr"])


def test_the_learning_rate_rises_and_falls(digits):
    X, y = digits
    options = {"callbacks": [("rates", Rates())], "random_state": 0, "device": "cpu"}
    clf = InfoSoftmaxClassifier(**options).fit(X[:40], y[:40])
    rates = np.array(clf.history_[:, "rate"]) / clf.lr
    assert len(rates) == 50
    assert rates.argmax() == 5 and (np.diff(rates[:6]) > 0).all()
    assert (np.diff(rates[5:]) < 0).all()
    assert rates.max() == pytest.approx(4, rel=0.02) and rates[-1] < 0.01
    assert clf.net_.optimizer_.param_groups[0]["lr"] == clf.lr
    own = InfoSoftmaxClassifier(max_epochs=3, **options).fit(X[:40], y[:40])
    assert own.history_[:, "rate"] == [own.lr] * 3
