"""
Choosing a threshold, and what a yes-or-no decision loses
=========================================================

A classifier returns probabilities, but many uses need a yes or a no. Where should the threshold
be? If errors have costs, the costs decide. If they do not, one may keep as much information about
the label as possible. Either way, a yes-or-no decision carries less information than the
probability, and the loss can be measured in bits.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sksoftinfo import InfoSoftmaxClassifier, information_bounds

X, y = make_classification(
    6000, 10, n_informative=5, weights=[0.9], flip_y=0.05, class_sep=0.8, random_state=0
)
X_train, X_rest, y_train, y_rest = train_test_split(X, y, stratify=y, random_state=0)
X_tune, X_test, y_tune, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)
clf = InfoSoftmaxClassifier(max_epochs=20, random_state=0).fit(X_train, y_train)
tune, test = clf.predict_proba(X_tune)[:, 1], clf.predict_proba(X_test)[:, 1]

# %%
# A decision is scored like a classifier with two answers. The probability of the
# label after each answer comes from the tuning rows, so that the test rows stay held out.


def bounds_of_decision(threshold):
    """Return the bounds of "probability above the threshold" on the test rows."""
    yes_tune, yes = tune > threshold, test > threshold
    after = [
        (y_tune[yes_tune == answer].sum() + 0.5) / ((yes_tune == answer).sum() + 1)
        for answer in (False, True)
    ]
    return information_bounds(y_test, np.where(yes, after[1], after[0]), units="bits")


thresholds = np.linspace(0.02, 0.9, 45)
kept = np.array([bounds_of_decision(one).mi_lower for one in thresholds])
whole = information_bounds(y_test, test, units="bits")

# %%
# Costs: a missed case costs ten times as much as a false alarm. For calibrated probabilities the
# best threshold is then 1 / 11, and the tuning rows agree approximately.

MISSED, ALARM = 10, 1
cost = np.array(
    [
        MISSED * np.mean((tune <= one) & (y_tune == 1))
        + ALARM * np.mean((tune > one) & (y_tune == 0))
        for one in thresholds
    ]
)
by_cost = thresholds[cost.argmin()]
by_information = thresholds[kept.argmax()]
print(f"by costs {by_cost:.2f} (calibrated: {ALARM / (ALARM + MISSED):.2f})")
print(f"by information {by_information:.2f}: {kept.max():.3f} of {whole.mi_lower:.3f} bits")

# %%
# Whatever the threshold, the decision keeps less information than the probability. The threshold
# of least cost differs from the threshold that keeps the most information.

figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.axhline(whole.mi_lower, color="black", ls="--", label="the probability itself")
axis.plot(thresholds, kept, color="#0072b2", lw=2, label="yes or no, by threshold")
axis.plot(by_information, kept.max(), "o", color="#0072b2", ms=9)
axis.axvline(by_cost, color="#d55e00", lw=2, ls=":", label="threshold of least cost")
axis.axvline(0.5, color="0.6", lw=1, label="threshold 0.5")
axis.set_ylim(0, 1.08 * whole.mi_lower)
axis.set_xlim(0, 0.92)
axis.set_xlabel("threshold on the probability")
axis.set_ylabel("lower bound on the information\nabout the label (bits)")
axis.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
axis.spines[["top", "right"]].set_visible(False)
plt.show()
