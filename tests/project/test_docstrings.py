"""Public docstrings pass numpydoc's own validator."""

import inspect
from importlib import import_module

import pytest
from skorch.callbacks import Callback

validate = pytest.importorskip("numpydoc.validate").validate

LEFT_OUT = {
    "ES01": "a summary line that says all needs no extended one",
    "SS05": "takes any first word that ends in s for a verb in the third person",
}
EXCUSED = {
    # The library alone makes these objects: fields are documented as attributes, not as
    # parameters.
    "sksoftinfo.BoundsDifference": {"PR01"},
    "sksoftinfo.FeatureInformation": {"PR01"},
    "sksoftinfo.InformationBounds": {"PR01"},
    "sksoftinfo.InformationEstimate": {"PR01"},
    # torch.nn.Module.__init__(*args, **kwargs) takes no argument.
    "sksoftinfo.LogSoftmaxLoss": {"PR01"},
    "sksoftinfo.StochasticModule": {"PR01"},
}


def public_objects():
    """Yield the names of public functions and classes, and of the methods the package defines."""
    for name in ("sksoftinfo", "sksoftinfo.metrics", "sksoftinfo.datasets", "sksoftinfo.export"):
        module = import_module(name)
        for public in module.__all__:
            value = getattr(module, public)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{name}.{public}"
            if inspect.isclass(value):
                for attribute, member in inspect.getmembers(value):
                    function = inspect.unwrap(getattr(member, "fget", member))
                    owner = getattr(function, "__module__", None) or ""
                    if hasattr(Callback, attribute):
                        continue  # The events of skorch's callbacks, which it documents.
                    if not attribute.startswith("_") and owner.startswith("sksoftinfo"):
                        yield f"{name}.{public}.{attribute}"


@pytest.mark.parametrize("name", sorted(public_objects()))
def test_docstring_is_valid(name):
    skipped = LEFT_OUT.keys() | EXCUSED.get(name, set())
    if name.split(".")[-2][0].isupper():
        # The example of a class shows its methods, and its page shows them side by side.
        skipped |= {"EX01", "SA01"}
    found = validate(name)
    assert not [error for error in found["errors"] if error[0] not in skipped]
    # Lists of objects show this line without the references of the docstring.
    assert "]_" not in found["docstring"].strip().splitlines()[0]
