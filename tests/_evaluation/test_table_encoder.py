import builtins

import numpy as np
import pytest

from sksoftinfo._evaluation.table_encoder import is_raw_frame, make_table_encoder

pd = pytest.importorskip("pandas")

N = 120


@pytest.fixture(scope="module")
def frame():
    return pd.DataFrame(
        {
            "number": pd.array([1, 2, None] * (N // 3), dtype="Int64"),
            "outlier": [1e30, *np.linspace(0, 1, N - 1)],
            "category": pd.Series(["x", "y", None] * (N // 3), dtype=object),
            "date": pd.date_range("2020-01-01", periods=N),
            "text": [f"case {i}" for i in range(N)],
            "constant": [1.0] * N,
        }
    )


def test_all_kinds_of_columns_become_finite_numbers(frame):
    pytest.importorskip("skrub")
    encoder = make_table_encoder()
    encoded = encoder.fit_transform(frame)
    assert np.isfinite(encoded).all()
    assert len(encoded) == N
    # The outlier is encoded as a moderately large value.
    assert np.asarray(encoded)[:, 1].max() <= 10
    # Categories are unknown, and values are missing in columns that were complete in `fit`.
    other = frame.assign(category="z", outlier=np.nan, text=None)
    assert np.isfinite(encoder.transform(other)).all()
    assert encoder.transform(other).shape == encoded.shape


def test_the_same_frame_is_encoded_alike(frame):
    pytest.importorskip("skrub")
    first, again = (make_table_encoder().fit_transform(frame) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    "table, raw",
    [
        (pd.DataFrame({"a": [1, 2.5]}), False),
        (pd.DataFrame({"a": [1, np.nan]}), True),
        (pd.DataFrame({"a": [1, np.inf]}), False),
        (pd.DataFrame({"a": ["x", "y"]}), True),
        (pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}), True),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), True),
        (pd.DataFrame({"a": []}), False),
        (np.array([[np.nan]]), False),
        ([[1.0]], False),
    ],
)
def test_which_tables_are_raw(table, raw):
    assert is_raw_frame(table) is raw


def test_what_to_install(monkeypatch):
    real = builtins.__import__

    def without_skrub(name, *args, **kwargs):
        if name == "skrub":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_skrub)
    with pytest.raises(ImportError, match=r"pip install .sksoftinfo\[table\]"):
        make_table_encoder()
