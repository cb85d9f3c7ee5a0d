"""Odds and information of patches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp

from sksoftinfo._masking.evidence import log_odds, patch_information, two_largest


def test_weight_of_evidence_and_pmi_by_hand():
    log_proba = np.log([[0.2, 0.5, 0.3], [1e-9, 1e-9, 1 - 2e-9]]).T
    prior, classes = np.array([0.5, 0.25, 0.25]), np.array([[1, 1]])
    odds = np.array([0.5 / 0.5, 1e-9 / (1 - 1e-9)])
    np.testing.assert_allclose(
        patch_information("weight_of_evidence", log_proba, prior, classes)[0],
        np.log(odds) - np.log(0.25 / 0.75),
    )
    np.testing.assert_allclose(
        patch_information("pmi", log_proba, prior, classes)[0], log_proba[1] - np.log(0.25)
    )
    np.testing.assert_array_equal(
        patch_information("logit", log_proba, prior, classes)[0], log_proba[1]
    )


def odds_one_by_one(scores, target):
    """Return the odds of a class with a sum over the others of its own."""
    return scores[target] - logsumexp(np.delete(scores, target, axis=0), axis=0)


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(2, 6), st.integers(1, 3), st.integers(1, 3)),
        elements=st.floats(-200, 200, width=32),
    )
)
def test_odds_of_all_classes_equal_sums_over_the_others(scores):
    classes = np.repeat(np.arange(len(scores))[:, None], scores.shape[1], axis=1)
    expected = [odds_one_by_one(scores.astype(np.float64), m) for m in range(len(scores))]
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-6)):
        odds = log_odds(scores.astype(dtype), classes)
        assert odds.dtype == dtype
        np.testing.assert_allclose(odds, expected, rtol=tolerance, atol=4 * tolerance)


def test_odds_near_certainty_keep_their_digits():
    """The other classes share less than one part in 10^30, or one more class ties."""
    scores = np.array([[0.0, 0.0], [-80.0, 0.0], [-81.0, -90.0]], dtype=np.float32)
    odds = log_odds(scores, np.array([[0, 0], [1, 1], [2, 2]]))
    others = 80 - np.log1p(np.exp(-1))
    np.testing.assert_allclose(odds[:, 0], [others, -80, -81], rtol=1e-6)
    np.testing.assert_allclose(odds[:, 1], [0, 0, -90 - np.log(2)], rtol=1e-6, atol=1e-7)


def test_each_image_has_a_class_of_its_own():
    scores = np.random.default_rng(0).normal(size=(4, 5, 2, 3))
    classes = np.array([[0, 3, 1, 2, 3], [1, 1, 1, 0, 0]])
    every = log_odds(scores, np.repeat(np.arange(4)[:, None], 5, axis=1))
    np.testing.assert_array_equal(log_odds(scores, classes), every[classes, np.arange(5)])


def test_two_largest_are_those_of_a_sort():
    values = np.random.default_rng(0).integers(0, 9, size=(5, 40))
    np.testing.assert_array_equal(two_largest(values), np.sort(values, axis=0)[:-3:-1])
