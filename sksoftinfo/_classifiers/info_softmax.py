"""`InfoSoftmaxClassifier`: a deterministic network trained by maximising log-softmax."""

from __future__ import annotations

import inspect

from .._bounds import certain_row_terms
from .._networks import (
    CrossFittedNet,
    ImageNet,
    InfoSoftmaxNet,
    LogSoftmaxLoss,
    log_proba_batches,
    with_rows,
)
from .base import BaseInfoClassifier
from .plan import FOLDS, plan_training


class InfoSoftmaxClassifier(BaseInfoClassifier):
    """Neural classifier that measures the information about the label in its inputs.

    The network maps an input x to logits z and is trained by maximising (Eq. 3 of [1]_)

    .. math:: \\log f_s(z, y) = z_y + \\log \\pi_y - \\log \\sum_m \\pi_m e^{z_m}

    for label y, with a class prior :math:`\\pi` over the M classes m, uniform in [1]_. The
    expectation of this log-softmax is the Donsker-Varadhan representation with the critic
    :math:`T(z, y, x) = z_y` and labels uniform over the classes, less log M (Eq. 23). This
    equality alone does not bound I(X;Y) if classes are imbalanced. On held-out rows, the predicted
    probabilities p do:

    .. math:: H(Y) + E \\log p(y|x) \\le I(X;Y) \\le H(Y),

    the bounds that `score_bounds` reports.

    Parameters
    ----------
    module : torch module class or instance, or callable that returns one, default=None
        Network that returns logits of shape (n_samples, n_classes). A class or callable is called
        with the ``module__*`` parameters, and with ``n_features``, ``n_channels`` and
        ``n_classes`` if its signature names them. An instance is copied. ``None`` is, for tables,
        an `MLP`, or several whose logits are averaged (see `early_stopping`), and, for images, a
        `ConvNet`. Rows reach the network as floating-point numbers: a network with an embedding
        has to convert them, e.g. by ``x.long()``.
    class_prior : {"uniform", "empirical"} or array-like of shape (n_classes,), default="uniform"
        Class prior inside the softmax: uniform, as in the paper; the label frequencies, as in the
        probability-corrected softmax [2]_; or the given probabilities: positive, of sum 1, in the
        order of the sorted labels, or a pandas Series indexed by the labels.
    decision : {"posterior", "information"}, default="posterior"
        Quantity that `predict` maximises: the class posterior, or the pointwise information ``log
        p(y|x) - log p(y)`` with `train_prior_` as p(y), which usually raises the balanced accuracy
        if classes are imbalanced.
    criterion : torch loss class, default=LogSoftmaxLoss
        Loss, one value for each row, of posterior logits (the network's logits plus the log of the
        class prior) and class indices. A criterion with a parameter ``reduction`` gets "none".
    optimizer : torch optimizer class or None, default=None
        ``None`` is ``torch.optim.AdamW``. Its weight decay for tables is set by the default
        training (see `early_stopping`), and is 1 otherwise: with less, a network trained on few
        rows is over-confident, and its lower bounds are far below the information. The weight
        decay for images is 0.01. Set another weight decay by ``optimizer__weight_decay``.
    lr : float, default=0.003
        Learning rate. In the default training (see `early_stopping`), the rate falls to 0 along
        half a cosine; for images, it first rises to four times `lr`.
    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows; with ``early_stopping=True``, an upper limit.
        ``"auto"`` depends on the training (see `early_stopping`). The default training of tables
        makes about 600 steps of the optimizer or, if these are more steps, 20 passes, and ends
        earlier if the loss on the rows that are left out no longer falls. If fewer than 100 rows
        are different, it makes 100 to 600 steps (more if rows are repeated more often), or 20
        passes if these are more steps. The default training of images makes about 1,100 steps, but
        at least 10 and at most 50 passes. Any other training makes 50 passes.
    batch_size : int, default=128
        Number of rows in a step, in training and prediction; -1 takes all rows.
    early_stopping : {"auto"} or bool, default="auto"
        Whether the default training of tables cross-fits the default network (see Notes): its
        members leave out different rows, and these rows choose the weight decay and the epoch. The
        default training is used if no parameter in the last paragraph of this entry is set (with
        ``True``, `max_epochs` may be set), and, for tables, if `early_stopping` is not False.

        - ``"auto"`` cross-fits if at least 100 rows are different and the default training is not
          changed. If fewer rows are different, no row is left out: all five MLPs and linear
          functions are trained on all rows. Their weight decay is stronger if rows are repeated
          less often. An integer `sample_weight` is then equivalent to repeated rows, if the
          repeated rows fit in one batch.
        - ``True`` cross-fits any number of rows. An error is raised for images, and if a parameter
          other than `max_epochs` changes the default training.
        - ``False`` trains one MLP on all rows for `max_epochs`.

        The default training is changed by `module`, `criterion`, `optimizer`, `max_epochs`,
        `train_split`, `accelerator`, `warm_start`, the parameters of skorch except ``module__*``
        and ``callbacks__*``, and by `callbacks` that stop training early, or change the weights,
        their gradients or the learning rate.
    train_split : None, float, int or callable, default=None
        Validation rows for the callbacks: None for no such rows; a float for a share of the rows;
        an int for a number of folds, of which one is used; or an instance such as
        ``skorch.dataset.ValidSplit``.
    callbacks : list of skorch callbacks, "disable" or None, default=None
        Callbacks that run beside skorch's own; ``"disable"`` runs none at all.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss: a dict of label to weight; "balanced" for weights
        inversely proportional to the (weighted) label frequencies; None for equal weights.
    categorical_features : {"from_dtype"}, array-like of {bool, int, str} of shape \
(n_features,) or (n_categorical_features,), or None, default="from_dtype"
        Categorical columns, if `module` is None: a mask, positions, or names of columns.
        ``"from_dtype"`` selects the columns of a pandas or polars data frame whose dtype is
        categorical, and ``None`` selects none. Each category in the rows of `fit`, or of the first
        call of `partial_fit`, becomes an indicator, at most 255 for each column. For missing
        values and unknown categories, all indicators are 0.
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
        Seed of all that is drawn in training: initial weights, order of the rows, dropout, rows
        that are left out, and, for images, shifts and added images. Pass an int for reproducible
        results.
    verbose : int, default=0
        If not 0, skorch prints its table of epochs.
    **kwargs : dict
        Parameters of skorch: ``module__*``, ``criterion__*``, ``optimizer__*``,
        ``callbacks__*``, ``iterator_train__*``, ``iterator_valid__*``, ``dataset__*``,
        ``compile``, ``compile__*``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    net_ : skorch.NeuralNetClassifier
        skorch's wrapper of the trained network, whose labels are class indices 0 to n_classes - 1.
    module_ : torch.nn.Module
        Trained torch network, ``net_.module_``.
    history_ : skorch.history.History
        Loss and times of each epoch.
    class_prior_ : ndarray of shape (n_classes,)
        Class prior inside the softmax.
    train_prior_ : ndarray of shape (n_classes,)
        Label frequencies, weighted by `sample_weight`, of all rows trained on so far.
    categories_ : list of length `n_features_in_`, or None
        Array of the sorted categories of each categorical column, and None for each other column;
        ``None`` if no column is categorical.
    n_features_in_ : int
        Number of columns of X, if X is a table; the first entry of `input_shape` in `from_module`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if all of them are strings.
    input_shape_ : tuple of int or None
        Shape of a row; ``None`` if `from_module` accepts rows of any shape.

    See Also
    --------
    StochasticInfoClassifier : Classifier with stochastic outputs.
    information_bounds : Bounds from the probabilities of any classifier.

    Notes
    -----
    Cross-fitting, by `early_stopping`, has four steps:

    1. Five MLPs (see `MLP`) and five linear functions of the columns are trained together. Each
       leaves out a fifth of the rows. Copies of a row are left out together.
    2. The MLPs are trained with weight decays of 0.1, 3 and 10 (at ``lr=0.003``; weight
       decays are inversely proportional to `lr`). The loss on the rows that were left out chooses
       one weight decay, and the epoch whose weights are kept.
    3. The logits of the MLPs are averaged, and so are the logits of the linear functions.
       Each average is multiplied by a factor, and both products are added.
    4. The label frequencies replace a share of the probabilities. The two factors and this share
       maximise the likelihood of the rows that were left out.

    If there are more than 5,000 rows, one MLP with a weight decay of 0.1 and one linear
    function are trained, and both leave out the same tenth of the rows. `partial_fit` does not
    cross-fit.

    The default network for tables prepares the columns itself: it centres each column by its
    median, scales it by its interquartile range, clips outliers smoothly, and replaces missing
    values by the median, with an indicator of where they were. A categorical column becomes one
    indicator for each category. The medians, scales and categories are learned from the rows of
    `fit`, or of the first call of `partial_fit`. A column that is constant there is ignored until
    it varies in the rows of a later call, which then decide its median and scale. A `module` of
    your own receives the columns unchanged.

    The default network for images subtracts the median of each channel, which it learns from the
    rows of `fit`, or of the first call of `partial_fit`.

    The default training of images is as follows. Centred images are divided by their largest
    absolute value in the rows of `fit`. Images of at least 24 x 24 pixels are shifted at random by
    up to 2 pixels. A network may find evidence in any image that is unlike all training images,
    such as an empty image of another grey [3]_. Therefore, for every sixteen images of a batch,
    one image that is constant, or smooth noise, is added, for which the network is trained to
    predict the label frequencies. All draws depend on `random_state`.

    References
    ----------
    .. [1] Z. Qin, D. Kim, "Softmax is not an artificial trick: an information-theoretic view of
       softmax in neural networks", arXiv 1910.02629.
    .. [2] Z. Qin, D. Kim, T. Gedeon, "Rethinking softmax with cross-entropy: neural network
       classifier as mutual information estimator", arXiv 1911.10688.
    .. [3] D. Hendrycks, M. Mazeika, T. Dietterich, "Deep anomaly detection with outlier exposure",
       ICLR 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from sksoftinfo import InfoSoftmaxClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> clf = InfoSoftmaxClassifier(random_state=0).fit(X_train, y_train)
    >>> bounds = clf.score_bounds(X_test, y_test, units="bits")
    >>> 0 < bounds.mi_lower < bounds.label_entropy
    True
    """

    _parameter_constraints: dict = {
        **BaseInfoClassifier._parameter_constraints,
        "criterion": [callable],
    }

    def __init__(
        self,
        module=None,
        *,
        class_prior="uniform",
        decision="posterior",
        criterion=LogSoftmaxLoss,
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
        self.class_prior = class_prior
        self.decision = decision
        self.criterion = criterion
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

    @classmethod
    def from_module(cls, module, *, classes, input_shape=None, prior="uniform", device="auto"):
        """Return a fitted classifier around a network that was trained elsewhere.

        The network is never trained: it is copied, in float32 and in evaluation mode, and no call
        changes a weight or a statistic of batch normalisation. `fit` and `partial_fit` raise
        ValueError, and ``sklearn.base.clone`` returns the classifier itself, so that cloning never
        leads to training. As a step of a pipeline, which calls `fit`, wrap the classifier in a
        ``sklearn.frozen.FrozenEstimator``. `batch_size` is 32 at first. Only `batch_size` and
        `decision` can be set.

        Parameters
        ----------
        module : torch.nn.Module
            Network that returns finite logits of shape (n_samples, n_classes), or a tuple whose
            first entry is these logits. Rows reach it as numbers of float32, which represent
            integers up to 2^24 exactly. Scripted networks are allowed.
        classes : array-like of shape (n_classes,)
            Names of the network's outputs, in their order: distinct strings or numbers.
        input_shape : tuple of int, default=None
            Shape of a row, e.g. (3, 224, 224). If given, the network is checked at once, and rows
            of another shape raise ValueError. If None, rows may have any shape, and the network is
            checked at the first prediction.
        prior : "uniform" or array-like of shape (n_classes,), default="uniform"
            Reference prior ``train_prior_`` of pointwise information: positive probabilities in
            the order of `classes`, or a pandas Series indexed by them. The logits of the network
            are not changed: they contain the prior that the network has learned.
        device : str or torch.device, default="auto"
            Device of the network. ``"auto"`` is CUDA, XPU or MPS if one of them works, else the
            CPU.

        Returns
        -------
        InfoSoftmaxClassifier
            Fitted classifier of the private subclass ``PretrainedClassifier``, whose ``classes_``
            are in the order of the network's outputs.

        Raises
        ------
        TypeError
            If `module` is not a torch module.
        ValueError
            If `classes` are not distinct or not of one type, or if `prior` is not a positive
            distribution.
        ValueError
            If the network cannot be copied, has uninitialised weights, takes integers only, or
            fails on rows of `input_shape`, or if a function that the network holds calls the
            original network.
        ValueError
            If the network changes the values of a buffer when it runs. Caches are excepted, i.e.
            buffers that are created, that were None, or that change their shape.
        ValueError
            If the output of the network does not have one finite column for each class, differs
            between two runs, or depends on the other rows of a batch. Without `input_shape`, the
            first prediction or mask raises the errors that only a run of the network can show.

        Warns
        -----
        UserWarning
            If the network returns probabilities.

        Examples
        --------
        >>> import torch
        >>> from sksoftinfo import InfoSoftmaxClassifier
        >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
        >>> clf = InfoSoftmaxClassifier.from_module(
        ...     network, classes=["tabby", "beagle"], input_shape=(3, 2, 2)
        ... )
        >>> clf.predict_proba(torch.zeros(5, 3, 2, 2)).shape
        (5, 2)
        """
        # Imported here: PretrainedClassifier is a subclass of this class.
        from .pretrained import PretrainedClassifier

        return PretrainedClassifier().wrap(module, classes, input_shape, prior, device)

    def _plan_training(self, X, weight):
        return plan_training(self, X, weight, n_members=FOLDS, plans_images=True)

    def _net_class_and_params(self):
        if self._n_members:
            return CrossFittedNet, {"criterion": LogSoftmaxLoss}
        params = {"criterion": self.criterion}
        if isinstance(self.criterion, type):
            # Weights multiply the loss of each row before the mean is taken.
            if "reduction" in inspect.signature(self.criterion).parameters:
                params["criterion__reduction"] = "none"
        of_images = self.module is None and len(self.input_shape_) > 1
        return ImageNet if of_images else InfoSoftmaxNet, params

    def _accumulate(self, accumulator, X, y, sample_weight):
        for rows, log_proba in with_rows(log_proba_batches(self.net_, X), len(y)):
            weight = None if sample_weight is None else sample_weight[rows]
            terms = certain_row_terms(log_proba, y[rows])
            accumulator.add(terms, y[rows], weight)
