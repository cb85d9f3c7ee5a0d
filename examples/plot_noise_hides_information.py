"""
How noise hides information
===========================

Noise on the logits of a network hides information about the label: one noisy output reveals less
than the input does. Section 3.2 of the paper describes such networks by a sandwich of
inequalities, DV - log M <= E log-softmax <= I(Z;Y|X) = 0, where DV is the Donsker-Varadhan
representation and Z the noisy output. The sandwich opens as the noise grows. It does not bound the
information in the output. `mi_output_lower` bounds it from below, and `mi_output_upper` estimates
it from above. Averaging over many outputs recovers most of what the noise hides in one.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.special import log_softmax, logsumexp

from sksoftinfo import StochasticInfoClassifier

# %%
# The classes are five Gaussians, so that p(y given x) is known.

MEANS = 1.2 * np.random.default_rng(0).standard_normal((5, 3))


def draw(n, seed):
    """Return inputs, labels and log p(y given x)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(5, size=n)
    X = MEANS[y] + rng.standard_normal((n, 3))
    return X, y, log_softmax(X @ MEANS.T - 0.5 * (MEANS**2).sum(axis=1), axis=1)


# %%
# The information in one output Z can be computed without the bounds, from the network's p(z given
# x) and the true p(y given x) of fresh inputs.


def output_information(clf, n_outputs=600, n_inputs=2500):
    """Return I(Z;Y) in nats."""
    X, _, log_posterior = draw(n_inputs, seed=9)
    with torch.no_grad():
        mean, scale = clf.module_.distribution(clf.module_.trunk(torch.as_tensor(X)))
    mean, scale = mean.numpy(), scale.numpy()
    rng = np.random.default_rng(10)
    information = np.empty(n_outputs)
    for i in range(n_outputs):
        z = mean[i] + scale[i] * rng.standard_normal(mean.shape[1])
        log_density = -0.5 * (((z - mean) / scale) ** 2).sum(axis=1) - np.log(scale).sum(axis=1)
        log_density[i] = -np.inf
        log_label = logsumexp(log_density[:, None] + log_posterior, axis=0)
        log_label -= logsumexp(log_label)
        information[i] = np.log(5) + np.exp(log_label) @ log_label
    return information.mean()


# %%
# One network is trained for each scale of the noise.

X, y, _ = draw(2000, seed=0)
X_test, y_test, _ = draw(1200, seed=1)
scales = [0.1, 0.5, 1.0, 2.0, 4.0]
results, truth = [], []
for scale in scales:
    clf = StochasticInfoClassifier(noise_scale=scale, max_epochs=15, n_draws=8, random_state=0)
    clf.fit(X, y)
    results.append(clf.score_bounds(X_test, y_test, n_draws=32))
    truth.append(output_information(clf))

# %%
# Left: the information about the label. The truth for one output, dashed, lies between a lower
# bound and an upper estimate. The prediction that averages over outputs carries more. Right: the
# terms of the paper's sandwich, which are never positive.


def curve(axis, name, label, style, colour):
    """Draw one field of the results with two standard errors."""
    value = np.array([getattr(one, name) for one in results])
    error = np.array([one.standard_errors.get(name, 0.0) for one in results])
    axis.plot(scales, value, style, color=colour, label=label)
    axis.fill_between(scales, value - 2 * error, value + 2 * error, color=colour, alpha=0.2)


figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.4), layout="constrained")
curve(left, "label_entropy", "label entropy H(Y)", "-", "0.3")
curve(left, "mi_lower", "averaged over outputs: lower bound", "o-", "#0072b2")
curve(left, "mi_output_upper", "one output: upper estimate", "v-", "#e69f00")
curve(left, "mi_output_lower", "one output: lower bound", "^-", "#d55e00")
left.plot(scales, truth, "k--", label="one output: I(Z;Y), known")
left.axhline(0, color="0.7", lw=0.8)
left.set_ylabel("information about the label (nats)")
curve(right, "conditional_mi", "I(Z;Y|X) = 0", "-", "0.3")
curve(right, "log_softmax", "E log-softmax", "o-", "#0072b2")
curve(right, "dv_minus_log_m", "DV $-$ log M", "s-", "#cc79a7")
right.set_ylabel("terms of the sandwich (nats)")
for axis in (left, right):
    axis.set_xlabel("standard deviation of the noise on the logits")
    axis.legend(frameon=False, fontsize=9, loc="lower left")
    axis.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# According to section 3.2.4 of the paper, training by log-softmax moves away from maximising the
# information. Does it? Training by DV, and by the averaged prediction, reaches the largest value
# of its own objective; the networks trained by log-softmax and by the averaged prediction
# reach nearly the same log-softmax. However, on this task, the Donsker-Varadhan objective does not
# put more information about the label into the output. The page on random outputs compares the
# objectives in four cases; in one of them, it does.

log_posterior = draw(100_000, seed=2)[2]
information = np.log(5) + (np.exp(log_posterior) * log_posterior).sum(axis=1).mean()
print(f"I(X;Y) = {information:.3f} nats")
print(f"{'objective':12} {'DV':>7} {'log-softmax + H':>16} {'predictive + H':>15} {'I(Z;Y)':>7}")
for objective in ("log_softmax", "dv", "predictive"):
    clf = StochasticInfoClassifier(
        noise="latent",
        latent_size=4,
        objective=objective,
        max_epochs=15,
        n_draws=8,
        random_state=0,
    )
    bounds = clf.fit(X, y).score_bounds(X_test, y_test, n_draws=64)
    print(
        f"{objective:12} {bounds.dv_closed_form:7.3f} {bounds.mi_output_lower:16.3f} "
        f"{bounds.mi_lower:15.3f} {output_information(clf):7.3f}"
    )
