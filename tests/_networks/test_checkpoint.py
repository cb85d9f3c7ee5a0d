"""Interrupted training that is resumed ends with the same network as uninterrupted training."""

import io
import itertools
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint
from sksoftinfo._networks import EpochTicker
from tests.helpers.trainings import (
    CASES,
    OPTIONS,
    Crash,
    CrashAt,
    X,
    Y,
    assert_refused,
    fit,
    forged,
    with_checksum,
)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("every", [1, 2])
def test_a_crash_in_an_epoch_changes_nothing(case, every, tmp_path):
    whole = fit(case)
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt", every=every)
    for epoch in (2, 4):
        with pytest.raises(Crash):
            fit(case, checkpoint, CrashAt(epoch, 1))
    resumed = fit(case, checkpoint)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    assert len(resumed.history_) == len(whole.history_)
    assert resumed.history_[:, "train_loss"] == whole.history_[:, "train_loss"]
    assert [path.name for path in tmp_path.iterdir()] == ["training.pt"]
    if case == "early stopping":
        assert 5 < len(whole.history_) < 30
    # Finished training is not repeated.
    again = fit(case, checkpoint)
    np.testing.assert_array_equal(again.predict_proba(X), whole.predict_proba(X))


SCRIPT = """
import os, signal, sys
from sklearn.datasets import load_iris
from skorch.callbacks import Callback
from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint

class Kill(Callback):
    watches_only = True

    def on_batch_begin(self, net, training, **kwargs):
        if training and len(net.history) == 4 and len(net.history[-1, "batches"]) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

X, y = load_iris(return_X_y=True)
InfoSoftmaxClassifier(
    callbacks=[ResumableCheckpoint(sys.argv[1]), Kill()],
    module__dropout=0.2, batch_size=40, max_epochs=6, random_state=3, device="cpu",
).fit(X, y)
"""


def test_a_killed_process(tmp_path):
    """Training of the killed process is resumed in this process."""
    path = tmp_path / "training.pt"
    command = [sys.executable, "-c", SCRIPT, str(path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    options = {"module__dropout": 0.2, "device": "cpu", **OPTIONS}
    epochs = []
    callbacks = [ResumableCheckpoint(path), EpochTicker(lambda: epochs.append(1))]
    resumed = InfoSoftmaxClassifier(callbacks=callbacks, **options).fit(X, Y)
    assert (len(epochs), len(resumed.history_)) == (3, 6)
    whole = InfoSoftmaxClassifier(**options).fit(X, Y)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize("content", [b"", b"nothing"])
def test_other_files_are_refused(content, small):
    assert_refused(small, content, "complete checkpoint .*Remove the file")


def test_every_single_bit_that_flips_is_noticed(small):
    """Flip every bit of the head, and 200 bits of the rest."""
    content = small[2]
    rng = np.random.default_rng(0)
    places = [*range(8 * 100), *rng.integers(8 * 100, 8 * len(content), 200)]
    for place in places:
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(ValueError, match="complete checkpoint .*Remove the file"):
            _read(small, bytes(damaged))


def test_every_cut_is_noticed(small):
    content = small[2]
    for kept in [*range(150), *range(150, len(content), 199), len(content) - 1]:
        with pytest.raises(ValueError, match="complete checkpoint .*Remove the file"):
            _read(small, content[:kept])
    with pytest.raises(ValueError, match="or is damaged"):
        _read(small, content + b"\0")


def _read(small, content):
    _, path, _ = small
    path.write_bytes(content)
    return ResumableCheckpoint(path)._read()


def test_a_checkpoint_of_another_version_is_refused(small):
    content = small[2].replace(b"checkpoint 2", b"checkpoint 9")
    assert_refused(small, content, "must be a complete checkpoint of this version")
    buffer = io.BytesIO()
    torch.save({"format": 1}, buffer)
    assert_refused(small, buffer.getvalue(), "must be a complete checkpoint of this version")


ODD = [
    None,
    True,
    -1,
    10**30,
    0.5,
    "x",
    [],
    {},
    (),
    [[]],
    {"a": 1},
    torch.ones(2),
    torch.ones(3, 3),
]


def test_forged_checkpoints_are_refused(small):
    """Entries replaced by odd values, with a valid checksum, are refused or have no effect."""
    clf, path, content = small
    path.write_bytes(content)
    clf.fit(X, Y)
    state = ResumableCheckpoint(path)._read()
    expected = clf.predict_proba(X)
    for name, value in itertools.product(state, ODD):
        path.write_bytes(forged({**state, name: value}))
        try:
            clf.fit(X, Y)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            np.testing.assert_array_equal(clf.predict_proba(X), expected)
    for name, value in itertools.product(["train_loss", "batches", "on_epoch_end", "_x"], ODD):
        callbacks = {**state["callbacks"], "valid_loss": {name: value}}
        path.write_bytes(forged({**state, "callbacks": callbacks}))
        with pytest.raises(ValueError, match=f"a callback does not learn '{name}'"):
            clf.fit(X, Y)
    for history in ("", "[" * 10_000, "[1]", "{}", "[{}]", '[{"batches": 1}]', "[]", "NaN"):
        assert_refused(small, forged({**state, "history": history}), "not written by this version")


def test_a_net_is_as_it_was_where_its_state_cannot_be_restored(small, monkeypatch):
    """An arbitrary error is raised while the state is set."""
    clf, path, content = small
    path.write_bytes(content)
    clf.fit(X, Y)
    net = clf.net_
    callback = ResumableCheckpoint(path)
    callback.training_ = callback._read()["training"]
    weights = [torch.full_like(one, 7.0) for one in net.module_.parameters()]
    with torch.no_grad():
        for one in net.module_.parameters():
            one.fill_(7.0)

    def fail(*args):
        raise RuntimeError("something else")

    monkeypatch.setattr("sksoftinfo._networks.checkpoint._restore_callback", fail)
    with pytest.raises(ValueError, match="something else"):
        callback._resume(net, callback._read())
    for one, expected in zip(net.module_.parameters(), weights, strict=True):
        torch.testing.assert_close(one.detach(), expected)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_what_is_not_a_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(OSError, match="Not a regular file"):
            InfoSoftmaxClassifier(callbacks=[ResumableCheckpoint(path)]).fit(X, Y)


def test_a_checkpoint_runs_no_code(small, tmp_path):
    """The files are a pickle that makes a file, and an archive that torch would load as code."""
    marker = tmp_path / "marker"

    class Touch:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    for odd in (Touch(), {"training": Touch()}):
        assert_refused(small, forged(odd), "not written by this version")
    assert not marker.exists()
    pickle.loads(pickle.dumps(Touch()))
    assert marker.exists(), "the forged files would have shown nothing"

    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        archive.writestr("archive/constants.pkl", "")
    assert_refused(small, with_checksum(buffer.getvalue()), "constants.pkl")


def test_a_checkpoint_that_would_be_larger_in_memory_is_refused(small):
    clf, path, content = small
    path.write_bytes(content)
    state = ResumableCheckpoint(path)._read()
    repeated = []
    for _ in range(60):
        repeated = [repeated, repeated]
    sparse = torch.sparse_coo_tensor([[0]], [1.0], (10**9,))
    for odd in (torch.zeros(1).expand(10**9), sparse, repeated):
        for entry in ("module", "optimizer", "callbacks"):
            forged_state = {**state, entry: {**state[entry], "odd": odd}}
            assert_refused(small, forged(forged_state), "larger than its data|too many entries")


def test_a_compressed_checkpoint_is_refused(small):
    content = small[2]
    start = content.index(b"PK")
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content[start:])) as before:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as after:
            for name in before.namelist():
                after.writestr(name, before.read(name))
    assert_refused(small, with_checksum(buffer.getvalue()), "not written by this version")


@pytest.mark.parametrize("every", [0, -1, 1.5, "2", None, True])
def test_every_is_a_positive_int(every, tmp_path):
    clf = InfoSoftmaxClassifier(callbacks=[ResumableCheckpoint(tmp_path / "c", every=every)])
    with pytest.raises(ValueError, match="`every` must be an int of at least 1; got"):
        clf.fit(X, Y)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_noticed_before_training(tmp_path):
    path = tmp_path / "nowhere" / "training.pt"
    epochs = []
    callbacks = [ResumableCheckpoint(path), EpochTicker(lambda: epochs.append(1))]
    clf = InfoSoftmaxClassifier(callbacks=callbacks, random_state=0)
    with pytest.raises(FileNotFoundError, match="nowhere") as raised:
        clf.fit(X, Y)
    assert raised.value.filename == str(path)
    assert not epochs
