"""
Which columns carry the information?
====================================

Thirty columns describe a tumour: ten measurements, each as a mean, a standard error and a worst
value. How much information about the diagnosis does each measurement carry on its own, and how
much is lost without it? The two rankings differ, since columns share information.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import FeatureInformationDisplay, feature_information

data = load_breast_cancer(as_frame=True)
groups = {}
for column in data.data.columns:
    measurement = column.removeprefix("mean ").removeprefix("worst ").removesuffix(" error")
    groups.setdefault(measurement, []).append(column)
print(len(groups), "groups, such as", groups["radius"])

# %%
# Any classifier may be used. All sets of columns are cross-fitted in the same folds, so that the
# rows of two bounds are paired, and the interval of a difference is far narrower than the interval
# of either bound. Gains are measured on top of the radius, which is given; the gain of the radius
# itself is therefore 0.

found = feature_information(
    make_pipeline(StandardScaler(), LogisticRegression()),
    data.data,
    data.target,
    columns=groups,
    given=groups["radius"],
    units="bits",
)
print(found)

# %%
# The measurements of size (radius, perimeter, area) and the concave points carry the most
# information on their own. Little is lost without one of the three sizes, since the other two
# carry the same information. Losses and gains are differences between two lower bounds, and not
# bounds themselves. A difference below zero means that the classifier predicts better without the
# columns.

FeatureInformationDisplay(found).plot()
plt.show()

# %%
# If many groups are ranked, some seem to matter by chance. P-values adjusted by Holm's method
# allow for the number of groups. They are approximate, since the folds share training rows.

print(found.to_frame()[["lost_estimate", "lost_p_value", "lost_p_value_holm"]].round(4))
