import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from sksoftinfo.metrics import (
    box_accuracy_score,
    box_iou_score,
    mask_iou_score,
    mask_iou_scorer,
    pointing_game_score,
)


@pytest.fixture
def masks():
    true = np.zeros((3, 4, 6), dtype=bool)
    true[0, :, :3] = True
    true[1, 0, 0] = True
    return true


def test_mask_iou_by_hand(masks):
    pred = np.zeros_like(masks)
    pred[0, :, 2:4] = True
    pred[1, 0, 0] = True
    # The shares are 4 of 16 and 1 of 1; the third image has no object.
    assert mask_iou_score(masks, pred) == pytest.approx((4 / 16 + 1) / 2)
    assert mask_iou_score(masks, masks) == 1.0
    assert mask_iou_score(masks, np.zeros_like(masks)) == 0.0
    foreground = np.zeros_like(masks)
    foreground[:, :, :3] = True
    assert mask_iou_score(masks, pred, foreground=foreground) == pytest.approx((4 / 12 + 1) / 2)


def test_pointing_game(masks):
    maps = np.zeros(masks.shape)
    maps[0, 2, 4] = 1.0
    maps[1, 1, 1] = 1.0
    assert pointing_game_score(masks, maps) == 0.0
    assert pointing_game_score(masks, maps, tolerance=1) == 0.5
    assert pointing_game_score(masks, maps, tolerance=2) == 1.0


def test_boxes_by_hand():
    true = np.array([[0, 0, 4, 2], [1, 1, 3, 3]])
    pred = np.array([[2, 0, 6, 2], [0, 0, 0, 0]])
    # The shares are 4 of 12, and 0.
    assert box_iou_score(true, pred) == pytest.approx(1 / 6)
    assert box_accuracy_score(true, pred) == 0.0
    assert box_accuracy_score(true, pred, iou_threshold=1 / 3) == 0.5
    assert box_accuracy_score(true, true) == 1.0


def test_wrong_arguments(masks):
    with pytest.raises(ValueError, match=r"must have the same shape .*; got \(3, 4, 6\) and"):
        mask_iou_score(masks, masks[:2])
    for score in (mask_iou_score, pointing_game_score):
        with pytest.raises(ValueError, match="`masks_true` must have an object"):
            score(masks[2:], masks[2:])
    maps = np.where(np.arange(3) == 1, np.nan, 0.0)[:, None, None] + masks
    with pytest.raises(ValueError, match="`maps` must not hold NaN; got NaN in image 1"):
        pointing_game_score(masks, maps)
    with pytest.raises(ValueError, match="`tolerance` must be at least 0; got -1"):
        pointing_game_score(masks, masks, tolerance=-1)
    with pytest.raises(ValueError, match="positive area; got 1 empty box, the first in row 0"):
        box_iou_score([[0, 0, 0, 0]], [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match="`boxes_pred` must have 4 columns; got 3"):
        box_iou_score([[0, 0, 1]], [[0, 0, 1]])
    with pytest.raises(ValueError, match="`masks` must hold the masks of .*; got None"):
        mask_iou_scorer(None, masks)


def test_masks_agree_with_the_jaccard_score_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, pred = rng.random((2, 5, 4, 6)) < 0.5
    one_by_one = [jaccard_score(*pair) for pair in zip(flat(true), flat(pred), strict=True)]
    assert mask_iou_score(true, pred) == pytest.approx(np.mean(one_by_one))


def flat(masks):
    return masks.reshape(len(masks), -1)


def test_boxes_agree_with_torchvision():
    ops = pytest.importorskip("torchvision.ops")
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 20, (2, 30, 2))
    true, pred = (np.c_[one, one + rng.integers(1, 12, (30, 2))] for one in corners)
    ious = ops.box_iou(torch.as_tensor(true), torch.as_tensor(pred)).numpy().diagonal()
    assert 0 < (ious == 0).sum() < 30
    assert box_iou_score(true, pred) == pytest.approx(ious.mean())
    for threshold in (0.05, 0.3):
        score = box_accuracy_score(true, pred, iou_threshold=threshold)
        assert score == pytest.approx((ious >= threshold).mean())
