import warnings
from pathlib import Path

import numpy as np
import pytest

from sksoftinfo._command_line.photo_files import (
    Photographs,
    files_to_write,
    read_photograph,
    write_cut_out,
)

Image = pytest.importorskip("PIL.Image")
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "1", "CMYK", "I;16"])
def test_photographs_are_read_as_colours(tmp_path, mode):
    image = Image.fromarray(PIXELS)
    if mode == "I;16":
        image = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)
        expected = np.repeat(PIXELS[..., :1], 3, axis=2)
    else:
        image = image.convert(mode)
        expected = np.asarray(image.convert("RGB"))
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    photograph = read_photograph(path)
    assert photograph.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(photograph), expected)
    photographs = Photographs([path, path])
    assert len(photographs) == 2 and photographs[1].size == (30, 20)


def test_photographs_are_turned_upright(tmp_path):
    turned = Image.fromarray(PIXELS).transpose(Image.Transpose.ROTATE_90)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(np.asarray(read_photograph(tmp_path / "turned.png")), PIXELS)


def test_of_several_frames_the_first_is_read_and_palettes_may_be_transparent(tmp_path):
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "a.gif") as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(np.asarray(read_photograph(tmp_path / "a.gif")), expected)
    palette = Image.fromarray(PIXELS).quantize(16)
    palette.save(tmp_path / "b.png", transparency=bytes(range(0, 160, 10)))
    expected = np.asarray(palette.convert("RGB"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(np.asarray(read_photograph(tmp_path / "b.png")), expected)


def test_files_that_are_no_photographs(tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.jpg").touch()
    Image.fromarray(PIXELS).resize((300, 300)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    Image.new("RGB", (1, 40)).save(tmp_path / "line.png")
    Image.new("F", (30, 20)).save(tmp_path / "floats.tif")
    Image.new("I", (30, 20), 70000).save(tmp_path / "deep.tif")
    for name, match in [
        ("text.jpg", "cannot be read as a photograph"),
        ("empty.jpg", "cannot be read as a photograph"),
        ("cut.png", "cannot be read as a photograph.*save it again"),
        ("floats.tif", "it has 32 bits per pixel.*save it again"),
        ("deep.tif", "it has 32 bits per pixel"),
        ("line.png", "has 1 x 40 pixels: a photograph needs at least 8 x 8"),
        ("none.png", "does not exist"),
        (".", "is a folder: name the photographs in it"),
    ]:
        with pytest.raises(ValueError, match=match):
            read_photograph(tmp_path / name)


def test_too_many_pixels_are_refused(tmp_path, monkeypatch):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="cannot be read as a photograph.*exceeds limit"):
        read_photograph(tmp_path / "a.png")


def test_nothing_is_written_over(tmp_path):
    paths = [Path("one/cat.jpg"), Path("dog.png")]
    found = files_to_write(paths, tmp_path / "new", overwrite=False)
    assert found[0].cut_out == tmp_path / "new" / "cat.cutout.png"
    assert found[1].overlay == tmp_path / "new" / "dog.overlay.png"
    (tmp_path / "dog.overlay.png").touch()
    with pytest.raises(ValueError, match="dog.overlay.png would be overwritten.*--overwrite"):
        files_to_write(paths, tmp_path, overwrite=False)
    assert len(files_to_write(paths, tmp_path, overwrite=True)) == 2
    with pytest.raises(ValueError, match="one/cat.jpg and two/cat.png would both be written"):
        files_to_write([*paths, Path("two/cat.png")], tmp_path, overwrite=True)
    for twice in (paths[1], Path("one/../dog.png")):
        with pytest.raises(ValueError, match="dog.png is named twice: name it once"):
            files_to_write([*paths, twice], tmp_path, overwrite=True)
    with pytest.raises(ValueError, match="is a file: name a folder"):
        files_to_write(paths, tmp_path / "dog.overlay.png", overwrite=True)


def test_cut_outs_are_transparent_where_nothing_is_kept(tmp_path):
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:, 10:] = True
    write_cut_out(PIXELS.transpose(2, 0, 1), mask, tmp_path / "a.png")
    written = np.asarray(Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(written[..., 3] == 255, mask)
    np.testing.assert_array_equal(written[mask][:, :3], PIXELS[mask])
