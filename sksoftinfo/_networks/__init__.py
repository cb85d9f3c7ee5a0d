"""Torch modules, losses, noise and skorch nets; the only folder that imports skorch.

May import: `_utils`.
"""

from .averaged_mlp import AveragedMLP
from .callbacks import (
    EpochTicker,
    changes_training,
    check_monitors,
    own_callbacks,
)
from .checkpoint import ResumableCheckpoint
from .cross_fitted_net import CrossFittedNet, folds_of_rows
from .device import (
    download,
    has_float64,
    is_out_of_memory,
    naming_batch_size,
    neutral_torch,
    resolve_device,
    seeded,
    upload,
)
from .image_net import ImageNet
from .losses import DonskerVaradhanLoss, LogSoftmaxLoss, PredictiveLoss
from .module_copy import evaluation_copy
from .modules import MLP, ConvNet
from .net import InfoSoftmaxNet, make_net
from .noise import NOISE_FAMILIES, NoisyModuleFactory, draw_bank
from .precision import PRECISIONS
from .predictions import (
    checked_logits,
    log_proba_batches,
    posterior_logits,
    predict_log_proba,
    predict_logits,
    with_rows,
)
from .prepare import learn_inputs, warn_of_rounding
from .pretrained_net import (
    PretrainedNet,
    check_has_weights,
    check_input_shape,
    check_pretrained,
)
from .probe import check_output, check_stochastic_module, warn_of_equal_rows, warn_of_sizes
from .refused_rows import naming_rows
from .restored_state import check_history, history_text
from .splits import make_train_split
from .stochastic_module import StochasticModule, unwrapped
from .stochastic_net import StochasticInfoNet
from .stochastic_predictions import (
    evaluate_trunk,
    logits_of_trunk,
    noise_of_net,
    predict_log_proba_of_noise,
    trunk_batches,
)
from .torch_flags import pinned_flags
from .training import TrainingDiverged, net_unchanged_on_error, trainable

__all__ = [
    "MLP",
    "NOISE_FAMILIES",
    "PRECISIONS",
    "AveragedMLP",
    "ConvNet",
    "CrossFittedNet",
    "DonskerVaradhanLoss",
    "EpochTicker",
    "ImageNet",
    "InfoSoftmaxNet",
    "LogSoftmaxLoss",
    "NoisyModuleFactory",
    "PredictiveLoss",
    "PretrainedNet",
    "ResumableCheckpoint",
    "StochasticInfoNet",
    "StochasticModule",
    "TrainingDiverged",
    "check_has_weights",
    "check_history",
    "check_input_shape",
    "check_monitors",
    "check_output",
    "check_pretrained",
    "check_stochastic_module",
    "checked_logits",
    "download",
    "draw_bank",
    "changes_training",
    "evaluate_trunk",
    "evaluation_copy",
    "folds_of_rows",
    "has_float64",
    "history_text",
    "is_out_of_memory",
    "learn_inputs",
    "log_proba_batches",
    "logits_of_trunk",
    "make_net",
    "make_train_split",
    "naming_batch_size",
    "naming_rows",
    "net_unchanged_on_error",
    "neutral_torch",
    "noise_of_net",
    "own_callbacks",
    "pinned_flags",
    "posterior_logits",
    "predict_log_proba",
    "predict_log_proba_of_noise",
    "predict_logits",
    "resolve_device",
    "seeded",
    "trainable",
    "trunk_batches",
    "unwrapped",
    "upload",
    "warn_of_equal_rows",
    "warn_of_rounding",
    "warn_of_sizes",
    "with_rows",
]
