"""Shared calibrations as plain numbers, which a file holds and another transformer uses."""

from __future__ import annotations

from numbers import Real

import numpy as np

from .picture_mapper import PictureMapper
from .shared_calibration import SharedCalibration

_KEYS = ("settings", "coef", "intercept", "rival_slope", "presence_floor")


def calibration_numbers(masker, mapper, floor):
    """Return the numbers of a mapper's shared calibration, in types of JSON.

    Parameters
    ----------
    masker : InfoMaskTransformer
        Fitted transformer, whose settings the numbers are valid for.
    mapper : InformationMapper or PictureMapper
        The transformer's calibrated mapper.
    floor : float
        Presence floor in nats, or ``-inf`` if presence is not required.
    """
    calibrations = mapper.calibrations_
    return {
        "settings": settings_of(masker),
        "coef": [[float(one) for one in calibration.coef_] for calibration in calibrations],
        "intercept": [float(calibration.intercept_) for calibration in calibrations],
        "rival_slope": getattr(calibrations[0], "rival_slope_", None),
        "presence_floor": float(floor) if np.isfinite(floor) else None,
    }


def use_numbers(masker, mapper, numbers):
    """Calibrate a mapper by the numbers of `calibration_numbers`, and return the presence floor.

    Raises
    ------
    ValueError
        If the numbers are not those of a calibration, or belong to other settings.
    """
    check_numbers(numbers)
    settings = settings_of(masker)
    if numbers["settings"] != settings:
        raise ValueError(
            f"`calibrate` must be a calibration for the settings {settings}; got one for "
            f"{numbers['settings']}. Use the same settings and network as in the fit that the "
            "calibration comes from, or calibrate=True."
        )
    slope, floor = numbers["rival_slope"], numbers["presence_floor"]
    n_groups = len(mapper.size_groups)
    if len(numbers["coef"]) != n_groups or (slope is None) == isinstance(mapper, PictureMapper):
        raise _invalid(numbers)
    if floor is None and masker._presence_required:
        raise ValueError(
            "`calibrate` must hold a presence floor if presence is required; got None. Take the "
            "calibration from a transformer with require_presence=True, or set "
            "require_presence=False."
        )
    mapper.calibrations_ = []
    for coef, intercept in zip(numbers["coef"], numbers["intercept"], strict=True):
        calibration = SharedCalibration(mapper.prior)
        calibration.coef_ = np.array(coef, dtype=np.float64)
        calibration.intercept_ = float(intercept)
        if slope is not None:
            calibration.rival_slope_ = float(slope)
        calibration.shipped_ = False
        mapper.calibrations_.append(calibration)
    return -np.inf if floor is None else float(floor)


def check_numbers(numbers):
    """Raise ValueError unless a dict has the form of `calibration_numbers`.

    Examples
    --------
    >>> from sksoftinfo._masking.saved_calibration import check_numbers
    >>> check_numbers(
    ...     {
    ...         "settings": {"zoom": 1.4},
    ...         "coef": [[0.4, -0.04]],
    ...         "intercept": [-0.2],
    ...         "rival_slope": 2.0,
    ...         "presence_floor": 1.3,
    ...     }
    ... )
    """
    if sorted(map(str, numbers)) != sorted(_KEYS):
        raise _invalid(numbers)
    coef, intercept = numbers["coef"], numbers["intercept"]
    lists = (coef, intercept, *coef) if isinstance(coef, list) else (coef,)
    if not all(isinstance(one, list) for one in lists) or not 0 < len(coef) == len(intercept):
        raise _invalid(numbers)
    values = [*intercept, *(one for pair in coef for one in pair)]
    values += [
        one for one in (numbers["rival_slope"], numbers["presence_floor"]) if one is not None
    ]
    are_real = all(isinstance(one, Real) and not isinstance(one, bool) for one in values)
    if not are_real or not np.isfinite(values).all() or any(len(pair) != 2 for pair in coef):
        raise _invalid(numbers)
    if type(numbers["settings"]) is not dict:
        raise _invalid(numbers)


def patch_sizes_of(calibrate, patch_size):
    """Return the patch sizes of a given calibration if `patch_size` leaves the choice to it.

    Raises
    ------
    ValueError
        If `calibrate` is a dict, but not one of `calibration_numbers`.
    """
    if not isinstance(calibrate, dict):
        return patch_size
    check_numbers(calibrate)
    sizes = calibrate["settings"].get("patch_size")
    if sizes is None or not isinstance(patch_size, str):
        return patch_size
    if type(sizes) is not list or not all(type(size) is list for size in sizes):
        raise _invalid(calibrate)
    return [tuple(size) for size in sizes]


def is_for_pictures(calibrate):
    """Return whether `calibrate` is a calibration for photograph mode."""
    return isinstance(calibrate, dict) and "zoom" in calibrate["settings"]


def settings_of(masker):
    """Return the parameters of a transformer that a shared calibration depends on."""
    if masker._of_pictures:
        return {"zoom": float(masker.zoom)}
    sizes = (
        masker.patch_size_ if isinstance(masker.patch_size_[0], tuple) else [masker.patch_size_]
    )
    return {"patch_size": [list(size) for size in sizes], "context": float(masker.context)}


def _invalid(numbers):
    return ValueError(
        "`calibrate` must be a dict like `shared_calibration_` of a fitted transformer, with "
        f"{', '.join(_KEYS)}; got {numbers!r:.200}. Pass `shared_calibration_` unchanged."
    )
