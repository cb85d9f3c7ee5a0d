"""Routing of skorch's ``prefix__name`` parameters through a scikit-learn estimator."""

from __future__ import annotations

from .._utils import param_names

# Callbacks that skorch's classifier always has.
DEFAULT_CALLBACKS = ("epoch_timer", "train_loss", "valid_loss", "valid_acc", "print_log")
# Prefixes of the parameters that travel to skorch as ``prefix__name``.
SKORCH_PREFIXES = (
    "module",
    "criterion",
    "optimizer",
    "callbacks",
    "iterator_train",
    "iterator_valid",
    "dataset",
    "compile",
)
# Parameters of skorch's nets that our estimators pass through under skorch's own names.
SKORCH_NAMES = (
    "compile",
    "dataset",
    "iterator_train",
    "iterator_valid",
    "torch_load_kwargs",
    "use_caching",
)


def _is_skorch_name(name):
    prefix, separator, rest = name.partition("__")
    return name in SKORCH_NAMES or bool(separator and rest and prefix in SKORCH_PREFIXES)


class SkorchParams:
    """Mixin that keeps skorch's keyword arguments of ``__init__`` in one private dict.

    The keyword arguments survive ``clone``, ``repr``, ``get_params``, ``set_params`` and a grid
    search like any named parameter. `set_params` and `fit` reject a name that neither the
    estimator nor skorch has.
    """

    def _store_skorch_params(self, params):
        # As scikit-learn requires, any value passes here, and `fit` validates it.
        self._skorch_params = dict(params)

    def _check_skorch_names(self):
        """Raise an error for unknown names, and for validation rows that would be shuffled."""
        if self._skorch_params.get("iterator_valid__shuffle"):
            raise ValueError(
                "`iterator_valid__shuffle` must be False; got "
                f"{self._skorch_params['iterator_valid__shuffle']!r}. Leave it out: predictions "
                "keep the order of the rows."
            )
        for name in self._skorch_params:
            if not _is_skorch_name(name):
                raise TypeError(
                    f"{type(self).__name__} got an unexpected keyword argument {name!r}. Its own "
                    f"parameters are {self._own_names()}; skorch's are "
                    f"{', '.join(SKORCH_NAMES)}, and names that begin with "
                    f"{', '.join(prefix + '__' for prefix in SKORCH_PREFIXES)}."
                )
            prefix, _, rest = name.partition("__")
            callback = rest.partition("__")[0]
            # skorch accepts parameters of callbacks that do not exist, and ignores them.
            if prefix == "callbacks" and callback not in self._callback_names():
                raise ValueError(
                    f"`{name}` must belong to an existing callback; got {callback!r}. Use one of "
                    f"{', '.join(self._callback_names())}."
                )

    def _callback_names(self):
        """Return skorch's default callbacks and the user's, by their names or their classes'."""
        named, unnamed = list(DEFAULT_CALLBACKS), []
        if isinstance(self.callbacks, list):
            for callback in self.callbacks:
                if isinstance(callback, tuple):
                    named.append(callback[0])
                else:
                    cls = callback if isinstance(callback, type) else type(callback)
                    unnamed.append(cls.__name__)
        # skorch numbers unnamed callbacks of one class.
        for name in dict.fromkeys(unnamed):
            count = unnamed.count(name)
            named += [name] if count == 1 else [f"{name}_{i + 1}" for i in range(count)]
        return named

    def _own_names(self):
        return ", ".join(param_names(self))

    def get_params(self, deep=True):
        """Get the parameters, including those of skorch.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: the only nested parameters are those of skorch.

        Returns
        -------
        dict
            Values of the parameters by name.
        """
        return {**super().get_params(deep=False), **self._skorch_params}

    def set_params(self, **params):
        """Set parameters, including those of skorch.

        Parameters
        ----------
        **params : dict
            Parameters of the estimator, and of skorch, e.g. ``module__hidden_sizes``.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        own = set(param_names(self))
        for name in params:
            if name not in own and name not in self._skorch_params and not _is_skorch_name(name):
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {type(self).__name__}. Valid "
                    f"parameters are: {self._own_names()}, and skorch's, such as "
                    "module__hidden_sizes or optimizer__weight_decay."
                )
        for name in own & params.keys():
            setattr(self, name, params[name])
        self._skorch_params = {
            **self._skorch_params,
            **{name: value for name, value in params.items() if name not in own},
        }
        return self
