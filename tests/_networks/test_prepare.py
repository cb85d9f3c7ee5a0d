import warnings

import numpy as np
import pytest
import torch

from sksoftinfo._networks.prepare import PrepareColumns, PrepareImages, weighted_quantiles


def test_quantiles_are_numpys_and_weights_are_repetitions():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 20, size=(40, 5)).astype(float)
    shares = (0.1, 0.25, 0.5, 0.75, 1.0)
    expected = np.quantile(X, shares, axis=0, method="inverted_cdf")
    np.testing.assert_array_equal(weighted_quantiles(X, shares), expected)
    weight = rng.integers(1, 6, size=40)
    repeated = weighted_quantiles(np.repeat(X, weight, axis=0), shares)
    for scale in (1.0, 0.1, 1 / 3):
        np.testing.assert_array_equal(weighted_quantiles(X, shares, weight * scale), repeated)


def test_quantiles_leave_missing_values_out():
    X = np.array([[3.0, np.nan], [np.nan, np.nan], [1.0, np.nan], [2.0, np.nan]])
    found = weighted_quantiles(X, (0.5, 1.0), np.array([1.0, 99.0, 1.0, 1.0]))
    np.testing.assert_array_equal(found, [[2.0, np.nan], [3.0, np.nan]])


def prepared(X, new=None, missing=(), dtype=torch.float64):
    prepare = PrepareColumns(X.shape[1], missing).to(dtype)
    prepare.learn(X)
    return prepare(torch.as_tensor(X if new is None else new, dtype=dtype)).numpy()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_columns_of_any_size_are_brought_to_one(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    sizes = np.array([[1e-12, 1.0, 1e7]])
    found = prepared(X * sizes, dtype=dtype)
    np.testing.assert_allclose(found, np.repeat(found[:, 1:2], 3, axis=1), rtol=1e-4, atol=1e-4)
    assert 0.5 < found[:, 1].std() < 1.5


def test_outliers_constants_and_columns_of_few_values():
    X = np.zeros((100, 4))
    X[:, 0] = np.arange(100)
    X[0, 0] = 1e300
    X[:, 1] = 7.0
    X[:9, 2] = 5.0
    X[:, 3] = np.nan
    found = prepared(X)
    assert np.abs(found).max() <= 3
    assert np.ptp(found[1:, 0]) > 1
    np.testing.assert_array_equal(found[:, [1, 3]], 0)
    assert np.ptp(found[:, 2]) > 1
    far = np.array([[np.finfo(float).max, 1e308, -1e308, 1e5]])
    assert np.isfinite(prepared(X, far)).all()


def test_missing_values_are_marked_only_where_they_were_missing_at_fit():
    X = np.array([[1.0, 4.0], [2.0, np.nan], [3.0, 6.0]])
    found = prepared(X, np.array([[np.nan, np.nan], [2.0, 4.0]]), missing=[1])
    np.testing.assert_array_equal(found, [[0, 0, 1], [0, 0, 0]])


def test_many_rows_are_a_sample():
    X = np.arange(250_000.0)[:, None]
    prepare = PrepareColumns(1).double()
    prepare.learn(X)
    assert prepare.median.item() == pytest.approx(125_000, rel=1e-2)
    assert prepare.scale.item() == pytest.approx(1 / 125_000, rel=1e-2)


def test_a_range_that_overflows_is_scaled():
    X = np.resize([-1.0, 1.0, 0.5], (200, 1))
    large, small = PrepareColumns(1).double(), PrepareColumns(1).double()
    large.learn(X * 1.7e308)
    small.learn(X)
    assert float(large.scale * 1.7e308) == pytest.approx(float(small.scale))


@pytest.mark.parametrize(
    ("offset", "given", "dtype", "warned"),
    [
        (1e9, np.float64, torch.float32, True),
        (-1e6, np.float64, torch.float32, True),
        (1e3, np.float64, torch.float32, False),
        (1e9, np.float64, torch.float64, False),
        (1e9, np.float32, torch.float32, False),
    ],
)
def test_columns_that_single_precision_would_round_are_warned_of(offset, given, dtype, warned):
    """Columns that were passed in single precision had been rounded before."""
    near = np.random.default_rng(0).normal(size=(200, 2))
    prepare = PrepareColumns(2).to(dtype)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        prepare.learn((near + [0, offset]).astype(given))
    told = ["far from 0, in column 1." in str(one.message) for one in found]
    assert told == [True] * warned


def test_tensors_that_single_precision_would_round_are_warned_of():
    rows = 1e9 + np.random.default_rng(0).normal(size=(200, 1))
    with pytest.warns(UserWarning, match="far from 0, in column 0"):
        PrepareColumns(1).learn(torch.as_tensor(rows))


def test_a_constant_column_is_not_rounded():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PrepareColumns(1).learn(np.full((50, 1), 1e12))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("offset", [0, 30])
def test_images_are_centred_by_their_median_and_scaled(dtype, offset):
    images = (np.array([[[0, 0, 50], [0, 0, 200]]]) + offset).astype(dtype)
    prepare = PrepareImages()
    prepare.learn_centre(images)
    prepare.learn_scale(images)
    found = prepare(torch.as_tensor(images.astype("float32")))
    np.testing.assert_allclose(found.numpy(), (images.astype(float) - offset) / 200, rtol=1e-6)
    prepare.learn_centre(-images.astype("float32"))
    prepare.learn_scale(-images.astype("float32"))
    assert (prepare.centre.item(), prepare.scale.item()) == (-offset, pytest.approx(1 / 200))
    prepare.learn_centre(np.zeros((2, 3, 3)))
    prepare.learn_scale(np.zeros((2, 3, 3)))
    assert prepare.scale.item() == 1


@pytest.mark.parametrize("as_tensor", [False, True])
def test_channels_have_medians_of_their_own(as_tensor):
    rng = np.random.default_rng(0)
    medians = np.array([0.0, 1000.0, -5.0])[:, None, None]
    images = medians + rng.normal(size=(40_000, 3, 4, 4))
    prepare = PrepareImages(3).double()
    prepare.learn_centre(torch.as_tensor(images) if as_tensor else images)
    np.testing.assert_allclose(prepare.centre.numpy(), medians, atol=0.02)


@pytest.mark.parametrize("period", [2, 3, 10])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_periodic_rows_are_not_all_alike_in_a_sample(period, as_tensor):
    """Examples are rows of several sensors in turn, or of cases and controls."""
    n = 10_000 * (period - 1) + 2
    X = np.zeros((n, 2))
    one = X[period - 1 :: period]
    one[:] = np.random.default_rng(0).normal(size=one.shape)
    prepare = PrepareColumns(2).double()
    prepare.learn(torch.as_tensor(X) if as_tensor else X, np.ones(n))
    assert (prepare.scale > 0).all()


@pytest.mark.parametrize("rare", [1, 3])
def test_columns_that_vary_in_rare_rows_are_not_constant(rare):
    X = np.zeros((30_000, 3))
    X[5 : 5 + rare, 0] = 1.0
    X[:, 1] = np.nan
    X[17 : 17 + rare, 1] = [2.0, 5.0, 3.0][:rare]
    prepare = PrepareColumns(3).double()
    prepare.learn(X)
    small = PrepareColumns(3).double()
    small.learn(X[:100])
    assert prepare.scale[0] == small.scale[0] == 2.0
    assert (prepare.scale[1] > 0) == (rare > 1)
    assert prepare.scale[2] == 0


@pytest.mark.parametrize("outlier", [1e3, -1e6, 1e300])
@pytest.mark.parametrize("share_of_zeros", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("draw", ["normal", "exponential", "poisson"])
def test_an_outlier_beside_many_equal_values_does_not_erase_the_others(
    outlier, share_of_zeros, draw
):
    rng = np.random.default_rng(0)
    values = rng.poisson(2, size=1000) if draw == "poisson" else getattr(rng, draw)(size=1000)
    X = np.where(rng.random(1000) < share_of_zeros, 0.0, values)[:, None]
    X[0] = 0.0
    without = prepared(X)
    X[0] = outlier
    found = prepared(X)
    assert np.ptp(without) > 1.5
    np.testing.assert_allclose(found[1:], without[1:], atol=0.5)


def test_columns_of_two_values_keep_their_range():
    for share in (0.01, 0.1, 0.9):
        X = (np.arange(1000) < 1000 * share).astype(float)[:, None] * 7 - 3
        assert np.ptp(prepared(X)) == pytest.approx(2 / np.sqrt(1 + 4 / 9))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_column_is_learned_when_it_varies(dtype):
    rng = np.random.default_rng(0)
    first, later = rng.normal(size=(50, 4)), 0.1 + rng.normal(size=(50, 4))
    first[:, 1:] = [0.1, np.nan, 3.3]
    later[:, 3] = 3.3
    prepare = PrepareColumns(4).to(dtype)
    prepare.learn(first)
    kept = prepare.median[0].item(), prepare.scale[0].item()
    # Learn the constants again, in a precision that may differ from the precision of the network.
    assert prepare.learn_constant(first) == 0
    assert prepare.learn_constant(later, np.ones(50)) == 2
    assert (prepare.median[0].item(), prepare.scale[0].item()) == kept
    assert prepare.scale[3] == 0
    found = prepare(torch.as_tensor(later, dtype=dtype)).numpy()
    assert (np.ptp(found[:, :3], axis=0) > 1).all()
    assert prepare.learn_constant(1e3 * later) == 1


def test_a_column_that_is_constant_within_each_chunk_is_learned_from_two():
    prepare = PrepareColumns(1).double()
    prepare.learn(np.full((20, 1), 5.0))
    assert prepare.learn_constant(np.full((20, 1), 7.0)) == 1
    found = prepare(torch.tensor([[5.0], [7.0], [9.0]], dtype=torch.float64)).numpy()
    assert (np.diff(found[:, 0]) > 0.3).all()
