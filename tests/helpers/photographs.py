"""Small coloured photographs, and functions that resize them like torchvision's transforms."""

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

SIZES = [(40, 60), (64, 48), (33, 80)]


def resize_whole(held):
    """Resize PIL images or tensors to 32 x 32 and normalise them, as torchvision does."""
    pixels = torch.tensor(np.asarray(held))
    if isinstance(held, Image.Image):
        pixels = pixels.permute(2, 0, 1)
    if pixels.dtype == torch.uint8:
        pixels = pixels / 255
    return (interpolate(pixels, (32, 32)) - 0.5) / 0.5


def resize_and_crop(held):
    """Resize to 40 x 40, keep the central 32 x 32, and normalise."""
    pixels = torch.tensor(np.asarray(held)).permute(2, 0, 1) / 255
    return (interpolate(pixels, (40, 40))[:, 4:36, 4:36] - 0.5) / 0.5


def interpolate(pixels, size):
    """Return an image (C, H, W) of another size."""
    return torch.nn.functional.interpolate(pixels[None], size, mode="bilinear", antialias=True)[0]


def coloured_photographs():
    """Return pictures of several sizes, with a red or blue (navy) rectangle, and its pixels."""
    rng = np.random.default_rng(0)
    images, truths = [], []
    for index, (height, width) in enumerate(SIZES):
        image = rng.integers(110, 146, (height, width, 3), dtype=np.uint8)
        truth = np.zeros((height, width), dtype=bool)
        truth[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = True
        image[truth] = [0, 0, 255] if index == 1 else [255, 0, 0]
        images.append(image)
        truths.append(truth)
    return images, truths


def iou(one, other):
    """Return the intersection over the union of two masks."""
    return (one & other).sum() / (one | other).sum()


class Labelled(Dataset):
    """A data set of images with labels, whose names are its `classes`, as in ImageFolder."""

    def __init__(self, images, labels, classes=None):
        self.images, self.labels = images, labels
        if classes is not None:
            self.classes = classes

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]
