"""Peers: estimators of I(X;Y) by neural critics and by nearest neighbours."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from torch import nn

_MAX_EPOCHS, _PATIENCE, _BATCH_SIZE = 60, 8, 256


def mine(joint, others):
    return joint.mean() - _log_mean_exp(others)


def nwj(joint, others):
    return joint.mean() - torch.exp(others - 1).mean()


def smile(joint, others, clip=5.0):
    return joint.mean() - _log_mean_exp(others.clamp(-clip, clip))


def _log_mean_exp(values):
    return torch.logsumexp(values.flatten(), 0) - np.log(values.numel())


def info_nce(scores):
    return (scores.diagonal() - torch.logsumexp(scores, 1)).mean() + np.log(len(scores))


def neural(bound):
    """Return an estimator: the mean of held-out bounds of critics that are trained on four folds.

    Training stops early by a fifth of the training rows. The critic is evaluated on each row with
    each label of its batch; `bound` computes the bound from these values.
    """

    def estimate(X, y, seed):
        torch.manual_seed(seed)
        X = torch.as_tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
        y = torch.as_tensor(y)
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        return np.mean([fold(X, y, *rows, seed) for rows in folds.split(X, y)])

    def fold(X, y, train, test, seed):
        rng = np.random.default_rng(seed)
        train, test = rng.permutation(train), rng.permutation(test)
        train, valid = np.split(train, [int(0.8 * len(train))])
        n_classes = int(y.max()) + 1
        critic = nn.Sequential(
            nn.Linear(X.shape[1], 64),
            nn.ReLU(),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Linear(64, n_classes),
        )
        optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)

        def value(rows):
            scores = critic(X[rows])[:, y[rows]]
            if bound is info_nce:
                return info_nce(scores)
            off = ~torch.eye(len(rows), dtype=torch.bool)
            return bound(scores.diagonal(), scores[off])

        def held_out(rows):
            with torch.no_grad():
                parts = [value(part) for part in np.array_split(rows, max(1, len(rows) // 1000))]
            return float(np.mean(parts))

        best, waited, state = -np.inf, 0, None
        for _ in range(_MAX_EPOCHS):
            order = rng.permutation(train)
            for start in range(0, len(order) - 1, _BATCH_SIZE):
                optimizer.zero_grad()
                (-value(order[start : start + _BATCH_SIZE])).backward()
                nn.utils.clip_grad_norm_(critic.parameters(), 5.0)
                optimizer.step()
            now = held_out(valid)
            if now > best:
                best, waited = now, 0
                state = {name: tensor.clone() for name, tensor in critic.state_dict().items()}
            else:
                waited += 1
            if waited == _PATIENCE:
                break
        if state is not None:
            critic.load_state_dict(state)
        return held_out(test)

    return estimate


def nearest_neighbours(X, y, seed, k=10):
    """Estimate by nearest neighbours, jointly over all features (Ross, 2014)."""
    X = StandardScaler().fit_transform(X)
    X += 1e-10 * np.random.default_rng(seed).standard_normal(X.shape)
    counts = np.bincount(y)
    radius, used = np.empty(len(y)), np.empty(len(y))
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        neighbours = min(k, len(rows) - 1)
        distance, _ = NearestNeighbors(n_neighbors=neighbours).fit(X[rows]).kneighbors()
        radius[rows], used[rows] = np.nextafter(distance[:, -1], 0), neighbours
    tree = NearestNeighbors().fit(X)
    around = np.array(
        [
            len(tree.radius_neighbors(X[i : i + 1], radius[i], return_distance=False)[0])
            for i in range(len(y))
        ]
    )
    return digamma(len(y)) + np.mean(digamma(used) - digamma(around) - digamma(counts[y]))


def summed_features(X, y, seed):
    """Estimate by scikit-learn's mutual_info_classif, summed over features."""
    return mutual_info_classif(X, y, random_state=seed).sum()


PEERS = {
    "MINE": neural(mine),
    "NWJ": neural(nwj),
    "SMILE": neural(smile),
    "InfoNCE": neural(info_nce),
    "joint kNN": nearest_neighbours,
    "mutual_info_classif": summed_features,
}
