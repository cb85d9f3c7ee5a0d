import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from skorch.callbacks import Callback, EpochScoring, TrainEndCheckpoint

from sksoftinfo import InfoSoftmaxClassifier, ResumableCheckpoint, StochasticInfoClassifier
from sksoftinfo._classifiers import plan
from sksoftinfo._networks.averaged_mlp import AveragedMLP
from sksoftinfo._networks.cross_fitted_net import CrossFittedNet, folds_of_rows
from sksoftinfo._networks.losses import LogSoftmaxLoss

X, Y = load_iris(return_X_y=True)
FEW = {"max_epochs": 8, "batch_size": 40, "early_stopping": True, "device": "cpu"}


def classifier(**params):
    return InfoSoftmaxClassifier(**{**FEW, "random_state": 0, **params})


def test_folds_have_as_many_rows_of_every_class():
    y = np.repeat([0, 1, 2], [50, 13, 1])
    folds = folds_of_rows(y, 5, seed=3)
    counts = np.array([np.bincount(folds[y == label], minlength=5) for label in range(3)])
    assert (np.ptp(counts, axis=1) <= 1).all()
    assert not np.array_equal(folds, folds_of_rows(y, 5, seed=4))
    assert set(folds_of_rows(y, 0, seed=3)) == {-1}


class KeepMembers(Callback):
    """A callback that keeps the first group's first layer before members are averaged."""

    def on_epoch_end(self, net, **kwargs):
        net.kept_ = net.module_.groups[0].hidden[0].weight.detach().clone()


@pytest.mark.parametrize("weighted", [False, True])
def test_a_member_does_not_train_on_the_rows_of_its_fold(weighted):
    """Labels of one fold are changed, without effect on the member that leaves the fold out."""
    trained = []
    folds = np.arange(len(Y)) % 5
    for turned in (False, True):
        torch.manual_seed(0)
        net = CrossFittedNet(
            AveragedMLP,
            n_classes=3,
            criterion=LogSoftmaxLoss,
            optimizer=torch.optim.AdamW,
            module__n_features=4,
            module__n_classes=3,
            module__n_members=8,
            decays=[0.1],
            verbose=0,
            dtype=torch.float64,
            max_epochs=2,
            lr=0.01,
            seed=0,
            train_split=None,
            callbacks=[KeepMembers()],
        ).initialize()
        rows = {"X": X, "fold": folds}
        if weighted:
            rows["sample_weight"] = np.linspace(0.5, 1.5, len(Y))
        # Keep the label counts, from which training starts.
        y = Y.copy()
        y[folds == 2] = np.roll(Y[folds == 2], 10) if turned and not weighted else y[folds == 2]
        if turned and weighted:
            rows["X"] = np.where(folds[:, None] == 2, X + 1.0, X)
        net.partial_fit(rows, y)
        trained.append(net.kept_)
    same = (trained[0] == trained[1]).flatten(1).all(1)
    # In each repetition, the members leave out the folds in the same order.
    assert np.flatnonzero(same).tolist() == [2, 7]


def test_the_best_epoch_is_kept_and_the_learning_rate_is_given_back():
    clf = classifier(lr=0.05, max_epochs=40).fit(X, Y)
    losses = clf.history_[:, "valid_loss"]
    assert np.argmin(losses) < len(losses) - 1
    # The kept network has about the smallest loss that was reported during training.
    with pytest.warns(UserWarning, match="were used for training"):
        loss = -clf.score_bounds(X, Y).log_softmax
    assert loss == pytest.approx(min(losses), abs=0.1)
    clf.partial_fit(X, Y)
    assert clf.net_.optimizer_.param_groups[0]["lr"] == 0.05
    assert isinstance(clf.module_, AveragedMLP)


@pytest.mark.long_training
def test_where_there_is_nothing_to_learn_the_label_frequencies_are_predicted():
    """The labels are independent, values are in nats, and training ends early."""
    rng = np.random.default_rng(0)
    values = []
    for n in (250, 2500):
        y = rng.choice(4, size=n, p=[0.4, 0.3, 0.2, 0.1])
        clf = InfoSoftmaxClassifier(random_state=0).fit(rng.normal(size=(n, 10)), y)
        assert clf.net_.history[-1, "epoch"] < 300
        test = rng.choice(4, size=4000, p=[0.4, 0.3, 0.2, 0.1])
        values.append(clf.score_bounds(rng.normal(size=(4000, 10)), test).mi_lower)
    assert values[0] > -0.02
    assert values[1] > -0.003


@pytest.mark.parametrize("prior", ["empirical", "uniform"])
@pytest.mark.long_training
def test_linear_worlds_are_learned_as_by_logistic_regression(prior):
    """The classes are Gaussians of equal covariance; MLPs alone lose 0.06 nats."""
    rng = np.random.default_rng(0)
    means = 0.7 * rng.normal(size=(20, 15))
    y = rng.integers(20, size=2600)
    x = means[y] + rng.normal(size=(2600, 15))
    scores = []
    for clf in (InfoSoftmaxClassifier(class_prior=prior, random_state=0), LogisticRegression()):
        proba = clf.fit(x[:600], y[:600]).predict_proba(x[600:])
        scores.append(-log_loss(y[600:], proba))
    assert scores[0] > scores[1] - 0.02


@pytest.mark.parametrize("prior", [None, [0.2, 0.3, 0.5]])
def test_training_starts_from_the_loss_of_the_label_frequencies(prior):
    """The loss is of held-out rows, here of the second label only; logits exclude the prior."""
    net = CrossFittedNet(
        AveragedMLP,
        n_classes=3,
        criterion=LogSoftmaxLoss,
        log_class_prior=None if prior is None else torch.as_tensor(prior).log(),
        module__n_features=2,
        module__n_classes=3,
        optimizer=torch.optim.AdamW,
        verbose=0,
        max_epochs=1,
        lr=1e-9,
        train_split=None,
        callbacks="disable",
    ).initialize()
    x, y = np.zeros((8, 2), np.float32), np.array([0, 0, 0, 0, 0, 0, 1, 1])
    fold = np.where(y == 1, 0, -1)
    with pytest.warns(UserWarning, match="After no epoch did the network predict held-out rows"):
        net.partial_fit({"X": x, "fold": fold}, y)
    # The label has two of eight rows.
    assert net.history[-1, "valid_loss"] == pytest.approx(np.log(4), abs=1e-5)


def test_it_is_told_where_nothing_was_learned():
    """Draw rows, each of which occurs once with every label."""
    x, y = np.repeat(np.arange(150.0), 2)[:, None], np.tile([0, 1], 150)
    with pytest.warns(UserWarning, match="After no epoch did .* held-out rows clearly better"):
        clf = classifier(max_epochs=20).fit(x, y)
    np.testing.assert_allclose(clf.predict_proba(x), 0.5, atol=1e-2)


@pytest.mark.parametrize(("lr", "told"), [(1e-7, True), (0.01, False)])
def test_a_low_learning_rate_is_named_where_nothing_was_learned(lr, told):
    y = Y if told else np.random.default_rng(0).permutation(Y)
    with pytest.warns(UserWarning, match="After no epoch") as found:
        classifier(lr=lr, max_epochs=20).fit(X, y)
    messages = [str(one.message) for one in found if "After no epoch" in str(one.message)]
    assert [f"too low: at lr={lr:.3g}" in one for one in messages] == [told]


@pytest.mark.parametrize(
    ("lr", "name"), [(0.003, "max_epochs"), (0.01, "max_epochs"), (1e-4, "lr")]
)
def test_the_parameter_that_is_too_low_is_named(lr, name):
    y = np.random.default_rng(0).permutation(Y)
    with pytest.warns(UserWarning, match=f"`{name}` is too low: .* Raise `{name}`"):
        classifier(lr=lr, max_epochs=2).fit(X, y)


def test_a_rare_class_that_is_not_among_the_rows_held_out_is_nothing_to_learn():
    """With this many rows, an MLP leaves out a tenth, here without the rare class."""
    x = np.random.default_rng(0).normal(size=(5003, 2))
    seed_without = next(
        seed
        for seed in range(10)
        if folds_of_rows(np.eye(1, 5003, dtype=int)[0], 10, drawn(seed))[0] > 0
    )
    with pytest.warns(UserWarning, match="After no epoch did the network predict held-out rows"):
        classifier(random_state=seed_without, batch_size=-1).fit(x, np.eye(1, 5003)[0])


def drawn(random_state):
    """Return the first seed that a classifier draws."""
    return int(np.random.RandomState(random_state).randint(np.iinfo(np.int32).max))


class FinalModule(Callback):
    """A callback that keeps the predictions and the saved file at the end of training."""

    def on_train_end(self, net, **kwargs):
        net.final_ = type(net.module_), net.predict_proba(X)


def test_callbacks_hear_of_the_end_with_the_network_that_was_trained(tmp_path):
    saved = TrainEndCheckpoint(dirname=tmp_path)
    clf = classifier(callbacks=[FinalModule(), saved]).fit(X, Y)
    module, proba = clf.net_.final_
    assert module is AveragedMLP
    np.testing.assert_allclose(proba, clf.predict_proba(X))
    other = classifier(random_state=1).fit(X, Y)
    other.net_.load_params(f_params=tmp_path / "train_end_params.pt")
    np.testing.assert_allclose(other.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("prior", ["uniform", "empirical", [0.7, 0.2, 0.1]])
def test_priors_inside_the_softmax_change_little(prior):
    clf = classifier(class_prior=prior, max_epochs=30).fit(X, Y)
    assert clf.score(X, Y) > 0.9


def test_a_class_without_rows_in_partial_fit_has_no_say():
    clf = classifier().fit(X, Y)
    clf.partial_fit(X[:50], Y[:50])
    assert np.isfinite(clf.predict_log_proba(X)).all()


def test_scores_of_training_rows_are_those_of_the_average():
    score = EpochScoring("neg_log_loss", on_train=True, name="train_score", lower_is_better=False)
    clf = classifier(callbacks=[("score", score)]).fit(X, Y)
    assert len(clf.history_[:, "train_score"]) == 8
    assert clf.history_[-1, "train_score"] > clf.history_[0, "train_score"]


def test_a_single_member_holds_out_a_tenth_of_many_rows():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5200, 2))
    y = (x[:, 0] > 0).astype(int)
    clf = classifier(max_epochs=3, batch_size=128).fit(x, y)
    assert clf.module_.n_members == 1
    assert clf.score(x, y) > 0.95


@pytest.mark.long_training
def test_many_repetitions_of_few_rows_are_learned_by_heart():
    """The data are frequencies in six cells, from 3,000 rows: a strong decay would blur them."""
    rng = np.random.default_rng(0)
    cells = np.array([[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0, 2.0)])
    chance = np.array([0.1, 0.9, 0.2, 0.8, 0.5, 0.3])
    cell = rng.integers(6, size=3000)
    y = (rng.random(3000) < chance[cell]).astype(int)
    clf = InfoSoftmaxClassifier(random_state=0).fit(cells[cell], y)
    np.testing.assert_allclose(clf.predict_proba(cells)[:, 1], chance, atol=0.08)


@pytest.mark.parametrize("lr", [0.003, 0.1, 1.0])
@pytest.mark.long_training
def test_a_large_learning_rate_does_not_erase_the_weights(lr):
    X, y = np.arange(4.0)[:, None], ["low", "low", "high", "high"]
    clf = InfoSoftmaxClassifier(lr=lr, random_state=0).fit(X, y)
    assert clf.predict([[0.5], [2.5]]).tolist() == ["low", "high"]


@pytest.mark.parametrize(
    "clf",
    [
        InfoSoftmaxClassifier(),
        StochasticInfoClassifier(n_draws=4),
        StochasticInfoClassifier(noise="ensemble", n_draws=4),
    ],
    ids=["softmax", "additive", "ensemble"],
)
def test_weights_are_repetitions_of_few_rows(clf, monkeypatch):
    monkeypatch.setattr(plan, "_FEW_ROWS_STEPS", 20)
    rng = np.random.default_rng(0)
    x, y, weight = rng.normal(size=(30, 3)), np.arange(30) % 2, rng.integers(0, 3, 30)
    clf = clone(clf).set_params(random_state=0, batch_size=-1)
    weighted = clone(clf).fit(x, y, weight).predict_proba(x)
    repeated = clone(clf).fit(np.repeat(x, weight, 0), np.repeat(y, weight)).predict_proba(x)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-7)


class Stop(Callback):
    """A callback that raises an error, which ends training, when an epoch begins."""

    runs_last = True
    watches_only = True

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) > self.epoch:
            raise RuntimeError("the power went")


def noisy(**params):
    return StochasticInfoClassifier(**{**FEW, "n_draws": 4, "random_state": 0, **params})


def ensemble(**params):
    return noisy(noise="ensemble", **params)


@pytest.mark.parametrize("classifier", [classifier, noisy, ensemble])
@pytest.mark.parametrize("epoch", [1, 4], ids=["before the choice", "after it"])
def test_a_training_that_was_cut_off_goes_on_to_the_same_result(tmp_path, epoch, classifier):
    expected = classifier(max_epochs=10).fit(X, Y)
    checkpoint = ResumableCheckpoint(tmp_path / "training.pt")
    clf = classifier(max_epochs=10, callbacks=[checkpoint, Stop(epoch)])
    with pytest.raises(RuntimeError, match="the power went"):
        clf.fit(X, Y)
    clf = classifier(max_epochs=10, callbacks=[checkpoint]).fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))
    assert clf.history_[:, "valid_loss"] == expected.history_[:, "valid_loss"]


def test_an_interruption_keeps_the_best_so_far():
    class Interrupt(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 6:
                raise KeyboardInterrupt

    clf = classifier(callbacks=[Interrupt()]).fit(X, Y)
    assert len(clf.history_) == 6
    assert isinstance(clf.module_, AveragedMLP)
    assert clf.score(X, Y) > 0.6
