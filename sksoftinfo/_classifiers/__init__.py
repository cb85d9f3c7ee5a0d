"""scikit-learn classifiers around a net: parameters, training, prediction, bounds, files.

May import: `_networks`, `_bounds`, `_utils`.
"""

from .._networks import EpochTicker, resolve_device
from .base import BaseInfoClassifier
from .info_softmax import InfoSoftmaxClassifier
from .persistence import TRUSTED_CLASSES, load, save
from .portable import CheckedStateMixin
from .pretrained import is_pretrained
from .rollback import unchanged_on_error
from .stochastic_info import StochasticInfoClassifier

__all__ = [
    "BaseInfoClassifier",
    "CheckedStateMixin",
    "EpochTicker",
    "InfoSoftmaxClassifier",
    "StochasticInfoClassifier",
    "TRUSTED_CLASSES",
    "is_pretrained",
    "load",
    "resolve_device",
    "save",
    "unchanged_on_error",
]
