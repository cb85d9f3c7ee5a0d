"""States of modules, optimizers and schedules in a checkpoint."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from skorch.callbacks import EarlyStopping, LRScheduler

from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint
from sksoftinfo._classifiers.file_content import check_net
from sksoftinfo._networks import check_history
from tests.helpers.trainings import X, Y, assert_refused, forged, schedule

MOMENTS, GROUP = "optimizer/state/0", "optimizer/param_groups/0"
STOP, SCHEDULE = "callbacks/stop", "callbacks/schedule/lr_scheduler_"
NAN = torch.tensor(torch.nan, dtype=torch.float64)
BEYOND = torch.arange(12.0, dtype=torch.float64).as_strided((3, 4), (0, 0), 11)
SCHEDULES = {
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 50},
    "CosineAnnealingLR": {"T_max": 1},
    "CosineAnnealingWarmRestarts": {"T_0": 1},
    "ReduceLROnPlateau": {"monitor": "train_loss", "patience": 0},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "cycle_momentum": False},
    "MultiStepLR": {"milestones": [1]},
}


def _set(place, **values):
    """Return a function that changes the entries of a state at a path with separator "/"."""

    def change(state):
        for key in filter(None, place.split("/")):
            state = state[int(key) if key.isdigit() else key]
        state.update({int(key[1:]) if key[1:].isdigit() else key: values[key] for key in values})

    return change


FORGED = {
    "short moment": _set(MOMENTS, exp_avg=torch.ones(1, dtype=torch.float64)),
    "long moment": _set(MOMENTS, exp_avg_sq=torch.ones(3, 5, dtype=torch.float64)),
    "moment of ints": _set(MOMENTS, exp_avg=torch.ones(3, 4, dtype=torch.int8)),
    "moment of singles": _set(MOMENTS, exp_avg=torch.ones(3, 4)),
    "moment that is NaN": _set(MOMENTS, exp_avg=NAN.expand(3, 4).clone()),
    "moment beyond its memory": _set(MOMENTS, exp_avg=BEYOND),
    "moment elsewhere": _set(MOMENTS, exp_avg=NAN.expand(3, 4).to("meta")),
    "moment as text": _set(MOMENTS, exp_avg="x"),
    "steps": _set(MOMENTS, step=torch.ones(5)),
    "step as text": _set(MOMENTS, step="x"),
    "negative step": _set(MOMENTS, step=torch.tensor(-1.0)),
    "another entry": _set(MOMENTS, more=1),
    "missing moments": _set("optimizer/state", _0={}),
    "no moments": _set("optimizer", state={}),
    "another parameter": _set("optimizer/state", _9={}),
    "lr as text": _set(GROUP, lr="x"),
    "no lr": _set(GROUP, lr=None),
    "lr of many": _set(GROUP, lr=torch.ones(3)),
    "infinite lr": _set(GROUP, lr=float("inf")),
    "negative lr": _set(GROUP, lr=-1.0),
    "huge lr": _set(GROUP, lr=10**400),
    "three betas": _set(GROUP, betas=(0.9, 0.9, 0.9)),
    "large betas": _set(GROUP, betas=(0.9, 5.0)),
    "maximize": _set(GROUP, maximize=True),
    "amsgrad": _set(GROUP, amsgrad=True),
    "no decay": _set(GROUP, weight_decay=None),
    "another option": _set(GROUP, more=1),
    "parameters": _set(GROUP, params=[0, 0]),
    "no groups": _set("optimizer", param_groups=[]),
    "training": _set("training", _5=6),
    "weights of ints": _set("module", **{"head.bias": torch.ones(3, dtype=torch.int8)}),
    "weights that are NaN": _set("module", **{"head.bias": NAN.expand(3).clone()}),
    "text as weights": _set("module", **{"head.bias": "x"}),
    "score": _set("callbacks/train_loss", best_score_="x"),
    "score of many": _set("callbacks/train_loss", best_score_=torch.ones(3)),
    "threshold": _set(STOP, dynamic_threshold_="x"),
    "negative count": _set(STOP, misses_=-(10**9)),
    "best weights": _set(STOP, best_model_weights_={"head.bias": torch.ones(2)}),
    "step size": _set(SCHEDULE, step_size="x"),
    "step size of 0": _set(SCHEDULE, step_size=0),
    "another factor": _set(SCHEDULE, gamma=0.3),
    "first rates": _set(SCHEDULE, base_lrs=5),
    "last rates": _set(SCHEDULE, _last_lr=None),
    "epoch of a schedule": _set(SCHEDULE, last_epoch=-99),
    "no schedule": _set("callbacks/schedule", lr_scheduler_=5),
    "no callbacks": _set("", callbacks={}),
    "generators": _set("", cuda=["x"]),
    "epochs": _set("", history='[{"batches": [], "epoch": 7}]'),
    "batches": _set("", history='[{"batches": [5], "epoch": 1}]'),
    "losses": _set("", history='[{"batches": [], "epoch": 1, "train_loss": "x"}]'),
    "loss that is NaN": _set("", history='[{"batches": [], "epoch": 1, "train_loss": NaN}]'),
    "endless epoch": _set("", history='[{"batches": [], "epoch": 1, "dur": Infinity}]'),
    "loss of a batch": _set("", history='[{"batches": [{"train_loss": NaN}], "epoch": 1}]'),
    "size of a batch": _set("", history='[{"batches": [{"train_batch_size": NaN}], "epoch": 1}]'),
}


@pytest.fixture(scope="module")
def rich():
    """A classifier whose checkpoint has states of callbacks, and the checkpoint's content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.pt"
        stop = ("stop", EarlyStopping("train_loss", load_best=True))
        callbacks = [ResumableCheckpoint(path), stop, *schedule(step_size=2)]
        options = {"module__hidden_sizes": (), "random_state": 0, "device": "cpu"}
        clf = InfoSoftmaxClassifier(max_epochs=1, callbacks=callbacks, **options).fit(X, Y)
        yield clf, path, path.read_bytes()


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_state_is_refused_before_any_of_it_is_used(name, rich):
    _, path, content = rich
    path.write_bytes(content)
    state = ResumableCheckpoint(path)._read()
    FORGED[name](state)
    assert_refused(rich, forged(state), "not written by this version")


@pytest.mark.parametrize(
    "record",
    [
        {"train_loss": math.nan},
        {"dur": math.inf},
        {"dur": "1"},
        {"valid_loss": "x"},
        {"batches": [{"train_loss": -math.inf}]},
        {"batches": [{"train_batch_size": math.nan}]},
        {"epoch": 2},
    ],
    ids=repr,
)
def test_histories_with_numbers_that_training_does_not_write(record):
    state = {"weights": {}, "dtype": "float32", "seed": 0}
    epoch = {"epoch": 1, "batches": [], "train_loss": 0.5, "dur": 0.1, "valid_loss": math.inf}
    check_net({**state, "history": [epoch]})
    with pytest.raises(ValueError, match="history has|of the history"):
        check_history([{**epoch, **record}])
    with pytest.raises(ValueError, match="history"):
        check_net({**state, "history": [{**epoch, **record}]})


@pytest.mark.parametrize("name", ["Adadelta", "Adafactor", "LBFGS", "NAdam", "Rprop", "SGD"])
def test_optimizers_of_other_states_go_on(name, tmp_path):
    options = {"optimizer": getattr(torch.optim, name), "random_state": 0, "lr": 0.01}
    options |= {"module__hidden_sizes": (), "batch_size": 50}
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")
    InfoSoftmaxClassifier(max_epochs=1, callbacks=[checkpoint], **options).fit(X, Y)
    resumed = InfoSoftmaxClassifier(max_epochs=2, callbacks=[checkpoint], **options).fit(X, Y)
    whole = InfoSoftmaxClassifier(max_epochs=2, **options).fit(X, Y)
    # torch rounds scalars of NAdam as it loads them.
    np.testing.assert_allclose(resumed.predict_proba(X), whole.predict_proba(X), rtol=1e-7)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_of_other_states_go_on(name, tmp_path):
    policy = getattr(torch.optim.lr_scheduler, name)
    callbacks = [LRScheduler(policy, **SCHEDULES[name])]
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")
    options = {"module__hidden_sizes": (), "random_state": 0, "lr": 0.01}

    def fit(max_epochs, *more):
        clf = InfoSoftmaxClassifier(callbacks=[*more, *callbacks], **options)
        return clf.set_params(max_epochs=max_epochs).fit(X, Y)

    fit(2, checkpoint)
    resumed, whole = fit(4, checkpoint), fit(4)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
