"""A progress bar, or lines where tqdm is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Step = TypeVar("Step")


def progress(steps: Iterable[Step], n_steps: int, what: str, verbose: int) -> Iterable[Step]:
    """Return the steps, and show on standard error how many are done where `verbose` is not 0.

    Examples
    --------
    >>> from sksoftinfo._utils.progress import progress
    >>> list(progress(iter("ab"), 2, "folds", verbose=0))
    ['a', 'b']
    """
    if not verbose:
        return steps
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _lines(steps, n_steps, what)
    return tqdm(steps, total=n_steps, desc=what)


def _lines(steps: Iterable[Step], n_steps: int, what: str) -> Iterator[Step]:
    for number, step in enumerate(steps, start=1):
        print(f"{what}: {number} of {n_steps}", file=sys.stderr)
        yield step
