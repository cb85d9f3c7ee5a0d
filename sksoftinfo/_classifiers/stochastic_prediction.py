"""What a fitted stochastic classifier can be asked: with how many draws, and how unsure it is."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._bounds import (
    ConfidenceMethod,
    InformationBounds,
    OutputInformation,
    Units,
    expected_entropy,
    nats_to,
    predictive_entropy,
)
from .._networks import StochasticModule, noise_bank


class StochasticPredictionMixin:
    """Mixin: predictions, entropies and bounds of a fitted ``net_`` that draws noise.

    The estimator offers ``_noise_seed``, which draws the bank, and what `PredictionMixin` wants.
    """

    net_: Any
    _validate: Callable
    _module_array: Callable
    _evaluate: Callable

    def _bank(self, module, n_draws):
        """Return noise that covers its distribution evenly, or as the module itself draws it."""
        if type(module).draw is not StochasticModule.draw:
            generator = torch.Generator().manual_seed(self._noise_seed)
            return np.asarray(module.draw((n_draws,), generator, torch.float64))
        return noise_bank(n_draws, module.noise_size, module.noise_distribution, self._noise_seed)

    def _noise_for(self, n_draws):
        """Return the bank of prediction, as a tensor."""
        if n_draws is None:
            return self.net_.noise_bank
        if not (isinstance(n_draws, Integral) and n_draws > 0):
            raise ValueError(f"n_draws={n_draws!r} is no number of draws: give an int above 0.")
        return torch.as_tensor(self._bank(self.net_.stochastic_module, int(n_draws)))

    def predict_log_proba(self, X: Any, *, n_draws: int | None = None) -> np.ndarray:
        """Log class probabilities, averaged over the bank of noise.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Size of the bank; that of `fit` if None.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In nats, columns in the order of ``classes_``. A row's values depend on nothing but
            the row.
        """
        check_is_fitted(self, "net_")
        noise = self._noise_for(n_draws)
        X = self._module_array(self._validate(X, reset=False))
        return self.net_.predict_log_proba(X, noise=noise)

    def predict_proba(self, X: Any, *, n_draws: int | None = None) -> np.ndarray:
        """Class probabilities, averaged over the bank of noise.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Size of the bank; that of `fit` if None.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Columns in the order of ``classes_``.
        """
        log_proba = self.predict_log_proba(X, n_draws=n_draws)
        return np.exp(log_proba, out=log_proba)

    def _entropies(self, X, functions, n_draws, units):
        factor = nats_to(units)
        check_is_fitted(self, "net_")
        noise = self._noise_for(n_draws)
        X = self._module_array(self._validate(X, reset=False))
        parts = []
        for hidden in self.net_.trunk_batches(X, len(noise)):
            logits = self.net_.logits_of_trunk(hidden, noise).cpu().numpy()
            parts.append([function(logits) for function in functions])
        return factor * np.concatenate(parts, axis=1)

    def predictive_entropy(
        self, X: Any, *, n_draws: int | None = None, units: Units = "nats"
    ) -> np.ndarray:
        """Entropy of the predicted class probabilities: all uncertainty of the label.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Size of the bank of noise; that of `fit` if None.
        units : {"nats", "bits"}, default="nats"

        Returns
        -------
        ndarray of shape (n_samples,)
            ``H(E_z p(y|z))``.
        """
        return self._entropies(X, [predictive_entropy], n_draws, units)[0]

    def expected_entropy(
        self, X: Any, *, n_draws: int | None = None, units: Units = "nats"
    ) -> np.ndarray:
        """Average entropy of the class probabilities of one draw: what noise does not explain.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Size of the bank of noise; that of `fit` if None.
        units : {"nats", "bits"}, default="nats"

        Returns
        -------
        ndarray of shape (n_samples,)
            ``E_z H(p(y|z))``, never above `predictive_entropy`.
        """
        return self._entropies(X, [expected_entropy], n_draws, units)[0]

    def draw_information(
        self, X: Any, *, n_draws: int | None = None, units: Units = "nats"
    ) -> np.ndarray:
        """Information between label and draw, the part of the uncertainty due to the noise.

        The difference of `predictive_entropy` and `expected_entropy`, also known as the
        epistemic part where the draws stand for networks that might be true.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Size of the bank of noise; that of `fit` if None.
        units : {"nats", "bits"}, default="nats"

        Returns
        -------
        ndarray of shape (n_samples,)
            Never negative.
        """
        whole, expected = self._entropies(
            X, [predictive_entropy, expected_entropy], n_draws, units
        )
        return np.maximum(whole - expected, 0.0)

    def score_bounds(
        self,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        n_draws: int | None = None,
        confidence_level: float = 0.95,
        reference_prior: str | ArrayLike = "train",
        confidence_method: ConfidenceMethod = "betting",
        units: Units = "nats",
    ) -> InformationBounds:
        """Information bounds on held-out rows: the sandwich, and what holds of I(X;Y) and I(Z;Y).

        Each row gets noise of its own for the log-softmax and the Donsker-Varadhan
        representation; the prediction whose bound is `mi_lower` averages over the bank.

        Parameters
        ----------
        X : array-like
            As in `fit`, but other rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative importance weights of independent rows.
        n_draws : int, default=None
            Draws for each row, and size of the bank; those of `fit` if None.
        confidence_level : float, default=0.95
            Probability, in (0, 1), with which each lower confidence limit holds.
        reference_prior : {"train", "empirical", "uniform"} or array-like of shape \
(n_classes,), default="train"
        confidence_method : {"betting", "normal"}, default="betting"
        units : {"nats", "bits"}, default="nats"
            As in `InfoSoftmaxClassifier.score_bounds`, with the same warnings and errors.

        Returns
        -------
        InformationBounds
            In `units`.
        """
        return self._evaluate(
            X,
            y,
            sample_weight=sample_weight,
            confidence_level=confidence_level,
            reference_prior=reference_prior,
            confidence_method=confidence_method,
            units=units,
            n_draws=n_draws,
        )

    def _accumulate(self, accumulator, X, y, sample_weight, n_draws=None):
        net, bank = self.net_, self._noise_for(n_draws)
        # Another seed than that of training, which has seen the rows' labels through its noise.
        generator = torch.Generator().manual_seed(net.seed + 1)
        output = None
        for rows, hidden in net.with_rows(net.trunk_batches(X, len(bank)), len(y)):
            weight = None if sample_weight is None else sample_weight[rows]
            noise = net.stochastic_module.draw((len(hidden), len(bank)), generator, net.dtype)
            logits = net.logits_of_trunk(hidden, noise).cpu().numpy()
            layer, gaussian = net.distributions_of_trunk(hidden)
            log_proba = net.log_proba_of_trunk(hidden, bank)
            accumulator.update(logits, y[rows], weight, log_proba, gaussian)
            if layer is not None:
                output = output or OutputInformation(len(y), net.seed + 2)
                output.update(*layer, y[rows], weight)
        return output and output.result()
