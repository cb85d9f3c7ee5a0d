"""Training rows are recognised in any order, in part, and in another precision."""

import warnings

import numpy as np
import pytest
import torch

from sksoftinfo._utils import fingerprint, n_trained_on, row_hashes, training_rows
from sksoftinfo._utils.fingerprint import MAX_HASHES, are_continuous

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(300, 4)), RNG.integers(0, 3, 300)
KNOWN = training_rows(X, Y)


@pytest.mark.parametrize(
    "rows", [slice(None), slice(None, None, -1), slice(7, 12), [5], RNG.permutation(300)]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_copies_are_found(rows, dtype):
    assert n_trained_on(KNOWN, X[rows].astype(dtype), Y[rows]) == len(Y[rows])
    assert n_trained_on(training_rows(X.astype(np.float32), Y), X[rows], Y[rows]) == len(Y[rows])


def test_other_rows_and_other_labels_are_not():
    assert n_trained_on(KNOWN, RNG.normal(size=(300, 4)), Y) == 0
    assert n_trained_on(KNOWN, X, (Y + 1) % 3) == 0
    mixed = np.vstack([X[:20], X[:80] + 1])
    assert n_trained_on(KNOWN, mixed, Y[:100] * 0 + np.r_[Y[:20], Y[:80]]) == 20


def test_zeros_of_both_signs_and_missing_values_are_equal():
    rows = np.array([[0.0, np.nan], [-0.0, np.nan], [0.0, 1.0]])
    first, second, third = row_hashes(rows)
    assert first == second != third
    other = np.array([[0.0, -np.nan]])
    assert row_hashes(other)[0] == first
    images = RNG.random((5, 3, 3))
    assert (row_hashes(images) == row_hashes(images.reshape(5, 9))).all()


def test_columns_that_trade_places_make_other_rows():
    assert (row_hashes(X) != row_hashes(X[:, ::-1])).all()
    small = np.array([[a, b] for a in range(30) for b in range(30)])
    assert len(np.unique(row_hashes(small))) == 900


@pytest.mark.parametrize("seed", range(5))
def test_samples_of_a_discrete_table_are_not_copies(seed):
    """Eight bits have 256 rows: an independent sample repeats most of these rows."""
    rng = np.random.default_rng(seed)
    for n_columns, n in ((8, 2000), (8, 100), (1, 300)):
        train, test = rng.integers(0, 2, (2, n, n_columns))
        labels, others = rng.integers(0, 2, (2, n))
        known = training_rows(train, labels)
        assert n_trained_on(known, test, others) == 0
        assert n_trained_on(known, test[:50], others[:50]) == 0
        # Identical rows are still found.
        assert n_trained_on(known, train, labels) == n
        shuffled = rng.permutation(n)
        found = n_trained_on(known, train[shuffled], labels[shuffled])
        assert found == (n if n_columns == 8 else 0)


def test_images_of_few_grey_values_are_found_in_part():
    images = RNG.integers(0, 17, size=(200, 8, 8))
    labels = RNG.integers(0, 10, 200)
    assert n_trained_on(training_rows(images, labels), images[50:60], labels[50:60]) == 10
    assert n_trained_on(training_rows(images, labels), images[50:60] + 1, labels[50:60]) == 0


def test_hashes_are_bounded_in_number_and_the_same_in_every_order():
    n = MAX_HASHES + 40_000
    many, labels = RNG.normal(size=(n, 2)), RNG.integers(0, 2, n)
    known = training_rows(many, labels)
    assert len(known.hashes) == MAX_HASHES
    assert not known.complete
    shuffled = RNG.permutation(n)
    again = training_rows(many[shuffled], labels[shuffled])
    np.testing.assert_array_equal(known.hashes, again.hashes)
    # All rows whose hashes were kept are found.
    found = n_trained_on(known, many[:1000], labels[:1000])
    assert 500 < found < 750


def test_what_counts_as_continuous():
    rows = np.arange(300)
    assert are_continuous(X, rows)
    assert not are_continuous(X[:, :1], rows)
    in_two_units = np.column_stack([X[:, 0], 2.54 * X[:, 0], -X[:, 0]])
    assert not are_continuous(in_two_units, rows)
    assert not are_continuous(X.round(), rows)
    assert not are_continuous(X[:9], rows[:9])
    assert are_continuous(np.column_stack([X.round(), X[:, :2].round(3)]), rows)


def test_rows_of_several_chunks():
    known = training_rows(X[:100], Y[:100])
    known = training_rows(X[100:200], Y[100:200], known)
    assert n_trained_on(known, X, Y) == 200
    # Learn the same rows again, as in a second epoch.
    assert n_trained_on(training_rows(X[:100], Y[:100], known), X[:9], Y[:9]) == 9
    rng = np.random.default_rng(0)
    bits, labels = rng.integers(0, 2, (40, 30, 6)), rng.integers(0, 2, (40, 30))
    known = None
    for chunk, some in zip(bits[:-1], labels[:-1], strict=True):
        known = training_rows(chunk, some, known)
    assert n_trained_on(known, bits[-1], labels[-1]) == 0


def test_fingerprints_tell_arrays_from_others():
    known = fingerprint(X, Y)
    assert known == fingerprint(np.asfortranarray(X), Y.copy())
    assert all(isinstance(text, str) for text in known)
    for rows, labels in ((X + 1, Y), (X, Y[::-1]), (X.astype("f4"), Y), (X.reshape(600, 2), Y)):
        assert fingerprint(rows, labels) != known


def test_times_that_float32_does_not_tell_apart_are_not_copies():
    rng = np.random.default_rng(0)
    start = 1.7e9 + rng.uniform(0, 3600, size=(2, 300))
    train, test = np.stack([start, start + 30], axis=-1)
    labels, others = rng.integers(0, 2, (2, 300))
    assert n_trained_on(training_rows(train, labels), test, others) == 0


def test_numbers_beyond_float32_are_hashed_without_a_warning():
    huge = 1e300 * X
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = training_rows(huge, Y)
    assert n_trained_on(known, huge, Y) == 300


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensors_have_the_hashes_of_arrays(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3, 4)) * 10.0 ** rng.integers(-50, 50, (50, 3, 4))
    X[0, 0] = [np.nan, 0.0, -0.0, -np.nan]
    with np.errstate(over="ignore"):
        X = X.astype(dtype)
    y = rng.integers(0, 3, 50)
    tensor = torch.as_tensor(X)
    np.testing.assert_array_equal(row_hashes(tensor, y), row_hashes(X, y))
    flat, rows = X.reshape(50, -1), training_rows(X, y)
    assert training_rows(tensor, y)[2:] == rows[2:] and n_trained_on(rows, tensor, y) == 50
    assert are_continuous(tensor, np.arange(50)) is are_continuous(flat, np.arange(50)) is True
