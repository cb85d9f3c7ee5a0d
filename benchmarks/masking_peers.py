"""Attribution maps of other libraries, for a network and one of its classes.

Every function takes the torch module, images (n, 1, H, W) as a tensor, and the class's index, and
returns maps (n, H, W), larger where there is more evidence for the class.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from captum.attr import (
    FeatureAblation,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    Occlusion,
)
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from scipy.ndimage import gaussian_filter
from torchcam.methods import CAM, ScoreCAM

_BATCH = 64


def batched(function):
    """Explain a few images at a time, and return one array."""

    def whole(module, images, target):
        parts = [
            function(module, images[start : start + _BATCH], target)
            for start in range(0, len(images), _BATCH)
        ]
        return np.concatenate(parts)

    return whole


def to_pixels(maps, images):
    return F.interpolate(maps, size=images.shape[2:], mode="bilinear")[:, 0].detach().numpy()


def occlusion(window, stride):
    @batched
    def maps(module, images, target):
        with torch.no_grad():
            found = Occlusion(module).attribute(
                images,
                target=target,
                sliding_window_shapes=(1, window, window),
                strides=(1, stride, stride),
                baselines=0,
            )
        return found[:, 0].numpy()

    return maps


@batched
def ablation(module, images, target):
    height, width = images.shape[2:]
    rows, columns = torch.arange(height) // 7, torch.arange(width) // 7
    blocks = rows[:, None] * (width // 7) + columns
    with torch.no_grad():
        found = FeatureAblation(module).attribute(images, target=target, feature_mask=blocks)
    return found[:, 0].numpy()


@batched
def integrated_gradients(module, images, target):
    found = IntegratedGradients(module).attribute(
        images, target=target, n_steps=50, internal_batch_size=512
    )
    return gaussian_filter(found[:, 0].detach().numpy(), (0, 2, 2))


@batched
def captum_grad_cam(module, images, target):
    found = LayerGradCam(module, module.body[-1]).attribute(
        images, target=target, relu_attributions=True
    )
    return LayerAttribution.interpolate(found, images.shape[2:], "bilinear")[:, 0].detach().numpy()


@batched
def grad_cam(module, images, target):
    with GradCAM(module, [module.body[-1]]) as cam:
        return cam(images, [ClassifierOutputTarget(target)] * len(images))


def torchcam_map(method):
    @batched
    def maps(module, images, target):
        with method(module, target_layer="body", **_torchcam_options(method)) as cam:
            logits = module(images)
            (found,) = cam(target, logits)
        return to_pixels(found[:, None].float(), images)

    return maps


def _torchcam_options(method):
    return {"fc_layer": "head"} if method is CAM else {"batch_size": 256}


def info_cam(smooth):
    """Return the later paper's maps: the logit of each cell minus the mean of other classes."""

    @batched
    def maps(module, images, target):
        with torch.no_grad():
            logits = module.head(module.body(images).movedim(1, -1))
        others = np.delete(np.arange(logits.shape[-1]), target)
        difference = logits[..., target] - logits[..., others].mean(-1)
        difference = difference[:, None]
        if smooth:
            padded = F.pad(difference, (1, 2, 1, 2), mode="replicate")
            difference = F.avg_pool2d(padded, 4, stride=1)
        return to_pixels(difference, images)

    return maps


PEERS = {
    "captum Occlusion 14/7": occlusion(14, 7),
    "captum Occlusion 8/4": occlusion(8, 4),
    "captum FeatureAblation 7": ablation,
    "captum LayerGradCam": captum_grad_cam,
    "captum IntegratedGradients 50, blurred": integrated_gradients,
    "grad-cam GradCAM": grad_cam,
    "torchcam CAM": torchcam_map(CAM),
    "torchcam ScoreCAM": torchcam_map(ScoreCAM),
    "infoCAM": info_cam(smooth=False),
    "infoCAM, smoothed 4 x 4": info_cam(smooth=True),
}
