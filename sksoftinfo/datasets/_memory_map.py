"""Conversion of torch data sets to memory-mapped arrays."""

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
    """Write the rows of a torch Dataset or DataLoader to disk, and map them into memory.

    The result can be passed wherever an array can, e.g. to ``fit``, `sksoftinfo.score_bounds` and
    `sksoftinfo.cross_val_bounds`. Rows are read from disk when needed and are never all in memory.
    If writing fails, partial files are removed.

    Parameters
    ----------
    data : torch.utils.data.Dataset or DataLoader
        Data set of pairs (x, y), of known length. Random augmentations are drawn once. The rows of
        a DataLoader that shuffles are written in the shuffled order.
    folder : str or path-like
        Folder for ``data.npy`` and ``target.npy``; created if it does not exist.
    dtype : str or dtype, default="float32"
        Dtype of the rows on disk, a real or boolean dtype. A float dtype may round fractions, but
        has to represent integers exactly, and finite numbers have to stay finite.

    Returns
    -------
    sklearn.utils.Bunch
        ``data``, a read-only ``numpy.memmap`` of shape (n, ...) that reads from the folder, and
        ``target``, an array of shape (n,) in memory.

    Raises
    ------
    FileExistsError
        If the folder already contains ``data.npy`` or ``target.npy``. Use
        ``numpy.load(path, mmap_mode="r")`` to map an existing file.
    ValueError
        If `data` is neither a Dataset nor a DataLoader, has no rows, or has a length that is
        unknown or differs from the number of rows.
    ValueError
        If a batch is not a pair, if rows are tuples or lists, or if the shape of rows changes.
    ValueError
        If labels are neither numbers nor strings, are both, end in a null character, or change
        their dtype.
    ValueError
        If `dtype` is not a real or boolean dtype, or cannot represent a value.
    OSError
        If the folder cannot be written, e.g. because the disk is full.

    See Also
    --------
    sksoftinfo.cross_val_bounds : Compute bounds, also of mapped rows.

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
        # A separate generator leaves the state of torch's global generator unchanged.
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
            raise FileExistsError(
                f"`folder` must not contain earlier files; got {path}. Map it by "
                "numpy.load(path, mmap_mode='r'), or pass another folder."
            )
    # The file of rows is created exclusively and first, so only one of two writers succeeds.
    with whole_file(paths[1], exclusive=True) as labels:
        with whole_file(paths[0], exclusive=True) as rows:
            target = _write(loader, rows, n_samples, dtype)
            np.save(labels, target)
    return Bunch(data=np.load(paths[0], mmap_mode="r"), target=target)


def _number_dtype(dtype):
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.kind not in "fiub":
        raise ValueError(
            f"`dtype` must be a real or boolean dtype; got {dtype!r}. Use e.g. 'float32'."
        )
    return found


def _length(loader):
    try:
        return len(loader.dataset)
    except TypeError as error:
        raise ValueError(
            f"`data` must have a length; got {loader.dataset!r}. Train on its batches by "
            "partial_fit, or pass a Dataset with a length."
        ) from error


def _write(loader, file, n_samples, dtype):
    """Write the rows to a file in NumPy's format, and return the labels as an array."""
    target = shape = None
    n_written = 0
    # The file is written, not mapped, because written pages of a map would stay in memory.
    for batch in loader:
        x, y = _pair(batch)
        if target is None:
            shape = x.shape[1:]
            _write_header(file, dtype, (n_samples, *shape))
            # Strings may be longer in a later batch.
            target = np.empty(n_samples, object if y.dtype.kind == "U" else y.dtype)
            kind = y.dtype
        if x.shape[1:] != shape:
            raise ValueError(
                f"`data` must have rows of one shape; got rows of shape {x.shape[1:]} after rows "
                f"of shape {shape}. Convert all rows to one shape."
            )
        if y.dtype != kind and not (y.dtype.kind == kind.kind == "U"):
            raise ValueError(
                f"`data` must have labels of one dtype; got labels of dtype {y.dtype} after "
                f"labels of dtype {kind}. Convert all labels to one dtype."
            )
        start, n_written = n_written, n_written + len(x)
        if n_written > n_samples:
            break
        file.write(_converted(x, dtype).data.cast("B"))
        # One array from the start, since many small arrays would fragment the memory.
        target[start:n_written] = y
    if n_written != n_samples or not n_samples:
        raise ValueError(
            f"`data` must yield each row once; got {n_written} rows from a Dataset of {n_samples}"
            ". Use a DataLoader without drop_last, and a Dataset with rows."
        )
    return np.array(target.tolist()) if target.dtype == object else target


def _pair(batch):
    """Return rows and labels of a batch, as arrays."""
    if not isinstance(batch, list | tuple) or len(batch) != 2:
        raise ValueError(
            f"`data` must yield pairs (x, y); got an object of class "
            f"{type(batch).__name__}. Return a row and its label from the Dataset."
        )
    if isinstance(batch[0], list | tuple) and not all(isinstance(part, str) for part in batch[0]):
        # torch collates such rows to columns, which resemble rows if there are equally many.
        raise ValueError(
            f"`data` must have tensors or arrays as rows; got rows as a {type(batch[0]).__name__}"
            ". Return a tensor or an array from the Dataset."
        )
    _check_texts(batch[1])
    try:
        x, y = (np.asarray(plain_rows(part)) for part in batch)
    except ValueError as error:
        raise ValueError(
            "`data` must yield batches that are arrays; got one that is not. Convert all rows to "
            "one shape."
        ) from error
    if x.dtype.kind not in "fiub":
        raise ValueError(
            f"`data` must have rows of real numbers; got rows of dtype {x.dtype}. Convert them to "
            "numbers."
        )
    if y.dtype.kind not in "fiubU":
        raise ValueError(
            "`data` must have numbers, booleans or strings as labels; got labels of dtype "
            f"{y.dtype}. Convert them to one of these."
        )
    if x.ndim < 1 or y.shape != x.shape[:1]:
        raise ValueError(
            f"`data` must have one label for each row; got labels of shape {y.shape} with rows of "
            f"shape {x.shape}. Return the index of the class as a label."
        )
    return x, y


def _check_texts(labels):
    """Raise ValueError for strings that NumPy would merge, or mix with numbers."""
    if not isinstance(labels, list | tuple):
        return
    are_texts = [isinstance(label, str) for label in labels]
    if any(are_texts) and not all(are_texts):
        raise ValueError(
            "`data` must have labels of one type; got strings and numbers in a batch. Convert "
            "them to one type."
        )
    if wrong := [label for label in labels if isinstance(label, str) and label.endswith("\0")]:
        raise ValueError(
            "`data` must not have labels that end in a null character, which NumPy drops; got "
            f"{wrong[0]!r}. Strip the character, or rename these labels."
        )


def _converted(x, dtype):
    """Return contiguous rows in another dtype; raise ValueError if it cannot represent a value."""
    with np.errstate(all="ignore"):
        converted = np.ascontiguousarray(x, dtype=dtype)
        if dtype.kind == "f" and x.dtype.kind in "iu":
            # Rounding up may leave the range of the integers, where casting is undefined.
            in_range = converted < float(np.iinfo(x.dtype).max + 1)
            held = in_range & (converted.astype(x.dtype) == x)
        elif dtype.kind == "f":
            held = np.isfinite(converted) | ~np.isfinite(x)
        else:
            held = converted == x
    if not held.all():
        raise ValueError(
            f"`dtype` must represent all values of the rows; got {str(dtype)!r} and the value "
            f"{x[~held][0]}. Scale the rows, or choose another dtype."
        )
    return converted


def _write_header(file, dtype, shape):
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
