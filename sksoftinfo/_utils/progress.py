"""Progress bar with the time left, or lines of text if tqdm is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import TypeVar

Step = TypeVar("Step")
# From this share on, the time left is extrapolated from the elapsed time.
_ENOUGH = 0.1


class Progress:
    """Progress of some work, and the time left, on standard error.

    Work in several parts has one bar: the progress of each part fills its share of the bar.

    Parameters
    ----------
    total : float
        Total cost of all steps.
    what : str
        Name of the work.
    verbose : int or Progress
        Nothing is shown if 0. A `part` of other work is filled instead of a bar of its own.
    seconds : float, default=None
        Expected seconds for a cost of 1, if known before the first step.

    Examples
    --------
    >>> from sksoftinfo._utils import Progress
    >>> with Progress(2, "folds", verbose=0) as bar:
    ...     list(bar.over(iter("ab"), [1, 1]))
    ['a', 'b']
    """

    def __init__(
        self, total: float, what: str, verbose: int | Progress, seconds: float | None = None
    ):
        self._total, self._done, self._what = total, 0.0, what
        self._seconds, self._start = seconds, perf_counter()
        self._shown, self._bar = bool(verbose), None
        self._outer, self._share = None, 0.0
        if isinstance(verbose, Progress):
            self._outer, self._share, self._filled = verbose, verbose._total, verbose._done
            return
        if not verbose:
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        self._bar = tqdm(
            total=total,
            desc=what,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}",
        )
        self._show()

    def over(self, steps: Iterable[Step], costs: Iterable[float]) -> Iterator[Step]:
        """Yield the steps, and show the cost of each as done when the next step is requested."""
        for step, cost in zip(steps, costs, strict=True):
            self.advance(cost)
            yield step

    def advance(self, cost: float) -> None:
        """Show the cost of a step as done."""
        self._done += cost
        self._show()

    def expect(self, rest: float) -> None:
        """Set the cost of the remaining work."""
        self._total = self._done + rest
        self._show()

    def part(self, cost: float) -> Progress:
        """Return the next part of the work, to pass as `verbose` to the `Progress` of the part."""
        part = Progress(1.0, self._what, self)
        part._share = cost
        return part

    def __bool__(self):
        """Return whether progress is shown."""
        return self._shown

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        """Close the progress bar, so that what is printed next begins a line."""
        if error is None and self._outer is not None:
            self.advance(self._total - self._done)
        if self._bar is not None:
            self._bar.close()

    def _seconds_left(self):
        rest = max(self._total - self._done, 0)
        if self._done >= _ENOUGH * self._total:
            return rest * (perf_counter() - self._start) / self._done
        return None if self._seconds is None else rest * self._seconds

    def _show(self):
        if not self._shown:
            return
        if self._outer is not None:
            share = min(self._done / max(self._total, 1e-12), 1.0)
            self._outer._done = self._filled + self._share * share
            self._outer._show()
            return
        seconds = None if self._done >= self._total else self._seconds_left()
        left = "" if seconds is None else f"about {duration(seconds)} left"
        if self._bar is None:
            share = 100 * self._done / max(self._total, 1e-12)
            print(f"{self._what}: {share:.0f} %{', ' * bool(left)}{left}", file=sys.stderr)
            return
        self._bar.total = self._total
        self._bar.n = min(self._done, self._total)
        self._bar.set_postfix_str(left)


def duration(seconds: float) -> str:
    """Return a rounded time in words.

    Examples
    --------
    >>> from sksoftinfo._utils import duration
    >>> duration(3.2), duration(47), duration(100), duration(9000)
    ('3 s', '45 s', '2 min', '2.5 h')
    """
    if seconds < 10:
        return f"{max(round(seconds), 1)} s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
