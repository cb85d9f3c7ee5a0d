"""The scikit-learn shell around a net: parameters, fit, predict, score_bounds, files.

May import: `_networks`, `_bounds`, `_utils`.
"""

from .._networks import EpochTicker, early_stopping
from .base import BaseInfoClassifier
from .info_softmax import InfoSoftmaxClassifier
from .persistence import SKOPS_TRUSTED_TYPES, load, save
from .stochastic_info import StochasticInfoClassifier

__all__ = [
    "SKOPS_TRUSTED_TYPES",
    "BaseInfoClassifier",
    "EpochTicker",
    "InfoSoftmaxClassifier",
    "StochasticInfoClassifier",
    "early_stopping",
    "load",
    "save",
]
