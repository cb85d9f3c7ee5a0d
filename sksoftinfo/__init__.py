"""Measure how much information data carry about a label, and where in an image it lies."""

from ._bounds import (
    BoundsDifference,
    InformationBounds,
    InformationBoundsDisplay,
    compare_bounds,
    information_bounds,
)
from ._classifiers import TRUSTED_CLASSES as _OF_CLASSIFIERS
from ._classifiers import InfoSoftmaxClassifier, StochasticInfoClassifier, load, save
from ._evaluation import (
    FeatureInformation,
    FeatureInformationDisplay,
    InformationEstimate,
    InformationLearningCurveDisplay,
    InfoStackClassifier,
    cross_val_bounds,
    feature_information,
    mi_estimate,
    score_bounds,
)
from ._masking import TRUSTED_CLASSES as _OF_MASKING
from ._masking import InfoMaskDisplay, InfoMaskTransformer
from ._networks import (
    MLP,
    ConvNet,
    LogSoftmaxLoss,
    ResumableCheckpoint,
    StochasticModule,
    TrainingDiverged,
)
from ._utils import show_versions
from ._version import __version__

#: Names of the classes to pass as ``trusted`` to ``skops.io.load``, so that it loads the
#: classifiers and the transformer of this package.
SKOPS_TRUSTED_TYPES = tuple(
    f"{cls.__module__}.{cls.__qualname__}" for cls in (*_OF_CLASSIFIERS, *_OF_MASKING)
)

__all__ = [
    "MLP",
    "SKOPS_TRUSTED_TYPES",
    "ConvNet",
    "BoundsDifference",
    "FeatureInformation",
    "FeatureInformationDisplay",
    "InfoMaskDisplay",
    "InfoMaskTransformer",
    "InfoSoftmaxClassifier",
    "InfoStackClassifier",
    "InformationBounds",
    "InformationBoundsDisplay",
    "InformationEstimate",
    "InformationLearningCurveDisplay",
    "LogSoftmaxLoss",
    "ResumableCheckpoint",
    "StochasticInfoClassifier",
    "StochasticModule",
    "TrainingDiverged",
    "__version__",
    "compare_bounds",
    "cross_val_bounds",
    "feature_information",
    "information_bounds",
    "load",
    "mi_estimate",
    "save",
    "score_bounds",
    "show_versions",
]
