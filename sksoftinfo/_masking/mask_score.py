"""Score of the masks of composites, which does not need true masks."""

from __future__ import annotations

import numpy as np
from sklearn.utils import gen_batches

from .composites import content_kept, content_of, cut, partners_of, shares_apart
from .evidence import log_odds
from .results import all_masks
from .targets import images_with_target

# Seeds the composites, which are the same for all transformers that a search compares.
_SEED = 0


def score_masks(masker, images, y):
    """Return the score of a transformer's masks, which is within [-1, 1]; larger is better.

    Each image of the target is joined with a part of an image of another class. A good mask keeps
    the side of the target and nothing of the other side. The score is the share of the content
    that masks keep on the side of the target, less the share that they keep on the other side.
    Two images can be joined in two ways along the same cut. The classifier chooses the composite
    with more evidence of the target, so that the composites do not depend on the masks.

    Parameters
    ----------
    masker : fitted InfoMaskTransformer
    images : ndarray of shape (n, C, H, W)
    y : ndarray of shape (n,), int
        Class indices.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If no image shows the target, if all images do, or if images consist of one pixel.
    """
    shown = np.zeros(len(y), dtype=bool)
    shown[images_with_target(y, masker.classes_, masker.target, masker.combine)] = True
    if len(np.unique(y)) < 2 if masker.target is None else shown.all():
        raise ValueError(
            "`y` must contain the label of an image that does not show the target; got images of "
            f"target={masker.target!r} only. Pass images of another class, with which the images "
            "of the target are joined. For folds of sorted labels, use StratifiedKFold."
        )
    if images.shape[2:] == (1, 1):
        raise ValueError(
            "`X` must have at least two pixels, or columns, so that two images can be joined; "
            f"got rows of shape {masker.input_shape_}. Score a classifier of the masked images "
            "instead."
        )
    rng = np.random.RandomState(_SEED)
    rows = np.flatnonzero(shown)
    partners = partners_of(y, shown, rows, np.arange(len(y)), rng)
    content = content_of(images, masker._fill)
    first = cut(content[rows] + content[partners], rng)
    kept, held = np.zeros(2), np.zeros(2)
    for batch in gen_batches(len(rows), masker.batch_size):
        mine, others, ours = rows[batch], partners[batch], first[batch]
        logits = [
            masker._classifier.logits(_joined(side, images, mine, others)).T
            for side in (ours, ~ours)
        ]
        evidence = [log_odds(one, y[mine][None])[0] for one in logits]
        ours = ours == (evidence[0] >= evidence[1])[:, None, None]
        labels = masker.classes_[y[mine]] if masker.target is None else None
        masks = all_masks(masker, _joined(ours, images, mine, others), y=labels)
        inside = np.where(ours, content[mine], content[others])
        held += content_kept(inside, 1, ours)
        kept += content_kept(inside, masks, ours)
    return float(shares_apart(kept, held))


def _joined(ours, images, mine, others):
    """Return composites of the rows `mine` of images, on the pixels `ours`, and `others`."""
    return np.where(ours[:, None], images[mine], images[others])
