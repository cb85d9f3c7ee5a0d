import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import dok_array
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from sksoftinfo._utils import (
    as_picture,
    check_rows,
    give_back,
    holds_pictures,
    in_fixed_order,
    items,
    labels_of,
    layout_of,
    listed,
    with_n_channels,
)

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "CMYK", "YCbCr", "HSV"])
def test_every_mode_of_pil_is_read_as_pil_converts_it(mode):
    image = Image.fromarray(COLOURS).convert(mode)
    picture = as_picture(image)
    wanted = "L" if mode in ("1", "L", "LA") else "RGB"
    expected = np.asarray(image.convert(wanted))
    np.testing.assert_array_equal(
        picture.pixels, expected[None] if wanted == "L" else expected.transpose(2, 0, 1)
    )
    assert picture.size == (20, 30) and picture.pixels.dtype == np.uint8
    back = give_back(picture, picture.pixels)
    assert back.size == (30, 20) and back.mode == wanted


def test_sixteen_bits_keep_their_shades():
    shades = np.arange(600).reshape(20, 30).astype(np.uint16) * 100
    for image in (Image.fromarray(shades), Image.fromarray(shades.astype(np.int32))):
        pixels = as_picture(image).pixels
        assert pixels.dtype == np.uint8 and pixels.max() == round(59900 / 257)
        np.testing.assert_allclose(pixels[0], shades / 257, atol=0.51)
    with pytest.raises(ValueError, match="8 or 16 bits.*70000"):
        as_picture(Image.fromarray(np.full((9, 9), 70000, np.int32)))
    with pytest.raises(ValueError, match="mode 'F'"):
        as_picture(Image.fromarray(np.zeros((9, 9), np.float32)))


def test_eight_bits_in_thirty_two_are_refused_with_a_remedy_for_each_scale():
    grey = Image.fromarray(COLOURS).convert("L")
    wide = grey.convert("I")
    message = r"got mode 'I' with values up to \d+ at index 4, whose scale is unknown. Use .*'L'"
    with pytest.raises(ValueError, match=message):
        as_picture(wide, index=4)
    np.testing.assert_array_equal(as_picture(wide.convert("L")).pixels, np.asarray(grey)[None])
    # The mode names the scale, and zero is black on each of them.
    assert as_picture(wide.convert("I;16")).pixels.max() == 1
    assert as_picture(Image.new("I", (9, 9))).pixels.max() == 0


@pytest.mark.parametrize(
    "wrong, match",
    [
        (None, "got None. Put the rows or images into a list"),
        ({"a": 1}, "got an object of class dict"),
        (b"content", "got an object of class bytes"),
        ([], "at least one row or image; got none"),
        ((), "at least one row or image; got none"),
        (np.array([], dtype=object), "at least one row or image; got none"),
        (["a.jpg", "b.jpg"], "got the path 'a.jpg'. Open the files"),
        ((Path("a.jpg"),), "got the path 'a.jpg'"),
        (np.array(["a.jpg", "b.jpg"]), "got the path 'a.jpg'"),
        (np.array([Path("a.jpg")], dtype=object), "got the path 'a.jpg'"),
        ([b"content"], "got bytes at index 0. Decode the content"),
        ([np.zeros((3, 8, 8)), None], "got None at index 1. Leave it out"),
    ],
)
def test_what_holds_no_rows_is_refused_by_all_that_reads_rows(wrong, match):
    with pytest.raises(ValueError, match=f"`X` must .*{match}"):
        check_rows(wrong)
    with pytest.raises(ValueError, match=f"`X` must .*{match}"):
        InfoSoftmaxClassifier().fit(wrong, [0, 1])
    with pytest.raises(ValueError, match=f"`X` must .*{match}"):
        InfoMaskTransformer().fit(wrong, [0, 1])


def test_what_may_hold_rows_is_not_refused():
    for rows in (np.zeros((0, 3)), [[1.0, 2.0]], np.zeros(3), [np.zeros((3, 8, 8))], "a.jpg"):
        check_rows(rows)
    # scikit-learn refuses this dictionary of keys together with all other sparse data.
    check_rows(dok_array((3, 2)))
    with pytest.raises(TypeError, match="[Ss]parse data"):
        InfoSoftmaxClassifier().fit(dok_array((3, 2)), [0, 1, 1])


def test_images_that_were_closed_are_named():
    stream = io.BytesIO()
    Image.fromarray(COLOURS).save(stream, "PNG")
    image = Image.open(stream)
    image.close()
    with pytest.raises(ValueError, match="images that can be read; got an error at index 2"):
        as_picture(image, index=2)


def test_transparent_palettes_are_read_without_a_warning():
    stream = io.BytesIO()
    palette = Image.fromarray(COLOURS).quantize(16)
    palette.save(stream, "PNG", transparency=bytes(range(0, 160, 10)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = as_picture(Image.open(stream)).pixels
    np.testing.assert_array_equal(pixels.transpose(1, 2, 0), np.asarray(palette.convert("RGB")))


def test_a_file_that_is_cut_off_is_named():
    stream = io.BytesIO()
    Image.fromarray(COLOURS).resize((300, 300)).save(stream, "PNG")
    image = Image.open(io.BytesIO(stream.getvalue()[:2000]))
    with pytest.raises(ValueError, match="images that can be read; got an error at index 7"):
        as_picture(image, index=7)


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor])
@pytest.mark.parametrize(
    "shape, layout",
    [((20, 30, 3), "last"), ((3, 20, 30), "first"), ((20, 30), "grey"), ((20, 30, 4), "last")],
)
def test_arrays_come_back_as_they_were(convert, shape, layout):
    held = convert(RNG.integers(0, 256, shape, dtype=np.uint8))
    picture = as_picture(held)
    assert picture.layout == layout and picture.size == (20, 30)
    back = give_back(picture, picture.pixels)
    assert type(back) is type(held) and back.shape == held.shape and back.dtype == held.dtype
    np.testing.assert_array_equal(np.asarray(back), np.asarray(held))


@pytest.mark.parametrize("shape", [(3, 9, 4), (1, 1, 3), (3, 3, 3), (20, 30, 5), (7, 7, 7)])
def test_channels_that_cannot_be_told_are_refused(shape):
    with pytest.raises(ValueError, match="`channels` must be.*got 'auto'.*Set channels='first'"):
        layout_of(shape)
    first, last = (as_picture(np.zeros(shape), channels=where) for where in ("first", "last"))
    assert first.size == shape[1:] and last.size == shape[:2]


@pytest.mark.parametrize(
    "wrong, match",
    [
        (np.zeros((2, 3, 20, 30)), "got shape"),
        (np.zeros((0, 30, 3)), "got shape"),
        (np.zeros(5), "got shape"),
        (np.array([["a", "b"]]), "must hold numbers"),
        ("cat.jpg", "path 'cat.jpg'"),
        ({"image": 1}, "class dict at index 3"),
        (None, "class NoneType at index 3"),
    ],
)
def test_what_is_not_a_picture_is_named(wrong, match):
    with pytest.raises(ValueError, match=match):
        as_picture(wrong, index=3)


def test_what_holds_pictures():
    pil, array = Image.fromarray(COLOURS), COLOURS
    assert holds_pictures([pil]) and holds_pictures((array, pil))
    assert holds_pictures([array, array[:10]]) and holds_pictures([array, array[..., 0]])
    assert holds_pictures(TensorDataset(torch.zeros(2, 3)))
    for rows in ([array, array], [[1, 2], [3, 4]], np.zeros((2, 3)), [], [1.0], ["a", "b"], None):
        assert not holds_pictures(rows)
    assert listed(x for x in (1, 2)) == [1, 2] and listed((1, 2)) == (1, 2)


@pytest.mark.parametrize("wrong", ["cat.jpg", __file__])
def test_single_images_and_paths_are_refused(wrong, tmp_path):
    for X in (wrong, tmp_path, [tmp_path / wrong]):
        with pytest.raises(ValueError, match=r"Open the files, e.g. \[PIL.Image.open"):
            holds_pictures(X)
    with pytest.raises(ValueError, match=r"Put it into a list: \[image\]"):
        holds_pictures(Image.fromarray(COLOURS))


class Pictures(Dataset):
    def __init__(self, labels):
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        if index >= len(self):
            raise AssertionError("asked for more than there is")
        return COLOURS + index, self.labels[index]


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(COLOURS, "a"), (COLOURS, "b")])


@pytest.mark.parametrize(
    "X, labels",
    [
        (Pictures(["a", "b", "c"]), ["a", "b", "c"]),
        (Pictures(torch.tensor([2, 0, 1])), [2, 0, 1]),
        (Pictures([None, None]), None),
        (Stream(), ["a", "b"]),
        (TensorDataset(torch.zeros(3, 4, 4), torch.tensor([1, 0, 1])), [1, 0, 1]),
        (TensorDataset(torch.zeros(3, 4, 4)), None),
        (DataLoader(Pictures([2, 0, 1]), batch_size=2), [2, 0, 1]),
        (DataLoader(Pictures([2, 0, 1]), batch_size=None), [2, 0, 1]),
        ([COLOURS, COLOURS], None),
    ],
)
def test_items_and_labels(X, labels):
    held, found = zip(*items(X), strict=True)
    found = labels_of(found)
    assert found is None if labels is None else found.tolist() == labels
    assert as_picture(held[0], "first").pixels.ndim == 3


def test_labels_that_are_not_labels():
    with pytest.raises(ValueError, match="1 of 3 images without a label"):
        labels_of([1, None, 2])
    with pytest.raises(ValueError, match="got an array of shape"):
        labels_of([torch.zeros(3), torch.zeros(3)])
    for item in ((1, 2, 3), {"image": 1, "label": 2}):
        with pytest.raises(ValueError, match="whose items are an image, or an image and a label"):
            list(items(Pictures.__class__("D", (Dataset,), _of(item))()))


@pytest.mark.parametrize("form", ["tensor", "pil"])
@pytest.mark.parametrize("n_rows", [1, 2, 3, 6])
def test_a_batch_may_be_a_list_of_images_of_several_sizes(form, n_rows):
    images = [COLOURS[: 12 + i] for i in range(6)]
    held = [
        Image.fromarray(one) if form == "pil" else torch.tensor(one.transpose(2, 0, 1))
        for one in images
    ]
    for data, labels in [
        (held, [None] * 6),
        ([*zip(held, range(6), strict=True)], [*range(6)]),
    ]:
        for collate in (list, tuple, _in_two_lists):
            read = [*items(DataLoader(data, batch_size=n_rows, collate_fn=collate))]
            assert [label for _, label in read] == labels
            for (one, _), image in zip(read, images, strict=True):
                np.testing.assert_array_equal(as_picture(one).pixels, image.transpose(2, 0, 1))


def _in_two_lists(batch):
    if not isinstance(batch[0], tuple):
        return batch
    pictures, labels = zip(*batch, strict=True)
    return list(pictures), list(labels)


def test_a_default_batch_of_grey_images_is_not_one_image():
    grey = TensorDataset(torch.rand(3, 12, 15))
    assert [one.shape for one, _ in items(DataLoader(grey, batch_size=3))] == [(12, 15)] * 3


def _of(item):
    return {"__len__": lambda self: 1, "__getitem__": lambda self, index: item}


def test_shuffled_loaders_have_no_order():
    in_fixed_order(DataLoader(Pictures([1, 2])))
    with pytest.raises(ValueError, match="Use shuffle=False"):
        in_fixed_order(DataLoader(Pictures([1, 2]), shuffle=True))


def test_numbers_of_channels():
    colours = COLOURS.transpose(2, 0, 1)
    grey = with_n_channels(colours, 1)
    expected = np.asarray(Image.fromarray(COLOURS).convert("L"))
    assert np.abs(grey[0].astype(int) - expected).max() <= 1 and grey.dtype == np.uint8
    assert with_n_channels(grey, 3).shape == (3, 20, 30)
    assert with_n_channels(np.zeros((4, 5, 5)), 3).shape == (3, 5, 5)
    assert with_n_channels(colours, None) is colours
    assert with_n_channels(np.zeros((2, 5, 5)), 3).shape == (2, 5, 5)
