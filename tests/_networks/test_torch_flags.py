"""Torch's numerical flags are pinned wherever a network computes, and restored afterwards."""

import itertools
import os
import threading

import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
)
from sksoftinfo._networks import pinned_flags
from sksoftinfo._networks.compat import float32_precisions

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)).astype(np.float32), np.arange(60) % 3
IMAGES = RNG.normal(size=(60, 1, 12, 12)).astype(np.float32)
FAST = {"max_epochs": 2, "random_state": 0}
CUDNN, PRODUCTS = torch.backends.cudnn, torch.backends.cuda.matmul
new = pytest.mark.skipif(not float32_precisions(), reason="before torch 2.9")


def older_flags():
    """Return the flags of the older interface, None where torch refuses to read them."""
    flags = [CUDNN.deterministic, CUDNN.benchmark]
    for get in (lambda: CUDNN.allow_tf32, torch.get_float32_matmul_precision):
        try:
            flags.append(get())
        except RuntimeError:
            flags.append(None)
    return flags


def all_flags():
    return [*older_flags(), *(get() for get, _ in float32_precisions().values())]


def are_pinned():
    precisions = {get() for get, _ in float32_precisions().values()}
    return older_flags() == [True, False, False, "highest"] and precisions <= {"ieee"}


@pytest.fixture(autouse=True)
def flags_of_before():
    older = [CUDNN.deterministic, CUDNN.benchmark, CUDNN.allow_tf32]
    newer = [(put, get()) for get, put in float32_precisions().values()]
    yield
    torch.set_float32_matmul_precision("highest")
    CUDNN.deterministic, CUDNN.benchmark, CUDNN.allow_tf32 = older
    for put, value in newer:
        put(value)


@pytest.fixture
def used_cuda(monkeypatch):
    """The flags of CUDA do not matter before CUDA is used."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)


def by_the_older_interface():
    PRODUCTS.allow_tf32 = CUDNN.benchmark = True


def by_the_precision_of_products():
    torch.set_float32_matmul_precision("medium")


def by_one_precision_of_all():
    torch.backends.fp32_precision = "tf32"


def by_the_precision_of_an_operation():
    PRODUCTS.fp32_precision = "tf32"


def by_two_precisions_of_operations():
    # Torch refuses to return `allow_tf32`, since the operations have different precisions.
    CUDNN.conv.fp32_precision = "ieee"


SETTINGS = [
    by_the_older_interface,
    by_the_precision_of_products,
    pytest.param(by_one_precision_of_all, marks=new),
    pytest.param(by_the_precision_of_an_operation, marks=new),
    pytest.param(by_two_precisions_of_operations, marks=new),
]


@pytest.mark.parametrize("change", SETTINGS)
def test_flags_are_pinned_and_given_back(used_cuda, change):
    change()
    given = all_flags()
    with pytest.raises(KeyboardInterrupt):
        with pinned_flags():
            inside = all_flags()
            with pinned_flags():
                assert all_flags() == inside
            assert all_flags() == inside
            assert CUDNN.deterministic and not CUDNN.benchmark
            assert {get() for get, _ in float32_precisions().values()} <= {"ieee"}
            raise KeyboardInterrupt
    assert all_flags() == given


@new
def test_precisions_inherit_as_before(used_cuda):
    for value in ("tf32", "ieee"):
        torch.backends.fp32_precision = value
        with pinned_flags():
            pass
        assert PRODUCTS.fp32_precision == value


def test_flags_are_left_alone_until_they_matter(monkeypatch):
    is_used = False
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: is_used)
    given = all_flags()
    with pinned_flags():
        assert all_flags() == given
        is_used = True
        with pinned_flags():
            assert are_pinned()
        assert are_pinned()
    assert all_flags() == given


def test_threads_may_leave_in_any_order(used_cuda):
    given = all_flags()
    for order in itertools.permutations(range(3)):
        leave, inside = [threading.Event() for _ in order], threading.Semaphore(0)

        def stay(event, inside=inside):
            with pinned_flags():
                inside.release()
                event.wait(60)

        threads = [threading.Thread(target=stay, args=(event,)) for event in leave]
        for thread in threads:
            thread.start()
        for _ in threads:
            inside.acquire()
        for index in order:
            assert are_pinned()
            leave[index].set()
            threads[index].join()
        assert all_flags() == given


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("own", [False, True])
def test_a_child_keeps_the_contexts_of_its_only_thread(used_cuda, own):
    given = all_flags()
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with pinned_flags():
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=stay)
    thread.start()
    entered.wait(60)

    def forked():
        child = os.fork()
        if not child:
            os._exit(int(are_pinned()))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    try:
        if own:
            with pinned_flags():
                assert forked() == 1
        else:
            assert forked() == 0
    finally:
        leave.set()
        thread.join()
    assert all_flags() == given


class Spy(torch.nn.Module):
    """A convolutional network that notes whether the flags are pinned, forward and backward."""

    seen: list = []

    def __init__(self, n_classes=3):
        super().__init__()
        self.body = torch.nn.Conv2d(1, 4, 3, stride=2)
        self.head = torch.nn.Linear(4, n_classes)

    def note(self, of_backward, *_):
        self.seen.append((of_backward, are_pinned()))

    def features(self, x):
        self.note(False)
        features = self.body(x).relu().mean((2, 3))
        if features.requires_grad:
            features.register_hook(lambda _: self.note(True))
        return features

    def forward(self, x):
        return self.head(self.features(x))


@pytest.mark.parametrize("change", SETTINGS[1:3])
@pytest.mark.filterwarnings("ignore:noise='gaussian' with beta=0")
def test_networks_compute_under_pinned_flags(change):
    change()
    given = all_flags()
    made = []
    for build in (
        lambda: InfoSoftmaxClassifier(Spy, train_split=0.2, **FAST),
        lambda: StochasticInfoClassifier(Spy, noise="gaussian", n_draws=2, **FAST),
    ):
        made += [lambda build=build: build().fit(IMAGES, Y)]
        clf = build().fit(IMAGES, Y)
        made += [
            lambda clf=clf: clf.partial_fit(IMAGES, Y),
            lambda clf=clf: clf.predict_proba(IMAGES),
            lambda clf=clf: clf.predict_proba(IMAGES[:1]),
            lambda clf=clf: clf.score_bounds(RNG.normal(size=IMAGES.shape), Y),
            lambda clf=clf: clf.net_.predict_proba(IMAGES),
            lambda clf=clf: clf.net_.partial_fit(IMAGES, Y),
        ]
    frozen = FrozenEstimator(InfoSoftmaxClassifier(Spy, **FAST).fit(IMAGES, Y))
    for how in ("dense", "paste"):
        options = {"patch_size": 6, "patch_scoring": how, "random_state": 0}
        masker = InfoMaskTransformer(frozen, **options).fit(IMAGES, Y)
        made += [lambda masker=masker: masker.fit(IMAGES, Y)]
        made += [lambda masker=masker: masker.information_map(IMAGES[:2])]
    for call in made:
        del Spy.seen[:]
        call()
        assert Spy.seen and all(pinned for _, pinned in Spy.seen)
        assert all_flags() == given
    del Spy.seen[:]
    InfoSoftmaxClassifier(Spy, **FAST).fit(IMAGES, Y)
    assert any(of_backward for of_backward, _ in Spy.seen)


@pytest.mark.parametrize("change", SETTINGS[:4])
def test_flags_of_the_caller_change_no_number(change):
    """Some flags also affect a CPU that multiplies in bfloat16."""
    wide = np.tile(X, 64)
    results = []
    for _ in range(2):
        clf = InfoSoftmaxClassifier(module__hidden_sizes=(256, 256), **FAST).fit(wide, Y)
        images = InfoSoftmaxClassifier(**FAST).fit(IMAGES, Y)
        masker = InfoMaskTransformer(images, patch_size=4, random_state=0).fit(IMAGES, Y)
        results.append((clf.predict_proba(wide), masker.information_map(IMAGES, target=1)))
        change()
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["table", "images", "ensemble", "gaussian", "early stopping"])
def test_a_seed_gives_one_network(cuda, kind):
    """On a GPU, the backward pass of a convolution is not deterministic by default."""
    rows = IMAGES if kind == "images" else X
    options = {"device": "cuda", **FAST}
    if kind == "early stopping":
        options = {"device": "cuda", "early_stopping": True, "random_state": 0, "max_epochs": 12}
    clf = InfoSoftmaxClassifier(**options)
    if kind in ("ensemble", "gaussian"):
        clf = StochasticInfoClassifier(noise=kind, n_draws=5, **options)
    first, second = (clf.fit(rows, Y).predict_proba(rows) for _ in range(2))
    np.testing.assert_array_equal(first, second)
