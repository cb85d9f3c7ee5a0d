"""Predicted probabilities of held-out rows, from one fit for each fold and classifier."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed

from .._bounds import floor_share
from .._utils import (
    Progress,
    checked_proba,
    encode_labels,
    native_order,
    on_host,
    params_of_rows,
    recorded_warnings,
    safe_indexing,
    safe_split,
    users_stacklevel,
)
from .chosen_columns import for_columns
from .folds import splitter_of
from .labels import ALL_CLASSES


def check_classifier(estimator):
    """Raise ValueError unless `estimator` is ``"stack"`` or has `predict_proba`."""
    if isinstance(estimator, str):
        if estimator != "stack":
            near = difflib.get_close_matches(estimator.casefold(), ["stack"])
            remedy = "Did you mean 'stack'?" if near else "Use a classifier with predict_proba."
            raise ValueError(
                f"`estimator` must be 'stack' or a classifier; got {estimator!r}. {remedy}"
            )
    elif isinstance(estimator, type):
        raise ValueError(
            f"`estimator` must be a classifier, not its class; got {estimator.__name__}. Write "
            f"{estimator.__name__}()."
        )
    elif not hasattr(estimator, "predict_proba"):
        remedy = "Pass a classifier that predicts probabilities."
        if hasattr(estimator, "decision_function"):
            remedy = "Wrap it in scikit-learn's CalibratedClassifierCV."
        raise ValueError(f"`estimator` must have predict_proba; got {estimator!r}. {remedy}")


def classes_without_training(estimator):
    """Return the classes of a classifier that cloning leaves fitted, otherwise None.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.frozen import FrozenEstimator
    >>> from sksoftinfo._evaluation.held_out import classes_without_training
    >>> prior = DummyClassifier().fit([[0], [1]], ["a", "b"])
    >>> classes_without_training(prior) is None
    True
    >>> classes_without_training(FrozenEstimator(prior)).tolist()
    ['a', 'b']
    """
    if isinstance(estimator, str):
        return None
    return getattr(clone(estimator), "classes_", None)


def routed_params(estimator, cv, y, params, groups):
    """Return the parameters of `fit`, the parameters of the splitter, and the groups.

    If metadata routing is enabled, each entry of `params` goes where it was requested, and
    `params` may include the groups. Otherwise all of `params` goes to `fit`.
    """
    params = {name: on_host(value) for name, value in (params or {}).items()}
    if as_stack(estimator) is not None:
        if get_config()["enable_metadata_routing"]:
            groups = params.pop("groups", groups)
        if params:
            raise ValueError(
                "`params` must be empty for the stack, because some members take no parameters; "
                f"got {sorted(params)}. Pass a classifier, or sample_weight for the evaluation."
            )
        return {}, {}, groups
    if not get_config()["enable_metadata_routing"]:
        return params, {}, groups
    router = MetadataRouter(owner="cross_val_bounds").add(
        estimator=estimator, method_mapping=MethodMapping().add(caller="fit", callee="fit")
    )
    groups = params.get("groups", groups)
    if not hasattr(cv, "split"):
        # Folds from an integer `cv` use the groups, which the estimator may have requested too.
        if not router.consumes("fit", ["groups"]):
            params.pop("groups", None)
        return process_routing(router, "fit", **params).estimator.fit, {}, groups
    splitter = splitter_of(cv, y, groups)
    router.add(splitter=splitter, method_mapping=MethodMapping().add(caller="fit", callee="split"))
    routed = process_routing(router, "fit", **params)
    split_params = dict(routed.splitter.split)
    split_params.pop("groups", None)
    return routed.estimator.fit, split_params, groups


class View(NamedTuple):
    """Selected columns of a table (all if None), with its rows in another order (or None)."""

    columns: Sequence[int] | None = None
    rows: np.ndarray | None = None

    def is_whole(self, X):
        """Return whether the view has all columns of `X`."""
        return self.columns is None or len(self.columns) == num_columns(X)

    def of(self, X):
        """Return the selected columns of `X`, with its rows in the order of the view."""
        if self.rows is not None:
            X = safe_indexing(X, self.rows)
        return X if self.columns is None else safe_indexing(X, list(self.columns), axis=1)


def held_out_probas(
    estimator,
    X,
    views,
    y,
    folds,
    classes,
    *,
    sample_weight=None,
    n_jobs=None,
    fit_params=None,
    verbose=0,
):
    """Return the probabilities that the classifier of its fold predicted for each row.

    All views of the table are fitted in one parallel loop.

    Parameters
    ----------
    estimator : classifier or "stack"
    X : table of n rows
    views : sequence of View
    y : ndarray of shape (n,)
        Labels that the classifier is trained on.
    folds : Folds
    classes : ndarray of shape (M,)
        Sorted labels.
    sample_weight : ndarray of shape (n,), default=None
        Weights of the held-out labels that determine the mixture of the stack.
    n_jobs : int, default=None
    fit_params : dict, default=None
        Parameters of `fit`; arrays of n entries are restricted to the training rows.
    verbose : int, default=0

    Returns
    -------
    list of ndarray of shape (n, M)
        Probabilities for each view, with columns in the order of `classes`. A class that is
        missing from a training fold has probability 0 there. Rows that are not scored are 0.
    """
    stack = as_stack(estimator)
    if stack is None:
        (X,) = indexable(native_order(X))
        members = [(estimator, view) for view in views]
        return held_out_members(
            members, X, y, folds, classes, n_jobs=n_jobs, fit_params=fit_params, verbose=verbose
        )
    # Imported here: held_out_stack imports this module.
    from .held_out_stack import held_out_stacks

    y = np.searchsorted(classes, y)
    stacks = warning_once(
        held_out_stacks,
        stack,
        X,
        views,
        y,
        folds,
        len(classes),
        sample_weight=sample_weight,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    return [one.mixed(y, folds, sample_weight) for one in stacks]


def as_stack(estimator):
    """Return the `InfoStackClassifier` that `estimator` names or is, as a copy; otherwise None."""
    from .stack_classifier import InfoStackClassifier

    if isinstance(estimator, str):
        return InfoStackClassifier()
    return clone(estimator) if isinstance(estimator, InfoStackClassifier) else None


def prior_proba(encoded, folds, n_classes):
    """Return the label frequencies of each fold's training rows, the prediction without columns.

    Half a row is added to each class, so that a class that is missing from the training rows has a
    positive probability (Krichevsky and Trofimov, 1981).

    Parameters
    ----------
    encoded : ndarray of int of shape (n,)
    folds : Folds
    n_classes : int

    Returns
    -------
    ndarray of shape (n, n_classes)
    """
    proba = np.zeros((len(encoded), n_classes))
    for train, test in folds.splits:
        counts = np.bincount(encoded[train], minlength=n_classes) + 0.5
        proba[test] = counts / counts.sum()
    return proba


def possible(probas, encoded, folds, n_classes):
    """Return predictions in which every label that occurred has a positive probability.

    If a label that occurred has probability 0, the label frequencies of the training rows are
    mixed into all predictions, with the share that the confidence limits use, and a warning states
    the number of rows. Otherwise differences of log-probabilities would be infinite.

    Parameters
    ----------
    probas : sequence of ndarray of shape (n, M)
    encoded : ndarray of int of shape (n,)
    folds : Folds
    n_classes : int

    Returns
    -------
    list of ndarray of shape (n, M)
    """
    rows = folds.scored
    impossible = sum((proba[rows, encoded[rows]] == 0).astype(int) for proba in probas) > 0
    if not impossible.any():
        return list(probas)
    share = floor_share(len(rows))
    warnings.warn(
        f"Probability 0 was predicted for the label that occurred in {impossible.sum()} of "
        f"{len(rows)} rows. The predictions q are replaced by {1 - share:g} q + {share:g} p, "
        "where p are the label frequencies of the training rows. Pass a classifier that never "
        "predicts 0 to avoid this warning.",
        stacklevel=users_stacklevel(),
    )
    prior = prior_proba(encoded, folds, n_classes)
    return [(1 - share) * proba + share * prior for proba in probas]


def held_out_members(members, X, y, folds, classes, *, n_jobs=None, fit_params=None, verbose=0):
    """Return one array of held-out probabilities for each classifier with its view of `X`."""
    n_folds = len(folds.splits)
    members = [
        (member if view.is_whole(X) else for_columns(member, view.columns, column_names(X)), view)
        for member, view in members
    ]
    jobs = [
        (member, view, number, split)
        for member, view in members
        for number, split in enumerate(folds.splits)
    ]
    # The time of a fit is roughly proportional to the number of its columns.
    costs = [
        1 + (num_columns(X) if view.columns is None else len(view.columns)) for _, view, *_ in jobs
    ]
    results = in_parallel(
        (
            (_fit_predict, member, view, X, y, *split, number, fit_params or {}, classes)
            for member, view, number, split in jobs
        ),
        n_jobs,
        verbose,
    )
    with Progress(sum(costs), "training", verbose) as bar:
        pieces = list(bar.over(results, costs))
    return [
        _joined(pieces[start : start + n_folds], folds, len(y), len(classes))
        for start in range(0, len(pieces), n_folds)
    ]


def in_parallel(tasks, n_jobs, verbose):
    """Yield the results of calls, each as it arrives if progress is shown.

    Equal warnings of several calls are given once, after the last result.

    Parameters
    ----------
    tasks : iterable of tuple
        A function and its arguments.
    n_jobs : int or None
    verbose : int
    """
    # Some joblib backends cannot return results one at a time.
    options = {"return_as": "generator"} if verbose else {}
    calls = (delayed(_noting_warnings)(*task) for task in tasks)
    noted = []
    for result, warned in Parallel(n_jobs=n_jobs, **options)(calls):
        noted += warned
        yield result
    _warn_of(noted)


def warning_once(function, *args, **kwargs):
    """Return the result of a call, and issue each repeated warning once, after the call."""
    result, noted = _noting_warnings(function, *args, **kwargs)
    _warn_of(noted)
    return result


def _warn_of(noted):
    for category, text in dict.fromkeys(noted):
        warnings.warn(text, category, stacklevel=users_stacklevel())


def _noting_warnings(function, *args, **kwargs):
    """Return the result of a call, and the category and text of each of its warnings."""
    with recorded_warnings() as caught:
        result = function(*args, **kwargs)
    noted = []
    for one in caught:
        # A category with a constructor of its own may need more arguments than a message.
        if inspect.isfunction(one.category.__init__):
            warnings.warn(one.message, stacklevel=users_stacklevel())
        else:
            noted.append((one.category, str(one.message)))
    return result, noted


def num_columns(X):
    """Return the number of columns of a table, or 1 if `X` is not a table."""
    shape = getattr(X, "shape", ())
    return shape[1] if len(shape) == 2 else 1


def column_names(X):
    """Return the names of the columns of a table, or their positions if they have no names."""
    return list(X.columns) if hasattr(X, "columns") else list(range(X.shape[1]))


def _joined(pieces, folds, n, n_classes):
    proba = np.zeros((n, n_classes), dtype=np.result_type(*pieces))
    for (_, test), piece in zip(folds.splits, pieces, strict=True):
        proba[test] = piece
    return proba


def _fit_predict(estimator, view, X, y, train, test, number, fit_params, classes):
    """Train a clone on one fold, and predict the held-out rows of the fold."""
    known = known_classes(y, train, number)
    estimator, table, X = clone(estimator), X, view.of(X)
    X_train, y_train = safe_split(estimator, X, y, train)
    X_test, _ = safe_split(estimator, X, y, test, train)
    try:
        estimator.fit(X_train, y_train, **params_of_rows(X, params=fit_params, indices=train))
    except Exception as error:
        if view.is_whole(table):
            raise
        shown = [column_names(table)[position] for position in view.columns]
        raise ValueError(
            f"`estimator` must be able to train on each set of columns; got an error on {shown}: "
            f"{error} If the estimator names columns, let it select them by type, e.g. by "
            "make_column_selector or categorical_features='from_dtype'."
        ) from error
    known = getattr(estimator, "classes_", known)
    proba = checked_proba(estimator.predict_proba(X_test), estimator, len(known), len(test))
    return aligned(proba, known, classes)


def known_classes(y, train, number):
    """Return the classes of a fold's training rows, or raise an error if there is only one."""
    known = np.unique(y[train])
    if len(known) < 2:
        raise ValueError(
            f"`cv` must train on at least two classes; got fold {number}, whose {len(train)} "
            f"training rows hold {known.tolist()}. Use other folds, or groups that hold several "
            "classes."
        )
    return known


def aligned(proba, known, classes):
    """Return probabilities with a column for each class, in the order of `classes`."""
    if np.array_equal(known, classes):
        return proba
    aligned = np.zeros((len(proba), len(classes)), dtype=proba.dtype)
    aligned[:, encode_labels(known, classes, "classes_", ALL_CLASSES)] = proba
    return aligned
