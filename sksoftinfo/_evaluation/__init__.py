"""Hold out, fit, score and compare: cross-fitted bounds, the stack, estimates.

May import: `_classifiers`, `_bounds`, `metrics`, `_utils`.
"""

from .cross_val import cross_val_bounds
from .estimate import InformationEstimate, mi_estimate
from .learning_curve import InformationLearningCurveDisplay

__all__ = [
    "InformationEstimate",
    "InformationLearningCurveDisplay",
    "cross_val_bounds",
    "mi_estimate",
]
