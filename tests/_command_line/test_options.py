import pytest

from sksoftinfo._command_line.options import check_device, check_seed


def test_devices_and_seeds_that_do_not_exist_are_named():
    for device in ("auto", "cpu"):
        check_device(device)
    for device in ("quantum", "cuda:x", ""):
        with pytest.raises(ValueError, match=f"--device must be auto.*; got {device}. Use auto"):
            check_device(device)
    for device in ("meta", "cuda:99"):
        with pytest.raises(ValueError, match=f"--device {device} cannot be used on this machine"):
            check_device(device)
    for seed in (0, 2**32 - 1):
        check_seed(seed)
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match=f"--seed must be between 0 and .*; got {seed}"):
            check_seed(seed)
