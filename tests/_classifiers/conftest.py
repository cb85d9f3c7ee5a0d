"""Flowers and digits, and a classifier of flowers, which no test of this folder changes."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier


@pytest.fixture(scope="session")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), np.array(["setosa", "versicolor", "virginica"])[y]


@pytest.fixture(scope="session")
def split(iris):
    return train_test_split(*iris, stratify=iris[1], random_state=0)


@pytest.fixture(scope="session")
def fitted(split):
    return InfoSoftmaxClassifier(random_state=0).fit(split[0], split[2])


@pytest.fixture(scope="module")
def images():
    digits = load_digits(n_class=3)
    return (digits.images / 16).astype(np.float32), digits.target
