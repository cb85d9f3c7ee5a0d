"""A small checkpoint, written once for each file of tests."""

import tempfile
from pathlib import Path

import pytest

from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint
from tests.helpers.trainings import X, Y


@pytest.fixture(scope="module")
def small():
    """A classifier with a small checkpoint, and the checkpoint's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.pt"
        clf = InfoSoftmaxClassifier(
            module__hidden_sizes=(),
            callbacks=[ResumableCheckpoint(path)],
            max_epochs=1,
            random_state=0,
        ).fit(X, Y)
        yield clf, path, path.read_bytes()
