"""The sandwich of I(Z;Y), on finite populations whose information is computed by integration."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.special import log_softmax
from scipy.stats import norm

from sksoftinfo._bounds import output_upper as _mixture
from sksoftinfo._bounds.equations import entropy
from sksoftinfo._bounds.output_upper import OutputInformation, mixture_information

GRID = np.linspace(-14, 14, 6001)


def random_world(rng):
    """Return inputs' label distributions, and mean and scale of Z given each input."""
    n_inputs, n_classes = rng.integers(3, 12), rng.integers(2, 5)
    label_given_input = rng.dirichlet(np.full(n_classes, 0.4), size=n_inputs)
    mean = rng.normal(size=n_inputs) * rng.uniform(0.5, 3)
    return label_given_input, mean, rng.uniform(0.3, 1.5, n_inputs)


def draw_labels(distributions, rng):
    return (rng.random((len(distributions), 1)) > distributions.cumsum(1)[:, :-1]).sum(1)


def exact_information(label_given_input, mean, scale):
    """Return I(Z;Y) by integration over a grid."""
    density = norm.pdf(GRID, mean[:, None], scale[:, None]) / len(mean)
    joint = label_given_input.T @ density
    marginal = joint.sum(axis=0)
    prior = label_given_input.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log(joint / (marginal * prior[:, None])), 0.0)
    return trapezoid(terms.sum(axis=0), GRID)


def test_the_sandwich_holds_in_two_hundred_random_worlds():
    outside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        label_given_input, mean, scale = random_world(rng)
        truth = exact_information(label_given_input, mean, scale)
        n = 400
        rows = rng.integers(len(mean), size=n)
        y = np.array(
            [rng.choice(label_given_input.shape[1], p=label_given_input[i]) for i in rows]
        )
        noise = rng.standard_normal((n, 1))
        upper = mixture_information(mean[rows, None], scale[rows, None], y, noise)
        error = upper.std(ddof=1) / np.sqrt(n)
        assert upper.mean() > truth - 4 * error
        outside += upper.mean() < truth - error
        # Any network on Z gives a lower bound.
        z = mean[rows, None] + scale[rows, None] * noise
        slope, intercept = rng.normal(size=(2, label_given_input.shape[1]))
        log_q = log_softmax(z * slope + intercept, axis=1)[np.arange(n), y]
        frequencies = np.bincount(y) / n
        lower = log_q - np.log(frequencies)[y]
        assert lower.mean() < truth + 4 * lower.std(ddof=1) / np.sqrt(n)
    # The bound holds in expectation: at most the share of a one-sided standard error may fail.
    assert outside / 200 < 0.16 + 3 * np.sqrt(0.16 * 0.84 / 200)


def test_it_is_tight_where_the_output_does_not_identify_the_row():
    rng = np.random.default_rng(0)
    label_given_input, mean, scale = random_world(rng)
    rows = rng.integers(len(mean), size=4000)
    y = draw_labels(label_given_input[rows], rng)
    upper = mixture_information(
        mean[rows, None], scale[rows, None], y, rng.standard_normal((4000, 1))
    )
    truth = exact_information(label_given_input, mean, scale)
    assert upper.mean() == pytest.approx(truth, abs=4 * upper.std() / np.sqrt(4000) + 0.01)


def test_against_densities_written_out():
    rng = np.random.default_rng(1)
    mean, scale = rng.normal(size=(9, 2)) + 100, rng.uniform(0.5, 2, (9, 2))
    noise, y, weights = rng.normal(size=(9, 2)), np.arange(9) % 2, rng.uniform(0.5, 2, 9)
    z = mean + scale * noise
    density = norm.pdf(z[:, None], mean, scale).prod(axis=2)
    expected = []
    for i in range(9):
        same, others = y == y[i], np.arange(9) != i
        expected.append(
            np.log(np.average(density[i, same], weights=weights[same]))
            - np.log(np.average(density[i, others], weights=weights[others]))
        )
    found = mixture_information(mean, scale, y, noise, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_batches_and_rows_of_weight_zero_change_nothing():
    rng = np.random.default_rng(0)
    mean, y = rng.normal(size=(300, 2)), rng.integers(0, 3, 300)
    whole = OutputInformation(300, seed=0)
    whole.update(mean, np.ones_like(mean), y)
    parts = OutputInformation(300, seed=0)
    for rows in np.array_split(np.arange(300), 7):
        parts.update(mean[rows], np.ones((len(rows), 2)), y[rows], np.ones(len(rows)))
    assert parts.result() == whole.result()
    halved = OutputInformation(300, seed=0)
    halved.update(mean, np.ones_like(mean), y, np.repeat([1.0, 0.0], 150))
    assert np.isfinite(halved.result()).all()


def test_rows_sorted_by_label_are_mixed_and_their_number_is_bounded(monkeypatch):
    monkeypatch.setattr(_mixture, "BLOCK_ROWS", 100)
    monkeypatch.setattr(_mixture, "MOST_ROWS", 400)
    y = np.repeat([0, 1], 1000)
    mean = np.where(y == 1, 3.0, -3.0)[:, None]
    output = OutputInformation(2000, seed=0)
    output.update(mean, np.ones_like(mean), y)
    upper, error = output.result()
    assert sum(len(part[0]) for part in output._parts) == 400
    assert upper == pytest.approx(entropy([0.5, 0.5]), abs=4 * error + 0.02)


def test_no_density_no_estimate():
    output = OutputInformation(10, seed=0)
    output.update(np.zeros((10, 1)), np.zeros((10, 1)), np.arange(10) % 2)
    assert output.result() == (np.inf, np.inf)
