"""Units of information: nats and bits."""

from __future__ import annotations

from typing import Literal

import numpy as np

# Type of the parameter `units` of public functions.
Units = Literal["nats", "bits"]
_NATS_PER_BIT = float(np.log(2.0))


def check_units(units):
    """Return `units` if it is "nats" or "bits", else raise ValueError."""
    if not (isinstance(units, str) and units in ("nats", "bits")):
        raise ValueError(
            f"`units` must be 'nats' or 'bits'; got {units!r}. Use 'bits' for logarithms to base "
            "2."
        )
    return units


def nats_to(units):
    """Return the factor that converts nats to `units`."""
    return 1.0 if check_units(units) == "nats" else 1.0 / _NATS_PER_BIT
