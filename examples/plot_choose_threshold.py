"""
Choosing a threshold, and what a yes-or-no decision loses
=========================================================

A classifier returns probabilities, but many uses need a yes or a no. Where should the threshold
be? If the costs of errors are known, choose the threshold with the least expected cost. Otherwise,
choose the threshold that keeps the most information about the label. Either way, a yes-or-no
decision carries less information than the probability, and the loss can be measured in bits.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sksoftinfo import InfoSoftmaxClassifier, information_bounds

X, y = make_classification(
    30_000, 10, n_informative=5, weights=[0.9], flip_y=0.05, class_sep=0.8, random_state=0
)
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, train_size=6000, stratify=y, random_state=0
)
X_tune, X_test, y_tune, y_test = train_test_split(
    X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=0
)
clf = InfoSoftmaxClassifier(max_epochs=20, random_state=0).fit(X_train, y_train)
tune, test = clf.predict_proba(X_tune)[:, 1], clf.predict_proba(X_test)[:, 1]

# %%
# A decision is scored as a classifier whose predicted probability takes two values, one for yes
# and one for no. Both values are estimated on the tuning rows, and both thresholds are chosen
# there, so that the test rows stay held-out.


def bits_of_decision(threshold, scores, labels):
    """Return the lower bound of "score above the threshold" on rows with these labels, in bits."""
    yes_tune = tune > threshold
    after = [
        (y_tune[yes_tune == decision].sum() + 0.5) / ((yes_tune == decision).sum() + 1)
        for decision in (False, True)
    ]
    proba = np.where(scores > threshold, after[1], after[0])
    return information_bounds(labels, proba, units="bits").mi_lower


thresholds = np.linspace(0.02, 0.9, 45)
on_tuning_rows = [bits_of_decision(one, tune, y_tune) for one in thresholds]
kept = np.array([bits_of_decision(one, test, y_test) for one in thresholds])
whole = information_bounds(y_test, test, units="bits")

# %%
# Suppose that a missed case costs ten times as much as a false alarm. For calibrated
# probabilities, the best threshold is then 1 / 11, and the threshold with the least cost on the
# tuning rows is close to it.

MISSED, ALARM = 10, 1
cost = np.array(
    [
        MISSED * np.mean((tune <= one) & (y_tune == 1))
        + ALARM * np.mean((tune > one) & (y_tune == 0))
        for one in thresholds
    ]
)
by_cost = thresholds[cost.argmin()]
best = int(np.argmax(on_tuning_rows))
by_information = thresholds[best]
print(f"the probability itself: {whole.mi_lower:.3f} bits")
print(f"threshold by information {by_information:.2f}: {kept[best]:.3f} bits")
print(
    f"threshold by costs {by_cost:.2f} (calibrated: {ALARM / (ALARM + MISSED):.2f}): "
    f"{kept[cost.argmin()]:.3f} bits"
)

# %%
# The figure shows the test rows; dot and dotted line are the thresholds that were chosen on the
# tuning rows. Whatever the threshold, the decision keeps less information than the probability.
# Thresholds from 0.3 to 0.6 keep nearly the same information, among them the threshold that was
# chosen by information. The threshold of least cost is lower, and its decisions keep less.

figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.axhline(whole.mi_lower, color="black", ls="--", label="the probability itself")
axis.plot(thresholds, kept, color="#0072b2", lw=2, label="yes or no, by threshold")
axis.plot(
    by_information,
    kept[best],
    "o",
    color="#0072b2",
    ms=9,
    label="chosen by information",
)
axis.axvline(by_cost, color="#d55e00", lw=2, ls=":", label="threshold of least cost")
axis.axvline(0.5, color="0.6", lw=1, label="threshold 0.5")
axis.set_ylim(0, 1.08 * whole.mi_lower)
axis.set_xlim(0, 0.92)
axis.set_xlabel("threshold on the probability")
axis.set_ylabel("lower bound on the information\nabout the label (bits)")
axis.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
axis.spines[["top", "right"]].set_visible(False)
plt.show()
