"""Preparation of inputs inside a network: columns of tables, and images."""

from __future__ import annotations

import warnings
from math import prod

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import nn

from .._utils import counted, on_host, some_names, users_stacklevel
from .device import upload

# Largest number of rows whose quantiles are computed, which costs a sort. If there are more rows,
# they are divided into this number of parts, and a random row of each is taken: evenly spaced rows
# would be all alike where the order of the rows is periodic.
_MOST_ROWS = 10_000
# Number of values whose quantiles are computed at once.
_MOST_NUMBERS = 1 << 18
# Largest rounding step of a column, in units of half its interquartile range.
_LARGEST_STEP = 0.01
# The medians of channels are learned from at least 32 images, and from more if these have fewer
# than about 16,000 pixels in total.
_FEWEST_IMAGES, _ENOUGH_PIXELS = 32, 1 << 14
# Share of the total weight by which a quantile may be missed, since sums are rounded.
_ROUNDING = 1e-12
# Quantiles of the values that differ from the median. They give the scale of a column whose
# quartiles are equal.
_OUTER = (0.1, 0.9)
# With fewer rows, centres and scales are too uncertain for the rows that follow.
_FEWEST_ROWS = 10


def weighted_quantiles(X, shares, weight=None):
    """Return, for each column, the smallest value that a share of the weight does not exceed.

    This inverted distribution function is the only definition of a quantile for which an integer
    weight equals as many repetitions of the row. Missing values are left out.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Rows; NaN is a missing value.
    shares : sequence of float
        Shares within [0, 1].
    weight : ndarray of shape (n,), default=None
        Positive weights; 1 for each row if None.

    Returns
    -------
    ndarray of shape (len(shares), d)
        NaN for a column without a value.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftinfo._networks.prepare import weighted_quantiles
    >>> weighted_quantiles(np.array([[1.0], [2.0], [3.0]]), [0.5], np.array([1.0, 1.0, 3.0]))
    array([[3.]])
    """
    if weight is None:
        # Ranks take less time than sums of weights.
        ordered = np.sort(X, axis=0)
        n_known = len(X) - np.isnan(ordered).sum(axis=0)
        ranks = [np.ceil(share * n_known * (1 - _ROUNDING)).astype(int) - 1 for share in shares]
        return np.take_along_axis(ordered, np.maximum(ranks, 0), axis=0)
    # NaN is sorted to the end and gets no weight.
    order = np.argsort(X, axis=0)
    ordered = np.take_along_axis(X, order, axis=0)
    reached = np.cumsum(np.where(np.isnan(ordered), 0.0, weight[order]), axis=0)
    found = [(reached < share * reached[-1] * (1 - _ROUNDING)).sum(axis=0) for share in shares]
    return np.take_along_axis(ordered, np.minimum(found, len(X) - 1), axis=0)


class PrepareColumns(nn.Module):
    """Layer that scales, smoothly clips and imputes the columns of a table.

    Each column is centred by its median and divided by its interquartile range or, if this range
    is 0, by half the range between the outer deciles of the values that differ from the median,
    which includes the median. A constant column becomes 0. The result is clipped smoothly to
    (-3, 3). A missing value becomes the median, and each column in which values were
    missing at `fit` gets a second column that marks missing values.

    Parameters
    ----------
    n_features : int
        Number of input columns.
    missing : sequence of int, default=()
        Positions of the columns that get a mark.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sksoftinfo._networks.prepare import PrepareColumns
    >>> prepare = PrepareColumns(1, missing=[0])
    >>> prepare.learn(np.array([[1e6], [2e6], [3e6], [4e6], [np.nan]]))
    >>> prepare(torch.tensor([[2e6], [float("nan")]]))
    tensor([[0., 0.],
            [0., 1.]])
    """

    def __init__(self, n_features, missing=()):
        super().__init__()
        self.n_outputs = n_features + len(missing)
        self.register_buffer("median", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))
        self.register_buffer("marked", torch.as_tensor(np.array(missing, dtype=np.int64)))

    def learn(self, X, weight=None):
        """Set the centre and scale of each column from the training rows.

        Parameters
        ----------
        X : ndarray of shape (n, n_features), or tensor of a device
            Rows; NaN is a missing value.
        weight : ndarray of shape (n,), default=None
            Non-negative weights of the rows.
        """
        found = _learned(X, weight)
        # A dtype of NumPy or of torch. Some devices have no double precision.
        is_double = str(X.dtype).removeprefix("torch.") == "float64"
        if is_double and self.median.dtype != torch.float64:
            _warn_of_rounding(*found, None, "device='cpu'")
        self._set(found)

    def learn_constant(self, X, weight=None):
        """Set the centre and scale of columns that were constant and vary in these rows.

        Until now, the network has received such a column as the constant 0.

        Parameters
        ----------
        X, weight
            As in `learn`.

        Returns
        -------
        int
            Number of columns whose scale was set.
        """
        scale = on_host(self.scale)
        constant = np.flatnonzero(scale == 0)
        if not len(constant):
            return 0
        found = np.stack([on_host(self.median), scale]).astype(np.float64)
        # The earlier value is known in the precision of the network.
        dtype = on_host(self.median).dtype
        with np.errstate(over="ignore"):
            rows = on_host(X[:, constant]).astype(dtype)
        rows = np.concatenate([found[:1, constant].astype(dtype), rows])
        if weight is not None:
            weight = np.append(weight.mean(), weight)
        new = _learned(rows, weight)
        varies = new[1] > 0
        found[:, constant[varies]] = new[:, varies]
        self._set(found)
        return int(varies.sum())

    def _set(self, found):
        # Converted before the copy, since not every device supports the host's dtype.
        found = upload(torch.from_numpy(found).to(self.median.dtype), self.median.device)
        self.median.copy_(found[0])
        self.scale.copy_(found[1])

    def forward(self, x):
        """Return prepared columns, shape (n, n_outputs)."""
        # A value so large that the difference overflows counts as one at the limit.
        scaled = ((x - self.median) * self.scale).clamp(-1e6, 1e6).nan_to_num(0.0)
        scaled = scaled / torch.sqrt(1 + (scaled / 3) ** 2)
        if not len(self.marked):
            return scaled
        marks = torch.isnan(x[:, self.marked]).to(scaled.dtype)
        return torch.cat([scaled, marks], dim=1)


def _learned(X, weight):
    """Return the centres of all columns, and the factors of the centred columns, (2, d)."""
    # By their positions, since a copy of the rows that have a weight may not fit in memory.
    used = np.arange(len(X)) if weight is None else np.flatnonzero(weight > 0)
    rows = used
    if len(used) > _MOST_ROWS:
        places = np.arange(_MOST_ROWS) + np.random.default_rng(0).random(_MOST_ROWS)
        rows = used[(places * (len(used) / _MOST_ROWS)).astype(np.int64)]
    sample = X if len(rows) == len(X) else X[rows]
    of_sample = None if weight is None else weight[rows]
    found = _centres_and_scales(on_host(sample), of_sample)
    if len(used) > _MOST_ROWS:
        # Columns that vary in rare rows only.
        weight = None if weight is None else weight[used]
        constant, size = np.flatnonzero(found[1] == 0), max(1, _MOST_NUMBERS // len(X))
        for columns in gen_batches(len(constant), size) if len(constant) else ():
            some = constant[columns]
            rows = on_host(X[:, some])[used]
            varies = np.fmin.reduce(rows) < np.fmax.reduce(rows)
            if varies.any():
                found[:, some[varies]] = _centres_and_scales(rows[:, varies], weight)
    return found


def _centres_and_scales(X, weight):
    found = np.empty((2, X.shape[1]))
    # Some columns at a time: sorted copies of all would take more memory than the table.
    for columns in gen_batches(X.shape[1], max(1, _MOST_NUMBERS // max(1, len(X)))):
        found[:, columns] = _centre_and_scale(X[:, columns], weight)
    return found


def _centre_and_scale(X, weight):
    """Return the centre of each column, and the factor that multiplies the centred column."""
    low, median, high = weighted_quantiles(X, (0.25, 0.5, 0.75), weight)
    known = ~np.isnan(median)
    with np.errstate(all="ignore"):
        # Half of each, since the difference of two large numbers may overflow.
        spread = 0.5 * high - 0.5 * low
        equal = np.flatnonzero(low == high)
        if len(equal):
            others = np.where(X[:, equal] == median[equal], np.nan, X[:, equal])
            least, most = weighted_quantiles(others, _OUTER, weight)
            least, most = np.fmin(least, median[equal]), np.fmax(most, median[equal])
            spread[equal] = 0.25 * most - 0.25 * least
        scale = np.where(known & (spread > 0), 0.5 / spread, 0.0)
    return np.where(known, median, 0.0), np.where(np.isfinite(scale), scale, 0.0)


def warn_of_rounding(X, column_names=None):
    """Warn of columns whose differences are lost if rows are converted to single precision.

    Parameters
    ----------
    X : ndarray of shape (n, d), or tensor of a device
        Rows in double precision.
    column_names : sequence of str, default=None
        Names of the columns in the warning; positions if None.

    Warns
    -----
    UserWarning
        If single precision does not resolve the differences between rows in a column.
    """
    _warn_of_rounding(*_learned(X, None), column_names, "precision='full' with dtype='auto'")


def _warn_of_rounding(median, scale, column_names, remedy):
    with np.errstate(all="ignore"):
        step = np.abs(median) * np.finfo(np.float32).eps * scale
    lost = np.flatnonzero(step > _LARGEST_STEP)
    if len(lost):
        names = lost if column_names is None else [repr(column_names[i]) for i in lost]
        warnings.warn(
            "Single precision rounds away differences between rows whose values are far from 0, "
            f"in column {some_names(names)}. Subtract a constant from these columns, or use "
            f"double precision: {remedy}.",
            stacklevel=users_stacklevel(),
        )


class PrepareImages(nn.Module):
    """Layer that centres each channel by its median, and divides images by a scale.

    The background of most images is their median, and becomes zero, which is also the padding of
    convolutions. The scale is 1, or the largest absolute value of centred images that the layer
    learns. Ratios of differences between channels do not change.

    Parameters
    ----------
    n_channels : int, default=1
        Number of channels.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sksoftinfo._networks.prepare import PrepareImages
    >>> prepare = PrepareImages()
    >>> prepare.learn_centre(np.array([[[100.0, 100.0, 355.0]]]))
    >>> prepare.learn_scale(np.array([[[100.0, 100.0, 355.0]]]))
    >>> prepare(torch.tensor([[[[151.0]]]]))
    tensor([[[[0.2000]]]])
    """

    def __init__(self, n_channels=1):
        super().__init__()
        self.register_buffer("centre", torch.zeros(n_channels, 1, 1))
        self.register_buffer("scale", torch.ones(1))

    def learn_centre(self, X):
        """Set the median of each channel from training images.

        Parameters
        ----------
        X : ndarray or tensor of a device, of shape (n, height, width) or (n, C, height, width)
        """
        n = max(_FEWEST_IMAGES, _ENOUGH_PIXELS // prod(X.shape[-2:]))
        if len(X) > n:
            X = X[np.sort(np.random.default_rng(0).choice(len(X), n, replace=False))]
        images = on_host(X).reshape(len(X), len(self.centre), -1)
        pixels = images.swapaxes(0, 1).reshape(len(self.centre), -1).T
        found = weighted_quantiles(pixels.astype(np.float64), (0.5,)).reshape(-1, 1, 1)
        self.centre.copy_(upload(torch.from_numpy(found).to(self.centre.dtype), self.scale.device))

    def learn_scale(self, X):
        """Set the scale from the training images, in the form of `learn_centre`."""
        images = X[:, None] if X.ndim == 3 else X
        most = 0.0
        for channel, centre in enumerate(self.centre.flatten().tolist()):
            values = images[:, channel]
            most = max(most, float(values.max()) - centre, centre - float(values.min()))
        self.scale.fill_(1 / most if most > 0 else 1.0)

    def forward(self, x):
        """Return centred and scaled images."""
        return (x - self.centre) * self.scale


def learn_inputs(net, X, weight=None, *, first=True, in_chunks=False):
    """Let the layers that prepare columns and images learn from the rows, in an initialised net.

    Parameters
    ----------
    net : InfoSoftmaxNet
    X : ndarray of shape (n, ...)
        Training rows.
    weight : ndarray of shape (n,), default=None
        Non-negative weights of the rows.
    first : bool, default=True
        Whether the net has not been trained; otherwise, only columns that have not varied are
        learned.
    in_chunks : bool, default=False
        Whether other rows are expected to follow.

    Warns
    -----
    UserWarning
        If these rows are too few for centres and scales, and others are expected to follow.
    """
    n_learned = 0
    warned = in_chunks and len(X) < _FEWEST_ROWS
    rows = X.reshape(len(X), -1)
    for module in net.module_.modules():
        if isinstance(module, PrepareImages) and first:
            module.learn_centre(X)
        elif isinstance(module, PrepareColumns) and first:
            module.learn(rows, weight)
            # On a GPU, counting waits for the columns.
            if warned:
                n_learned += int((module.scale > 0).sum())
        elif isinstance(module, PrepareColumns):
            n_learned += module.learn_constant(rows, weight)
    if warned and n_learned:
        warnings.warn(
            f"The centres and scales of {counted(n_learned, 'column')} were learned from "
            f"{counted(len(X), 'row')} only, the first in which they vary, and are final. Pass at "
            "least 100 rows to the first partial_fit.",
            stacklevel=users_stacklevel(),
        )
