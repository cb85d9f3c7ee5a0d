"""What a fitted `InfoMaskTransformer` makes of images: maps, masks, how well they separate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, check_memory

from .._utils import check_row_shape, validate_rows
from .maps import collect
from .masks import soft_masks, whole_components

_SMALLEST_PROBA = 1e-12
# Pixels of the maps that are worked on at once.
_CACHED_PIXELS = 1 << 18


class InformationMasking(BaseEstimator):
    """Base of the transformer: targets, maps and masks, once it is fitted."""

    def information_map(self, X: Any, target: Any = None) -> np.ndarray:
        """Information of each pixel's patches about the target.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        target : label, list of labels or None, default=None
            ``None`` is the transformer's own `target`; the maximum for a list.

        Returns
        -------
        ndarray of shape (n, height, width), or (n, d) for a table
            In nats; of the network's dtype, float32 as a rule, for dense scoring, else float64.

        Raises
        ------
        ValueError
            If the target is unknown, or rows have another shape than in `fit`.
        """
        maps = self._information(X, target)
        return self._as_map(maps[0] if len(maps) == 1 else maps.max(axis=0))

    def information_maps(self, X: Any, targets: Sequence | None = None) -> np.ndarray:
        """Information about several classes, one by one, from one pass over the images.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        targets : list of labels, default=None
            All of ``classes_``, if None.

        Returns
        -------
        ndarray of shape (n_targets, n, height, width), or (n_targets, n, d) for a table
            In nats, of the dtype of `information_map`.

        Raises
        ------
        ValueError
            If a target is unknown, or rows have another shape than in `fit`.
        """
        check_is_fitted(self)
        maps = self._information(X, self.classes_ if targets is None else targets)
        return maps[:, :, 0] if self._is_table else maps

    def _information(self, X, target):
        check_is_fitted(self)
        images = self._images(self._validate(X, reset=False))
        targets = self._encode_targets(self.classes_, target)
        scorer, n_targets = self._mapper.scorer, 1 if targets is None else len(targets)
        maps = np.empty((n_targets, len(images), *images.shape[2:]), dtype=scorer.dtype)
        for rows, _, places, _ in self._evaluate(images, targets):
            scorer.assemble(places, out=maps[:, rows])
        return maps

    @property
    def _is_table(self):
        return self._image_shape[:2] == (1, 1) and len(self.input_shape_) == 1

    def _as_map(self, values):
        return values[:, 0] if self._is_table else values

    def _check_parameters(self):
        """Check the parameters: those of masks may have been set since `fit`."""
        self._validate_params()
        self._check_threshold()

    def _check_threshold(self):
        if self.threshold_reference != "absolute" and not 0 <= self.threshold <= 1:
            raise ValueError(
                f"threshold={self.threshold!r} is outside [0, 1], and threshold_reference="
                f"{self.threshold_reference!r} makes it a share: give one, or use "
                "threshold_reference='absolute' for nats."
            )

    def _validate(self, X, y="no_validation", *, reset):
        if not reset:
            check_row_shape(X, self.input_shape_, type(self).__name__)
        return validate_rows(
            self, X, y, reset=reset, allow_nd=True, dtype=[np.float64, np.float32]
        )

    def _images(self, X):
        return X.reshape(len(X), *self._image_shape)

    def _encode_targets(self, classes, target=None):
        """Return class indices of the target, or None for the predicted class."""
        target = self.target if target is None else target
        if target is None:
            return None
        labels = list(target) if isinstance(target, list | tuple | np.ndarray) else [target]
        known = np.asarray(classes).tolist()
        if not labels or any(label not in known for label in labels):
            raise ValueError(f"target={target!r} is no class that is known: choose among {known}.")
        return [known.index(label) for label in labels]

    def _evaluate(self, images, targets):
        """Yield what the mapper does, of few enough images for their maps to stay in a cache.

        With `memory`, places are computed all at once, and only once for the same images.
        """
        if self.memory is None:
            found = self._mapper.evaluate(images, targets)
        else:
            cached = check_memory(self.memory).cache(collect, ignore=["mapper"])
            everything = cached(self._mapper, images, targets, self._map_key)
            found = [(slice(0, len(images)), *everything)]
        for rows, *values in found:
            step = max(1, _CACHED_PIXELS // (len(values[0]) * images[0, 0].size))
            for start in range(rows.start, rows.stop, step):
                some = slice(start, min(start + step, rows.stop))
                part = slice(start - rows.start, some.stop - rows.start)
                yield some, *(one[:, part] for one in values)

    def _masks(self, images, target=None):
        """Yield slices of rows and their masks (b, H, W): bool, or weights for soft masks."""
        targets = self._encode_targets(self.classes_, target)
        presence = self._presence_required and targets is not None
        for rows, classes, places, whole in self._evaluate(images, targets):
            maps = self._mapper.scorer.assemble(places)
            peak = maps.max(axis=(2, 3))
            limit = self._limit(peak, classes)
            if presence:
                limit[(whole <= 0) & (peak <= self.presence_floor_[classes])] = np.inf
            limit = limit[:, :, None, None]
            if self.mask_type == "soft":
                kept = soft_masks(maps, limit).max(axis=0)
            else:
                kept = (maps > limit).any(axis=0)
            if self.components:
                part = images[rows]
                ink = (part != self._fill(part)).any(axis=1)
                kept = whole_components(kept >= 0.5, ink).astype(kept.dtype)
            yield rows, kept

    @property
    def _presence_required(self):
        return self.require_presence and not self._in_nats

    @property
    def _in_nats(self):
        return self.threshold_reference == "absolute"

    def _limit(self, peak, classes):
        """Return the information (T, b) above which pixels are kept, of maps' maxima (T, b)."""
        if self._in_nats:
            return np.full_like(peak, self.threshold)
        if self.threshold_reference == "fit":
            peak = self.reference_maximum_[classes].astype(peak.dtype)
        # What is not positive is never kept by a share.
        return np.maximum(float(self.threshold) * peak, 0)

    def _all_masks(self, images, target=None):
        dtype = bool if self.mask_type == "hard" else np.float64
        out = np.zeros((len(images), *images.shape[2:]), dtype=dtype)
        for rows, kept in self._masks(images, target):
            out[rows] = kept
        return out

    def _separation(self, images, y):
        """Return the score of each image that has the target."""
        targets = self._encode_targets(self.classes_)
        if targets is not None:
            has_target = np.isin(y, targets)
            if not has_target.any():
                raise ValueError(
                    f"y holds no image with target={self.target!r}: the score is over such."
                )
            images, y = images[has_target], y[has_target]
        rows = np.arange(len(y))
        kept = self._all_masks(images)
        rest = ~kept if kept.dtype == bool else 1 - kept
        inside, outside = (
            self._classifier.predict_proba(self._fill.mix(images, mask))[rows, y]
            for mask in (kept, rest)
        )
        return np.log(np.maximum(inside, _SMALLEST_PROBA)) + np.log(
            np.maximum(1 - outside, _SMALLEST_PROBA)
        )
