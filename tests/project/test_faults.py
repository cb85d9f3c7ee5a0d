"""Invalid input: every row of docs/faults.md has a test, here or elsewhere."""

import csv
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    InfoStackClassifier,
    StochasticInfoClassifier,
    cross_val_bounds,
    information_bounds,
)
from tests.helpers.networks import Outputs

ROOT = Path(__file__).parents[2]
X, Y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"])
LABELS = np.array(["setosa", "versicolor", "virginica"])[Y]


def classifier(**params):
    return InfoSoftmaxClassifier(**{"max_epochs": 1, "random_state": 0, **params})


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(FRAME, Y)


def test_each_input_of_the_page_has_a_test_that_exists():
    tests = ROOT / "tests"
    with open(tests / "project" / "faults.csv", encoding="utf-8", newline="") as file:
        named = {row["input"]: row["test"] for row in csv.DictReader(file)}
    assert list(named) == inputs()
    sources = {path.relative_to(tests).as_posix(): path for path in tests.rglob("test_*.py")}
    for one, test in named.items():
        file, _, name = test.partition("::")
        assert f"\ndef {name}(" in sources[file].read_text(encoding="utf-8"), (one, test)


def test_no_input_is_listed_twice():
    assert len(inputs()) > 200
    assert len(set(inputs())) == len(inputs())


def inputs():
    """Return the first column of the tables on the page."""
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    return re.findall(r"^\| (?!input|---)(.+?) \| .+ \|$", text, re.MULTILINE)


def replaced(table, value, row=3, column=2):
    table = table.copy()
    if isinstance(table, pd.DataFrame):
        table.iloc[row, column] = value
    else:
        table[row, column] = value
    return table


@pytest.mark.parametrize(
    "table, message",
    [
        (replaced(X, np.nan), "X contains NaN in column 2, in 1 of 150 rows, the first .* row 3"),
        (replaced(X, -np.inf), "X contains infinity .* in column 2, in 1 of 150 .* Replace these"),
        (replaced(replaced(X, np.inf), np.nan, 4), "X contains NaN in column 2.* Replace these"),
        (replaced(FRAME, np.nan), "X contains NaN in column 'c', in 1 of 150 rows"),
        (replaced(FRAME.astype("Float64"), pd.NA), "X contains NaN in column 'c'"),
        (
            pl.from_pandas(FRAME).with_columns(c=pl.lit(None, dtype=pl.Float64)),
            "X contains NaN in column 'c', in 150 of 150 rows",
        ),
        (FRAME.where(FRAME > 1), "in column 'c', 'd', in "),
        (np.full((150, 9), np.nan), "in column 0, 1, 2, 3, 4 and 4 more, in 150 of 150 rows"),
        (
            replaced(X.reshape(150, 2, 2), np.nan, 3, 1),
            r"X contains NaN first at \(3, 1, 0\).* Replace these entries by finite numbers, or",
        ),
        (replaced(X, 1e300), "X contains NaN|too large|diverged"),
    ],
)
def test_entries_that_are_not_finite_are_located(table, message):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(ValueError, match=message):
            # The default network handles missing values of tables; a user's module does not.
            module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(3))
            classifier(module=module, dtype="float32").fit(table, Y)


def test_the_remedy_for_missing_values_of_a_table_is_literal():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(3))
    for clf in (classifier(module=module), InfoStackClassifier(members="quick")):
        with pytest.raises(ValueError, match="Impute .*, e.g. by SimpleImputer in a pipeline"):
            clf.fit(replaced(X, np.nan), Y)
        make_pipeline(SimpleImputer(), clf).fit(replaced(X, np.nan), Y)


def test_missing_values_of_a_table_are_imputed_by_the_default_network(fitted):
    bad = replaced(FRAME, np.nan)
    assert np.isfinite(classifier().fit(bad, Y).predict_proba(bad)).all()
    assert np.isfinite(fitted.score_bounds(bad[1:], Y[1:]).mi_lower)
    with pytest.raises(ValueError, match="X contains infinity .* in column 'c'"):
        fitted.predict_proba(replaced(FRAME, np.inf))


def test_entries_that_are_not_finite_are_located_when_predicting(fitted):
    bad, infinite = replaced(FRAME, np.nan), replaced(FRAME, np.inf)
    for ask in (fitted.predict_proba, lambda X: fitted.score_bounds(X, Y)):
        with pytest.raises(ValueError, match="X contains infinity .* in column 'c'"):
            ask(infinite)
    with pytest.raises(ValueError, match="InfoMask|X contains NaN in column 'c'"):
        InfoMaskTransformer(classifier()).fit(bad, Y)
    with pytest.raises(ValueError, match="X contains NaN in column 2"):
        cross_val_bounds("stack", bad.to_numpy(), Y)
    with pytest.raises(ValueError, match="X contains infinity .* in column 'c'"):
        cross_val_bounds("stack", replaced(FRAME, np.inf), Y)
    with pytest.raises(ValueError, match="y_proba contains NaN in column 1.* Drop these rows"):
        information_bounds([0, 1], [[0.5, 0.5], [0.5, np.nan]])


@pytest.mark.parametrize(
    "column, kind",
    [
        (["x"] * 150, "str|object"),
        (pd.Timestamp("2020-01-01"), "datetime"),
        ([{}] * 150, "object"),
    ],
)
def test_columns_that_are_no_numbers_are_named(column, kind):
    with pytest.raises(ValueError, match=rf"numeric columns only; got 'k' \(({kind})"):
        classifier().fit(FRAME.assign(k=column), Y)


def test_texts_in_polars_are_named():
    with pytest.raises(ValueError, match="numeric columns only; got 'k'"):
        classifier().fit(pl.from_pandas(FRAME).with_columns(k=pl.lit("x")), Y)


@pytest.mark.parametrize(
    "dtype", [bool, np.int8, np.uint8, np.int64, np.float16, object, "Int64", "Float32", "boolean"]
)
def test_dtypes_of_tables(dtype):
    """Numbers in any other dtype train the same network."""
    table = (FRAME > 2) if dtype in (bool, "boolean") else FRAME.round()
    expected = classifier().fit(table.astype(np.float64), Y).predict_proba(FRAME)
    fitted = classifier(dtype="float64").fit(table.astype(dtype), Y)
    np.testing.assert_allclose(fitted.predict_proba(FRAME), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int32])
def test_tensors(dtype):
    table = torch.as_tensor(X).round()
    expected = classifier().fit(table.numpy(), Y).predict_proba(X)
    tensor = table.to(dtype)
    if dtype.is_floating_point:
        tensor.requires_grad_()
    fitted = classifier(dtype="float64").fit(tensor, Y)
    np.testing.assert_allclose(fitted.predict_proba(X), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "fit",
    [
        lambda X: classifier().fit(X, Y),
        lambda X: InfoMaskTransformer().fit(X, Y),
        lambda X: cross_val_bounds("stack", X, Y),
        lambda X: information_bounds(Y, X),
    ],
)
def test_sparse_is_refused(fit):
    with pytest.raises(TypeError, match="[Ss]parse data was passed|`X` must be dense"):
        fit(scipy.sparse.csr_matrix(X))


@pytest.mark.parametrize(
    "table, message",
    [
        (np.ma.masked_greater(X, 3), "must not have masked entries; got 316"),
        (pl.from_pandas(FRAME).lazy(), "got a lazy frame, LazyFrame"),
        (
            FRAME.set_axis(["a", "b", "b", "a"], axis=1),
            "unique column names; got 'a', 'b' more than once",
        ),
        (X[:, :0], r"0 feature\(s\)"),
        (X + 1j, "must hold real numbers; got complex numbers"),
        ((X + 1j).tolist(), "must hold real numbers; got complex numbers"),
        (FRAME.assign(d=X[:, 0] + 1j), "real numbers only; got complex numbers in 'd'. Replace"),
        (
            FRAME.assign(a=pd.Categorical(Y), b=1j, c=pd.array([1] * len(X), "Int64")),
            "real numbers only; got complex numbers in 'b'",
        ),
        (FRAME.assign(d=pd.period_range("1900", periods=len(X), freq="D")), "Convert times to"),
        (np.zeros((len(X), 0, 5)), r"at least one pixel and channel; got shape \(\d+, 0, 5\)"),
        (np.zeros((len(X), 0, 5, 5)), "at least one pixel and channel"),
        (None, "`X` must be an array.* got None"),
        ([[1.0, 2.0], [3.0]], r"rows of the same shape; got \(2,\) in row 0 and \(1,\) in row 1"),
        ([np.zeros((9, 9)), np.zeros((9, 8))], "images of one size; got shapes such as"),
    ],
)
def test_tables_that_are_none(table, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(table, Y)


def test_a_masked_array_without_masked_entries_is_its_data():
    masked = classifier().fit(np.ma.array(X), Y)
    np.testing.assert_array_equal(masked.predict_proba(X), classifier().fit(X, Y).predict_proba(X))


def test_column_names_are_compared(fitted):
    message = "in the same order as they were in fit.\n.*; got 'b' in place of 'a'"
    for frame in (FRAME, pl.from_pandas(FRAME)):
        with pytest.raises(ValueError, match=message):
            fitted.predict(frame[["b", "a", "c", "d"]])
    with pytest.raises(ValueError, match="unseen at fit time:\n- z"):
        fitted.predict(FRAME.rename(columns={"a": "z"}))
    with pytest.raises(TypeError, match="string names"):
        classifier().fit(FRAME.rename(columns={"a": 0}), Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        fitted.predict(X)


def test_memory_maps_are_read_and_left_alone(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    fitted = classifier().fit(mapped, Y)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(
        fitted.predict_proba(mapped), classifier().fit(X, Y).predict_proba(X)
    )


def test_small_and_wide_tables(fitted):
    with pytest.raises(ValueError, match="one class"):
        classifier().fit(X[:1], Y[:1])
    two = classifier().fit(X[[0, 70]], [0, 1])
    assert two.predict_proba(X[:1]).shape == (1, 2)
    assert classifier().fit(X[:, :1], Y).predict(X[:2, :1]).shape == (2,)
    with pytest.raises(ValueError, match=r"at least one row; got shape \(0, 4\)"):
        fitted.predict(FRAME[:0])
    wide = np.zeros((6, 100_000), dtype=np.float32)
    assert classifier().fit(wide, [0, 1, 2] * 2).predict_proba(wide).shape == (6, 3)


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS.astype(object),
        Y > 0,
        Y - 5,
        Y.astype(np.float64),
        Y.astype(np.int8),
        pd.Series(pd.Categorical(LABELS)),
        pd.Series(Y, dtype="Int64"),
        pd.Series(LABELS, dtype="string"),
        pl.Series(LABELS),
        pl.Series(LABELS, dtype=pl.Categorical),
        LABELS.tolist(),
        torch.as_tensor(Y),
    ],
    ids=lambda labels: f"{type(labels).__name__}-{getattr(labels, 'dtype', '')}",
)
def test_label_types(labels):
    fitted = classifier(max_epochs=20, lr=0.02).fit(X, labels)
    values = np.asarray(labels)
    assert set(fitted.classes_) == set(values)
    assert np.mean(fitted.predict(X) == values) > 0.6
    assert np.isfinite(fitted.score_bounds(X[1:], values[1:]).mi_lower)


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.array([None, "a", "b"], dtype=object)[Y], "y contains NaN or None.* 50 of 150 rows"),
        (np.array([np.nan, "a", "b"], dtype=object)[Y], "y contains NaN or None"),
        (pd.Series(Y, dtype="Int64").where(Y > 0), "y contains NaN"),
        (np.where(Y > 0, Y, np.nan), "y contains NaN"),
        (np.where(Y > 0, Y, np.inf), "y contains infinity"),
        (
            np.array([0, "a", 2.5], dtype=object)[Y],
            "must hold labels of one type; got float, int, str",
        ),
        (np.eye(3)[Y], r"1d array.* shape \(150, 3\).*argmax\((y|labels), axis=1\)"),
        (np.eye(3)[Y].tolist(), "argmax"),
        (np.c_[Y, Y], "Pass one label for each row"),
        (None, "requires y"),
        (Y + 0.5, "Unknown label type: continuous"),
        (np.ma.masked_equal(Y, 2), "`y` must not have masked entries; got 50"),
    ],
)
def test_labels_that_are_none(labels, message):
    for fit in (classifier().fit, InfoMaskTransformer().fit):
        with pytest.raises(ValueError, match=message.replace("requires y", "requires y|y")):
            fit(X, labels)


def test_missing_labels_of_the_pure_functions():
    labels = np.array([None, "a", "b"], dtype=object)[Y]
    with pytest.raises(ValueError, match="y_true contains NaN or None"):
        information_bounds(labels, np.full((150, 3), 1 / 3))
    with pytest.raises(ValueError, match="y contains NaN or None"):
        cross_val_bounds("stack", X, labels)


def test_masked_entries_of_the_pure_functions():
    """NumPy would use the values under the mask."""
    proba = np.full((150, 3), 1 / 3)
    with pytest.raises(ValueError, match="`y_true` must not have masked entries; got 50"):
        information_bounds(np.ma.masked_equal(Y, 2), proba)
    with pytest.raises(ValueError, match="`y_proba` must not have masked entries; got 3"):
        information_bounds(Y, np.ma.array(proba, mask=proba.cumsum(axis=0) < 0.5))
    with pytest.raises(ValueError, match="`X` must not have masked entries; got 316"):
        cross_val_bounds("stack", np.ma.masked_greater(X, 3), Y)
    with pytest.raises(ValueError, match="`y` must not have masked entries; got 50"):
        cross_val_bounds("stack", X, np.ma.masked_equal(Y, 2))
    tensor = torch.as_tensor(X[::3]).requires_grad_()
    assert cross_val_bounds("stack", tensor, Y[::3]) == cross_val_bounds("stack", X[::3], Y[::3])
    plain = information_bounds(np.ma.array(Y), np.ma.array(proba))
    assert plain.mi_lower == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("labels", [np.array([b"a", b"b", b"c"])[Y]])
def test_bytes_as_labels_are_refused(labels):
    with pytest.raises(TypeError, match="bytes"):
        classifier().fit(X, labels)


@pytest.mark.parametrize(
    "weight, message",
    [
        (np.full(150, np.nan), "sample_weight contains NaN"),
        (np.full(150, np.inf), "sample_weight contains infinity"),
        (np.ones(3), "sample_weight.shape"),
        (np.ones((150, 2)), "1D array or scalar"),
        (["a"] * 150, "must hold real numbers; got dtype <U1"),
        (np.full(150, 1j), "must hold real numbers; got dtype complex128"),
        (np.where(Y == 2, -2.5, 1), "must not be negative; got -2.5 in row 100"),
        (np.ma.masked_equal(Y + 1.0, 3), "`sample_weight` must not have masked entries; got 50"),
    ],
)
def test_weights_that_are_none(fitted, weight, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, Y, sample_weight=weight)
    with pytest.raises(ValueError, match=message):
        fitted.score_bounds(FRAME, Y, sample_weight=weight)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"class_weight": {0: -1.0}}, "`class_weight` must hold finite, non-negative"),
        ({"class_weight": {0: np.nan}}, "`class_weight` must hold finite, non-negative"),
        ({"class_weight": {7: 1.0}}, r"\[0, 1, 2\], are not in class_weight"),
        (
            {"class_weight": {0: 0.0, 1: 0.0, 2: 0.0}},
            "for at least one class of these rows",
        ),
        ({"train_split": 0}, "'train_split' parameter .* Got 0"),
        ({"train_split": 1}, "'train_split' parameter .* Got 1"),
        ({"train_split": 2.0}, "'train_split' parameter .* Got 2.0"),
        ({"train_split": True}, "'train_split' parameter .* Got True"),
        ({"train_split": 0.999}, "train set will be empty"),
        ({"device": "abacus"}, "must be 'auto' or a device of torch; got 'abacus'"),
        ({"lr": np.nan}, "'lr' parameter .* Got nan"),
        ({"lr": np.inf}, "'lr' parameter .* Got inf"),
        ({"random_state": "seed"}, "'random_state' parameter .* Got 'seed'"),
        ({"callbacks": [3]}, "callbacks.* must contain skorch callbacks; got 3"),
        ({"callbacks": [("name", 3)]}, "must contain skorch callbacks; got 3"),
    ],
)
def test_parameters_out_of_range(params, message):
    with pytest.raises(ValueError, match=message):
        classifier(**params).fit(X, Y)


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps", "xpu", "hpu", "meta"])
def test_devices_that_there_are_not(device):
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("needs a machine without a CUDA device")
    kind = device.partition(":")[0].upper()
    message = f"got '{device}', and torch finds no such {kind} device. Use 'auto' or 'cpu'"
    with pytest.raises(ValueError, match=message):
        classifier(device=device).fit(X, Y)


def test_exceptions_of_the_users_own_code_come_out_as_they_are():
    def fail(logits):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        classifier(module=Outputs(fail)).fit(X, Y)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        classifier(module=torch.nn.Linear(7, 3)).fit(X, Y)
    with pytest.raises(TypeError, match="zzz"):
        classifier(optimizer__zzz=1).fit(X, Y)
    with pytest.raises(ValueError, match="empty parameter list"):
        classifier(module=torch.nn.Identity()).fit(X[:, :3], Y)


def test_a_last_batch_of_one_row_and_batch_normalisation():
    module = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3))
    with pytest.raises(ValueError, match="`batch_size` must not leave a single row over.*got 149"):
        classifier(module=module, batch_size=149).fit(X, Y)
    classifier(module=module, batch_size=149, iterator_train__drop_last=True).fit(X, Y)


class Poison(Callback):
    """A callback that makes a weight NaN in the last batch of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_batch_end(self, net, training, **kwargs):
        if training and len(net.history) == self.epoch:
            with torch.no_grad():
                next(net.module_.parameters())[0, 0] = torch.nan


def test_divergence_keeps_the_weights_of_the_last_good_epoch():
    options = {"random_state": 0, "batch_size": 50}
    with pytest.raises(ValueError, match=r"in epoch 3 at lr=0.003. .* weights of epoch 2\."):
        poisoned = InfoSoftmaxClassifier(callbacks=[Poison(3)], max_epochs=5, **options)
        poisoned.fit(X, Y)
    good = InfoSoftmaxClassifier(max_epochs=2, **options).fit(X, Y)
    np.testing.assert_array_equal(poisoned.predict_proba(X), good.predict_proba(X))
    assert len(poisoned.history_) == 2
    # The optimizer's averages were NaN as well, and are reset.
    poisoned.net_.callbacks_.clear()
    poisoned.partial_fit(X, Y)
    assert np.isfinite(poisoned.predict_proba(X)).all()


def test_divergence_in_the_first_epoch_leaves_an_unfitted_classifier():
    clf = InfoSoftmaxClassifier(callbacks=[Poison(1)])
    with pytest.raises(ValueError, match="in epoch 1 at lr=0.003. Scale X, or lower lr.$"):
        clf.fit(X, Y)
    assert not hasattr(clf, "net_")


def test_a_loss_that_is_not_finite_while_the_weights_are():
    with pytest.raises(ValueError, match="Training diverged.* in epoch 1"):
        classifier(module=Outputs(lambda z: z.detach() + torch.nan + 0 * z.clamp(0, 0))).fit(X, Y)


def test_divergence_of_a_chunk_leaves_what_was_learned():
    module = torch.nn.Linear(4, 3)
    clf = InfoSoftmaxClassifier(module, random_state=0).partial_fit(X, Y, classes=[0, 1, 2])
    before = clf.predict_proba(X)
    with pytest.raises(ValueError, match="in epoch 2 .* weights of epoch 1"):
        clf.partial_fit(X * 1e200, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    clf.partial_fit(X, Y)
    assert np.isfinite(clf.predict_proba(X)).all()


def test_weights_too_large_for_a_prediction():
    """The weights are finite, but the logits are not: probabilities must never be NaN."""
    for clf in (classifier(), StochasticInfoClassifier(max_epochs=1, random_state=0)):
        clf.fit(X, Y)
        with torch.no_grad():
            for weight in clf.module_.parameters():
                weight.fill_(1e200)
        for ask in (clf.predict, clf.predict_proba, lambda X, ask=clf: ask.score_bounds(X, Y[1:])):
            with pytest.raises(ValueError, match="must return finite logits; got .* lower lr"):
                ask(X[1:])


def test_logits_of_ten_thousand():
    for scale in (1e4, -1e4):
        module = torch.nn.Linear(4, 3).double()
        with torch.no_grad():
            module.weight.copy_(scale * torch.eye(3, 4))
        for clf in (
            classifier(module=module, lr=1e-9),
            StochasticInfoClassifier(module, lr=1e-9, max_epochs=1, random_state=0),
        ):
            clf.fit(X, Y)
            assert np.isfinite(clf.predict_log_proba(X)).all()
            bounds = clf.score_bounds(X[1:], Y[1:])
            assert np.isfinite([bounds.mi_lower, bounds.log_softmax, bounds.dv]).all()
