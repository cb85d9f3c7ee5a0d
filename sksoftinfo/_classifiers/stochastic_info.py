"""`StochasticInfoClassifier`: a network whose outputs are random."""

from __future__ import annotations

import warnings
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._bounds import (
    InformationBounds,
    OutputInformation,
    Units,
    expected_entropy,
    nats_to,
    predictive_entropy,
)
from .._networks import (
    NOISE_FAMILIES,
    DonskerVaradhanLoss,
    LogSoftmaxLoss,
    NoisyModuleFactory,
    PredictiveLoss,
    StochasticInfoNet,
    check_stochastic_module,
    draw_bank,
    evaluate_trunk,
    logits_of_trunk,
    naming_batch_size,
    noise_of_net,
    predict_log_proba_of_noise,
    trunk_batches,
    unwrapped,
    with_rows,
)
from .._utils import IntegerInterval, Interval, StrOptions, users_stacklevel
from .base import BaseInfoClassifier
from .build import module_and_params, with_channels
from .plan import FOLDS, plan_training
from .rows import validated_rows

# Largest number of MLPs that serve the members of an ensemble. Members that share an MLP make
# similar errors, so that averaging removes fewer of them; more MLPs cost more time.
_MOST_MLPS = 16

_OBJECTIVES = {
    "log_softmax": LogSoftmaxLoss,
    "dv": DonskerVaradhanLoss,
    "predictive": PredictiveLoss,
}


class StochasticInfoClassifier(BaseInfoClassifier):
    """Neural classifier with random logits, and bounds on the information in its noisy outputs.

    Given x, the network draws random logits z. Their expected log-softmax lies in the sandwich of
    [1]_ (Eq. 25, with its sign corrected, and Eq. 26)

    .. math:: \\hat I^{DV}(Z, Y|X) - \\log M \\;\\le\\; E \\log f_s(z, y) \\;\\le\\; I(Z;Y|X) = 0.

    The distance between the expected log-softmax and the lower end is the Jensen gap of the noise.
    The information about the label, on held-out rows, satisfies

    .. math:: H(Y) + E_z \\log f_s \\le I(Z;Y), \\quad H(Y) + \\log E_z f_s \\le I(X;Y).

    The predicted probability is an average over one fixed noise bank, shared by all rows: the
    prediction depends on the row alone, and its bound holds for any number of draws. The
    log-softmax and the Donsker-Varadhan representation are averages over independent noise for
    each row. From K = `n_draws` draws for each row, the estimate of the Donsker-Varadhan
    representation is too high; its bias falls as K grows. With ``noise="ensemble"``, the draws are
    all members of an ensemble, so that all averages are exact.

    Parameters
    ----------
    module : torch module class or instance, or callable that returns one, default=None
        Network to whose logits or features noise is added, as in `InfoSoftmaxClassifier`; with
        ``noise="module"``, a `StochasticModule`.
    noise : {"additive", "gaussian", "latent", "dropout", "ensemble", "module"}, \
default="additive"
        Where the noise enters, in training and prediction:

        - ``"additive"``: Gaussian noise of one scale on the logits.
        - ``"gaussian"``: Gaussian logits whose scales the network learns. With ``beta=0``, nothing
          keeps the scales from shrinking, and a warning is issued.
        - ``"latent"``: a Gaussian layer between the features and a new linear head. With
          ``beta=0``, its means are within (-1, 1) and its scale is fixed at `noise_scale`; with a
          positive `beta`, means and scales are learned, as in the variational information
          bottleneck [2]_.
        - ``"dropout"``: dropout of the features before the head.
        - ``"ensemble"``: `n_draws` members, one of which is drawn at random. Each member
          multiplies its inputs by signs of its own and has its own head; the layers between are
          shared [3]_ (but see `early_stopping` for small tables). By default all members are
          evaluated, so that averages over them are exact; `draw_information` measures their
          disagreement.
        - ``"module"``: `module` is a `StochasticModule` of your own.

        All but ``"additive"`` and ``"module"`` need a module with ``features(x)`` and a linear
        ``head``.
    noise_scale : float, default=1.0
        Standard deviation of the noise on the logits or latent variables; if the scale is learned,
        its value before training. With ``"dropout"``, the standard deviation of the factor of mean
        1 that multiplies each feature: the dropout rate is ``noise_scale**2 / (1 +
        noise_scale**2)``. Ignored by ``"ensemble"`` and ``"module"``.
    latent_size : int, default=16
        Number of latent variables of ``noise="latent"``.
    beta : float, default=0.0
        Weight, in the loss, of the Kullback-Leibler divergence of the noisy layer from a standard
        normal, KL(p(z|x), N(0, I)) in nats, whose mean is an upper bound on I(Z;X). A positive
        weight needs Gaussian noise with a positive scale.
    n_draws : int, default=32
        Number of draws K in a training step and, unless a method is given another number, in
        prediction and scoring. With ``noise="ensemble"``, the number of members; `n_draws` of a
        method then selects the first members, and must not exceed their number. 16 members are
        enough for most tables.
    objective : {"log_softmax", "dv", "predictive"}, default="log_softmax"
        Quantity that training maximises: ``"log_softmax"``, the expected log-softmax (Eq. 16 of
        [1]_); ``"dv"``, the Donsker-Varadhan representation (Eq. 13); or ``"predictive"``, the
        logarithm of the label's average probability over the draws.
    class_prior : {"uniform", "empirical"} or array-like of shape (n_classes,), default="uniform"
        Class prior inside the softmax, as in `InfoSoftmaxClassifier`.
    decision : {"posterior", "information"}, default="posterior"
        Quantity that `predict` maximises, as in `InfoSoftmaxClassifier`.
    optimizer : torch optimizer class or None, default=None
        ``None`` is ``torch.optim.AdamW``, with the weight decay of `InfoSoftmaxClassifier`.
    lr : float, default=0.003
        Learning rate. In the default training of tables, the rate falls to 0 along half a cosine.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows. For tables, ``"auto"`` is as in
        `InfoSoftmaxClassifier`; for images, ``"auto"`` is 50.
    batch_size : int, default=128
        Number of rows in a step, in training and prediction; -1 takes all rows.
    early_stopping : {"auto"} or bool, default="auto"
        Whether `fit` cross-fits the default network for tables, as in `InfoSoftmaxClassifier`,
        with these differences:

        - The loss on the rows that were left out is the loss of the `objective`.
        - There are no linear functions of the columns. Only with ``noise="ensemble"`` do the label
          frequencies replace a share of the probabilities; the share depends on the number of
          rows.
        - The noise acts on the average of the five MLPs.
        - The members of an ensemble are divided equally among at most 16 MLPs, e.g. 32
          members in pairs. Each MLP leaves out a fifth of the rows. If there are more than
          5,000 rows, all members share one MLP.
    train_split : None, float, int or callable, default=None
        Validation rows for the callbacks, as in `InfoSoftmaxClassifier`.
    callbacks : list of skorch callbacks, "disable" or None, default=None
        Callbacks that run beside skorch's own; ``"disable"`` runs none at all.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss, as in `InfoSoftmaxClassifier`.
    categorical_features : {"from_dtype"}, array-like of {bool, int, str} of shape \
(n_features,) or (n_categorical_features,), or None, default="from_dtype"
        Categorical columns, if `module` is None, as in `InfoSoftmaxClassifier`.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Dtype of the network. ``"auto"`` is float32 for images and for float32 tables, and float64
        for other tables.
    precision : {"full", "bf16"}, default="full"
        Precision of matrix products and convolutions. ``"bf16"`` computes them in bfloat16 by
        ``torch.autocast``, in training and prediction: this takes less time on a GPU, and keeps
        about three digits of each logit. Weights, rows, the loss and everything after the logits
        keep at least single precision; a float64 table is converted to float32. Exported modules,
        and `InfoMaskTransformer` with dense scoring, compute in full precision. ``"full"`` is IEEE
        single or double precision: TF32 is not used, even if torch's flags permit it.
    device : str or torch.device, default="auto"
        Device of the network. ``"auto"`` is CUDA, XPU or MPS if one of them works, else the CPU.
        MPS has no double precision: with ``"auto"``, float64 tables stay on the CPU; with
        ``"mps"``, float64 tables are converted to float32, with a warning.
    accelerator : callable or None, default=None
        Function without arguments that returns an ``accelerate.Accelerator``, for training on
        several devices or machines; ``None`` trains on `device` in this process.
    warm_start : bool, default=False
        Whether `fit` continues training from the current weights.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is drawn: initial weights, order of the rows, rows that are left out, and
        noise. Pass an int for reproducible results.
    verbose : int, default=0
        If not 0, skorch prints its table of epochs.
    **kwargs : dict
        Parameters of skorch, as in `InfoSoftmaxClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    net_ : skorch.NeuralNetClassifier
        skorch's wrapper of the trained network, whose labels are class indices 0 to n_classes - 1.
    module_ : StochasticModule
        Trained network: ``module_(x, noise)`` returns logits (n, K, M).
    history_ : skorch.history.History
        Loss and times of each epoch.
    noise_bank_ : ndarray of shape (n_draws, noise_size)
        Fixed noise over which predictions are averaged.
    class_prior_ : ndarray of shape (n_classes,)
        Class prior inside the softmax.
    train_prior_ : ndarray of shape (n_classes,)
        Label frequencies, weighted by `sample_weight`, of all rows trained on so far.
    categories_ : list of length `n_features_in_`, or None
        Array of the sorted categories of each categorical column, and None for each other column;
        ``None`` if no column is categorical.
    n_features_in_ : int
        Number of columns of X, if X is a table.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if all of them are strings.
    input_shape_ : tuple of int
        Shape of a row.

    See Also
    --------
    InfoSoftmaxClassifier : The deterministic network.

    References
    ----------
    .. [1] Z. Qin, D. Kim, "Softmax is not an artificial trick: an information-theoretic view of
       softmax in neural networks", arXiv 1910.02629, section 3.2.
    .. [2] A. A. Alemi, I. Fischer, J. V. Dillon, K. Murphy, "Deep variational information
       bottleneck", ICLR 2017.
    .. [3] Y. Wen, D. Tran, J. Ba, "BatchEnsemble: an alternative approach to efficient ensemble
       and lifelong learning", ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from sksoftinfo import StochasticInfoClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> clf = StochasticInfoClassifier(noise_scale=0.5, random_state=0).fit(X_train, y_train)
    >>> bounds = clf.score_bounds(X_test, y_test)
    >>> bounds.dv_minus_log_m < bounds.log_softmax < bounds.conditional_mi
    True
    """

    _parameter_constraints: dict = {
        **BaseInfoClassifier._parameter_constraints,
        "noise": [StrOptions(set(NOISE_FAMILIES))],
        "noise_scale": [Interval(Real, 0, None, closed="left")],
        "latent_size": [IntegerInterval(1)],
        "beta": [Interval(Real, 0, None, closed="left")],
        "n_draws": [IntegerInterval(1)],
        "objective": [StrOptions(set(_OBJECTIVES))],
    }

    def __init__(
        self,
        module=None,
        *,
        noise="additive",
        noise_scale=1.0,
        latent_size=16,
        beta=0.0,
        n_draws=32,
        objective="log_softmax",
        class_prior="uniform",
        decision="posterior",
        optimizer=None,
        lr=0.003,
        max_epochs="auto",
        batch_size=128,
        early_stopping="auto",
        train_split=None,
        callbacks=None,
        class_weight=None,
        categorical_features="from_dtype",
        dtype="auto",
        precision="full",
        device="auto",
        accelerator=None,
        warm_start=False,
        random_state=None,
        verbose=0,
        **kwargs,
    ):
        self.module = module
        self.noise = noise
        self.noise_scale = noise_scale
        self.latent_size = latent_size
        self.beta = beta
        self.n_draws = n_draws
        self.objective = objective
        self.class_prior = class_prior
        self.decision = decision
        self.optimizer = optimizer
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.train_split = train_split
        self.callbacks = callbacks
        self.class_weight = class_weight
        self.categorical_features = categorical_features
        self.dtype = dtype
        self.precision = precision
        self.device = device
        self.accelerator = accelerator
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self._store_skorch_params(kwargs)

    def _plan_training(self, X, weight):
        # The largest number of MLPs among which an ensemble's members are divided equally.
        ensemble = self.noise == "ensemble"
        most = _MOST_MLPS if ensemble else FOLDS
        n_members = max(n for n in range(1, most + 1) if self.n_draws % n == 0 or not ensemble)
        return plan_training(self, X, weight, n_members)

    def _net_class_and_params(self):
        return StochasticInfoNet, {
            "criterion": _OBJECTIVES[self.objective],
            "n_draws": self.n_draws,
            "beta": self.beta,
        }

    def _module_and_params(self, X):
        if self.noise == "module" and self.module is None:
            raise ValueError(
                "`module` must be a StochasticModule with noise='module'; got None. Pass one, or "
                "let another `noise` wrap the default network."
            )
        n_members = max(1, self._n_members) if self.noise == "ensemble" else self._n_members
        module, params = module_and_params(
            self.module, X, len(self.classes_), self._missing, n_members
        )
        factory = NoisyModuleFactory(
            module,
            self.noise,
            self.noise_scale,
            self.latent_size,
            self.beta == 0,
            len(self.classes_),
            with_channels(X).shape[1],
            int(self.n_draws),
        )
        return factory, params

    def _build(self, X, seed):
        if self.noise == "gaussian" and self.beta == 0 and self.noise_scale > 0:
            warnings.warn(
                "noise='gaussian' with beta=0: nothing keeps the learned scales from shrinking, "
                "and the network may become deterministic. Set beta, or use noise='additive'.",
                stacklevel=users_stacklevel(),
            )
        net = super()._build(X, seed)
        check_stochastic_module(net, with_channels(X), self.noise, self.noise_scale, self.beta)
        self._noise_seed = seed
        self.noise_bank_ = draw_bank(unwrapped(net.module_), self.n_draws, seed)
        net.noise_bank = torch.as_tensor(self.noise_bank_, device="cpu")
        return net

    def _noise_for(self, n_draws):
        """Return the noise bank of prediction, as a tensor."""
        if n_draws is None:
            return self.net_.noise_bank
        if not (isinstance(n_draws, Integral) and n_draws > 0):
            raise ValueError(
                f"`n_draws` must be a positive int; got {n_draws!r}. Pass None for the noise bank "
                "of fit."
            )
        bank = draw_bank(unwrapped(self.net_.module_), int(n_draws), self._noise_seed)
        return torch.as_tensor(bank, device="cpu")

    def predict_log_proba(self, X: Any, *, n_draws: int | None = None) -> np.ndarray:
        """Predict the log of class probabilities that are averaged over the noise bank.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Number of draws, or of members of an ensemble, to average over; ``None`` uses all of
            `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In nats, columns in the order of ``classes_``. The values of a row depend on that row
            alone.

        Raises
        ------
        ValueError
            If `n_draws` is not a positive int, or exceeds the number of members.
        """
        check_is_fitted(self, "net_")
        noise = self._noise_for(n_draws)
        X = with_channels(validated_rows(self, X))
        with naming_batch_size(self.net_.batch_size):
            return predict_log_proba_of_noise(self.net_, X, noise)

    def predict_proba(self, X: Any, *, n_draws: int | None = None) -> np.ndarray:
        """Predict class probabilities, averaged over the noise bank.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Number of draws, or of members of an ensemble, to average over; ``None`` uses all of
            `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Columns in the order of ``classes_``.

        Raises
        ------
        ValueError
            If `n_draws` is not a positive int, or exceeds the number of members.
        """
        log_proba = self.predict_log_proba(X, n_draws=n_draws)
        return np.exp(log_proba, out=log_proba)

    def _entropies(self, X, functions, n_draws, units):
        factor = nats_to(units)
        check_is_fitted(self, "net_")
        noise = self._noise_for(n_draws)
        X = with_channels(validated_rows(self, X))
        parts = []
        with naming_batch_size(self.net_.batch_size):
            noise = noise_of_net(self.net_, noise)
            for hidden in trunk_batches(self.net_, X, len(noise)):
                logits = logits_of_trunk(self.net_, hidden, noise).cpu().numpy()
                parts.append([function(logits) for function in functions])
        return factor * np.concatenate(parts, axis=1)

    def predictive_entropy(
        self, X: Any, *, n_draws: int | None = None, units: Units = "nats"
    ) -> np.ndarray:
        """Compute the entropy of the predicted class probabilities, the total uncertainty.

        This is the sum of `expected_entropy` and `draw_information`.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Number of draws, or of members of an ensemble, to average over; ``None`` uses all of
            `fit`.
        units : {"nats", "bits"}, default="nats"
            Unit of the result.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``H(E_z p(y|z))``, in `units`.

        Raises
        ------
        ValueError
            If `n_draws` is not a positive int, or exceeds the number of members.

        See Also
        --------
        expected_entropy : Compute the part that is not due to the noise.
        draw_information : Compute the part that is due to the noise.
        """
        return self._entropies(X, [predictive_entropy], n_draws, units)[0]

    def expected_entropy(
        self, X: Any, *, n_draws: int | None = None, units: Units = "nats"
    ) -> np.ndarray:
        """Compute the average entropy of the class probabilities of single draws.

        This is the part of the uncertainty that is not due to the noise.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Number of draws, or of members of an ensemble, to average over; ``None`` uses all of
            `fit`.
        units : {"nats", "bits"}, default="nats"
            Unit of the result.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``E_z H(p(y|z))``, at most `predictive_entropy`, in `units`.

        Raises
        ------
        ValueError
            If `n_draws` is not a positive int, or exceeds the number of members.

        See Also
        --------
        predictive_entropy : Compute the total uncertainty.
        draw_information : Compute the part that is due to the noise.
        """
        return self._entropies(X, [expected_entropy], n_draws, units)[0]

    def draw_information(
        self, X: Any, *, n_draws: int | None = None, units: Units = "nats"
    ) -> np.ndarray:
        """Compute the information between label and draw: the uncertainty due to the noise.

        This is `predictive_entropy` minus `expected_entropy`. Where the draws stand for plausible
        networks, such as the members of an ensemble, it is known as epistemic uncertainty.

        Parameters
        ----------
        X : array-like
            As in `fit`.
        n_draws : int, default=None
            Number of draws, or of members of an ensemble, to average over; ``None`` uses all of
            `fit`.
        units : {"nats", "bits"}, default="nats"
            Unit of the result.

        Returns
        -------
        ndarray of shape (n_samples,)
            At least 0, in `units`.

        Raises
        ------
        ValueError
            If `n_draws` is not a positive int, or exceeds the number of members.

        See Also
        --------
        predictive_entropy : Compute the total uncertainty.
        expected_entropy : Compute the part that is not due to the noise.
        """
        whole, expected = self._entropies(
            X, [predictive_entropy, expected_entropy], n_draws, units
        )
        return np.maximum(whole - expected, 0.0)

    def score_bounds(
        self,
        X: Any,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        n_draws: int | None = None,
        confidence_level: float = 0.95,
        reference_prior: str | ArrayLike = "train",
        weight_bound: float | None = None,
        group_bound: float | None = None,
        units: Units = "nats",
    ) -> InformationBounds:
        """Compute bounds on I(X;Y) and I(Z;Y), and the terms of the sandwich, on held-out rows.

        Z is the noisy layer of the network. Each row receives noise of its own for the log-softmax
        and the Donsker-Varadhan representation; the prediction whose bound is `mi_lower` averages
        over the noise bank. All members of an ensemble are evaluated for each row, so that no
        quantity is estimated from draws, and the Monte-Carlo errors are 0.

        Parameters
        ----------
        X : array-like
            Held-out rows, in any form that `fit` takes.
        y : array-like of shape (n_samples,), default=None
            True labels. If None, X must be a torch Dataset or DataLoader with labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative importance weights of independent rows.
        groups : array-like of shape (n_samples,), default=None
            Group of each row. A group counts as one observation, as in `information_bounds`.
        n_draws : int, default=None
            Number of draws for each row, and size of the noise bank; ``None`` uses the number of
            `fit`.
        confidence_level : float, default=0.95
            Probability, in (0, 1), with which each confidence limit holds.
        reference_prior : {"train", "empirical", "uniform"} or array-like of shape \
(n_classes,), default="train"
            Reference prior of the pointwise contributions, as in
            `InfoSoftmaxClassifier.score_bounds`.
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
            As in `InfoSoftmaxClassifier.score_bounds`, and if `n_draws` is not a positive int, or
            exceeds the number of members of an ensemble.

        Warns
        -----
        UserWarning
            As in `InfoSoftmaxClassifier.score_bounds`.
        """
        return self._bounds_of_rows(
            partial(self._accumulate, n_draws=n_draws),
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

    def _accumulate(self, accumulator, X, y, sample_weight, n_draws=None):
        net = self.net_
        bank = noise_of_net(net, self._noise_for(n_draws))
        # Not the seed of training, whose weights were fitted to labels under that noise.
        generator = torch.Generator().manual_seed(net.seed + 1)
        module = unwrapped(net.module_)
        output = None
        for rows, hidden in with_rows(trunk_batches(net, X, len(bank)), len(y)):
            weight = None if sample_weight is None else sample_weight[rows]
            noise = None
            if not module.exhaustive:
                noise = module.draw((len(hidden), len(bank)), generator, net.dtype)
            logits, log_proba, layer, gaussian = evaluate_trunk(net, hidden, noise, bank)
            accumulator.update(
                logits, y[rows], weight, log_proba, gaussian, exhaustive=module.exhaustive
            )
            if layer is not None:
                output = output or OutputInformation(len(y), net.seed + 2)
                output.update(*layer, y[rows], weight)
        return output and output.result()
