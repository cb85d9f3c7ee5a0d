"""
Finding wrong labels by their pointwise information
===================================================

The pointwise information of a label, log q(y|x) / p(y), is negative where the image makes the
label less probable than its frequency: the image is evidence against the label. Here, the labels
of one in twenty images are replaced by another digit. The sign of the held-out pointwise
information finds nearly all of these wrong labels, so that no threshold has to be chosen.

cleanlab's ``find_label_issues`` judges the same predictions by estimated rates of confusion. The
comparison needs cleanlab (``pip install cleanlab``), and is left out otherwise.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import precision_recall_curve, precision_score, recall_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from sksoftinfo import InfoSoftmaxClassifier, information_bounds

try:
    from cleanlab.filter import find_label_issues
except ImportError:
    find_label_issues = None
    print("cleanlab is not installed: there is nothing to compare with.")

X, truth = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
is_wrong = rng.random(len(truth)) < 0.05
y = np.where(is_wrong, (truth + rng.integers(1, 10, size=len(truth))) % 10, truth)
print(f"{is_wrong.sum()} of {len(y)} labels are wrong")

# %%
# Each label is scored by a classifier that was not trained on it. The training labels of the other
# folds contain wrong labels, too, which matters little, since they are few and inconsistent.

folds = StratifiedKFold(5, shuffle=True, random_state=0)
classifier = InfoSoftmaxClassifier(random_state=0)
proba = cross_val_predict(classifier, X, y, cv=folds, method="predict_proba")
bounds = information_bounds(y, proba, units="bits")
print(f"{bounds.mi_lower:.2f} of {bounds.label_entropy:.2f} bits")

found = {"negative information": bounds.pointwise < 0}
if find_label_issues is not None:
    for rule in ("prune_by_noise_rate", "both"):
        found[f"cleanlab, {rule}"] = find_label_issues(y, proba, filter_by=rule, n_jobs=1)
for name, flagged in found.items():
    precision, recall = precision_score(is_wrong, flagged), recall_score(is_wrong, flagged)
    print(f"{name}: {flagged.sum()} flagged, precision {precision:.2f}, recall {recall:.2f}")

# %%
# The rules differ mainly in where they cut almost the same ranking. A tick marks a label that is
# flagged although it is correct: such images are hard to read.

figure = plt.figure(figsize=(9.6, 4.0), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1, 1.25))
axis = left.subplots()
precision, recall, _ = precision_recall_curve(is_wrong, -bounds.pointwise)
axis.plot(recall, precision, color="0.6", label="in order of information")
for (name, flagged), marker in zip(found.items(), "os^", strict=False):
    place = recall_score(is_wrong, flagged), precision_score(is_wrong, flagged)
    axis.plot(*place, marker, markersize=8, label=name)
axis.set(xlabel="recall", ylabel="precision", xlim=(0.7, 1.01), ylim=(0.7, 1.01))
axis.legend(frameon=False, loc="lower left", fontsize=8)

order = bounds.pointwise.argsort()
# Show the six labels with the least information, and correct labels that are found as well.
rows = [*order[:6], *[row for row in order if bounds.pointwise[row] < 0 and not is_wrong[row]]]
for shown, row in zip(right.subplots(3, 6).flat, rows, strict=False):
    shown.imshow(X[row].reshape(8, 8), cmap="gray_r")
    tick = "" if is_wrong[row] else " \N{CHECK MARK}"
    shown.set_title(f"{y[row]}: {bounds.pointwise[row]:.1f}{tick}", fontsize=9)
for shown in right.axes:
    shown.set_axis_off()
right.suptitle("label and its information in bits (\N{CHECK MARK}: correct label)", fontsize=10)
plt.show()
