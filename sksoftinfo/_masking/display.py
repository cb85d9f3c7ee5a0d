"""`InfoMaskDisplay`: images, their information maps, their masks and the masked images."""

from __future__ import annotations

import textwrap

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._utils import check_masker, label_array, pyplot
from .explained import explain
from .targets import as_list, check_one_kind_of_targets, encode_target

# Length of a panel's longer side, and of a title or the colour bar, in inches.
_PANEL = 1.9
_EXTRA = 0.45
# Panels of an overlay are larger, since photographs have details.
_PHOTOGRAPH = 2.6
# Colours of information of either sign, and of positive evidence alone.
_SIGNED, _ONE_SIDED = "RdBu_r", "inferno"


class InfoMaskDisplay:
    """Plot of images with, for each target, the information map, the mask and the masked image.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, channels, height, width), or list
        Images before masking. A list may hold images of several sizes.
    information : ndarray of shape (n_targets, n, height, width), or list of lists
        Information of each pixel in nats; NaN for a pixel that the network was not given.
    masks : ndarray of shape (n_targets, n, height, width), or list of lists
        Masks, of dtype bool or weights within [0, 1].
    results : ndarray of shape (n_targets, ``*images.shape``), or list of lists
        Masked images.
    target_names : list of str, or of lists of n str
        Name of each target in the titles, e.g. "class 3", or its name in each row.

    Attributes
    ----------
    axes_ : ndarray of shape (n, 1 + 3 n_targets) or (n, 1 + 2 n_targets) of matplotlib.axes.Axes
        One row of panels for each image: the image, then the evidence, the mask and the result
        for each target. In an overlay, evidence and mask share a panel.
    colorbar_ : matplotlib.colorbar.Colorbar
        Colour bar of all maps, in nats or as shares of each map's maximum.
    figure_ : matplotlib.figure.Figure
        Figure that contains the axes.

    See Also
    --------
    InfoMaskTransformer : Compute the maps and the masks.

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
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        targets=None,
        y=None,
        images=None,
        overlay="auto",
        alpha=0.7,
        contour=True,
        scale="shared",
        cmap=None,
        figure=None,
    ):
        """Mask images for one or more targets, and plot them.

        Each image is passed through the network once, whatever the number of targets.

        Parameters
        ----------
        estimator : fitted InfoMaskTransformer
            Transformer that computes the maps and the masks.
        X : array-like, or list or data set of images
            A few images, as in the `fit` of the transformer.
        targets : list of labels, default=None
            Targets that are drawn side by side; ``None`` is the transformer's own target.
        y : array-like of shape (n,), default=None
            Target of each image, instead of `targets`. The titles name the target of each row.
        images : list of images, default=None
            Original images that are drawn instead of `X` if `X` holds preprocessed images, which
            were resized from them. Each may have its own size. With the transformer's
            `preprocess`, `X` holds the original images and `images` is not needed.
        overlay : bool or "auto", default="auto"
            Whether evidence is laid over the images, as in `plot`.
        alpha : float, default=0.7
            Opacity of the largest evidence in an overlay, within [0, 1].
        contour : bool, default=True
            Whether an overlay shows the outline of the mask.
        scale : {"shared", "image"}, default="shared"
            Whether all maps share one colour scale in nats, or each map is scaled to its maximum.
        cmap : str or matplotlib.colors.Colormap, default=None
            Colours of the information, as in `plot`.
        figure : matplotlib.figure.Figure, default=None
            Figure to draw in; a new figure if None.

        Returns
        -------
        InfoMaskDisplay
            This display, with its plot drawn.

        Raises
        ------
        ValueError
            If `estimator` is a Pipeline, if a target is unknown, if `X` is empty or a table, if
            `images` and `X` differ in length, or if both `targets` and `y` are given.
        """
        check_masker(estimator)
        check_is_fitted(estimator)
        if estimator._image_shape[1] == 1:
            raise ValueError(
                "`X` must hold images; got a table. Plot the information of its columns, which "
                "information_map(X) returns."
            )
        check_one_kind_of_targets(targets, y)
        estimator._check_parameters()
        wanted = [estimator.target] if targets is None else as_list(targets)
        for target in wanted if targets is not None else ():
            encode_target(target, estimator.classes_, estimator.combine, "targets")
        if y is not None:
            wanted = [None]
        found = explain(estimator, X, wanted, y, images)
        names = ["the predicted class" if t is None else _name(t) for t in wanted]
        if y is not None:
            names = [[_name(label) for label in label_array(y)]]
        display = cls(
            images=found.images,
            information=found.information,
            masks=found.masks,
            results=found.results,
            target_names=names,
        )
        return display.plot(
            overlay=overlay, alpha=alpha, contour=contour, scale=scale, cmap=cmap, figure=figure
        )

    def plot(
        self,
        *,
        overlay="auto",
        alpha=0.7,
        contour=True,
        scale="shared",
        cmap=None,
        figure=None,
    ):
        """Draw one row for each image.

        Parameters
        ----------
        overlay : bool or "auto", default="auto"
            If True, the evidence is laid over the image, less evidence more transparently, and the
            mask is drawn as an outline. If False, each has its own panel. ``"auto"`` is True for
            colour images.
        alpha : float, default=0.7
            Opacity of the largest evidence in an overlay, within [0, 1].
        contour : bool, default=True
            Whether an overlay shows the outline of the mask.
        scale : {"shared", "image"}, default="shared"
            Whether all maps share one colour scale in nats, so that they can be compared, or each
            map is scaled to its maximum.
        cmap : str or matplotlib.colors.Colormap, default=None
            Colours of the information; ``None`` is "inferno" for overlays, which show positive
            evidence only, and "RdBu_r" for panels, where white is zero information.
        figure : matplotlib.figure.Figure, default=None
            Figure to draw in; a new figure if None.

        Returns
        -------
        InfoMaskDisplay
            This display, with its plot drawn.

        Raises
        ------
        ValueError
            If `overlay`, `scale` or `alpha` is invalid.
        """
        if scale not in ("shared", "image"):
            raise ValueError(
                f"`scale` must be 'shared' or 'image'; got {scale!r}. Use 'shared' to compare "
                "maps."
            )
        if not 0 <= alpha <= 1:
            raise ValueError(
                f"`alpha` must be within [0, 1]; got {alpha!r}. Use 0.7, the default."
            )
        if isinstance(overlay, str):
            if overlay != "auto":
                raise ValueError(
                    f"`overlay` must be True, False or 'auto'; got {overlay!r}. Use 'auto' to "
                    "overlay colour images only."
                )
            overlay = all(_has_colours(image) for image in self.images)
        n_targets, n = len(self.information), len(self.images)
        panels = 2 if overlay else 3
        columns = 1 + panels * n_targets
        # Relative heights of the rows, whose panels have equal widths.
        heights = [np.shape(image)[-2] / np.shape(image)[-1] for image in self.images]
        if figure is None:
            width = (_PHOTOGRAPH if overlay else _PANEL) / max(1, *heights)
            # Targets that differ between rows are named above each row.
            n_titles = 1 if all(isinstance(name, str) for name in self.target_names) else n
            size = (columns * width + 2 * _EXTRA, sum(heights) * width + (1 + n_titles) * _EXTRA)
            figure = pyplot().figure(figsize=size, layout="constrained")
        axes = figure.subplots(n, columns, squeeze=False, height_ratios=heights)
        cmap = cmap or (_ONE_SIDED if overlay else _SIGNED)
        largest = np.array([[_largest(one, overlay) for one in part] for part in self.information])
        nothing_found = not largest.any()
        largest[largest == 0] = 1
        divisors = np.ones_like(largest) if scale == "shared" else largest
        limit = float(largest.max()) if scale == "shared" else 1.0
        low, high = _range(self.images)
        for row in range(n):
            _draw(axes[row, 0], self.images[row], low, high)
            for index in range(n_targets):
                first = 1 + panels * index
                evidence = np.asarray(self.information[index][row]) / divisors[index, row]
                mask = np.asarray(self.masks[index][row])
                if overlay:
                    _draw(axes[row, first], self.images[row], low, high)
                    colours = _lay_over(axes[row, first], evidence, limit, alpha, cmap)
                    if contour and 0 < mask.mean() < 1:
                        _outline(axes[row, first], mask)
                else:
                    colours = axes[row, first].imshow(evidence, cmap=cmap, vmin=-limit, vmax=limit)
                    axes[row, first + 1].imshow(
                        mask, cmap="gray", vmin=0, vmax=1, interpolation="nearest"
                    )
                _draw(axes[row, first + panels - 1], self.results[index][row], low, high)
        for axis in axes.flat:
            axis.set_xticks([])
            axis.set_yticks([])
        axes[0, 0].set_title("image", fontsize=9)
        for index, name in enumerate(self.target_names):
            first = 1 + panels * index
            for row, of_row in enumerate([name] if isinstance(name, str) else name):
                # A long name would run over the title of the next panel.
                title = f"evidence for\n{textwrap.fill(of_row, 24)}"
                # A title above all rows describes each of them.
                below = axes[:, first] if isinstance(name, str) else axes[row : row + 1, first]
                if any(axis.collections for axis in below):
                    title += "\n(outline: pixels kept)"
                axes[row, first].set_title(title, fontsize=9)
            if not overlay:
                axes[0, first + 1].set_title("mask", fontsize=9)
            axes[0, first + panels - 1].set_title(
                "cut-out" if overlay else "masked image", fontsize=9
            )
        self.colorbar_ = figure.colorbar(colours, ax=axes, shrink=0.9, aspect=30, pad=0.01)
        self.colorbar_.set_label(
            "evidence (nats)" if scale == "shared" else "share of each map's maximum"
        )
        if nothing_found:
            # Without evidence, the scale has no end.
            self.colorbar_.set_ticks([0])
        self.axes_, self.figure_ = axes, figure
        return self


def _name(target):
    return "class " + " or ".join(str(label) for label in as_list(target))


def _has_colours(image):
    return np.ndim(image) == 3 and np.shape(image)[0] in (3, 4)


def _largest(information, one_sided):
    """Return the largest evidence of a map, or its largest absolute value."""
    known = np.asarray(information)[~np.isnan(information)]
    if one_sided:
        known = np.maximum(known, 0)
    return float(np.abs(known).max(initial=0))


def _range(images):
    """Return the values that are drawn as black and as white."""
    if all(np.asarray(image).dtype == np.uint8 for image in images):
        return 0.0, 255.0
    return (
        float(min(np.min(image) for image in images)),
        float(max(np.max(image) for image in images)),
    )


def _draw(axis, image, low, high):
    image = np.asarray(image)
    if _has_colours(image):
        scaled = (image - low) / ((high - low) or 1.0)
        axis.imshow(np.clip(scaled.transpose(1, 2, 0), 0, 1))
    else:
        grey = image if image.ndim == 2 else image.mean(axis=0)
        axis.imshow(grey, cmap="gray", vmin=low, vmax=high)


def _lay_over(axis, evidence, limit, alpha, cmap):
    """Draw positive evidence, more opaque the larger it is; return its colours for a bar."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    evidence = np.clip(np.nan_to_num(evidence, nan=0.0), 0, limit)
    colours = ScalarMappable(Normalize(0, limit), cmap)
    axis.imshow(evidence, cmap=cmap, vmin=0, vmax=limit, alpha=alpha * np.sqrt(evidence / limit))
    return colours


def _outline(axis, mask):
    """Draw the outline of a mask in black and white, which is visible on any background."""
    for width, colour in ((2.2, "black"), (1.0, "white")):
        axis.contour(mask.astype(float), levels=[0.5], colors=colour, linewidths=width)
