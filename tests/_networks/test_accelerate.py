"""Two processes of dask and of accelerate give the result of one process."""

import json
import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftinfo import InfoSoftmaxClassifier, cross_val_bounds

X, Y = load_iris(return_X_y=True)


def classifier():
    return make_pipeline(StandardScaler(), InfoSoftmaxClassifier(max_epochs=3, random_state=0))


@pytest.fixture(scope="module")
def workers():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield set(client.run(os.getpid).values())


def process(estimator, X, y):
    return os.getpid()


def test_grid_search_by_dask(workers):
    grid = {"infosoftmaxclassifier__lr": [0.003, 0.03]}
    scoring = {"likelihood": "neg_log_loss", "process": process}
    options = {"cv": 3, "scoring": scoring, "refit": "likelihood", "error_score": "raise"}
    serial = GridSearchCV(classifier(), grid, **options).fit(X, Y)
    with joblib.parallel_config("dask"):
        search = GridSearchCV(classifier(), grid, n_jobs=-1, **options).fit(X, Y)
    ran_in = {
        int(search.cv_results_[f"split{i}_test_process"][j]) for i in range(3) for j in (0, 1)
    }
    assert len(workers) == 2 and ran_in <= workers
    np.testing.assert_allclose(
        search.cv_results_["mean_test_likelihood"],
        serial.cv_results_["mean_test_likelihood"],
        rtol=1e-9,
    )
    np.testing.assert_allclose(search.predict_proba(X), serial.predict_proba(X), rtol=1e-9)


def test_cross_val_bounds_by_dask(workers):
    serial = cross_val_bounds(classifier(), X, Y)
    with joblib.parallel_config("dask"):
        parallel = cross_val_bounds(classifier(), X, Y, n_jobs=-1)
    np.testing.assert_allclose(parallel.pointwise, serial.pointwise, rtol=1e-9, atol=1e-12)
    assert parallel.mi_lower_limit == pytest.approx(serial.mi_lower_limit, abs=1e-9)


SCRIPT = """
import json, os
import torch
from accelerate import Accelerator
from sklearn.datasets import make_classification
from torch.distributed.launcher import LaunchConfig, elastic_launch
from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier

def accelerator():
    return Accelerator(cpu=True)

def train():
    X, y = make_classification(340, 8, n_informative=5, n_classes=3, random_state=0)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    bounds = {}
    for cls in (InfoSoftmaxClassifier, StochasticInfoClassifier):
        clf = cls(
            accelerator=accelerator, max_epochs=3, batch_size=64 // processes, train_split=0.2,
            random_state=0,
        )
        # 256 rows of 320 are for training; a second fit goes on from the first.
        clf.fit(X[:320], y[:320], sample_weight=1 + y[:320])
        clf.set_params(warm_start=True, max_epochs=2).fit(X[:320], y[:320])
        bounds[cls.__name__] = {
            **clf.score_bounds(X[300:], y[300:]).to_dict(pointwise=True),
            "valid_loss": clf.history_[:, "valid_loss"],
            "processes": clf.net_.accelerator.num_processes,
            "log_proba": clf.predict_log_proba(X[:5]).tolist(),
        }
    # Batch normalisation sees other rows in each process, and the last batch is not full.
    module = torch.nn.Sequential(
        torch.nn.Linear(8, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 3)
    )
    clf = InfoSoftmaxClassifier(
        module, accelerator=accelerator, max_epochs=2, batch_size=32, dtype="float32",
        random_state=0,
    ).fit(X[:150], y[:150])
    return bounds, clf.predict_log_proba(X[300:]).tolist()

# What torchrun starts, but forked from here, so that packages are imported once.
two = elastic_launch(
    LaunchConfig(1, 1, 2, rdzv_backend="c10d", rdzv_endpoint="localhost:0", start_method="fork"),
    train,
)()
print(json.dumps([train(), two[0], two[1]]))
"""


def test_processes_that_do_not_know_of_each_other(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    clf = InfoSoftmaxClassifier(accelerator=OneProcess, max_epochs=1)
    with pytest.warns(UserWarning, match="2 processes were started, but the accelerator has"):
        # The class is not a complete accelerator, so that training fails.
        with pytest.raises(AttributeError, match="OneProcess"):
            clf.fit(X, Y)


class OneProcess:
    """A stand-in for ``accelerate.Accelerator()`` in one of several processes without a GPU."""

    num_processes = 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_training_in_two_processes_of_accelerate():
    pytest.importorskip("accelerate")
    # Hide the GPUs, on which the CPU processes would otherwise wait for each other.
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=env)
    (one, _), (two, uneven), (other, uneven_too) = json.loads(run.stdout)
    # Both processes end with the same network, and score all rows.
    assert two == other and uneven == uneven_too
    # If all batches are full, the network is that of a single process.
    for name, expected in one.items():
        bounds = two[name]
        assert (expected.pop("processes"), bounds.pop("processes")) == (1, 2)
        for field, value in expected.items():
            if field not in ("classes", "standard_errors", "monte_carlo_errors"):
                if value is None or isinstance(value, str):
                    assert bounds[field] == value
                else:
                    np.testing.assert_allclose(bounds[field], value, atol=1e-9, err_msg=field)
