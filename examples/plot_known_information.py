"""
The ladder of bounds, where the information is known
====================================================

The labels are drawn from a known p(y|x). Scored on the test rows, this true posterior estimates
the mutual information. Three lower bounds form a ladder, ``dv_label_prior <= mi_output_lower <=
mi_lower``, and lie below the estimate on the same rows.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier, information_bounds

rng = np.random.default_rng(0)
X = rng.normal(size=(5000, 10))
posterior = softmax(X @ rng.normal(size=(10, 5)), axis=1)
y = np.array([rng.choice(5, p=p) for p in posterior])
train, test = slice(0, 2500), slice(2500, None)

# %%
# The dashed line of the figure is the score of the true posterior on the same test rows.

truth = information_bounds(y[test], posterior[test], units="bits")
results = {
    "deterministic": InfoSoftmaxClassifier(random_state=0),
    "noise 1 on the logits": StochasticInfoClassifier(random_state=0),
    "dropout 1/2": StochasticInfoClassifier(noise="dropout", random_state=0),
}
for name, classifier in results.items():
    classifier.fit(X[train], y[train])
    results[name] = classifier.score_bounds(X[test], y[test], units="bits")
print(results["noise 1 on the logits"])

# %%
# From left to right, the bounds rise. Without noise, all three are equal. Noise on the logits
# hides information in a single output, and the prediction, averaged over draws, recovers it.

rungs = ["dv_label_prior", "mi_output_lower", "mi_lower"]
figure, axis = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for index, (name, bounds) in enumerate(results.items()):
    places = np.arange(len(rungs)) + 0.25 * (index - 1)
    heights = [getattr(bounds, rung) for rung in rungs]
    colour = ["#56b4e9", "#e69f00", "#009e73"][index]
    bars = axis.bar(places, heights, width=0.25, label=name, color=colour)
    axis.bar_label(bars, fmt="%.2f", label_type="center", fontsize=9)
axis.axhline(truth.mi_lower, color="black", linestyle="--", label="true posterior")
labels = ["DV with E_y = P(Y)\n(dv_label_prior)", "one output\n(mi_output_lower)"]
labels.append("averaged prediction\n(mi_lower)")
axis.set_xticks(range(len(rungs)), labels)
axis.set_ylabel("information about the label (bits)")
axis.set_ylim(0, 1.15 * truth.mi_lower)
figure.legend(loc="outside upper center", ncols=2, frameon=False)
plt.show()
