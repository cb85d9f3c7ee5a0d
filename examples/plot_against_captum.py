"""
Information masks beside captum's attributions
==============================================

Where is the evidence for a 0? Four maps are drawn for one network: the weight of evidence of
windows of the image, and three attributions by captum. Each map is cut at 20 % of its maximum.
Information masks localise the evidence. Attributions are made for another purpose: to find the
pixels to which the prediction is sensitive. For that purpose, they are better than information
masks on this task; :doc:`/masking_results` has other tasks as well.

The comparison needs captum (``pip install captum``); without it, only the information mask is
drawn.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from sklearn.frozen import FrozenEstimator

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo.datasets import make_digit_pairs
from sksoftinfo.metrics import mask_iou_score

try:
    from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam, Occlusion
except ImportError:
    Occlusion = None
    print("captum is not installed: only the information mask is drawn.")

train = make_digit_pairs(1000, target=0, random_state=0)
test = make_digit_pairs(120, subset="test", target=0, random_state=1)
network = InfoSoftmaxClassifier(max_epochs=25, random_state=0).fit(train.data, train.target)
masker = InfoMaskTransformer(FrozenEstimator(network), target=1, patch_size=20, random_state=0)
masker = masker.fit(train.data, train.target)

# %%
# Only images that contain a 0 are used. Every method explains label 1, "the image contains a 0".

shown = test.target == 1
images, truth, ink = test.data[shown], test.masks[shown], test.foreground[shown]
maps = {"information masking\n(20 pixels)": masker.information_map(images)}

if Occlusion is not None:
    module = network.module_.eval()
    x = torch.as_tensor(images[:, None])
    occlusion = Occlusion(module).attribute(
        x, target=1, sliding_window_shapes=(1, 14, 14), strides=(1, 7, 7)
    )
    maps["occlusion\n(14 pixels, stride 7)"] = occlusion[:, 0].numpy()
    gradients = IntegratedGradients(module).attribute(x, target=1, n_steps=25)
    blurred = gaussian_filter(gradients[:, 0].detach().numpy(), (0, 2, 2))
    maps["integrated gradients\n(25 steps, blurred)"] = blurred
    grad_cam = LayerGradCam(module, module.body).attribute(x, target=1)
    wide = LayerAttribution.interpolate(grad_cam, x.shape[2:], interpolate_mode="bilinear")
    maps["Grad-CAM"] = wide[:, 0].detach().numpy()

# %%
# Pixels with more than 20 % of the maximum of a map form a mask, which is compared with the ink of
# the 0.

agreement = {}
for name, values in maps.items():
    share = values / np.maximum(values.max(axis=(1, 2), keepdims=True), 1e-12)
    agreement[name] = mask_iou_score(truth, share > 0.2, foreground=ink)
    print(f"{' '.join(name.split()):42} IoU {agreement[name]:.3f}")

# %%
# Red pixels are evidence for a 0 and blue pixels against it. Each map has its own scale, and black
# lines outline the digits.

both = np.flatnonzero((test.digits[shown] >= 0).all(axis=1))[:4]
figure, axes = plt.subplots(
    len(maps) + 1, len(both), figsize=(10, 1.35 * (len(maps) + 1)), layout="constrained"
)
for column, index in enumerate(both):
    axes[0, column].imshow(images[index], cmap="gray")
    for row, (name, values) in enumerate(maps.items(), start=1):
        limit = np.abs(values[index]).max()
        axis = axes[row, column]
        axis.imshow(values[index], cmap="RdBu_r", vmin=-limit, vmax=limit)
        axis.contour(images[index], levels=[0.4], colors="black", linewidths=0.7)
        axes[row, 0].set_ylabel(
            f"{name}\nIoU {agreement[name]:.2f}", rotation=0, ha="right", va="center", fontsize=9
        )
for axis in axes.flat:
    axis.set_xticks([])
    axis.set_yticks([])
axes[0, 0].set_ylabel("image", rotation=0, ha="right", va="center", fontsize=9)
figure.supxlabel("red: for a 0, blue: against a 0, each map on its own scale", fontsize=9)
plt.show()
