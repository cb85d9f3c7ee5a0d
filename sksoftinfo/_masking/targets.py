"""Class indices of each image for the labels that a user names as targets."""

from __future__ import annotations

import numpy as np

from .._utils import encode_labels, known_labels, label_array, on_host


def encode_target(target, classes, combine, name="target"):
    """Return class indices of the target, or None for the predicted class.

    Parameters
    ----------
    target : label, list of labels or None
    classes : ndarray of shape (M,)
    combine : {"union", "group"}
        Meaning of a list of labels, as in the transformer.
    name : str, default="target"
        Parameter that errors name.

    Raises
    ------
    ValueError
        If a label is unknown, or if a group contains all classes.

    Examples
    --------
    >>> from sksoftinfo._masking.targets import encode_target
    >>> encode_target(["dog", "cat"], ["cat", "dog", "car"], "group")
    [1, 0]
    """
    if target is None:
        return None
    labels = as_list(target)
    known = np.asarray(classes).tolist()
    if not labels or any(label not in known for label in labels):
        among = known_labels(classes, [label for label in labels if label not in known])
        raise ValueError(
            f"`{name}` must hold known classes, {among}; got {target!r}. Use one of these, or a "
            "list of them."
        )
    if combine == "group" and len(set(labels)) == len(known):
        raise ValueError(
            f"`{name}` must leave out at least one class with combine='group'; got all classes. "
            "Remove a class, since every image is of some class."
        )
    return [known.index(label) for label in labels]


def targets_of_images(n_images, classes, target, combine, y, name="target"):
    """Return class indices (T, n) for each image, or None, and whether they form a group.

    Parameters
    ----------
    n_images : int
    classes, target, combine, name
        As in `encode_target`.
    y : array-like of shape (n,) or None
        Target of each image, instead of `target`.
    """
    if y is not None:
        labels = label_array(y)
        check_one_target_each(labels, n_images)
        return encode_labels(labels, classes)[None], False
    targets = encode_target(target, classes, combine, name)
    if targets is None:
        return None, False
    as_group = combine == "group" and len(targets) > 1
    return np.repeat(np.array(targets)[:, None], n_images, axis=1), as_group


def images_with_target(y, classes, target, combine):
    """Return an index of the images whose label is the target, or of all images without target.

    Parameters
    ----------
    y : ndarray of shape (n,), int
        Class indices.
    classes, target, combine
        As in `encode_target`.

    Raises
    ------
    ValueError
        If no image has the target.
    """
    targets = encode_target(target, classes, combine)
    if targets is None:
        return slice(None)
    shown = np.isin(y, targets)
    if not shown.any():
        raise ValueError(
            f"`y` must contain the target {target!r}; got no image of it. Pass images of the "
            "target, of which composites are made."
        )
    return shown


def check_one_target_each(labels, n_images):
    """Raise ValueError unless `labels` holds one target for each image."""
    if labels.shape != (n_images,):
        raise ValueError(
            f"`y` must hold one target for each of {n_images} images; got shape "
            f"{labels.shape}. Set `target` for a target that all images share."
        )


def check_one_kind_of_targets(targets, y, name="targets"):
    """Raise ValueError if targets of all images and one target per image are both given."""
    if targets is not None and y is not None:
        raise ValueError(
            f"`{name}` and `y` must not both be given; got both. Pass `{name}` for all images, or "
            "`y` for one target per image."
        )


def as_list(target):
    """Return a target, which may be a label, as a list of labels."""
    target = on_host(target)
    if isinstance(target, np.ndarray):
        return np.atleast_1d(target).tolist()
    return list(target) if isinstance(target, list | tuple) else [target]
