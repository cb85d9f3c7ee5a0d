"""
Decide by information where classes are imbalanced
==================================================

One digit is cut to 5 % of its training images. The posterior then prefers the others; pointwise
information, log p(y|x) / p(y), does not, and the average accuracy per class rises (the
probability-corrected softmax of "Rethinking Softmax with Cross-Entropy", arXiv 1911.10688).
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
# Training is the same; only the decision differs, and may be set afterwards.

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

figure, axis = plt.subplots(layout="constrained")
for index, (decision, recall) in enumerate(recalls.items()):
    axis.bar(
        np.arange(10) + 0.4 * (index - 0.5), recall, width=0.4, label=f"decision={decision!r}"
    )
axis.set_xticks(range(10))
axis.set_xlabel(f"digit ({RARE} is cut to 5 % in training)")
axis.set_ylabel("accuracy on held-out images")
figure.legend(title="decision", loc="outside upper center", ncols=2)
plt.show()
