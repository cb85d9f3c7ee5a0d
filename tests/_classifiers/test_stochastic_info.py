import pickle

import numpy as np
import pytest
import torch
from scipy.special import xlogy
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, train_test_split

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, StochasticModule
from sksoftinfo._bounds.accumulator import row_terms
from sksoftinfo._networks.modules import MLP
from tests.helpers.networks import module_output


class NoisyFeatures(StochasticModule):
    """A user's network: Gaussian noise on its features, without a trunk."""

    def __init__(self, n_features, n_classes, noise_scale=0.3):
        super().__init__()
        self.noise_size, self.noise_scale = 16, noise_scale
        self.layers = torch.nn.Sequential(torch.nn.Linear(n_features, 16), torch.nn.ReLU())
        self.head = torch.nn.Linear(16, n_classes)

    def sample(self, hidden, noise):
        return self.head(self.layers(hidden)[:, None, :] + self.noise_scale * noise)


class DiscreteNoise(NoisyFeatures):
    """The same network with noise of plus or minus one, which the network draws itself."""

    def draw(self, shape, generator=None, dtype=torch.float32):
        return torch.randint(0, 2, (*shape, 16), generator=generator).to(dtype) * 2 - 1


FAMILIES = [
    {"noise": "additive"},
    {"noise": "gaussian", "beta": 0.05},
    {"noise": "latent", "noise_scale": 0.5},
    {"noise": "latent", "beta": 0.05},
    {"noise": "dropout"},
    {"noise": "ensemble"},
    {"noise": "module", "module": NoisyFeatures},
    {"noise": "module", "module": DiscreteNoise},
]


def family_name(family):
    module = family.get("module")
    return f"{family['noise']}{family.get('beta', '')}{module.__name__ if module else ''}"


WRAPPING = [{"noise": "additive"}, {"noise": "gaussian"}, {"noise": "dropout"}]


@pytest.fixture(scope="module")
def split():
    X, y = make_classification(600, 8, n_informative=5, n_classes=3, class_sep=1.5, random_state=0)
    return train_test_split(X, y, stratify=y, random_state=0)


@pytest.fixture(scope="module", params=FAMILIES, ids=family_name)
def fitted(request, split):
    X, _, y, _ = split
    return StochasticInfoClassifier(random_state=0, max_epochs=50, **request.param).fit(X, y)


def test_learns(fitted, split):
    _, X, _, y = split
    assert fitted.score(X, y) > 0.8


def test_one_draw_may_turn_the_ladder_round(split):
    """The prediction uses a draw of its own, which may be less lucky than the draw of the rows."""
    X_train, X, y_train, y = split
    rungs = []
    for seed in range(10):
        clf = StochasticInfoClassifier(n_draws=1, random_state=seed, max_epochs=5)
        bounds = clf.fit(X_train, y_train).score_bounds(X, y)
        assert bounds.dv_label_prior <= bounds.mi_output_lower + 1e-12
        rungs.append(bounds.mi_lower - bounds.mi_output_lower)
    assert min(rungs) < 0
    # Both use a single draw, and thus differ by chance only.
    assert abs(np.mean(rungs)) < 3 * np.std(rungs, ddof=1) / np.sqrt(len(rungs))


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
    logits = module_output(fitted, X, fitted.noise_bank_)
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


@pytest.mark.parametrize("family", WRAPPING, ids=family_name)
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
        # Dropout has no density, and therefore no closed form.
        if isinstance(value, float) and (name, family["noise"]) != ("dv_closed_form", "dropout"):
            assert first[name] == pytest.approx(value, abs=1e-6), name


def test_a_latent_layer_without_noise_draws_the_same_logits_again_and_again(split):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(noise="latent", noise_scale=0.0, max_epochs=5, random_state=0)
    bounds = clf.fit(X, y).score_bounds(X_test, y_test)
    assert bounds.jensen_gap == pytest.approx(0.0, abs=1e-12)
    assert bounds.mi_lower == pytest.approx(bounds.mi_output_lower, abs=1e-12)
    assert bounds.dv_closed_form == pytest.approx(bounds.dv, abs=1e-12)
    assert bounds.mi_output_upper_method == "label_entropy"


def test_one_draw(fitted, split):
    bounds = fitted.score_bounds(split[1], split[3], n_draws=1)
    assert bounds.n_draws == 1 and bounds.jensen_gap == 0
    assert bounds == fitted.score_bounds(split[1], split[3], n_draws=1)


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


def test_same_seed_same_result(split):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(max_epochs=3, random_state=0).fit(X, y)
    again = clone(clf).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X_test), again.predict_proba(X_test))
    copy = pickle.loads(pickle.dumps(clf))
    assert copy.score_bounds(X_test, y_test) == clf.score_bounds(X_test, y_test)
    copy.partial_fit(X, y)
    assert len(copy.history_) == 4


def test_images(split):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 12, 12)).astype(np.float32) + y[:, None, None]
    for family in FAMILIES[:-2]:
        clf = StochasticInfoClassifier(max_epochs=5, n_draws=4, random_state=0, **family)
        assert clf.fit(X, y).score(X, y) > 0.9


def test_grid_search(split):
    X, _, y, _ = split
    search = GridSearchCV(
        StochasticInfoClassifier(max_epochs=2, random_state=0),
        {"noise_scale": [0.1, 1.0], "noise": ["additive", "dropout"], "n_draws": [4]},
        cv=2,
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
        ({"beta": -0.1}, "'beta' parameter .* Got -0.1"),
        ({"latent_size": 0}, "'latent_size' parameter .* Got 0"),
        (
            {"noise": "dropout", "beta": 0.1},
            "`beta` must be 0 unless .* got 0.1",
        ),
        ({"noise": "latent", "beta": 0.1, "noise_scale": 0.0}, "and not zero"),
        ({"noise": "module"}, "with noise='module'; got None"),
        ({"noise": "module", "module": MLP}, "got MLP. Derive it"),
        ({"noise": "latent", "module": torch.nn.Linear(8, 3)}, "got 'latent' and Linear"),
    ],
)
def test_bad_parameters(split, options, message):
    with pytest.raises(ValueError, match=message):
        StochasticInfoClassifier(**options).fit(split[0], split[2])


def test_output_information_is_bounded_from_both_sides(fitted, split):
    _, X, _, y = split
    bounds = fitted.score_bounds(X, y)
    if bounds.mi_output_upper_method == "label_entropy":
        assert bounds.mi_output_upper == bounds.label_entropy
    else:
        assert fitted.noise in ("additive", "gaussian", "latent")
        assert bounds.mi_output_upper < bounds.label_entropy
    slack = 4 * bounds.standard_errors.get("mi_output_upper", 0.0)
    assert bounds.mi_output_lower < bounds.mi_output_upper + slack


def test_noise_that_hides_the_label_is_seen_from_above(split):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(
        noise="latent", latent_size=1, noise_scale=2.0, max_epochs=50, random_state=0
    )
    bounds = clf.fit(X, y).score_bounds(X_test, y_test)
    assert bounds.mi_output_upper_method == "leave_one_out_mixture"
    slack = 4 * bounds.standard_errors["mi_output_upper"]
    assert bounds.mi_output_lower - slack < bounds.mi_output_upper < 0.4 * bounds.label_entropy
    assert "leave-one-out mixture" in repr(bounds)


def test_donsker_varadhan_agrees_with_its_closed_form(fitted, split):
    _, X, _, y = split
    bounds = fitted.score_bounds(X, y, n_draws=32 if fitted.noise == "ensemble" else 256)
    if fitted.noise == "ensemble":
        # An ensemble has no further draws.
        assert bounds.dv_closed_form == bounds.dv_jackknife == bounds.dv
        return
    if fitted.noise in ("dropout", "module"):
        assert np.isnan(bounds.dv_closed_form)
        assert "dv_closed_form" not in repr(bounds)
    else:
        # Strong noise leaves more bias than two terms of 1 / K remove.
        error = 5 * bounds.monte_carlo_errors["dv"] + 0.03
        assert bounds.dv_jackknife == pytest.approx(bounds.dv_closed_form, abs=error)
    assert bounds.dv_jackknife < bounds.dv


def test_draws_of_prediction_and_scoring(fitted, split):
    _, X, _, y = split
    np.testing.assert_array_equal(fitted.predict_proba(X, n_draws=32), fitted.predict_proba(X))
    if fitted.noise != "ensemble":
        few, many = (fitted.predict_proba(X, n_draws=draws) for draws in (1, 1024))
        reference = fitted.predict_proba(X, n_draws=4096)
        assert np.abs(many - reference).max() < np.abs(few - reference).max()
    bounds = fitted.score_bounds(X, y, n_draws=4)
    assert bounds.n_draws == 4
    likelihood = fitted.predict_log_proba(X, n_draws=4)[np.arange(len(y)), y].mean()
    assert bounds.mi_lower == pytest.approx(bounds.label_entropy + likelihood, abs=1e-12)
    for draws in (0, 1.5, "many"):
        with pytest.raises(ValueError, match=f"`n_draws` must be a positive int; got {draws!r}"):
            fitted.predict_proba(X, n_draws=draws)


def test_batch_size_changes_no_probability(fitted, split):
    X = split[1]
    copy = pickle.loads(pickle.dumps(fitted))
    copy.net_.set_params(batch_size=7)
    np.testing.assert_allclose(copy.predict_proba(X), fitted.predict_proba(X), rtol=1e-12)


def test_uncertainty_splits_into_that_of_the_label_and_that_of_the_draw(fitted, split):
    X = split[1]
    logits = module_output(fitted, X, fitted.noise_bank_).numpy()
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    whole = fitted.predictive_entropy(X)
    np.testing.assert_allclose(whole, -xlogy(p.mean(1), p.mean(1)).sum(-1), atol=1e-10)
    expected = fitted.expected_entropy(X)
    np.testing.assert_allclose(expected, -xlogy(p, p).sum(-1).mean(1), atol=1e-10)
    difference = fitted.draw_information(X)
    np.testing.assert_allclose(difference, whole - expected, atol=1e-10)
    assert difference.min() >= 0 and difference.max() > 0.001
    bits = fitted.draw_information(X, units="bits")
    np.testing.assert_allclose(bits, difference / np.log(2))


FEW = {"noise": "ensemble", "n_draws": 6, "max_epochs": 8, "random_state": 0}


@pytest.fixture(scope="module")
def ensemble(split):
    return StochasticInfoClassifier(early_stopping=True, **FEW).fit(split[0], split[2])


@pytest.mark.parametrize("n_draws", [None, 4, 1])
def test_bounds_of_an_ensemble_are_averages_over_its_members(ensemble, split, n_draws):
    _, X, _, y = split
    bounds = ensemble.score_bounds(X, y, n_draws=n_draws)
    k = n_draws or 6
    log_proba = torch.log_softmax(module_output(ensemble, X, ensemble.noise_bank_[:k]), -1).numpy()
    at_label = log_proba[np.arange(len(y)), :, y]
    assert bounds.n_draws == k
    assert bounds.log_softmax == pytest.approx(at_label.mean(), abs=1e-10)
    mixed = np.log(np.exp(at_label).mean(1)).mean()
    assert bounds.mi_lower - bounds.label_entropy == pytest.approx(mixed, abs=1e-10)
    assert bounds == ensemble.score_bounds(X, y, n_draws=n_draws)
    with pytest.raises(ValueError, match="`n_draws` must be at most 6, .*; got 7"):
        ensemble.predict_proba(X, n_draws=7)


def test_no_monte_carlo_error_is_claimed_of_an_ensemble(ensemble, split):
    bounds = ensemble.score_bounds(split[1], split[3])
    assert set(bounds.monte_carlo_errors.values()) == {0.0}
    assert bounds.dv_jackknife == bounds.dv_closed_form == bounds.dv
    assert 0 < bounds.jensen_gap
    assert "all 6 draws" in repr(bounds)
    for words in ("jackknife", "closed_form"):
        assert words not in repr(bounds)
    assert bounds.mi_output_upper_method == "label_entropy"


def test_members_of_an_ensemble_disagree_most_where_no_row_was(ensemble, split):
    X = split[1]
    assert ensemble.draw_information(10 * X).mean() > 2 * ensemble.draw_information(X).mean() > 0


@pytest.mark.parametrize("n_draws, n_members", [(32, 16), (6, 6), (17, 1), (1, 1)])
def test_members_are_shared_out_equally(split, n_draws, n_members):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(**{**FEW, "n_draws": n_draws, "early_stopping": True})
    assert clf.fit(X, y).module_.module.n_members == n_members
    assert clf.score(X_test, y_test) > 0.6


@pytest.mark.parametrize("options", [{}, {"class_prior": [0.6, 0.3, 0.1]}, {"objective": "dv"}])
@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_an_ensemble_takes_weights_priors_and_more_rows(split, options, early_stopping):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(
        class_weight="balanced", early_stopping=early_stopping, **FEW, **options
    )
    first = clf.fit(X, y, np.linspace(0.5, 2, len(y))).predict_proba(X_test)
    again = clone(clf).fit(X, y, np.linspace(0.5, 2, len(y)))
    np.testing.assert_array_equal(again.predict_proba(X_test), first)
    clf.partial_fit(X, y, sample_weight=np.linspace(2, 0.5, len(y)))
    assert not np.array_equal(clf.predict_proba(X_test), first)
    assert clf.score(X_test, y_test) > 0.6
    started = StochasticInfoClassifier(**FEW).partial_fit(X, y, [0, 1, 2, 3])
    assert started.predict_proba(X_test).shape == (len(X_test), 4)


class ColumnsAndHead(torch.nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.layer, self.head = torch.nn.Linear(n_features, 9), torch.nn.Linear(9, n_classes)

    def features(self, x):
        return torch.relu(self.layer(x))


def test_an_ensemble_of_a_users_network(split):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(ColumnsAndHead, **{**FEW, "lr": 0.02}).fit(X, y)
    assert clf.score(X_test, y_test) > 0.6
    assert clf.score_bounds(X_test, y_test).jensen_gap > 0


@pytest.mark.parametrize("noise", ["additive", "ensemble"])
def test_the_default_of_tables_holds_rows_out(noise):
    """The labels are independent, and values are in nats; without held-out rows, this is -0.2."""
    rng = np.random.default_rng(0)
    y, labels = (rng.choice(3, size=n, p=[0.5, 0.3, 0.2]) for n in (250, 4000))
    clf = StochasticInfoClassifier(
        noise=noise, n_draws=4, early_stopping=True, max_epochs=50, random_state=0
    )
    with pytest.warns(UserWarning, match="After no epoch did .* held-out rows clearly better"):
        clf.fit(rng.normal(size=(250, 10)), y)
    assert "valid_loss" in clf.history_[-1]
    assert clf.score_bounds(rng.normal(size=(4000, 10)), labels).mi_lower > -0.03


@pytest.mark.parametrize(
    "options",
    [{"noise": "gaussian", "beta": 0.05}, {"noise": "latent", "beta": 0.05}, {"noise": "dropout"}],
    ids=family_name,
)
def test_noise_of_features_is_cross_fitted(split, options):
    X, X_test, y, y_test = split
    clf = StochasticInfoClassifier(
        n_draws=4, lr=0.01, max_epochs=12, early_stopping=True, random_state=0, **options
    )
    assert clf.fit(X, y).score(X_test, y_test) > 0.6
    assert clf.module_.module.n_members == 5
    assert len(clf.history_[:, "valid_loss"]) == len(clf.history_)
