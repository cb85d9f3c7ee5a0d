"""Contenders of `bench_speed.py`: the same network, optimizer and batches in several libraries."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits, make_classification
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from sksoftinfo import InfoSoftmaxClassifier
from sksoftinfo.datasets import make_digit_pairs

BATCH_SIZE = 128
OPTIMIZER = {"lr": 0.003, "weight_decay": 1.0}


def digits():
    X, y = load_digits(return_X_y=True)
    return StandardScaler().fit_transform(X).astype(np.float32), y


def table(n, d, n_classes):
    X, y = make_classification(
        n, d, n_informative=10, n_classes=n_classes, shuffle=False, random_state=0
    )
    order = np.random.default_rng(0).permutation(n)
    return X[order].astype(np.float32), y[order]


def images():
    pairs = make_digit_pairs(2000, target=0, random_state=0)
    return pairs.data.astype(np.float32), pairs.target


def network(X, y):
    """Return an untrained copy of the default network for these rows."""
    shape = X[:2].shape
    few = np.zeros((2, *shape[1:]), dtype=X.dtype), [0, 1]
    clf = InfoSoftmaxClassifier(max_epochs=1, device="cpu", random_state=0).fit(*few)
    module = type(clf.module_)
    n_classes = int(y.max()) + 1
    if X.ndim == 2:
        return module(n_features=X.shape[1], n_classes=n_classes)
    return module(n_channels=1, n_classes=n_classes)


def as_images(X):
    return X[:, None] if X.ndim == 3 else X


class Wrapped(nn.Module):
    """A network that is unknown to the package, e.g. a user's network."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


class Bare:
    """A training loop written by hand."""

    def __init__(self, device, fused):
        self.device, self.fused = device, fused

    def fit(self, X, y, epochs):
        torch.manual_seed(0)
        self.module = network(X, y).to(self.device)
        optimizer = torch.optim.AdamW(self.module.parameters(), fused=self.fused, **OPTIMIZER)
        loss_of = nn.CrossEntropyLoss()
        X = torch.from_numpy(as_images(X)).to(self.device)
        y = torch.from_numpy(y).long().to(self.device)
        self.module.train()
        for _ in range(epochs):
            order = torch.randperm(len(X), device=self.device)
            for start in range(0, len(X), BATCH_SIZE):
                rows = order[start : start + BATCH_SIZE]
                optimizer.zero_grad()
                loss = loss_of(self.module(X[rows]), y[rows])
                loss.backward()
                optimizer.step()
        return self

    def predict_proba(self, X, batch_size=1024):
        self.module.eval()
        X = torch.from_numpy(as_images(X))
        with torch.inference_mode():
            parts = [
                torch.softmax(self.module(part.to(self.device)), 1).cpu()
                for part in X.split(batch_size)
            ]
            return torch.cat(parts).numpy()


class Skorch:
    """skorch's classifier, by default or without the callbacks that are not needed."""

    def __init__(self, device, tuned):
        self.device, self.tuned = device, tuned

    def fit(self, X, y, epochs):
        options = {"callbacks": "disable", "optimizer__fused": True} if self.tuned else {}
        torch.manual_seed(0)
        self.net = NeuralNetClassifier(
            network(X, y),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.AdamW,
            lr=OPTIMIZER["lr"],
            optimizer__weight_decay=OPTIMIZER["weight_decay"],
            max_epochs=epochs,
            batch_size=BATCH_SIZE,
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
            device=self.device,
            **options,
        ).fit(as_images(X), y.astype(np.int64))
        return self

    def predict_proba(self, X):
        return self.net.predict_proba(as_images(X))


class Ours:
    """Our classifier, with its own network or with an equal network that it does not recognise."""

    def __init__(self, device, wrapped=False):
        self.device, self.wrapped = device, wrapped

    def fit(self, X, y, epochs):
        self.clf = InfoSoftmaxClassifier(
            Wrapped(network(X, y)) if self.wrapped else None,
            max_epochs=epochs,
            batch_size=BATCH_SIZE,
            lr=OPTIMIZER["lr"],
            optimizer__weight_decay=OPTIMIZER["weight_decay"],
            device=self.device,
            random_state=0,
        ).fit(X, y)
        return self

    def predict_proba(self, X):
        return self.clf.predict_proba(X)


class ScikitLearn:
    def fit(self, X, y, epochs):
        self.clf = MLPClassifier(
            (64, 64),
            batch_size=BATCH_SIZE,
            learning_rate_init=OPTIMIZER["lr"],
            max_iter=epochs,
            n_iter_no_change=epochs,
            tol=0.0,
            random_state=0,
        ).fit(X, y)
        return self

    def predict_proba(self, X):
        return self.clf.predict_proba(X)


def contenders(X, device):
    """Return name and contender; scikit-learn's network takes tables on the CPU alone."""
    found = {
        "bare torch": Bare(device, fused=True),
        "bare torch, default AdamW": Bare(device, fused=False),
        "sksoftinfo": Ours(device),
        "sksoftinfo, own module": Ours(device, wrapped=True),
        "skorch": Skorch(device, tuned=False),
        "skorch, tuned": Skorch(device, tuned=True),
    }
    if X.ndim == 2 and device == "cpu":
        found["MLPClassifier"] = ScikitLearn()
    return found
