import numpy as np
import pytest
from hypothesis import given
from scipy.special import logsumexp

from sksoftinfo._bounds.accumulator import BoundsAccumulator, row_terms
from sksoftinfo._bounds.draws import (
    closed_form_donsker_varadhan,
    draw_terms,
    leave_one_out_log_mean_exp,
)
from tests.helpers.worlds import logits_and_labels

SCALE = 1.0


def gaussian_rows(n, n_draws, rng):
    mean = rng.normal(size=(n, 3))
    logits = mean[:, None] + SCALE * rng.normal(size=(n, n_draws, 3))
    return mean, logits, rng.integers(0, 3, n)


@given(logits_and_labels(max_draws=6, scale=300.0))
def test_leave_one_out_against_a_loop(world):
    values = world[0][..., 0]
    if values.shape[1] < 2:
        return
    expected = [
        [logsumexp(np.delete(row, k)) - np.log(len(row) - 1) for k in range(len(row))]
        for row in values
    ]
    np.testing.assert_allclose(
        leave_one_out_log_mean_exp(values), expected, rtol=1e-12, atol=1e-12
    )


@given(logits_and_labels(max_draws=6))
def test_jackknife_against_its_definition(world):
    z, y = world
    k = z.shape[1]
    terms = draw_terms(z, y)
    if k == 1:
        assert not terms.dv_correction.any() and np.isnan(terms[1:]).all()
        return

    def dv(draws):
        rows = row_terms(z[:, draws], y)
        return rows.log_softmax - rows.jensen_gap

    whole = dv(range(k))
    without = np.mean([dv([i for i in range(k) if i != left_out]) for left_out in range(k)], 0)
    jackknife = k * whole - (k - 1) * without
    np.testing.assert_allclose(whole + terms.dv_correction, jackknife, atol=1e-8)


def test_the_plug_in_falls_with_the_draws_and_the_jackknife_is_nearer():
    """E log of a mean of K draws is below the log of the expectation, by less for larger K."""
    rng = np.random.default_rng(0)
    n, errors, plug_in, jackknife = 20_000, [], [], []
    for n_draws in (2, 4, 8, 32):
        mean, logits, y = gaussian_rows(n, n_draws, rng)
        rows = row_terms(logits, y)
        exact = closed_form_donsker_varadhan(mean, np.full_like(mean, SCALE), y) - np.log(3)
        error = rows.log_softmax - rows.jensen_gap - exact
        plug_in.append(error.mean())
        errors.append(error.std() / np.sqrt(n))
        jackknife.append((error + draw_terms(logits, y).dv_correction).mean())
    for step in range(3):
        assert plug_in[step] - plug_in[step + 1] > 4 * np.hypot(errors[step], errors[step + 1])
    assert plug_in[-1] > -4 * errors[-1]
    assert np.abs(jackknife[1:3]).max() < np.min(plug_in[1:3]) / 2


def test_strong_noise_leaves_most_of_the_bias_and_hides_the_error():
    """With eight draws and a scale of 3 the largest of the exponentials is rarely drawn."""
    rng = np.random.default_rng(0)
    n, scale = 20_000, 3.0
    mean, y = rng.normal(size=(n, 3)), rng.integers(0, 3, n)
    logits = mean[:, None] + scale * rng.normal(size=(n, 8, 3))
    rows, terms = row_terms(logits, y), draw_terms(logits, y)
    exact = closed_form_donsker_varadhan(mean, np.full_like(mean, scale), y) - np.log(3)
    plug_in = rows.log_softmax - rows.jensen_gap - exact
    jackknife = plug_in + terms.dv_correction
    assert 0.5 * plug_in.mean() < jackknife.mean() < plug_in.mean()
    assert jackknife.mean() > 3 * np.sqrt(terms.dv_variance.mean() / n)


def test_monte_carlo_errors_are_those_of_repeated_draws():
    rng = np.random.default_rng(0)
    mean, _, y = gaussian_rows(100, 1, rng)
    results = []
    for _ in range(300):
        accumulator = BoundsAccumulator(3, 100)
        accumulator.update(mean[:, None] + SCALE * rng.normal(size=(100, 16, 3)), y)
        results.append(accumulator.result())
    for name in ("log_softmax", "dv", "jensen_gap"):
        spread = np.std([result[name] for result in results], ddof=1)
        said = np.mean([result["monte_carlo_errors"][name] for result in results])
        # The standard deviation of 300 repetitions has a standard error of 4 %.
        assert said == pytest.approx(spread, rel=0.16), name


def test_standard_errors_are_those_of_repeated_rows():
    rng = np.random.default_rng(0)
    results = []
    for _ in range(400):
        accumulator = BoundsAccumulator(3, 200)
        _, logits, y = gaussian_rows(200, 4, rng)
        accumulator.update(logits, y)
        results.append(accumulator.result())
    for name, said in results[0]["standard_errors"].items():
        spread = np.std([result[name] for result in results], ddof=1)
        said = np.mean([result["standard_errors"][name] for result in results])
        # Four standard errors of a standard deviation from 400 repetitions.
        assert said == pytest.approx(spread, rel=4 / np.sqrt(800)), name


def test_closed_form_of_gaussian_logits_without_noise_is_the_plug_in():
    mean, _, y = gaussian_rows(50, 1, np.random.default_rng(0))
    accumulator = BoundsAccumulator(3, 50)
    gaussian = (mean, np.zeros_like(mean))
    accumulator.update(np.repeat(mean[:, None], 2, axis=1), y, gaussian=gaussian)
    result = accumulator.result()
    assert result["dv_closed_form"] == pytest.approx(result["dv"], abs=1e-12)
    assert result["dv_jackknife"] == pytest.approx(result["dv"], abs=1e-12)
    assert result["monte_carlo_errors"]["dv"] == pytest.approx(0.0, abs=1e-12)


def test_one_draw_says_nothing_of_its_error_and_no_draw_has_none():
    mean, logits, y = gaussian_rows(20, 1, np.random.default_rng(0))
    drawn, known = BoundsAccumulator(3, 20), BoundsAccumulator(3, 20)
    drawn.update(logits, y, gaussian=(mean, np.full_like(mean, SCALE)))
    known.update(logits[:, 0], y)
    drawn, known = drawn.result(), known.result()
    assert drawn["dv"] == drawn["dv_jackknife"] == known["dv"] == known["dv_closed_form"]
    exact = closed_form_donsker_varadhan(mean, np.full_like(mean, SCALE), y).mean()
    assert drawn["dv_closed_form"] == pytest.approx(exact)
    assert np.isnan(list(drawn["monte_carlo_errors"].values())).all()
    assert not any(known["monte_carlo_errors"].values())
