import numpy as np
import pytest
import torch
from skorch.callbacks import Checkpoint, EarlyStopping, LoadInitState, LRScheduler

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._classifiers.plan import TrainingPlan, folds_of_table, plan_table
from sksoftinfo._networks import folds_of_rows

ROWS = np.arange(120.0).reshape(120, 1)


def plan(n_distinct, repeated=1, weight=None, batch_size=128, **options):
    X = np.repeat(np.arange(n_distinct, dtype=float), repeated)[:, None]
    options = {"max_epochs": None, "early_stopping": "auto", "n_members": 5, **options}
    return plan_table(X, weight, batch_size=batch_size, **options)


def test_rows_are_held_out_where_enough_of_them_differ():
    assert plan(99).n_folds == plan(99, repeated=9).n_folds == 0
    assert plan(100).n_folds == plan(100).n_members == plan(5000).n_members == 5
    many = plan(5001)
    assert (many.n_members, many.n_folds, len(many.decays)) == (1, 10, 1)
    assert plan(99, early_stopping=True).n_folds == 5
    assert plan(100, early_stopping=False) == TrainingPlan()


def test_often_repeated_rows_are_left_to_the_mlps():
    """A linear function is too simple for few distinct rows with many labels each."""
    once, thrice, often = plan(50), plan(50, repeated=3), plan(50, repeated=12)
    assert once.linear_share == thrice.linear_share == plan(200).linear_share == 0.5
    assert often.linear_share == pytest.approx(0.5 / 8)
    assert often.decays == pytest.approx((once.decays[0] / 8,))
    steps = [plan(50, repeated=n, batch_size=-1).epochs for n in (1, 3, 12, 1000)]
    assert steps == [100, 100, 283, 600]


def table_of_few_rows(kind, n):
    """Draw rows, fewer than 100 of them distinct, and labels that are mostly not linear."""
    rng = np.random.default_rng(1)
    if kind == "categories":
        X = rng.integers(0, 4, size=(n, 3))
        y = np.random.default_rng(5).integers(0, 2, size=(4, 4, 4))[tuple(X.T)]
        X = (X[:, :, None] == np.arange(4)).reshape(n, 12)
    else:
        X = rng.integers(0, 2, size=(n, 6))
        y = X[:, :3].sum(axis=1) % 2
    if kind == "independent":
        return X.astype(float), rng.integers(0, 2, size=n)
    return X.astype(float), y ^ (rng.random(n) < 0.1)


@pytest.mark.long_training
@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [("categories", 0.4, 0.54), ("parity", 0.4, 0.54), ("independent", -0.03, 0.001)],
)
def test_few_rows_that_occur_often_are_learned(kind, least, most):
    X, y = table_of_few_rows(kind, 3700)
    clf = InfoSoftmaxClassifier(random_state=0).fit(X[:700], y[:700])
    assert clf.net_.decays == pytest.approx((10 * (3 * 64 / 700) ** 1.5,))
    assert least < clf.score_bounds(X[700:], y[700:], units="bits").mi_lower < most


def test_missing_values_make_no_row_another():
    X = np.full((200, 2), np.nan)
    found = plan_table(X, None, batch_size=64, max_epochs=None, early_stopping="auto", n_members=5)
    assert found.n_folds == 0


@pytest.mark.parametrize("repeated", [1, 3, 40])
def test_a_weight_plans_as_so_many_repetitions(repeated):
    weighted = plan(20, weight=np.full(20, float(repeated)), batch_size=-1)
    assert weighted == plan(20, repeated=repeated, batch_size=-1)


def test_there_are_enough_steps():
    assert plan(160).epochs * 2 >= 600
    assert plan(160, batch_size=-1).epochs == 600
    assert plan(100_000).epochs == 20
    assert plan(160, max_epochs=7, early_stopping=True).epochs == 7


@pytest.mark.parametrize(
    "params",
    [
        {"module": torch.nn.Linear(1, 2)},
        {"criterion": torch.nn.CrossEntropyLoss},
        {"optimizer": torch.optim.Adam},
        {"optimizer__weight_decay": 0.1},
        {"train_split": 0.2},
        {"warm_start": True},
        {"iterator_train__drop_last": True},
        {"callbacks": [("rate", LRScheduler)]},
        {"callbacks": [EarlyStopping(monitor="train_loss")]},
        {"callbacks": [Checkpoint(monitor="train_loss_best", load_best=True)]},
        {"callbacks": [LoadInitState(Checkpoint(monitor=None))]},
    ],
    ids=lambda params: next(iter(params)),
)
def test_what_the_user_decides_is_left_to_the_user(params):
    """The plan is empty without a fit."""
    clf = InfoSoftmaxClassifier(**params)
    assert clf._plan_training(ROWS, None) == TrainingPlan()
    name = next(iter(params))
    clf.set_params(early_stopping=True)
    with pytest.raises(ValueError, match=f"`early_stopping` must be .* with {name} set"):
        clf._plan_training(ROWS, None)


@pytest.mark.parametrize(
    "options, n_members",
    [
        ({}, 5),
        ({"noise": "latent", "n_draws": 3}, 5),
        ({"noise": "ensemble", "n_draws": 16}, 16),
        ({"noise": "ensemble", "n_draws": 7}, 7),
        ({"noise": "ensemble", "n_draws": 34}, 2),
        ({"noise": "ensemble", "n_draws": 17}, 1),
    ],
    ids=str,
)
def test_networks_below_noise_are_planned_alike(options, n_members):
    clf = StochasticInfoClassifier(**options)
    plan = clf._plan_training(ROWS, None)
    assert (plan.n_members, plan.n_folds, len(plan.decays)) == (n_members, 5, 3)
    assert clf.set_params(max_epochs=9)._plan_training(ROWS, None) == TrainingPlan()
    with pytest.raises(ValueError, match="`early_stopping` must be .* with module set"):
        StochasticInfoClassifier(torch.nn.Linear, early_stopping=True)._plan_training(ROWS, None)


def test_max_epochs_is_passes_unless_early_stopping_is_wanted():
    clf = InfoSoftmaxClassifier(max_epochs=3)
    assert clf._plan_training(ROWS, None) == TrainingPlan()
    clf.set_params(early_stopping=True)
    assert clf._plan_training(ROWS, None).epochs == 3
    assert InfoSoftmaxClassifier()._plan_training(ROWS, None).n_folds == 5
    shaped = InfoSoftmaxClassifier(module__hidden_sizes=(8,), callbacks__print_log__floatfmt=".1f")
    assert shaped._plan_training(ROWS, None).n_folds == 5


def test_a_boolean_of_numpy_is_a_boolean():
    clf = InfoSoftmaxClassifier(early_stopping=np.bool_(False))
    assert clf._plan_training(ROWS, None) == TrainingPlan()
    clf.set_params(early_stopping=np.bool_(True), max_epochs=3)
    assert clf._plan_training(ROWS, None).epochs == 3
    clf.set_params(warm_start=True)
    with pytest.raises(ValueError, match="`early_stopping` must .* with warm_start set"):
        clf._plan_training(ROWS, None)


def test_images_are_not_held_out_but_shifted():
    images = np.zeros((120, 8, 8), np.float32)
    small = InfoSoftmaxClassifier()._plan_training(images, None)
    assert small == TrainingPlan(epochs=50, lr_falls=True, of_images=True)
    many = InfoSoftmaxClassifier()._plan_training(np.empty((6000, 1, 28, 28)), None)
    assert many == TrainingPlan(epochs=24, lr_falls=True, of_images=True, max_shift=2)
    assert InfoSoftmaxClassifier(max_epochs=3)._plan_training(images, None) == TrainingPlan()
    with pytest.raises(ValueError, match="`early_stopping` must be .* with images"):
        InfoSoftmaxClassifier(early_stopping=True)._plan_training(images, None)


@pytest.fixture(scope="module")
def without_copies():
    """A table, and the bound after training on a hundred of its rows, each used once."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 4))
    y = (X[:, 0] + 0.5 * rng.normal(size=2000) > 0).astype(int)
    return X, y, bound_of_training(X[:100], y[:100], X[1000:], y[1000:])


def bound_of_training(X, y, X_test, y_test):
    return InfoSoftmaxClassifier(random_state=0).fit(X, y).score_bounds(X_test, y_test).mi_lower


@pytest.mark.long_training
@pytest.mark.parametrize("times", [2, 10])
def test_copies_of_rows_are_held_out_together(without_copies, times):
    """Copies among both the training rows and the held-out rows would favour memorised labels."""
    X, y, bound = without_copies
    rows, labels = np.repeat(X[:100], times, axis=0), np.repeat(y[:100], times)
    folds = folds_of_table(rows, labels, 5, 0).reshape(100, times)
    assert (folds == folds[:, :1]).all() and set(folds[:, 0]) == set(range(5))
    assert bound_of_training(rows, labels, X[1000:], y[1000:]) > bound - 0.05


def test_equal_rows_of_a_discrete_table_stay_apart():
    X = np.random.default_rng(0).integers(0, 2, (2000, 8)).astype(float)
    y = X[:, :3].sum(axis=1).astype(int) % 2
    np.testing.assert_array_equal(folds_of_table(X, y, 5, 0), folds_of_rows(y, 5, 0))
