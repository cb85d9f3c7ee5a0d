"""Checks of options that several commands have."""

from __future__ import annotations

import torch

from .._classifiers import resolve_device


def check_device(device):
    """Raise ValueError unless the device is "auto" or networks can be trained on it."""
    try:
        resolve_device(device)
    except ValueError as error:
        try:
            torch.device(device)
        except RuntimeError:
            what = f"must be auto, cpu or a torch device such as cuda; got {device}"
        else:
            what = f"{device} cannot be used on this machine, where torch finds no such device"
        raise ValueError(f"--device {what}. Use auto.") from error


def check_jobs(jobs):
    """Raise ValueError unless this is a number of jobs, or -1 for all cores."""
    if jobs < 1 and jobs != -1:
        raise ValueError(f"--jobs must be at least 1, or -1 for all cores; got {jobs}.")


def check_seed(seed):
    """Raise ValueError unless the seed is valid for NumPy."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"--seed must be between 0 and {2**32 - 1}; got {seed}. Use e.g. 0.")
