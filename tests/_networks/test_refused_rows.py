import threading

import numpy as np
import pytest
import torch
from torch import nn

from sksoftinfo import InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._networks import naming_rows


class Fails(nn.Module):
    """A network that raises an error for images that are narrower than 5 pixels."""

    def __init__(self, error):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.error = error

    def forward(self, x):
        if x.shape[-1] < 5:
            raise self.error
        return self.layer(x.mean((2, 3)))


@pytest.mark.parametrize(
    "error", [RuntimeError("too thin."), ValueError("too thin"), AssertionError(), IndexError()]
)
def test_errors_of_layers_name_the_shape(error):
    reason = "too thin" if error.args else type(error).__name__
    with (
        pytest.raises(
            ValueError, match=rf"shape \(3, 9, 2\), on which module=Fails fails: {reason}\. Resi"
        ) as raised,
        naming_rows(Fails(error).eval(), torch.zeros(1, 3, 9, 2)),
    ):
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    ("error", "rows", "training"),
    [
        (RuntimeError("CUDA error: device-side assert triggered"), torch.zeros(1, 3, 9, 2), False),
        (RuntimeError("tensors on the same device"), torch.zeros(1, 3, 9, 2), False),
        (torch.OutOfMemoryError("out of memory"), torch.zeros(1, 3, 9, 2), False),
        (MemoryError(), torch.zeros(1, 3, 9, 2), False),
        (LookupError("mine"), torch.zeros(1, 3, 9, 2), False),
        (RuntimeError("of a table"), torch.zeros(1, 3), False),
        (ValueError("more than 1 value per channel"), torch.zeros(1, 3, 9, 2), True),
    ],
)
def test_other_errors_come_out_as_they_are(error, rows, training):
    with (
        pytest.raises(type(error)) as raised,
        naming_rows(nn.Linear(3, 2).train(training), rows),
    ):
        raise error
    assert raised.value is error


class NoisyConvolution(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
        )
        self.head = nn.Linear(4, n_classes)

    def forward(self, x):
        return self.head(self.features(x))


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
def test_training_names_images_that_the_module_cannot_process(estimator):
    X = np.random.default_rng(0).random((8, 3, 9, 2), dtype=np.float32)
    clf = estimator(NoisyConvolution, max_epochs=1)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match=r"got images of shape \(3, 9, 2\)"):
        clf.fit(X, np.arange(8) % 2)
    assert vars(clf) == before
    clf.fit(X.repeat(4, axis=3), np.arange(8) % 2)


class Embedded(nn.Module):
    """A network that looks up its rows, after converting them or not."""

    def __init__(self, lookup, converts=False):
        super().__init__()
        self.embedding = nn.Embedding(9, 3)
        self.head = nn.Linear(3, 2)
        self.lookup = lookup
        self.converts = converts

    def forward(self, x):
        if self.converts:
            x = x.long()
        if self.lookup == "embedding":
            found = self.embedding(x)
        elif self.lookup == "index":
            found = self.embedding.weight[x]
        else:
            found = nn.functional.one_hot(x, 9).to(self.embedding.weight) @ self.embedding.weight
        return self.head(found.flatten(1, -2).mean(1))


class Single(Embedded):
    """A network that converts its rows to single precision, whatever its weights."""

    def forward(self, x):
        if self.lookup == "one-hot":
            x = nn.functional.one_hot(x.long() if self.converts else x, 9)
        sums = x.float() @ torch.ones(x.shape[-1], 3, device=x.device)
        return self.head(sums.reshape(len(x), -1, 3).mean(1))


WORDS = np.random.default_rng(0).integers(0, 9, (60, 4))
FIRST = (WORDS[:, 0] > 4).astype(int)


# A simulated device runs the last case, and its one_hot takes numbers of any kind.
@pytest.mark.parametrize("lookup", ["one-hot", "index", "embedding"])
@pytest.mark.parametrize(
    "use",
    [
        lambda net: InfoSoftmaxClassifier(net, max_epochs=1).fit(WORDS, FIRST),
        lambda net: StochasticInfoClassifier(net, max_epochs=1).fit(WORDS, FIRST),
        lambda net: InfoSoftmaxClassifier.from_module(net, classes=[0, 1]).predict(WORDS),
        lambda net: InfoSoftmaxClassifier.from_module(net, classes=[0, 1], input_shape=(4,)),
        lambda net: InfoSoftmaxClassifier.from_module(net, classes=[0, 1]).predict(
            WORDS[:6].reshape(1, 1, 4, 6)
        ),
    ],
)
def test_modules_that_take_integers_only(use, lookup):
    message = "must take rows of floating-point numbers, .* integers only: .* x = x.long"
    with pytest.raises(ValueError, match=message):
        use(Embedded(lookup))
    use(Embedded(lookup, converts=True))


@pytest.mark.parametrize("estimator", [InfoSoftmaxClassifier, StochasticInfoClassifier])
@pytest.mark.parametrize("lookup", ["none", "one-hot"])
def test_modules_of_single_precision(estimator, lookup):
    module = Single(lookup, converts=True)
    for X in (WORDS, WORDS.astype(float)):
        with pytest.raises(ValueError, match="'float32' for a module .* Set dtype='float32'"):
            estimator(module, max_epochs=1).fit(X, FIRST)
        estimator(module, max_epochs=1, dtype="float32").fit(X, FIRST)
    if lookup == "one-hot":
        with pytest.raises(ValueError, match=r"integers only: .* x = x\.long"):
            estimator(Single(lookup), max_epochs=1).fit(WORDS, FIRST)


def test_dtypes_of_modules_on_a_gpu(cuda):
    options = {"max_epochs": 1, "device": "cuda"}
    for lookup in ("embedding", "index", "one-hot"):
        with pytest.raises(ValueError, match="takes integers only"):
            InfoSoftmaxClassifier(Embedded(lookup), **options).fit(WORDS, FIRST)
        InfoSoftmaxClassifier(Embedded(lookup, True), **options).fit(WORDS, FIRST)
    with pytest.raises(ValueError, match="Set dtype='float32'"):
        InfoSoftmaxClassifier(Single("none"), **options).fit(WORDS, FIRST)


def test_integers_reach_modules_as_they_are_worth():
    torch.manual_seed(0)
    network = Embedded("embedding")
    clf = InfoSoftmaxClassifier.from_module(Embedded("embedding", True), classes=[0, 1])
    clf.module_.load_state_dict(network.state_dict())
    with torch.no_grad():
        expected = network(torch.from_numpy(WORDS)).argmax(1).numpy()
    for dtype in (np.int64, np.uint8, np.float64):
        np.testing.assert_array_equal(clf.predict(WORDS.astype(dtype)), expected)


def test_an_index_out_of_range_is_not_taken_for_a_need_of_integers():
    clf = InfoSoftmaxClassifier(Embedded("embedding", True), max_epochs=1)
    with pytest.raises(IndexError, match="out of range"):
        clf.fit(WORDS + 9, FIRST)


def test_a_module_that_cannot_be_copied_keeps_its_error():
    class Locked(nn.Module):
        def __init__(self, n_features, n_classes):
            super().__init__()
            self.layer = nn.Linear(n_features, n_classes)
            self.lock = threading.Lock()

        def forward(self, x):
            return self.layer(x.float())

    with pytest.raises(RuntimeError, match="same dtype"):
        InfoSoftmaxClassifier(Locked, max_epochs=1).fit(WORDS, FIRST)
