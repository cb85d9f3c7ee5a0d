"""
How many bits does a table carry about its label?
=================================================

:func:`~sksoftinfo.cross_val_bounds` holds out every row once and averages the log-likelihood of
the held-out labels. Whichever classifier made the predictions, this average plus the label entropy
is a lower bound on the information that the table carries about the label, up to sampling error. A
better classifier raises the bound, up to the label entropy H(Y).
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier, cross_val_bounds

tables = {
    "iris, 4 columns": load_iris(return_X_y=True),
    "wine, 13 columns": load_wine(return_X_y=True),
    "breast cancer, 30 columns": load_breast_cancer(return_X_y=True),
}
classifiers = {
    "naive Bayes": GaussianNB(),
    "random forest": RandomForestClassifier(random_state=0),
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
    "InfoSoftmaxClassifier": make_pipeline(
        StandardScaler(), InfoSoftmaxClassifier(max_epochs=40, random_state=0)
    ),
}

# %%
# There is one call for each table and classifier. Over-confidence costs bits: naive Bayes is right
# about most tumours, but it is so certain of its errors that its bound is close to 0, no better
# than always predicting the label frequencies. Its confidence limit is higher, because limits are
# computed from recalibrated predictions.

found = {
    table: {
        name: cross_val_bounds(classifier, X, y, units="bits")
        for name, classifier in classifiers.items()
    }
    for table, (X, y) in tables.items()
}
for table, results in found.items():
    entropy = next(iter(results.values())).label_entropy
    print(f"{table}: H(Y) = {entropy:.2f} bits")
    for name, bounds in results.items():
        print(
            f"  {name:22} lower bound {bounds.mi_lower:5.2f} on these rows, at least "
            f"{bounds.mi_lower_limit:5.2f} in the population with 95 % confidence"
        )

# %%
# Dots are the lower bounds on these rows. Each bar reaches from the dot to the 95 % confidence
# limit in the population. No bound can exceed H(Y), the vertical line, so that the grey area
# cannot be reached.

figure, axes = plt.subplots(1, len(found), figsize=(9, 3.4), sharey=True, layout="constrained")
for axis, (table, results) in zip(axes, found.items(), strict=True):
    entropy = next(iter(results.values())).label_entropy
    axis.axvspan(entropy, 1.2 * entropy, color="0.9")
    axis.axvline(entropy, color="black", lw=1)
    axis.text(1.02 * entropy, 3.4, "H(Y)", ha="left", va="top", rotation=90, fontsize=9)
    for row, bounds in enumerate(results.values()):
        bar = [bounds.mi_lower_limit, bounds.mi_lower]
        axis.plot(bar, [row, row], color=f"C{row}", lw=5, alpha=0.35)
        axis.plot(bounds.mi_lower, row, "o", color=f"C{row}", ms=9)
    axis.set_title(table, fontsize=10)
    axis.set_xlim(-0.05, 1.2 * entropy)
    axis.set_ylim(-0.6, len(results) - 0.4)
    axis.set_xlabel("information (bits)")
axes[0].set_yticks(range(len(classifiers)), classifiers)
figure.supxlabel("dot: lower bound on these rows; other end of the bar: 95 % limit", fontsize=9)
plt.show()
