"""`BaseInfoClassifier`: parameters, training, predictions and bounds of the two classifiers."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._bounds import (
    InformationBounds,
    Units,
    nats_to,
    pointwise_information,
    resolve_class_prior,
    resolve_reference_prior,
)
from .._networks import (
    PRECISIONS,
    ImageNet,
    TrainingDiverged,
    check_monitors,
    check_output,
    has_float64,
    learn_inputs,
    make_net,
    make_train_split,
    naming_batch_size,
    net_unchanged_on_error,
    own_callbacks,
    predict_log_proba,
    resolve_device,
    seeded,
    trainable,
    warn_of_equal_rows,
    warn_of_sizes,
)
from .._utils import (
    IntegerInterval,
    Interval,
    Options,
    StrOptions,
    check_labels,
    check_two_classes,
    columns_with_missing,
    encode_labels,
    fit_context,
    on_host,
    training_rows,
    users_stacklevel,
)
from .build import (
    log_class_prior,
    module_and_params,
    module_dtype,
    optimizer_params,
    weights_of_rows,
    with_channels,
)
from .categories import encoded_table
from .plan import TrainingPlan, folds_of_table
from .portable import PortableMixin
from .rollback import unchanged_on_error
from .rows import rows_to_score, training_input, validated_rows
from .scoring import bounds_of_rows
from .skorch_params import SkorchParams
from .warm_start import LIVE_PARAMS, check_unchanged, kept_params, renew_callbacks

if TYPE_CHECKING:
    from typing_extensions import Self

# Number of epochs unless another parameter decides it.
_EPOCHS = 50
_MAX_SEED = np.iinfo(np.int32).max


class BaseInfoClassifier(PortableMixin, SkorchParams, ClassifierMixin, BaseEstimator):
    """Base class of the classifiers; a subclass chooses the net and accumulates its bounds.

    Subclasses implement ``_net_class_and_params()``, ``_plan_training(X, weight)``, and
    ``_accumulate(accumulator, X, y, sample_weight)``, which adds all rows and returns an upper
    estimate of I(Z;Y) with its standard error, or None.
    """

    _parameter_constraints: dict = {
        "module": [None, callable],
        "class_prior": [StrOptions({"uniform", "empirical"}), "array-like"],
        "decision": [StrOptions({"posterior", "information"})],
        "optimizer": [None, callable],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "max_epochs": [StrOptions({"auto"}), IntegerInterval(1)],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "batch_size": [IntegerInterval(1), Options(Integral, {-1})],
        "train_split": [
            None,
            callable,
            Interval(Real, 0, 1, closed="neither"),
            IntegerInterval(2),
        ],
        "callbacks": [None, list, StrOptions({"disable"})],
        "class_weight": [None, dict, StrOptions({"balanced"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "dtype": [StrOptions({"auto", "float32", "float64"})],
        "precision": [StrOptions(set(PRECISIONS))],
        "device": [str, torch.device],
        "accelerator": [None, callable],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width) or \
(n_samples, n_channels, height, width), list of PIL images, or torch Dataset or DataLoader
            Table or images. With ``module=None``, a table may have missing values (NaN) and
            categorical columns (see `categorical_features`). PIL images must have the same size
            and are read as numbers from 0 to 1. A data set is read into memory.
        y : array-like of shape (n_samples,), default=None
            Labels, numbers or strings, of at least two classes. If None, X must be a torch Dataset
            or DataLoader, whose labels are used.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. Rows of weight zero are left out.

        Returns
        -------
        self
            The fitted classifier.

        Raises
        ------
        ValueError
            If X is not finite or has the wrong shape, if y has fewer than two classes, or if a
            parameter is out of its range.
        TrainingDiverged
            If the loss or the weights are not finite, or the loss is far too large. It is a
            ValueError.
        TypeError
            If a keyword is neither a parameter of the classifier nor of skorch.

        Warns
        -----
        UserWarning
            If all rows are equal; if columns that reach a module of your own have very different
            magnitudes; if the network returns probabilities instead of logits; if it
            has memorised its training rows; if training is interrupted; if the device has no
            double precision; or if no epoch predicts held-out rows better than the label
            frequencies.
        """
        with unchanged_on_error(self, keep_learned=True):
            self._check_skorch_names()
            continuing = self.warm_start and hasattr(self, "net_")
            X, y, weight = training_input(self, X, y, sample_weight, reset=not continuing)
            if continuing:
                check_unchanged(self._built_with, self.get_params(deep=False))
                y = encode_labels(y, self.classes_)
            else:
                classes, y = np.unique(y, return_inverse=True)
                self._start(X, classes)
            plan = TrainingPlan() if continuing else self._plan_training(X, weight)
            return self._train(X, y, weight, plan)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the network for one more epoch on these rows.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n_samples,), default=None
            Labels, as in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that may occur in any call, in any order. Required in the first call; later
            calls must pass the same labels or None.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        self
            The classifier.

        Raises
        ------
        ValueError
            As in `fit`, or if `classes` is missing in the first call or differs in a later one.
        """
        with unchanged_on_error(self, keep_learned=True):
            self._check_skorch_names()
            first, classes = not hasattr(self, "net_"), on_host(classes)
            if classes is not None:
                check_labels(classes, "classes")
            X, y, weight = training_input(self, X, y, sample_weight, reset=first)
            if first:
                if classes is None:
                    raise ValueError(
                        "`classes` must be given in the first call of partial_fit; got None. "
                        "Pass all labels that may occur in any call."
                    )
                self._start(X, np.unique(classes))
            else:
                check_unchanged(self._built_with, self.get_params(deep=False))
                if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
                    raise ValueError(
                        "`classes` must equal the classes of the first call, "
                        f"{self.classes_.tolist()}; got {classes!r}. Leave `classes` out."
                    )
            y, plan = encode_labels(y, self.classes_), TrainingPlan(epochs=1)
            return self._train(X, y, weight, plan, in_chunks=True)

    def _start(self, X, classes):
        """Set the attributes that follow from the first rows, and discard an earlier net."""
        check_two_classes(classes)
        self.classes_ = classes
        # The rows of a table have more columns where categories became indicators.
        self.input_shape_ = (self.n_features_in_,) if X.ndim == 2 else tuple(X.shape[1:])
        self._missing = columns_with_missing(X) if X.ndim == 2 else np.arange(0)
        self._random = check_random_state(self.random_state)
        self._label_weight = np.zeros(len(classes))
        if hasattr(self, "net_"):
            del self.net_

    def _train(self, X, y, weight, plan, in_chunks=False):
        before = getattr(self, "_fitted_on", None) if hasattr(self, "net_") else None
        self._fitted_on = training_rows(X, y, before)
        warn_of_equal_rows(X, y, len(self._fitted_on.hashes))
        self._label_weight = self._label_weight + np.bincount(
            y, weight, minlength=len(self.classes_)
        )
        self.train_prior_ = self._label_weight / self._label_weight.sum()
        self.class_prior_ = resolve_class_prior(self.class_prior, self.classes_, self.train_prior_)
        weight = weights_of_rows(self.class_weight, self.classes_, y, weight)
        seed = int(self._random.randint(_MAX_SEED))
        net = trainable(self.net_) if hasattr(self, "net_") else None
        with seeded(seed), nullcontext() if net is None else net_unchanged_on_error(net):
            if net is not None:
                live = self._live_params()
                net.set_params(
                    **{name: value for name, value in live.items() if getattr(net, name) != value}
                )
                params = self.get_params(deep=False)
                renew_callbacks(net, self._built_with, params)
                self._built_with = kept_params(params)
                learn_inputs(net, X, weight, first=False, in_chunks=in_chunks)
            else:
                self._n_members = plan.n_members
                net = self._build(X, seed)
                learn_inputs(net, X, weight, in_chunks=in_chunks)
            net.seed, net.lr_falls = seed, plan.lr_falls
            net.log_class_prior = log_class_prior(self.class_prior_)
            if isinstance(net, ImageNet):
                net.adds_empty, net.max_shift = plan.of_images, plan.max_shift
                if plan.of_images:
                    net.start(X)
            rows = {"X": with_channels(X)}
            if weight is not None:
                rows["sample_weight"] = weight / weight.mean()
            if plan.n_members:
                net.decays, net.linear_share = plan.decays, plan.linear_share
                rows["fold"] = folds_of_table(X, y, plan.n_folds, seed)
            rows = rows if len(rows) > 1 else rows["X"]
            options = {} if plan.epochs is None else {"epochs": plan.epochs}
            try:
                with naming_batch_size(net.batch_size):
                    net.partial_fit(rows, y.astype(np.int64), **options)
            except TrainingDiverged as error:
                if error.learned:
                    self.net_ = net
                raise
        self.net_ = net
        return self

    def _live_params(self):
        params = {name: getattr(self, name) for name in LIVE_PARAMS}
        epochs = _EPOCHS if self.max_epochs == "auto" else self.max_epochs
        # With a small integer type of NumPy, products of the batch size would overflow.
        return {**params, "batch_size": int(self.batch_size), "max_epochs": int(epochs)}

    def _build(self, X, seed):
        """Return an initialised net for rows like `X`, whose module has run on some of them."""
        net = self._initialized_net(X, seed)
        if self.module is not None:
            warn_of_sizes(X, getattr(self, "feature_names_in_", None))
            check_output(net, with_channels(X))
        self._built_with = kept_params(self.get_params(deep=False))
        return net

    def _initialized_net(self, X, seed):
        """Return an initialised net for rows of the shape and dtype of `X`."""
        dtype = module_dtype(self.dtype, self.precision, X)
        device = resolve_device(self.device, dtype)
        if dtype == torch.float64 and not has_float64(device):
            warnings.warn(
                f"The device {str(device)!r} has no double precision: the network and its rows "
                "are converted to single precision. Set dtype='float32' to avoid this warning, "
                "or device='cpu' for double precision.",
                stacklevel=users_stacklevel(),
            )
            dtype = torch.float32
        module, module_params = self._module_and_params(X)
        net_class, more = self._net_class_and_params()
        params = {
            **more,
            "module": module,
            **self._optimizer_params(X, device),
            **self._live_params(),
            "train_split": make_train_split(
                self.train_split,
                seed,
                self.classes_,
                tuple(X.shape[1:]),
                getattr(self, "feature_names_in_", None),
                partial(encoded_table, categories=self.categories_),
            ),
            "callbacks": own_callbacks(self.callbacks),
            "device": device,
            "n_classes": len(self.classes_),
            "log_class_prior": log_class_prior(self.class_prior_),
            "dtype": dtype,
            "precision": self.precision,
            "seed": seed,
            **module_params,
            **self._skorch_params,
        }
        net = make_net(net_class, self.accelerator, **params)
        net.initialize()
        check_monitors(net)
        return net

    def _take_over(self, net):
        """Adopt a net that was built with the current parameters."""
        self.net_ = net
        self._built_with = kept_params(self.get_params(deep=False))

    def _optimizer_params(self, X, device):
        return optimizer_params(self.optimizer, X, device)

    def _module_and_params(self, X):
        n_classes = len(self.classes_)
        return module_and_params(
            self.module, X, n_classes, self._missing, self._n_members, with_columns=True
        )

    @property
    def module_(self):
        """Trained torch module."""
        check_is_fitted(self, "net_")
        return self.net_.module_

    @property
    def history_(self):
        """Loss and times of each epoch, as skorch records them."""
        check_is_fitted(self, "net_")
        return self.net_.history

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the log-probability of each class.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            ``log softmax(z + log(class prior))``, in nats, columns in the order of ``classes_``.
        """
        # check_is_fitted reads scikit-learn's tags, which takes a fifth of the time of `one row`
        # in benchmarks/bench_speed.py.
        if not hasattr(self, "net_"):
            check_is_fitted(self, "net_")
        X = with_channels(validated_rows(self, X))
        with naming_batch_size(self.net_.batch_size):
            return predict_log_proba(self.net_, X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities ``p(y|x) = softmax(z + log(class prior))``.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Columns in the order of ``classes_``.
        """
        log_proba = self.predict_log_proba(X)
        return np.exp(log_proba, out=log_proba)

    def _scores(self, X):
        log_proba = self.predict_log_proba(X)
        if self.decision == "posterior":
            return log_proba
        # The pointwise information of a class that never occurred is not defined.
        occurred = self.train_prior_ > 0
        information = pointwise_information(log_proba, np.where(occurred, self.train_prior_, 1.0))
        return np.where(occurred, information, -np.inf)

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute the score of each class; `predict` returns the class with the largest score.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Log-posterior, or pointwise information if ``decision="information"``, in nats; for
            two classes, the score of the second class minus the score of the first.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """Predict the label with the largest posterior or pointwise information.

        ``decision="information"`` selects the pointwise information.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels, as in ``classes_``.
        """
        scores = self._scores(X)
        return self.classes_[scores.argmax(axis=1)]

    def score(
        self, X: Any, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Compute the accuracy on these rows.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        y : array-like of shape (n_samples,), default=None
            True labels. If None, X must be a torch Dataset or DataLoader with labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        float
            Weighted share of the rows whose label is predicted correctly.
        """
        check_is_fitted(self, "net_")
        return super().score(*rows_to_score(self, X, y, sample_weight))

    def pointwise_information(
        self, X: Any, *, reference_prior: str | ArrayLike = "train", units: Units = "nats"
    ) -> np.ndarray:
        """Compute the pointwise information between each input and each class.

        For class m, it is ``log p(m|x) - log r_m``. Proposition 1 of Qin and Kim (arXiv
        1910.02629) equates it with the logit, which is true only of normalised logits.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        reference_prior : {"train", "uniform"} or array-like of shape (n_classes,), \
default="train"
            Reference prior r: the label frequencies of `fit`, uniform probabilities, or the given
            positive probabilities in the order of ``classes_``. With "train", classes that did not
            occur have infinite information.
        units : {"nats", "bits"}, default="nats"
            Unit of the result.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In `units`, columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            If `reference_prior` is "empirical", which needs labels, or is not a positive
            distribution.
        """
        factor = nats_to(units)
        check_is_fitted(self, "net_")
        if isinstance(reference_prior, str) and reference_prior == "empirical":
            raise ValueError(
                "`reference_prior` must be 'train', 'uniform' or an array; got 'empirical', "
                "which needs labels. Pass the label frequencies as an array instead."
            )
        prior = resolve_reference_prior(reference_prior, self.classes_, self.train_prior_)
        return factor * pointwise_information(self.predict_log_proba(X), prior)

    def score_bounds(
        self,
        X: Any,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        confidence_level: float = 0.95,
        reference_prior: str | ArrayLike = "train",
        weight_bound: float | None = None,
        group_bound: float | None = None,
        units: Units = "nats",
    ) -> InformationBounds:
        """Compute information bounds on held-out rows.

        Parameters
        ----------
        X : array-like
            Held-out rows, in any form that `fit` takes. Bounds on training rows would overstate
            the information.
        y : array-like of shape (n_samples,), default=None
            True labels. If None, X must be a torch Dataset or DataLoader with labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative importance weights of independent rows.
        groups : array-like of shape (n_samples,), default=None
            Group of each row. A group counts as one observation, as in `information_bounds`.
        confidence_level : float, default=0.95
            Probability, in (0, 1), with which each confidence limit holds.
        reference_prior : {"train", "empirical", "uniform"} or array-like of shape \
(n_classes,), default="train"
            Reference prior r in ``pointwise``, the contribution of each row. The prior changes the
            contributions, but not their mean. ``"train"`` is `train_prior_`, ``"empirical"`` the
            label frequencies of `y`. An array is taken to be the known prior of the population.
        weight_bound, group_bound : float, default=None
            Largest weight of a row and largest size of a group, as in `information_bounds`.
        units : {"nats", "bits"}, default="nats"
            Unit of the result.

        Returns
        -------
        InformationBounds
            Bounds, in `units`.

        Raises
        ------
        ValueError
            If a label was not seen in `fit`, or has probability 0 under the reference prior.

        Warns
        -----
        UserWarning
            If rows were used for training with the same labels, even in another order or
            floating-point precision; if a label that occurs was predicted with probability 0; if
            weights or groups are very unequal and no bound of them is passed; or if the
            predictions are clearly worse than the label frequencies.
        """
        return self._bounds_of_rows(
            self._accumulate,
            X,
            y,
            sample_weight=sample_weight,
            groups=groups,
            confidence_level=confidence_level,
            reference_prior=reference_prior,
            weight_bound=weight_bound,
            group_bound=group_bound,
            units=units,
        )

    def _bounds_of_rows(self, accumulate, X, y, **options):
        """Return the bounds; `accumulate` is ``_accumulate``, or a partial of it."""
        check_is_fitted(self, "net_")
        X, y = validated_rows(self, X, y)
        with naming_batch_size(self.net_.batch_size):
            return bounds_of_rows(
                accumulate,
                X,
                y,
                classes=self.classes_,
                train_prior=self.train_prior_,
                trained_on=getattr(self, "_fitted_on", None),
                **options,
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        # Tables only: images must not have missing values.
        tags.input_tags.allow_nan = self.module is None
        return tags
