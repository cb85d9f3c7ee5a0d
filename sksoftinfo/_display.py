"""Pictures. matplotlib is imported when one is drawn."""

from __future__ import annotations

import numpy as np


def _axes(n_rows, n_columns, width, height):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("Pictures need matplotlib: pip install 'sksoftinfo[plot]'.") from error
    return plt.subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns, height * n_rows),
        squeeze=False,
        layout="constrained",
    )


def plot_info_masks(images, information, masked, *, titles=None):
    """Draw images, the information of their pixels, and what is kept (the paper's Figure 2).

    Parameters
    ----------
    images, masked : ndarray of shape (n, H, W)
        Before and after masking.
    information : ndarray of shape (n, H, W)
        In nats.
    titles : sequence of str, default=None
        Above each row's image.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _axes(len(images), 3, 3.2, 1.7)
    limit = max(np.abs(information).max(), 1e-12)
    for row, (image, nats, kept) in enumerate(zip(images, information, masked, strict=True)):
        axes[row, 0].imshow(image, cmap="gray", vmin=0, vmax=1)
        colours = axes[row, 1].imshow(nats, cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes[row, 2].imshow(kept, cmap="gray", vmin=0, vmax=1)
        if titles is not None:
            axes[row, 0].set_ylabel(titles[row], fontsize=9)
        for axis in axes[row]:
            axis.set_xticks([])
            axis.set_yticks([])
    for axis, title in zip(
        axes[0], ("image", "information about the target", "kept"), strict=True
    ):
        axis.set_title(title, fontsize=10)
    figure.colorbar(colours, ax=axes, label="information in nats", shrink=0.6)
    return figure


def plot_ladders(bounds, *, names):
    """Draw the ladder of bounds of one or several results, each up to its H(Y).

    Parameters
    ----------
    bounds : sequence of InformationBounds
        All in the same units.
    names : sequence of str

    Returns
    -------
    matplotlib.figure.Figure
    """
    rungs = (
        ("dv_label_prior", "DV, E_y = P(Y)"),
        ("mi_output_lower", "lower bound of I(Z;Y)"),
        ("mi_lower", "lower bound of I(X;Y)"),
        ("mi_upper", "upper bound of I(X;Y)"),
    )
    figure, axes = _axes(1, 1, 6.4, 1.1 + 0.9 * len(bounds))
    axis = axes[0, 0]
    height = 0.8 / len(rungs)
    for index, (attribute, label) in enumerate(rungs):
        values = [getattr(one, attribute) for one in bounds]
        places = np.arange(len(bounds)) + (index - (len(rungs) - 1) / 2) * height
        bars = axis.barh(places, values, height=height, label=label, color=f"C{index}")
        axis.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
    axis.set_yticks(np.arange(len(bounds)), names)
    axis.invert_yaxis()
    axis.set_xlabel(bounds[0].units)
    axis.margins(x=0.12)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_title("How much the network's output and its input say about the label", fontsize=10)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure
