"""
Rows that belong together: groups and time
==========================================

Shuffled folds overstate the information wherever a row reveals the label of another one. Two
tables that carry no information about their labels show the error: patients who are measured
several times, and two random walks that are independent of each other. With the right folds, no
information is found in either table.
"""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import TimeSeriesSplit

from sksoftinfo import cross_val_bounds

rng = np.random.default_rng(0)

# %%
# There are sixty patients, with ten rows each. The columns identify the patient, and the diagnosis
# of each patient is drawn at random.

patient = np.repeat(np.arange(60), 10)
X_patients = rng.normal(size=(60, 4))[patient] + 0.1 * rng.normal(size=(600, 4))
diagnosis = rng.integers(2, size=60)[patient]

# %%
# There are two random walks. The label is 1 where one walk is above its starting point. The column
# is the position of the other walk.

walk, other = np.random.default_rng(1).normal(size=(2, 1000)).cumsum(axis=1)
X_walk, above = walk[:, None], (other > 0).astype(int)

# %%
# The same classifier is evaluated in different folds. A group, or a block of time, counts as one
# observation of the confidence limit.

classifier = HistGradientBoostingClassifier(max_iter=20, random_state=0)
found = {
    "patients,\nshuffled folds": cross_val_bounds(classifier, X_patients, diagnosis),
    "patients,\ngroups=patient": cross_val_bounds(
        classifier, X_patients, diagnosis, groups=patient
    ),
    "walks,\nshuffled folds": cross_val_bounds(classifier, X_walk, above),
    "walks,\ncv=TimeSeriesSplit(10)": cross_val_bounds(
        classifier, X_walk, above, cv=TimeSeriesSplit(10)
    ),
}
for name, bounds in found.items():
    print(f"{' '.join(name.split())}: limit {bounds.mi_lower_limit:.2f} nats")
    text = f"  assumption: {bounds.assumption}"
    print(textwrap.fill(text, 88, subsequent_indent="    "))

# %%
# Bars are the 95 % limits. The true I(X;Y) is 0 in all four cases. With shuffled folds, the limits
# are a large part of the label entropy (black lines).

figure, axis = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
colours = ["#d55e00", "#0072b2"] * 2
for row, bounds in enumerate(found.values()):
    axis.barh(row, bounds.mi_lower_limit, color=colours[row], height=0.6)
    axis.plot([bounds.label_entropy] * 2, [row - 0.3, row + 0.3], color="black", lw=2)
    axis.text(bounds.mi_lower_limit + 0.008, row, f"{bounds.mi_lower_limit:.2f}", va="center")
axis.plot([], [], color="black", lw=2, label="label entropy H(Y)")
axis.set_yticks(range(len(found)), found)
axis.invert_yaxis()
axis.set_xlim(0, 0.8)
axis.set_xlabel("95 % lower limit on I(X;Y) (nats); the truth is 0")
axis.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
axis.spines[["top", "right"]].set_visible(False)
plt.show()
