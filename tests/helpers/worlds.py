"""Random logits and labels, and worlds whose mutual information is known exactly."""

import numpy as np
from hypothesis import strategies as st


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
