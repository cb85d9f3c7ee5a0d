"""Data sets of torch as memory-mapped arrays, which every estimator takes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import DTypeLike
from sklearn.utils import Bunch
from torch.utils.data import DataLoader, Dataset

from .._utils import plain_rows, whole_file

_BATCH_SIZE = 1024


def memory_map(
    data: Dataset | DataLoader, folder: str | os.PathLike, *, dtype: DTypeLike = "float32"
) -> Bunch:
    """Write what a torch Dataset or DataLoader yields to disk, once, and map it into memory.

    The result goes wherever an array goes, e.g. to `fit`, `score_bounds` and `cross_val_bounds`:
    rows are read from disk as they are needed, and never all held in memory.

    Parameters
    ----------
    data : torch.utils.data.Dataset or DataLoader
        Of pairs (x, y), of known length. Random augmentations are drawn once. A DataLoader draws
        its order from its own generator or torch's global one, as in any loop over it.
    folder : str or path-like
        Gets ``data.npy`` and ``target.npy``. It is made if it does not exist.
    dtype : str or dtype, default="float32"
        Dtype of the rows on disk: a real number or bool. Numbers may be rounded to it, but not
        cut off: integers have to be exact, and finite numbers have to stay finite.

    Returns
    -------
    Bunch
        ``data``, a read-only ``numpy.memmap`` of shape (n, ...), and ``target``, an array of
        shape (n,).

    Raises
    ------
    FileExistsError
        If the folder has a ``data.npy`` or a ``target.npy`` already:
        ``numpy.load(path, mmap_mode="r")`` maps it.
    ValueError
        If the length is unknown, or another number of rows comes; if a batch is not a pair; if
        rows are tuples or lists, or labels of a batch both texts and numbers; if
        rows have another shape than those before, labels another dtype, or either a value that
        `dtype` or the dtype of the first labels does not hold; if `dtype` is not a dtype of
        numbers. Nothing is left in the folder.
    OSError
        If the folder cannot be written, e.g. because the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> from torch.utils.data import TensorDataset
    >>> from sksoftinfo import InfoSoftmaxClassifier
    >>> from sksoftinfo.datasets import memory_map
    >>> pairs = TensorDataset(torch.rand(100, 3), torch.arange(100) % 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows = memory_map(pairs, folder)
    ...     clf = InfoSoftmaxClassifier(max_epochs=1).fit(rows.data, rows.target)
    >>> rows.data.shape
    (100, 3)
    """
    loader = data
    if isinstance(data, Dataset):
        # With a generator of its own it leaves torch's global one alone.
        loader = DataLoader(data, batch_size=_BATCH_SIZE, generator=torch.Generator())
    if not isinstance(loader, DataLoader):
        raise ValueError(
            f"`data` must be a torch Dataset or DataLoader; got {type(data).__name__}. Wrap "
            "arrays in torch.utils.data.TensorDataset."
        )
    dtype = _number_dtype(dtype)
    n_samples = _length(loader)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "data.npy", folder / "target.npy"
    for path in paths:
        if path.exists():
            raise FileExistsError(f"{path} exists: map it by numpy.load, or give another folder.")
    # The rows take their name first, and exclusively: of two writers only one gets to the labels.
    with whole_file(paths[1], exclusive=True) as labels:
        with whole_file(paths[0], exclusive=True) as rows:
            target = _write(loader, rows, n_samples, dtype)
            np.save(labels, target)
    return Bunch(data=np.load(paths[0], mmap_mode="r"), target=target)


def _number_dtype(dtype):
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise ValueError(f"`dtype` must be a dtype of numbers; got {dtype!r}.") from error
    if found.kind not in "fiub":
        raise ValueError(
            f"`dtype` must be a dtype of real numbers, such as 'float32'; got {dtype!r}."
        )
    return found


def _length(loader):
    try:
        return len(loader.dataset)
    except TypeError as error:
        raise ValueError(
            f"data={loader.dataset!r} does not say how many rows it has: train on its batches by "
            "partial_fit, or give a Dataset with a length."
        ) from error


def _write(loader, file, n_samples, dtype):
    """Write the rows to a file in NumPy's format, and return the labels."""
    target = shape = None
    n_written = 0
    # Written, not mapped: pages of a map that is written to would stay in memory for a while.
    for batch in loader:
        x, y = _pair(batch)
        if target is None:
            shape = x.shape[1:]
            _write_header(file, dtype, (n_samples, *shape))
            # Texts may be longer in a later batch.
            target = np.empty(n_samples, object if y.dtype.kind == "U" else y.dtype)
            kind = y.dtype
        if x.shape[1:] != shape:
            raise ValueError(
                f"data yields rows of shape {x.shape[1:]} after rows of shape {shape}: give all "
                "rows one shape."
            )
        if y.dtype != kind and not (y.dtype.kind == kind.kind == "U"):
            raise ValueError(
                f"data yields labels of dtype {y.dtype} after labels of dtype {kind}: give all "
                "labels one dtype."
            )
        start, n_written = n_written, n_written + len(x)
        if n_written > n_samples:
            break
        file.write(_converted(x, dtype).data.cast("B"))
        # In one array from the start: small arrays between large ones fragment the memory.
        target[start:n_written] = y
    if n_written != n_samples or not n_samples:
        raise ValueError(
            f"{n_written} rows came from a Dataset of {n_samples}: let the DataLoader give each "
            "row once, without drop_last."
        )
    return np.array(target.tolist()) if target.dtype == object else target


def _pair(batch):
    """Return rows and labels of a batch, as arrays."""
    if not isinstance(batch, list | tuple) or len(batch) != 2:
        raise ValueError(
            f"data yields {type(batch).__name__} where a pair (x, y) is needed: let the Dataset "
            "return a row and its label."
        )
    if isinstance(batch[0], list | tuple) and not all(isinstance(part, str) for part in batch[0]):
        # torch makes columns of such rows, which look like rows where there are as many of them.
        raise ValueError(
            f"data yields rows as a {type(batch[0]).__name__}: let the Dataset return a tensor or "
            "an array as a row."
        )
    _check_texts(batch[1])
    try:
        x, y = (np.asarray(plain_rows(part)) for part in batch)
    except ValueError as error:
        raise ValueError(
            "data yields a batch that is not an array: give all rows one shape."
        ) from error
    if x.dtype.kind not in "fiub":
        raise ValueError(f"data yields rows of dtype {x.dtype}, which are not real numbers.")
    if y.dtype.kind not in "fiubU":
        raise ValueError(
            f"data yields labels of dtype {y.dtype}: give numbers, bools or texts as labels."
        )
    if x.ndim < 1 or y.shape != x.shape[:1]:
        raise ValueError(
            f"data yields labels of shape {y.shape} with rows of shape {x.shape}: give one label "
            "for each row."
        )
    return x, y


def _check_texts(labels):
    """Raise ValueError for texts that NumPy would make equal, or make of numbers."""
    if not isinstance(labels, list | tuple):
        return
    are_texts = [isinstance(label, str) for label in labels]
    if any(are_texts) and not all(are_texts):
        raise ValueError("data yields texts and numbers as labels of a batch: give one kind.")
    if any(label.endswith("\0") for label in labels if isinstance(label, str)):
        raise ValueError(
            "data yields a label that ends with a null character, which NumPy cuts off: give "
            "labels without it."
        )


def _converted(x, dtype):
    """Return rows in another dtype, contiguous; refuse a value that it does not hold."""
    with np.errstate(all="ignore"):
        converted = np.ascontiguousarray(x, dtype=dtype)
        if dtype.kind == "f":
            held = np.isfinite(converted) | ~np.isfinite(x)
        else:
            held = converted == x
    if not held.all():
        raise ValueError(
            f"data yields the value {x[~held][0]}, which `dtype`={str(dtype)!r} does not hold: "
            "scale the rows, or give another dtype."
        )
    return converted


def _write_header(file, dtype, shape):
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
