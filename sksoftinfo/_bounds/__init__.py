"""From probabilities to `InformationBounds`: equations, limits, results; NumPy and SciPy alone.

May import: `_utils`. Never torch.
"""

from .accumulator import BoundsAccumulator, certain_row_terms
from .confidence import ConfidenceMethod, check_confidence
from .display import InformationBoundsDisplay
from .equations import (
    entropy,
    expected_entropy,
    label_frequencies,
    label_log_likelihood,
    pointwise_information,
    predictive_entropy,
)
from .from_probabilities import information_bounds
from .output_upper import OutputInformation
from .priors import check_reference_covers, resolve_class_prior, resolve_reference_prior
from .result import InformationBounds, bounds_from
from .units import Units, check_units, nats_to

__all__ = [
    "BoundsAccumulator",
    "ConfidenceMethod",
    "InformationBounds",
    "InformationBoundsDisplay",
    "OutputInformation",
    "Units",
    "bounds_from",
    "certain_row_terms",
    "check_confidence",
    "check_reference_covers",
    "check_units",
    "entropy",
    "expected_entropy",
    "information_bounds",
    "label_frequencies",
    "label_log_likelihood",
    "nats_to",
    "pointwise_information",
    "predictive_entropy",
    "resolve_class_prior",
    "resolve_reference_prior",
]
