"""Data larger than memory: fit, bounds and transform under a cap that is below the data's size."""

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
        # Yield rows of the three classes in turn.
        return iter(torch.utils.data.Subset(PAIRS, np.arange(150).reshape(3, 50).T.ravel()))


def test_what_cannot_be_mapped(tmp_path):
    with pytest.raises(ValueError, match="`data` must have a length; got .* partial_fit"):
        memory_map(Stream(), tmp_path)
    with pytest.raises(ValueError, match="must be a torch Dataset or DataLoader; got ndarray"):
        memory_map(X, tmp_path)
    with pytest.raises(ValueError, match="120 rows from a Dataset of 150"):
        memory_map(DataLoader(PAIRS, batch_size=60, drop_last=True), tmp_path)
    twice = torch.utils.data.RandomSampler(PAIRS, replacement=True, num_samples=300)
    with pytest.raises(ValueError, match="160 rows from a Dataset of 150"):
        memory_map(DataLoader(PAIRS, batch_size=40, sampler=twice), tmp_path)
    with pytest.raises(ValueError, match="0 rows from a Dataset of 0"):
        memory_map(torch.utils.data.Subset(PAIRS, []), tmp_path)
    assert not list(tmp_path.iterdir())
    memory_map(PAIRS, tmp_path)
    with pytest.raises(FileExistsError, match=r"numpy.load\(path, mmap_mode='r'\)"):
        memory_map(PAIRS, tmp_path)


class Rows(torch.utils.data.Dataset):
    """A data set of the items of a list, in batches of one."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


def items(*pairs):
    return DataLoader(Rows(*pairs), batch_size=1)


ROW = torch.zeros(3)
FAULTS = {
    "longer row": (items((ROW, 0), (torch.zeros(4), 0)), "rows of shape .4,. after .* .3,."),
    "row of other form": (items((ROW, 0), (torch.zeros(1, 3), 0)), "rows of shape .1, 3. after"),
    "row that broadcasts": (items((ROW, 0), (torch.zeros(1), 0)), "rows of shape .1,. after"),
    "integers, then a fraction": (items((ROW, 0), (ROW, 0.7)), "dtype float64 after .* int64"),
    "bool, then a number": (items((ROW, True), (ROW, 2)), "dtype int64 after labels of .* bool"),
    "int8, then 300": (
        items((ROW, torch.tensor(1, dtype=torch.int8)), (ROW, torch.tensor(300))),
        "dtype int64 after labels of dtype int8",
    ),
    "number, then a text": (items((ROW, 1), (ROW, "1")), "dtype <U1 after labels of dtype int64"),
    "text, then a number": (items((ROW, "1"), (ROW, 1)), "dtype int64 after labels of dtype <U1"),
    "one-hot labels": (items((ROW, torch.eye(2)[0])), r"labels of shape .1, 2. with rows of"),
    "complex labels": (items((ROW, torch.tensor(1j))), "labels of dtype complex64"),
    "complex rows": (items((ROW * 1j, 0)), "real numbers; got rows of dtype complex64"),
    "texts as rows": (items(("abc", 0)), "real numbers; got rows of dtype <U3"),
    "rows alone": (
        DataLoader(Rows(ROW, ROW), batch_size=2),
        "got an object of class Tensor",
    ),
    "triples": (items((ROW, 0, 1)), "got an object of class list"),
    "dicts": (items({"x": ROW, "y": 0}), "got an object of class dict"),
    "tuples as rows": (DataLoader(Rows(((1.0, 2.0), 0), ((3.0, 4.0), 1)), batch_size=2), "a list"),
    "lists as rows": (items(([1, 1], 0), ([0.5, 0.5], 0)), "rows as a list"),
    "texts and a number": (
        DataLoader(Rows((ROW, "a"), (ROW, "b"), (ROW, 7)), batch_size=3),
        "got strings and numbers in a batch",
    ),
    "null characters": (
        DataLoader(Rows((ROW, "a"), (ROW, "a\0")), batch_size=2),
        "end in a null character, which NumPy drops; got '.*x00'",
    ),
    "too large": (items((ROW, 0), (torch.full((3,), 1e300, dtype=torch.float64), 0)), "1e.300"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_rows_and_labels_that_change_are_refused(fault, tmp_path):
    data, message = FAULTS[fault]
    with pytest.raises(ValueError, match=message):
        memory_map(data, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "value, dtype, held",
    [
        (300, "uint8", False),
        (-1, "uint8", False),
        (255, "uint8", True),
        (0.7, "int64", False),
        (np.nan, "int32", False),
        (3.0, "int32", True),
        (2, "bool", False),
        (1, "bool", True),
        (70_000, "float16", False),
        (0.1, "float16", True),
        (2**24, "float32", True),
        (2**24 + 1, "float32", False),
        (2**63 - 1, "float64", False),
        (-(2**63), "float64", True),
        (-1, "uint64", False),
        (np.nan, "float32", True),
        (np.inf, "float32", True),
    ],
)
def test_values_that_the_dtype_does_not_hold_are_refused(value, dtype, held, tmp_path):
    data = items((torch.tensor([value]), 0))
    if held:
        row = memory_map(data, tmp_path, dtype=dtype).data[0]
        np.testing.assert_array_equal(row, np.array([value]).astype(dtype))
        return
    with pytest.raises(ValueError, match=f"`dtype` must represent .*; got '{dtype}'"):
        memory_map(data, tmp_path, dtype=dtype)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [object, "U3", "complex64", "datetime64[s]", "nothing", "V8"])
def test_dtypes_that_are_not_of_numbers(dtype, tmp_path):
    with pytest.raises(ValueError, match="`dtype` must be a real or boolean dtype"):
        memory_map(PAIRS, tmp_path / "folder", dtype=dtype)
    assert not list(tmp_path.iterdir())


def test_rows_of_bfloat16_and_with_gradients(tmp_path):
    row = torch.tensor([1.5, 2.5], requires_grad=True)
    rows = memory_map(Rows((row.bfloat16().detach(), 0), (row.bfloat16(), 1)), tmp_path)
    np.testing.assert_array_equal(rows.data, [[1.5, 2.5]] * 2)


def test_the_global_generator_is_left_alone(tmp_path):
    before = torch.get_rng_state()
    memory_map(PAIRS, tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["data.npy", "target.npy", "data.npy.part"])
def test_files_of_the_user_are_left_alone(name, tmp_path):
    (tmp_path / name).write_bytes(b"of the user")
    if name.endswith("part"):
        memory_map(PAIRS, tmp_path)
    else:
        with pytest.raises(FileExistsError, match=name):
            memory_map(PAIRS, tmp_path)
    assert (tmp_path / name).read_bytes() == b"of the user"


class WritesItself(Rows):
    """While the rows are read, another process maps other rows into the same folder."""

    def __getitem__(self, row):
        if not self.folder.joinpath("data.npy").exists():
            memory_map(Rows((torch.ones(2), 7)), self.folder)
        return super().__getitem__(row)


def test_two_that_write_into_one_folder(tmp_path):
    rows = WritesItself((ROW, 0), (ROW, 1))
    rows.folder = tmp_path
    with pytest.raises(FileExistsError):
        memory_map(rows, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npy", "target.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "data.npy"), [[1.0, 1.0]])
    np.testing.assert_array_equal(np.load(tmp_path / "target.npy"), [7])


def test_partial_fit_on_the_batches_of_a_loader():
    """Training on chunks equals training on all rows, and so does a stream without a length."""
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
clf = InfoSoftmaxClassifier(max_epochs=1, batch_size=1024, device="cpu", random_state=0).fit(*few)
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
    """Use 128,000 rows of 256 columns, 131 MB, in 64 MiB beyond the memory of the libraries."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "done\n"
