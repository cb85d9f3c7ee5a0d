"""Memory, files and tensors that remain after many fits."""

import subprocess
import sys
from pathlib import Path

import pytest

MANY_FITS = """
import gc, os, resource
import numpy as np, torch
from sksoftinfo import InfoSoftmaxClassifier

torch.set_num_threads(1)
rng = np.random.default_rng(0)
X, y = rng.normal(size=(150, 4)), np.arange(150) % 3

def fits(n):
    for seed in range(n):
        clf = InfoSoftmaxClassifier(max_epochs=1, random_state=seed).fit(X[1:], y[1:])
        clf.score_bounds(X[:100] + 1, y[:100])
    gc.collect()
    tensors = [item for item in gc.get_objects() if isinstance(item, torch.Tensor)]
    files = len(os.listdir("/proc/self/fd"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return np.array([files, sum(tensor.nbytes for tensor in tensors), peak])

fits(20)
before = fits(20)
print(*(fits(300) - before))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are not listed here")
def test_many_fits_leave_no_memory_or_file_behind():
    """Measure in a separate process, where no other code allocates memory."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MANY_FITS], capture_output=True, text=True
    )
    files, tensors, peak = (int(number) for number in run.stdout.split())
    assert files <= 0
    assert tensors <= 0
    # The limit is in KiB, for 300 fits: memory that an allocator retains is not a leak.
    assert peak < 8_000
