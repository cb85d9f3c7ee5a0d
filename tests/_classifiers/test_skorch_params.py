"""Parameters that the classifiers pass to skorch."""

import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


def test_validation_rows_are_not_shuffled():
    with pytest.raises(ValueError, match="`iterator_valid__shuffle` must be False; got True"):
        InfoSoftmaxClassifier(iterator_valid__shuffle=True, **FAST).fit(X, Y)
    InfoSoftmaxClassifier(iterator_valid__shuffle=False, **FAST).fit(X, Y)


def test_skorch_parameters_travel(split):
    X, _, y, _ = split
    clf = InfoSoftmaxClassifier(
        module__hidden_sizes=(7,),
        optimizer__weight_decay=0.1,
        optimizer=torch.optim.AdamW,
        iterator_train__drop_last=True,
        max_epochs=2,
        batch_size=32,
    )
    copy = clone(clf).set_params(module__hidden_sizes=(5,), lr=0.01)
    assert clf.get_params()["module__hidden_sizes"] == (7,)
    copy.fit(X, y)
    assert copy.module_.head.in_features == 5
    assert copy.net_.optimizer_.param_groups[0]["weight_decay"] == 0.1
    assert "optimizer__weight_decay=0.1" in repr(copy)
    assert "module__hidden_sizes" in copy._repr_html_()


@pytest.mark.parametrize(
    "name, error",
    [
        ("learning_rate", TypeError),
        ("modul__x", TypeError),
        ("module__", TypeError),
        ("callbacks__nope__x", ValueError),
        ("module__nothing", TypeError),
    ],
)
def test_names_that_nobody_knows_are_refused(split, name, error):
    X, _, y, _ = split
    with pytest.raises(error, match=name.rpartition("__")[2] or name):
        InfoSoftmaxClassifier(**{name: 1}).fit(X, y)
    if error is TypeError and "nothing" not in name:
        with pytest.raises(ValueError, match=f"Invalid parameter '{name}'"):
            InfoSoftmaxClassifier().set_params(**{name: 1})
