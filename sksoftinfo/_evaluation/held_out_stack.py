"""Held-out predictions of the stack, whose members are trained once for each fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.dummy import DummyClassifier

from .._utils import Progress, ignored_warnings, on_host, safe_indexing
from .held_out import (
    aligned,
    in_parallel,
    known_classes,
    num_columns,
    prior_proba,
)
from .stack import stack_members
from .stack_cost import encoder_seconds, expected_seconds, slowness
from .stack_mixture import fit_mixture, may_help
from .table_encoder import encoder_for, numeric_table, standardised

# Number of folds that all members are trained for; the labels of these folds decide which members
# may help in other folds.
_N_JUDGES = 2
# Fewer labels in a fold do not show clearly which members help.
_FEWEST_LABELS = 30


@dataclass
class HeldOutStack:
    """Held-out predictions of a stack's members.

    Parameters
    ----------
    members : dict of str to classifier
        Unfitted members; the first predicts the label frequencies.
    probas : list of ndarray of shape (n, M)
        Predictions of each member; 0 in folds that the member was not trained for.
    helping : ndarray of bool of shape (n_folds, n_members)
        Whether each member is mixed in each fold, decided by labels of other folds alone. A member
        that is mixed in a fold was trained for that fold.
    """

    members: dict[str, Any]
    probas: list[np.ndarray]
    helping: np.ndarray

    def mixed(self, y, folds, sample_weight=None):
        """Return the mixture, with weights of each fold from the labels of other folds.

        The weights of a fold are learned from the labels of its training rows alone, so that
        groups stay apart and, in time order, no weight depends on later rows. The first block in
        time order has no labels to learn weights from, and mixes all members equally.

        Parameters
        ----------
        y : ndarray of int of shape (n,)
        folds : Folds
        sample_weight : ndarray of shape (n,), default=None
            Weights of the labels.

        Returns
        -------
        ndarray of shape (n, M)
            Probabilities of the held-out rows.
        """
        mixed = np.zeros_like(self.probas[0], dtype=np.float64)
        for (_, test), known, helping in zip(
            folds.splits, _known_rows(folds), self.helping, strict=True
        ):
            probas = [self.probas[place] for place in np.flatnonzero(helping)]
            share = None if sample_weight is None else sample_weight[known]
            mixture = fit_mixture([proba[known] for proba in probas], y[known], share)
            mixed[test] = mixture.predict([proba[test] for proba in probas])
        return mixed

    def mixture(self, y, folds):
        """Return the names of the members that are used, and their mixture from all labels.

        Parameters
        ----------
        y : ndarray of int of shape (n,)
        folds : Folds

        Returns
        -------
        list of str, StackMixture
        """
        names, rows = list(self.members), folds.scored
        helping = np.flatnonzero(self.helping.any(axis=0))
        mixture = fit_mixture([self.probas[place][rows] for place in helping], y[rows])
        return [names[place] for place in helping[mixture.used]], mixture.reduced()


def held_out_stacks(
    stack, X, views, y, folds, n_classes, *, sample_weight=None, n_jobs=None, verbose=0
):
    """Return the members' predictions of held-out rows, for several views of a table.

    All members predict two folds. Only the members that may help, by the labels of at least one of
    these two folds, predict the other folds; see `may_help`. The members that are mixed in a fold
    are chosen without the labels of that fold.

    Parameters
    ----------
    stack : InfoStackClassifier
    X : table of n rows
    views : sequence of View
    y : ndarray of int of shape (n,)
        Labels, encoded as 0 to ``n_classes - 1``.
    folds : Folds
    n_classes : int
    sample_weight : ndarray of shape (n,), default=None
        Weights of the held-out labels.
    n_jobs : int, default=None
    verbose : int, default=0

    Returns
    -------
    list of HeldOutStack
    """
    X = on_host(X)
    encoder = encoder_for(stack.encoder, X)
    if encoder is None:
        X = numeric_table(X)
    prior = prior_proba(y, folds, n_classes)
    tables = [_View(stack, view.of(X), encoder, y, folds, n_classes) for view in views]
    early = range(min(_N_JUDGES, len(folds.splits)))
    late = range(len(early), len(folds.splits))
    stacks = []
    with Progress(
        sum(one.expected(range(len(folds.splits))) for one in tables),
        "training",
        verbose,
        seconds=slowness() if verbose else None,
    ) as bar:
        shared = {"bar": bar, "n_jobs": n_jobs, "verbose": verbose}
        for number, table in enumerate(tables):
            table.predict(early, **shared)
            members = {"prior": DummyClassifier(), **table.members}
            probas = [prior, *table.probas.values()]
            helping = _helping(probas, y, folds, sample_weight)
            table.keep(helping[:, 1:].any(axis=0))
            waiting = tables[number + 1 :]
            bar.expect(
                table.expected(late) + sum(one.expected([*early, *late]) for one in waiting)
            )
            table.predict(late, **shared)
            stacks.append(HeldOutStack(members, probas, helping))
    return stacks


class _View:
    """Selected columns of a table, the members that predict from them, and their predictions."""

    def __init__(self, stack, X, encoder, y, folds, n_classes):
        self.X, self.y, self.folds, self.n_classes = X, y, folds, n_classes
        self.encoder = standardised(encoder)
        # The number of encoded columns decides which members can be trained.
        self.n_features = num_columns(
            X if encoder is None else clone(self.encoder).fit_transform(X)
        )
        self.members = stack_members(y, folds.splits, self.n_features, kinds=stack.members)
        self.probas = {name: np.zeros((len(y), n_classes)) for name in self.members}

    def keep(self, helping):
        """Train only some of the members from now on."""
        items = zip(self.members.items(), helping, strict=True)
        self.members = {name: member for (name, member), helps in items if helps}

    def expected(self, folds):
        """Return the expected seconds of these folds."""
        return sum(sum(self._seconds(fold).values()) for fold in folds)

    def _seconds(self, fold):
        """Return the expected seconds of the encoder and of each member."""
        sizes = [len(rows) for rows in self.folds.splits[fold]]
        seconds = expected_seconds(self.members, *sizes, self.n_features, self.n_classes)
        return {"encoder": encoder_seconds(len(self.y), num_columns(self.X)), **seconds}

    def predict(self, folds, *, bar, n_jobs, verbose):
        """Train the members for some folds, and encode each fold once for all members."""
        # Several folds at a time take more memory, but keep several processes busy.
        at_a_time = max(1, len(folds)) if effective_n_jobs(n_jobs) > 1 else 1
        for start in range(0, len(folds), at_a_time):
            some = folds[start : start + at_a_time]
            encoded = []
            for fold in some:
                encoded.append(self._encoded(fold))
                bar.advance(self._seconds(fold)["encoder"])
            results = in_parallel(
                (
                    (_fit_predict, member, *tables)
                    for tables in encoded
                    for member in self.members.values()
                ),
                n_jobs,
                verbose,
            )
            places = [(fold, name) for fold in some for name in self.members]
            steps = bar.over(results, [self._seconds(fold)[name] for fold, name in places])
            # The filters of this thread hold in the threads that it starts.
            with ignored_warnings():
                for (fold, name), proba in zip(places, steps, strict=True):
                    self._take(fold, name, proba)

    # scikit-learn adds up entries to see whether all are finite.
    @np.errstate(over="ignore", invalid="ignore")
    def _encoded(self, fold):
        """Return the encoded training rows, their labels, and the encoded held-out rows."""
        train, test = self.folds.splits[fold]
        known_classes(self.y, train, fold)
        encoder = clone(self.encoder)
        X_train = encoder.fit_transform(safe_indexing(self.X, train), self.y[train])
        # Held-out rows may have categories that no training row has.
        with ignored_warnings():
            X_test = encoder.transform(safe_indexing(self.X, test))
        return X_train, self.y[train], X_test

    def _take(self, fold, name, proba):
        train, test = self.folds.splits[fold]
        known, codes = np.unique(self.y[train]), np.arange(self.n_classes)
        self.probas[name][test] = aligned(proba, known, codes)


def trained(member, X, y):
    """Return a member that is trained on these rows, without warnings.

    For example, a member may not have converged. Its weight in the mixture is learned from
    held-out labels in any case.
    """
    with ignored_warnings():
        return member.fit(X, y)


def _fit_predict(member, X_train, y_train, X_test):
    return trained(clone(member), X_train, y_train).predict_proba(X_test)


def _known_rows(folds):
    """Return, for each fold, the scored rows whose labels may determine its weights."""
    return [np.unique(train[folds.fold[train] >= 0]) for train, _ in folds.splits]


def _helping(probas, y, folds, sample_weight):
    """Return which members are mixed in each fold, decided by the labels of the first folds.

    A fold mixes the members that may help by the labels of at least one of the first folds,
    restricted to labels that the fold trains on. It mixes all members if these labels are too few.
    """
    helping = np.zeros((len(folds.splits), len(probas)), dtype=bool)
    verdicts: dict[bytes, np.ndarray] = {}
    for number, known in enumerate(_known_rows(folds)):
        for judge in range(_N_JUDGES):
            rows = known[folds.fold[known] == judge]
            if len(rows) < _FEWEST_LABELS:
                continue
            if rows.tobytes() not in verdicts:
                share = None if sample_weight is None else sample_weight[rows]
                judged = [proba[rows] for proba in probas]
                verdicts[rows.tobytes()] = may_help(judged, y[rows], share)
            helping[number] |= verdicts[rows.tobytes()]
    helping[~helping.any(axis=1)] = True
    # The label frequencies cost nothing, and give a positive probability to labels that other
    # members rule out.
    helping[:, 0] = True
    return helping
