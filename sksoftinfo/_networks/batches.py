"""Batches of arrays in memory, each indexed and copied as a whole."""

from __future__ import annotations

import math

import numpy as np
import torch
from skorch.dataset import Dataset
from torch.utils.data import DataLoader, Subset

from .device import upload

# A shuffled pass gathers about this many bytes of rows in one go, and cuts its batches from them:
# few enough to stay in the processor's cache, whatever the number of rows.
_CHUNK_BYTES = 1 << 20
# Share of a GPU's free memory that the training rows may take.
_RESIDENT_SHARE = 0.5


def whole_batches(
    dataset, batch_size, shuffle=False, generator=None, device="cpu", resident=False, **kwargs
):
    """Return batches of a dataset: `ArrayBatches` if it is in memory, else a ``DataLoader``."""
    source, rows = dataset, None
    while isinstance(source, Subset):
        indices = np.asarray(source.indices)
        rows = indices if rows is None else indices[rows]
        source = source.dataset
    if kwargs.keys() - {"drop_last"} or not _is_in_memory(source):
        return DataLoader(
            dataset, batch_size=batch_size, shuffle=shuffle, generator=generator, **kwargs
        )
    return ArrayBatches(
        source.X,
        source.y,
        rows,
        batch_size=batch_size,
        shuffle=shuffle,
        generator=generator,
        device=device,
        resident=resident,
        **kwargs,
    )


def _is_in_memory(dataset):
    if type(dataset) is not Dataset:
        return False
    parts = list(dataset.X.values()) if isinstance(dataset.X, dict) else [dataset.X]
    parts += [] if dataset.y is None else [dataset.y]
    return all(isinstance(part, np.ndarray | torch.Tensor) for part in parts)


class ArrayBatches:
    """Batches of rows, as a ``DataLoader`` with the same generator would give them.

    The default collation of a ``DataLoader`` fetches and stacks one row at a time, which costs
    more than a small network's forward and backward pass.

    Parameters
    ----------
    X : ndarray or tensor of shape (n, ...), or dict of such
    y : ndarray or tensor of shape (n,), or None
        Labels; ``None`` yields zeros.
    rows : ndarray of int, default=None
        Indices of the rows to use, in order; ``None`` uses all rows.
    batch_size : int
    shuffle : bool, default=False
        Whether each pass shuffles the rows anew.
    generator : torch.Generator, default=None
        Generator of the random orders.
    drop_last : bool, default=False
        Whether to leave out a last batch that is smaller than the others.
    device : str or torch.device, default="cpu"
        Device of the batches.
    resident : bool, default=False
        Whether to keep all rows on `device`, if they fit into half of its free memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._networks.batches import ArrayBatches
    >>> [x.tolist() for x, _ in ArrayBatches(np.arange(5), None, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        X,
        y,
        rows=None,
        *,
        batch_size,
        shuffle=False,
        generator=None,
        drop_last=False,
        device="cpu",
        resident=False,
    ):
        self._names = list(X) if isinstance(X, dict) else None
        arrays = list(X.values()) if isinstance(X, dict) else [X]
        self._has_labels = y is not None
        if self._has_labels:
            arrays.append(y)
        self.device = torch.device(device or "cpu")
        if rows is not None:
            rows = np.array(rows, dtype=np.int64, order="C")
        self._n = len(arrays[0]) if rows is None else len(rows)
        self._row_bytes = sum(map(_row_bytes, arrays))
        if resident and self.device.type == "cuda" and self._fits():
            arrays = [self._resident(array, rows) for array in arrays]
            rows = None
        self._arrays, self._rows = arrays, rows
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator
        self.drop_last = drop_last

    def __len__(self):
        whole, rest = divmod(self._n, self.batch_size)
        return whole + bool(rest and not self.drop_last)

    def __iter__(self):
        rows = self._rows
        if self.shuffle:
            order = _data_loader_order(self._n, self.generator).numpy()
            rows = order if rows is None else rows[order]
        # The order is copied to the device once: a copy in each batch would make a GPU wait.
        places = {array.device for array in self._arrays if isinstance(array, torch.Tensor)}
        if rows is not None:
            orders = {place: upload(torch.from_numpy(rows), place) for place in places}
        stop = len(self) * self.batch_size if self.drop_last else self._n
        step = self.batch_size * max(1, self._chunk_rows() // self.batch_size)
        for start in range(0, stop, step):
            part = slice(start, min(start + step, stop))
            chunks = []
            for array in self._arrays:
                if rows is None:
                    taken = part
                elif isinstance(array, torch.Tensor):
                    taken = orders[array.device][part]
                else:
                    taken = rows[part]
                taken = upload(_taken(array, taken), self.device)
                chunks.append(taken.split(self.batch_size))
            if not self._has_labels:
                chunks.append([torch.zeros(len(x), device="cpu") for x in chunks[0]])
            for *parts, y in zip(*chunks, strict=True):
                x = parts[0] if self._names is None else dict(zip(self._names, parts, strict=True))
                yield [x, y]

    def _chunk_rows(self):
        return max(1, _CHUNK_BYTES // max(1, self._row_bytes))

    def _fits(self):
        free, _ = torch.cuda.mem_get_info(self.device)
        return self._n * self._row_bytes <= _RESIDENT_SHARE * free

    def _resident(self, array, rows):
        """Return rows of an array on the device, which are copied there a chunk at a time."""
        if rows is None and isinstance(array, torch.Tensor) and array.device.type == "cuda":
            if self.device.index in (None, array.device.index):
                return array
        first = _taken(array, slice(0, 1))
        out = torch.empty((self._n, *first.shape[1:]), dtype=first.dtype, device=self.device)
        for start in range(0, self._n, self._chunk_rows()):
            part = slice(start, start + self._chunk_rows())
            taken = part if rows is None else rows[part]
            out[part] = upload(_taken(array, taken), self.device)
        return out


def _taken(array, rows):
    """Return a copy of some rows, since a module may change its input in place."""
    if isinstance(array, torch.Tensor):
        if isinstance(rows, slice):
            return array[rows].clone(memory_format=torch.contiguous_format)
        if isinstance(rows, np.ndarray):
            rows = upload(torch.from_numpy(rows), array.device)
        return array[rows]
    # Contiguous and writable, as torch requires.
    taken = array[rows].copy() if isinstance(rows, slice) else array.take(rows, axis=0)
    return torch.from_numpy(taken)


def _data_loader_order(n, generator):
    """Return the order of a ``DataLoader(shuffle=True, generator=generator)``.

    A ``DataLoader`` draws a seed for worker processes before the permutation and, after it, one
    more permutation for rows beyond a whole number of passes, which is not used here.
    """
    if generator is None:
        return torch.randperm(n, device="cpu")
    torch.empty((), dtype=torch.int64, device="cpu").random_(generator=generator)
    order = torch.randperm(n, generator=generator, device="cpu")
    torch.randperm(n, generator=generator, device="cpu")
    return order


def _row_bytes(array):
    row = math.prod(array.shape[1:])
    return row * (array.element_size() if isinstance(array, torch.Tensor) else array.itemsize)
