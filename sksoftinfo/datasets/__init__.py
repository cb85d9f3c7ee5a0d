"""Images of handwritten digits for examples, and torch data sets as memory-mapped arrays."""

# May import: `_utils`.

from ._digit_pairs import fetch_mnist_pairs, make_digit_pairs
from ._memory_map import memory_map

__all__ = ["fetch_mnist_pairs", "make_digit_pairs", "memory_map"]
