"""Tasks with known p(y|x), and thus known mutual information.

Each task draws rows ``(X, y, log_posterior)``, the logarithm of the true p(y|x) of every class.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax
from scipy.stats import multivariate_normal


def gaussian_mixture(prior, means):
    """Return a task of Gaussian classes of unit covariance around `means`, one row a class."""
    prior, means = np.asarray(prior), np.asarray(means, dtype=float)

    def draw(n, rng):
        y = rng.choice(len(prior), size=n, p=prior)
        X = means[y] + rng.standard_normal((n, means.shape[1]))
        score = X @ means.T - 0.5 * (means**2).sum(axis=1)
        return X, y, log_softmax(np.log(prior) + score, axis=1)

    return draw


def gaussian_line(n_features, prior):
    """Return the later paper's task, with class means 0, 2, -2, 4, -4, ... in every feature."""
    steps = np.arange(len(prior)) - len(prior) // 2
    return gaussian_mixture(prior, 2.0 * steps[:, None] * np.ones(n_features))


def gaussian_cloud(n_classes, n_features, spread, seed=0):
    """Return a task with normal class means of standard deviation `spread`."""
    means = spread * np.random.default_rng(seed).standard_normal((n_classes, n_features))
    return gaussian_mixture(np.full(n_classes, 1 / n_classes), means)


def full_covariance(n_classes=3, n_features=5, seed=0):
    """Return a task of Gaussian classes with different means and covariances."""
    rng = np.random.default_rng(seed)
    means = 0.7 * rng.standard_normal((n_classes, n_features))
    factors = rng.standard_normal((n_classes, n_features, n_features)) / np.sqrt(n_features)
    covariances = factors @ factors.transpose(0, 2, 1) + 0.2 * np.eye(n_features)

    def draw(n, rng):
        y = rng.integers(n_classes, size=n)
        noise = rng.standard_normal((n, n_features))
        roots = np.linalg.cholesky(covariances)
        X = means[y] + np.einsum("nij,nj->ni", roots[y], noise)
        densities = [
            multivariate_normal(mean, covariance).logpdf(X)
            for mean, covariance in zip(means, covariances, strict=True)
        ]
        return X, y, log_softmax(np.column_stack(densities), axis=1)

    return draw


def spiral(n, rng):
    """Return a task of two arms, whose noisy label depends on the angle and radius of a point."""
    radius = rng.uniform(0.5, 3.0, n)
    angle = rng.uniform(0, 2 * np.pi, n)
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    logit = 4.0 * np.sin(angle - 2.0 * radius)
    return _binary(X, logit, rng)


def parity(n, rng, flip=0.1):
    """Return the parity of three of eight bits, flipped with probability `flip`."""
    X = rng.integers(0, 2, size=(n, 8)).astype(float)
    odd = X[:, :3].sum(axis=1) % 2
    return _binary(X, np.log((1 - flip) / flip) * (2 * odd - 1), rng)


def independent(n, rng):
    """Return a task of ten features that are independent of five imbalanced classes."""
    prior = np.array([0.5, 0.2, 0.15, 0.1, 0.05])
    X = rng.standard_normal((n, 10))
    log_posterior = np.broadcast_to(np.log(prior), (n, 5))
    return X, rng.choice(5, size=n, p=prior), log_posterior


def _binary(X, logit, rng):
    log_posterior = log_softmax(np.column_stack([np.zeros(len(X)), logit]), axis=1)
    return X, (np.log(rng.random(len(X))) < log_posterior[:, 1]).astype(int), log_posterior


def noisy_digits(keep=0.8, again=False):
    """Return handwritten digits whose labels are replaced by random ones with probability 0.2.

    The image determines the digit, so the channel from digit to label is p(y|x). There are at most
    1,797 rows or, with `again`, rows are drawn independently from the 1,797 digits, so that an
    image may occur several times with different labels.
    """
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    channel = np.full((10, 10), (1 - keep) / 10) + keep * np.eye(10)

    def draw(n, rng):
        rows = rng.integers(len(images), size=n) if again else rng.permutation(len(images))[:n]
        X, digit = images[rows], digits[rows]
        y = np.where(rng.random(len(X)) < keep, digit, rng.integers(10, size=len(X)))
        return X, y, np.log(channel)[digit]

    return draw


BALANCED = np.full(5, 0.2)
IMBALANCED = np.array([5, 10, 15, 20, 25]) / 75
TASKS = {
    **{f"line d={d}": gaussian_line(d, BALANCED) for d in (1, 2, 5, 10)},
    **{f"line d={d} imbalanced": gaussian_line(d, IMBALANCED) for d in (1, 2, 5, 10)},
    "cloud d=10 M=10": gaussian_cloud(10, 10, 0.7),
    "cloud d=20 M=50": gaussian_cloud(50, 20, 0.7),
    "cloud d=100 M=2": gaussian_cloud(2, 100, 0.15),
    "full covariance": full_covariance(),
    "spiral": spiral,
    "parity 3 of 8": parity,
    "independent": independent,
    "noisy digits": noisy_digits(),
    "noisy digits, drawn again": noisy_digits(again=True),
}
