"""Random logits and labels, and worlds whose mutual information is known exactly."""

import numpy as np
from hypothesis import strategies as st
from scipy.special import logsumexp

from sksoftinfo._bounds.equations import at_label, donsker_varadhan


@st.composite
def logits_and_labels(draw, max_draws=5, scale=20.0):
    """Draw logits (n, K, M) and labels (n,)."""
    n, k, m = draw(st.integers(1, 8)), draw(st.integers(1, max_draws)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.floats(0, scale))
    return size * rng.standard_normal((n, k, m)), rng.integers(0, m, n)


def exact_mutual_information(joint):
    """Return I(A;B) of a joint probability table, in nats, summed out term by term."""
    joint = np.asarray(joint, dtype=float)
    a, b = joint.sum(1, keepdims=True), joint.sum(0, keepdims=True)
    positive = joint > 0
    return float((joint[positive] * np.log((joint / (a * b))[positive])).sum())


def expected_log_softmax(z, y, sample_weight=None):
    """Return the expected log-softmax of the label (paper Eq. 14 and 16)."""
    z = np.asarray(z, dtype=float)
    z = z[:, None, :] if z.ndim == 2 else z
    log_proba = z - logsumexp(z, axis=-1, keepdims=True)
    values = at_label(log_proba, np.asarray(y)).mean(axis=1)
    return float(np.average(values, weights=sample_weight))


def donsker_varadhan_of(z, y, *, label_distribution=None, sample_weight=None):
    """Return the library's Donsker-Varadhan representation with the critic z_y (Eq. 12-13).

    `label_distribution` is that of E_y: one for all rows or one for each; uniform if None.
    """
    z = np.asarray(z, dtype=float)
    z = z[:, None, :] if z.ndim == 2 else z
    shape = (len(z), 1, z.shape[-1])
    if label_distribution is None:
        label_distribution = np.full(shape[-1], 1 / shape[-1])
    distribution = np.broadcast_to(np.asarray(label_distribution)[..., None, :], shape)
    values = donsker_varadhan(at_label(z, np.asarray(y)), logsumexp(z, axis=-1, b=distribution))
    return float(np.average(values, weights=sample_weight))
