"""Refinement of coarse masks to the outlines of objects, by GrabCut. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np

# Shares of the largest excess. A pixel at or above the first share certainly belongs to the
# object, and a pixel at or below the second share certainly does not. With a threshold of 20 %,
# the two shares lie at 0.7 and 0.1 of the map's maximum.
_SURELY, _SURELY_NOT = 0.625, -0.125
_N_ITERATIONS = 5


def import_opencv():
    """Return the module cv2; if it is missing, raise an ImportError that names the extra."""
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "refine='edges' needs OpenCV, which is not installed. Run pip install "
            "'sksoftinfo[edges]', or use refine=None."
        ) from error
    return cv2


def check_refine(refine, mask_type, image_shape):
    """Raise ValueError if masks cannot be refined, and ImportError if OpenCV is missing.

    Parameters
    ----------
    refine, mask_type
        Parameters of the transformer.
    image_shape : tuple of int
        Shape (C, H, W) of the images.
    """
    if refine is None:
        return
    if image_shape[:2] == (1, 1):
        raise ValueError("`refine` must be None for a table; got 'edges'. Use refine=None.")
    if mask_type != "hard":
        raise ValueError(
            f"`refine` must be None without hard masks; got 'edges' with mask_type={mask_type!r}. "
            "Use mask_type='hard' or refine=None."
        )
    import_opencv()


def snap_to_edges(excess, images):
    """Return the excess information with its signs changed, so that masks follow outlines.

    GrabCut fits one mixture of colours to the kept pixels and one to the other pixels, and cuts
    where colours change [1]_. Pixels with much information stay kept, and pixels with little
    information stay masked.

    Parameters
    ----------
    excess : ndarray of shape (n, H, W)
        Information above the limit, in nats. Pixels with a positive excess are kept.
    images : ndarray of shape (n, C, H, W)
        Images of any range: each is rescaled to 8 bits.

    Returns
    -------
    ndarray of shape (n, H, W)
        Positive where the refined mask keeps a pixel, with the absolute values of `excess`.

    References
    ----------
    .. [1] C. Rother, V. Kolmogorov, A. Blake, "GrabCut: interactive foreground extraction using
       iterated graph cuts", ACM Transactions on Graphics 23 (2004), 309-314.
    """
    cv2 = import_opencv()
    out = excess.copy()
    for one, image, excess_of in zip(out, images, excess, strict=True):
        highest = float(excess_of.max())
        if not (np.isfinite(highest) and highest > 0):
            continue
        marks = np.where(excess_of > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        marks[excess_of >= _SURELY * highest] = cv2.GC_FGD
        marks[excess_of <= _SURELY_NOT * highest] = cv2.GC_BGD
        if not (marks % 2 == 0).any():
            continue
        # OpenCV initialises the mixtures by its own random generator.
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(_as_colours(image), marks, None, *models, _N_ITERATIONS, cv2.GC_INIT_WITH_MASK)
        kept = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
        size = np.maximum(np.abs(excess_of), np.finfo(one.dtype).tiny)
        one[:] = np.where(kept, size, -size)
    return out


def _as_colours(image):
    """Return an image (C, H, W) as an image with three channels of 8 bits, (H, W, 3)."""
    low, high = float(image.min()), float(image.max())
    scaled = (image - low) * (255 / (high - low)) if high > low else image * 0
    last = scaled.transpose(1, 2, 0).round().astype(np.uint8)
    three = last[..., :3] if last.shape[2] >= 3 else np.repeat(last[..., :1], 3, axis=2)
    return np.ascontiguousarray(three)
