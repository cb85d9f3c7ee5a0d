"""`ArrayBatches` against torch's ``DataLoader``, and the rows that it copies."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skorch.dataset import Dataset
from torch.utils.data import DataLoader, Subset

from sksoftinfo._networks import batches as _batches
from sksoftinfo._networks.batches import ArrayBatches, whole_batches


def rows(n, d=3):
    return np.arange(n * d, dtype=np.float64).reshape(n, d), np.arange(n)


def passes(batches, n_passes=3):
    return [[(x.clone(), y.clone()) for x, y in batches] for _ in range(n_passes)]


@pytest.mark.parametrize("generator", [None, 1])
def test_orders_are_drawn_on_the_host_whatever_the_default_device(generator):
    X, y = rows(12)
    orders = []
    for device in ("cpu", "meta"):
        torch.manual_seed(0)
        seeded = generator and torch.Generator().manual_seed(generator)
        with torch.device(device):
            batches = ArrayBatches(X, y, batch_size=5, shuffle=True, generator=seeded)
            orders.append([label.tolist() for _, label in batches])
    assert orders[0] == orders[1]


@given(
    n=st.integers(1, 40),
    batch_size=st.integers(1, 45),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    subset=st.booleans(),
    chunk_bytes=st.integers(1, 400),
)
@settings(max_examples=60, deadline=None)
def test_gives_what_a_data_loader_gives(n, batch_size, shuffle, drop_last, subset, chunk_bytes):
    """The rows and their order agree in each pass, however many rows are gathered at once."""
    X, y = rows(n)
    dataset = Dataset(X, y)
    if subset:
        # Use a subset of a subset, such as a validation split of a validation split.
        dataset = Subset(Subset(dataset, np.arange(n)[::-1]), np.arange(n)[: max(1, n // 2)])
    options = {"batch_size": batch_size, "shuffle": shuffle, "drop_last": drop_last}
    kept, _batches._CHUNK_BYTES = _batches._CHUNK_BYTES, chunk_bytes
    try:
        ours = whole_batches(dataset, generator=torch.Generator().manual_seed(1), **options)
        found = passes(ours)
    finally:
        _batches._CHUNK_BYTES = kept
    loader = DataLoader(dataset, generator=torch.Generator().manual_seed(1), **options)
    assert isinstance(ours, ArrayBatches) and len(ours) == len(loader)
    for mine, theirs in zip(found, passes(loader), strict=True):
        assert len(mine) == len(theirs)
        for (x, label), (other, other_label) in zip(mine, theirs, strict=True):
            torch.testing.assert_close(x, other, rtol=0, atol=0)
            torch.testing.assert_close(label, other_label, rtol=0, atol=0)


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


@pytest.mark.parametrize(
    "form",
    [
        read_only,
        np.asfortranarray,
        lambda X: X[::-1].copy()[::-1],
        lambda X: np.repeat(X, 2, axis=0)[::2],
        torch.from_numpy,
    ],
    ids=["read-only", "Fortran", "backwards", "strided", "tensor"],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_any_memory_layout(form, shuffle, recwarn):
    X, y = rows(10)
    batches = ArrayBatches(
        form(X), y, batch_size=4, shuffle=shuffle, generator=torch.Generator().manual_seed(0)
    )
    found = {
        int(label): x for part, labels in batches for x, label in zip(part, labels, strict=True)
    }
    for label in range(10):
        np.testing.assert_array_equal(found[label], X[label])
    assert not recwarn.list  # torch would warn about read-only memory.


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_are_copies(kind, shuffle):
    X, y = rows(10)
    given = kind(X)
    for x, _ in ArrayBatches(given, y, batch_size=4, shuffle=shuffle):
        x -= 100
    np.testing.assert_array_equal(np.asarray(given), rows(10)[0])


def test_memmap_is_read_chunk_by_chunk(tmp_path):
    X = np.memmap(tmp_path / "X", dtype="float32", mode="w+", shape=(50, 2))
    X[:] = np.arange(100).reshape(50, 2)
    X = np.memmap(tmp_path / "X", dtype="float32", mode="r", shape=(50, 2))
    for shuffle in (False, True):
        batches = ArrayBatches(X, None, batch_size=8, shuffle=shuffle)
        assert sum(x.sum() for x, _ in batches) == X.sum()


def test_weights_travel_with_their_rows():
    X, y = rows(9)
    weight = y / 10
    batches = ArrayBatches({"X": X, "sample_weight": weight}, y, batch_size=2, shuffle=True)
    for x, label in batches:
        assert x.keys() == {"X", "sample_weight"}
        torch.testing.assert_close(x["sample_weight"], label.double() / 10)


def test_what_is_no_array_goes_to_a_data_loader():
    X, y = rows(6)

    class Doubled(Dataset):
        def transform(self, X, y):
            return 2 * X, y

    assert isinstance(whole_batches(Doubled(X, y), 2), DataLoader)
    assert isinstance(whole_batches(Dataset(X, y), 2, num_workers=0), DataLoader)


def test_rows_stay_on_the_gpu_where_they_fit(cuda, monkeypatch):
    X, y = rows(100)
    options = {"batch_size": 7, "shuffle": True, "device": "cuda"}

    def batches():
        generator = torch.Generator().manual_seed(0)
        return ArrayBatches(X, y, generator=generator, resident=True, **options)

    resident = [(x.cpu(), label.cpu()) for x, label in batches()]
    monkeypatch.setattr(_batches, "_RESIDENT_SHARE", 0.0)
    streamed = [(x.cpu(), label.cpu()) for x, label in batches()]
    for (x, label), (other, other_label) in zip(resident, streamed, strict=True):
        torch.testing.assert_close(x, other, rtol=0, atol=0)
        torch.testing.assert_close(label, other_label, rtol=0, atol=0)
