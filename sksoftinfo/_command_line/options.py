"""Checks of options that several commands have."""

from __future__ import annotations

from .._classifiers import resolve_device


def check_device(device):
    """Raise ValueError unless the device is "auto" or networks can be trained on it."""
    try:
        resolve_device(device)
    except ValueError as error:
        raise ValueError(
            "--device must be auto, cpu or a device of torch that works on this machine; got "
            f"{device}. Use auto."
        ) from error


def check_seed(seed):
    """Raise ValueError unless the seed is valid for NumPy."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"--seed must be between 0 and {2**32 - 1}; got {seed}. Use e.g. 0.")
