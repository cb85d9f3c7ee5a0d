"""Recalibration: the rows that each row may learn from, and the gain."""

import numpy as np
import pytest

from sksoftinfo._bounds import betting, recalibration
from sksoftinfo._bounds.observations import Observations
from sksoftinfo._bounds.recalibration import TEMPERED, Recalibration, tempered_log_likelihood

SHARE = 0.05


def log_ratios(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 5))


def recalibrated(log_ratios, observations, folds=None):
    """Return the contributions of all rows, in the order of ``observations.rows``."""
    recalibration = Recalibration(SHARE, 1 if folds is None else folds.max() + 1)
    values, start = [], 0
    for part in observations.parts():
        rows = slice(start, start + len(part.rows))
        start = rows.stop
        fold = None if folds is None else folds[rows]
        values.append(recalibration.update(np.exp(log_ratios[rows].T), part, fold))
    return np.concatenate(values)


def rounds_of_rows(observations):
    """Return the round of each row, in the order of ``observations.rows``."""
    rounds, last = [], -1
    for part in observations.parts():
        first = last + part.begins
        last = first + len(part.starts) - 1
        lengths = np.diff(part.starts, append=len(part.rows))
        rounds.append(np.repeat(np.arange(first, last + 1), lengths))
    return np.concatenate(rounds)


def by_hand(ratios, observations, folds):
    """Return the contributions, with weights from all earlier rounds of the row's fold."""
    experts = recalibration._EXPERTS
    prior = np.full(len(experts), 0.5 / (len(experts) - 1))
    prior[0] = 0.5
    values = []
    rounds = rounds_of_rows(observations)
    for row, round_ in enumerate(rounds):
        earlier = [i for i in range(len(ratios)) if rounds[i] < round_]
        earlier = [i for i in earlier if folds is None or folds[i] == folds[row]]

        def proba(i):
            shares = [SHARE + (1 - SHARE) * extra for _, extra in experts]
            return np.array(
                [
                    (1 - share) * np.exp(ratios[i, place]) + share
                    for (place, _), share in zip(experts, shares, strict=True)
                ]
            )

        learned = [observations.row_weights[i] * np.log(proba(i)) for i in earlier]
        weights = prior * np.exp(np.sum(learned, axis=0))
        values.append(np.log(weights @ proba(row) / weights.sum()))
    return values


@pytest.mark.parametrize("n, grouped", [(40, False), (300, False), (60, True)])
@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("part_rows", [7, 16_384])
def test_by_hand(monkeypatch, n, grouped, folded, part_rows):
    monkeypatch.setattr(betting, "_PART_ROWS", part_rows)
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 12, n) if grouped else None
    observations = Observations(n, rng.uniform(0.1, 2, n), groups)
    folds = rng.integers(0, 3, n) if folded else None
    ratios = log_ratios(n)
    np.testing.assert_allclose(
        recalibrated(ratios, observations, folds), by_hand(ratios, observations, folds)
    )


def test_rows_learn_from_earlier_rows_of_their_fold_only():
    n, folds = 50, np.arange(50) % 2
    observations = Observations(n)
    before = recalibrated(log_ratios(n), observations, folds)
    changed = log_ratios(n)
    changed[20] = 3.0
    after = recalibrated(changed, observations, folds)
    moved = np.flatnonzero(np.abs(before - after) > 1e-9)
    assert set(moved) <= {20, *range(22, 50, 2)} and len(moved) > 5


def test_tempered_log_likelihood_is_that_of_normalised_powers():
    rng = np.random.default_rng(0)
    proba, y = rng.dirichlet(np.ones(4), 20), rng.integers(0, 4, 20)
    found = tempered_log_likelihood(proba, np.log(proba[np.arange(20), y]))
    for column, power in zip(found.T, TEMPERED, strict=True):
        powers = proba**power
        expected = np.log((powers / powers.sum(axis=1, keepdims=True))[np.arange(20), y])
        np.testing.assert_allclose(column, expected)


def test_no_expert_reverses_the_order_of_classes():
    """A negative slope would make the rarer class of all other rows the more probable one."""
    assert min(TEMPERED) > 0
    assert all(0 <= extra < 1 for _, extra in recalibration._EXPERTS)


def test_loss_of_a_calibrated_prediction_is_at_most_log_two_in_all():
    n = 128
    ratios = log_ratios(n)
    floored = np.log((1 - SHARE) * np.exp(ratios[:, 0]) + SHARE)
    values = recalibrated(ratios, Observations(n))
    assert values.sum() >= floored.sum() - np.log(2)
    assert values.min() >= np.log(SHARE)
