"""A pretrained network: the checks before its use, and the number of its calls."""

import copy
import functools
import pickle
import re
import threading
import warnings
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier
from tests.helpers.pretrained import Flattening, pretrained_network

NAMES = ["tabby", "beagle", "car"]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((3, 3, 24, 24), dtype=np.float32)


class Made(nn.Module):
    """A network whose output is a function of its input and its logits."""

    def __init__(self, function):
        super().__init__()
        self.network = pretrained_network()
        self.register_buffer("seen", torch.zeros(1))
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def random(self, x):
    return self.network(x + 0.1 * torch.randn_like(x))


def always_dropping(self, x):
    return self.network(nn.functional.dropout(x, 0.5, training=True))


def of_the_batch(self, x):
    return self.network((x - x.mean((0, 2, 3), keepdim=True)) / x.std())


def counting(self, x):
    self.seen += 1
    return self.network(x)


def of_one_size(self, x):
    assert len(x) == 3
    return self.network(x)


def with_a_class_left_out(self, x):
    return self.network(x) - torch.tensor([0.0, np.inf, 0.0], device=x.device)


REFUSED = [
    (random, "must return the same logits for the same row"),
    (always_dropping, "must return the same logits for the same row"),
    (of_the_batch, "must return logits that do not depend on the other rows"),
    (counting, "must not change in evaluation mode; got another 'seen'"),
    (with_a_class_left_out, "must return finite logits"),
    (lambda self, x: {"logits": self.network(x)}, "must return a tensor of logits, .*; got dict"),
    (lambda self, x: [self.network(x)], "must return a tensor of logits, .*; got list"),
    (lambda self, x: self.network(x)[:1], "must return logits for each row"),
    (
        lambda self, x: self.network(x)[..., None, None],
        "must return logits of shape .*; got shape .* Wrap it in a module",
    ),
    (
        lambda self, x: torch.hstack([self.network(x)] * 2),
        r"`classes` must name each output .*; got 3 names for .* Pass 6 names",
    ),
    (lambda self, x: self.network(x) * np.nan, "must return finite logits"),
]


@pytest.mark.parametrize("with_shape", [False, True])
@pytest.mark.parametrize(("function", "message"), REFUSED)
def test_outputs_that_are_not_logits_of_their_row_are_refused(
    images, function, message, with_shape
):
    module = Made(function)
    if with_shape:
        with pytest.raises(ValueError, match=message):
            InfoSoftmaxClassifier.from_module(module, classes=NAMES, input_shape=(3, 24, 24))
        return
    clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES)
    for use in (clf.predict, InfoMaskTransformer(clf).fit):
        with pytest.raises(ValueError, match=message):
            use(images)
    assert not clf.net_.is_checked


def _normalising_by_the_batch():
    module = pretrained_network()
    module.norm = nn.BatchNorm2d(8, track_running_stats=False)
    return module


def _quantised_as_it_runs():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(pretrained_network().eval(), {nn.Linear})


@pytest.mark.parametrize(
    ("build", "remedy"),
    [
        (_normalising_by_the_batch, "Let batch normalisation .*track_running_stats=True"),
        (_quantised_as_it_runs, "Leave out what is computed over a whole batch, .*quantisation"),
        (lambda: Made(of_the_batch), "Leave out what is computed over a whole batch"),
    ],
)
def test_networks_that_depend_on_the_batch_are_refused_with_the_remedy_of_their_kind(
    images, build, remedy
):
    clf = InfoSoftmaxClassifier.from_module(build(), classes=NAMES)
    with pytest.raises(ValueError, match=f"do not depend on the other rows.*{remedy}"):
        clf.predict(images)


@pytest.mark.parametrize(
    "build", [_normalising_by_the_batch, lambda: Made(always_dropping), lambda: Made(of_the_batch)]
)
def test_networks_are_checked_on_black_images_as_well(images, build):
    clf = InfoSoftmaxClassifier.from_module(build(), classes=NAMES)
    with pytest.raises(ValueError, match="must return"):
        clf.predict(np.zeros_like(images))


def test_networks_are_checked_on_rows_of_zeros_as_well():
    table = nn.Sequential(nn.Identity(), nn.Linear(4, 3))
    table[0].forward = functools.partial(nn.functional.dropout, p=0.5, training=True)
    with pytest.raises(ValueError, match="must return the same logits"):
        InfoSoftmaxClassifier.from_module(table, classes=NAMES).predict(np.zeros((2, 4)))


def of_the_first_images(self, x):
    if not self.seen:
        self.seen.fill_(x.mean().item())
    return self.network(x - self.seen)


def of_the_first_images_in_a_new_tensor(self, x):
    if not self.seen:
        self.seen = x.mean().reshape(1)
    return self.network(x - self.seen)


def counting_in_a_new_tensor(self, x):
    self.seen = self.seen + 1
    return self.network(x)


def counting_until_it_fails(self, x):
    self.seen = self.seen + 1
    raise ValueError("not today")


@pytest.mark.parametrize("use", ["predict", "mask", "shape"])
@pytest.mark.parametrize(
    "function",
    [of_the_first_images, of_the_first_images_in_a_new_tensor, counting, counting_in_a_new_tensor],
)
def test_state_that_the_first_run_changes_is_refused_and_restored(images, function, use):
    module = Made(function)
    with pytest.raises(ValueError, match="must not change in evaluation mode; got another 'seen'"):
        if use == "shape":
            InfoSoftmaxClassifier.from_module(module, classes=NAMES, input_shape=(3, 24, 24))
        clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES)
        clf.predict(images) if use == "predict" else InfoMaskTransformer(clf).fit(images)
    assert not module.seen
    if use != "shape":
        assert not clf.module.seen and not clf.net_.is_checked


def test_a_first_run_that_fails_leaves_the_buffers_as_they_were(images):
    clf = InfoSoftmaxClassifier.from_module(Made(counting_until_it_fails), classes=NAMES)
    with pytest.raises(ValueError, match="not today"):
        clf.predict(images)
    assert not clf.module.seen


def _with_a_function_of_itself():
    module = pretrained_network()
    forward = module.forward
    module.forward = lambda x: 2 * forward(x)
    return module


def _with_a_partial_of_itself():
    module = pretrained_network()
    forward = module.forward
    module.forward = functools.partial(lambda _, x: forward(x), module)
    return module


def _with_a_function_of_a_part():
    module = Made(None)
    module.function = lambda self, x: module.network(x)
    return module


@pytest.mark.parametrize("with_shape", [False, True])
@pytest.mark.parametrize(
    "build",
    [_with_a_function_of_itself, _with_a_partial_of_itself, _with_a_function_of_a_part],
)
def test_copies_that_call_the_original_are_refused(images, build, with_shape):
    module = build().train()
    before = copy.deepcopy(module.state_dict())
    with pytest.raises(ValueError, match="whose copy calls a .* of the original"):
        shape = (3, 24, 24) if with_shape else None
        clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES, input_shape=shape)
        clf.predict(images)
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key])
    assert not any(one._forward_pre_hooks for one in module.modules())


def test_the_original_is_free_and_is_let_go_after_the_check(images):
    module = pretrained_network()
    clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES)
    fresh = pickle.loads(pickle.dumps(clf))
    gone = weakref.ref(module)
    del module
    assert gone() is None
    np.testing.assert_array_equal(clf.predict(images), fresh.predict(images))


def test_networks_for_batches_of_one_size_are_refused(images):
    clf = InfoSoftmaxClassifier.from_module(Made(of_one_size), classes=NAMES)
    with pytest.raises(ValueError, match="must take batches of any size"):
        clf.predict(images)


@pytest.mark.parametrize("shape", [(1, 24, 24), (24, 24), (3, 24), (5,), (2, 3, 24, 24)])
def test_input_shapes_that_the_network_cannot_process_are_named(shape):
    with pytest.raises(ValueError, match="`input_shape` must be the shape of a row") as caught:
        InfoSoftmaxClassifier.from_module(pretrained_network(), classes=NAMES, input_shape=shape)
    assert f"got {shape}, on which module=Flattening fails: " in str(caught.value)


@pytest.mark.parametrize("input_shape", [None, (3, 24, 24)])
def test_probabilities_get_one_warning(images, input_shape):
    module = nn.Sequential(pretrained_network(), nn.Softmax(1))
    with pytest.warns(UserWarning, match="module=Sequential returns probabilities") as caught:
        clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES, input_shape=input_shape)
        InfoMaskTransformer(clf).fit(images).mask(images)
        clf.predict(images)
    assert sum("probabilities: no" in str(one.message) for one in caught) == 1


def _with_lock():
    module = pretrained_network()
    module.lock = threading.Lock()
    return module


def _with_activation():
    module = pretrained_network()
    module.cache = module(torch.rand(2, 3, 24, 24))
    return module


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_with_lock, "copy.deepcopy fails: .*Delete attributes"),
        (_with_activation, "copy.deepcopy fails: .*load its state_dict"),
        (lambda: Flattening().to("meta"), "'first.weight' is on the meta device"),
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), "is not initialised"),
    ],
)
def test_networks_that_cannot_be_copied_or_have_no_weights_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        InfoSoftmaxClassifier.from_module(build(), classes=NAMES)


@pytest.mark.parametrize(
    ("network", "trained"),
    [
        (nn.LazyLinear(3), nn.Linear(4, 3)),
        (nn.Linear(4, 3, device="meta"), nn.Linear(4, 3)),
    ],
)
def test_the_remedy_for_a_network_without_weights_is_literal(network, trained):
    with pytest.raises(ValueError, match="whose 'weight' is") as caught:
        InfoSoftmaxClassifier.from_module(network, classes=NAMES)
    remedy = re.search(r"by (load_state_dict\(.*\))\.$", str(caught.value))[1]
    eval(f"network.{remedy}", {"network": network, "weights": trained.state_dict()})
    clf = InfoSoftmaxClassifier.from_module(network, classes=NAMES)
    assert clf.predict(np.ones((2, 4), dtype=np.float32)).shape == (2,)


class Untrainable(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.linspace(-1, 1, 9).reshape(3, 3))

    def forward(self, x):
        return x.mean((2, 3)) @ self.weight


class WithoutGradients(Flattening):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class InInferenceMode(Flattening):
    @torch.inference_mode()
    def forward(self, x):
        return super().forward(x)


def _scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(pretrained_network().eval())


def _traced():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.trace(pretrained_network().eval(), torch.rand(1, 3, 24, 24))


def _quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantisation = torch.ao.quantization
        module = nn.Sequential(
            quantisation.QuantStub(),
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 3),
            quantisation.DeQuantStub(),
        ).eval()
        module.qconfig = quantisation.default_qconfig
        quantisation.prepare(module, inplace=True)
        module(torch.rand(4, 3, 24, 24))
        return quantisation.convert(module)


@pytest.mark.parametrize("build", ["script", "trace"])
def test_the_cost_of_scripts_is_named_with_the_remedy(images, build):
    module = _scripted() if build == "script" else _traced()
    clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES)
    message = "module=Flattening is scripted or traced.* Pass the module from which it was made"
    with pytest.warns(UserWarning, match=message) as caught:
        InfoMaskTransformer(clf, patch_size=8).fit(images).mask(images)
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.filterwarnings("ignore:module=InInferenceMode computes without gradients")
@pytest.mark.filterwarnings("ignore:module=Flattening is scripted or traced")
@pytest.mark.parametrize(
    ("build", "scorings"),
    [
        (Untrainable, {"crop", "paste"}),
        (WithoutGradients, {"dense"}),
        (InInferenceMode, {"crop", "paste"}),
        (_scripted, {"crop", "paste"}),
        (_traced, {"crop", "paste"}),
        (_quantised, {"crop", "paste"}),
    ],
)
def test_networks_that_have_nothing_to_train_or_no_gradients_give_masks(images, build, scorings):
    module = build().eval()
    expected = copy.deepcopy(module)(torch.as_tensor(images)).softmax(1).detach().numpy()
    # torch has kernels for quantised layers on CPUs only.
    device = "cpu" if build is _quantised else "auto"
    clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES, device=device)
    np.testing.assert_allclose(clf.predict_proba(images), expected, rtol=1e-4, atol=1e-6)
    masker = InfoMaskTransformer(clf, patch_size=8).fit(images)
    assert masker.patch_scoring_ in scorings
    assert masker.mask(images).shape == (3, 24, 24)


def test_a_network_without_weights_takes_tables():
    clf = InfoSoftmaxClassifier.from_module(nn.Identity(), classes=NAMES)
    rows = np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 3.0]])
    assert clf.predict(rows).tolist() == ["tabby", "car"]


def test_the_check_runs_once_and_on_small_images(images):
    sizes = []

    def noting(self, x):
        sizes.append((len(x), x.shape[-1]))
        return self.network(x)

    large = np.random.default_rng(0).random((2, 3, 96, 80), dtype=np.float32)
    clf = InfoSoftmaxClassifier.from_module(Made(noting), classes=NAMES)
    clf.predict(large)
    assert sizes == [(2, 80), (1, 64), (1, 64), (2, 64)]
    clf.predict(large)
    assert sizes[4:] == [(2, 80)]
    del sizes[:]
    InfoMaskTransformer(clf).fit(large)
    assert (2, 64) not in sizes
    clf = InfoSoftmaxClassifier.from_module(Made(noting), classes=NAMES)
    del sizes[:]
    InfoMaskTransformer(clf).fit(large)
    assert sizes[:3] == [(1, 64), (1, 64), (2, 64)]
    del sizes[:]
    InfoSoftmaxClassifier.from_module(Made(noting), classes=NAMES, input_shape=(3, 96, 80))
    assert sizes == [(1, 80), (1, 64), (1, 64), (2, 64)]


def test_a_network_may_keep_positions_of_the_last_size(images):
    def caching(self, x):
        self.register_buffer("grid", torch.ones_like(x[0, 0]))
        return self.network(x * self.grid)

    clf = InfoSoftmaxClassifier.from_module(Made(caching), classes=NAMES)
    assert clf.predict_proba(images).shape == (3, 3)
    assert clf.predict_proba(images[..., :20]).shape == (3, 3)
