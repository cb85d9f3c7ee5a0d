import struct
import sys

import numpy as np
import pytest

from sksoftinfo.datasets import fetch_mnist_pairs, make_digit_pairs
from sksoftinfo.datasets._digit_pairs import INK_THRESHOLD


@pytest.fixture(scope="module")
def pairs():
    return make_digit_pairs(400, target=3, random_state=0)


def check_composites(bunch, n, target):
    assert bunch.data.shape == bunch.masks.shape == bunch.foreground.shape == (n, 28, 56)
    assert bunch.data.dtype == np.float32
    assert 0.0 <= bunch.data.min() and bunch.data.max() <= 1.0
    assert bunch.masks.dtype == bunch.foreground.dtype == bool
    np.testing.assert_array_equal(bunch.target, (bunch.digits == target).any(axis=1))
    np.testing.assert_array_equal(bunch.foreground, bunch.data > INK_THRESHOLD)
    for side in range(2):
        half = np.s_[:, :, 28 * side : 28 * (side + 1)]
        is_target = (bunch.digits[:, side] == target)[:, None, None]
        np.testing.assert_array_equal(bunch.masks[half], bunch.foreground[half] & is_target)
        empty = bunch.digits[:, side] == -1
        assert (bunch.data[half][empty] == 0).all()
        assert bunch.foreground[half][~empty].any(axis=(1, 2)).all()
        np.testing.assert_array_equal(empty, bunch.instances[:, side] == -1)


def test_composites(pairs):
    check_composites(pairs, 400, 3)
    assert "target digit 3" in pairs.DESCR


def test_half_of_the_images_hold_the_target_once_and_half_hold_two_digits(pairs):
    assert pairs.target.mean() == 0.5
    assert ((pairs.digits == 3).sum(axis=1) <= 1).all()
    two = (pairs.digits >= 0).all(axis=1)
    # Four standard errors of a share of one half.
    assert abs(two.mean() - 0.5) < 4 * 0.5 / 400**0.5
    left_alone = pairs.digits[~two][:, 0] >= 0
    assert abs(left_alone.mean() - 0.5) < 4 * 0.5 / len(left_alone) ** 0.5
    assert (pairs.digits >= 0).any(axis=1).all()


def test_train_and_test_share_no_handwritten_digit():
    used = {
        subset: set(make_digit_pairs(5000, subset=subset, random_state=seed).instances.ravel())
        for seed, subset in enumerate(["train", "test"])
    }
    assert used["train"] & used["test"] == {-1}
    assert len(used["train"]) > 2 * len(used["test"])
    everything = set(make_digit_pairs(9000, subset="all", random_state=0).instances.ravel())
    assert everything & used["train"] and everything & used["test"]


def test_same_seed_same_images_other_seed_others(pairs):
    again = make_digit_pairs(400, target=3, random_state=0)
    np.testing.assert_array_equal(again.data, pairs.data)
    other = make_digit_pairs(400, target=3, random_state=1)
    assert (other.instances != pairs.instances).any()


def test_an_odd_number_and_a_single_image():
    assert make_digit_pairs(7, random_state=0).target.sum() == 4
    check_composites(make_digit_pairs(1, random_state=0), 1, 0)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"target": 10}, "'target' parameter of make_digit_pairs must be .* Got 10"),
        ({"n_samples": 0}, "'n_samples' parameter .* Got 0"),
        ({"subset": "validation"}, "'subset' parameter .* Got 'validation'"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        make_digit_pairs(**options)


def write_idx(path, array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def mnist_home(tmp_path):
    pytest.importorskip("torchvision")
    rng = np.random.default_rng(0)
    raw = tmp_path / "MNIST" / "raw"
    for prefix, n in (("train", 60), ("t10k", 30)):
        images = np.zeros((n, 28, 28))
        images[:, 5:20, 8:18] = rng.integers(100, 256, (n, 15, 10))
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(n) % 10)
    return tmp_path


@pytest.mark.parametrize("subset, n", [("train", 60), ("test", 30)])
def test_mnist_pairs(mnist_home, subset, n):
    bunch = fetch_mnist_pairs(mnist_home, subset=subset, download=False, target=7, random_state=0)
    check_composites(bunch, n, 7)
    assert bunch.instances.max() < n
    assert bunch.data.max() > 0.9
    assert len(fetch_mnist_pairs(mnist_home, n_samples=5, download=False).data) == 5


def test_mnist_target_that_does_not_occur(mnist_home):
    write_idx(mnist_home / "MNIST/raw/t10k-labels-idx1-ubyte", np.ones(30))
    with pytest.raises(ValueError, match="`target` must be a digit .* got 0"):
        fetch_mnist_pairs(mnist_home, subset="test", download=False)


def test_missing_mnist_names_folder_and_remedy(tmp_path):
    pytest.importorskip("torchvision")
    with pytest.raises(FileNotFoundError, match=r"got none in .*raw.* set download=True"):
        fetch_mnist_pairs(tmp_path, download=False)


@pytest.mark.parametrize("keep", [3, 700])
def test_damaged_mnist_names_folder_and_remedy(mnist_home, keep):
    path = mnist_home / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"MNIST files in .*raw are invalid"):
        fetch_mnist_pairs(mnist_home, download=False)


def change(path, place, *values):
    content = bytearray(path.read_bytes())
    content[place : place + len(values)] = values
    path.write_bytes(content)


FAULTS = {
    "fewer labels": (lambda images, labels: write_idx(labels, np.arange(59) % 10), "60 .* 59"),
    "more labels": (lambda images, labels: write_idx(labels, np.arange(61) % 10), "60 .* 61"),
    "small images": (
        lambda images, labels: write_idx(images, np.ones((60, 14, 14))),
        "images must have shape .*; got .60, 14, 14.",
    ),
    "long images": (
        lambda images, labels: write_idx(images, np.ones((60, 56, 14))),
        "images must have shape .*; got .60, 56, 14.",
    ),
    "dimensions exchanged": (
        lambda images, labels: write_idx(images, np.ones((28, 60, 28))),
        "images must have shape",
    ),
    "flat images": (lambda images, labels: write_idx(images, np.ones((60, 784))), "are invalid"),
    "no rows": (
        lambda images, labels: [
            write_idx(images, np.ones((0, 28, 28))),
            write_idx(labels, np.ones(0)),
        ],
        "are invalid",
    ),
    "labels of 2-D": (lambda images, labels: write_idx(labels, np.ones((60, 1))), "are invalid"),
    "a label 10": (lambda images, labels: change(labels, 8, 10), "labels must be 0 to 9; got 10"),
    "a label 255": (
        lambda images, labels: change(labels, 8, 255),
        "labels must be 0 to 9; got 255",
    ),
    "images of int8": (lambda images, labels: change(images, 2, 9), "are invalid"),
    "images of float": (lambda images, labels: change(images, 2, 13), "are invalid"),
    "images of no type": (lambda images, labels: change(images, 2, 10), "are invalid"),
    "labels of int8": (lambda images, labels: change(labels, 2, 9), "are invalid"),
    "labels of double": (lambda images, labels: change(labels, 2, 14), "are invalid"),
    "larger than the file": (lambda images, labels: change(images, 4, 255), "are invalid"),
    "no dimensions": (lambda images, labels: change(images, 3, 0), "are invalid"),
    "too many dimensions": (lambda images, labels: change(images, 3, 255), "are invalid"),
    "exchanged files": (
        lambda images, labels: (
            [labels.rename(labels.parent / "x"), images.rename(labels)]
            and (labels.parent / "x").rename(images)
        ),
        "are invalid",
    ),
    "a text": (lambda images, labels: labels.write_text("no labels at all"), "are invalid"),
    "empty": (lambda images, labels: labels.write_bytes(b""), "are invalid"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_idx_files_are_refused(fault, mnist_home):
    raw = mnist_home / "MNIST" / "raw"
    make, message = FAULTS[fault]
    make(raw / "train-images-idx3-ubyte", raw / "train-labels-idx1-ubyte")
    with pytest.raises(ValueError, match=message) as raised:
        fetch_mnist_pairs(mnist_home, download=False)
    assert str(raw) in str(raised.value) and "Delete that folder" in str(raised.value)


def test_idx_files_with_changed_bytes(mnist_home):
    """After any change of a byte of a head, and any cut, a ValueError names the folder."""
    raw = mnist_home / "MNIST" / "raw"
    rng = np.random.default_rng(0)
    for name, head in [("images-idx3", 16), ("labels-idx1", 8)]:
        path = raw / f"train-{name}-ubyte"
        content = path.read_bytes()
        changed = [content[:keep] for keep in [*range(head + 4), len(content) - 1]]
        for place in range(head):
            for value in {0, 1, 8, 9, 255, *rng.integers(0, 256, 3)} - {content[place]}:
                changed.append(content[:place] + bytes([value]) + content[place + 1 :])
        for odd in changed:
            path.write_bytes(odd)
            with pytest.raises(ValueError, match="MNIST files in .*raw are invalid"):
                fetch_mnist_pairs(mnist_home, n_samples=4, download=False)
        path.write_bytes(content)


def test_a_failed_download_is_an_error_of_the_system(tmp_path, monkeypatch):
    torchvision = pytest.importorskip("torchvision")

    def fail(self):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", fail)
    with pytest.raises(OSError, match="could not be downloaded to .*raw.* `data_home`"):
        fetch_mnist_pairs(tmp_path)


def test_mnist_without_torchvision_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'sksoftinfo\[vision\]'"):
        fetch_mnist_pairs(download=False)
