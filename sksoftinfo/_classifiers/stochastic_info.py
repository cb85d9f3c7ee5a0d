"""`StochasticInfoClassifier`: a network whose outputs are random."""

from __future__ import annotations

import warnings
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from .._networks import (
    NOISE_FAMILIES,
    DonskerVaradhanLoss,
    LogSoftmaxLoss,
    NoisyModuleFactory,
    PredictiveLoss,
    StochasticInfoNet,
)
from .._utils import users_stacklevel
from .base import BaseInfoClassifier
from .stochastic_prediction import StochasticPredictionMixin

_OBJECTIVES = {
    "log_softmax": LogSoftmaxLoss,
    "dv": DonskerVaradhanLoss,
    "predictive": PredictiveLoss,
}


class StochasticInfoClassifier(StochasticPredictionMixin, BaseInfoClassifier):
    """Neural classifier with stochastic outputs, and the sandwich of its log-softmax.

    Given x the network draws logits z. Their log-softmax lies between (paper Eq. 25, its sign
    corrected, and Eq. 26)

    .. math:: \\hat I^{DV}(Z, Y|X) - \\log M \\;\\le\\; E \\log f_s(z, y) \\;\\le\\; I(Z;Y|X) = 0,

    and the difference to the lower end is the Jensen gap of the noise. For the information
    about the label, on held-out rows,

    .. math:: H(Y) + E_z \\log f_s \\le I(Z;Y), \\quad H(Y) + \\log E_z f_s \\le I(X;Y).

    The probability that the classifier predicts is the average over one fixed bank of noise,
    shared by all rows: it depends on the row alone, and its bound holds for any number of
    draws. The log-softmax and the Donsker-Varadhan representation are averages over
    independent noise for each row; the latter's estimate from K draws is biased upwards, by
    less the larger K.

    Parameters
    ----------
    module : torch module class or instance, or callable that returns one, default=None
        Network that the noise wraps, as in `InfoSoftmaxClassifier`.
    noise : {"additive", "gaussian", "latent", "dropout", "module"}, default="additive"
        Where the noise enters, in training and prediction:

        - ``"additive"``: Gaussian noise of one scale on the logits.
        - ``"gaussian"``: Gaussian logits whose scales the network learns. With ``beta=0`` nothing
          keeps them from shrinking, with a warning.
        - ``"latent"``: a Gaussian layer between the features and a new linear head. With
          ``beta=0`` a channel of fixed noise, its means within (-1, 1); with ``beta > 0`` the
          variational information bottleneck [2]_, means and scales learned.
        - ``"dropout"``: dropout of the features before the head.
        - ``"module"``: `module` is a `StochasticModule` of your own.

        All but ``"additive"`` and ``"module"`` need a module with ``features(x)`` and a linear
        ``head``.
    noise_scale : float, default=1.0
        Standard deviation of the noise on the logits or latent variables, before training if it
        is learned; for dropout that of the factor of mean 1 on each feature, which is a dropout
        rate of ``noise_scale**2 / (1 + noise_scale**2)``. Unused by ``"module"``.
    latent_size : int, default=16
        Latent variables of ``noise="latent"``.
    beta : float, default=0.0
        Weight in the loss of the divergence of the noisy layer from a standard normal, KL(p(z|x),
        N(0, I)) in nats, an upper bound of I(Z;X). For noise that is Gaussian and not zero.
    n_draws : int, default=32
        Draws K of a training step, and of prediction and scoring unless these are given another
        number.
    objective : {"log_softmax", "dv", "predictive"}, default="log_softmax"
        What training maximises: the expected log-softmax (Eq. 16), the Donsker-Varadhan
        representation (Eq. 13), or the log of the probability averaged over draws.
    class_prior : {"uniform", "empirical"} or array-like of shape (n_classes,), default="uniform"
        Class prior inside the softmax, as in `InfoSoftmaxClassifier`.
    decision : {"posterior", "information"}, default="posterior"
        What `predict` maximises.
    optimizer : torch optimizer class or None, default=None
        ``None`` is ``torch.optim.AdamW``, with the weight decay of `InfoSoftmaxClassifier`.
    lr : float, default=0.003
        Learning rate.
    max_epochs : int, default=50
        Passes over the training rows.
    batch_size : int, default=128
        Rows of a step, in training and prediction. -1 takes all.
    train_split : None, float, int or callable, default=None
        Validation rows that the callbacks see.
    callbacks : list of skorch callbacks, "disable" or None, default=None
        Run beside skorch's own; ``"disable"`` runs none.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Dtype of the network: with ``"auto"`` that of a table, and float32 for images.
    device : str or torch.device, default="auto"
        ``"auto"`` is CUDA where there is one, else the CPU.
    accelerator : callable or None, default=None
        Function without arguments that returns an ``accelerate.Accelerator``.
    warm_start : bool, default=False
        Whether `fit` goes on from the last state.
    random_state : int, RandomState instance or None, default=None
        Decides first weights, order of rows and all noise.
    verbose : int, default=0
        Whether skorch prints its table of epochs.
    **kwargs : dict
        Parameters of skorch, as in `InfoSoftmaxClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels.
    net_ : skorch.NeuralNetClassifier
        Trained net; its labels are class indices.
    module_ : StochasticModule
        Trained network: ``module_(x, noise)`` returns logits (n, K, M).
    history_ : skorch.history.History
        Loss and times of each epoch.
    noise_bank_ : ndarray of shape (n_draws, noise_size)
        Noise of prediction.
    class_prior_ : ndarray of shape (n_classes,)
        Class prior inside the softmax.
    train_prior_ : ndarray of shape (n_classes,)
        Weighted label frequencies of `fit`.
    n_features_in_ : int
        Columns of a table.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where they are all strings.
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
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
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
        max_epochs=50,
        batch_size=128,
        train_split=None,
        callbacks=None,
        class_weight=None,
        dtype="auto",
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
        self.train_split = train_split
        self.callbacks = callbacks
        self.class_weight = class_weight
        self.dtype = dtype
        self.device = device
        self.accelerator = accelerator
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self._store_skorch_params(kwargs)

    def _net_class_and_params(self):
        return StochasticInfoNet, {
            "criterion": _OBJECTIVES[self.objective],
            "n_draws": self.n_draws,
            "beta": self.beta,
        }

    def _module_and_params(self, X):
        if self.noise == "module" and self.module is None:
            raise ValueError(
                "noise='module' and module=None: give a StochasticModule, or let another `noise` "
                "wrap the default network."
            )
        module, params = super()._module_and_params(X)
        factory = NoisyModuleFactory(
            module,
            self.noise,
            self.noise_scale,
            self.latent_size,
            self.beta == 0,
            len(self.classes_),
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
        self._check_module(net, X)
        self._noise_seed = seed
        self.noise_bank_ = self._bank(net.stochastic_module, self.n_draws)
        net.noise_bank = torch.as_tensor(self.noise_bank_)
        return net

    def _check_module(self, net, X):
        """Raise ValueError if the module cannot do what the parameters ask of it."""
        module = net.stochastic_module
        x = net.first_input(self._module_array(X[:2]))
        training = module.training
        module.eval()
        with torch.no_grad():
            hidden = module.trunk(x)
            if self.noise in ("gaussian", "dropout"):
                inner = module.module
                split = inner.head(inner.features(x))
                if not torch.allclose(split, inner(x), rtol=1e-3, atol=1e-5, equal_nan=True):
                    raise ValueError(
                        f"noise={self.noise!r} replaces forward(x) by head(features(x)), and for "
                        f"module={type(inner).__name__} these differ: use noise='additive'."
                    )
            if self.beta > 0:
                distribution = module.distribution(hidden)
                if distribution is None or not (distribution[1] > 0).all():
                    raise ValueError(
                        f"beta={self.beta} needs noise that is Gaussian and not zero, which "
                        f"noise={self.noise!r} with noise_scale={self.noise_scale} is not: set "
                        "beta=0, or use noise='latent' with a positive noise_scale."
                    )
        module.train(training)
