"""Untrusted files: any content, with a valid checksum."""

import copy
import json

from safetensors import safe_open
from safetensors.numpy import save_file

from sksoftinfo._classifiers.persistence import _digest


def opened(path):
    """Return content and weights of a saved classifier."""
    with safe_open(path, framework="numpy") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return json.loads(file.metadata()["sksoftinfo"]), weights


def forge(path, content, weights):
    """Write a file with a valid checksum; `content` is JSON text, or what json.dumps takes."""
    text = content if isinstance(content, str) else json.dumps(content)
    save_file(weights, path, metadata={"sksoftinfo": text, "sha256": _digest(text, weights)})


def changed(content, **entries):
    """Return content in which entries such as ``params__lr`` have other values."""
    content = copy.deepcopy(content)
    for name, value in entries.items():
        part, _, rest = name.partition("__")
        if rest:
            content[part][rest] = value
        else:
            content[part] = value
    return content


def tagged(kind, *items, **more):
    """Return a list, tuple or dict as it is written in a file."""
    return {"kind": kind, "items": list(items), **more}


def array(values, dtype="float64", shape=None):
    """Return an array as it is written in a file."""
    return tagged("array", *values, dtype=dtype, shape=[len(values)] if shape is None else shape)
