"""Data larger than memory: fit, bounds and transform under a cap that the data exceed."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo.datasets import memory_map

X, Y = load_iris(return_X_y=True)
PAIRS = TensorDataset(torch.as_tensor(X), torch.as_tensor(Y))


@pytest.mark.parametrize("batch_size", [None, 40])
def test_rows_and_labels_as_they_come(tmp_path, batch_size):
    data = PAIRS if batch_size is None else DataLoader(PAIRS, batch_size=batch_size)
    rows = memory_map(data, tmp_path / "new" / "folder", dtype="float64")
    assert isinstance(rows.data, np.memmap) and not rows.data.flags.writeable
    np.testing.assert_array_equal(rows.data, X)
    np.testing.assert_array_equal(rows.target, Y)
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == ["data.npy", "target.npy"]
    options = {"max_epochs": 2, "random_state": 0}
    np.testing.assert_array_equal(
        InfoSoftmaxClassifier(**options).fit(rows.data, rows.target).predict_proba(rows.data),
        InfoSoftmaxClassifier(**options).fit(X, Y).predict_proba(X),
    )


class Texts(torch.utils.data.Dataset):
    def __init__(self, names):
        self.names = names

    def __len__(self):
        return len(self.names)

    def __getitem__(self, row):
        return X[row], str(self.names[row])


def test_texts_as_labels(tmp_path):
    names = np.array(["a", "bb", "ccc"])[Y]
    rows = memory_map(DataLoader(Texts(names), batch_size=50), tmp_path)
    np.testing.assert_array_equal(rows.target, names)


class Stream(IterableDataset):
    def __iter__(self):
        # Of each class in turn.
        return iter(torch.utils.data.Subset(PAIRS, np.arange(150).reshape(3, 50).T.ravel()))


def test_what_cannot_be_mapped(tmp_path):
    with pytest.raises(ValueError, match="does not say how many rows it has: .* partial_fit"):
        memory_map(Stream(), tmp_path)
    with pytest.raises(ValueError, match="neither a torch Dataset nor a DataLoader"):
        memory_map(X, tmp_path)
    with pytest.raises(ValueError, match="120 rows came from a Dataset of 150"):
        memory_map(DataLoader(PAIRS, batch_size=60, drop_last=True), tmp_path)
    twice = torch.utils.data.RandomSampler(PAIRS, replacement=True, num_samples=300)
    with pytest.raises(ValueError, match="160 rows came from a Dataset of 150"):
        memory_map(DataLoader(PAIRS, batch_size=40, sampler=twice), tmp_path)
    with pytest.raises(ValueError, match="0 rows came from a Dataset of 0"):
        memory_map(torch.utils.data.Subset(PAIRS, []), tmp_path)
    assert not list(tmp_path.iterdir())
    memory_map(PAIRS, tmp_path)
    with pytest.raises(FileExistsError, match="numpy.load"):
        memory_map(PAIRS, tmp_path)


def test_partial_fit_on_the_batches_of_a_loader():
    """A pass over chunks learns as a pass over all, and so does a stream without a length."""
    loader = DataLoader(Stream(), batch_size=50)
    clf = InfoSoftmaxClassifier(lr=0.02, dtype="float64", random_state=0)
    for _ in range(30):
        for x, y in loader:
            clf.partial_fit(x, y, classes=[0, 1, 2])
    assert len(clf.history_) == 90
    assert clf.score(X, Y) > 0.9
    np.testing.assert_allclose(clf.train_prior_, 1 / 3)


SCRIPT = """
import resource, sys
import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler
from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo.datasets import memory_map

ROWS, COLUMNS, CAP = 128_000, 256, 64 << 20

class Rows(Dataset):
    def __len__(self):
        return ROWS

    def __getitem__(self, rows):
        y = torch.as_tensor(rows) % 3
        generator = torch.Generator().manual_seed(int(rows[0]))
        x = torch.randn((len(y), COLUMNS), generator=generator)
        x[:, :64] += 0.25 * (y - 1)[:, None]
        return x, y

def masker(clf, X, y):
    options = {"target": 2, "patch_size": 64, "stride": 64, "patch_scoring": "paste"}
    return InfoMaskTransformer(FrozenEstimator(clf), random_state=0, **options).fit(X, y)

# Libraries allocate what they need at first use.
few = Rows()[np.arange(600)]
clf = InfoSoftmaxClassifier(max_epochs=1, batch_size=1024, random_state=0).fit(*few)
clf.score_bounds(few[0][:9], few[1][:9])
masker(clf, *few).transform(few[0])
with open("/proc/self/status") as status:
    used = next(int(line.split()[1]) for line in status if line.startswith("VmData")) << 10
resource.setrlimit(resource.RLIMIT_DATA, (used + CAP, used + CAP))

batches = BatchSampler(SequentialSampler(range(ROWS)), 1000, drop_last=False)
rows = memory_map(DataLoader(Rows(), sampler=batches, batch_size=None), sys.argv[1])
X, y = rows.data, rows.target
assert X.nbytes > 1.9 * CAP
try:
    np.array(X)
except MemoryError:
    pass
else:
    raise AssertionError("the cap does not hold")
half = ROWS // 2
clf.fit(X[:half], y[:half])
bounds = clf.score_bounds(X[half:], y[half:])
assert 0.5 < bounds.mi_lower < bounds.label_entropy, bounds
# All of it, so that more than the cap is read.
clf.fit(X, y, sample_weight=np.ones(ROWS))
assert clf.score_bounds(X, y, reference_prior="uniform").mi_lower > 0.5
kept = masker(clf, X[:600], y[:600])
with open(sys.argv[1] + "/masked.raw", "wb") as file:
    for start in range(0, ROWS, 4000):
        kept.transform(X[start : start + 4000]).tofile(file)
out = np.memmap(sys.argv[1] + "/masked.raw", np.float32, "r", shape=X.shape)
assert 0.01 < (out[-4000:] != 0).mean() < 0.9
assert np.array_equal(out[-4000:], kept.transform(np.array(X[-4000:])))
print("done")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the cap is Linux's RLIMIT_DATA")
def test_under_a_memory_cap(tmp_path):
    """128,000 rows of 256 columns, 131 MB, in 64 MiB beyond what the libraries take."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "done\n"
