"""
Class imbalance: two corrections, and why the Donsker-Varadhan value misleads
=============================================================================

One digit is reduced to 5 % of its training images. The posterior then prefers the other digits,
but the pointwise information, log(p(y|x) / p(y)), does not: predictions by it have a higher
balanced accuracy. Imbalance also separates two numbers that are equal for balanced classes: the
Donsker-Varadhan representation with uniform labels, which training maximises, and the lower bound
of I(X;Y).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.model_selection import train_test_split

from sksoftinfo import InfoSoftmaxClassifier

RARE = 8
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.5, stratify=y, random_state=0
)
kept = (y_train != RARE) | (np.random.default_rng(0).random(len(y_train)) < 0.05)

# %%
# The same trained classifier predicts by the posterior and by the information: `decision` may be
# changed after training.

classifier = InfoSoftmaxClassifier(random_state=0).fit(X_train[kept], y_train[kept])
recalls = {}
for decision in ("posterior", "information"):
    predicted = classifier.set_params(decision=decision).predict(X_test)
    recalls[decision] = recall_score(y_test, predicted, average=None)
    average = balanced_accuracy_score(y_test, predicted)
    print(
        f"{decision}: average accuracy per class {average:.3f}, of digit {RARE} "
        f"{recalls[decision][RARE]:.3f}"
    )

# %%
# The same correction inside the softmax, ``class_prior="empirical"``, is the probability-corrected
# softmax of "Rethinking Softmax with Cross-Entropy" (arXiv 1911.10688). Its logits are pointwise
# information rather than log-posteriors, and its predictions are posteriors again.

corrected = InfoSoftmaxClassifier(class_prior="empirical", random_state=0)
corrected.fit(X_train[kept], y_train[kept])
average = balanced_accuracy_score(
    y_test, corrected.set_params(decision="information").predict(X_test)
)
print(f"probability-corrected softmax, by information: {average:.3f}")

# %%
# Now the label is whether an image shows an 8. Weights make eights rarer and rarer among the test
# images. As the label becomes predictable without any input, the information falls to 0, and so
# does the bound. The Donsker-Varadhan value rises towards one bit, because it includes what the
# label frequencies alone predict, log M - H(Y).

is_rare = InfoSoftmaxClassifier(random_state=0).fit(X_train, y_train == RARE)
shares = np.linspace(0.02, 0.5, 9)
common = np.flatnonzero(y_test != RARE)
rare = np.flatnonzero(y_test == RARE)
results = []
for share in shares:
    n_common = round(len(rare) * (1 - share) / share)
    weight = np.ones(len(y_test))
    weight[common] = n_common / len(common)
    results.append(
        is_rare.score_bounds(X_test, y_test == RARE, sample_weight=weight, units="bits")
    )

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for index, (decision, recall) in enumerate(recalls.items()):
    left.bar(np.arange(10) + 0.4 * (index - 0.5), recall, width=0.4, label=f"by {decision}")
left.set_xticks(range(10))
left.set_ylim(0, 1.18)
left.set_xlabel(f"digit ({RARE} is reduced to 5 % in training)")
left.set_ylabel("accuracy on held-out images")
left.legend(frameon=False, ncols=2, loc="upper center")
right.plot(100 * shares, [one.dv for one in results], "C3s-", label="DV with uniform labels")
right.plot(100 * shares, [one.label_entropy for one in results], "k--", label="H(Y)")
right.plot(100 * shares, [one.mi_lower for one in results], "C0o-", label="lower bound on I(X;Y)")
right.set_xlabel(f"percentage of test images that show digit {RARE}")
right.set_ylabel("information (bits)")
right.legend(frameon=False)
plt.show()
