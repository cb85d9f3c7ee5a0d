"""
Which columns hold the information?
===================================

Thirty columns describe a tumour: ten measurements, each as mean, standard error and worst value.
How much does each measurement say about the diagnosis on its own, and how much is lost without
it? The two rankings differ, since columns share what they say.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import cross_val_bounds

data = load_breast_cancer(as_frame=True)
groups = {}
for column in data.data.columns:
    measurement = column.removeprefix("mean ").removeprefix("worst ").removesuffix(" error")
    groups.setdefault(measurement, []).append(column)
print({name: len(columns) for name, columns in groups.items()})

# %%
# Any classifier will do. ``pointwise`` holds the contribution of each row; from the same folds,
# the rows of two bounds are paired, and the standard error of their mean difference is far below
# that of either. Cross-fitted rows share training rows, so the intervals are approximate.

classifier = make_pipeline(StandardScaler(), LogisticRegression())


def contributions(columns):
    """Contribution of each row to the bound of these columns, in bits."""
    return cross_val_bounds(classifier, data.data[columns], data.target, units="bits").pointwise


def interval(rows):
    """Mean, and half the width of its 95 % interval."""
    return rows.mean(), 1.96 * rows.std(ddof=1) / np.sqrt(len(rows))


everything = contributions(list(data.data.columns))
alone, lost = {}, {}
for name, columns in groups.items():
    alone[name] = interval(contributions(columns))
    lost[name] = interval(everything - contributions([*data.data.columns.difference(columns)]))

order = sorted(groups, key=lambda name: alone[name][0])
for name in reversed(order):
    print(
        f"{name:18} alone {alone[name][0]:.3f} +- {alone[name][1]:.3f} bits, "
        f"lost without it {lost[name][0]:+.3f} +- {lost[name][1]:.3f}"
    )

# %%
# Size (radius, perimeter, area) says most alone and is hardly missed, since three measurements
# know it. What is lost is a difference of two lower bounds, and so no bound itself: below zero the
# classifier is better off without the columns.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
for axis, found, colour, title in (
    (axes[0], alone, "C0", "alone: lower bound of its information"),
    (axes[1], lost, "C1", "all columns less all but this"),
):
    means, errors = np.array([found[name] for name in order]).T
    axis.errorbar(means, range(len(order)), xerr=errors, fmt="o", color=colour, capsize=3, ms=7)
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("bits about the diagnosis, with 95 % interval")
    axis.grid(axis="y", color="0.92")
    axis.set_axisbelow(True)
axes[0].axvline(everything.mean(), color="0.4", lw=1, ls="--")
axes[0].text(
    everything.mean(), 0, "all columns ", ha="right", va="center", color="0.3", fontsize=9
)
axes[0].set_xlim(0, None)
axes[1].axvline(0, color="0.4", lw=1)
axes[0].set_yticks(range(len(order)), order)
plt.show()
