"""Training and evaluation on CUDA agree with the CPU, on a real GPU or a simulated one."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, train_test_split
from skorch.callbacks import EarlyStopping, EpochScoring, LRScheduler
from torch import nn
from torch.utils.data import DataLoader

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    ResumableCheckpoint,
    StochasticInfoClassifier,
    cross_val_bounds,
    load,
    save,
)
from sksoftinfo.export import information_map_module, log_proba_module
from tests._classifiers.test_stochastic_info import DiscreteNoise, NoisyFeatures
from tests.helpers.images import digits_beside_nothing

TABLE = train_test_split(*load_iris(return_X_y=True), test_size=0.5, random_state=0)
DIGITS = load_digits(n_class=3)
PICTURES = train_test_split(
    (DIGITS.images[:160] / 16).astype(np.float32), DIGITS.target[:160], random_state=0
)
SEED = {"random_state": 0}
FAST = {"random_state": 0, "max_epochs": 2, "batch_size": 30}


class Network(nn.Module):
    """A user's network, with a buffer and two outputs."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        # The gradients of a bias before the normalisation would be pure rounding errors, which
        # Adam makes as large as all other gradients.
        first = nn.Linear(n_features, 8, bias=False)
        self.layers = nn.Sequential(first, nn.BatchNorm1d(8), nn.ReLU())
        self.head = nn.Linear(8, n_classes)

    def forward(self, x):
        hidden = self.layers(x)
        return self.head(hidden), hidden


def softmax(**options):
    return InfoSoftmaxClassifier(**{**FAST, **options})


def stochastic(noise, objective="log_softmax", **options):
    options = {"noise": noise, "objective": objective, "n_draws": 3, **FAST, **options}
    if noise == "latent":
        options = {"beta": 0.05, **options}
    return StochasticInfoClassifier(**options)


CLASSIFIERS = {
    "softmax": softmax,
    "images": softmax,
    "network": lambda **options: softmax(module=Network, **options),
    **{
        f"{noise} {objective}": (
            lambda noise=noise, objective=objective, **options: stochastic(
                noise, objective, **options
            )
        )
        for noise in ("additive", "latent", "dropout")
        for objective in ("log_softmax", "dv", "predictive")
    },
    "gaussian": lambda **options: stochastic("gaussian", beta=0.05, **options),
    "ensemble": lambda **options: stochastic("ensemble", **options),
    "module": lambda **options: stochastic("module", module=NoisyFeatures, **options),
    "own draws": lambda **options: stochastic("module", module=DiscreteNoise, **options),
}
OPTIONS = {
    "prior": {"class_prior": "empirical"},
    "class weight": {"class_weight": "balanced"},
    "sample weight": {"sample_weight": True},
    "split": {"train_split": 0.2},
    "early stopping": {"callbacks": [EarlyStopping(monitor="train_loss", load_best=True)]},
    "scoring": {"callbacks": [EpochScoring("accuracy", name="right", on_train=True)]},
    "schedule": {"callbacks": [LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1)]},
    "loader": {"iterator_train": DataLoader, "iterator_valid": DataLoader},
    "float32": {"dtype": "float32"},
}
VALIDATED = EarlyStopping(load_best=True)
# Each classifier is tested with some options, and with all other options. Whether an option is on
# is a parity of the classifier's number, a different one for each option: for any two options,
# every combination of on and off occurs.
CASES = {
    (name, complement): {
        option
        for mask, option in enumerate(OPTIONS, 1)
        if (number & mask).bit_count() % 2 != complement
    }
    for number, name in enumerate(CLASSIFIERS, 1)
    for complement in (0, 1)
}


def data_of(name):
    return PICTURES if name == "images" else TABLE


def fitted(name, chosen, device):
    X, _, y, _ = data_of(name)
    options = {}
    for option in sorted(chosen):
        callbacks = options.get("callbacks", []) + OPTIONS[option].get("callbacks", [])
        options |= {**OPTIONS[option], "callbacks": callbacks}
    if {"early stopping", "split"} <= chosen:
        options["callbacks"] = [VALIDATED, *options["callbacks"][1:]]
    options["callbacks"] = options.get("callbacks") or None
    weight = np.linspace(0.5, 2, len(y)) if options.pop("sample_weight", False) else None
    return CLASSIFIERS[name](device=device, **options).fit(X, y, weight)


def assert_on_cuda(clf):
    assert all(weight.is_cuda for weight in clf.module_.parameters())


def assert_agree(on_cuda, on_cpu, X, y, atol=1e-6):
    """Allow for a real GPU, whose kernels sum in another order."""
    np.testing.assert_allclose(on_cuda.predict_proba(X), on_cpu.predict_proba(X), atol=atol)
    found, expected = (clf.score_bounds(X, y) for clf in (on_cuda, on_cpu))
    for name in ("mi_lower", "log_softmax", "dv", "mi_output_upper"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one == pytest.approx(other, abs=10 * atol), name


def test_each_pair_of_options_and_classifiers_is_a_case():
    for option in OPTIONS:
        for name in CLASSIFIERS:
            assert {option in CASES[name, complement] for complement in (0, 1)} == {True, False}
        for other in OPTIONS.keys() - {option}:
            pairs = {(option in chosen, other in chosen) for chosen in CASES.values()}
            assert len(pairs) == 4


@pytest.mark.parametrize(("name", "complement"), CASES)
def test_training_and_bounds_agree_with_the_cpu(cuda, name, complement):
    _, X_test, _, y_test = data_of(name)
    chosen = CASES[name, complement]
    on_cuda, on_cpu = (fitted(name, chosen, device) for device in ("cuda", "cpu"))
    assert_on_cuda(on_cuda)
    single = name == "images" or "float32" in chosen
    assert_agree(on_cuda, on_cpu, X_test, y_test, atol=1e-3 if single else 1e-6)
    entries = on_cpu.history_[-1].keys() & {"train_loss", "valid_loss", "valid_acc", "right"}
    assert ("right" in entries) == ("scoring" in chosen)
    assert ("valid_loss" in entries) == ("split" in chosen)
    for entry in entries:
        assert on_cuda.history_[-1, entry] == pytest.approx(
            on_cpu.history_[-1, entry], rel=1e-3 if single else 1e-6
        )


@pytest.mark.parametrize("name", ["softmax", "images", "latent dv"])
def test_training_goes_on(cuda, name):
    X, X_test, y, y_test = data_of(name)
    trained = []
    for device in ("cuda", "cpu"):
        partial = CLASSIFIERS[name](device=device).partial_fit(X, y, classes=np.unique(y))
        partial.partial_fit(X[::2], y[::2]).partial_fit(X[1::2], y[1::2])
        warm = CLASSIFIERS[name](device=device, warm_start=True).fit(X, y).fit(X, y)
        trained.append((partial, warm))
    for on_cuda, on_cpu in zip(*trained, strict=True):
        assert_on_cuda(on_cuda)
        assert_agree(on_cuda, on_cpu, X_test, y_test, 1e-3 if name == "images" else 1e-6)


@pytest.mark.parametrize(
    "name",
    ["ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "NAdam"]
    + ["RAdam", "RMSprop", "Rprop", "SGD"],
)
def test_optimizers(cuda, name):
    if not hasattr(torch.optim, name):
        pytest.skip(f"this torch has no {name}")
    X, X_test, y, y_test = TABLE
    options = {"optimizer": getattr(torch.optim, name), "lr": 0.01, "batch_size": -1}
    on_cuda, on_cpu = (softmax(device=device, **options).fit(X, y) for device in ("cuda", "cpu"))
    assert_agree(on_cuda, on_cpu, X_test, y_test)


def test_a_criterion_with_weights_of_classes(cuda):
    X, X_test, y, y_test = TABLE
    for criterion in (nn.CrossEntropyLoss, nn.NLLLoss):
        options = {
            "criterion": criterion,
            "criterion__weight": torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64),
        }
        on_cuda, on_cpu = (
            softmax(device=device, **options).fit(X, y) for device in ("cuda", "cpu")
        )
        assert_agree(on_cuda, on_cpu, X_test, y_test)


@pytest.mark.parametrize("rows", ["float32", "on the device", "weighted"])
def test_the_default_network_of_tables(cuda, rows):
    """With few rows, the network chooses the length of its training, on either device."""
    X, X_test, y, y_test = train_test_split(*load_iris(return_X_y=True), test_size=30, **SEED)
    if rows == "float32":
        X, X_test = X.astype(np.float32), X_test.astype(np.float32)
    on_cpu, on_cuda = (
        InfoSoftmaxClassifier(
            device=device, early_stopping=True, max_epochs=12, class_prior="empirical", **SEED
        )
        for device in ("cpu", "cuda")
    )
    weight = np.linspace(0.5, 2, len(y)) if rows == "weighted" else None
    on_cpu.fit(X, y, weight)
    if rows == "on the device":
        X, y = (torch.as_tensor(one).to("cuda") for one in (X, y))
    on_cuda.fit(X, y, weight)
    assert_on_cuda(on_cuda)
    assert len(on_cuda.history_) == len(on_cpu.history_)
    assert_agree(on_cuda, on_cpu, X_test, y_test, atol=1e-3)
    on_cuda.partial_fit(X, y).score_bounds(X_test, y_test)


def test_entropies_information_and_other_draws(cuda):
    X, X_test, y, _ = TABLE
    on_cuda, on_cpu = (
        stochastic("gaussian", beta=0.05, class_prior="empirical", device=device).fit(X, y)
        for device in ("cuda", "cpu")
    )
    for name in ("predictive_entropy", "expected_entropy", "draw_information", "predict_proba"):
        found, expected = (getattr(clf, name)(X_test, n_draws=5) for clf in (on_cuda, on_cpu))
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(
        on_cuda.pointwise_information(X_test), on_cpu.pointwise_information(X_test), atol=1e-6
    )


def test_repeats_and_gives_the_generators_back(cuda):
    X, X_test, y, _ = TABLE
    for _ in range(2):
        torch.rand(3, device="cuda")
    state, on_device = torch.get_rng_state(), torch.cuda.get_rng_state()
    clf = softmax(device="cuda", module__dropout=0.5)
    first, second = (copy.deepcopy(clf).fit(X, y).predict_proba(X_test) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(torch.cuda.get_rng_state(), on_device)


@pytest.mark.parametrize(
    "clf",
    [
        softmax(module__dropout=0.5, device="cuda"),
        stochastic("latent", device="cuda"),
        softmax(train_split=0.2, callbacks=[EarlyStopping(load_best=True)], device="cuda"),
    ],
    ids=["dropout", "noise", "early stopping"],
)
def test_a_checkpoint_resumes_to_the_same_result(cuda, clf, tmp_path):
    X, X_test, y, _ = TABLE
    path = tmp_path / "training.pt"
    callbacks = [*(clf.callbacks or []), ResumableCheckpoint(path)]

    def train(max_epochs):
        return copy.deepcopy(clf).set_params(max_epochs=max_epochs, callbacks=callbacks).fit(X, y)

    whole = train(4).predict_proba(X_test)
    path.unlink()
    train(2)
    half = path.read_bytes()
    resumed = train(4)
    assert_on_cuda(resumed)
    np.testing.assert_array_equal(resumed.predict_proba(X_test), whole)
    path.write_bytes(half)
    options = {"device": "cpu", "max_epochs": 4, "callbacks": callbacks}
    n_epochs, proba = cuda.elsewhere(
        epochs_and_proba, copy.deepcopy(clf).set_params(**options), X, y, X_test
    )
    assert n_epochs == 4
    # Dropout on the host draws other numbers.
    if "module__dropout" not in clf.get_params():
        np.testing.assert_allclose(proba, whole, atol=1e-6)


def epochs_and_proba(clf, X, y, X_test):
    clf.fit(X, y)
    return len(clf.history_), clf.predict_proba(X_test)


def write(how, clf, path):
    if how == "pickle":
        path.write_bytes(pickle.dumps(clf))
    elif how == "save":
        pytest.importorskip("safetensors")
        save(clf, path)
    else:
        pytest.importorskip("skops.io").dump(clf, path)


def read(how, path):
    if how == "pickle":
        return pickle.loads(path.read_bytes())
    if how == "save":
        return load(path)
    sio = pytest.importorskip("skops.io")
    return sio.load(path, trusted=sio.get_untrusted_types(file=path))


def read_and_trained(how, path, X, y, X_test, y_test):
    """Return whether a file warns about its absent device, and the original probabilities."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        there = read(how, path)
        moved = any("device='auto' is used instead" in str(one.message) for one in caught)
        assert not any(weight.is_cuda for weight in there.module_.parameters())
        proba = there.predict_proba(X_test)
        there.score_bounds(X_test, y_test)
        there.partial_fit(X, y)
        there.fit(X, y)
        assert there.predict_proba(X_test).shape == proba.shape
    return moved, proba


@pytest.mark.parametrize(
    ("how", "name", "device"),
    [
        ("pickle", "softmax", "cuda"),
        ("pickle", "additive dv", "cuda"),
        ("pickle", "images", "auto"),
        ("pickle", "latent dv", "auto"),
        ("save", "softmax", "auto"),
        ("save", "latent dv", "cuda"),
        ("skops", "images", "cuda"),
        ("skops", "latent dv", "auto"),
    ],
)
def test_files_go_to_either_device_and_train_on_there(cuda, how, name, device, tmp_path):
    X, X_test, y, y_test = data_of(name)
    clf = CLASSIFIERS[name](device=device, train_split=0.2, class_prior="empirical").fit(X, y)
    assert_on_cuda(clf)
    path = tmp_path / "clf"
    write(how, clf, path)
    again = read(how, path)
    assert_on_cuda(again)
    np.testing.assert_array_equal(again.predict_proba(X_test), clf.predict_proba(X_test))
    again.partial_fit(X, y)
    again.fit(X, y)
    assert_on_cuda(again)
    moved, proba = cuda.elsewhere(read_and_trained, how, path, X, y, X_test, y_test)
    assert moved == (device == "cuda")
    np.testing.assert_allclose(proba, clf.predict_proba(X_test), atol=1e-5)


MASKERS = {
    "dense": {"patch_scoring": "dense", "patch_size": [4, 8]},
    "features": {"calibrate": "features", "patch_size": 6},
    "crop": {"patch_scoring": "crop", "patch_size": 6, "stride": 2},
    "paste": {"patch_scoring": "paste", "patch_size": 6, "stride": 2},
}


@pytest.fixture(scope="module")
def pictures():
    images, digit = digits_beside_nothing()
    return images[:120], digit[:120]


@pytest.mark.parametrize("how", MASKERS)
def test_masks_agree_with_the_cpu(cuda, how, pictures):
    X, y = pictures
    maps = {}
    for device in ("cuda", "cpu"):
        clf = InfoSoftmaxClassifier(device=device, max_epochs=6, random_state=0).fit(X, y)
        masker = InfoMaskTransformer(FrozenEstimator(clf), random_state=0, **MASKERS[how])
        masker.fit(X, y)
        assert masker.patch_scoring_ == how.replace("features", "dense")
        maps[device] = masker.information_map(X[:20], 1)
        assert masker.transform(X[:20]).shape == X[:20].shape
    # The trainings differ by rounding errors, and maps are multiples of the logits.
    np.testing.assert_allclose(maps["cuda"], maps["cpu"], rtol=1e-3, atol=1e-2)


def test_exported_modules_are_on_the_cpu(cuda, pictures):
    X, y = pictures
    clf = InfoSoftmaxClassifier(
        device="cuda", max_epochs=3, class_prior="empirical", random_state=0
    ).fit(X, y)
    with torch.no_grad():
        found = log_proba_module(clf)(torch.as_tensor(X[:5, None]))
    np.testing.assert_allclose(found.numpy(), clf.predict_log_proba(X[:5]), rtol=1e-5, atol=1e-5)
    masker = InfoMaskTransformer(FrozenEstimator(clf), patch_size=4, random_state=0).fit(X, y)
    with torch.no_grad():
        found = information_map_module(masker, 1)(torch.as_tensor(X[:5, None]))
    np.testing.assert_allclose(found.numpy(), masker.information_map(X[:5], 1), atol=1e-3)
    assert_on_cuda(clf)


def test_searches_and_cross_fitting(cuda):
    X, _, y, _ = TABLE
    searches = [
        GridSearchCV(softmax(device=device), {"lr": [0.01, 0.1]}, cv=2, scoring="neg_log_loss")
        for device in ("cuda", "cpu")
    ]
    found, expected = (one.fit(X, y).cv_results_["mean_test_score"] for one in searches)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert_on_cuda(searches[0].best_estimator_)
    found, expected = (
        cross_val_bounds(softmax(device=device), X, y, cv=2) for device in ("cuda", "cpu")
    )
    assert found.mi_lower == pytest.approx(expected.mi_lower, abs=1e-6)
