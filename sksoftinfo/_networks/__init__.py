"""Torch modules, losses, noise, the skorch nets and how they train; alone knows skorch.

May import: `_utils`.
"""

from .callbacks import (
    DEFAULT_CALLBACKS,
    EpochTicker,
    check_monitors,
    early_stopping,
    make_train_split,
    own_callbacks,
)
from .checkpoint import ResumableCheckpoint
from .device import resolve_device, seeded
from .losses import DonskerVaradhanLoss, LogSoftmaxLoss, PredictiveLoss
from .modules import MLP, ConvNet
from .net import SKORCH_NAMES, SKORCH_PREFIXES, InfoSoftmaxNet, make_net
from .noise import NOISE_FAMILIES, NoisyModuleFactory, noise_bank
from .probe import check_output
from .stochastic_module import StochasticModule
from .stochastic_net import StochasticInfoNet
from .training import TrainingDiverged

__all__ = [
    "DEFAULT_CALLBACKS",
    "MLP",
    "NOISE_FAMILIES",
    "SKORCH_NAMES",
    "SKORCH_PREFIXES",
    "ConvNet",
    "DonskerVaradhanLoss",
    "EpochTicker",
    "InfoSoftmaxNet",
    "LogSoftmaxLoss",
    "NoisyModuleFactory",
    "PredictiveLoss",
    "ResumableCheckpoint",
    "StochasticInfoNet",
    "StochasticModule",
    "TrainingDiverged",
    "check_monitors",
    "check_output",
    "early_stopping",
    "make_net",
    "make_train_split",
    "noise_bank",
    "own_callbacks",
    "resolve_device",
    "seeded",
]
