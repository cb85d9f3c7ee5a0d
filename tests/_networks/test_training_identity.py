"""The identity of a training, which a checkpoint compares."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import cross_val_score
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint, StochasticInfoClassifier
from tests.helpers.trainings import CrashAt, X, Y, schedule

STOCHASTIC = {"noise": "gaussian", "beta": 0.1}


class Activated(torch.nn.Module):
    """A network whose weights have the same shapes for every activation."""

    def __init__(self, n_features, n_classes, activation="relu"):
        super().__init__()
        self.activation = {"relu": torch.nn.ReLU(), "tanh": torch.nn.Tanh()}[activation]
        self.layer, self.head = torch.nn.Linear(n_features, 4), torch.nn.Linear(4, n_classes)

    def forward(self, x):
        return self.head(self.activation(self.layer(x)))


class Scaled(Activated):
    scale = 1.0

    def __init__(self, n_features, n_classes, scale=1.0):
        super().__init__(n_features, n_classes)
        self.scale = scale


def seeded_linear(seed, frozen=False):
    torch.manual_seed(seed)
    linear = torch.nn.Linear(4, 3)
    linear.bias.requires_grad = not frozen
    return linear


class Tempered(torch.nn.CrossEntropyLoss):
    """A criterion with a private setting."""

    def __init__(self, temperature):
        super().__init__()
        self._temperature = temperature


class Sharp(torch.nn.CrossEntropyLoss):
    """A criterion with a buffer that is not in its state."""

    def __init__(self, sharpness):
        super().__init__()
        self.register_buffer("sharpness", torch.tensor(sharpness), persistent=False)


def scheduled_by(factor):
    return [("schedule", LRScheduler("LambdaLR", lr_lambda=lambda epoch: factor))]


def multiplied_by(factor):
    return lambda z: factor * z


class Applied(Activated):
    def __init__(self, n_features, n_classes, function):
        super().__init__(n_features, n_classes)
        self.function = function

    def forward(self, x):
        return self.function(super().forward(x))


def valid(change=0.0):
    return predefined_split(Dataset(X + change, Y))


def valid_tensors(change=0.0):
    rows = torch.utils.data.TensorDataset(torch.as_tensor(X + change), torch.as_tensor(Y))
    return predefined_split(torch.utils.data.Subset(rows, range(100)))


class Slowing(Callback):
    """A user's callback that changes the training."""

    def __init__(self, factor):
        self.factor = factor

    def on_epoch_end(self, net, **kwargs):
        net.optimizer_.param_groups[0]["lr"] *= self.factor


def stopping_by(scoring):
    score = EpochScoring(scoring, on_train=True, name="score")
    return [("score", score), ("stop", EarlyStopping("score"))]


CHANGES = {
    "seed": ({}, {"random_state": 4}, "seed"),
    "lr": ({}, {"lr": 0.1}, "lr"),
    "batch_size": ({}, {"batch_size": 10}, "batch_size"),
    "optimizer": ({}, {"optimizer": torch.optim.SGD}, "optimizer"),
    "sizes": ({}, {"module__hidden_sizes": (3,)}, "module's structure, module__hidden_sizes"),
    "weight_decay": ({}, {"optimizer__weight_decay": 0.5}, "optimizer__weight_decay"),
    "dropout": ({}, {"module__dropout": 0.2}, "module__dropout"),
    "criterion": ({}, {"criterion": torch.nn.CrossEntropyLoss}, "criterion"),
    "smoothing": (
        {"criterion": torch.nn.CrossEntropyLoss},
        {"criterion__label_smoothing": 0.1},
        "criterion__label_smoothing",
    ),
    "class_prior": ({}, {"class_prior": [0.2, 0.3, 0.5]}, "log_class_prior"),
    "other class_prior": (
        {"class_prior": [0.3, 0.2, 0.5]},
        {"class_prior": [0.2, 0.3, 0.5]},
        "log_class_prior",
    ),
    "class_weight": ({}, {"class_weight": {0: 2.0, 1: 1.0, 2: 1.0}}, "rows"),
    "other train_split": ({"train_split": 0.2}, {"train_split": 0.3}, "train_split"),
    "train_split": ({}, {"train_split": 5}, "train_split"),
    "shuffle": ({}, {"iterator_train__shuffle": False}, "iterator_train__shuffle"),
    "drop_last": ({}, {"iterator_train__drop_last": True}, "iterator_train__drop_last"),
    "dtype": ({}, {"dtype": "float32"}, "dtype"),
    "activation": (
        {"module": Activated},
        {"module__activation": "tanh"},
        "module's structure, module__activation",
    ),
    "plain attribute": ({"module": Scaled(4, 3)}, {"module": Scaled(4, 3, 2.0)}, "module"),
    "first weights": ({"module": seeded_linear(0)}, {"module": seeded_linear(1)}, "module"),
    "frozen": ({"module": seeded_linear(0)}, {"module": seeded_linear(0, True)}, "module"),
    "patience": (
        {"callbacks": [("stop", EarlyStopping("train_loss", patience=2))]},
        {"callbacks": [("stop", EarlyStopping("train_loss", patience=3))]},
        "callbacks__stop",
    ),
    "schedule": (
        {"callbacks": schedule(step_size=2)},
        {"callbacks": schedule(step_size=3)},
        "callbacks__schedule",
    ),
    "clipping": (
        {},
        {"callbacks": [("clip", GradientNormClipping(0.1))]},
        "callbacks__clip",
    ),
    "own callback": (
        {"callbacks": [Slowing(0.5)]},
        {"callbacks": [Slowing(0.1)]},
        "callbacks__Slowing",
    ),
    "own callback left out": (
        {"callbacks": [Slowing(0.5)]},
        {"callbacks": []},
        "callbacks__Slowing",
    ),
    "monitored score": (
        {"callbacks": stopping_by("accuracy")},
        {"callbacks": stopping_by("neg_log_loss")},
        "callbacks__score",
    ),
    "beta": (STOCHASTIC, {"beta": 0.2}, "beta"),
    "n_draws": (STOCHASTIC, {"n_draws": 8}, "n_draws"),
    "noise_scale": (STOCHASTIC, {"noise_scale": 0.5}, "module"),
    "validation rows": ({"train_split": valid()}, {"train_split": valid(1.0)}, "train_split"),
    "validation tensors": (
        {"train_split": valid_tensors()},
        {"train_split": valid_tensors(1.0)},
        "train_split",
    ),
    "private attribute": ({"criterion": Tempered(1.0)}, {"criterion": Tempered(2.0)}, "criterion"),
    "buffer": ({"criterion": Sharp(1.0)}, {"criterion": Sharp(2.0)}, "criterion"),
    "lambda": (
        {"module": Applied, "module__function": lambda z: z},
        {"module__function": lambda z: z + z},
        "module__function",
    ),
    "constant of a lambda": (
        {"module": Applied, "module__function": lambda z: 2 * z},
        {"module__function": lambda z: 3 * z},
        "module__function",
    ),
    "closure": (
        {"module": Applied, "module__function": multiplied_by(2)},
        {"module__function": multiplied_by(3)},
        "module__function",
    ),
    "default": (
        {"module": Applied, "module__function": lambda z, factor=2: factor * z},
        {"module__function": lambda z, factor=3: factor * z},
        "module__function",
    ),
    "scheduled lambda": (
        {"callbacks": scheduled_by(0.5)},
        {"callbacks": scheduled_by(0.1)},
        "callbacks__schedule",
    ),
    "objective": (STOCHASTIC, {"objective": "dv"}, "criterion"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_another_training_is_refused(case, tmp_path):
    before, change, names = CHANGES[case]
    cls = StochasticInfoClassifier if before is STOCHASTIC else InfoSoftmaxClassifier
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")

    def fit(max_epochs, callbacks=(), **params):
        options = {"random_state": 0, "max_epochs": max_epochs, **params}
        return cls(callbacks=[checkpoint, *callbacks], **options).fit(X, Y)

    fit(1, **before)
    with pytest.raises(ValueError, match=f"another training, in which these differ: .*{names}"):
        fit(1, **{**before, **change})
    # Unchanged training is resumed.
    assert len(fit(2, **before).history_) == 2


def test_what_does_not_change_the_training_may_change(tmp_path):
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")
    options = {"random_state": 0, "module__dropout": 0.5}
    InfoSoftmaxClassifier(max_epochs=2, callbacks=[checkpoint], device="cpu:0", **options).fit(
        X, Y
    )
    other = InfoSoftmaxClassifier(
        max_epochs=4,
        verbose=1,
        callbacks=[CrashAt(9, 9), checkpoint, EpochScoring("accuracy", name="watched")],
        device="cpu",
        **options,
    )
    other.set_params(callbacks__print_log__sink=lambda text: None).fit(X, Y)
    whole = InfoSoftmaxClassifier(max_epochs=4, device="cpu", **options).fit(X, Y)
    np.testing.assert_array_equal(other.predict_proba(X), whole.predict_proba(X))


def test_other_rows_are_refused(tmp_path):
    clf = InfoSoftmaxClassifier(
        callbacks=[ResumableCheckpoint(tmp_path / "training.pt")], max_epochs=1, random_state=0
    )
    with pytest.raises(ValueError, match="another training, in which these differ: rows"):
        cross_val_score(clf, X, Y, error_score="raise")
