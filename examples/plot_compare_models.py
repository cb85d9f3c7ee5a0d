"""
Do the predictions of one classifier carry more information?
============================================================

If the intervals of two classifiers overlap, the classifiers may still differ: they are scored on
the same rows, and most of the variation, from rows that are hard for both, cancels in the
difference. :func:`~sksoftinfo.compare_bounds`, or ``a - b``, compares the classifiers row by row,
and its interval is far narrower.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import cross_val_bounds

X, y = load_breast_cancer(return_X_y=True)
linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
classifiers = {
    "logistic regression,\n30 columns": (linear, X),
    "logistic regression,\n10 columns": (linear, X[:, :10]),
    "boosted trees,\n30 columns": (HistGradientBoostingClassifier(max_iter=60), X),
}

# %%
# `mi_lower_floored` is the lower bound after a small share of the label frequencies is mixed into
# the predictions; `interval` is the interval for this value.

found = {
    name: cross_val_bounds(classifier, part, y, units="bits")
    for name, (classifier, part) in classifiers.items()
}
for name, bounds in found.items():
    low, high = bounds.interval
    print(f"{' '.join(name.split()):32} {bounds.mi_lower_floored:.2f} ({low:.2f} to {high:.2f})")

# %%
# Now each classifier is compared with the first one, row by row.

first, *others = found
differences = {name: found[name] - found[first] for name in others}
for name, difference in differences.items():
    print(" ".join(name.split()))
    print(difference)

# %%
# Left: the information in the predictions of each classifier, with its 95 % interval. All
# intervals overlap. Right: the difference from the first classifier, with its 95 % interval, which
# excludes 0 where the classifiers differ.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True, layout="constrained")
for row, bounds in enumerate(found.values()):
    value = bounds.mi_lower_floored
    low, high = bounds.interval
    left.errorbar(value, row, xerr=[[value - low], [high - value]], fmt="o", capsize=4, color="k")
for row, difference in enumerate(differences.values(), start=1):
    low, high = difference.interval
    value = difference.difference
    right.errorbar(
        value, row, xerr=[[value - low], [high - value]], fmt="s", capsize=4, color="#d55e00"
    )
right.axvline(0, color="black", lw=1)
right.text(0, 0, "  reference", va="center")
left.set_yticks(range(len(found)), found)
left.set_ylim(len(found) - 0.5, -0.5)
left.set_xlabel("information about the diagnosis (bits)")
right.set_xlabel("difference from the first classifier (bits)")
for axis in (left, right):
    axis.grid(axis="x", color="0.9")
    axis.locator_params(axis="x", nbins=5)
    axis.spines[["top", "right"]].set_visible(False)
plt.show()
