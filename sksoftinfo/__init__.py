"""Neural classifiers that say how much label information they carry, and where it sits."""

from ._bounds import (
    BoundsDifference,
    InformationBounds,
    InformationBoundsDisplay,
    compare_bounds,
    information_bounds,
)
from ._classifiers import (
    SKOPS_TRUSTED_TYPES,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    load,
    save,
)
from ._evaluation import (
    InformationEstimate,
    InformationLearningCurveDisplay,
    cross_val_bounds,
    mi_estimate,
)
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

__all__ = [
    "MLP",
    "SKOPS_TRUSTED_TYPES",
    "ConvNet",
    "BoundsDifference",
    "InfoMaskDisplay",
    "InfoMaskTransformer",
    "InfoSoftmaxClassifier",
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
    "information_bounds",
    "load",
    "mi_estimate",
    "save",
    "show_versions",
]
