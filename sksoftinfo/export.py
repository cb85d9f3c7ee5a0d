"""Export of fitted estimators as torch modules with one input and one output.

Each module includes the computations around the network, i.e. the class prior inside the softmax
and the calibration of patches, so that other runtimes give the same numbers. Modules can be passed
to ``torch.onnx.export``.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from scipy.special import logit
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ._classifiers import InfoSoftmaxClassifier, StochasticInfoClassifier
from ._masking import InfoMaskTransformer, SharedCalibration, neural, window_average
from ._networks import pinned_flags
from ._utils import check_masker, known_labels

__all__ = ["information_map_module", "log_proba_module"]


def log_proba_module(
    classifier: InfoSoftmaxClassifier | StochasticInfoClassifier,
) -> nn.Module:
    """Return a torch module that computes ``classifier.predict_log_proba``.

    Parameters
    ----------
    classifier : InfoSoftmaxClassifier or StochasticInfoClassifier
        Fitted classifier. Its network is copied to the CPU. Random outputs are averaged over the
        noise bank, or over all members of an ensemble.

    Returns
    -------
    torch.nn.Module
        Module in evaluation mode. It maps rows, in the shape and dtype of the network's input, to
        log-probabilities of shape (n, n_classes) in nats, with columns in the order of
        ``classes_``. A categorical column is replaced, at its position, by one indicator for each
        of the column's categories, in the order of ``categories_``.

    Raises
    ------
    TypeError
        If the classifier is of another class.
    sklearn.exceptions.NotFittedError
        If the classifier is not fitted.

    See Also
    --------
    information_map_module : Export the maps of a masker.

    Examples
    --------
    >>> import torch
    >>> from sksoftinfo import InfoSoftmaxClassifier
    >>> from sksoftinfo.export import log_proba_module
    >>> clf = InfoSoftmaxClassifier(random_state=0).fit([[0.0], [1.0]], [0, 1])
    >>> module = log_proba_module(clf)
    >>> module(torch.tensor([[0.5]], dtype=torch.float64)).shape
    torch.Size([1, 2])
    """
    if not isinstance(classifier, InfoSoftmaxClassifier | StochasticInfoClassifier):
        raise TypeError(
            "`classifier` must be an InfoSoftmaxClassifier or a StochasticInfoClassifier; got "
            f"{type(classifier).__name__}. Pass the classifier itself, e.g. frozen.estimator or "
            "pipeline[-1]."
        )
    check_is_fitted(classifier)
    if isinstance(classifier, StochasticInfoClassifier):
        return _AveragedLogProba(classifier.net_).eval()
    return _LogProba(classifier.net_).eval()


def information_map_module(masker: InfoMaskTransformer, target: Any) -> nn.Module:
    """Return a torch module that computes ``masker.information_map(X, target)``.

    Parameters
    ----------
    masker : InfoMaskTransformer
        Fitted masker with ``patch_scoring_ == "dense"``. Its network is copied to the CPU.
    target : label
        Label of the target class, one of ``masker.classes_``.

    Returns
    -------
    torch.nn.Module
        Module in evaluation mode. It maps images of shape (n, channels, height, width), in the
        network's dtype and with the size of the images in `fit`, to maps of shape
        (n, height, width) in nats, float64.

    Raises
    ------
    ValueError
        If the target is unknown; if scoring is not dense; if the network has no ``feature_map(x)``
        and ``head`` such that the average of ``head`` over positions is the logits; or if the
        module does not reproduce the maps of the masker.
    sklearn.exceptions.NotFittedError
        If the masker is not fitted.

    See Also
    --------
    log_proba_module : Export the predictions of a classifier.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from sksoftinfo import InfoMaskTransformer
    >>> from sksoftinfo.export import information_map_module
    >>> digits = load_digits(n_class=2)
    >>> images = (digits.images / 16).astype("float32")
    >>> masker = InfoMaskTransformer(patch_size=4, random_state=0).fit(images, digits.target)
    >>> information_map_module(masker, 1)(torch.as_tensor(images[:5, None])).shape
    torch.Size([5, 8, 8])
    """
    check_masker(masker, "masker")
    check_is_fitted(masker)
    if masker.patch_scoring_ != "dense":
        raise ValueError(
            f"`masker.patch_scoring_` must be 'dense'; got {masker.patch_scoring_!r}. Fit a "
            "masker with patch_scoring='dense' whose classifier is an InfoSoftmaxClassifier with "
            "the default network for images."
        )
    labels = masker.classes_.tolist()
    if target not in labels:
        among = known_labels(labels, [target])
        raise ValueError(
            f"`target` must be one of {among}; got {target!r}. Pass a class of the masker."
        )
    net = neural(masker.estimator_).net_
    if hasattr(net.module_, "feature_map") and hasattr(net.module_, "head"):
        module = _InformationMap(net, masker._mapper, labels.index(target)).eval()
        if _agrees(module, masker, target, net.dtype):
            return module
    raise ValueError(
        "`masker` must score the output of `feature_map` of its network, whose logits must be "
        "the average of `head(feature_map(x))` over positions; got the network "
        f"{type(net.module_).__name__} and the layer "
        f"{masker.feature_layer_!r}. Use the default network, ConvNet."
    )


@pinned_flags()
def _agrees(module, masker, target, dtype):
    """Return whether module and masker give the same maps for images of noise."""
    images = np.random.default_rng(0).random((2, *masker._image_shape))
    expected = masker.information_map(images.reshape(2, *masker.input_shape_), target)
    with torch.no_grad():
        maps = module(torch.as_tensor(images).to(dtype)).numpy()
    return maps.shape == expected.shape and np.allclose(maps, expected, rtol=1e-3, atol=1e-3)


class _Posterior(nn.Module):
    """Copy of a network, with the class prior that is added to its logits."""

    def __init__(self, net):
        super().__init__()
        self.network = copy.deepcopy(net.module_).cpu()
        prior = net.log_class_prior
        self.register_buffer("log_prior", None if prior is None else prior.to("cpu", net.dtype))

    def posterior(self, logits):
        return logits if self.log_prior is None else logits + self.log_prior


class _LogProba(_Posterior):
    def forward(self, rows):
        logits = self.network(rows)
        logits = logits[0] if isinstance(logits, tuple) else logits
        return torch.log_softmax(self.posterior(logits), dim=1)


class _AveragedLogProba(_Posterior):
    def __init__(self, net):
        super().__init__(net)
        self.register_buffer("bank", net.noise_bank.to("cpu", net.dtype))

    def forward(self, rows):
        logits = self.posterior(self.network(rows, self.bank))
        log_proba = torch.log_softmax(logits, dim=-1)
        return torch.logsumexp(log_proba, dim=1) - math.log(len(self.bank))


class _InformationMap(_Posterior):
    """Information of windows of the feature map about one class, interpolated to pixels."""

    def __init__(self, net, mapper, target):
        super().__init__(net)
        scorer = mapper.scorer
        self.on_features = mapper.on_features
        self.windows = scorer.windows
        self.register_buffer("down", torch.as_tensor(scorer.down.T.copy(), device="cpu"))
        self.register_buffer("across", torch.as_tensor(scorer.across, device="cpu"))
        calibrations = mapper.calibrations_ or [None] * len(mapper.size_groups)
        self.groups = torch.nn.ModuleList(
            _group_information(sizes, mapper.kind, mapper.prior, calibration, target)
            for sizes, calibration in zip(mapper.size_groups, calibrations, strict=True)
        )

    def forward(self, images):
        feature_map = self.network.feature_map(images)
        windows = [window_average(feature_map, size).movedim(1, -1) for size in self.windows]
        inputs = torch.stack(windows, dim=-2)
        if not self.on_features:
            inputs = self.posterior(self.network.head(inputs))
        inputs = inputs.double()
        least = torch.stack([group(inputs) for group in self.groups]).amin(dim=0)
        return self.down @ least @ self.across


class _GroupInformation(torch.nn.Module):
    """Information of the windows of one group of sizes about one class, at each position."""

    def __init__(self, sizes, kind, prior, calibration, target):
        super().__init__()
        self.sizes, self.kind, self.target = sizes, kind, target
        self.calibrated = calibration is not None
        if self.calibrated:
            prior, coef, intercept = _whole_calibration(calibration)
            self.register_buffer("coef", torch.as_tensor(coef.T.copy(), device="cpu"))
            self.register_buffer("intercept", torch.as_tensor(intercept, device="cpu"))
        others = np.delete(np.arange(len(prior)), target)
        self.register_buffer("others", torch.as_tensor(others, device="cpu"))
        self.log_prior_at_target = float(np.log(prior[target]))
        # As in `patch_information`: the prior of a calibration need not sum to 1.
        self.log_odds_prior = float(logit(prior[target]))

    def forward(self, inputs):
        some = inputs[:, :, :, self.sizes]
        if self.calibrated:
            return self._information(some.flatten(-2) @ self.coef + self.intercept)
        return self._information(some).mean(dim=-1)

    def _information(self, scores):
        if self.kind == "logit":
            return scores[..., self.target]
        if self.kind == "pmi":
            return torch.log_softmax(scores, -1)[..., self.target] - self.log_prior_at_target
        others = torch.logsumexp(scores.index_select(-1, self.others), dim=-1)
        return scores[..., self.target] - others - self.log_odds_prior


class _SharedInformation(torch.nn.Module):
    """Information as in `_GroupInformation`, with a calibration that all classes share."""

    def __init__(self, sizes, kind, calibration, target):
        super().__init__()
        self.sizes, self.kind, self.target = sizes, kind, target
        prior = calibration.prior
        self.coef = [float(one) for one in calibration.coef_]
        self.intercept = calibration.intercept_
        others = np.delete(np.arange(len(prior)), target)
        self.register_buffer("others", torch.as_tensor(others, device="cpu"))
        self.log_n_others = float(np.log(len(others)))
        self.log_prior = float(np.log(prior[target]))
        self.log_odds_prior = float(logit(prior[target]))

    def forward(self, inputs):
        logits = inputs[:, :, :, self.sizes].mean(dim=-2)
        logits = logits - logits.mean(dim=-1, keepdim=True)
        others = torch.logsumexp(logits.index_select(-1, self.others), dim=-1)
        evidence = self.coef[0] * logits[..., self.target] + self.intercept
        evidence = evidence + self.coef[1] * (others - self.log_n_others)
        if self.kind == "weight_of_evidence":
            return evidence
        return torch.nn.functional.logsigmoid(evidence + self.log_odds_prior) - self.log_prior


def _group_information(sizes, kind, prior, calibration, target):
    if isinstance(calibration, SharedCalibration):
        return _SharedInformation(sizes, kind, calibration, target)
    return _GroupInformation(sizes, kind, prior, calibration, target)


def _whole_calibration(calibration):
    """Return prior, coefficients and intercepts of all classes, including classes without rows."""
    coef = np.zeros((calibration.n_classes, calibration.coef_.shape[1]))
    intercept = np.full(calibration.n_classes, -np.inf)
    coef[calibration.classes_] = calibration.coef_
    intercept[calibration.classes_] = calibration.intercept_
    return calibration.prior_, coef, intercept
