"""The names that a test leads to: in its code, fixtures and cases, in their code, and so on."""

import sys
import types

# Names that lead to a device: torch, and functions that build, train or run networks. Functions
# that evaluate any estimator lead to a device only through the estimator. The command `bounds` is
# not included, since only its model "info" uses a device.
_ON_A_DEVICE = (
    "torch",
    "sksoftinfo._classifiers",
    "sksoftinfo._networks",
    "sksoftinfo._masking",
    "sksoftinfo._command_line.demo",
    "sksoftinfo._command_line.mask",
    "sksoftinfo.export",
)
# Functions that may run any code.
_ANYTHING = {"exec", "eval", "run_path"}


def reaches_a_device(item):
    """Return whether a test or doctest, or one of its helpers, names code that uses a device.

    Parameters
    ----------
    item : pytest.Item
    """
    walk = _Walk()
    if hasattr(item, "dtest"):
        source = "".join(example.source for example in item.dtest.examples)
        return walk.code(compile(source, item.name, "exec"), item.dtest.globs)
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    starts = [item.obj, *(one.func for some in fixtures for one in some)]
    cases = getattr(getattr(item, "callspec", None), "params", {})
    return any(map(walk.leads_on, [*starts, *cases.values()]))


class _Walk:
    """A search for objects that lead to a device; each object is examined once."""

    def __init__(self):
        self.seen = {}

    def leads_on(self, value):
        """Return whether a function, class, module or container leads to a device."""
        if id(value) in self.seen:
            return False
        # The value is kept, so that its address stays its own.
        self.seen[id(value)] = value
        if isinstance(value, types.ModuleType):
            return _is_on_a_device(value.__name__)
        if isinstance(value, dict):
            return any(map(self.leads_on, [*value, *value.values()]))
        if isinstance(value, list | tuple | set | frozenset):
            return any(map(self.leads_on, value))
        if _is_on_a_device(_module_of(value)):
            return True
        if not _module_of(value).startswith("tests."):
            # The value may be partial(call, options), or a function that a decorator wraps.
            parts = [getattr(value, name, None) for name in ("func", "args", "keywords")]
            parts += [getattr(value, "estimator", None), getattr(value, "steps", None)]
            return any(self.leads_on(part) for part in parts if part is not None)
        if isinstance(value, type):
            return any(map(self.leads_on, [*value.__bases__, *vars(value).values()]))
        function = getattr(value, "__wrapped__", getattr(value, "__func__", value))
        if not isinstance(function, types.FunctionType):
            return not isinstance(value, type) and self.leads_on(type(value))
        closure = [cell.cell_contents for cell in function.__closure__ or ()]
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        return self.code(function.__code__, function.__globals__) or any(
            map(self.leads_on, [*closure, *defaults])
        )

    def code(self, code, names):
        """Return whether code leads to a device, with the global names that it sees."""
        if any(_is_on_a_device(name) or name in _ANYTHING for name in code.co_names):
            return True
        # Names that the code imports itself.
        imported = [sys.modules[name] for name in code.co_names if name in sys.modules]
        for name in code.co_names:
            found = [vars(module)[name] for module in imported if name in vars(module)]
            found += [names[name]] if name in names else []
            if any(map(self.leads_on, found)):
                return True
        inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
        return any(self.code(one, names) for one in inner)


def _module_of(value):
    name = getattr(value, "__module__", None)
    return name if isinstance(name, str) else type(value).__module__


def _is_on_a_device(name):
    return any(name == one or name.startswith(f"{one}.") for one in _ON_A_DEVICE)
