"""
Bounds against the number of training rows
==========================================

A lower bound is only as good as its classifier, and a classifier only as good as its training
rows. The labels are drawn from a known p(y given x), so that I(X;Y) is known. On held-out rows the
bound rises towards I(X;Y) from below; on training rows the same formula overstates it. The
extrapolation of :func:`~sksoftinfo.mi_estimate` comes close to I(X;Y) with fewer rows, but it is
an estimate, not a bound.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from sksoftinfo import InformationLearningCurveDisplay, mi_estimate

rng = np.random.default_rng(0)
weights = 0.7 * rng.normal(size=(20, 4))


def draw(n):
    """Return rows, labels, and p(y given x)."""
    X = rng.normal(size=(n, 20))
    posterior = softmax(X @ weights, axis=1)
    return X, (posterior.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), posterior


posterior = draw(200_000)[2]
prior = posterior.mean(axis=0)
information = (posterior * np.log2(posterior / prior)).sum(axis=1).mean()
print(f"I(X;Y) = {information:.3f} of H(Y) = {-(prior * np.log2(prior)).sum():.3f} bits")

# %%
# The estimate compares the bound from all training rows of a fold with the bound from half of
# them.

X, y, _ = draw(6000)
classifier = LogisticRegression(C=1.0)
sizes = [100, 200, 400, 800, 1600, 3200]
estimates = [mi_estimate(classifier, X[:n], y[:n], cv=3, units="bits") for n in sizes]
for n, one in zip(sizes, estimates, strict=True):
    print(f"{n:5} rows: estimate {one.value:.3f} +- {one.standard_error:.3f} bits")

# %%
# For the curves, the classifier is trained on more and more rows, and scored on training rows and
# on held-out rows. Estimates are drawn at the number of training rows in their folds. No bound can
# exceed H(Y).

display = InformationLearningCurveDisplay.from_estimator(
    classifier, X, y, train_sizes=sizes, cv=3, units="bits"
)
axis = display.ax_
axis.errorbar(
    [2 * n / 3 for n in sizes],
    [one.value for one in estimates],
    yerr=[one.standard_error for one in estimates],
    fmt="d",
    color="C2",
    capsize=3,
    label="mi_estimate, with its standard error",
)
axis.axhline(information, color="C3", lw=1.5, label="I(X;Y), known")
axis.set_xscale("log")
axis.set_xticks(sizes, sizes)
axis.minorticks_off()
axis.set_ylim(-0.25, None)
axis.legend(frameon=False, fontsize=9, loc="lower right")
plt.show()
