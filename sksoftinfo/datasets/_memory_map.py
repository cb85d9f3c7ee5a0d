"""Data sets of torch as memory-mapped arrays, which every estimator takes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike
from sklearn.utils import Bunch
from torch.utils.data import DataLoader, Dataset

_BATCH_SIZE = 1024


def memory_map(
    data: Dataset | DataLoader, folder: str | os.PathLike, *, dtype: DTypeLike = "float32"
) -> Bunch:
    """Write what a torch Dataset or DataLoader yields to disk, once, and map it into memory.

    The result goes wherever an array goes, as to `fit`, `score_bounds` and `cross_val_bounds`:
    rows are read from disk as they are needed, and never all held in memory.

    Parameters
    ----------
    data : torch.utils.data.Dataset or DataLoader
        Of pairs (x, y), of known length. Random augmentations are drawn once.
    folder : str or path-like
        Gets ``data.npy`` and ``target.npy``. Made where it does not exist.
    dtype : str or dtype, default="float32"
        Of the rows.

    Returns
    -------
    Bunch
        ``data``, a read-only ``numpy.memmap`` of shape (n, ...), and ``target``, an array of
        shape (n,).

    Raises
    ------
    FileExistsError
        If the folder has a ``data.npy`` already: ``numpy.load(path, mmap_mode="r")`` maps it.
    ValueError
        If the length is unknown, or another number of rows comes.

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
        loader = DataLoader(data, batch_size=_BATCH_SIZE)
    if not isinstance(loader, DataLoader):
        raise ValueError(f"data={data!r} is neither a torch Dataset nor a DataLoader.")
    n_samples = _length(loader)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "data.npy"
    if path.exists():
        raise FileExistsError(f"{path} exists: map it by numpy.load, or give another folder.")
    part = folder / "data.npy.part"
    try:
        target = _write(loader, part, n_samples, dtype)
        np.save(folder / "target.npy", target)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Bunch(data=np.load(path, mmap_mode="r"), target=target)


def _length(loader):
    try:
        return len(loader.dataset)
    except TypeError as error:
        raise ValueError(
            f"data={loader.dataset!r} does not say how many rows it has: train on its batches by "
            "partial_fit, or give a Dataset with a length."
        ) from error


def _write(loader, path, n_samples, dtype):
    """Write the rows to a file in NumPy's format, and return the labels."""
    target = np.empty(0)
    n_written = 0
    # Written, not mapped: pages of a map that is written to would stay in memory for a while.
    with open(path, "wb") as file:
        for x, y in loader:
            x, y = np.ascontiguousarray(x, dtype=dtype), np.asarray(y)
            if not n_written:
                _write_header(file, x.dtype, (n_samples, *x.shape[1:]))
                # Texts may be longer in a later batch.
                target = np.empty(n_samples, object if y.dtype.kind == "U" else y.dtype)
            start, n_written = n_written, n_written + len(x)
            if n_written > n_samples:
                break
            file.write(x.data.cast("B"))
            # In one array from the start: small arrays between large ones fragment the memory.
            target[start:n_written] = y
    if n_written != n_samples or not n_samples:
        raise ValueError(
            f"{n_written} rows came from a Dataset of {n_samples}: let the DataLoader give each "
            "row once, without drop_last."
        )
    return np.array(target.tolist()) if target.dtype == object else target


def _write_header(file, dtype, shape):
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
