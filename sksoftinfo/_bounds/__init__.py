"""Equations, information bounds and confidence limits, in NumPy and SciPy alone.

May import: `_utils`. Never torch.
"""

from .accumulator import BoundsAccumulator, certain_row_terms
from .compare import BoundsDifference, compare_bounds
from .confidence import (
    check_confidence_level,
    floor_share,
)
from .display import InformationBoundsDisplay
from .equations import (
    entropy,
    expected_entropy,
    label_frequencies,
    pointwise_information,
    predictive_entropy,
)
from .from_probabilities import cross_fitted_bounds, information_bounds, named_labels
from .observations import check_number_of_groups, check_weight_bounds, encode_groups
from .output_upper import OutputInformation
from .priors import (
    check_distribution,
    check_reference_covers,
    resolve_class_prior,
    resolve_reference_prior,
)
from .result import InformationBounds, bounds_from, warn_of_harm
from .student import means_of_observations, student_of
from .units import Units, check_units, nats_to

__all__ = [
    "BoundsAccumulator",
    "BoundsDifference",
    "InformationBounds",
    "InformationBoundsDisplay",
    "OutputInformation",
    "Units",
    "bounds_from",
    "certain_row_terms",
    "check_distribution",
    "check_confidence_level",
    "check_number_of_groups",
    "check_reference_covers",
    "check_units",
    "check_weight_bounds",
    "compare_bounds",
    "cross_fitted_bounds",
    "encode_groups",
    "entropy",
    "expected_entropy",
    "floor_share",
    "information_bounds",
    "label_frequencies",
    "means_of_observations",
    "named_labels",
    "nats_to",
    "pointwise_information",
    "predictive_entropy",
    "resolve_class_prior",
    "resolve_reference_prior",
    "student_of",
    "warn_of_harm",
]
