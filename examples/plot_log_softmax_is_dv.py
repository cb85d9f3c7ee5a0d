"""
Log-softmax is the Donsker-Varadhan representation less log M
=============================================================

This example checks the paper's central equation in a few lines of NumPy. For any logits z of M
classes, the expected log-softmax of the label equals the Donsker-Varadhan (DV) representation with
the logit as critic and labels uniform over the classes, less log M (Eq. 23). For random logits the
two differ: the log-softmax is larger by the Jensen gap (Eq. 25 with its sign corrected).
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp

rng = np.random.default_rng(0)


def log_softmax_and_dv(logits, y):
    """Return expected log-softmax and DV - log M of logits (n_samples, n_draws, n_classes)."""
    n, _, n_classes = logits.shape
    of_label = logits[np.arange(n), :, y]
    log_softmax = (of_label - logsumexp(logits, axis=2)).mean()
    # E_z and E_y of exp(T) are inside the logarithm, and E_x is outside: DV is conditional on the
    # input.
    log_partition = logsumexp(logits, axis=(1, 2)) - np.log(logits.shape[1] * n_classes)
    dv = of_label.mean() - log_partition.mean()
    return log_softmax, dv - np.log(n_classes)


# %%
# Two hundred sets of random logits differ in the number of classes, in their scale, and in how
# much they reveal about the label. Each set is drawn once with one logit vector for each input
# (deterministic logits), and once with 16 (random logits).

points = {1: [], 16: []}
for _ in range(200):
    n_classes = rng.integers(2, 20)
    y = rng.integers(n_classes, size=500)
    signal = rng.exponential(3) * np.eye(n_classes)[y][:, None]
    for n_draws, found in points.items():
        noise = rng.gamma(3, 0.5) * rng.standard_normal((500, n_draws, n_classes))
        found.append(log_softmax_and_dv(signal + noise, y))

points = {n_draws: np.array(found) for n_draws, found in points.items()}
gap = points[1][:, 0] - points[1][:, 1]
print(f"one draw: largest difference {np.abs(gap).max():.1e} nats")
gap = points[16][:, 0] - points[16][:, 1]
print(f"16 draws: the Jensen gap is from {gap.min():.3f} to {gap.max():.2f} nats, never negative")

# %%
# On the diagonal, both numbers are equal. Points of random logits lie below it, by the Jensen gap.

figure, axis = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
lowest = min(found.min() for found in points.values())
axis.plot([lowest, 0], [lowest, 0], color="0.7", zorder=0)
for (n_draws, found), colour, marker in zip(points.items(), ("C0", "C1"), ("o", "^"), strict=True):
    label = "deterministic logits" if n_draws == 1 else f"random logits, {n_draws} draws"
    axis.scatter(*found.T, s=22, color=colour, marker=marker, alpha=0.7, lw=0, label=label)
worst = points[16][gap.argmax()]
axis.annotate("", worst, (worst[0], worst[0]), arrowprops={"arrowstyle": "<->", "color": "0.3"})
axis.text(worst[0] + 0.15, worst.mean(), "Jensen gap", va="center")
axis.set_xlabel("E log-softmax (nats)")
axis.set_ylabel("DV $-$ log M (nats)")
axis.legend(frameon=False, loc="upper left")
plt.show()

# %%
# The equation does *not* imply that the log-softmax bounds the information about the label. The
# Donsker-Varadhan representation with uniform labels is a lower bound on I(X;Y) only if the
# classes are balanced; see :doc:`/exact_bounds_wrong`.
