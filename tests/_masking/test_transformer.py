import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo.datasets import make_digit_pairs
from tests.helpers.images import digits_beside_nothing, small_net


@pytest.fixture(scope="module")
def small():
    X, y = digits_beside_nothing()
    return X, np.array(["zero", "one"])[y]


@pytest.fixture(scope="module")
def net(small):
    return small_net(*small)


@pytest.fixture(scope="module")
def train():
    return make_digit_pairs(2000, random_state=0)


@pytest.fixture(scope="module")
def test():
    return make_digit_pairs(500, subset="test", random_state=0)


@pytest.fixture(scope="module")
def masker(train):
    return InfoMaskTransformer(target=1, random_state=0).fit(train.data, train.target)


def localisation(masker, pairs):
    """Return mean IoU with the target's ink, the other digit's ink kept, and absent ink kept."""
    kept = masker.mask(pairs.data) & pairs.foreground
    present = pairs.target == 1
    both = present & (pairs.digits >= 0).all(axis=1)
    intersection = (kept & pairs.masks).sum(axis=(1, 2))
    union = (kept | pairs.masks).sum(axis=(1, 2))
    other = pairs.foreground & ~pairs.masks
    return (
        (intersection[present] / union[present]).mean(),
        (kept & other)[both].sum() / other[both].sum(),
        kept[~present].sum() / pairs.foreground[~present].sum(),
    )


def test_masks_of_the_embedded_digits(masker, test):
    """Figure 2 of the paper, with all defaults: the 20 % rule, image labels only."""
    assert masker.estimator_.score(test.data, test.target) >= 0.95
    assert masker.patch_scoring_ == "dense"
    iou, other, absent = localisation(masker, test)
    assert iou >= 0.90
    assert other <= 0.05
    assert absent <= 0.10


def test_the_paper_read_literally_does_not_find_the_digits(masker, train, test):
    """Small patches fed alone, scored by their logit: why this is not what is built."""
    literal = InfoMaskTransformer(
        FrozenEstimator(masker.estimator_),
        target=1,
        patch_size=7,
        stride=7,
        patch_scoring="crop",
        information="logit",
    ).fit(train.data[:200], train.target[:200])
    assert localisation(literal, test)[0] < 0.5 < localisation(masker, test)[0]


def test_masked_images_keep_the_evidence(masker, test):
    masked = masker.transform(test.data)
    kept = masker.mask(test.data)
    np.testing.assert_array_equal(masked[kept], test.data[kept])
    assert (masked[~kept] == 0).all()
    assert masked.dtype == test.data.dtype
    accuracy = (masker.estimator_.predict(masked) == test.target)[test.target == 1].mean()
    assert accuracy >= 0.95


def test_an_image_without_information_is_masked_whole(masker, train):
    information = masker.information_map(train.data)
    nothing = (information <= 0).all(axis=(1, 2))
    assert nothing.any()
    assert not masker.mask(train.data)[nothing].any()
    assert np.isfinite(information).all()


def test_score_prefers_the_mask_that_separates(masker, test):
    score = masker.score(test.data, test.target)
    assert score <= 0
    everything = clone(masker).set_params(
        estimator=FrozenEstimator(masker.estimator_), threshold_reference="absolute"
    )
    everything.set_params(threshold=1e6, patch_size=28).fit(test.data, test.target)
    assert everything.score(test.data, test.target) < score - 1


def test_layouts_agree(small, net):
    X, y = small
    options = {"patch_size": 4, "random_state": 0}
    frozen = FrozenEstimator(net)
    as_images = InfoMaskTransformer(frozen, **options).fit(X, y)
    as_channels = InfoMaskTransformer(
        FrozenEstimator(
            InfoSoftmaxClassifier(net.module_, max_epochs=1, lr=1e-12).fit(X[:, None], y)
        ),
        **options,
    ).fit(X[:, None], y)
    flat = InfoMaskTransformer(frozen, image_shape=(8, 16), **options).fit(X.reshape(-1, 128), y)
    expected = as_images.transform(X)
    assert flat.patch_scoring_ == as_channels.patch_scoring_ == "dense"
    np.testing.assert_array_equal(flat.transform(X.reshape(-1, 128)), expected.reshape(-1, 128))
    np.testing.assert_array_equal(as_channels.transform(X[:, None]), expected[:, None])
    assert flat.mask(X.reshape(-1, 128)).shape == as_channels.mask(X[:, None]).shape == X.shape
    own = InfoMaskTransformer(
        InfoSoftmaxClassifier(max_epochs=1), image_shape=(8, 16), **options
    ).fit(X.reshape(-1, 128), y)
    assert own.estimator_.input_shape_ == (8, 16)


def test_tables_are_masked_by_windows_of_columns():
    X, y = load_iris(return_X_y=True, as_frame=True)
    masker = InfoMaskTransformer(random_state=0, patch_size=1, fill_value=-1.0).fit(X, y)
    masked = masker.transform(X)
    kept = masker.mask(X)
    assert masked.shape == kept.shape == masker.information_map(X).shape == X.shape
    np.testing.assert_array_equal(masked == -1.0, ~kept)
    assert 0 < kept.mean() < 1
    frame = masker.set_output(transform="pandas").transform(X)
    assert frame.columns.tolist() == X.columns.tolist()
    assert isinstance(frame, pd.DataFrame)
    assert masker.get_feature_names_out().tolist() == X.columns.tolist()


def test_targets(small, net):
    X, y = small
    fitted = {
        name: InfoMaskTransformer(
            FrozenEstimator(net), target=target, patch_size=4, random_state=0
        ).fit(X, y)
        for name, target in (("none", None), ("one", "one"), ("both", ["zero", "one"]))
    }
    one, zero = (fitted["one"].information_map(X, target=label) for label in ("one", "zero"))
    np.testing.assert_allclose(fitted["both"].information_map(X), np.maximum(one, zero))
    predicted = net.predict(X)
    np.testing.assert_allclose(
        fitted["none"].information_map(X),
        np.where((predicted == "one")[:, None, None], one, zero),
    )
    np.testing.assert_array_equal(
        fitted["both"].mask(X),
        fitted["one"].mask(X) | clone_with_target(fitted["one"], "zero").mask(X),
    )
    # For two classes one's weight of evidence is minus the other's, patch by patch.
    alone = InfoMaskTransformer(FrozenEstimator(net), context=1, patch_size=4, random_state=0)
    zero, one = alone.fit(X, y).information_maps(X, ["zero", "one"])
    np.testing.assert_allclose(one, -zero, atol=1e-9)


def clone_with_target(masker, target):
    other = pickle.loads(pickle.dumps(masker))
    return other.set_params(target=target)


def test_threshold_references(small, net):
    X, y = small
    options = {
        "target": "one",
        "patch_size": 4,
        "random_state": 0,
        "require_presence": False,
    }
    frozen = FrozenEstimator(net)
    information = InfoMaskTransformer(frozen, **options).fit(X, y).information_map(X)
    image = InfoMaskTransformer(frozen, threshold=0.5, **options).fit(X, y)
    np.testing.assert_array_equal(
        image.mask(X),
        (information > 0.5 * information.max((1, 2), keepdims=True)) & (information > 0),
    )
    share = InfoMaskTransformer(frozen, threshold=0.5, threshold_reference="fit", **options)
    share.fit(X[:200], y[:200])
    known = share.information_map(X[:200])
    assert share.reference_maximum_[0] == pytest.approx(known.max())
    np.testing.assert_array_equal(share.mask(X[:200]), known > 0.5 * known.max())
    nats = InfoMaskTransformer(frozen, threshold=-1.0, threshold_reference="absolute", **options)
    np.testing.assert_array_equal(nats.fit(X, y).mask(X), information > -1.0)


def test_constant_images_have_an_answer(small, net):
    X, y = small
    masker = InfoMaskTransformer(FrozenEstimator(net), patch_size=4).fit(X, y)
    for constant in (0.0, 1.0):
        images = np.full((2, 8, 16), constant, dtype=np.float32)
        assert np.isfinite(masker.information_map(images)).all()
        np.testing.assert_array_equal(masker.mask(images)[0], masker.mask(images)[1])


def test_same_seed_same_maps_and_copies_agree(small, tmp_path):
    X, y = small
    options = {"patch_size": 4, "random_state": 3}
    estimator = InfoSoftmaxClassifier(max_epochs=3)
    first = InfoMaskTransformer(estimator, **options).fit(X, y)
    expected = first.transform(X)
    np.testing.assert_array_equal(clone(first).fit(X, y).transform(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).transform(X), expected)
    joblib.dump(first, tmp_path / "masker")
    np.testing.assert_array_equal(joblib.load(tmp_path / "masker").transform(X), expected)
    assert not hasattr(estimator, "net_")


def test_a_frozen_classifier_is_left_as_it_is(small, net):
    X, y = small
    before = net.predict_proba(X)
    InfoMaskTransformer(FrozenEstimator(net), patch_size=4).fit(X[:50], y[:50])
    np.testing.assert_array_equal(net.predict_proba(X), before)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"patch_size": 9}, "patch_size=9 is larger than the images, which have 8 x 16"),
        ({"patch_size": (4, 17)}, r"patch_size=\(4, 17\) is larger"),
        ({"patch_size": 0}, "'patch_size' parameter of InfoMaskTransformer .* Got 0"),
        ({"threshold": 1.5}, r"threshold=1.5 is outside \[0, 1\]"),
        ({"threshold": -0.1, "threshold_reference": "fit"}, "threshold=-0.1 is outside"),
        ({"target": "two"}, r"target='two' is no class that is known: choose among \['one'"),
        ({"target": ["one", "two"]}, "is no class that is known"),
        ({"target": []}, r"target=\[\] is no class"),
        ({"image_shape": (8, 15)}, r"image_shape=\(8, 15\) has 120 entries, but rows of X have"),
        ({"stride": 5, "patch_size": 4}, "stride=5 is larger than the patch"),
        ({"stride": 2, "patch_scoring": "dense", "patch_size": 4}, "stride=2 cannot be set"),
        ({"context": 0.5}, "'context' parameter of InfoMaskTransformer .* Got 0.5"),
        ({"information": "entropy"}, "'information' parameter .* Got 'entropy'"),
        ({"estimator": 3}, "'estimator' parameter .* Got 3"),
    ],
)
def test_bad_parameters(small, options, message):
    masker = InfoMaskTransformer(**{"estimator": InfoSoftmaxClassifier(max_epochs=1), **options})
    with pytest.raises(ValueError, match=message):
        masker.fit(*small)


def test_bad_input(small, net):
    X, y = small
    masker = InfoMaskTransformer(FrozenEstimator(net), patch_size=4, target="one").fit(X, y)
    with pytest.raises(ValueError, match=r"rows of shape \(8, 15\), but InfoMaskTransformer"):
        masker.transform(X[:, :, :15])
    with pytest.raises(ValueError, match="contains NaN"):
        masker.transform(np.where(X > 0.5, np.nan, X))
    with pytest.raises(ValueError, match=r"labels that are unknown: \['two'\]"):
        masker.score(X, np.where(y == "one", "two", y))
    with pytest.raises(ValueError, match="y holds no image with target='one'"):
        masker.score(X[y == "zero"], y[y == "zero"])
    with pytest.raises(ValueError, match="target='two' is no class"):
        masker.information_map(X, target="two")
    with pytest.raises(ValueError, match=r"threshold=2 is outside"):
        clone_with_target(masker, "one").set_params(threshold=2).transform(X)
    for name, value in {"threshold": "a", "mask_type": "round", "threshold_reference": 3}.items():
        with pytest.raises(ValueError, match=f"'{name}' parameter of InfoMaskTransformer must be"):
            clone_with_target(masker, "one").set_params(**{name: value}).mask(X)
    with pytest.raises(ValueError, match="y holds the one class"):
        InfoMaskTransformer().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match=r"labels that are unknown"):
        InfoMaskTransformer(FrozenEstimator(net)).fit(X, np.arange(len(X)))
    with pytest.raises(NotFittedError):
        InfoMaskTransformer(FrozenEstimator(InfoSoftmaxClassifier())).fit(X, y)
    with pytest.raises(NotFittedError):
        InfoMaskTransformer().transform(X)
