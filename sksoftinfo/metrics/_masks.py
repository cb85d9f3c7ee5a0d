"""Scores of masks, maps and boxes against true masks and boxes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.metadata_routing import MetadataRequest

from .._utils import check_masker, counted, on_host

_ALL_EMPTY = (
    "`masks_true` must have an object, within `foreground` if that is given, in at least one "
    "image; got none. Pass images with objects."
)


def _same_shape(first, second, names, ndim):
    first, second = np.asarray(on_host(first)), np.asarray(on_host(second))
    if first.shape != second.shape or first.ndim != ndim or not len(first):
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must have the same shape with {ndim} axes and at "
            f"least one row; got {first.shape} and {second.shape}. Pass one row for each image."
        )
    return first, second


def mask_iou_score(
    masks_true: ArrayLike, masks_pred: ArrayLike, *, foreground: ArrayLike | None = None
) -> float:
    """Compute the mean intersection over union (IoU) of masks.

    Images whose true mask is empty, or has no pixel in `foreground`, are left out.

    Parameters
    ----------
    masks_true, masks_pred : array-like of shape (n, height, width), bool
        True pixels of the object, and pixels that were kept. For soft masks, pass ``masks >=
        0.5``; otherwise, every weight other than 0 counts as kept.
    foreground : array-like of shape (n, height, width), bool, default=None
        Pixels to count; all pixels if None. Use this parameter to exclude an empty background,
        where it does not matter whether pixels are kept.

    Returns
    -------
    float
        Mean IoU over the pixels in `foreground`, within [0, 1].

    Raises
    ------
    ValueError
        If shapes differ, or every true mask is empty or has no pixel in `foreground`.

    See Also
    --------
    box_iou_score : Compare boxes.
    pointing_game_score : Judge the maximum of a map.

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
        raise ValueError(_ALL_EMPTY)
    true, pred = true[there], pred[there]
    union = (true | pred).sum(axis=(1, 2))
    return float(((true & pred).sum(axis=(1, 2)) / union).mean())


def pointing_game_score(masks_true: ArrayLike, maps: ArrayLike, *, tolerance: int = 0) -> float:
    """Compute the share of images whose map has its maximum on the object.

    This is the pointing game of [1]_.

    Parameters
    ----------
    masks_true : array-like of shape (n, height, width), bool
        Pixels of the object. Images with an empty mask are left out.
    maps : array-like of shape (n, height, width)
        Map of information, or of any other attribution, for each image, without NaN. If several
        maxima are equal, the first in row-major order counts.
    tolerance : int, default=0
        Number of pixels along each axis by which the maximum may miss the object; 15 in the
        original publication.

    Returns
    -------
    float
        Share of images, within [0, 1].

    Raises
    ------
    ValueError
        If shapes differ, every mask is empty, `maps` holds NaN, or the tolerance is negative.

    See Also
    --------
    mask_iou_score : Compare masks.

    References
    ----------
    .. [1] J. Zhang, Z. Lin, J. Brandt, X. Shen, S. Sclaroff, "Top-down neural attention by
       excitation backprop", ECCV 2016.

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
        raise ValueError(
            f"`tolerance` must be at least 0; got {tolerance!r}. Pass a number of pixels."
        )
    missing = np.isnan(values.astype(np.float64)).any(axis=(1, 2))
    if missing.any():
        raise ValueError(
            f"`maps` must not hold NaN; got NaN in image {int(missing.argmax())}. Leave out this "
            "image, or pass a map that covers the whole image."
        )
    true = true.astype(bool)
    there = np.flatnonzero(true.any(axis=(1, 2)))
    if not len(there):
        raise ValueError(_ALL_EMPTY)
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
        raise ValueError(
            f"`boxes_true` and `boxes_pred` must have 4 columns; got {true.shape[1]}. Pass left, "
            "top, right and bottom of each box."
        )

    def area(boxes):
        return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)

    inside = np.concatenate(
        [np.maximum(true[:, :2], pred[:, :2]), np.minimum(true[:, 2:], pred[:, 2:])], axis=1
    )
    empty = np.flatnonzero(area(true) <= 0)
    if len(empty):
        raise ValueError(
            f"`boxes_true` must have a positive area; got {counted(len(empty), 'empty box')}, the "
            f"first in row {empty[0]}. Leave these rows out."
        )
    return area(inside) / (area(true) + area(pred) - area(inside))


def box_iou_score(boxes_true: ArrayLike, boxes_pred: ArrayLike) -> float:
    """Compute the mean intersection over union (IoU) of boxes.

    Parameters
    ----------
    boxes_true, boxes_pred : array-like of shape (n, 4)
        Left, top, right and bottom of each box, as returned by
        `sksoftinfo.InfoMaskTransformer.bounding_boxes`; right and bottom are exclusive. Predicted
        boxes may be empty.

    Returns
    -------
    float
        Mean IoU, within [0, 1].

    Raises
    ------
    ValueError
        If shapes differ, or a true box is empty.

    See Also
    --------
    box_accuracy_score : Count boxes that reach a threshold.
    mask_iou_score : Compare masks.

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
    """Compute the share of boxes whose intersection over union is at least a threshold.

    At a threshold of 0.5, this share is known as CorLoc (correct localisation).

    Parameters
    ----------
    boxes_true, boxes_pred : array-like of shape (n, 4)
        As in `box_iou_score`.
    iou_threshold : float, default=0.5
        Smallest IoU, within [0, 1], at which a box counts as found.

    Returns
    -------
    float
        Share of boxes, within [0, 1].

    Raises
    ------
    ValueError
        If shapes differ, or a true box is empty.

    See Also
    --------
    box_iou_score : Average the overlap of boxes.

    Examples
    --------
    >>> from sksoftinfo.metrics import box_accuracy_score
    >>> box_accuracy_score([[0, 0, 4, 4], [0, 0, 4, 4]], [[1, 0, 4, 4], [3, 0, 4, 4]])
    0.5
    """
    return float((_box_ious(boxes_true, boxes_pred) >= iou_threshold).mean())


class MaskIoUScorer:
    """Scorer that compares masks of `sksoftinfo.InfoMaskTransformer` with true masks.

    True masks are passed as metadata: request them by ``set_score_request(masks=True)``, and pass
    ``masks=`` to `fit` of a search. `foreground`, the pixels to count, may be passed in the same
    way; otherwise, all pixels are counted. Pixels of weight 0.5 or more count as kept.

    See Also
    --------
    mask_iou_score : Compute the mean IoU of masks.
    sksoftinfo.InfoMaskTransformer.score : Score masks without true masks.

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
    >>> best
    {'threshold': 0.2}
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
        """Compute the mean IoU of ``estimator.mask(X)`` and `masks`, within `foreground`.

        Parameters
        ----------
        estimator : fitted InfoMaskTransformer
            Masker to score.
        X : array-like
            Images.
        y : ignored
            Not used, present for API consistency.
        masks, foreground : array-like of shape (n, height, width), bool
            As in `mask_iou_score`: all pixels are counted if `foreground` is None.

        Returns
        -------
        float
            Mean IoU over the pixels in `foreground`, within [0, 1].

        Raises
        ------
        ValueError
            If `masks` is None, or if `estimator` has no method `mask`.
        """
        if masks is None:
            raise ValueError(
                "`masks` must hold the masks of the true objects; got None. Enable metadata "
                "routing, call set_score_request(masks=True), and pass masks= to fit."
            )
        check_masker(estimator)
        kept = np.asarray(estimator.mask(X)) >= 0.5
        return mask_iou_score(masks, kept, foreground=foreground)

    def set_score_request(self, *, masks=None, foreground=None):
        """Return a scorer that requests `masks` and `foreground`.

        Parameters
        ----------
        masks, foreground : bool, str or None, default=None
            True passes `masks` or `foreground` to the scorer, False does not, None raises an error
            if they are given, and a string passes the metadata of that name.

        Returns
        -------
        MaskIoUScorer
            New scorer; this scorer is unchanged.
        """
        scorer = copy.deepcopy(self)
        for name, alias in (("masks", masks), ("foreground", foreground)):
            scorer._request.score.add_request(param=name, alias=alias)
        return scorer

    def get_metadata_routing(self):
        """Return the metadata requests, for scikit-learn's metadata routing.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRequest
            Metadata that the scorer requests.
        """
        return self._request

    def __repr__(self):
        return "MaskIoUScorer()"


mask_iou_scorer = MaskIoUScorer()
