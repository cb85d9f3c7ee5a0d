"""Data to try things on, and data sets of torch as arrays that every estimator takes.

May import: `_utils`.
"""

from ._digit_pairs import fetch_mnist_pairs, make_digit_pairs
from ._memory_map import memory_map

__all__ = ["fetch_mnist_pairs", "make_digit_pairs", "memory_map"]
