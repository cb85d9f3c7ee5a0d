"""Cross-fitted bounds and estimates, information of columns, and the stack of classifiers.

May import: `_classifiers`, `_bounds`, `metrics`, `_utils`.
"""

from .cross_val import cross_val_bounds
from .estimate import InformationEstimate, bounds_and_estimate, mi_estimate
from .feature_display import FeatureInformationDisplay
from .feature_information import FeatureInformation, feature_information
from .learning_curve import InformationLearningCurveDisplay
from .score import score_bounds
from .stack_classifier import InfoStackClassifier
from .stack_cost import encoder_seconds, expected_seconds, slowness
from .table_encoder import make_table_encoder

__all__ = [
    "FeatureInformation",
    "FeatureInformationDisplay",
    "InfoStackClassifier",
    "InformationEstimate",
    "InformationLearningCurveDisplay",
    "bounds_and_estimate",
    "cross_val_bounds",
    "encoder_seconds",
    "expected_seconds",
    "feature_information",
    "make_table_encoder",
    "mi_estimate",
    "score_bounds",
    "slowness",
]
