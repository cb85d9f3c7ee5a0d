"""All functions accept tensors on a GPU, and arrays in memory that torch does not support."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch.utils.data import DataLoader

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    InfoStackClassifier,
    ResumableCheckpoint,
    StochasticInfoClassifier,
    cross_val_bounds,
    feature_information,
    information_bounds,
    mi_estimate,
    score_bounds,
)
from sksoftinfo._networks.predictions import prediction_batches
from sksoftinfo.metrics import (
    bounds_scorer,
    bounds_scores,
    box_iou_score,
    mask_iou_score,
    mi_lower_score,
    mi_lower_scorer,
    pointing_game_score,
)

X, Y = load_iris(return_X_y=True)
DIGITS = load_digits(n_class=2)
IMAGES, DIGIT = (DIGITS.images[:60] / 16).astype(np.float32), DIGITS.target[:60]
WEIGHT = np.linspace(0.5, 2, len(Y))
FAST = {"random_state": 0, "max_epochs": 2, "batch_size": 40}


def there(array):
    return torch.as_tensor(np.asarray(array)).to("cuda")


def backwards(array, folder):
    return array[::-1].copy()[::-1]


def read_only(array, folder):
    np.save(folder / f"{array.ndim}.npy", array)
    return np.load(folder / f"{array.ndim}.npy", mmap_mode="r")


def fortran(array, folder):
    return np.asfortranarray(array)


def strided(array, folder):
    return np.repeat(array, 2, axis=-1)[..., ::2]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("layout", [backwards, read_only, fortran, strided])
@pytest.mark.parametrize("kind", ["table", "images", "noise"])
def test_layouts_of_memory(cuda, device, layout, kind, tmp_path):
    rows, y = (IMAGES, DIGIT) if kind == "images" else (X, Y)
    options = {"device": device, "class_weight": "balanced", "train_split": 0.2, **FAST}
    clf = (StochasticInfoClassifier if kind == "noise" else InfoSoftmaxClassifier)(**options)
    expected = clf.fit(rows, y).predict_proba(rows)
    other = layout(rows, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = clf.fit(other, y).predict_proba(other)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(clf.predict_proba(other[:1]), expected[:1], atol=1e-6)
        # The warning about training rows is expected here.
        warnings.filterwarnings("ignore", message=".* rows and their labels were used")
        clf.score_bounds(other[1:], y[1:])
        if kind == "images":
            masker = InfoMaskTransformer(FrozenEstimator(clf), patch_size=4).fit(other, y)
            np.testing.assert_array_equal(masker.transform(other), masker.transform(rows))
            InfoMaskTransformer(clf, patch_size=4, patch_scoring="crop", stride=4).fit(other, y)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_tensors_of_the_device(cuda, device):
    """Rows, labels, weights, classes, priors and probabilities."""
    weight = WEIGHT
    options = {"device": device, **FAST}
    plain = InfoSoftmaxClassifier(class_prior=[0.2, 0.3, 0.5], **options).fit(X, Y, weight)
    prior = there([0.2, 0.3, 0.5])
    clf = InfoSoftmaxClassifier(class_prior=prior, **options).fit(
        there(X), there(Y), there(weight)
    )
    expected = plain.predict_proba(X)
    np.testing.assert_array_equal(clf.predict_proba(there(X)), expected)
    assert clf.score(there(X), there(Y)) == plain.score(X, Y)
    expected_bounds = plain.score_bounds(
        X[1:], Y[1:], sample_weight=weight[1:], reference_prior=[0.2, 0.3, 0.5]
    )
    found = clf.score_bounds(
        there(X[1:]), there(Y[1:]), sample_weight=there(weight[1:]), reference_prior=prior
    )
    assert found == expected_bounds
    first = InfoSoftmaxClassifier(**options).partial_fit(X, Y, classes=[0, 1, 2])
    again = InfoSoftmaxClassifier(**options).partial_fit(
        there(X), there(Y), classes=there([0, 1, 2])
    )
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))


def varied(name):
    """Return rows and labels of one kind, and the classifier for them."""
    kind = StochasticInfoClassifier if name == "noise" else InfoSoftmaxClassifier
    rows, y = (IMAGES, DIGIT) if name == "images" else (X, Y)
    if name == "missing":
        rows = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    if name == "single":
        rows = X.astype(np.float32)
    return rows, y, kind


@pytest.mark.parametrize("name", ["table", "single", "missing", "images", "noise"])
def test_rows_on_the_device_are_those_of_the_host(cuda, name, tmp_path):
    rows, y, kind = varied(name)
    weight = np.where(np.arange(len(y)) % 7, np.linspace(0.5, 2, len(y)), 0.0)
    callbacks = [ResumableCheckpoint(tmp_path / "training.pt")]
    for more in ({}, {"train_split": 0.2, "callbacks": callbacks}):
        clf = kind(device="cuda", **FAST, **more)
        expected = clf.fit(rows, y, weight).predict_proba(rows)
        (tmp_path / "training.pt").unlink(missing_ok=True)
        same = kind(**clf.get_params()).fit(there(rows), there(y), there(weight))
        assert same.input_shape_ == clf.input_shape_ and type(same.input_shape_) is tuple
        for given in (rows, there(rows)):
            np.testing.assert_array_equal(same.predict_proba(given), expected)
            with pytest.warns(UserWarning, match="rows and their labels were used"):
                assert clf.score_bounds(given, y) == same.score_bounds(given, y)
        np.testing.assert_array_equal(same.predict(there(rows[:1])), clf.predict(rows[:1]))
        trained_on = []
        for one, part in ((clf, rows[::2]), (same, there(rows[::2]))):
            (tmp_path / "training.pt").unlink(missing_ok=True)
            one = pickle.loads(pickle.dumps(one)).partial_fit(part, y[::2])
            trained_on.append(one.predict_proba(rows))
        np.testing.assert_array_equal(*trained_on)
        (tmp_path / "training.pt").unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["table", "images", "noise"])
def test_rows_on_the_device_do_not_travel(counted_cuda, name):
    """Only labels, hashes of rows, results, and the rows for learning quantiles are copied."""
    rows, y, kind = varied(name)
    rows, y = np.concatenate([rows] * 20), np.tile(y, 20)
    clf = kind(device="cuda", class_weight="balanced", train_split=0.2, **FAST)
    on_device = there(rows + 1e-3 * np.arange(len(rows))[(...,) + (None,) * (rows.ndim - 1)])
    on_device = on_device.to(torch.float32 if name == "images" else torch.float64)
    size = on_device.numel() * on_device.element_size()
    counted_cuda.reset()
    clf.fit(on_device, y)
    weights = sum(part.numel() * part.element_size() for part in clf.module_.parameters())
    assert counted_cuda.counts["bytes_to_device"] - weights < 150 * len(y)
    if name == "images":
        assert counted_cuda.counts["bytes_to_host"] < 300 * 64 * 4 + 100 * len(y) < size
    counted_cuda.reset()
    clf.predict(on_device)
    assert counted_cuda.counts["bytes_to_device"] < 2000
    batches = prediction_batches(clf.net_, on_device, clf.net_._n_draws)
    assert counted_cuda.counts["waits"] <= 2 + len(batches)
    result = counted_cuda.counts["bytes_to_host"]
    assert result <= 8 * len(y) * len(clf.classes_) + 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.index_fill(1, there([2]), torch.nan), "NaN in column 2, in 150 of 150 rows"),
        (lambda X: X.index_fill(0, there([3]), torch.inf), "infinity .*, in 1 of 150 rows"),
        (lambda X: X[:, :3], "X has 3 features, but Network is expecting 4"),
        (lambda X: X[:0], r"at least one row; got shape \(0, 4\)"),
        (lambda X: X[0], "Expected 2D array, got 1D array"),
        (lambda X: X[:10], "inconsistent numbers of samples"),
        (lambda X: X + 1j, "must hold real numbers; got complex numbers"),
    ],
)
def test_rows_on_the_device_are_refused_as_others_are(cuda, change, message):
    class Network(InfoSoftmaxClassifier):
        pass

    clf = Network(torch.nn.Linear(4, 3), device="cuda", **FAST).fit(X, Y)
    for rows in (there(X), torch.as_tensor(X)):
        with pytest.raises(ValueError, match=message):
            clf.score_bounds(change(rows if rows.is_cuda else rows.to("cuda")), Y)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_types_of_numbers(cuda, dtype, device):
    for rows, y in ((4 * X, Y), (4 * IMAGES, DIGIT)):
        given = torch.as_tensor(rows).to(getattr(torch, dtype))
        host = given.float().numpy() if dtype == "bfloat16" else given.numpy()
        clf = InfoSoftmaxClassifier(device=device, **FAST)
        expected = clf.fit(host, y).predict_proba(host)
        for where in ("cpu", "cuda"):
            found = clf.fit(given.to(where), y)
            np.testing.assert_array_equal(found.predict_proba(given.to(where)), expected)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_layouts_of_tensors(cuda, device):
    """Views of every other row and column, from the end to the beginning, with a gradient."""
    expected = InfoSoftmaxClassifier(device=device, **FAST).fit(X, Y).predict_proba(X)
    wide = np.empty((2 * len(X), 8))
    wide[::2, ::2] = X
    for where in ("cpu", "cuda"):
        whole = torch.as_tensor(wide).to(where)
        for rows in (
            whole[::2, ::2],
            torch.as_tensor(X.T.copy()).to(where).T,
            torch.as_tensor(X[::-1].copy()).to(where).flip(0),
            torch.as_tensor(X).to(where).requires_grad_(),
        ):
            clf = InfoSoftmaxClassifier(device=device, **FAST).fit(rows, Y)
            np.testing.assert_array_equal(clf.predict_proba(rows), expected)
            assert rows.grad is None


def test_lists_of_tensors(cuda):
    for rows, y in ((X, Y), (IMAGES, DIGIT)):
        clf = InfoSoftmaxClassifier(**FAST)
        expected = clf.fit(rows, y).predict_proba(rows)
        listed, labels = ([there(one) for one in some] for some in (rows, y))
        np.testing.assert_array_equal(clf.fit(listed, labels).predict_proba(listed), expected)
        found = clf.fit(iter(there(rows)), labels).predict_proba(one for one in there(rows))
        np.testing.assert_array_equal(found, expected)


def test_validation_rows_of_the_device(cuda):
    split = [predefined_split(Dataset(one(X[::2]), one(Y[::2]))) for one in (np.asarray, there)]
    host, device = (
        InfoSoftmaxClassifier(train_split=one, **FAST).fit(X, Y).history_[:, "valid_loss"]
        for one in split
    )
    assert host == device


def test_sparse_tensors_are_refused():
    rows = torch.as_tensor(X).to_sparse()
    clf = InfoSoftmaxClassifier(device="cpu", **FAST).fit(X, Y)
    for call in (clf.predict, partial(cross_val_bounds, LDA, y=Y), partial(clf.fit, y=Y)):
        with pytest.raises(TypeError, match=r"got a sparse tensor.* Pass X.to_dense\(\)"):
            call(rows)


@pytest.mark.parametrize(
    "options",
    [{"iterator_train": DataLoader, "iterator_train__pin_memory": True}, {"dataset": Dataset}],
    ids=["loader", "dataset"],
)
def test_rows_on_the_device_through_loaders_of_the_user(cuda, options):
    clf = InfoSoftmaxClassifier(device="cuda", **options, **FAST)
    expected = clf.fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(clf.fit(there(X), Y).predict_proba(there(X)), expected)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("how", ["dense", "soft", "crop", "memory"])
def test_masks_of_tensors_of_the_device(cuda, device, how, tmp_path):
    images, labels = there(IMAGES), there(DIGIT)
    options = {
        "dense": {"components": True},
        "soft": {"mask_type": "soft", "fill_value": "mean", "target": 1},
        "crop": {"patch_scoring": "crop", "stride": 4},
        "memory": {"memory": str(tmp_path)},
    }[how]
    masker = InfoMaskTransformer(
        InfoSoftmaxClassifier(device=device, **FAST), patch_size=4, random_state=0, **options
    )
    expected = masker.fit(IMAGES, DIGIT).transform(IMAGES)
    for given in (images, images.double().requires_grad_()):
        found = masker.transform(given)
        assert type(found) is np.ndarray and found.shape == IMAGES.shape
        np.testing.assert_allclose(found, expected, atol=1e-6)
        np.testing.assert_array_equal(masker.mask(given), masker.mask(IMAGES))
        np.testing.assert_allclose(
            masker.information_maps(given), masker.information_maps(IMAGES), atol=1e-5
        )
        np.testing.assert_array_equal(masker.bounding_boxes(given), masker.bounding_boxes(IMAGES))
    np.testing.assert_allclose(masker.fit(images, labels).transform(images), expected, atol=1e-6)
    assert masker.score(images, labels) == pytest.approx(masker.score(IMAGES, DIGIT))
    with pytest.raises(ValueError, match=r"got rows of shape \(8, 4\)"):
        masker.mask(images[:, :, ::2])


@pytest.mark.parametrize("how", ["dense", "crop"])
def test_targets_and_fills_that_are_tensors(cuda, how):
    clf = InfoSoftmaxClassifier(device="cuda", **FAST).fit(IMAGES, DIGIT)
    options = {"patch_size": 4, "random_state": 0, "patch_scoring": how}
    options |= {"dense": {}, "crop": {"stride": 4}}[how]

    def fitted(**more):
        return InfoMaskTransformer(FrozenEstimator(clf), **options, **more).fit(IMAGES, DIGIT)

    plain = fitted(target=1, fill_value=[0.5])
    expected = plain.transform(IMAGES)
    for target, value in ((there(1), there(0.5)), (there([1]), there([0.5])), (np.array(1), 0.5)):
        found = fitted(target=target, fill_value=value).transform(IMAGES)
        np.testing.assert_array_equal(found, expected)
    by_label = plain.mask(IMAGES, y=DIGIT)
    for labels in (there(DIGIT), list(there(DIGIT))):
        np.testing.assert_array_equal(plain.mask(there(IMAGES), y=labels), by_label)
    maps = plain.information_maps(IMAGES, [1, 0])
    np.testing.assert_array_equal(plain.information_maps(IMAGES, there([1, 0])), maps)
    np.testing.assert_array_equal(plain.information_map(IMAGES, there(0)), maps[1])
    called = fitted(target=1, fill_value=lambda images: there(np.full((1, 1, 1, 1), 0.5)))
    np.testing.assert_array_equal(called.transform(IMAGES), expected)


def test_categorical_features_that_are_a_tensor(cuda):
    rows = np.round(X)
    clf = InfoSoftmaxClassifier(device="cuda", categorical_features=[0, 2], **FAST)
    expected = clf.fit(rows, Y).predict_proba(rows)
    for columns in (there([0, 2]), there([True, False, True, False])):
        clf.set_params(categorical_features=columns)
        np.testing.assert_array_equal(clf.fit(rows, Y).predict_proba(there(rows)), expected)


def test_searches_on_rows_of_the_device(cuda):
    """Labels stay on the host, where scikit-learn splits the rows by label."""
    search = GridSearchCV(
        InfoSoftmaxClassifier(device="cuda", **FAST), {"lr": [0.01, 0.1]}, cv=2, refit=False
    )
    search.set_params(scoring=mi_lower_scorer)
    expected = search.fit(X, Y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(search.fit(there(X), Y).cv_results_["mean_test_score"], expected)


def test_a_module_on_two_devices_is_refused(cuda):
    class Shifted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.shift = torch.nn.Linear(4, 3), torch.ones(4, device="cpu")

        def forward(self, x):
            return self.layer(x + self.shift)

    for kind in (InfoSoftmaxClassifier, StochasticInfoClassifier):
        with pytest.raises(ValueError, match="module=Shifted must keep its tensors on the device"):
            kind(Shifted(), device="cuda", **FAST).fit(X, Y)


def test_images_on_the_device_do_not_travel_for_maps(counted_cuda):
    clf = InfoSoftmaxClassifier(device="cuda", **FAST).fit(IMAGES, DIGIT)
    masker = InfoMaskTransformer(FrozenEstimator(clf), patch_size=4, random_state=0)
    images = there(np.tile(masker.fit(IMAGES, DIGIT).transform(IMAGES), (10, 1, 1)))
    counted_cuda.reset()
    masker.mask(images)
    assert counted_cuda.counts["bytes_to_device"] < images.numel()
    assert counted_cuda.counts["waits"] <= 1 + 2 * -(-len(images) // 256), counted_cuda.places


LDA = LinearDiscriminantAnalysis()
GROUPS = np.arange(len(Y)) // 2
PROBA = LDA.fit(X, Y).predict_proba(X)
PIPELINE = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()).fit(X, Y)
BOUNDS = information_bounds(Y, np.full((len(Y), 3), 1 / 3))
MASKS = np.arange(60).reshape(5, 3, 4) % 3 > 0
CALLS = {
    "information_bounds": (
        information_bounds,
        [Y, PROBA],
        {
            "sample_weight": WEIGHT,
            "labels": [2, 1, 0],
            "reference_prior": [0.2, 0.3, 0.5],
            "groups": GROUPS,
        },
    ),
    "mi_lower_score": (mi_lower_score, [Y, PROBA], {"sample_weight": WEIGHT}),
    "bounds_scores": (bounds_scores, [Y, PROBA], {"labels": [0, 1, 2]}),
    "scorer": (lambda X, y: mi_lower_scorer(LDA, X, y), [X, Y], {}),
    "scorer of a pipeline": (lambda X, y: bounds_scorer(PIPELINE, X, y), [X, Y], {}),
    "compare_bounds": (lambda y, p: information_bounds(y, p) - BOUNDS, [Y, PROBA], {}),
    "score_bounds": (lambda X, y: score_bounds(LDA, X, y), [X, Y], {}),
    "of a pipeline": (lambda X, y: score_bounds(PIPELINE, X, y), [X, Y], {}),
    "cross_val_bounds": (
        partial(cross_val_bounds, LDA, cv=2),
        [X, Y],
        {"sample_weight": WEIGHT, "labels": [0, 1, 2], "groups": GROUPS},
    ),
    "params": (
        lambda X, y, **params: cross_val_bounds(GaussianNB(), X, y, cv=2, params=params),
        [X, Y],
        {"sample_weight": WEIGHT},
    ),
    "quantities": (partial(cross_val_bounds, LDA, cv=2, bins=3), [X, X[:, 0]], {}),
    "mi_estimate": (partial(mi_estimate, LDA, cv=2), [X, Y], {"groups": GROUPS}),
    "feature_information": (
        lambda X, y: feature_information(LDA, X, y, cv=2).alone_lower.tolist(),
        [X, Y],
        {},
    ),
    "stack": (
        lambda X, y: InfoStackClassifier(members="quick", cv=2).fit(X, y).predict(X).tolist(),
        [X, Y],
        {},
    ),
    "masks": (mask_iou_score, [MASKS, np.roll(MASKS, 1, axis=2)], {"foreground": MASKS}),
    "pointing": (pointing_game_score, [MASKS, MASKS * 1.0], {}),
    "boxes": (box_iou_score, [[[0, 0, 4, 4]], [[2, 0, 4, 4]]], {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_tensors_of_the_device_in_functions(cuda, name):
    """Functions that need no device accept its tensors as well."""
    call, given, options = CALLS[name]
    expected = call(*given, **options)
    found = call(*map(there, given), **{name: there(one) for name, one in options.items()})
    assert found == expected
