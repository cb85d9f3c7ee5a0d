"""
Which columns hold the information?
===================================

Thirty columns describe a tumour: ten measurements, each as mean, standard error and worst value.
How much does each measurement tell about the diagnosis on its own, and how much is lost without
it? The two rankings differ, since columns share what they tell.
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
print({name: len(columns) for name, columns in groups.items()})

# %%
# Any classifier will do. All sets of columns are cross-fitted in the same folds, so that the rows
# of two bounds are paired, and the interval of their difference is far narrower than that of
# either. What is gained counts from a given measurement, the radius.

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
# Size (radius, perimeter, area) tells most alone and is hardly missed, since three measurements
# know it. What is lost or gained is a difference of two lower bounds, and so not a bound itself:
# below zero the classifier is better off without the columns.

FeatureInformationDisplay(found).plot()
plt.show()

# %%
# Where many columns are ranked, some seem to matter by chance. P-values adjusted by Holm's method
# allow for their number; cross-fitted rows share training rows, so that they are approximate.

print(found.to_frame()[["lost_estimate", "lost_p_value", "lost_p_value_holm"]].round(4))
