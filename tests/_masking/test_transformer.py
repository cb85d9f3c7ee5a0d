import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo.datasets import make_digit_pairs
from sksoftinfo.metrics import box_accuracy_score, mask_iou_score
from tests.helpers.images import small_net

FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def named(small):
    X, y = small
    return X, np.array(["zero", "one"])[y]


@pytest.fixture(scope="module")
def named_net(named):
    return small_net(*named)


@pytest.fixture(scope="module")
def train():
    return make_digit_pairs(1000, random_state=0)


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
    other = pairs.foreground & ~pairs.masks
    return (
        mask_iou_score(pairs.masks, kept),
        (kept & other)[both].sum() / other[both].sum(),
        kept[~present].sum() / pairs.foreground[~present].sum(),
    )


@pytest.mark.long_training
def test_masks_of_the_embedded_digits(masker, test):
    """Figure 2 of the paper, with all defaults: the 20 % rule, image labels only."""
    assert masker.estimator_.score(test.data, test.target) >= 0.95
    assert masker.patch_scoring_ == "dense"
    iou, other, absent = localisation(masker, test)
    assert iou >= 0.90
    assert other <= 0.05
    assert absent <= 0.10


@pytest.mark.long_training
def test_the_paper_read_literally_does_not_find_the_digits(masker, train, test):
    """Score small patches, fed alone, by their logit: why this method is not used."""
    literal = InfoMaskTransformer(
        FrozenEstimator(masker.estimator_),
        target=1,
        patch_size=7,
        stride=7,
        patch_scoring="crop",
        information="logit",
    ).fit(train.data[:200], train.target[:200])
    assert localisation(literal, test)[0] < 0.5 < localisation(masker, test)[0]


@pytest.mark.long_training
def test_masked_images_keep_the_evidence(masker, test):
    masked = masker.transform(test.data)
    kept = masker.mask(test.data)
    np.testing.assert_array_equal(masked[kept], test.data[kept])
    assert (masked[~kept] == 0).all()
    assert masked.dtype == test.data.dtype
    accuracy = (masker.estimator_.predict(masked) == test.target)[test.target == 1].mean()
    assert accuracy >= 0.95


@pytest.mark.long_training
def test_an_image_without_information_is_masked_whole(masker, train):
    information = masker.information_map(train.data)
    nothing = (information <= 0).all(axis=(1, 2))
    assert nothing.any()
    assert not masker.mask(train.data)[nothing].any()
    assert np.isfinite(information).all()


@pytest.mark.long_training
def test_score_prefers_the_mask_that_separates(masker, test):
    score = masker.score(test.data, test.target)
    assert score > 0.6
    nothing = clone(masker).set_params(
        estimator=FrozenEstimator(masker.estimator_), threshold_reference="absolute"
    )
    nothing.set_params(threshold=1e6, patch_size=28).fit(test.data, test.target)
    assert nothing.score(test.data, test.target) == 0


def test_layouts_agree(named, named_net):
    X, y = named
    options = {"patch_size": 4, "random_state": 0}
    frozen = FrozenEstimator(named_net)
    as_images = InfoMaskTransformer(frozen, **options).fit(X, y)
    as_channels = InfoMaskTransformer(
        FrozenEstimator(
            InfoSoftmaxClassifier(named_net.module_, max_epochs=1, lr=1e-12).fit(X[:, None], y)
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


def test_targets(named, named_net):
    X, y = named
    fitted = {
        name: InfoMaskTransformer(
            FrozenEstimator(named_net), target=target, patch_size=4, random_state=0
        ).fit(X, y)
        for name, target in (("none", None), ("one", "one"), ("both", ["zero", "one"]))
    }
    one, zero = (fitted["one"].information_map(X, target=label) for label in ("one", "zero"))
    np.testing.assert_allclose(fitted["both"].information_map(X), np.maximum(one, zero))
    predicted = named_net.predict(X)
    np.testing.assert_allclose(
        fitted["none"].information_map(X),
        np.where((predicted == "one")[:, None, None], one, zero),
    )
    np.testing.assert_array_equal(
        fitted["both"].mask(X),
        fitted["one"].mask(X) | clone_with_target(fitted["one"], "zero").mask(X),
    )
    # With two classes, the weights of evidence are opposite numbers in each patch.
    alone = InfoMaskTransformer(
        FrozenEstimator(named_net), context=1, patch_size=4, random_state=0
    )
    zero, one = alone.fit(X, y).information_maps(X, ["zero", "one"])
    np.testing.assert_allclose(one, -zero, atol=1e-9)


def clone_with_target(masker, target):
    other = pickle.loads(pickle.dumps(masker))
    return other.set_params(target=target)


def test_threshold_references(named, named_net):
    X, y = named
    options = {
        "target": "one",
        "patch_size": 4,
        "random_state": 0,
        "require_presence": False,
    }
    frozen = FrozenEstimator(named_net)
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


def test_constant_images_have_an_answer(named, named_net):
    X, y = named
    masker = InfoMaskTransformer(FrozenEstimator(named_net), patch_size=4).fit(X, y)
    for constant in (0.0, 1.0):
        images = np.full((2, 8, 16), constant, dtype=np.float32)
        assert np.isfinite(masker.information_map(images)).all()
        np.testing.assert_array_equal(masker.mask(images)[0], masker.mask(images)[1])


def test_same_seed_same_maps_and_copies_agree(named, tmp_path):
    X, y = named
    options = {"patch_size": 4, "random_state": 3}
    estimator = InfoSoftmaxClassifier(max_epochs=3)
    first = InfoMaskTransformer(estimator, **options).fit(X, y)
    expected = first.transform(X)
    np.testing.assert_array_equal(clone(first).fit(X, y).transform(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).transform(X), expected)
    joblib.dump(first, tmp_path / "masker")
    np.testing.assert_array_equal(joblib.load(tmp_path / "masker").transform(X), expected)
    assert not hasattr(estimator, "net_")


def test_a_frozen_classifier_is_left_as_it_is(named, named_net):
    X, y = named
    before = named_net.predict_proba(X)
    InfoMaskTransformer(FrozenEstimator(named_net), patch_size=4).fit(X[:50], y[:50])
    np.testing.assert_array_equal(named_net.predict_proba(X), before)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"patch_size": 9},
            "`patch_size` must be at most the size of the images, 8 x 16 pixels; got 9",
        ),
        ({"patch_size": (4, 17)}, r"`patch_size` must be at most .*; got \(4, 17\)"),
        ({"patch_size": 0}, "'patch_size' parameter of InfoMaskTransformer .* Got 0"),
        ({"threshold": 1.5}, r"`threshold` must be within \[0, 1\] .*; got 1.5"),
        (
            {"threshold": -0.1, "threshold_reference": "fit"},
            "`threshold` must be within .*; got -0.1",
        ),
        ({"target": "two"}, r"`target` must hold known classes, \['one', .*; got 'two'"),
        ({"target": ["one", "two"]}, "`target` must hold known classes"),
        ({"target": []}, r"`target` must hold known classes, .*; got \[\]"),
        ({"image_shape": (8, 15)}, r"`image_shape` must have .*; got \(8, 15\) with 120"),
        ({"stride": 5, "patch_size": 4}, "`stride` must be at most the size of the patch"),
        (
            {"stride": 2, "patch_scoring": "dense", "patch_size": 4},
            "`stride` must be 'auto' with .*; got 2",
        ),
        ({"context": 0.5}, "'context' parameter of InfoMaskTransformer .* Got 0.5"),
        ({"information": "entropy"}, "'information' parameter .* Got 'entropy'"),
        ({"estimator": 3}, "'estimator' parameter .* Got 3"),
    ],
)
def test_bad_parameters(named, options, message):
    masker = InfoMaskTransformer(**{"estimator": InfoSoftmaxClassifier(max_epochs=1), **options})
    with pytest.raises(ValueError, match=message):
        masker.fit(*named)


def test_bad_input(named, named_net):
    X, y = named
    masker = InfoMaskTransformer(FrozenEstimator(named_net), patch_size=4, target="one").fit(X, y)
    with pytest.raises(ValueError, match=r"of InfoMaskTransformer; got rows of shape \(8, 15\)"):
        masker.transform(X[:, :, :15])
    with pytest.raises(ValueError, match="contains NaN"):
        masker.transform(np.where(X > 0.5, np.nan, X))
    with pytest.raises(ValueError, match=r"must hold known labels; got \['two'\]"):
        masker.score(X, np.where(y == "one", "two", y))
    with pytest.raises(ValueError, match="`y` must contain the target 'one'"):
        masker.score(X[y == "zero"], y[y == "zero"])
    with pytest.raises(ValueError, match="`target` must hold known classes, .*; got 'two'"):
        masker.information_map(X, target="two")
    with pytest.raises(ValueError, match="`threshold` must be within .*; got 2"):
        clone_with_target(masker, "one").set_params(threshold=2).transform(X)
    for name, value in {"threshold": "a", "mask_type": "round", "threshold_reference": 3}.items():
        with pytest.raises(ValueError, match=f"'{name}' parameter of InfoMaskTransformer must be"):
            clone_with_target(masker, "one").set_params(**{name: value}).mask(X)
    with pytest.raises(ValueError, match="`threshold_reference` must be set to 'fit' before"):
        clone_with_target(masker, "one").set_params(threshold_reference="fit").mask(X)
    with pytest.raises(ValueError, match="`y` must hold at least two classes"):
        InfoMaskTransformer().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match=r"must hold known labels"):
        InfoMaskTransformer(FrozenEstimator(named_net)).fit(X, np.arange(len(X)))
    with pytest.raises(NotFittedError):
        InfoMaskTransformer(FrozenEstimator(InfoSoftmaxClassifier())).fit(X, y)
    with pytest.raises(NotFittedError):
        InfoMaskTransformer().transform(X)


def test_soft_masks_fade(small, net):
    X, y = small
    options = {"target": 1, "patch_size": 4, "random_state": 0, "fill_value": "mean"}
    hard = InfoMaskTransformer(FrozenEstimator(net), **options).fit(X, y)
    soft = InfoMaskTransformer(FrozenEstimator(net), mask_type="soft", **options).fit(X, y)
    weight = soft.mask(X)
    assert weight.dtype == np.float64
    assert (weight[hard.mask(X)] == 1).all()
    assert ((weight > 0) & (weight < 1)).any()
    mean = X.mean()
    np.testing.assert_allclose(soft.transform(X), weight * X + (1 - weight) * mean, atol=1e-5)
    assert 0 < soft.score(X, y) <= 1


def test_boxes_hold_the_digits(small, net):
    X, y = small
    masker = InfoMaskTransformer(
        FrozenEstimator(net), target=1, patch_size=4, components=True, random_state=0
    ).fit(X, y)
    boxes = masker.bounding_boxes(X)
    assert boxes.shape == (len(X), 4)
    left = X[:, :, :8].sum(axis=(1, 2)) > 0
    halves = np.where(left[:, None], [0, 0, 8, 8], [8, 0, 16, 8])
    present = y == 1
    assert box_accuracy_score(halves[present], boxes[present], iou_threshold=0.3) > 0.8
    # Nothing has to be kept in images of the other class.
    assert (boxes[~present] == 0).all(axis=1).mean() > 0.9


def test_patches_as_large_as_the_image_and_as_small_as_a_pixel(small):
    X, y = small
    estimator = LogisticRegression().fit(X.reshape(len(X), -1), y)
    whole = InfoMaskTransformer(
        FrozenEstimator(estimator), target=1, patch_size=(8, 16), random_state=0
    ).fit(X, y)
    maps = whole.information_map(X)
    assert np.ptp(maps, axis=(1, 2)).max() < 1e-9
    assert (whole.mask(X).all(axis=(1, 2)) == (maps[:, 0, 0] > 0)).mean() > 0.99
    pixels = InfoMaskTransformer(
        FrozenEstimator(estimator), target=1, patch_size=1, random_state=0
    ).fit(X, y)
    assert np.isfinite(pixels.information_map(X[:5])).all()
    assert pixels.mask(X[:5]).shape == (5, 8, 16)


def test_pipeline_and_grid_search_over_threshold_and_patch_size(small):
    X, y = small
    X, y = X[:120].reshape(120, -1), y[:120]
    pipeline = make_pipeline(
        InfoMaskTransformer(LogisticRegression(), image_shape=(8, 16), random_state=0),
        LogisticRegression(),
    )
    search = GridSearchCV(
        pipeline,
        {
            "infomasktransformer__threshold": [0.1, 0.4],
            "infomasktransformer__patch_size": [4, 8],
        },
        cv=2,
    ).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.predict(X).shape == (120,)
    own = GridSearchCV(
        InfoMaskTransformer(LogisticRegression(), image_shape=(8, 16), random_state=0),
        {"threshold": [0.1, 0.4], "patch_size": [4, [4, 8]], "information": ["pmi", "logit"]},
        cv=2,
    ).fit(X, y)
    assert np.isfinite(own.cv_results_["mean_test_score"]).all()
    assert own.best_score_ == own.cv_results_["mean_test_score"].max()


def test_as_the_last_step_of_a_pipeline(small):
    X, y = small
    masker = InfoMaskTransformer(
        LogisticRegression(), image_shape=(8, 16), patch_size=8, random_state=0
    )
    pipeline = make_pipeline(MinMaxScaler(), masker).fit(X.reshape(-1, 128), y)
    masked = pipeline.transform(X.reshape(-1, 128))
    assert masked.shape == (len(X), 128)
    assert 0 < (masked != 0).mean() < (X != 0).mean()
    pipeline.set_output(transform="pandas")
    frame = pipeline.transform(X.reshape(-1, 128))
    assert frame.columns.tolist() == pipeline.get_feature_names_out().tolist()


def test_score_works_in_cross_validation(small):
    X, y = small
    masker = InfoMaskTransformer(LogisticRegression(), image_shape=(8, 16), patch_size=8)
    scores = cross_val_score(masker, X.reshape(-1, 128), y, cv=3)
    assert (np.abs(scores) <= 1).all()


def test_frames_do_not_hold_images():
    images = load_digits(n_class=2).images[:40].astype(np.float32)
    labels = load_digits(n_class=2).target[:40]
    masker = InfoMaskTransformer(InfoSoftmaxClassifier(**FAST), patch_size=4, random_state=0)
    masker.fit(images, labels).set_output(transform="pandas")
    with pytest.raises(ValueError, match=r"set_output\(transform='default'\)"):
        masker.transform(images)
    assert masker.set_output(transform="default").transform(images).shape == images.shape
    flat = images.reshape(40, -1)
    masker.set_params(image_shape=(8, 8)).set_output(transform="pandas").fit(flat, labels)
    assert masker.transform(flat).shape == flat.shape
