"""Parameters that change between two trainings of the same network."""

import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
BOTH = [InfoSoftmaxClassifier, StochasticInfoClassifier]
FAST = {"max_epochs": 3, "random_state": 0, "device": "cpu"}


@pytest.mark.parametrize("estimator", BOTH)
@pytest.mark.parametrize(
    "change",
    [
        {"module__hidden_sizes": (8,)},
        {"module": nn.Linear(4, 3)},
        {"optimizer": torch.optim.SGD},
        {"optimizer__weight_decay": 0.1},
        {"dtype": "float32"},
        {"train_split": 0.2},
        {"iterator_train__shuffle": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_parameter_that_a_warm_start_cannot_follow_is_refused(estimator, change):
    clf = estimator(warm_start=True, **FAST).fit(X, Y)
    before = {name: weight.clone() for name, weight in clf.module_.state_dict().items()}
    clf.set_params(**change)
    for train in (clf.fit, clf.partial_fit):
        with pytest.raises(
            ValueError, match=f"^`{next(iter(change))}` must be as in the first call"
        ):
            train(X, Y)
    torch.testing.assert_close(dict(clf.module_.state_dict()), before, rtol=0, atol=0)
    clf.set_params(warm_start=False).fit(X, Y)


@pytest.mark.parametrize("change", [{"noise": "dropout"}, {"objective": "dv"}, {"n_draws": 4}])
def test_a_noise_that_a_warm_start_cannot_follow_is_refused(change):
    clf = StochasticInfoClassifier(warm_start=True, **FAST).fit(X, Y).set_params(**change)
    with pytest.raises(ValueError, match=f"^`{next(iter(change))}` must be as in the first call"):
        clf.fit(X, Y)


def test_parameters_that_a_warm_start_follows():
    heard = []

    class Listener(Callback):
        def on_epoch_end(self, net, **kwargs):
            heard.append((net.lr, net.batch_size))

    clf = InfoSoftmaxClassifier(warm_start=True, **FAST).fit(X, Y)
    clf.set_params(lr=0.01, batch_size=20, max_epochs=2, callbacks=[Listener()])
    clf.set_params(class_prior="empirical", class_weight="balanced", decision="information")
    clf.fit(X, Y)
    assert heard == [(0.01, 20)] * 2
    assert len(clf.history_) == 5
    assert clf.history_[-1, "train_batch_count"] == 8
    clf.set_params(callbacks=None).fit(X, Y)
    assert len(heard) == 2
