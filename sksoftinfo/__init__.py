"""Neural classifiers that say how much label information they carry, and where it sits."""

from ._bounds.display import InformationBoundsDisplay
from ._bounds.from_probabilities import information_bounds
from ._bounds.result import InformationBounds
from ._classifiers.info_softmax import InfoSoftmaxClassifier
from ._classifiers.persistence import SKOPS_TRUSTED_TYPES, load, save
from ._classifiers.stochastic_info import StochasticInfoClassifier
from ._evaluation.cross_val import cross_val_bounds
from ._evaluation.estimate import InformationEstimate, mi_estimate
from ._evaluation.learning_curve import InformationLearningCurveDisplay
from ._masking.display import InfoMaskDisplay
from ._masking.transformer import InfoMaskTransformer
from ._networks.checkpoint import ResumableCheckpoint
from ._networks.stochastic_module import StochasticModule
from ._networks.training import TrainingDiverged
from ._utils.versions import show_versions
from ._version import __version__

__all__ = [
    "SKOPS_TRUSTED_TYPES",
    "InfoMaskDisplay",
    "InfoMaskTransformer",
    "InfoSoftmaxClassifier",
    "InformationBounds",
    "InformationBoundsDisplay",
    "InformationEstimate",
    "InformationLearningCurveDisplay",
    "ResumableCheckpoint",
    "StochasticInfoClassifier",
    "StochasticModule",
    "TrainingDiverged",
    "__version__",
    "cross_val_bounds",
    "information_bounds",
    "load",
    "mi_estimate",
    "save",
    "show_versions",
]
