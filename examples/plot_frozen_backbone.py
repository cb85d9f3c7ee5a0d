"""
A torchvision backbone, frozen in a pipeline
============================================

How many bits about the label does each stage of a backbone carry? A torchvision network is wrapped
as a transformer that the pipeline does not train. The predictions of the classifier behind the
transformer give a lower bound on the information in the features. No weights are downloaded here:
the backbone first has random weights, and is then trained on other images of the same digits. For
pretrained weights, write ``shufflenet_v2_x0_5(weights="DEFAULT")``.

The example needs torchvision (``pip install "sksoftinfo[vision]"``).
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier, score_bounds

try:
    from torchvision.models import shufflenet_v2_x0_5
except ImportError:
    raise SystemExit(
        "This example needs torchvision, which is not installed. Run pip install "
        "'sksoftinfo[vision]'."
    ) from None


class FrozenStages(TransformerMixin, BaseEstimator):
    """Apply the first stages of a torch network, which are never trained."""

    def __init__(self, backbone, stages):
        self.backbone = backbone
        self.stages = stages

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    @torch.inference_mode()
    def transform(self, X):
        x = enlarge(X)
        for name in self.stages:
            x = getattr(self.backbone.eval(), name)(x)
        return x.mean((2, 3)).numpy()


def enlarge(X):
    """Return digits of 8 x 8 pixels as roughly standardised colour images of 32 x 32 pixels."""
    grey = torch.as_tensor(np.asarray(X, dtype=np.float32).reshape(-1, 1, 8, 8)) / 8 - 1
    return torch.nn.functional.interpolate(grey, scale_factor=4).expand(-1, 3, -1, -1)


digits = load_digits()
X_backbone, X, y_backbone, y = train_test_split(
    digits.data, digits.target, test_size=0.6, stratify=digits.target, random_state=0
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# :class:`~sksoftinfo.InfoSoftmaxClassifier` trains any torch module, including the backbone.

torch.manual_seed(0)
random_net = shufflenet_v2_x0_5(weights=None, num_classes=10)
trainer = InfoSoftmaxClassifier(
    random_net, optimizer=torch.optim.Adam, lr=0.01, max_epochs=12, random_state=0
)
trainer.fit(enlarge(X_backbone).numpy(), y_backbone)
accuracy = trainer.score(enlarge(X_test).numpy(), y_test)
print(f"accuracy of the trained backbone itself: {accuracy:.3f}")

# %%
# There is a pipeline for each stage: frozen stages, averaged over positions, then a small network.

stages = ["conv1", "maxpool", "stage2", "stage3", "stage4", "conv5"]
depths = {"conv1": 1, "stage2": 3, "stage3": 4, "stage4": 5, "conv5": 6}


def bounds_of(backbone, depth):
    pipeline = make_pipeline(
        FrozenStages(backbone, tuple(stages[:depth])),
        StandardScaler(),
        InfoSoftmaxClassifier(max_epochs=30, random_state=0),
    ).fit(X_train, y_train)
    return score_bounds(pipeline, X_test, y_test, units="bits")


results = {
    name: [bounds_of(backbone, depth) for depth in depths.values()]
    for name, backbone in (("random weights", random_net), ("trained", trainer.module_))
}
pixels = make_pipeline(StandardScaler(), InfoSoftmaxClassifier(max_epochs=30, random_state=0))
pixels.fit(X_train, y_train)
of_pixels = score_bounds(pixels, X_test, y_test, units="bits")

# %%
# Each map is a function of the map before it, so that the information in the maps cannot rise from
# stage to stage. The bounds below are about the *averages* of the maps over positions, and about
# what a small network finds in them. These bounds may rise where a stage moves information from
# positions into channels; the first stages do so even with random weights.

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
places = np.arange(len(depths))
for index, (name, found) in enumerate(results.items()):
    lower = np.array([one.mi_lower for one in found])
    limit = np.array([one.mi_lower_limit for one in found])
    axis.plot(places, lower, marker="o", label=f"{name}: lower bound")
    axis.fill_between(places, limit, lower, alpha=0.2, color=f"C{index}")
    print(
        name, {stage: round(float(value), 2) for stage, value in zip(depths, lower, strict=True)}
    )
axis.axhline(of_pixels.label_entropy, color="black", ls="--", label="H(Y)")
axis.axhline(of_pixels.mi_lower, color="0.5", ls=":", label="the pixels themselves: lower bound")
axis.set_xticks(places, depths)
axis.set_ylim(0, None)
axis.set_xlabel("features averaged after this stage of ShuffleNet; shaded to the 95 % limit")
axis.set_ylabel("information about the digit (bits)")
axis.legend(frameon=False, loc="lower left")
plt.show()
