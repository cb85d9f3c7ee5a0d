"""
Is this feature worth its cost?
===============================

Suppose that the measurements of a tumour cost money. How many bits about the diagnosis does each
of them add to what is known already, and when is the gain of another measurement no longer
significant? :func:`~sksoftinfo.feature_information` with ``given`` answers the question one
purchase at a time.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import cross_val_bounds, feature_information

data = load_breast_cancer(as_frame=True)
table, y = data.data, data.target
classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))

# %%
# The prices are invented. A measurement comes as a mean, a standard error and a worst value.

prices = {
    "radius": 10,
    "texture": 10,
    "symmetry": 15,
    "smoothness": 20,
    "concavity": 40,
    "concave points": 60,
    "fractal dimension": 80,
}
columns = {name: [f"mean {name}", f"{name} error", f"worst {name}"] for name in prices}

# %%
# Start with the radius. Then buy the measurement with the most bits for its price, among those
# whose gain is significant at 5 %, adjusted for the number of measurements that are left.

bought = ["radius"]
steps = [cross_val_bounds(classifier, table[columns["radius"]], y, cv=3, units="bits")]
while len(bought) < len(prices):
    given = sum((columns[name] for name in bought), [])
    rest = {name: columns[name] for name in prices if name not in bought}
    found = feature_information(
        classifier, table, y, columns=rest, given=given, cv=3, units="bits"
    )
    gains = found.to_frame()
    gains["per_price"] = gains["gained_estimate"] / [prices[name] for name in gains.index]
    significant = gains[gains["gained_p_value_holm"] <= 0.05]
    if significant.empty:
        break
    best = significant["per_price"].idxmax()
    print(f"{best:17} {prices[best]:3} for {gains['gained_estimate'][best]:+.3f} bits")
    bought.append(best)
    steps.append(cross_val_bounds(classifier, table[given + columns[best]], y, cv=3, units="bits"))

# %%
# Each step of the staircase is one more measurement. The shaded band reaches down to the 95 %
# limit, which would be valid for measurements chosen beforehand; here they were chosen on the same
# rows.

cost = np.cumsum([prices[name] for name in bought])
lower = np.array([one.mi_lower for one in steps])
limit = np.array([one.mi_lower_limit for one in steps])
end = 1.25 * cost[-1]
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.stairs(lower, [*cost, end], baseline=None, color="#0072b2", label="lower bound")
axis.stairs(
    lower,
    [*cost, end],
    baseline=limit,
    fill=True,
    color="#0072b2",
    alpha=0.2,
    label="down to the 95 % limit",
)
axis.plot(cost, lower, "o", color="#0072b2")
for x, value, name in zip(cost, lower, bought, strict=True):
    axis.annotate(name, (x, value), xytext=(0, 8), textcoords="offset points", ha="center")
axis.axhline(steps[0].label_entropy, color="black", ls="--", label="label entropy H(Y)")
axis.set_xlim(0, end)
axis.set_ylim(0, 1.15 * steps[0].label_entropy)
axis.set_xlabel("total price (invented units)")
axis.set_ylabel("information about the diagnosis (bits)")
axis.legend(frameon=False, loc="lower right")
axis.spines[["top", "right"]].set_visible(False)
plt.show()
