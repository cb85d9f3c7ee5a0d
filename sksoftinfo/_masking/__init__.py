"""Where in the input the information sits: maps, masks and the transformer.

May import: `_classifiers`, `_networks`, `_bounds`, `_utils`.
"""

from .display import InfoMaskDisplay
from .image_classifier import neural
from .transformer import InfoMaskTransformer
from .windows import window_average

__all__ = [
    "InfoMaskDisplay",
    "InfoMaskTransformer",
    "neural",
    "window_average",
]
