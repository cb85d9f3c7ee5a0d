import pickle

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, train_test_split

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._accumulator import row_terms
from sksoftinfo._modules import MLP
from sksoftinfo._noise import noise_bank
from sksoftinfo._noise_modules import AdditiveNoise, DropoutNoise
from sksoftinfo._objectives import DonskerVaradhanLoss, LogSoftmaxLoss, PredictiveLoss

FAMILIES = [{"noise": "additive"}, {"noise": "dropout"}]
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture(scope="module")
def split():
    X, y = make_classification(600, 8, n_informative=5, n_classes=3, class_sep=1.5, random_state=0)
    return train_test_split(X, y, stratify=y, random_state=0)


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda family: family["noise"])
def fitted(request, split):
    X, _, y, _ = split
    return StochasticInfoClassifier(random_state=0, **request.param).fit(X, y)


def test_learns(fitted, split):
    _, X, _, y = split
    assert fitted.score(X, y) > 0.8


def test_the_sandwich_and_the_ladder(fitted, split):
    _, X, _, y = split
    bounds = fitted.score_bounds(X, y)
    assert bounds.n_draws == 32
    assert bounds.dv_minus_log_m < bounds.log_softmax < bounds.conditional_mi == 0.0
    assert bounds.jensen_gap == pytest.approx(bounds.log_softmax - bounds.dv_minus_log_m)
    assert bounds.dv_label_prior <= bounds.mi_output_lower <= bounds.mi_lower
    assert bounds.mi_lower <= bounds.label_entropy <= np.log(3) + 1e-12
    assert bounds.pointwise.mean() == pytest.approx(bounds.mi_lower)


def test_probabilities_average_the_softmax_over_the_bank(fitted, split):
    X = split[1][:20]
    with torch.no_grad():
        logits = fitted.module_(torch.as_tensor(X), torch.as_tensor(fitted.noise_bank_))
    assert logits.shape == (20, 32, 3)
    expected = torch.softmax(logits, -1).mean(1).numpy()
    np.testing.assert_allclose(fitted.predict_proba(X), expected, rtol=1e-10)


def test_a_row_has_one_probability_whatever_the_batch(fitted, split):
    X = split[1]
    whole = fitted.predict_proba(X)
    for order in (np.arange(len(X))[::-1], np.r_[5:25, 5, 0]):
        np.testing.assert_allclose(fitted.predict_proba(X[order]), whole[order], rtol=1e-12)
    one_by_one = np.concatenate([fitted.predict_proba(row[None]) for row in X[:10]])
    np.testing.assert_allclose(one_by_one, whole[:10], rtol=1e-12)


def test_bound_of_the_prediction_is_that_of_its_probabilities(fitted, split):
    _, X, _, y = split
    bounds = fitted.score_bounds(X, y)
    likelihood = fitted.predict_log_proba(X)[np.arange(len(y)), y].mean()
    assert bounds.mi_lower == pytest.approx(bounds.label_entropy + likelihood, abs=1e-12)
    assert fitted.score_bounds(X, y) == bounds


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family["noise"])
def test_without_noise_it_is_the_deterministic_network(split, family):
    X, X_test, y, y_test = split
    options = {"random_state": 0, "max_epochs": 5}
    noiseless = StochasticInfoClassifier(noise_scale=0.0, n_draws=4, **family, **options)
    noiseless.fit(X, y)
    deterministic = InfoSoftmaxClassifier(**options).fit(X, y)
    np.testing.assert_allclose(
        noiseless.predict_proba(X_test), deterministic.predict_proba(X_test), atol=1e-8
    )
    first = noiseless.score_bounds(X_test, y_test).to_dict()
    second = deterministic.score_bounds(X_test, y_test).to_dict()
    for name, value in second.items():
        # Dropout has no density, and so no closed form.
        if isinstance(value, float) and (name, family["noise"]) != ("dv_closed_form", "dropout"):
            assert first[name] == pytest.approx(value, abs=1e-6), name


def test_jensen_gap_grows_with_the_noise(split):
    X, X_test, y, y_test = split
    gaps = [
        StochasticInfoClassifier(noise_scale=scale, max_epochs=20, random_state=0)
        .fit(X, y)
        .score_bounds(X_test, y_test)
        .jensen_gap
        for scale in (0.0, 0.5, 1.0, 2.0)
    ]
    assert gaps[0] == pytest.approx(0.0, abs=1e-12)
    assert (np.diff(gaps) > 0).all()


def test_additive_donsker_varadhan_approaches_its_closed_form(split):
    """For logits mu + s e, E e^z = exp(mu + s^2 / 2): the log-mean-exp has a known limit."""
    rng = np.random.default_rng(0)
    mean, scale, draws = rng.normal(size=(400, 1, 3)), 0.7, 512
    y = rng.integers(0, 3, 400)
    logits = mean + scale * rng.normal(size=(400, draws, 3))
    terms = row_terms(logits, y)
    estimate = terms.log_softmax - terms.jensen_gap
    label_mean = np.take_along_axis(mean[:, 0], y[:, None], 1)[:, 0]
    exact = label_mean - np.log(np.exp(mean[:, 0] + scale**2 / 2).sum(1))
    error = estimate - exact
    # Five standard errors, and the bias of a log-mean-exp: half its relative variance.
    bias = (np.exp(scale**2) - 1) / (2 * draws)
    assert abs(error.mean()) < 5 * error.std() / 400**0.5 + bias


@pytest.mark.parametrize("loss", [LogSoftmaxLoss, DonskerVaradhanLoss, PredictiveLoss])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_objectives_against_numpy_and_finite_differences(loss, scale):
    generator = torch.Generator().manual_seed(0)
    z = scale * torch.randn(5, 4, 3, generator=generator, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 0, 1])
    terms = row_terms(z.numpy(), y.numpy())
    expected = {
        LogSoftmaxLoss: terms.log_softmax,
        DonskerVaradhanLoss: terms.log_softmax - terms.jensen_gap + 0.0,
        PredictiveLoss: terms.predictive,
    }[loss]
    torch.testing.assert_close(loss()(z, y), -torch.as_tensor(expected))
    z.requires_grad_()
    if scale == 1.0:
        assert torch.autograd.gradcheck(lambda logits: loss()(logits, y), z)
    else:
        (gradient,) = torch.autograd.grad(loss()(z, y).sum(), z)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("objective", ["log_softmax", "dv", "predictive"])
def test_each_objective_raises_what_it_maximises(split, objective):
    X, _, y, _ = split
    measure = {
        "log_softmax": "log_softmax",
        "dv": "dv_minus_log_m",
        "predictive": "mi_lower",
    }[objective]
    values = []
    for epochs in (1, 30):
        clf = StochasticInfoClassifier(objective=objective, max_epochs=epochs, random_state=0)
        values.append(getattr(clf.fit(X, y).score_bounds(X, y), measure))
    assert values[1] > values[0] + 0.1


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_noise_bank_is_nearer_to_its_expectation_than_independent_draws(distribution):
    transform = norm.cdf if distribution == "normal" else np.asarray
    errors = {"bank": [], "independent": []}
    for seed in range(40):
        bank = transform(noise_bank(64, 5, distribution, seed))
        errors["bank"].append(np.abs(bank.mean(0) - 0.5).max())
        independent = np.random.default_rng(seed).random((64, 5))
        errors["independent"].append(np.abs(independent.mean(0) - 0.5).max())
    assert np.mean(errors["bank"]) < np.mean(errors["independent"]) / 3
    np.testing.assert_array_equal(
        noise_bank(7, 3, distribution, 1), noise_bank(7, 3, distribution, 1)
    )
    assert np.isfinite(noise_bank(1, 2, distribution, 0)).all()
    assert noise_bank(3, 30_000, distribution, 0).shape == (3, 30_000)


def test_same_seed_same_result(split):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(max_epochs=3, random_state=0).fit(X, y)
    again = clone(clf).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X_test), again.predict_proba(X_test))
    copy = pickle.loads(pickle.dumps(clf))
    assert copy.score_bounds(X_test, y_test) == clf.score_bounds(X_test, y_test)
    copy.partial_fit(X, y)
    assert len(copy.history_) == 4


def test_modules_of_the_user(split):
    X, X_test, y, _ = split
    instance = MLP(8, 3, hidden_sizes=(10,))
    for module in (instance, MLP):
        for noise, wrapper in (("additive", AdditiveNoise), ("dropout", DropoutNoise)):
            clf = StochasticInfoClassifier(module, noise=noise, max_epochs=1).fit(X, y)
            assert isinstance(clf.module_, wrapper)
            assert clf.predict(X_test).shape == (len(X_test),)
    assert clf.set_params(module__hidden_sizes=(6,)).fit(X, y).module_.module.head.in_features == 6
    with pytest.raises(ValueError, match="noise='dropout' needs a module"):
        StochasticInfoClassifier(torch.nn.Linear(8, 3), noise="dropout").fit(X, y)


def test_images(split):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 12, 12)).astype(np.float32) + y[:, None, None]
    for family in FAMILIES:
        clf = StochasticInfoClassifier(max_epochs=5, n_draws=4, random_state=0, **family)
        assert clf.fit(X, y).score(X, y) > 0.9


def test_grid_search(split):
    X, _, y, _ = split
    search = GridSearchCV(
        StochasticInfoClassifier(max_epochs=2, random_state=0),
        {"noise_scale": [0.1, 1.0], "noise": ["additive", "dropout"], "n_draws": [4]},
        cv=2,
        n_jobs=2,
        scoring="neg_log_loss",
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"noise": "salt"}, "'noise' parameter .* Got 'salt'"),
        ({"noise_scale": -1.0}, "'noise_scale' parameter .* Got -1.0"),
        ({"n_draws": 0}, "'n_draws' parameter .* Got 0"),
        ({"objective": "elbo"}, "'objective' parameter .* Got 'elbo'"),
    ],
)
def test_bad_parameters(split, options, message):
    with pytest.raises(ValueError, match=message):
        StochasticInfoClassifier(**options).fit(split[0], split[2])


@CUDA
def test_cuda_agrees_with_the_cpu(split):
    X, X_test, y, _ = split
    options = {"random_state": 0, "max_epochs": 3}
    on_cpu = StochasticInfoClassifier(device="cpu", **options).fit(X, y)
    on_gpu = StochasticInfoClassifier(device="cuda", **options).fit(X, y)
    np.testing.assert_allclose(
        on_gpu.predict_proba(X_test), on_cpu.predict_proba(X_test), atol=1e-6
    )
