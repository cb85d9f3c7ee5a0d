"""The scikit-learn shell around a net: parameters, fit, predict, score_bounds, files.

May import: `_networks`, `_bounds`, `_utils`.
"""

from .._networks.callbacks import EpochTicker, early_stopping

__all__ = ["EpochTicker", "early_stopping"]
