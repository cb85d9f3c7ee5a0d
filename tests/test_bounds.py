import json
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import d2_log_loss_score

from sksoftinfo import InformationBounds, information_bounds

Y = np.array(["b", "a", "c", "a", "b"])
PROBA = np.array(
    [[0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.4, 0.3, 0.3], [0.3, 0.5, 0.2]]
)


@pytest.fixture
def bounds():
    return information_bounds(Y, PROBA)


def test_values_by_hand(bounds):
    p = np.array([0.4, 0.4, 0.2])
    label_entropy = -(p * np.log(p)).sum()
    log_likelihood = np.log([0.7, 0.6, 0.8, 0.4, 0.5])
    assert bounds.label_entropy == pytest.approx(label_entropy)
    assert bounds.mi_lower == pytest.approx(label_entropy + log_likelihood.mean())
    assert bounds.log_softmax == pytest.approx(log_likelihood.mean())
    np.testing.assert_allclose(bounds.pointwise, log_likelihood - np.log(p[[1, 0, 2, 0, 1]]))
    assert bounds.d2 == pytest.approx(d2_log_loss_score(Y, PROBA), abs=1e-6)
    assert bounds.classes.tolist() == ["a", "b", "c"]
    assert (bounds.n_samples, bounds.n_classes, bounds.n_draws) == (5, 3, 1)


@pytest.mark.parametrize("prior", ["empirical", "uniform", [0.2, 0.3, 0.5]])
def test_reference_prior_spreads_the_same_mean(bounds, prior):
    other = information_bounds(Y, PROBA, reference_prior=prior)
    assert other.pointwise.mean() == pytest.approx(bounds.mi_lower, abs=1e-12)
    assert other.mi_lower == bounds.mi_lower
    if prior != "empirical":
        assert np.abs(other.pointwise - bounds.pointwise).max() > 0.01


def test_bits_are_nats_over_log_two(bounds):
    bits = bounds.to_bits()
    assert bits.units == "bits"
    assert bits.mi_lower == pytest.approx(bounds.mi_lower / np.log(2))
    np.testing.assert_allclose(bits.pointwise, bounds.pointwise / np.log(2))
    assert bits.d2 == bounds.d2
    assert bits.to_bits() == bits
    assert bits.to_nats().dv == pytest.approx(bounds.dv)
    assert information_bounds(Y, PROBA, units="bits") == bits


def test_equality_pickle_and_json(bounds):
    assert pickle.loads(pickle.dumps(bounds)) == bounds
    assert bounds != information_bounds(Y, PROBA[:, ::-1])
    assert bounds != "bounds"
    as_dict = json.loads(json.dumps(bounds.to_dict(pointwise=True)))
    assert (
        InformationBounds(
            **{
                name: np.asarray(value) if isinstance(value, list) else value
                for name, value in as_dict.items()
            }
        )
        == bounds
    )
    assert "pointwise" not in bounds.to_dict()


def test_table_names_every_value_and_its_unit(bounds):
    text, page = repr(bounds.to_bits()), bounds._repr_html_()
    assert text.startswith("InformationBounds in bits: 5 samples, 3 classes")
    for name in ("log_softmax", "dv_minus_log_m", "mi_lower", "label_entropy", "d2"):
        line = next(line for line in text.splitlines() if line.split()[0] == name)
        assert float(line.split()[1]) == pytest.approx(getattr(bounds.to_bits(), name), abs=5e-5)
        assert f"<code>{name}</code>" in page


def test_frozen(bounds):
    with pytest.raises(AttributeError):
        bounds.mi_lower = 1.0


def test_binary_probabilities_of_the_second_label():
    flat = information_bounds([0, 1, 1], [0.2, 0.7, 0.9])
    assert flat == information_bounds([0, 1, 1], [[0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
    assert flat == information_bounds([0, 1, 1], [[0.2], [0.7], [0.9]])


def test_labels_that_do_not_occur():
    b = information_bounds(["a", "b"], [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]], labels=["c", "a", "b"])
    assert b.classes.tolist() == ["a", "b", "c"]
    assert b.label_entropy == pytest.approx(np.log(2))
    assert b.dv == pytest.approx(np.log([0.5, 0.8]).mean() + np.log(3))


def test_chunks_change_nothing(monkeypatch, bounds):
    monkeypatch.setattr("sksoftinfo._bounds._CHUNK_ROWS", 2)
    chunked = information_bounds(Y, PROBA)
    assert chunked.mi_lower == pytest.approx(bounds.mi_lower, abs=1e-14)
    np.testing.assert_array_equal(chunked.pointwise, bounds.pointwise)


def test_weights_are_repetition():
    weight = [2, 0, 1, 3, 1]
    weighted = information_bounds(Y, PROBA, sample_weight=weight)
    repeated = information_bounds(np.repeat(Y, weight), np.repeat(PROBA, weight, axis=0))
    assert weighted.mi_lower == pytest.approx(repeated.mi_lower, abs=1e-12)
    assert weighted.label_entropy == pytest.approx(repeated.label_entropy, abs=1e-12)


@pytest.mark.parametrize(
    "container",
    [
        np.asfortranarray,
        np.float32,
        lambda p: pd.DataFrame(p),
        lambda p: pl.DataFrame(p),
        lambda p: p.tolist(),
        lambda p: np.repeat(p, 2, axis=0)[::2],
    ],
)
def test_containers(bounds, container):
    b = information_bounds(pd.Series(Y), container(PROBA))
    assert b.mi_lower == pytest.approx(bounds.mi_lower, abs=1e-6)


def test_read_only_input_is_left_alone(bounds):
    proba = PROBA.copy()
    proba.flags.writeable = False
    assert information_bounds(Y, proba) == bounds


def test_impossible_labels_warn_with_their_count():
    with pytest.warns(UserWarning, match="in 2 of 3 rows: mi_lower is minus infinity"):
        b = information_bounds([0, 1, 1], [0.0, 0.0, 0.0])
    assert b.mi_lower == -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        information_bounds([0, 1, 1], [0.0, 0.5, 0.0], sample_weight=[1, 1, 0])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((Y, PROBA * 2), "y_proba row 0 is no distribution: .* sums to 2"),
        ((Y, np.log(PROBA)), "y_proba row 0 is no distribution"),
        ((Y, PROBA[:, :2]), "y_proba has 2 columns and there are 3 labels"),
        ((Y[:3], PROBA), "inconsistent numbers of samples"),
        ((Y, np.where(PROBA > 0.7, np.nan, PROBA)), "y_proba contains NaN"),
        ((Y, np.where(PROBA > 0.7, np.inf, PROBA)), "y_proba contains infinity"),
        (([0, 1], [0.5, 1.5]), r"values between 0.5 and 1.5: give probabilities"),
        (([1, 1], [0.5, 0.5]), r"y_true holds the one class \[1\]"),
        (([], np.empty((0, 2))), "y_true is empty"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        information_bounds(*arguments)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"units": "bananas"}, "units='bananas' is unknown"),
        ({"reference_prior": "train"}, "reference_prior='train' is unknown"),
        ({"reference_prior": [0.5, 0.5]}, "reference_prior=.* is no distribution"),
        ({"reference_prior": [0.5, 0.5, 0.5]}, "reference_prior=.* is no distribution"),
        ({"labels": ["a", "b", "x"]}, r"y_true contains labels that are unknown: \['c'\]"),
        ({"labels": ["a", "b", "c", "c"]}, "names a label twice"),
        ({"sample_weight": [1, 1, 1, 1, -1]}, "(?i)negative"),
        ({"sample_weight": [0, 0, 0, 0, 0]}, "(?i)zero"),
        ({"sample_weight": [1, 1]}, "inconsistent numbers of samples"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        information_bounds(Y, PROBA, **options)
