"""Evidence that is refined by the finer features of the same picture."""

import numpy as np

from sksoftinfo._masking.details import carry_over, follow_details


def test_evidence_spreads_over_what_looks_alike_and_keeps_mean_and_peak():
    rng = np.random.default_rng(0)
    inside = np.zeros((2, 12, 12), dtype=bool)
    inside[0, 3:9, 2:8] = inside[1, 1:4, 5:11] = True
    details = rng.normal(0, 0.3, (2, 6, 12, 12))
    details[:, :3] += inside[:, None]
    # The maps contain evidence at a single place of the object.
    maps = np.zeros((2, 2, 12, 12), dtype=np.float32)
    maps[:, 0, 5, 5] = maps[:, 1, 2, 8] = 4
    maps[1] -= 1
    drawn = carry_over(maps, details)
    assert drawn.dtype == maps.dtype
    np.testing.assert_allclose(drawn.mean((2, 3)), maps.mean((2, 3)), atol=1e-5)
    np.testing.assert_allclose(drawn.max((2, 3)), maps.max((2, 3)), atol=1e-5)
    kept = drawn[0] > 0.2 * drawn[0].max((1, 2), keepdims=True)
    assert ((kept & inside).sum((1, 2)) / (kept | inside).sum((1, 2)) > 0.7).all()
    # The unit and the offset of a channel do not matter.
    scaled = details * np.array([1e3, 1, 1e-3, 1, 1, 1])[:, None, None] + 7
    np.testing.assert_allclose(carry_over(maps, scaled), drawn, rtol=1e-2, atol=1e-3)


def test_what_does_not_vary_stays_as_it_is():
    flat = np.full((1, 1, 4, 4), 2.0)
    some = np.arange(16.0).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(carry_over(flat, some), flat)
    np.testing.assert_array_equal(carry_over(some, flat), some)


def test_a_border_between_two_classes_moves_to_where_features_change():
    """The log-odds place the border three columns too far to the right."""
    rng = np.random.default_rng(0)
    details = rng.normal(0, 0.3, (2, 6, 12, 12))
    details[0, :3, :, :6] += 1
    details[1, :3, :6] += 1
    odds = np.broadcast_to(8.5 - np.arange(12.0), (2, 12, 12)).astype(np.float32).copy()
    odds[1] = odds[1].T
    followed = follow_details(odds, details)
    assert followed.dtype == odds.dtype
    np.testing.assert_allclose(followed.mean((1, 2)), odds.mean((1, 2)), atol=1e-5)
    truth = np.zeros((2, 12, 12), dtype=bool)
    truth[0, :, :6] = truth[1, :6] = True
    wrong = [((one > 0) != truth).mean((1, 2)) for one in (odds, followed)]
    assert (wrong[1] < wrong[0]).all()
    assert follow_details(odds[:0], details[:0]).shape == (0, 12, 12)
    flat = np.zeros_like(odds)
    np.testing.assert_array_equal(follow_details(flat, details), flat)
