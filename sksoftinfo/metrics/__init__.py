"""Scores and scorers of information and of masks, for searches and cross-validation.

For every score, larger is better. Scores of information are in nats unless `units` is given.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.model_selection import GridSearchCV
>>> from sksoftinfo.metrics import mi_lower_scorer
>>> X, y = load_iris(return_X_y=True)
>>> grid = {"C": [0.01, 1.0]}
>>> search = GridSearchCV(LogisticRegression(max_iter=1000), grid, scoring=mi_lower_scorer)
>>> search.fit(X, y).best_params_
{'C': 1.0}
"""

# May import: `_bounds`, `_utils`.

from ._information import (
    InformationScorer,
    bounds_scorer,
    bounds_scores,
    d2_score,
    dv_score,
    dv_scorer,
    log_softmax_score,
    log_softmax_scorer,
    mi_lower_limit_score,
    mi_lower_score,
    mi_lower_scorer,
)
from ._masks import (
    MaskIoUScorer,
    box_accuracy_score,
    box_iou_score,
    mask_iou_score,
    mask_iou_scorer,
    pointing_game_score,
)

__all__ = [
    "InformationScorer",
    "MaskIoUScorer",
    "bounds_scorer",
    "bounds_scores",
    "box_accuracy_score",
    "box_iou_score",
    "d2_score",
    "dv_score",
    "dv_scorer",
    "log_softmax_score",
    "log_softmax_scorer",
    "mask_iou_score",
    "mask_iou_scorer",
    "mi_lower_limit_score",
    "mi_lower_score",
    "mi_lower_scorer",
    "pointing_game_score",
]
