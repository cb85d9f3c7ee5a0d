"""How well masks, maps and boxes agree with true ones."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.metadata_routing import MetadataRequest

from .._utils import on_host


def _same_shape(first, second, names, ndim):
    first, second = np.asarray(on_host(first)), np.asarray(on_host(second))
    if first.shape != second.shape or first.ndim != ndim or not len(first):
        raise ValueError(
            f"{names[0]} has shape {first.shape} and {names[1]} {second.shape}: give at least one "
            f"row and {ndim} axes, the same in both."
        )
    return first, second


def mask_iou_score(
    masks_true: ArrayLike, masks_pred: ArrayLike, *, foreground: ArrayLike | None = None
) -> float:
    """Mean intersection over union of masks, over images whose true mask is not empty.

    Parameters
    ----------
    masks_true, masks_pred : array-like of shape (n, height, width), bool
        True pixels of the object, and pixels that were kept.
    foreground : array-like of shape (n, height, width), bool, default=None
        Pixels that count; all, if None. Where the ground is empty, whether it is kept or not
        changes nothing.

    Returns
    -------
    float
        Within [0, 1].

    Raises
    ------
    ValueError
        If shapes differ, or every true mask is empty.

    Examples
    --------
    >>> from sksoftinfo.metrics import mask_iou_score
    >>> mask_iou_score([[[True, True, False]]], [[[True, False, False]]])
    0.5
    """
    true, pred = _same_shape(masks_true, masks_pred, ("masks_true", "masks_pred"), 3)
    true, pred = true.astype(bool), pred.astype(bool)
    if foreground is not None:
        ink, _ = _same_shape(foreground, true, ("foreground", "masks_true"), 3)
        true, pred = true & ink.astype(bool), pred & ink.astype(bool)
    there = true.any(axis=(1, 2))
    if not there.any():
        raise ValueError("masks_true is empty in every image: there is nothing to agree with.")
    true, pred = true[there], pred[there]
    union = (true | pred).sum(axis=(1, 2))
    return float(((true & pred).sum(axis=(1, 2)) / union).mean())


def pointing_game_score(masks_true: ArrayLike, maps: ArrayLike, *, tolerance: int = 0) -> float:
    """Share of images whose map has its maximum on the object (Zhang et al. 2016).

    Parameters
    ----------
    masks_true : array-like of shape (n, height, width), bool
        Images with an empty mask do not count.
    maps : array-like of shape (n, height, width)
        Information, or any attribution. Of several maxima the first counts.
    tolerance : int, default=0
        Pixels by which the maximum may miss, along either axis; the original takes 15.

    Returns
    -------
    float
        Within [0, 1].

    Raises
    ------
    ValueError
        If shapes differ, every mask is empty, or the tolerance is negative.

    Examples
    --------
    >>> from sksoftinfo.metrics import pointing_game_score
    >>> pointing_game_score([[[True, False, False]]], [[[0.1, 0.7, 0.2]]])
    0.0
    >>> pointing_game_score([[[True, False, False]]], [[[0.1, 0.7, 0.2]]], tolerance=1)
    1.0
    """
    true, values = _same_shape(masks_true, maps, ("masks_true", "maps"), 3)
    if tolerance < 0:
        raise ValueError(f"tolerance={tolerance!r} is negative: give a number of pixels.")
    true = true.astype(bool)
    there = np.flatnonzero(true.any(axis=(1, 2)))
    if not len(there):
        raise ValueError("masks_true is empty in every image: there is nothing to point at.")
    best = values.reshape(len(values), -1).argmax(axis=1)
    rows, columns = np.unravel_index(best, values.shape[1:])
    hits = [
        true[
            i,
            max(0, rows[i] - tolerance) : rows[i] + tolerance + 1,
            max(0, columns[i] - tolerance) : columns[i] + tolerance + 1,
        ].any()
        for i in there
    ]
    return float(np.mean(hits))


def _box_ious(boxes_true, boxes_pred):
    true, pred = _same_shape(boxes_true, boxes_pred, ("boxes_true", "boxes_pred"), 2)
    if true.shape[1] != 4:
        raise ValueError(f"boxes have {true.shape[1]} columns: give left, top, right, bottom.")

    def area(boxes):
        return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)

    inside = np.concatenate(
        [np.maximum(true[:, :2], pred[:, :2]), np.minimum(true[:, 2:], pred[:, 2:])], axis=1
    )
    if not (area(true) > 0).all():
        raise ValueError("boxes_true holds empty boxes: leave those images out.")
    return area(inside) / (area(true) + area(pred) - area(inside))


def box_iou_score(boxes_true: ArrayLike, boxes_pred: ArrayLike) -> float:
    """Mean intersection over union of boxes.

    Parameters
    ----------
    boxes_true, boxes_pred : array-like of shape (n, 4)
        Left, top, right and bottom, the last two exclusive, as `bounding_boxes` returns. A
        predicted box may be empty.

    Returns
    -------
    float
        Within [0, 1].

    Raises
    ------
    ValueError
        If shapes differ, or a true box is empty.

    Examples
    --------
    >>> from sksoftinfo.metrics import box_iou_score
    >>> box_iou_score([[0, 0, 4, 4]], [[2, 0, 4, 4]])
    0.5
    """
    return float(_box_ious(boxes_true, boxes_pred).mean())


def box_accuracy_score(
    boxes_true: ArrayLike, boxes_pred: ArrayLike, *, iou_threshold: float = 0.5
) -> float:
    """Share of boxes whose intersection over union reaches a threshold (CorLoc).

    Parameters
    ----------
    boxes_true, boxes_pred : array-like of shape (n, 4)
        As in `box_iou_score`.
    iou_threshold : float, default=0.5
        From this on a box counts as found.

    Returns
    -------
    float
        Within [0, 1].

    Raises
    ------
    ValueError
        As `box_iou_score`.

    Examples
    --------
    >>> from sksoftinfo.metrics import box_accuracy_score
    >>> box_accuracy_score([[0, 0, 4, 4], [0, 0, 4, 4]], [[1, 0, 4, 4], [3, 0, 4, 4]])
    0.5
    """
    return float((_box_ious(boxes_true, boxes_pred) >= iou_threshold).mean())


class MaskIoUScorer:
    """Scorer of `InfoMaskTransformer` by true masks, which are routed as metadata.

    Ask for them by ``set_score_request(masks=True)``; then pass ``masks=`` to a search's `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn import config_context
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sksoftinfo import InfoMaskTransformer
    >>> from sksoftinfo.metrics import MaskIoUScorer
    >>> digits = load_digits(n_class=2)
    >>> X, y, masks = digits.images[:100] / 16, digits.target[:100], digits.images[:100] > 8
    >>> masker = InfoMaskTransformer(LogisticRegression(), patch_size=4, random_state=0)
    >>> scorer = MaskIoUScorer().set_score_request(masks=True)
    >>> with config_context(enable_metadata_routing=True):
    ...     search = GridSearchCV(masker, {"threshold": [0.2, 0.8]}, scoring=scorer, cv=2)
    ...     best = search.fit(X, y, masks=masks).best_params_
    >>> best["threshold"] in (0.2, 0.8)
    True
    """

    def __init__(self):
        self._request = MetadataRequest(owner=self)

    def __call__(
        self,
        estimator: Any,
        X: Any,
        y: Any = None,
        masks: ArrayLike | None = None,
        foreground: ArrayLike | None = None,
    ) -> float:
        """Return the mean IoU of ``estimator.mask(X)`` and `masks`.

        Parameters
        ----------
        estimator : fitted InfoMaskTransformer
        X : array-like
        y : ignored
        masks, foreground : array-like of shape (n, height, width), bool
            As in `mask_iou_score`.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If there are no masks.
        """
        if masks is None:
            raise ValueError(
                "masks=None: mask_iou_scorer needs true masks. Enable metadata routing, call "
                "set_score_request(masks=True), and pass masks= to fit."
            )
        kept = np.asarray(estimator.mask(X)) >= 0.5
        return mask_iou_score(masks, kept, foreground=foreground)

    def set_score_request(self, *, masks=None, foreground=None):
        """Return a scorer that requests `masks` and `foreground`.

        Parameters
        ----------
        masks, foreground : bool, str or None, default=None
            As for any scorer of scikit-learn.

        Returns
        -------
        MaskIoUScorer
            A new scorer: this one may be used elsewhere, and stays as it is.
        """
        scorer = copy.deepcopy(self)
        for name, alias in (("masks", masks), ("foreground", foreground)):
            scorer._request.score.add_request(param=name, alias=alias)
        return scorer

    def get_metadata_routing(self):
        """Return what was requested; for scikit-learn's metadata routing.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
            Which metadata the scorer wants.
        """
        return self._request

    def __repr__(self):
        return "MaskIoUScorer()"


mask_iou_scorer = MaskIoUScorer()
