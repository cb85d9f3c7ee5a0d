import pickle
import subprocess
import sys
import threading

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import (
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
)
from torch.utils.data import DataLoader

from sksoftinfo import InfoSoftmaxClassifier, TrainingDiverged
from tests.helpers.networks import TinyNet, module_output


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
    """Compare one full-batch step of gradient ascent on Eq. 3 with a loop written in torch."""
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
    # The user's own callbacks are unchanged.
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
    pipeline = make_pipeline(StandardScaler(), clone(fitted).set_params(max_epochs=5))
    expected = pipeline.fit(split[0], split[2]).predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pipeline)).predict_proba(X), expected)


def test_weights_as_safetensors(fitted, split, tmp_path):
    pytest.importorskip("safetensors")
    fitted.net_.save_params(f_params=tmp_path / "weights", use_safetensors=True)
    other = InfoSoftmaxClassifier(random_state=9, max_epochs=1, early_stopping=True)
    other.fit(split[0], split[2])
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
        (
            {"module": torch.nn.Linear(4, 2)},
            r"logits of shape \(n_samples, 3\).*got shape \(112, 2\) from Linear",
        ),
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
        (lambda: clf.fit(X, np.zeros(len(X))), r"at least two classes; got one class: \[0.0\]"),
        (lambda: clf.fit(X, np.linspace(0, 1, len(X))), "Unknown label type: continuous"),
        (lambda: clf.fit(X[:0], y[:0]), r"at least one row; got shape \(0, 4\)"),
        (lambda: clf.fit(X, y[:5]), "inconsistent numbers of samples"),
        (lambda: clf.fit(X[:, 0], y), "Expected 2D array"),
        (lambda: clf.fit(np.zeros((9, 1, 2, 3, 4)), [0, 1, 2] * 3), "if `module` is None; got"),
        (lambda: clf.fit(X, y, np.zeros(len(y))), "(?i)sample.weight.* zero|non-zero"),
        (lambda: clf.fit(X, y, -np.ones(len(y))), "must not be negative; got -1 in row 0"),
        (lambda: fitted.score(X, y, -np.ones(len(y))), "must not be negative; got -1 in row 0"),
        (lambda: clf.partial_fit(X, y), "`classes` must be given in the first call"),
        (
            lambda: clf.partial_fit(X, y, classes=["a", "b"]),
            "must hold known labels.* Encode the labels like the known classes",
        ),
        (lambda: fitted.predict(X_test[:, :3]), "X has 3 features, but InfoSoftmaxClassifier"),
        (lambda: fitted.predict(X_test[:, :, None]), r"got rows of shape \(4, 1\)"),
        (
            lambda: fitted.score_bounds(X_test, ["rose"] * len(X_test)),
            r"known labels; got \['rose'\]",
        ),
        (lambda: fitted.score_bounds(X_test, y_test[1:]), "inconsistent numbers of samples"),
        (lambda: fitted.score_bounds(X_test, np.c_[y_test, y_test]), "y should be a 1d array"),
        (
            lambda: fitted.score_bounds(X_test, y_test, units="dits"),
            "`units` must be 'nats' or 'bits'; got 'dits'",
        ),
        (
            lambda: fitted.score_bounds(X_test, y_test, reference_prior="flat"),
            "must be one of 'empirical', 'train', 'uniform' or an array of 3 .*; got 'flat'",
        ),
        (
            lambda: fitted.score_bounds(X_test, y_test, sample_weight=np.zeros(len(y_test))),
            "(?i)sample.weight.* zero|non-zero",
        ),
        (
            lambda: fitted.pointwise_information(X_test, reference_prior="empirical"),
            "`reference_prior` must be .*; got 'empirical'",
        ),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
    images_clf = InfoSoftmaxClassifier(max_epochs=1).fit(*images)
    with pytest.raises(ValueError, match=r"as in `fit` of .*; got rows of shape \(7, 8\)"):
        images_clf.predict(images[0][:, 1:])


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
    with pytest.raises(ValueError, match=r"got shape \(112, 2, 3\) from Sequence"):
        InfoSoftmaxClassifier(Sequence, **options).fit(X, y)


def test_divergence_is_told(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(optimizer=torch.optim.SGD, lr=1e300, max_epochs=5, random_state=0)
    with pytest.raises(ValueError, match=r"Training diverged: .* at lr=1e\+300. Scale X"):
        clf.fit(X, y)


@pytest.mark.parametrize(
    ("n", "lr", "options"),
    [
        (80, 1e3, {}),
        (80, 1e6, {}),
        (200, 1e3, {}),
        (200, 1e6, {"early_stopping": True}),
        (80, 1e3, {"max_epochs": 5}),
        (80, 1e3, {"module": torch.nn.Linear, "max_epochs": 5}),
        (80, 1e3, {"module": torch.nn.Linear, "optimizer": torch.optim.SGD, "max_epochs": 5}),
    ],
)
def test_a_far_too_large_learning_rate_is_refused_though_all_is_finite(n, lr, options):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, 5))
    y = (X[:, 0] + rng.normal(size=n) > 0).astype(int)
    if "module" in options:
        options = {**options, "module__in_features": 5, "module__out_features": 2}
    clf = InfoSoftmaxClassifier(lr=lr, random_state=0, **options)
    with pytest.raises(TrainingDiverged, match=r"in half of the epochs, at lr=.* Scale X"):
        clf.fit(X, y)
    assert not hasattr(clf, "net_")


def test_a_chunk_that_diverges_at_finite_weights_leaves_what_was_learned():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 5))
    y = (X[:, 0] > 0).astype(int)
    clf = InfoSoftmaxClassifier(random_state=0).partial_fit(X, y, classes=[0, 1])
    proba = clf.predict_proba(X)
    with pytest.raises(TrainingDiverged):
        clf.set_params(lr=1e5).partial_fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), proba)


def test_a_large_loss_from_the_beginning_is_not_divergence():
    """Train a user's network on columns that are not scaled."""
    X = 1e4 * np.random.default_rng(0).normal(size=(100, 5))
    sizes = {"module__in_features": 5, "module__out_features": 2}
    clf = InfoSoftmaxClassifier(torch.nn.Linear, max_epochs=3, random_state=0, **sizes)
    clf.fit(X, np.random.default_rng(1).integers(0, 2, size=100))
    assert clf.history_[-1]["train_loss"] > 100


def test_huge_inputs_stay_finite(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(max_epochs=1, random_state=0).fit(X * 1e4, y)
    bounds = clf.score_bounds(X * 1e4, y)
    assert np.isfinite([bounds.mi_lower, bounds.log_softmax, bounds.dv]).all()


def test_fitting_does_not_import_optional_packages():
    code = (
        "import sys, numpy as np, sksoftinfo.datasets\n"
        "from sksoftinfo import InfoSoftmaxClassifier\n"
        "InfoSoftmaxClassifier(max_epochs=1).fit(np.eye(4), [0, 1, 0, 1])\n"
        "assert not {'matplotlib', 'torchvision', 'accelerate'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.long_training
def test_deciding_by_information_raises_the_average_accuracy_per_class():
    """Digits, one of them cut to 5 % of its training images."""
    X, y = load_digits(return_X_y=True)
    gains = []
    for seed in range(4):
        X_train, X_test, y_train, y_test = train_test_split(
            X / 16, y, test_size=0.5, stratify=y, random_state=seed
        )
        kept = (y_train != 8) | (np.random.default_rng(seed).random(len(y_train)) < 0.05)
        clf = InfoSoftmaxClassifier(max_epochs=50, random_state=0)
        clf.fit(X_train[kept], y_train[kept])
        posterior = balanced_accuracy_score(y_test, clf.predict(X_test))
        clf.set_params(decision="information")
        gains.append(balanced_accuracy_score(y_test, clf.predict(X_test)) - posterior)
    # The measured gains are 0.05 to 0.07.
    assert np.mean(gains) - 3 * np.std(gains, ddof=1) / 2 > 0.02
