"""Rivals of a class in a picture."""

import numpy as np
import pytest

from sksoftinfo._masking.rivals import log_odds_of_rivals, rivals_elsewhere


@pytest.fixture
def evidence():
    """Four classes at three places: the target, a class that resembles it, and two elsewhere."""
    places = [[5.0, 0.0, -2.0], [4.0, -1.0, -2.0], [-1.0, -1.0, 3.0], [-2.0, 2.0, 0.0]]
    return np.array(places)[:, None]


def test_a_rival_is_where_the_target_is_not(evidence):
    rivals, present = rivals_elsewhere(evidence, np.array([[0]]), 1.5)
    np.testing.assert_array_equal(rivals[:, 0], [2, 3, 1])
    np.testing.assert_array_equal(present[:, 0], [True, True, False])
    # The target of an image, and the classes of a group, are not rivals of themselves.
    two = np.concatenate([evidence, evidence], axis=1)
    rivals, present = rivals_elsewhere(two, np.array([[0, 2], [1, 3]]), 1.5)
    assert not np.isin(rivals[:2, 0], [0, 1]).any() and not np.isin(rivals[:2, 1], [2, 3]).any()
    assert present[:2].all() and not present[2:].any()


def test_of_two_classes_one_is_the_rival():
    evidence = np.array([[[3.0, -3.0]], [[-3.0, 3.0]]])
    rivals, present = rivals_elsewhere(evidence, np.array([[0]]), 1.5)
    assert rivals.tolist() == [[1]] and present.all()


def test_log_odds_are_those_against_the_strongest_rival_that_is_present(evidence):
    rivals, present = np.array([[2], [3], [1]]), np.array([[True], [True], [False]])
    odds = log_odds_of_rivals(evidence, np.array([[0]]), rivals, present, 2.0)
    np.testing.assert_allclose(odds, [[2 * 6, 2 * -2, 2 * -5]])
    shifted = log_odds_of_rivals(evidence + 9, np.array([[0]]), rivals, present, 2.0)
    np.testing.assert_allclose(shifted, odds)
    group = log_odds_of_rivals(evidence, np.array([[0], [1]]), rivals, present, 1.0)
    between = np.log(np.exp(evidence[:2, 0]).mean(axis=0)) - np.maximum(*evidence[2:, 0])
    np.testing.assert_allclose(group[0], between)
