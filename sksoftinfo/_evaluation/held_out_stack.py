"""Held-out predictions of the stack: a member is trained once for each fold, while it helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.parallel import delayed

from .._utils import Progress, on_host, safe_indexing
from .held_out import aligned, in_parallel, known_classes, num_columns, prior_proba
from .stack import label_likelihoods, may_help, mixture_weights, stack_members
from .stack_cost import encoder_seconds, expected_seconds, slowness
from .table_encoder import encoder_for, numeric_table

# All members are trained for so many folds, whose labels then tell which may help in others.
_N_JUDGES = 2
# With fewer labels in a fold it is not clear which members help.
_FEWEST_LABELS = 30


@dataclass
class HeldOutStack:
    """Held-out predictions of a stack's members.

    Parameters
    ----------
    members : dict of str to classifier
        Unfitted; the first predicts the label frequencies.
    probas : list of ndarray of shape (n, M)
        Predictions of each; zero in folds that a member was not trained for.
    helping : ndarray of bool of shape (n_folds, n_members)
        Which members are mixed in each fold, by labels of other folds alone. All of them are
        trained for each fold.
    """

    members: dict[str, Any]
    probas: list[np.ndarray]
    helping: np.ndarray

    def mixed(self, y, folds, sample_weight=None):
        """Return the mixture, each fold with weights from the labels of the others.

        The labels of others are those that the fold trains on, so that groups stay apart and no
        weight is learned from later rows where the folds follow the time order. The first block
        of these has no labels to learn from, and mixes all members alike.

        Parameters
        ----------
        y : ndarray of int of shape (n,)
        folds : Folds
        sample_weight : ndarray of shape (n,), default=None
            Weights of the labels.

        Returns
        -------
        ndarray of shape (n, M)
        """
        likelihoods = label_likelihoods(self.probas, y)
        mixed = np.zeros_like(self.probas[0], dtype=np.float64)
        for (_, test), known, helping in zip(
            folds.splits, _known_rows(folds), self.helping, strict=True
        ):
            share = None if sample_weight is None else sample_weight[known]
            weights = mixture_weights(likelihoods[np.ix_(known, helping)], share)
            for weight, place in zip(weights, np.flatnonzero(helping), strict=True):
                mixed[test] += weight * self.probas[place][test]
        return mixed

    def weights(self, y, folds):
        """Return the members that help, and their weights by all held-out labels.

        Parameters
        ----------
        y : ndarray of int of shape (n,)
        folds : Folds

        Returns
        -------
        dict of str to float
        """
        helping = np.flatnonzero(self.helping.any(axis=0))
        rows = folds.scored
        likelihoods = label_likelihoods(self.probas, y)[np.ix_(rows, helping)]
        weights = mixture_weights(likelihoods).tolist()
        names = list(self.members)
        return dict(zip((names[place] for place in helping), weights, strict=True))


def held_out_stacks(
    stack, X, views, y, folds, n_classes, *, sample_weight=None, n_jobs=None, verbose=0
):
    """Return the members' predictions for held-out rows, of several views of one table.

    Two folds are predicted by all members, and the others by those that may help: by those which
    the labels of either fold do not show to be of no use beside the rest. A fold mixes only
    members that were chosen without its labels.

    Parameters
    ----------
    stack : InfoStackClassifier
    X : table of n rows
    views : sequence of View
    y : ndarray of int of shape (n,)
        Codes of the labels.
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
    bar = Progress(
        sum(one.expected(range(len(folds.splits))) for one in tables),
        "fits",
        verbose,
        seconds=slowness() if verbose else None,
    )
    early = range(min(_N_JUDGES, len(folds.splits)))
    late = range(len(early), len(folds.splits))
    shared = {"bar": bar, "n_jobs": n_jobs, "verbose": verbose}
    stacks = []
    for number, table in enumerate(tables):
        table.predict(early, **shared)
        members = {"prior": DummyClassifier(), **table.members}
        probas = [prior, *table.probas.values()]
        helping = _helping(label_likelihoods(probas, y), y, folds, sample_weight)
        table.keep(helping[:, 1:].any(axis=0))
        waiting = tables[number + 1 :]
        bar.expect(table.expected(late) + sum(one.expected([*early, *late]) for one in waiting))
        table.predict(late, **shared)
        stacks.append(HeldOutStack(members, probas, helping))
    bar.close()
    return stacks


class _View:
    """Columns of a table, the members that predict from them, and what they predicted."""

    def __init__(self, stack, X, encoder, y, folds, n_classes):
        self.X, self.y, self.folds, self.n_classes = X, y, folds, n_classes
        self.encoder = make_pipeline(*([] if encoder is None else [encoder]), StandardScaler())
        # Which members can be trained depends on the number of encoded columns.
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
        """Return how many seconds these folds will take."""
        return sum(sum(self._seconds(fold).values()) for fold in folds)

    def _seconds(self, fold):
        """Return how many seconds encoding and each member will take."""
        sizes = [len(rows) for rows in self.folds.splits[fold]]
        seconds = expected_seconds(self.members, *sizes, self.n_features, self.n_classes)
        return {"encoder": encoder_seconds(len(self.y), num_columns(self.X)), **seconds}

    def predict(self, folds, *, bar, n_jobs, verbose):
        """Train the members for some folds, each of which is encoded once for all of them."""
        # Several folds at a time take memory, and keep several processes busy.
        at_a_time = len(folds) if effective_n_jobs(n_jobs) > 1 else 1
        for start in range(0, len(folds), at_a_time):
            some = folds[start : start + at_a_time]
            encoded = []
            for fold in some:
                encoded.append(self._encoded(fold))
                bar.advance(self._seconds(fold)["encoder"])
            results = in_parallel(
                (
                    delayed(_fit_predict)(member, *tables)
                    for tables in encoded
                    for member in self.members.values()
                ),
                n_jobs,
                verbose,
            )
            places = [(fold, name) for fold in some for name in self.members]
            steps = bar.over(results, [self._seconds(fold)[name] for fold, name in places])
            for (fold, name), proba in zip(places, steps, strict=True):
                self._take(fold, name, proba)

    def _encoded(self, fold):
        """Return training columns, their labels, and columns to predict."""
        train, test = self.folds.splits[fold]
        known_classes(self.y, train, fold)
        encoder = clone(self.encoder)
        X_train = encoder.fit_transform(safe_indexing(self.X, train), self.y[train])
        return X_train, self.y[train], encoder.transform(safe_indexing(self.X, test))

    def _take(self, fold, name, proba):
        train, test = self.folds.splits[fold]
        known, codes = np.unique(self.y[train]), np.arange(self.n_classes)
        self.probas[name][test] = aligned(proba, known, codes, len(test), self.members[name])


def _fit_predict(member, X_train, y_train, X_test):
    return clone(member).fit(X_train, y_train).predict_proba(X_test)


def _known_rows(folds):
    """Return, for each fold, the scored rows whose labels it may learn weights from."""
    return [np.unique(train[folds.fold[train] >= 0]) for train, _ in folds.splits]


def _helping(likelihoods, y, folds, sample_weight):
    """Return which members are mixed in each fold, by the labels of judging folds.

    A fold goes by those labels of the judges that it trains on, and mixes what may help by any of
    them; all members, where they are too few.
    """
    n_members = likelihoods.shape[1]
    helping = np.zeros((len(folds.splits), n_members), dtype=bool)
    verdicts: dict[bytes, np.ndarray] = {}
    for number, known in enumerate(_known_rows(folds)):
        for judge in range(_N_JUDGES):
            rows = known[folds.fold[known] == judge]
            if len(rows) < _FEWEST_LABELS:
                continue
            if rows.tobytes() not in verdicts:
                share = None if sample_weight is None else sample_weight[rows]
                verdicts[rows.tobytes()] = may_help(likelihoods[rows], share)
            helping[number] |= verdicts[rows.tobytes()]
    helping[~helping.any(axis=1)] = True
    # The label frequencies cost nothing, and keep labels possible that other members miss.
    helping[:, 0] = True
    return helping
