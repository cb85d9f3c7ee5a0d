"""What a fitted net says of rows, batch by batch."""

from __future__ import annotations

import math

import numpy as np
import torch
from skorch.dataset import unpack_data
from skorch.utils import to_device


class RowPredictions:
    """Mixin of skorch nets: log probabilities of rows, in batches that bound the memory.

    The net offers ``module_``, ``prediction_batches``, ``_module_input``, ``infer``,
    ``posterior_logits``, ``log_proba`` and ``n_classes``.
    """

    def input_batches(self, X, n_draws=1):
        """Yield batches of `X` as the module takes them."""
        for batch in self.prediction_batches(X, n_draws):
            yield self._module_input(unpack_data(batch)[0])

    def first_input(self, X):
        """Return the first batch of `X` as the module takes it."""
        for x in self.input_batches(X):
            return x
        self._check_all_came(0, len(X))

    def forward_iter(self, X, training=False, device="cpu"):
        if training:
            yield from super().forward_iter(X, training=True, device=device)
            return
        self._evaluate_module()
        for batch in self.prediction_batches(X):
            with torch.inference_mode():
                logits = self.evaluation_step(batch)
            yield to_device(logits, device=device)

    def _evaluate_module(self):
        # Setting a module's mode costs more than a look at it, and a row's forward pass as much.
        if any(module.training for module in self.module_.modules()):
            self._set_training(False)

    def evaluation_step(self, batch, training=False):
        # skorch walks through all modules here to set them to evaluation, batch after batch.
        if training or self.module_.training:
            return super().evaluation_step(batch, training=training)
        with torch.no_grad():
            return self.infer(unpack_data(batch)[0])

    def log_proba_batches(self, X):
        """Yield the log class probabilities of each batch of `X`, as float64 arrays (b, M)."""
        for logits in self.forward_iter(X):
            yield self.checked(self.log_proba(logits).numpy())

    def checked(self, log_proba):
        """Return log probabilities, unless there is a NaN among them."""
        if math.isnan(log_proba.sum()):
            raise ValueError(
                f"module={type(self.module_).__name__} returned logits that are not finite: its "
                "weights or X are too large. Scale X, or train with a lower lr."
            )
        return log_proba

    def predict_log_proba(self, X, **options):
        """Return log class probabilities, float64 of shape (n, M)."""
        return self._joined(self.log_proba_batches(X, **options), len(X))

    def predict_proba(self, X):
        log_proba = self.predict_log_proba(X)
        return np.exp(log_proba, out=log_proba)

    def predict_logits(self, X):
        """Return posterior logits, or log probabilities averaged over draws, float64 (n, M)."""
        batches = (
            self.log_proba(logits) if logits.ndim == 3 else self.posterior_logits(logits)
            for logits in self.forward_iter(X)
        )
        return self._joined(batches, len(X))

    def _joined(self, batches, n_samples):
        # Filled as they come: a list of batches joined at the end would need the memory twice.
        values = np.empty((n_samples, self.n_classes))
        for rows, batch in self.with_rows(batches, n_samples):
            values[rows] = batch
        return values

    def with_rows(self, batches, n_samples):
        """Yield batches with the slices of rows that they are of; all rows have to come."""
        start = 0
        for batch in batches:
            rows = slice(start, start + len(batch))
            start = rows.stop
            yield rows, batch
        self._check_all_came(start, n_samples)

    def _check_all_came(self, n_came, n_samples):
        if n_came != n_samples:
            raise ValueError(
                f"iterator_valid gave {n_came} rows of {n_samples}: predictions need each row "
                "once, without drop_last."
            )
