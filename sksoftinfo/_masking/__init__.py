"""Maps and masks of where the information lies in the input, and their transformer.

May import: `_classifiers`, `_networks`, `_bounds`, `_utils`.
"""

from .calibration import PatchCalibration
from .cell_geometry import CellGeometry
from .dense import DenseScorer
from .display import InfoMaskDisplay
from .feature_layer import FeatureLayer
from .fill import Fill
from .grid import GridScorer
from .image_classifier import ImageClassifier, neural
from .maps import InformationMapper
from .patch_grid import PatchGrid
from .picture_mapper import PictureMapper
from .picture_scorer import PictureScorer
from .shared_calibration import SharedCalibration
from .transformer import InfoMaskTransformer
from .windows import window_average

#: Classes of this folder that a fitted transformer may contain, for ``SKOPS_TRUSTED_TYPES``.
TRUSTED_CLASSES = (
    CellGeometry,
    DenseScorer,
    FeatureLayer,
    Fill,
    GridScorer,
    ImageClassifier,
    InfoMaskTransformer,
    InformationMapper,
    PatchCalibration,
    PatchGrid,
    PictureMapper,
    PictureScorer,
    SharedCalibration,
)

__all__ = [
    "TRUSTED_CLASSES",
    "InfoMaskDisplay",
    "InfoMaskTransformer",
    "SharedCalibration",
    "neural",
    "window_average",
]
