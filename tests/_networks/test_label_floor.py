import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, load, save
from sksoftinfo._networks.label_floor import LabelFloor
from sksoftinfo.export import log_proba_module

FREQUENCIES = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
PRIORS = [None, torch.tensor([0.1, 0.2, 0.7]).double().log()]


def made(share, log_prior):
    """Return a floor whose logits `start` have the label frequencies as posterior."""
    floor = LabelFloor(3).double()
    start = FREQUENCIES.log() - (0.0 if log_prior is None else log_prior) + 5.0
    floor.set(share, start, log_prior)
    return floor


def posterior(logits, log_prior):
    return (logits if log_prior is None else logits + log_prior).softmax(-1)


@pytest.mark.parametrize("log_prior", PRIORS)
@pytest.mark.parametrize("share", [1e-6, 0.1, 0.9])
def test_a_share_of_the_label_frequencies_is_mixed_in(share, log_prior):
    logits = torch.randn(7, 3, dtype=torch.float64)
    found = posterior(made(share, log_prior)(logits), log_prior)
    expected = (1 - share) * posterior(logits, log_prior) + share * FREQUENCIES
    torch.testing.assert_close(found, expected)


def test_a_new_floor_changes_no_probability():
    logits = 30 * torch.randn(7, 3)
    torch.testing.assert_close(LabelFloor(3)(logits).softmax(-1), logits.softmax(-1))


@pytest.mark.parametrize("size", [1e3, 1e30, 3e38])
def test_no_logits_rule_out_a_label(size):
    floor = copy.deepcopy(made(0.01, None)).float()
    proba = floor(torch.tensor([[size, -size, 0.0], [-size, size, size]])).softmax(-1)
    assert (proba >= 0.01 * FREQUENCIES.float() * (1 - 1e-4)).all()


def test_a_class_of_prior_zero_stays_impossible():
    log_prior = torch.tensor([0.5, 0.5, 0.0]).double().log()
    floor = LabelFloor(3).double()
    floor.set(0.1, torch.tensor([0.0, 0.0, 3.0]).double(), log_prior)
    found = posterior(floor(torch.tensor([[9.0, 0.0, 5.0]]).double()), log_prior)
    second = 0.05 + 0.9 / (1 + np.exp(9))
    torch.testing.assert_close(found[0, 1:], torch.tensor([second, 0.0]).double())


@pytest.fixture(scope="module", params=["rows held out", "few rows", "ensemble"])
def fitted(request):
    """A network with or without held-out rows, and rows of all classes."""
    X, y = load_wine(return_X_y=True)
    rows = np.random.default_rng(0).permutation(178)[: 60 if request.param == "few rows" else 178]
    if request.param == "ensemble":
        clf = StochasticInfoClassifier(noise="ensemble", n_draws=5, random_state=0, device="cpu")
    else:
        clf = InfoSoftmaxClassifier(random_state=0, device="cpu")
    return clf.fit(X[rows], y[rows]), X[rows]


@pytest.mark.parametrize("factor", [10.0, 1e3, 1e6, 1e15, 1e300])
def test_rows_far_outside_cost_a_bounded_number_of_bits(fitted, factor):
    """Set all columns to their limits, in any combination of signs."""
    clf, X = fitted
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=X.shape)
    proba = clf.predict_proba(X * factor * signs)
    # The floor is a tenth of a row, or a share of 0.001, of label frequencies of at least a fifth.
    assert proba.min() >= 0.2 * min(1e-3, 0.1 / (len(X) + 11))
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_the_floor_is_saved_and_exported(fitted, tmp_path):
    clf, X = fitted
    far = 1e6 * X
    save(clf, tmp_path / "far.npz")
    loaded = load(tmp_path / "far.npz")
    np.testing.assert_array_equal(loaded.predict_log_proba(far), clf.predict_log_proba(far))
    with torch.no_grad():
        exported = log_proba_module(clf)(torch.as_tensor(far))
    np.testing.assert_allclose(exported, clf.predict_log_proba(far), rtol=1e-6)
