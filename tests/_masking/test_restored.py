"""The state of a fitted transformer, restored from a file."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._masking.restored import check_state
from tests.helpers.pretrained import pretrained_network

DIGITS = load_digits(n_class=3)
IMAGES, DIGIT = (DIGITS.images / 16).astype(np.float32), DIGITS.target
FAST = {"max_epochs": 2, "random_state": 0}


def test_forged_states_of_a_transformer():
    """Each attribute is missing or has other values, or an attribute is not set by `fit`."""
    masker = InfoMaskTransformer(
        InfoSoftmaxClassifier(**FAST), patch_size=4, threshold_reference="fit", random_state=0
    ).fit(IMAGES, DIGIT)
    state = masker.__getstate__()
    fresh = InfoMaskTransformer.__new__(InfoMaskTransformer)
    fresh.__setstate__(state)
    np.testing.assert_array_equal(fresh.transform(IMAGES), masker.transform(IMAGES))
    params = masker.get_params(deep=False)
    for name in state.keys() - {"reference_maximum_"}:
        with pytest.raises(ValueError, match="class InfoMaskTransformer that cannot be restored"):
            fresh.__setstate__({key: value for key, value in state.items() if key != name})
        assert not vars(fresh)
    may_be_texts = {"calibration_", "feature_layer_", "_fit_key", "_map_key"}
    for name in state.keys() - params.keys():
        for odd in (-3, [], np.full(7, np.nan), *(() if name in may_be_texts else ("x",))):
            with pytest.raises(ValueError, match=f"another {name} than `fit` sets"):
                fresh.__setstate__({**state, name: odd})
    for name in ("transform", "__class__", "_set_checked_state", "more_"):
        with pytest.raises(ValueError, match=f"a file does not hold: '{name}'"):
            fresh.__setstate__({**state, name: 1})
    for change in ({"batch_size": -1}, {"mask_type": "x"}, {"threshold": "x"}):
        with pytest.raises(ValueError, match="cannot be restored"):
            fresh.__setstate__({**state, **change})
    mapper = copy.copy(masker._mapper)
    del mapper.scorer
    with pytest.raises(ValueError, match="another _mapper"):
        fresh.__setstate__({**state, "_mapper": mapper})


@pytest.mark.parametrize("size", [(64, 64), (64, 80), (50, 70)])
def test_maskers_of_pictures_have_states_whose_strides_are_fractions(size):
    network = InfoSoftmaxClassifier.from_module(pretrained_network(), classes=["a", "b", "c"])
    images = np.random.default_rng(0).random((2, 3, *size), dtype=np.float32)
    masker = InfoMaskTransformer(network).fit(images)
    state = masker.__getstate__()
    assert not all(float(one).is_integer() for one in state["stride_"])
    check_state(state, masker.get_params(deep=False))
    for odd in (0.0, -2.5, np.nan, np.inf, (2.5, "x"), (True, 2.5)):
        with pytest.raises(ValueError, match="another stride_"):
            check_state({**state, "stride_": odd}, masker.get_params(deep=False))
    # A module that a file would have to rebuild is not written either.
    skops = pytest.importorskip("skops.io")
    with pytest.raises(ValueError, match="module cannot be restored by skops"):
        skops.dumps(masker)
