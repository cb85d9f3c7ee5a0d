import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sksoftinfo import InfoMaskDisplay, InfoMaskTransformer
from sksoftinfo.export import information_map_module
from sksoftinfo.metrics import mask_iou_scorer

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def no_window():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def test_shows_what_the_transformer_says(digits_masker):
    masker, X = digits_masker
    display = InfoMaskDisplay.from_estimator(masker, X[:2], targets=[3, [1, 8]])
    assert display.axes_.shape == (2, 7)
    drawn = [axis.get_images()[0].get_array() for axis in display.axes_[1]]
    np.testing.assert_array_equal(drawn[0], X[1])
    np.testing.assert_allclose(drawn[1], masker.information_map(X[:2])[1])
    np.testing.assert_array_equal(drawn[2], masker.mask(X[:2])[1])
    np.testing.assert_array_equal(drawn[3], masker.transform(X[:2])[1])
    np.testing.assert_allclose(drawn[4], masker.information_map(X[:2], [1, 8])[1])
    limits = {axis.get_images()[0].get_clim() for axis in display.axes_[:, [1, 4]].flat}
    ((low, high),) = limits
    assert low == -high
    assert display.colorbar_.ax.get_ylabel() == "evidence (nats)"
    titles = [axis.get_title() for axis in display.axes_[0]]
    assert titles[1] == "evidence for\nclass 3"
    assert titles[4] == "evidence for\nclass 1 or 8"
    assert masker.target == 3


def test_colour_images_and_a_given_figure():
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 3, 8, 10)), np.arange(40) % 2
    X[y == 1, 0, 2:6, 2:6] += 1
    masker = InfoMaskTransformer(LogisticRegression(), patch_size=4, random_state=0).fit(X, y)
    figure = plt.figure()
    display = InfoMaskDisplay.from_estimator(masker, X[:3], figure=figure)
    assert display.figure_ is figure
    shown = display.axes_[0, 0].get_images()[0].get_array()
    assert shown.shape == (8, 10, 3) and shown.min() >= 0 and shown.max() <= 1
    title = display.axes_[0, 1].get_title()
    assert title == "evidence for\nthe predicted class\n(outline: pixels kept)"


def test_tables_are_refused():
    X, y = np.random.default_rng(0).random((20, 5)), np.arange(20) % 2
    masker = InfoMaskTransformer(LogisticRegression(), patch_size=2).fit(X, y)
    with pytest.raises(ValueError, match="must hold images; got a table"):
        InfoMaskDisplay.from_estimator(masker, X)


def test_a_pipeline_is_refused_with_a_literal_remedy(digits_masker):
    masker, X = digits_masker
    scaled = FunctionTransformer(lambda images: images / 1).fit(X)
    pipeline = make_pipeline(scaled, masker)
    with pytest.raises(ValueError, match=r"InfoMaskTransformer; got Pipeline. .* pipeline\[-1\]"):
        InfoMaskDisplay.from_estimator(pipeline, X)
    InfoMaskDisplay.from_estimator(pipeline[-1], pipeline[:-1].transform(X))
    with pytest.raises(ValueError, match=r"InfoMaskTransformer; got Pipeline. .* pipeline\[-1\]"):
        mask_iou_scorer(pipeline, X, masks=np.ones(X.shape, dtype=bool))
    with pytest.raises(ValueError, match="`masker` must be a fitted InfoMask.*; got Pipe"):
        information_map_module(pipeline, 0)


def test_without_matplotlib_the_extra_is_named(digits_masker, monkeypatch):
    masker, X = digits_masker
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"sksoftinfo\[plot\]"):
        InfoMaskDisplay.from_estimator(masker, X[:1])


def test_an_overlay_shows_photographs_in_their_colours(rectangles):
    masker, images = rectangles
    display = InfoMaskDisplay.from_estimator(masker, images, targets=["red", "green"])
    assert display.axes_.shape == (2, 5)
    for axis in display.axes_[0, :2]:
        shown = axis.get_images()[0].get_array()
        np.testing.assert_allclose(shown, images[0] / 255)
    (_, evidence) = display.axes_[0, 1].get_images()
    found = np.maximum(masker.information_map(images, "red")[0], 0)
    np.testing.assert_allclose(evidence.get_array(), found, atol=1e-5)
    low, high = evidence.get_clim()
    assert low == 0 and high == pytest.approx(found.max())
    # Where there is no evidence, the photograph stays visible.
    assert (evidence.get_alpha()[found == 0] == 0).all()
    assert evidence.get_alpha().max() == pytest.approx(0.7)
    result = display.axes_[0, 2].get_images()[0].get_array()
    np.testing.assert_allclose(result, masker.transform(images, ["red"] * 2)[0] / 255)
    assert [len(axis.collections) for axis in display.axes_[0]] == [0, 2, 0, 0, 0]
    assert display.colorbar_.cmap.name == "inferno"
    each = InfoMaskDisplay.from_estimator(masker, images, y=["red", "navy"], contour=False)
    np.testing.assert_array_equal(each.masks[0][1], masker.mask(images, y=["red", "navy"])[1])
    assert not each.axes_[0, 1].collections
    outlined = display.axes_[0, 1].get_title()
    assert outlined == "evidence for\nclass red\n(outline: pixels kept)"
    titles = [axis.get_title() for axis in each.axes_[:, 1]]
    assert titles == ["evidence for\nclass red", "evidence for\nclass navy"]


@pytest.mark.parametrize("scale", ["shared", "image"])
@pytest.mark.parametrize("overlay", [True, False])
def test_without_evidence_the_scale_has_no_end(overlay, scale):
    image, nothing = np.zeros((3, 8, 8), np.uint8), np.zeros((8, 8))
    for evidence, ticks in ((nothing, [0]), (np.eye(8), None)):
        display = InfoMaskDisplay(
            images=[image],
            information=[[evidence]],
            masks=[[nothing > 0]],
            results=[[image]],
            target_names=["class a"],
        ).plot(overlay=overlay, scale=scale)
        found = list(display.colorbar_.get_ticks())
        assert found == ticks if ticks else len(found) > 2
        assert display.axes_[0, 1].get_title() == "evidence for\nclass a"


def test_each_map_by_its_own_maximum(rectangles):
    masker, images = rectangles
    options = {"targets": ["red", "navy"], "scale": "image", "overlay": False, "cmap": "PuOr"}
    display = InfoMaskDisplay.from_estimator(masker, images, **options)
    assert display.axes_.shape == (2, 7)
    for axis in display.axes_[:, [1, 4]].flat:
        (drawn,) = axis.get_images()
        assert np.abs(drawn.get_array()).max() == pytest.approx(1)
        assert drawn.get_clim() == (-1, 1) and drawn.get_cmap().name == "PuOr"
    assert display.colorbar_.ax.get_ylabel() == "share of each map's maximum"


def test_pictures_are_shown_in_place_of_what_was_made_of_them(rectangles):
    masker, images = rectangles
    X = torch.stack([masker.preprocess(torch.tensor(i).permute(2, 0, 1)) for i in images])
    plain = clone(masker).set_params(preprocess=None).fit(X)
    display = InfoMaskDisplay.from_estimator(plain, X, targets=["red"], images=images)
    np.testing.assert_array_equal(display.images[1], images[1].transpose(2, 0, 1))
    assert display.masks[0][0].shape == (40, 60) and display.masks[0][0].dtype == bool
    expected = masker.mask(images, y=["red", "red"])[0]
    assert (display.masks[0][0] == expected).mean() > 0.97
    with pytest.raises(ValueError, match="one image for each of 2 images of X; got 1"):
        InfoMaskDisplay.from_estimator(plain, X, images=images[:1])


def test_wrong_options_are_named(rectangles):
    masker, images = rectangles
    for options, match in [
        ({"scale": "log"}, "`scale` must be 'shared' or 'image'"),
        ({"alpha": 2}, r"`alpha` must be within \[0, 1\]"),
        ({"overlay": "yes"}, "`overlay` must be True, False or 'auto'"),
        ({"targets": ["red"], "y": ["red", "red"]}, "must not both be given"),
        ({"targets": ["mauve"]}, "'mauve'"),
    ]:
        with pytest.raises(ValueError, match=match):
            InfoMaskDisplay.from_estimator(masker, images, **options)
    with pytest.raises(ValueError, match="at least one row or image"):
        InfoMaskDisplay.from_estimator(masker, [])
