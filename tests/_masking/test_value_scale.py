"""Images on another scale than the images of `fit` raise a warning; other images do not."""

import warnings

import numpy as np
import pytest
import torch

from sksoftinfo import InfoMaskTransformer
from sksoftinfo._masking.value_scale import check_scale, largest_value

Image = pytest.importorskip("PIL.Image")
ARRAYS = [np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8) for seed in (0, 1)]
PILS = [Image.fromarray(one) for one in ARRAYS]
FLOATS = [np.float32(one) for one in ARRAYS]
SHARES = [one / 255 for one in FLOATS]
FIRST = np.stack(ARRAYS).transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    "in_fit, later",
    [
        (PILS, [ARRAYS, np.stack(ARRAYS), FLOATS, FIRST]),
        (SHARES, [FLOATS]),
        (ARRAYS, [PILS, SHARES]),
    ],
)
def test_pictures_of_another_scale_give_a_warning(network, in_fit, later):
    masker = InfoMaskTransformer(network).fit(in_fit)
    for X in later:
        for method in (masker.mask, masker.transform, masker.information_map):
            with pytest.warns(UserWarning, match="`X` should have values of the same scale as in"):
                method(X)


def test_pictures_of_one_scale_give_no_warning(network):
    dark = [np.minimum(one, 20) for one in ARRAYS]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pil = InfoMaskTransformer(network).fit(PILS)
        for X in (PILS, SHARES, [Image.fromarray(one) for one in dark], [PILS[0].convert("L")]):
            pil.mask(X)
        pil.mask([Image.new("RGB", (32, 32))])
        InfoMaskTransformer(network).fit(ARRAYS).mask(dark)


def test_largest_values_of_arrays_and_tensors():
    for one in (np.array([-3.0, 2.0]), torch.tensor([-3.0, 2.0])):
        assert largest_value(one) == 3.0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_scale(one, 0.0)
            check_scale(one, 89.0)
            check_scale(0 * one, 5.0)
        for in_fit in (90.0, 0.1):
            with pytest.warns(UserWarning, match=f"up to 3, but up to {in_fit:g} in"):
                check_scale(one, in_fit)
