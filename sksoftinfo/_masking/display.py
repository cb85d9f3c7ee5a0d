"""`InfoMaskDisplay`: images, their information, their masks and what is kept."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._utils import pyplot

# Inches of a panel's longer side, and of a title or the colour bar.
_PANEL = 1.9
_EXTRA = 0.45


class InfoMaskDisplay:
    """Images, the information of each pixel about one or more classes, masks and results.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, channels, height, width)
        Before masking.
    information : ndarray of shape (n_targets, n, height, width)
        In nats.
    masks : ndarray of shape (n_targets, n, height, width)
        Of dtype bool, or weights within [0, 1].
    results : ndarray of shape (n_targets, ``*images.shape``)
        Masked images.
    target_names : list of str
        Names of the targets, as the titles have them.

    Attributes
    ----------
    axes_ : ndarray of shape (n, 1 + 3 n_targets) of matplotlib.axes.Axes
        Image, then information, mask and result of each target.
    colorbar_ : matplotlib.colorbar.Colorbar
        The colours of all maps, in nats.
    figure_ : matplotlib.figure.Figure
        The whole picture.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sksoftinfo import InfoMaskDisplay, InfoMaskTransformer
    >>> digits = load_digits()
    >>> X, y = digits.images / 16, digits.target
    >>> masker = InfoMaskTransformer(LogisticRegression(max_iter=1000), patch_size=4)
    >>> masker = masker.fit(X[:500], y[:500])
    >>> display = InfoMaskDisplay.from_estimator(masker, X[500:503], targets=[3, 8])
    >>> display.axes_.shape
    (3, 7)
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, images, information, masks, results, target_names):
        self.images = images
        self.information = information
        self.masks = masks
        self.results = results
        self.target_names = target_names

    @classmethod
    def from_estimator(cls, estimator, X, *, targets=None, figure=None):
        """Mask images and plot.

        Parameters
        ----------
        estimator : fitted InfoMaskTransformer
            It decides what is kept.
        X : array-like
            A few images, as in its `fit`.
        targets : list of labels, default=None
            Classes side by side; ``None`` is the transformer's own target.
        figure : matplotlib.figure.Figure, default=None
            A new one if None.

        Returns
        -------
        InfoMaskDisplay
            Drawn.

        Raises
        ------
        ValueError
            If a target is unknown, or X holds no images.
        """
        check_is_fitted(estimator)
        if estimator._image_shape[1] == 1:
            raise ValueError("X holds a table: InfoMaskDisplay draws images.")
        wanted = [estimator.target] if targets is None else list(targets)
        estimator._check_parameters()
        images = estimator._images(estimator._validate(X, reset=False))
        masks = [estimator._all_masks(images, target) for target in wanted]
        return cls(
            images=images,
            information=np.stack([estimator.information_map(X, target) for target in wanted]),
            masks=np.stack(masks),
            results=np.stack([estimator._fill.mix(images, mask) for mask in masks]),
            target_names=["about the predicted class" if t is None else _name(t) for t in wanted],
        ).plot(figure=figure)

    def plot(self, *, figure=None):
        """Draw one row for each image.

        Parameters
        ----------
        figure : matplotlib.figure.Figure, default=None
            A new one if None.

        Returns
        -------
        InfoMaskDisplay
            Drawn.
        """
        n_targets, n = self.information.shape[:2]
        height, width = self.information.shape[2:]
        columns = 1 + 3 * n_targets
        if figure is None:
            pixel = _PANEL / max(height, width)
            size = (columns * pixel * width + 2 * _EXTRA, n * pixel * height + 2 * _EXTRA)
            figure = pyplot().figure(figsize=size, layout="constrained")
        axes = figure.subplots(n, columns, squeeze=False)
        # The same colours for all, so that maps compare; symmetric, so that white is nothing.
        limit = float(np.abs(self.information).max()) or 1.0
        low, high = float(self.images.min()), float(self.images.max())
        for row in range(n):
            _draw(axes[row, 0], self.images[row], low, high)
            for index in range(n_targets):
                first = 1 + 3 * index
                colours = axes[row, first].imshow(
                    self.information[index, row], cmap="RdBu_r", vmin=-limit, vmax=limit
                )
                axes[row, first + 1].imshow(
                    self.masks[index, row], cmap="gray", vmin=0, vmax=1, interpolation="nearest"
                )
                _draw(axes[row, first + 2], self.results[index, row], low, high)
        for axis in axes.flat:
            axis.set_xticks([])
            axis.set_yticks([])
        titles = ["image"]
        for name in self.target_names:
            titles += [f"information\n{name}", "mask", "result"]
        for axis, title in zip(axes[0], titles, strict=True):
            axis.set_title(title, fontsize=9)
        self.colorbar_ = figure.colorbar(colours, ax=axes, shrink=0.9, aspect=30, pad=0.01)
        self.colorbar_.set_label("nats")
        self.axes_, self.figure_ = axes, figure
        return self


def _name(target):
    labels = target if isinstance(target, list | tuple | np.ndarray) else [target]
    return "about " + " or ".join(str(label) for label in labels)


def _draw(axis, image, low, high):
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[0] in (3, 4):
        scaled = (image - low) / ((high - low) or 1.0)
        axis.imshow(np.clip(scaled.transpose(1, 2, 0), 0, 1))
    else:
        grey = image if image.ndim == 2 else image.mean(axis=0)
        axis.imshow(grey, cmap="gray", vmin=low, vmax=high)
