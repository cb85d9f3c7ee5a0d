"""What used to give a wrong number in silence, to crash or to hang: a test for each kind."""

import copy
import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EarlyStopping, EpochScoring
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    TrainingDiverged,
    cross_val_bounds,
    information_bounds,
)

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
BOTH = [InfoSoftmaxClassifier, StochasticInfoClassifier]
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


def learned(clf):
    """Return all that a fitted classifier has learned, to compare it."""
    found = {name: copy.deepcopy(value) for name, value in vars(clf).items() if name != "net_"}
    found["_random"] = found["_random"].get_state()[1]
    states = {"module": clf.module_.state_dict(), **clf.net_.optimizer_.state_dict()["state"]}
    for part, values in states.items():
        found[part] = {name: value.numpy().copy() for name, value in values.items()}
    found["history"] = [epoch["train_loss"] for epoch in clf.history_]
    return found


# Scores of training and validation rows


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("caching", [True, False])
@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 1.5, len(Y))], ids=["", "weighted"])
def test_scores_of_training_rows_are_of_these_rows(estimator, caching, weight):
    score = EpochScoring("accuracy", on_train=True, name="train_acc", use_caching=caching)
    clf = estimator(callbacks=[("acc", score)], lr=0.03, **{**FAST, "max_epochs": 15})
    clf.fit(X, NAMES, weight)
    # Scores that are cached are of the weights before each step, and noise is drawn for each.
    assert clf.history_[-1, "train_acc"] == pytest.approx(clf.score(X, NAMES), abs=0.05)
    assert clf.score(X, NAMES) > 0.9


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("caching", [True, False])
def test_scores_of_validation_rows_with_weights(estimator, caching):
    score = EpochScoring("accuracy", name="held_out", use_caching=caching)
    clf = estimator(callbacks=[("acc", score)], train_split=0.2, lr=0.03, **FAST)
    clf.fit(X, NAMES, np.linspace(0.5, 1.5, len(Y)))
    assert clf.history_[:, "held_out"] == pytest.approx(clf.history_[:, "valid_acc"])


class SomeRows(torch.utils.data.SequentialSampler):
    """Gives every other row."""

    def __iter__(self):
        return iter(range(0, len(self.data_source), 2))

    def __len__(self):
        return len(self.data_source) // 2


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("caching", [True, False])
@pytest.mark.parametrize("sampler", [False, True], ids=["drop_last", "sampler"])
def test_scores_of_training_rows_of_which_some_are_left_out(estimator, caching, sampler):
    score = EpochScoring("accuracy", on_train=True, name="train_acc", use_caching=caching)
    loss = EpochScoring("neg_log_loss", on_train=True, name="score", use_caching=caching)
    options = {"iterator_train__drop_last": True}
    if sampler:
        options = {"iterator_train__sampler": SomeRows(range(len(Y)))}
    clf = estimator(callbacks=[score, loss], batch_size=64, **options, **FAST).fit(X, NAMES)
    assert 0.1 < clf.history_[-1, "train_acc"] <= 1
    # Predictions of the classifier are of all rows.
    assert clf.predict_proba(X).shape == (len(Y), 3)


@pytest.mark.parametrize("labels", [Y, Y + 1, NAMES], ids=["0..2", "1..3", "texts"])
@pytest.mark.parametrize("own", [False, True], ids=["skorch", "torch"])
def test_validation_rows_of_ones_own(labels, own):
    class Own(torch.utils.data.Dataset):
        def __len__(self):
            return 50

        def __getitem__(self, index):
            return X[::3][index], labels[::3][index]

    valid = Own() if own else Dataset(X[::3], labels[::3])
    clf = InfoSoftmaxClassifier(train_split=predefined_split(valid), lr=0.03, **FAST)
    clf.fit(X, labels)
    assert clf.history_[-1, "valid_acc"] == pytest.approx(clf.score(X[::3], labels[::3]))
    assert clf.score(X, labels) > 0.8


def test_validation_images_of_ones_own():
    digits = load_digits(n_class=3)
    images = (digits.images / 16).astype(np.float32)
    valid = predefined_split(Dataset(images[:60], digits.target[:60]))
    clf = InfoSoftmaxClassifier(train_split=valid, **FAST).fit(images[60:], digits.target[60:])
    assert clf.history_[-1, "valid_acc"] == pytest.approx(
        clf.score(images[:60], digits.target[:60])
    )


@pytest.mark.parametrize(
    "rows, labels, message",
    [
        (X[:9], Y[:9] + 7, "labels that are unknown"),
        (X[:9, :3], Y[:9], "shape"),
        (np.full((9, 4), np.nan), Y[:9], "X of train_split contains NaN"),
    ],
)
def test_validation_rows_that_do_not_fit_are_refused(rows, labels, message):
    split = predefined_split(Dataset(rows, labels))
    with pytest.raises(ValueError, match=message):
        InfoSoftmaxClassifier(train_split=split, **FAST).fit(X, Y)


# The user's rows stay as they are


class InPlace(nn.Module):
    """Works on its input in place, as a first layer of ReLU(inplace=True) does."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.head = nn.Linear(n_features, n_classes)

    def forward(self, x):
        x -= 3
        return self.head(torch.relu_(x))


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("n", [1, 150])
@pytest.mark.parametrize("options", [{}, {"iterator_train__shuffle": False}, {"train_split": 0.2}])
def test_modules_that_work_in_place_leave_the_rows(estimator, n, options):
    rows = X.copy()
    clf = estimator(InPlace, **options, **FAST).fit(rows, Y)
    first, second = clf.predict_proba(rows[:n]), clf.predict_proba(rows[:n])
    clf.score_bounds(rows[1:], Y[1:])
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(first, second)
    tensor = torch.as_tensor(X.copy())
    clf.predict_proba(tensor[:n])
    np.testing.assert_array_equal(tensor.numpy(), X)


# All or nothing


class Raises(nn.Module):
    """A network that raises while it trains on a row that is larger than any of iris."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_classes))

    def forward(self, x):
        logits = self.body(x)
        if self.training and x.abs().max() > 50:
            raise RuntimeError("a row that this network cannot take")
        return logits


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize("method", ["fit", "warm", "partial_fit"])
@pytest.mark.parametrize("fault", ["raises", "diverges", "labels", "shape", "nan"])
def test_a_training_that_fails_leaves_the_classifier_as_it_was(estimator, method, fault):
    rows, labels = X.astype(np.float32), np.roll(Y, 30)
    clf = estimator(Raises, class_prior="empirical", batch_size=50, **FAST).fit(rows, Y)
    clf.set_params(warm_start=method == "warm", lr=1e38 if fault == "diverges" else 0.003)
    if fault == "raises":
        rows[-1] = 100
    if fault == "labels":
        labels = np.where(labels == 1, np.nan, labels)
    if fault == "shape":
        rows = rows[:, :3] if method != "fit" else rows[:0]
    if fault == "nan":
        rows[7, 2] = np.nan
    before, proba = learned(clf), clf.predict_proba(X)
    with pytest.raises((ValueError, RuntimeError)):
        (clf.partial_fit if method == "partial_fit" else clf.fit)(rows, labels)
    np.testing.assert_equal(learned(clf), before)
    np.testing.assert_array_equal(clf.predict_proba(X), proba)


def test_a_first_training_that_fails_leaves_nothing():
    clf = InfoSoftmaxClassifier(Raises, **FAST)
    before = dict(vars(clf))
    with pytest.raises(RuntimeError, match="cannot take"):
        clf.fit(np.full_like(X, 100), Y)
    assert vars(clf) == before


def test_what_was_learned_before_a_divergence_is_kept():
    class LaterTooFast(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                net.optimizer_.param_groups[0]["lr"] = 1e38

    clf = InfoSoftmaxClassifier(callbacks=[LaterTooFast], **{**FAST, "max_epochs": 9})
    with pytest.raises(TrainingDiverged) as caught:
        clf.fit(X.astype(np.float32), Y)
    assert caught.value.learned
    assert len(clf.history_) == 2
    assert np.isfinite(clf.predict_proba(X)).all()


# Warm starts


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize(
    "change",
    [
        {"module__hidden_sizes": (8,)},
        {"module": nn.Linear(4, 3)},
        {"optimizer": torch.optim.SGD},
        {"optimizer__weight_decay": 0.1},
        {"dtype": "float32"},
        {"train_split": 0.2},
        {"iterator_train__shuffle": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_parameter_that_a_warm_start_cannot_follow_is_refused(estimator, change):
    clf = estimator(warm_start=True, **FAST).fit(X, Y)
    before = {name: weight.clone() for name, weight in clf.module_.state_dict().items()}
    clf.set_params(**change)
    for train in (clf.fit, clf.partial_fit):
        with pytest.raises(ValueError, match=f"^{next(iter(change))} changed since"):
            train(X, Y)
    torch.testing.assert_close(dict(clf.module_.state_dict()), before, rtol=0, atol=0)
    clf.set_params(warm_start=False).fit(X, Y)


@pytest.mark.parametrize("change", [{"noise": "dropout"}, {"objective": "dv"}, {"n_draws": 4}])
def test_a_noise_that_a_warm_start_cannot_follow_is_refused(change):
    clf = StochasticInfoClassifier(warm_start=True, **FAST).fit(X, Y).set_params(**change)
    with pytest.raises(ValueError, match=f"^{next(iter(change))} changed since"):
        clf.fit(X, Y)


def test_parameters_that_a_warm_start_follows():
    heard = []

    class Listener(Callback):
        def on_epoch_end(self, net, **kwargs):
            heard.append((net.lr, net.batch_size))

    clf = InfoSoftmaxClassifier(warm_start=True, **FAST).fit(X, Y)
    clf.set_params(lr=0.01, batch_size=20, max_epochs=2, callbacks=[Listener()])
    clf.set_params(class_prior="empirical", class_weight="balanced", decision="information")
    clf.fit(X, Y)
    assert heard == [(0.01, 20)] * 2
    assert len(clf.history_) == 5
    assert clf.history_[-1, "train_batch_count"] == 8
    clf.set_params(callbacks=None).fit(X, Y)
    assert len(heard) == 2


# Epochs without a step, modes, and what is not a number


def test_an_epoch_without_a_step_is_refused():
    clf = InfoSoftmaxClassifier(iterator_train__drop_last=True, batch_size=200, **FAST)
    with pytest.raises(ValueError, match="gave no batch at batch_size=200"):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match="gave no batch"):
        cross_val_bounds(clf, X, Y)


@pytest.mark.parametrize("estimator", BOTH)
def test_a_fitted_module_is_in_evaluation_mode(estimator):
    clf = estimator(module__dropout=0.5, **FAST).fit(X, Y)
    assert not any(module.training for module in clf.module_.modules())
    clf.partial_fit(X, Y)
    assert not any(module.training for module in clf.module_.modules())


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_channels_that_come_last_are_refused(dtype):
    images = np.random.default_rng(0).integers(0, 255, (20, 16, 24, 3)).astype(dtype)
    labels = np.arange(20) % 2
    with pytest.raises(ValueError, match=r"numpy.moveaxis\(X, -1, 1\)"):
        InfoSoftmaxClassifier(**FAST).fit(images, labels)
    InfoSoftmaxClassifier(**FAST).fit(np.moveaxis(images, -1, 1), labels)


def test_lists_of_images_are_looked_at_as_arrays_are():
    images = np.random.default_rng(0).integers(0, 255, (20, 12, 12, 3)).astype(np.uint8)
    labels = np.arange(20) % 2
    first = np.moveaxis(images, -1, 1)
    for rows in (images.tolist(), list(images)):
        with pytest.raises(ValueError, match=r"numpy.moveaxis\(X, -1, 1\)"):
            InfoSoftmaxClassifier(**FAST).fit(rows, labels)
    clf = InfoSoftmaxClassifier(**FAST).fit(first.tolist(), labels)
    np.testing.assert_allclose(clf.predict_proba(first.tolist()), clf.predict_proba(first))
    with pytest.raises(ValueError, match="was fitted on rows of shape"):
        clf.predict(first[:, :, 1:].tolist())


@pytest.mark.parametrize("shape", [(2, 16, 4), (22, 100, 1)])
def test_signals_are_not_taken_for_pictures(shape):
    rows = np.random.default_rng(0).normal(size=(20, *shape)).astype(np.float32)
    InfoSoftmaxClassifier(**FAST).fit(rows, np.arange(20) % 2).predict(rows)


@pytest.mark.parametrize(
    "rows",
    [
        np.arange(8).reshape(4, 2).astype("datetime64[D]"),
        np.arange(8).reshape(4, 2).astype("timedelta64[s]"),
        pd.DataFrame({"day": pd.date_range("2020-01-01", periods=4)}),
        pd.DataFrame({"day": pd.date_range("2020-01-01", periods=4, tz="UTC"), "x": range(4)}),
        np.array([[b"1", b"2"]] * 4),
        np.array([[b"1", b"2"]] * 4, dtype=object),
        [[b"1", b"2"]] * 4,
        [[np.datetime64("2020-01-01")]] * 4,
        pd.DataFrame({"x": pd.Categorical([b"1", b"2"] * 2)}),
    ],
    ids=["datetime", "timedelta", "frame", "zone", "bytes", "objects", "list", "days", "category"],
)
def test_times_and_bytes_are_not_numbers(rows):
    with pytest.raises(ValueError, match="numbers"):
        InfoSoftmaxClassifier(**FAST).fit(rows, [0, 1, 0, 1])
    if not (isinstance(rows, np.ndarray) and rows.dtype.kind == "m"):
        with pytest.raises(ValueError, match="numbers"):
            cross_val_bounds(InfoSoftmaxClassifier(**FAST), rows, [0, 1, 0, 1], cv=2)


def test_labels_that_numpy_would_merge_are_refused():
    with pytest.raises(ValueError, match="null character"):
        InfoSoftmaxClassifier(**FAST).fit(X[:4], ["a", "a\0", "a", "a\0"])


def test_labels_of_several_types_do_not_merge():
    mixed = [1, "1", 2] * 50
    proba = np.full((150, 2), 0.5)
    clf = InfoSoftmaxClassifier(**FAST).fit(X, NAMES)
    for call in (
        lambda: InfoSoftmaxClassifier(**FAST).fit(X, mixed),
        lambda: InfoSoftmaxClassifier(**FAST).partial_fit(X, mixed, classes=["1", "2"]),
        lambda: InfoSoftmaxClassifier(**FAST).partial_fit(X, Y, classes=[0, 1, 2, "2"]),
        lambda: information_bounds(mixed, proba),
        lambda: information_bounds(["1", "2"] * 75, proba, labels=["1", 2]),
        lambda: clf.score_bounds(X, mixed),
        lambda: clf.score(X, mixed),
    ):
        with pytest.raises(ValueError, match="mixes labels of types int, str"):
            call()
    with pytest.raises(ValueError, match="`groups` must be of one type"):
        information_bounds(["1", "2"] * 75, proba, groups=mixed)
    with pytest.raises(ValueError, match="classes holds texts that end in a null character"):
        clf = InfoSoftmaxClassifier(**FAST)
        clf.partial_fit(X[:100], NAMES[:100], classes=["setosa", "setosa\0", "versicolor"])


def test_validation_rows_are_not_shuffled():
    with pytest.raises(ValueError, match="`iterator_valid__shuffle` must be False; got True"):
        InfoSoftmaxClassifier(iterator_valid__shuffle=True, **FAST).fit(X, Y)
    InfoSoftmaxClassifier(iterator_valid__shuffle=False, **FAST).fit(X, Y)


def test_weights_without_a_finite_sum_are_refused():
    with pytest.raises(ValueError, match="sample_weight must have a finite sum"):
        InfoSoftmaxClassifier(**FAST).fit(X, Y, np.full(len(Y), 1e308))


@pytest.mark.parametrize("name", ["batch_size", "max_epochs"])
def test_true_is_not_a_number(name):
    with pytest.raises(ValueError, match=name):
        InfoSoftmaxClassifier(**{**FAST, name: True}).fit(X, Y)
    with pytest.raises(ValueError, match="batch_size"):
        InfoMaskTransformer(batch_size=True).fit(X, Y)


def test_small_integer_types_do_not_overflow():
    options = {**FAST, "batch_size": np.uint8(200), "max_epochs": np.int8(3)}
    clf = InfoSoftmaxClassifier(**options).fit(X, Y)
    many = np.tile(X, (50, 1))
    expected = InfoSoftmaxClassifier(**{**FAST, "batch_size": 200}).fit(X, Y).predict_proba(many)
    np.testing.assert_array_equal(clf.predict_proba(many), expected)


@pytest.mark.parametrize("sizes", [5, (0,), (-3,), (2.5,), "ab", (True,), (8, np.True_)])
def test_sizes_that_no_layer_has(sizes):
    with pytest.raises(ValueError, match="`hidden_sizes` must be a sequence of positive ints"):
        InfoSoftmaxClassifier(module__hidden_sizes=sizes, **FAST).fit(X, Y)
    images = np.zeros((4, 8, 8))
    with pytest.raises(ValueError, match="`channels` must be a sequence of positive ints"):
        InfoSoftmaxClassifier(module__channels=sizes, **FAST).fit(images, Y[48:52])


def test_arrays_of_the_other_byte_order():
    swapped = X.astype(X.dtype.newbyteorder())
    labels = Y.astype(Y.dtype.newbyteorder())
    clf = InfoSoftmaxClassifier(**FAST).fit(swapped, labels)
    native = InfoSoftmaxClassifier(**FAST).fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(swapped), native.predict_proba(X))
    found = clf.score_bounds(swapped[1:], labels[1:], sample_weight=swapped[1:, 0] ** 2 + 1)
    expected = native.score_bounds(X[1:], Y[1:], sample_weight=X[1:, 0] ** 2 + 1)
    assert found.mi_lower == expected.mi_lower


@pytest.mark.parametrize("dtype", [">f4", ">f8"])
def test_frames_of_the_other_byte_order(dtype):
    swapped = pd.DataFrame(X, columns=list("abcd")).astype(dtype)
    frame = swapped.astype(np.dtype(dtype).newbyteorder("="))
    native = InfoSoftmaxClassifier(**FAST).fit(frame, Y)
    expected = native.predict_proba(frame)
    np.testing.assert_array_equal(native.predict_proba(swapped), expected)
    clf = InfoSoftmaxClassifier(**FAST).fit(swapped, Y)
    np.testing.assert_array_equal(clf.predict_proba(swapped), expected)
    found, wanted = (
        cross_val_bounds(InfoSoftmaxClassifier(**FAST), rows, Y, cv=2).mi_lower
        for rows in (swapped, frame)
    )
    assert found == wanted
    assert not swapped.dtypes.iloc[0].isnative


def test_tables_of_arrow():
    pa = pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = InfoSoftmaxClassifier(**FAST).fit(pa.Table.from_pandas(frame), Y)
    assert clf.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(
        clf.predict_proba(pa.Table.from_pandas(frame)), clf.predict_proba(frame)
    )


# Interruptions, processes and the global state of torch


def test_an_interruption_at_any_step_keeps_the_network():
    class Interrupting(nn.Linear):
        stop_at, calls = 0, 0

        def forward(self, x):
            if self.training:
                Interrupting.calls += 1
                if Interrupting.calls == Interrupting.stop_at:
                    raise KeyboardInterrupt
            return super().forward(x)

    for Interrupting.stop_at in range(1, 8):
        Interrupting.calls = 0
        clf = InfoSoftmaxClassifier(Interrupting(4, 3), batch_size=50, **FAST)
        with pytest.warns(UserWarning, match="interrupted"):
            clf.fit(X, Y)
        assert clf.predict_proba(X).shape == (150, 3)
        assert not clf.module_.training


def fit_in_child(queue):
    queue.put(InfoSoftmaxClassifier(**FAST).fit(X, Y).score(X, Y))


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_child_trains_though_a_thread_of_its_parent_was_training():
    training, forked = threading.Event(), threading.Event()

    class Waits(Callback):
        def on_epoch_begin(self, net, **kwargs):
            training.set()
            forked.wait(60)

    clf = InfoSoftmaxClassifier(callbacks=[Waits], **{**FAST, "max_epochs": 1})
    thread = threading.Thread(target=clf.fit, args=(X, Y))
    thread.start()
    training.wait(60)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=fit_in_child, args=(queue,))
    child.start()
    forked.set()
    thread.join()
    try:
        assert queue.get(timeout=60) > 0.3
    finally:
        child.kill()
        child.join()


class default_dtype:
    """Context in which torch makes tensors of another dtype."""

    def __init__(self, dtype):
        self.dtype = dtype

    def __enter__(self):
        self.before = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)

    def __exit__(self, *error):
        torch.set_default_dtype(self.before)


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize(
    "context",
    [
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.device("meta"),
        lambda: default_dtype(torch.float64),
        lambda: default_dtype(torch.float16),
    ],
    ids=["inference_mode", "no_grad", "meta", "float64", "float16"],
)
def test_the_callers_global_state_changes_nothing(estimator, context):
    rows = X.astype(np.float32)
    expected = estimator(**FAST).fit(rows, Y)
    with context():
        clf = estimator(**FAST).fit(rows, Y)
        inside = clf.predict_proba(rows)
        bounds = clf.score_bounds(rows[1:], Y[1:])
    np.testing.assert_array_equal(inside, expected.predict_proba(rows))
    assert bounds == expected.score_bounds(rows[1:], Y[1:])
    clf.partial_fit(rows, Y)
    np.testing.assert_array_equal(
        clf.predict_proba(rows), expected.partial_fit(rows, Y).predict_proba(rows)
    )


def test_frames_do_not_hold_images():
    images = load_digits(n_class=2).images[:40].astype(np.float32)
    labels = load_digits(n_class=2).target[:40]
    masker = InfoMaskTransformer(InfoSoftmaxClassifier(**FAST), patch_size=4, random_state=0)
    masker.fit(images, labels).set_output(transform="pandas")
    with pytest.raises(ValueError, match=r'set_output\(transform="default"\)'):
        masker.transform(images)
    assert masker.set_output(transform="default").transform(images).shape == images.shape
    flat = images.reshape(40, -1)
    masker.set_params(image_shape=(8, 8)).set_output(transform="pandas").fit(flat, labels)
    assert masker.transform(flat).shape == flat.shape


def test_early_stopping_sees_right_scores():
    score = EpochScoring("accuracy", on_train=True, name="train_acc", lower_is_better=False)
    stopping = EarlyStopping(monitor="train_acc", lower_is_better=False, patience=5)
    clf = StochasticInfoClassifier(
        callbacks=[("score", score), ("stop", stopping)], lr=0.03, **{**FAST, "max_epochs": 40}
    ).fit(X, Y)
    assert clf.score(X, Y) > 0.95


def test_a_prior_by_labels_is_brought_into_their_order():
    prior = pd.Series({"virginica": 0.5, "setosa": 0.3, "versicolor": 0.2})
    clf = InfoSoftmaxClassifier(class_prior=prior, **FAST).fit(X, NAMES)
    np.testing.assert_allclose(clf.class_prior_, [0.3, 0.2, 0.5])
    proba = clf.predict_proba(X)
    by_label = information_bounds(NAMES, proba, reference_prior=prior)
    np.testing.assert_allclose(by_label.reference_prior, [0.3, 0.2, 0.5])
    positional = InfoSoftmaxClassifier(class_prior=pd.Series([0.3, 0.2, 0.5]), **FAST)
    np.testing.assert_allclose(positional.fit(X, NAMES).class_prior_, [0.3, 0.2, 0.5])
    with pytest.raises(ValueError, match="`class_prior` must have the labels as its index"):
        clf.set_params(class_prior=prior.rename({"setosa": "setsa"})).fit(X, NAMES)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_probabilities_may_be_tensors_that_need_a_gradient(dtype):
    logits = torch.randn(60, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    proba = torch.softmax(logits, 1).to(dtype)
    found = information_bounds(torch.as_tensor(Y[::3][:50]), proba[:50])
    array = proba[:50].detach().double().numpy()
    array /= array.sum(axis=1, keepdims=True)
    assert found.mi_lower == pytest.approx(information_bounds(Y[::3][:50], array).mi_lower)


MANY_FITS = """
import gc, os, resource
import numpy as np, torch
from sksoftinfo import InfoSoftmaxClassifier

torch.set_num_threads(1)
rng = np.random.default_rng(0)
X, y = rng.normal(size=(150, 4)), np.arange(150) % 3

def fits(n):
    for seed in range(n):
        clf = InfoSoftmaxClassifier(max_epochs=1, random_state=seed).fit(X[1:], y[1:])
        clf.score_bounds(X[:100] + 1, y[:100])
    gc.collect()
    tensors = [item for item in gc.get_objects() if isinstance(item, torch.Tensor)]
    files = len(os.listdir("/proc/self/fd"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return np.array([files, sum(tensor.nbytes for tensor in tensors), peak])

fits(20)
before = fits(20)
print(*(fits(300) - before))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are not listed here")
def test_many_fits_leave_no_memory_or_file_behind():
    """In a process of its own, where nothing else takes memory."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MANY_FITS], capture_output=True, text=True
    )
    files, tensors, peak = (int(number) for number in run.stdout.split())
    assert files <= 0
    assert tensors <= 0
    # In KiB, of 300 fits: what an allocator keeps is not a leak.
    assert peak < 8_000


class Refusing(Callback):
    """Raises at one event of training."""

    def __init__(self, event):
        self.event = event

    def refuse(self, event):
        if event == self.event:
            raise RuntimeError(f"refused at {event}")

    def on_train_begin(self, net, **kwargs):
        self.refuse("on_train_begin")

    def on_epoch_end(self, net, **kwargs):
        self.refuse("on_epoch_end")

    def on_train_end(self, net, **kwargs):
        self.refuse("on_train_end")


@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_end", "on_train_end"])
def test_a_callback_that_refuses_leaves_network_and_callbacks_as_they_were(event):
    options = {**FAST, "warm_start": True, "class_prior": "empirical"}
    clf = InfoSoftmaxClassifier(**options).fit(X, Y)
    before, proba = learned(clf), clf.predict_proba(X)
    lr, prior = clf.net_.lr, clf.net_.log_class_prior
    clf.set_params(callbacks=[("refusing", Refusing(event))], lr=0.1)
    for train in (clf.fit, clf.partial_fit):
        with pytest.raises(RuntimeError, match=f"refused at {event}"):
            train(X[:90], Y[:90])
        np.testing.assert_array_equal(clf.predict_proba(X), proba)
        assert (clf.net_.lr, clf.net_.log_class_prior) == (lr, prior)
    clf.set_params(callbacks=None, lr=0.003)
    for name, value in before.items():
        if name not in ("callbacks", "lr"):
            np.testing.assert_equal(learned(clf)[name], value)
    assert len(clf.fit(X, Y).history_) == 6


def test_a_refused_chunk_leaves_the_prior_inside_the_softmax():
    rows = X.astype(np.float32)
    clf = InfoSoftmaxClassifier(Raises, class_prior="empirical", **FAST)
    clf.partial_fit(rows, Y, classes=[0, 1, 2])
    proba = clf.predict_proba(rows)
    with pytest.raises(RuntimeError, match="cannot take"):
        clf.partial_fit(np.full_like(rows[:50], 100), Y[:50])
    np.testing.assert_array_equal(clf.predict_proba(rows), proba)
