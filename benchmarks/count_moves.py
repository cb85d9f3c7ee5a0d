"""Number of files that a call crosses: ``python benchmarks/count_moves.py``.

A move is a call of a function of this package that lies in another file than the function called
before it. Files and moves measure what a reader of the code has to follow, not what a processor
does: the data are small, and a network takes one step.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits, load_iris

import sksoftinfo
from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier

PACKAGE = str(Path(sksoftinfo.__file__).parent)


def files_called(function, *arguments):
    """Return the package's file of each call in turn, and the result of the function."""
    called = []

    def listen(frame, event, _):
        code = frame.f_code
        # The body of a module runs once, at its import.
        if event == "call" and code.co_name != "<module>" and code.co_filename.startswith(PACKAGE):
            called.append(code.co_filename)

    sys.setprofile(listen)
    try:
        result = function(*arguments)
    finally:
        sys.setprofile(None)
    return called, result


def report(name, function, *arguments):
    """Print the calls, files and moves of a call, and return its result."""
    called, result = files_called(function, *arguments)
    moves = sum(one != other for one, other in zip(called, called[1:], strict=False))
    print(f"{name:34} {len(called):6} {len(set(called)):6} {moves:6}")
    return result


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    X, y = load_iris(return_X_y=True)
    digits = load_digits(n_class=2)
    images, labels = np.float32(digits.images / 16), digits.target
    options = {"max_epochs": 1, "batch_size": 512, "random_state": 0, "device": "cpu"}
    print(f"{'':34} {'calls':>6} {'files':>6} {'moves':>6}")
    classifier = InfoSoftmaxClassifier(**options)
    classifier = report("InfoSoftmaxClassifier.fit", classifier.fit, X[::2], y[::2])
    report("InfoSoftmaxClassifier.score_bounds", classifier.score_bounds, X[1::2], y[1::2])
    masker = InfoMaskTransformer(
        InfoSoftmaxClassifier(**options), target=1, patch_size=4, random_state=0
    )
    masker = report("InfoMaskTransformer.fit", masker.fit, images, labels)
    report("InfoMaskTransformer.transform", masker.transform, images)


if __name__ == "__main__":
    main()
