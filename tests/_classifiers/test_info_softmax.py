import pickle
import subprocess
import sys
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import balanced_accuracy_score, d2_log_loss_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import compute_sample_weight
from skorch.callbacks import (
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
)
from torch.utils.data import DataLoader

from sksoftinfo import InfoSoftmaxClassifier, information_bounds
from sksoftinfo._networks.modules import ConvNet
from tests.helpers.networks import module_output


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), np.array(["setosa", "versicolor", "virginica"])[y]


@pytest.fixture(scope="module")
def split(iris):
    return train_test_split(*iris, stratify=iris[1], random_state=0)


@pytest.fixture(scope="module")
def fitted(split):
    return InfoSoftmaxClassifier(random_state=0).fit(split[0], split[2])


@pytest.fixture(scope="module")
def images():
    digits = load_digits(n_class=3)
    return (digits.images / 16).astype(np.float32), digits.target


class TinyNet(torch.nn.Module):
    def __init__(self, n_features, n_classes, width=8):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(n_features, width), torch.nn.Tanh(), torch.nn.Linear(width, n_classes)
        )

    def forward(self, x):
        return self.layers(x)


def test_learns_and_keeps_string_labels(fitted, split):
    _, X_test, _, y_test = split
    assert fitted.score(X_test, y_test) > 0.9
    assert fitted.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(fitted.predict(X_test)) <= set(fitted.classes_)
    assert (fitted.n_features_in_, fitted.input_shape_) == (4, (4,))


def test_predictions_agree_with_each_other(fitted, split):
    X = split[1]
    proba = fitted.predict_proba(X)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.log(proba), fitted.predict_log_proba(X))
    np.testing.assert_array_equal(fitted.classes_[proba.argmax(1)], fitted.predict(X))
    np.testing.assert_array_equal(
        fitted.classes_[fitted.decision_function(X).argmax(1)], fitted.predict(X)
    )
    logits = module_output(fitted, X)
    np.testing.assert_allclose(proba, torch.softmax(logits, 1).numpy(), rtol=1e-10)


def test_objective_is_the_mean_log_softmax(split):
    """One full-batch step of gradient ascent on Eq. 3, against a loop written out in torch."""
    X, _, y, _ = split
    torch.manual_seed(0)
    module = torch.nn.Linear(4, 3).double()
    fitted = InfoSoftmaxClassifier(
        module, optimizer=torch.optim.SGD, lr=0.5, max_epochs=3, batch_size=-1
    ).fit(X, y)
    x, target = torch.as_tensor(X), torch.as_tensor(np.unique(y, return_inverse=True)[1])
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(module(x), target)
        gradients = torch.autograd.grad(loss, list(module.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(module.parameters(), gradients, strict=True):
                parameter -= 0.5 * gradient
    torch.testing.assert_close(fitted.module_.weight.cpu(), module.weight)
    torch.testing.assert_close(fitted.module_.bias.cpu(), module.bias)


def test_bounds_are_those_of_the_probabilities(fitted, split):
    _, X, _, y = split
    bounds = fitted.score_bounds(X, y, reference_prior="empirical")
    pure = information_bounds(y, fitted.predict_proba(X))
    for name, value in pure.to_dict().items():
        if isinstance(value, float):
            assert getattr(bounds, name) == pytest.approx(value, abs=1e-12), name
    assert bounds.d2 == pytest.approx(d2_log_loss_score(y, fitted.predict_proba(X)), abs=1e-6)
    assert bounds.jensen_gap == 0
    bits = fitted.score_bounds(X, y, units="bits")
    assert bits.mi_lower == pytest.approx(bounds.mi_lower / np.log(2))
    np.testing.assert_allclose(bits.reference_prior, fitted.train_prior_)
    assert bits.pointwise.mean() == pytest.approx(bits.mi_lower)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.int64, np.float32, "U1", object])
def test_bounds_do_not_depend_on_how_labels_are_held(dtype):
    """Labels that need no validation take a shorter way."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    X = rng.normal(y[:, None], size=(200, 3))
    labels = np.array(["a", "b"], dtype=object)[y] if dtype is object else y.astype(dtype)
    clf = InfoSoftmaxClassifier(max_epochs=3, random_state=0)
    expected = clf.fit(X[:100], y[:100]).score_bounds(X[100:], y[100:])
    clf.fit(X[:100], labels[:100])
    for given in (labels[100:], labels[100:].tolist(), pd.Series(labels[100:])):
        found = clf.score_bounds(X[100:], given)
        np.testing.assert_array_equal(found.pointwise, expected.pointwise)
        assert found.mi_lower_limit == expected.mi_lower_limit
        assert found.fano_lower_limit == expected.fano_lower_limit


def test_bounds_do_not_depend_on_the_batch(fitted, split):
    _, X, _, y = split
    whole = fitted.score_bounds(X, y)
    other = pickle.loads(pickle.dumps(fitted))
    other.net_.set_params(batch_size=5)
    assert other.score_bounds(X, y).mi_lower == pytest.approx(whole.mi_lower, abs=1e-12)
    weight = np.arange(len(y)) % 3
    rows = np.repeat(np.arange(len(y)), weight)
    assert fitted.score_bounds(X, y, sample_weight=weight).mi_lower == pytest.approx(
        fitted.score_bounds(X[rows], y[rows]).mi_lower, abs=1e-12
    )


def test_pointwise_information_is_log_posterior_over_prior(fitted, split):
    X = split[1]
    expected = fitted.predict_log_proba(X) - np.log(fitted.train_prior_)
    np.testing.assert_allclose(fitted.pointwise_information(X), expected)
    uniform = fitted.pointwise_information(X, reference_prior="uniform", units="bits")
    np.testing.assert_allclose(uniform, (fitted.predict_log_proba(X) + np.log(3)) / np.log(2))


@pytest.mark.parametrize("prior", ["uniform", "empirical", [0.2, 0.5, 0.3]])
def test_class_prior_sits_inside_the_softmax(split, prior):
    X, X_test, y, _ = split
    weight = np.where(y == "setosa", 3.0, 1.0)
    fitted = InfoSoftmaxClassifier(class_prior=prior, max_epochs=2, random_state=0)
    fitted.fit(X, y, sample_weight=weight)
    frequencies = np.array([weight[y == label].sum() for label in fitted.classes_]) / weight.sum()
    np.testing.assert_allclose(fitted.train_prior_, frequencies)
    expected = {"uniform": np.full(3, 1 / 3), "empirical": frequencies}.get(str(prior), prior)
    np.testing.assert_allclose(fitted.class_prior_, expected)
    logits = module_output(fitted, X_test).numpy()
    unnormalised = np.exp(logits) * fitted.class_prior_
    np.testing.assert_allclose(
        fitted.predict_proba(X_test), unnormalised / unnormalised.sum(1, keepdims=True)
    )


def test_information_decision_raises_balanced_accuracy_under_imbalance():
    """Two overlapping normal classes, one of them 5 % of the rows."""
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.05).astype(int)
    X = rng.normal(size=(4000, 2)) + 1.5 * y[:, None]
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    options = {"class_prior": "empirical", "max_epochs": 10, "random_state": 0}
    by_posterior = InfoSoftmaxClassifier(**options).fit(X, y)
    by_information = InfoSoftmaxClassifier(decision="information", **options).fit(X, y)
    np.testing.assert_array_equal(
        by_posterior.predict_proba(X_test), by_information.predict_proba(X_test)
    )
    scores = [
        balanced_accuracy_score(y_test, c.predict(X_test)) for c in (by_posterior, by_information)
    ]
    assert scores[1] > scores[0] + 0.1
    decision = by_information.decision_function(X_test)
    np.testing.assert_array_equal((decision > 0).astype(int), by_information.predict(X_test))


def test_class_weight_is_sample_weight(split):
    X, X_test, y, _ = split
    keep = ~((y == "setosa") & (np.arange(len(y)) % 3 > 0))
    X, y = X[keep], y[keep]
    options = {"max_epochs": 3, "random_state": 0}
    weights = {"setosa": 2.0, "versicolor": 1.0, "virginica": 0.5}
    for class_weight in ("balanced", weights):
        by_class = InfoSoftmaxClassifier(class_weight=class_weight, **options).fit(X, y)
        by_row = InfoSoftmaxClassifier(**options).fit(
            X, y, sample_weight=compute_sample_weight(class_weight, y)
        )
        np.testing.assert_allclose(by_class.predict_proba(X_test), by_row.predict_proba(X_test))


def test_images_get_a_convolutional_network(images):
    X, y = images
    grey = InfoSoftmaxClassifier(max_epochs=8, random_state=0).fit(X, y)
    assert isinstance(grey.module_, ConvNet)
    assert next(grey.module_.parameters()).dtype == torch.float32
    assert grey.score(X, y) > 0.9
    channel = InfoSoftmaxClassifier(max_epochs=8, random_state=0).fit(X[:, None], y)
    np.testing.assert_array_equal(grey.predict_proba(X), channel.predict_proba(X[:, None]))
    colour = np.repeat(X[:, None], 3, axis=1)
    assert InfoSoftmaxClassifier(max_epochs=1).fit(colour, y).module_.body[0].in_channels == 3


@pytest.mark.parametrize(
    "container",
    [
        np.float32,
        np.float16,
        np.asfortranarray,
        pd.DataFrame,
        pl.DataFrame,
        torch.as_tensor,
        lambda X: X.tolist(),
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    ],
)
def test_containers(split, container):
    X, X_test, y, y_test = split
    options = {"max_epochs": 5, "random_state": 0, "lr": 0.01}
    expected = InfoSoftmaxClassifier(**options).fit(X, y).predict_proba(X_test)
    if container is pd.DataFrame or container is pl.DataFrame:
        names = ["a", "b", "c", "d"]
        X, X_test = pd.DataFrame(X, columns=names), pd.DataFrame(X_test, columns=names)
        if container is pl.DataFrame:
            X, X_test = pl.from_pandas(X), pl.from_pandas(X_test)
    else:
        X, X_test = container(X), container(X_test)
    fitted = InfoSoftmaxClassifier(**options).fit(X, y)
    np.testing.assert_allclose(fitted.predict_proba(X_test), expected, atol=2e-2)
    if hasattr(X, "columns"):
        assert fitted.feature_names_in_.tolist() == ["a", "b", "c", "d"]


def test_read_only_input_is_left_alone(split):
    X, y = split[0].copy(), split[2]
    X.flags.writeable = False
    before = X.copy()
    InfoSoftmaxClassifier(max_epochs=1).fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


def test_dtype_follows_the_table(split):
    X, _, y, _ = split
    for dtype in ("float32", "float64"):
        fitted = InfoSoftmaxClassifier(max_epochs=1).fit(X.astype(dtype), y)
        assert next(fitted.module_.parameters()).dtype == getattr(torch, dtype)
    forced = InfoSoftmaxClassifier(max_epochs=1, dtype="float32").fit(X, y)
    assert next(forced.module_.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    "module", [TinyNet, TinyNet(4, 3), lambda n_classes: TinyNet(4, n_classes)]
)
def test_any_module(split, module):
    X, X_test, y, y_test = split
    before = module.layers[0].weight.clone() if isinstance(module, torch.nn.Module) else None
    fitted = InfoSoftmaxClassifier(module, lr=0.03, random_state=0).fit(X, y)
    assert fitted.score(X_test, y_test) > 0.85
    if before is not None:
        torch.testing.assert_close(module.layers[0].weight, before)


def test_same_seed_same_result_and_the_global_generator_is_left_alone(split):
    X, X_test, y, _ = split
    torch.manual_seed(5)
    expected_draw = torch.rand(3)
    torch.manual_seed(5)
    options = {"module__dropout": 0.3, "max_epochs": 3}
    first = InfoSoftmaxClassifier(random_state=1, **options).fit(X, y).predict_proba(X_test)
    torch.testing.assert_close(torch.rand(3), expected_draw)
    second = InfoSoftmaxClassifier(random_state=1, **options).fit(X, y).predict_proba(X_test)
    np.testing.assert_array_equal(first, second)
    other = InfoSoftmaxClassifier(random_state=2, **options).fit(X, y).predict_proba(X_test)
    assert np.abs(first - other).max() > 1e-3
    state = np.random.RandomState(3)
    moving = InfoSoftmaxClassifier(random_state=state, **options)
    assert (
        np.abs(
            moving.fit(X, y).predict_proba(X_test) - moving.fit(X, y).predict_proba(X_test)
        ).max()
        > 1e-6
    )


def test_threads_train_alike(split):
    X, X_test, y, _ = split
    expected = InfoSoftmaxClassifier(random_state=0, max_epochs=3).fit(X, y).predict_proba(X_test)
    results = [None] * 4

    def fit(i):
        clf = InfoSoftmaxClassifier(random_state=0, max_epochs=3).fit(X, y)
        results[i] = clf.predict_proba(X_test)

    threads = [threading.Thread(target=fit, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_partial_fit_is_one_epoch_of_fit(split):
    X, X_test, y, _ = split
    whole = InfoSoftmaxClassifier(random_state=0, max_epochs=1, batch_size=-1).fit(X, y)
    part = InfoSoftmaxClassifier(random_state=0, max_epochs=50, batch_size=-1)
    part.partial_fit(X, y, classes=np.unique(y))
    np.testing.assert_allclose(part.predict_proba(X_test), whole.predict_proba(X_test))
    before = part.score_bounds(X, y).mi_lower
    for _ in range(20):
        part.partial_fit(X, y)
    assert part.score_bounds(X, y).mi_lower > before
    assert len(part.history_) == 21


def test_partial_fit_on_chunks_that_lack_classes(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(random_state=0, class_prior="empirical", decision="information")
    first = y != "virginica"
    clf.partial_fit(X[first], y[first], classes=np.unique(y))
    assert clf.train_prior_[2] == 0
    assert "virginica" not in clf.predict(X)
    assert clf.predict_proba(X)[:, 2].max() == 0
    clf.partial_fit(X, y)
    np.testing.assert_allclose(clf.train_prior_.sum(), 1)
    assert clf.train_prior_[2] > 0
    assert np.isfinite(clf.predict_log_proba(X)).all()


def test_warm_start_goes_on_with_the_live_learning_rate(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(random_state=0, max_epochs=2, warm_start=True).fit(X, y)
    before = clf.module_.head.weight.clone()
    clf.set_params(lr=1e-12, max_epochs=3).fit(X, y)
    assert len(clf.history_) == 5
    torch.testing.assert_close(clf.module_.head.weight, before, atol=1e-9, rtol=0)
    assert clf.net_.optimizer_.param_groups[0]["lr"] == 1e-12
    cold = clf.set_params(warm_start=False).fit(X, y)
    assert len(cold.history_) == 3


def test_skorch_parameters_travel(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(
        module__hidden_sizes=(7,),
        optimizer__weight_decay=0.1,
        optimizer=torch.optim.AdamW,
        iterator_train__drop_last=True,
        max_epochs=2,
        batch_size=32,
    )
    copy = clone(clf).set_params(module__hidden_sizes=(5,), lr=0.01)
    assert clf.get_params()["module__hidden_sizes"] == (7,)
    copy.fit(X, y)
    assert copy.module_.head.in_features == 5
    assert copy.net_.optimizer_.param_groups[0]["weight_decay"] == 0.1
    assert "optimizer__weight_decay=0.1" in repr(copy)
    assert "module__hidden_sizes" in copy._repr_html_()


@pytest.mark.parametrize(
    "name, error",
    [
        ("learning_rate", TypeError),
        ("modul__x", TypeError),
        ("module__", TypeError),
        ("callbacks__nope__x", ValueError),
        ("module__nothing", TypeError),
    ],
)
def test_names_that_nobody_knows_are_refused(split, name, error):
    X, _, y, _ = split
    with pytest.raises(error, match=name.rpartition("__")[2] or name):
        InfoSoftmaxClassifier(**{name: 1}).fit(X, y)
    if error is TypeError and "nothing" not in name:
        with pytest.raises(ValueError, match=f"Invalid parameter '{name}'"):
            InfoSoftmaxClassifier().set_params(**{name: 1})


def test_callbacks_of_skorch(split, tmp_path):
    X, _, y, _ = split
    callbacks = [
        ("accuracy", EpochScoring("accuracy", lower_is_better=False, name="right")),
        ("stop", EarlyStopping(patience=3, load_best=True)),
        ("schedule", LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.5)),
        ("checkpoint", Checkpoint(dirname=tmp_path)),
        GradientNormClipping(1.0),
        ProgressBar(detect_notebook=False),
    ]
    clf = InfoSoftmaxClassifier(
        lr=0.05,
        max_epochs=60,
        train_split=0.25,
        callbacks=callbacks,
        random_state=0,
        callbacks__stop__patience=2,
    ).fit(X, y)
    history = clf.history_
    assert len(history) < 60
    assert history[-1, "right"] > 0.8
    assert {"train_loss", "valid_loss", "valid_acc"} <= set(history[-1])
    assert (tmp_path / "params.pt").exists()
    assert clf.net_.optimizer_.param_groups[0]["lr"] < 0.05
    # The user's own callbacks stay as they were.
    assert callbacks[1][1].patience == 3
    assert callbacks[1][1].misses_ == 0


def test_validation_rows_and_weights_together(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(train_split=5, max_epochs=2, random_state=0)
    clf.fit(X, y, sample_weight=np.linspace(0.1, 2, len(y)))
    assert np.isfinite(clf.history_[-1, "valid_loss"])


@pytest.mark.parametrize("weighted", [False, True])
def test_user_criterion(split, weighted):
    X, X_test, y, _ = split
    weight = np.linspace(0.1, 2, len(y)) if weighted else None
    options = {"max_epochs": 3, "random_state": 0}
    expected = InfoSoftmaxClassifier(**options).fit(X, y, weight).predict_proba(X_test)
    for criterion in (torch.nn.CrossEntropyLoss, torch.nn.NLLLoss):
        clf = InfoSoftmaxClassifier(criterion=criterion, **options).fit(X, y, weight)
        np.testing.assert_allclose(clf.predict_proba(X_test), expected, rtol=1e-6)
    smooth = InfoSoftmaxClassifier(
        criterion=torch.nn.CrossEntropyLoss, criterion__label_smoothing=0.2, **options
    ).fit(X, y, weight)
    assert np.abs(smooth.predict_proba(X_test) - expected).max() > 1e-4


def test_a_criterion_of_one_number_cannot_be_weighted(split):
    X, _, y, _ = split

    class Mean(torch.nn.Module):
        def forward(self, logits, y):
            return torch.nn.functional.cross_entropy(logits, y)

    InfoSoftmaxClassifier(criterion=Mean, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="returns one number for a batch"):
        InfoSoftmaxClassifier(criterion=Mean, max_epochs=1).fit(X, y, np.ones(len(y)))


def test_data_loader_instead_of_whole_batches(split):
    X, X_test, y, _ = split
    options = {"max_epochs": 3, "random_state": 0, "batch_size": -1}
    expected = InfoSoftmaxClassifier(**options).fit(X, y).predict_proba(X_test)
    loader = InfoSoftmaxClassifier(
        iterator_train=DataLoader, iterator_valid=DataLoader, **options
    ).fit(X, y, np.ones(len(y)))
    np.testing.assert_allclose(loader.predict_proba(X_test), expected, rtol=1e-9)


def test_grid_search_over_all_kinds_of_parameters(iris):
    X, y = iris
    search = GridSearchCV(
        InfoSoftmaxClassifier(
            max_epochs=3, random_state=0, train_split=5, callbacks=[("stop", EarlyStopping())]
        ),
        {
            "module__hidden_sizes": [(4,), (8,)],
            "optimizer__weight_decay": [0.0, 0.1],
            "lr": [0.01],
            "callbacks__stop__patience": [1],
        },
        cv=2,
        n_jobs=2,
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
    ).fit(X, y)
    assert search.best_estimator_.predict(X).shape == y.shape
    serial = clone(search).set_params(n_jobs=1).fit(X, y)
    np.testing.assert_allclose(
        serial.cv_results_["mean_test_neg_log_loss"],
        search.cv_results_["mean_test_neg_log_loss"],
        rtol=1e-6,
    )


def test_copies_agree(fitted, split, tmp_path):
    X = split[1]
    expected = fitted.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), expected)
    joblib.dump(fitted, tmp_path / "clf")
    np.testing.assert_array_equal(joblib.load(tmp_path / "clf").predict_proba(X), expected)
    assert not hasattr(clone(fitted), "net_")
    pipeline = make_pipeline(StandardScaler(), clone(fitted)).fit(split[0], split[2])
    assert pickle.loads(pickle.dumps(pipeline)).score(X, split[3]) > 0.9


def test_weights_as_safetensors(fitted, split, tmp_path):
    pytest.importorskip("safetensors")
    fitted.net_.save_params(f_params=tmp_path / "weights", use_safetensors=True)
    other = InfoSoftmaxClassifier(random_state=9, max_epochs=1).fit(split[0], split[2])
    other.net_.load_params(f_params=tmp_path / "weights", use_safetensors=True)
    np.testing.assert_array_equal(other.predict_proba(split[1]), fitted.predict_proba(split[1]))


def test_torch_compile(split):
    X, X_test, y, _ = split
    options = {"max_epochs": 2, "random_state": 0, "batch_size": -1}
    expected = InfoSoftmaxClassifier(**options).fit(X, y).predict_proba(X_test)
    compiled = InfoSoftmaxClassifier(compile=True, compile__backend="eager", **options).fit(X, y)
    np.testing.assert_allclose(compiled.predict_proba(X_test), expected, rtol=1e-9)


def make_accelerator():
    from accelerate import Accelerator

    return Accelerator(cpu=True)


def test_accelerator_by_factory(split):
    pytest.importorskip("accelerate")
    X, X_test, y, y_test = split
    clf = InfoSoftmaxClassifier(
        accelerator=make_accelerator, dtype="float32", lr=0.02, random_state=0
    ).fit(X, y)
    assert clf.score(X_test, y_test) > 0.9
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(clf)).predict_proba(X_test), clf.predict_proba(X_test)
    )


def test_verbose_prints_the_losses(split, capsys):
    InfoSoftmaxClassifier(max_epochs=1, verbose=1).fit(split[0], split[2])
    assert "train_loss" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, message",
    [
        ({"class_prior": "balanced"}, "'class_prior' parameter .* Got 'balanced'"),
        (
            {"class_prior": [0.5, 0.5]},
            r"`class_prior` must be a distribution .*; got \[0.5, 0.5\]",
        ),
        ({"class_prior": [0.5, 0.4, 0.3]}, "`class_prior` must be a distribution"),
        ({"decision": "vote"}, "'decision' parameter .* Got 'vote'"),
        ({"lr": 0}, "'lr' parameter .* Got 0"),
        ({"max_epochs": 0}, "'max_epochs' parameter .* Got 0"),
        ({"batch_size": 0}, "'batch_size' parameter .* Got 0"),
        ({"dtype": "float16"}, "'dtype' parameter .* Got 'float16'"),
        ({"class_weight": "equal"}, "'class_weight' parameter .* Got 'equal'"),
        ({"module": 3}, "'module' parameter .* Got 3"),
        ({"module": torch.nn.Linear(4, 2)}, r"logits of shape .*\(n_samples, 3\) is needed"),
    ],
)
def test_bad_parameters(split, options, message):
    with pytest.raises(ValueError, match=message):
        InfoSoftmaxClassifier(**{"max_epochs": 1, **options}).fit(split[0], split[2])


def test_bad_input(fitted, split, images):
    X, X_test, y, y_test = split
    clf = InfoSoftmaxClassifier(max_epochs=1)
    cases = [
        (
            lambda: InfoSoftmaxClassifier(TinyNet).fit(np.where(X > 1, np.nan, X), y),
            "X contains NaN",
        ),
        (lambda: clf.fit(np.where(X > 1, np.inf, X), y), "X contains infinity"),
        (lambda: clf.fit(X, np.zeros(len(X))), r"y holds the one class \[0.0\]"),
        (lambda: clf.fit(X, np.linspace(0, 1, len(X))), "Unknown label type: continuous"),
        (lambda: clf.fit(X[:0], y[:0]), "0 sample"),
        (lambda: clf.fit(X, y[:5]), "inconsistent numbers of samples"),
        (lambda: clf.fit(X[:, 0], y), "Expected 2D array"),
        (lambda: clf.fit(np.zeros((9, 1, 2, 3, 4)), [0, 1, 2] * 3), "no default network"),
        (lambda: clf.fit(X, y, np.zeros(len(y))), "(?i)sample.weight.* zero|non-zero"),
        (lambda: clf.fit(X, y, -np.ones(len(y))), "(?i)negative"),
        (lambda: clf.partial_fit(X, y), "classes=None in the first call"),
        (lambda: clf.partial_fit(X, y, classes=["a", "b"]), r"labels that are unknown"),
        (lambda: fitted.predict(X_test[:, :3]), "X has 3 features, but InfoSoftmaxClassifier"),
        (lambda: fitted.predict(X_test[:, :, None]), r"X has rows of shape \(4, 1\)"),
        (lambda: fitted.score_bounds(X_test, ["rose"] * len(X_test)), r"unknown: \['rose'\]"),
        (lambda: fitted.score_bounds(X_test, y_test[1:]), "inconsistent numbers of samples"),
        (lambda: fitted.score_bounds(X_test, np.c_[y_test, y_test]), "y should be a 1d array"),
        (lambda: fitted.score_bounds(X_test, y_test, units="dits"), "units='dits' is unknown"),
        (
            lambda: fitted.score_bounds(X_test, y_test, reference_prior="flat"),
            "reference_prior='flat' is unknown: use one of 'empirical', 'train', 'uniform'",
        ),
        (
            lambda: fitted.score_bounds(X_test, y_test, sample_weight=np.zeros(len(y_test))),
            "(?i)sample.weight.* zero|non-zero",
        ),
        (
            lambda: fitted.pointwise_information(X_test, reference_prior="empirical"),
            "reference_prior='empirical' needs labels",
        ),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
    images_clf = InfoSoftmaxClassifier(max_epochs=1).fit(*images)
    with pytest.raises(ValueError, match=r"rows of shape \(7, 8\).*fitted on rows of shape"):
        images_clf.predict(images[0][:, 1:])


def test_reference_prior_that_excludes_what_occurs(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(random_state=0)
    first = y != "virginica"
    clf.partial_fit(X[first], y[first], classes=np.unique(y))
    with pytest.raises(ValueError, match="gives probability 0 to the label 'virginica'"):
        clf.score_bounds(X, y)
    assert np.isfinite(clf.score_bounds(X, y, reference_prior="empirical").mi_lower)


class TwoOutputs(TinyNet):
    def forward(self, x):
        return super().forward(x), x.sum()


class Sequence(TinyNet):
    def forward(self, x):
        return super().forward(x)[:, None, :].expand(-1, 2, -1)


def test_modules_with_other_outputs(split):
    X, X_test, y, _ = split
    options = {"max_epochs": 2, "random_state": 0}
    np.testing.assert_array_equal(
        InfoSoftmaxClassifier(TwoOutputs, **options).fit(X, y).predict_proba(X_test),
        InfoSoftmaxClassifier(TinyNet, **options).fit(X, y).predict_proba(X_test),
    )
    with pytest.raises(ValueError, match=r"shape \(112, 2, 3\) where \(n_samples, 3\) is needed"):
        InfoSoftmaxClassifier(Sequence, **options).fit(X, y)


def test_divergence_is_told(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(optimizer=torch.optim.SGD, lr=1e300, max_epochs=5, random_state=0)
    with pytest.raises(ValueError, match=r"Training diverged: .* at lr=1e\+300. Scale X"):
        clf.fit(X, y)


def test_huge_inputs_stay_finite(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(max_epochs=1, random_state=0).fit(X * 1e4, y)
    bounds = clf.score_bounds(X * 1e4, y)
    assert np.isfinite([bounds.mi_lower, bounds.log_softmax, bounds.dv]).all()


def test_fitting_does_not_import_optional_packages():
    code = (
        "import sys, numpy as np\n"
        "from sksoftinfo import InfoSoftmaxClassifier\n"
        "InfoSoftmaxClassifier(max_epochs=1).fit(np.eye(4), [0, 1, 0, 1])\n"
        "assert not {'matplotlib', 'torchvision', 'accelerate'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bounds_of_the_training_rows_overstate_and_are_warned_about():
    """Labels drawn without a look at X: every bit is memorised."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 30)), rng.integers(0, 2, 120)
    clf = InfoSoftmaxClassifier(random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="120 of 120 rows and their labels are those that the"):
        trained = clf.score_bounds(X, y)
    assert trained.mi_lower_limit > 0
    shuffled = rng.permutation(120)
    for rows, labels in (
        (X[shuffled], y[shuffled]),
        (X[:20], y[:20]),
        (X.astype(np.float32), y),
        (np.vstack([X[:20], X[20:] + 1]), y),
    ):
        with pytest.warns(UserWarning, match="(20|120) of (20|120) rows and their labels"):
            clf.score_bounds(rows, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.score_bounds(X, 1 - y)
        clf.score_bounds(rng.normal(size=(120, 30)), y)
        # Hashes of the rows are not in files.
        pickle.loads(pickle.dumps(clf)).score_bounds(X, y)
    assert "_fitted_on" not in clf.__getstate__()
    chunks = InfoSoftmaxClassifier(random_state=0).partial_fit(X[:60], y[:60], classes=[0, 1])
    chunks.partial_fit(X[60:], y[60:])
    with pytest.warns(UserWarning, match="20 of 20 rows and their labels"):
        chunks.score_bounds(X[50:70], y[50:70])


def test_deciding_by_information_raises_the_average_accuracy_per_class():
    """Digits, one of them cut to 5 % of its training images."""
    X, y = load_digits(return_X_y=True)
    gains = []
    for seed in range(4):
        X_train, X_test, y_train, y_test = train_test_split(
            X / 16, y, test_size=0.5, stratify=y, random_state=seed
        )
        kept = (y_train != 8) | (np.random.default_rng(seed).random(len(y_train)) < 0.05)
        clf = InfoSoftmaxClassifier(random_state=0).fit(X_train[kept], y_train[kept])
        posterior = balanced_accuracy_score(y_test, clf.predict(X_test))
        clf.set_params(decision="information")
        gains.append(balanced_accuracy_score(y_test, clf.predict(X_test)) - posterior)
    # Measured: 0.05 to 0.07.
    assert np.mean(gains) - 3 * np.std(gains, ddof=1) / 2 > 0.02
