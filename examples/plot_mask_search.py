"""
Search over threshold and patch size, in a Pipeline
===================================================

:class:`~sksoftinfo.InfoMaskTransformer` is a step of a pipeline: masked images go to the next
step, and a grid search chooses the size of the patches and how much is kept. Two criteria need
labels of whole images only: the accuracy of the classifier behind the masks, and the transformer's
own score. The true masks are known here. A third criterion, the overlap with them, shows whether
the choices by the first two are good.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo.datasets import make_digit_pairs
from sksoftinfo.metrics import mask_iou_score

train = make_digit_pairs(1200, target=0, random_state=0)
other = make_digit_pairs(200, target=0, random_state=1)
test = make_digit_pairs(200, subset="test", target=0, random_state=2)

# %%
# All candidates share one network. It is frozen, so that each candidate fits its calibration only.
# The step after the mask receives the masked image, flattened.

network = InfoSoftmaxClassifier(max_epochs=12, random_state=0).fit(train.data, train.target)
masker = InfoMaskTransformer(
    FrozenEstimator(network), target=1, image_shape=(28, 56), random_state=0
)
X = other.data.reshape(len(other.data), -1)
pipeline = make_pipeline(masker, LogisticRegression(C=0.01, max_iter=500))
sizes, thresholds = [8, 14, 20, 28], [0.02, 0.2, 0.5, 0.8]
grid = {
    "infomasktransformer__patch_size": sizes,
    "infomasktransformer__threshold": thresholds,
}
search = GridSearchCV(pipeline, grid, cv=2).fit(X, other.target)
search

# %%
# The same candidates are judged by the transformer's own score, and by the overlap (IoU) of the
# masks with the true masks. For the score, each image of the target is joined with a part of an
# image of another class. The score is the share of the ink that the masks keep on the side of the
# target, less the share that they keep on the other side.

accuracy = search.cv_results_["mean_test_score"].reshape(len(sizes), len(thresholds))
score, agreement = np.empty((2, len(sizes), len(thresholds)))
X_test = test.data.reshape(len(test.data), -1)
for i, size in enumerate(sizes):
    masker.set_params(patch_size=size).fit(X, other.target)
    for j, threshold in enumerate(thresholds):
        masker.set_params(threshold=threshold)
        score[i, j] = masker.score(X, other.target)
        agreement[i, j] = mask_iou_score(
            test.masks, masker.mask(X_test), foreground=test.foreground
        )

# %%
# A star marks the best candidate by each criterion; the darkest cells are at or below the lower
# end of the colour scale. Accuracy hardly separates the candidates, since the classifier behind
# the mask is right for nearly all images. The score and the overlap agree: both are largest for
# patches of the size of a digit, 28 pixels, and the default threshold of 0.2. Both are smaller for
# small patches and high thresholds, where masks lose ink of the target, and for large patches and
# the lowest threshold, where masks keep ink of the other digit.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
for axis, values, span, title in (
    (axes[0], accuracy, 0.1, "accuracy behind the mask, 2 folds"),
    (axes[1], score, 0.3, "the transformer's score"),
    (axes[2], agreement, 0.3, "IoU with true masks, unseen digits"),
):
    low = values.max() - span
    axis.imshow(values, cmap="viridis", aspect="auto", vmin=low, vmax=values.max())
    best = np.unravel_index(values.argmax(), values.shape)
    for (i, j), value in np.ndenumerate(values):
        text = f"{value:.2f}" + ("*" if (i, j) == best else "")
        axis.text(
            j,
            i,
            text,
            ha="center",
            va="center",
            fontsize=9,
            color="white" if value < low + span / 2 else "black",
        )
    axis.set_xticks(range(len(thresholds)), thresholds)
    axis.set_xlabel("threshold")
    axis.set_title(title, fontsize=10)
axes[0].set_yticks(range(len(sizes)), sizes)
axes[0].set_ylabel("patch size (pixels)")
plt.show()
