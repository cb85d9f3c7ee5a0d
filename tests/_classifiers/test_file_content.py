"""Untrusted files with valid checksums: their content is not executed, and takes no memory."""

import contextlib
import copy
import json
import os
import pickle
import sys
import warnings

import joblib
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from torch.utils.data import DataLoader

from sksoftinfo import (
    SKOPS_TRUSTED_TYPES,
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    load,
    save,
)
from sksoftinfo._classifiers.portable import PickledState

pytest.importorskip("safetensors")
sio = pytest.importorskip("skops.io")

from tests.helpers.forging import array, changed, forge, opened, tagged  # noqa: E402

X, Y = load_iris(return_X_y=True)
IMAGES = np.random.default_rng(0).random((12, 6, 6)).astype(np.float32)
DIGIT = np.arange(12) % 2
LABELS = np.array(["setosa", "versicolor", "virginica"])[Y]
FAST = {"max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Content and weights of saved files, by the name of what was saved, and a path."""
    path = tmp_path_factory.mktemp("saved") / "clf"
    found = {}
    for name, clf, rows, labels in [
        ("table", InfoSoftmaxClassifier(module__hidden_sizes=(3, 4), **FAST), X, LABELS),
        (
            "images",
            InfoSoftmaxClassifier(module__channels=(2,), **FAST),
            IMAGES,
            np.arange(12) % 2,
        ),
        (
            "latent",
            StochasticInfoClassifier(
                noise="latent", latent_size=2, n_draws=4, module__hidden_sizes=(3,), **FAST
            ),
            X,
            Y,
        ),
        (
            "ensemble",
            StochasticInfoClassifier(
                noise="ensemble",
                n_draws=4,
                module__hidden_sizes=(3,),
                early_stopping=True,
                **FAST,
            ),
            X,
            Y,
        ),
        (
            "linear",
            InfoSoftmaxClassifier(
                torch.nn.Linear,
                module__in_features=4,
                module__out_features=3,
                optimizer=torch.optim.SGD,
                optimizer__momentum=0.5,
                criterion=torch.nn.CrossEntropyLoss,
                class_prior=[0.2, 0.3, 0.5],
                class_weight={0: 1.0, 1: 2.0, 2: 1.0},
                **FAST,
            ),
            X,
            Y,
        ),
    ]:
        save(clf.fit(rows, labels), path)
        found[name] = opened(path)
    return found, path


def refused(saved, name, content, weights=None, match=None, **params):
    """Assert that a forged file is refused, by an exception that names it."""
    files, path = saved
    forge(path, content, files[name][1] if weights is None else weights)
    with pytest.raises(ValueError, match=match) as raised:
        load(path, **params)
    assert str(path) in str(raised.value)
    return raised.value


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """A file that torch.compile makes where it receives a command, to simulate running it."""
    path = tmp_path / "marker"

    def compile(module, options=None, **kwargs):
        assert options["cpp.cxx"] == COMMAND["cpp.cxx"]
        path.touch()
        return module

    monkeypatch.setattr(torch, "compile", compile)
    return path


# The C++ compiler of torch's inductor.
COMMAND = {"cpp.cxx": ("sh -c 'id > marker'",)}
COMMAND_IN_FILE = tagged("dict", "cpp.cxx", tagged("tuple", *COMMAND["cpp.cxx"]))


def test_a_file_that_names_a_command_as_compiler(saved, marker):
    files, path = saved
    content, weights = files["linear"]
    forged = changed(content, params__compile=True, params__compile__options=COMMAND_IN_FILE)
    refused(saved, "linear", forged, match=r"compile=\.\.\., compile__options=\.\.\.")
    renamed = {f"_orig_mod.{name}": value for name, value in weights.items()}
    refused(saved, "linear", forged, renamed, match=r"compile=\.\.\., compile__options=\.\.\.")
    assert not marker.exists()
    # The command runs if the caller passes it, so that the marker would have revealed a run above.
    forge(path, content, weights)
    load(path, compile=True, compile__options=COMMAND)
    assert marker.exists()


def test_a_skops_file_that_names_a_command_as_compiler(marker, monkeypatch):
    clf = InfoSoftmaxClassifier(**FAST).fit(X, Y)
    state = clf.__getstate__()
    state["_skorch_params"] = {"compile": True, "compile__options": COMMAND}
    with monkeypatch.context() as patched:
        patched.setattr(InfoSoftmaxClassifier, "__getstate__", lambda self: state)
        forged = sio.dumps(clf)
    with pytest.raises(ValueError, match=r"compile, compile__options .* sksoftinfo.load\(path"):
        sio.loads(forged, trusted=SKOPS_TRUSTED_TYPES).predict(X)
    assert not marker.exists()


def test_a_skops_file_that_names_a_cache_of_pickles(tmp_path, monkeypatch):
    """The file comes with a cache, which contains a pickle that makes a folder."""
    marker, cache = tmp_path / "marker", tmp_path / "cache"

    class Mark:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    masker = InfoMaskTransformer(
        InfoSoftmaxClassifier(**FAST), patch_size=3, memory=str(cache), random_state=0
    ).fit(IMAGES, DIGIT)
    masker.transform(IMAGES)
    for path in cache.rglob("output.pkl"):
        joblib.dump(Mark(), path)
    with pytest.raises(ValueError, match="`memory` must be None in a file; got '.*Set memory=No"):
        sio.dumps(masker)
    with monkeypatch.context() as patched:
        patched.delattr(InfoMaskTransformer, "__getstate__")
        forged = sio.dumps(masker)
    with pytest.raises(ValueError, match="`memory` must be None in a file"):
        sio.loads(forged, trusted=SKOPS_TRUSTED_TYPES).transform(IMAGES)
    assert not marker.exists()
    with contextlib.suppress(Exception):
        masker.transform(IMAGES)
    assert marker.exists(), "the cache was not used"
    assert pickle.loads(pickle.dumps(masker)).memory == str(cache)


def test_skops_does_not_write_what_it_would_not_read():
    clf = InfoSoftmaxClassifier(iterator_train=DataLoader, **FAST).fit(X, Y)
    for fitted in (clf, InfoSoftmaxClassifier(callbacks__valid_acc=None)):
        with pytest.raises(ValueError, match="cannot be restored by skops"):
            sio.dumps(fitted)
    clf = InfoSoftmaxClassifier(**FAST).fit(X, Y)
    clf.note = "mine"
    with pytest.raises(ValueError, match="attributes that a file does not hold: note"):
        sio.dumps(clf)


REFUSED_PARAMS = {
    "compile": True,
    "compile__backend": "inductor",
    "iterator_train": {"kind": "class", "name": "torch.utils.data.DataLoader"},
    "iterator_train__num_workers": 2,
    "iterator_valid__collate_fn": "os.system",
    "dataset": None,
    "dataset__length": 3,
    "callbacks": tagged("list", "skorch.callbacks.Checkpoint"),
    "callbacks__print_log__sink": "print",
    "callbacks__valid_acc": None,
    "torch_load_kwargs": tagged("dict", "weights_only", False),
    "use_caching": True,
    "accelerator": "os.getcwd",
    "device": "meta",
    "predict": "os.system",
    "module__in__features": tagged("dict", 1, 2),
}


@pytest.mark.parametrize("name", REFUSED_PARAMS)
def test_parameters_that_are_not_taken_from_a_file(name, saved):
    value = REFUSED_PARAMS[name]
    forged = changed(saved[0]["table"][0], **{f"params__{name}": value})
    error = refused(saved, "table", forged)
    if name not in ("iterator_train", "predict", "module__in__features"):
        assert f"Call load(path, {name}=...)" in str(error)


def test_parameters_that_are_not_taken_from_a_file_can_be_given(saved):
    files, path = saved
    content, weights = files["table"]
    forge(path, changed(content, params__iterator_train__num_workers="os.system"), weights)
    clf = load(path, iterator_train__num_workers=0)
    assert clf.get_params()["iterator_train__num_workers"] == 0


CLASSES = [
    ("module", "torch.nn.Sequential"),
    ("module", "torch.nn.functional"),
    ("module", "torch.optim.Adam"),
    ("module", "sksoftinfo.LogSoftmaxLoss"),
    ("module", "os.system"),
    ("module", "builtins.eval"),
    ("optimizer", "torch.optim.lr_scheduler"),
    ("optimizer", "torch.optim.Optimizer"),
    ("optimizer", "torch.nn.Linear"),
    ("criterion", "torch.nn.Linear"),
    ("criterion", "torch.nn.modules.loss"),
    ("lr", "torch.optim.Adam"),
    ("train_split", "torch.nn.Linear"),
    ("module__dropout", "torch.nn.Linear"),
    ("optimizer__lr", "torch.nn.Linear"),
]


@pytest.mark.parametrize("parameter, name", CLASSES)
def test_classes_that_are_not_on_the_list(parameter, name, saved):
    value = {"kind": "class", "name": name}
    for odd in (value, {**value, "of": "os"}, {"kind": "class", "of": "os", "name": ["a"]}):
        refused(saved, "table", changed(saved[0]["table"][0], **{f"params__{parameter}": odd}))


def test_a_file_sets_no_parameters_of_the_callers_module(saved, tmp_path):
    """The caller has to pass the module's parameters; otherwise the file would choose them."""
    made = []

    class Own(torch.nn.Linear):
        def __init__(self, n_features, n_classes, path=None):
            made.append(path)
            super().__init__(n_features, n_classes)

    save(InfoSoftmaxClassifier(Own, module__path="mine", **FAST).fit(X, Y), tmp_path / "clf")
    content, weights = opened(tmp_path / "clf")
    assert content["not_saved"] == ["module", "module__path"]
    forge(tmp_path / "clf", changed(content, params__module__path="theirs", not_saved=[]), weights)
    made.clear()
    with pytest.raises(ValueError, match="unexpected keyword"):
        load(tmp_path / "clf")
    with pytest.raises(ValueError, match=r"load\(path, module__path=\.\.\.\)"):
        load(tmp_path / "clf", module=Own)
    assert made == []
    load(tmp_path / "clf", module=Own, module__path="given")
    assert set(made) == {"given"}


def test_other_parameters_of_known_classes_are_taken(saved):
    files, path = saved
    forge(path, *files["table"])
    assert load(path).get_params()["module__hidden_sizes"] == (3, 4)
    forge(path, *files["linear"])
    params = load(path).get_params()
    assert params["optimizer"] is torch.optim.SGD and params["optimizer__momentum"] == 0.5
    assert params["criterion"] is torch.nn.CrossEntropyLoss
    assert params["class_weight"] == {0: 1.0, 1: 2.0, 2: 1.0}


ATTRIBUTES = {
    "predict": "x",
    "__class__": "x",
    "__dict__": tagged("dict"),
    "net_": tagged("dict"),
    "_skorch_params": tagged("dict", "compile", True),
    "_random": 0,
    "_built_with": tagged("dict"),
    "module_": 1,
    "fit": None,
    "lr": 3,
    "_validate": "x",
    "noise_bank_": array([0.0]),
    "\ud800": 1,
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_that_are_not_of_a_fitted_classifier(name, saved):
    content, _ = saved[0]["table"]
    fitted = {**content["fitted"], name: ATTRIBUTES[name]}
    refused(
        saved,
        "table",
        changed(content, fitted=fitted),
        match="not hold|KeyError"
        if name == "__class__"
        else "attributes that a file does not hold",
    )


TYPES = {
    "classes_": [
        None,
        3,
        "abc",
        tagged("list", "a", "b", "c"),
        array([0.0, 1.0], shape=[2]),
        array([0, 1, 2], "int64", [3, 1]),
        array([2, 1, 0], "int64"),
        array([1, 1, 2], "int64"),
        array(["a", "b", "a"], "text"),
        array(["a", 1, None], "object"),
        array([tagged("list"), tagged("list"), tagged("list")], "object"),
        array([1.0, float("nan"), 2.0]),
        array([0, 1, 2], "complex128"),
        array([0, 1, 2], "datetime64[s]"),
        array([0, 1, 2], "O"),
        array([0, 1, 2], "V8"),
        array([0, 1, 300], "uint8"),
        array([0, 1, 2.5], "int64"),
        array([0, 1, 2], "bool"),
        array([0, 1, 10**400], "int64"),
        array([0, 1, 2], ["int64"]),
    ],
    "input_shape_": [
        None,
        4,
        tagged("list", 4),
        tagged("tuple"),
        tagged("tuple", 0),
        tagged("tuple", -4),
        tagged("tuple", 4.0),
        tagged("tuple", True),
        tagged("tuple", 5),
        tagged("tuple", 4, 10**30),
        tagged("tuple", *[4] * 100),
        tagged("tuple", 4, 4, 4, 4),
    ],
    "n_features_in_": [None, 5, -1, 4.0, "4", True],
    "_label_weight": [None, 1.0, array([1.0, 2.0]), array([1.0, -1.0, 1.0])],
    "train_prior_": [
        array([1.0, 1.0, 1.0]),
        array([float("nan"), 0.5, 0.5]),
        array([float("inf"), 0.5, 0.5]),
        array(["a", "b", "c"], "text"),
        array([0, 1, 0], "int64"),
        array([0.5, 0.5]),
    ],
    "class_prior_": [array([2.0, -0.5, -0.5]), tagged("list", 0.2, 0.3, 0.5), "uniform"],
    "feature_names_in_": [3, array(["a"], "object"), array([1, 2, 3, 4], "object")],
    "_fitted_on": [1, tagged("tuple", 1, 2, 3), tagged("tuple", "a", "b")],
}


@pytest.mark.parametrize("name", TYPES)
def test_attributes_of_other_types_and_shapes(name, saved):
    content, _ = saved[0]["table"]
    for value in TYPES[name]:
        refused(saved, "table", changed(content, **{f"fitted__{name}": value}))


def test_attributes_that_are_missing(saved):
    for kind in ("table", "latent"):
        content, _ = saved[0][kind]
        for name in content["fitted"]:
            fitted = {key: value for key, value in content["fitted"].items() if key != name}
            refused(saved, kind, changed(content, fitted=fitted), match=f"lacks .*{name}")


@pytest.fixture
def little_memory():
    """Limit the allocated memory to 200 MB more than is allocated now."""
    resource = pytest.importorskip("resource")
    if sys.platform != "linux":
        pytest.skip("the limit is Linux's RLIMIT_DATA")
    with open("/proc/self/status") as status:
        used = next(int(line.split()[1]) for line in status if line.startswith("VmData")) << 10
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + (200 << 20), before[1]))
    try:
        with pytest.raises(MemoryError):
            bytearray(300 << 20)
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.parametrize(
    "bank",
    [np.zeros((4, 4)), np.eye(4)[::-1], np.eye(4, 5), np.ones(4)],
    ids=["no member", "another order", "too many members", "no list"],
)
def test_the_draws_of_an_ensemble_are_its_members(bank, saved):
    content = changed(
        saved[0]["ensemble"][0], fitted__noise_bank_=array(bank.ravel().tolist(), shape=bank.shape)
    )
    refused(saved, "ensemble", content, match="noise bank does not have the draws of the module")


def test_members_of_a_file_have_to_be_shared_out(saved):
    for n_members in (3, 8):
        content = changed(saved[0]["ensemble"][0], fitted___n_members=n_members)
        refused(saved, "ensemble", content, match="must be a multiple of|weights do not fit")


HUGE = {
    "wide text": ("table", {"fitted__classes_": array(["a", "b", "c"], "<U300000000")}),
    "one long text": (
        "table",
        {"fitted__classes_": array([*map(chr, range(97, 97 + 3000)), "~" * 100_000], "text")},
    ),
    "wide layers": ("table", {"params__module__hidden_sizes": tagged("tuple", 40_000, 40_000)}),
    "wider layers": ("table", {"params__module__hidden_sizes": tagged("tuple", 2**40, 2**40)}),
    "widest layers": ("table", {"params__module__hidden_sizes": tagged("tuple", 10**400)}),
    "many layers": (
        "table",
        {"params__module__hidden_sizes": tagged("tuple", *[1] * 300_000)},
    ),
    "many channels": ("images", {"params__module__channels": tagged("tuple", 10_000_000)}),
    "kernels": ("images", {"params__module__kernel_size": 30_000}),
    "linear": ("linear", {"params__module__in_features": 2**34}),
    "latent": ("latent", {"params__latent_size": 2**34}),
    "features": (
        "table",
        {"fitted__input_shape_": tagged("tuple", 2**34), "fitted__n_features_in_": 2**34},
    ),
    "pixels": (
        "table",
        {"fitted__input_shape_": tagged("tuple", 2**30, 2**29), "fitted__n_features_in_": 2**30},
    ),
    "array": ("table", {"fitted__class_prior_": array([], shape=[2**40, 2**20])}),
    "empty array": ("table", {"fitted__class_prior_": array([], shape=[0, 2**60])}),
}


@pytest.mark.parametrize("case", HUGE)
def test_sizes_in_a_file_take_no_memory(case, saved, little_memory):
    kind, entries = HUGE[case]
    error = refused(saved, kind, changed(saved[0][kind][0], **entries))
    while error is not None:
        assert not isinstance(error, MemoryError) and "allocate" not in str(error)
        error = error.__cause__ or error.__context__


def test_sizes_that_no_weight_depends_on_take_no_memory(saved, little_memory):
    """Large numbers that do not size an allocation load; counts that size one are refused."""
    files, path = saved
    content, weights = files["latent"]
    for n_draws in (10**9, 10**12, 3):
        many = changed(content, params__n_draws=n_draws)
        refused(saved, "latent", many, weights, "n_draws that is not the length of noise_bank_")
    for name in ("batch_size", "max_epochs", "n_draws"):
        large = changed(content, **{f"params__{name}": 10**400})
        refused(saved, "latent", large, weights, f"got a file without `{name}`")
    forge(path, changed(content, params__max_epochs=10**9), weights)
    assert load(path).predict_proba(X).shape == (150, 3)
    content, weights = files["images"]
    huge = changed(
        content, fitted__input_shape_=tagged("tuple", 10**8, 10**8), fitted__n_features_in_=10**8
    )
    forge(path, huge, weights)
    with pytest.raises(ValueError, match="rows of shape"):
        load(path).predict(IMAGES)


TEXTS = {
    "nothing": "",
    "no JSON": "classifier",
    "null": "null",
    "number": "3",
    "text": '"classifier"',
    "list": "[]",
    "empty": "{}",
    "nested lists": "[" * 100_000,
    "nested dicts": '{"a":' * 100_000,
    "long number": '{"format": ' + "9" * 5000 + "}",
    "long version": '{"format": 9, "version": "' + "9" * 100_000 + '"}',
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts_that_are_not_of_a_classifier(case, saved):
    error = refused(saved, "table", TEXTS[case])
    assert len(str(error)) < 1000


def test_messages_quote_little_of_a_file(saved):
    content, _ = saved[0]["table"]
    long = "x" * 10**6
    for entries in (
        {"class": long},
        {"params__dtype": long},
        {"params__decision": long},
        {"fitted__" + long: 1},
        {"fitted__\x1b[2J": 1},
        {"not_saved": [long]},
        {"params__" + long: 1},
        {"version": long, "format": 9},
    ):
        message = str(refused(saved, "table", changed(content, **entries)))
        assert len(message) < 2000 and message.isprintable()


def test_a_name_that_stands_twice_is_refused(saved):
    text = json.dumps(saved[0]["table"][0])
    doubled = text.replace('"lr": 0.003', '"lr": 0.003, "lr": 0.1')
    assert doubled != text
    refused(saved, "table", doubled, match="a name occurs twice")


def test_entries_that_are_missing_or_of_other_types(saved):
    content, _ = saved[0]["table"]
    for name in content:
        refused(saved, "table", {key: content[key] for key in content if key != name})
        for odd in (None, 1.5, True, "x", [], {}, [[]], [1], {"a": {}}):
            if odd != content[name] and (name, odd) != ("version", "x"):
                refused(saved, "table", {**content, name: odd})


def test_a_value_that_is_nested_too_deeply(saved):
    value = 1
    for _ in range(5000):
        value = tagged("list", value)
    for name in ("params__module__dropout", "params__class_weight", "fitted__classes_"):
        refused(saved, "table", deep_text(saved[0]["table"][0], name, 5000))


def deep_text(content, name, depth):
    text = json.dumps(changed(content, **{name: "HERE"}))
    return text.replace('"HERE"', '{"kind": "list", "items": [' * depth + "1" + "]}" * depth)


def weights_as(change):
    return lambda weights: {name: change(value) for name, value in weights.items()}


WEIGHTS = {
    "none": lambda weights: {},
    "one less": lambda weights: dict(list(weights.items())[1:]),
    "one more": lambda weights: {**weights, "more": np.zeros(3)},
    "renamed": lambda weights: {f"x.{name}": value for name, value in weights.items()},
    "reshaped": weights_as(lambda value: value[None]),
    "transposed": weights_as(lambda value: value.T.copy()),
    "cut": weights_as(lambda value: value[:1].copy()),
    "complex": weights_as(lambda value: value.astype("complex64")),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_of_another_module(case, saved):
    for name in ("table", "images", "latent", "linear"):
        content, weights = saved[0][name]
        refused(saved, name, content, WEIGHTS[case](weights), match="weights")


def test_weights_that_are_not_finite_are_noticed_in_prediction(saved):
    files, path = saved
    content, weights = files["table"]
    forge(path, content, {name: np.full_like(value, np.nan) for name, value in weights.items()})
    with pytest.raises(ValueError, match="must return finite logits"):
        load(path).predict_proba(X)


# Arbitrary content: odd values in any place, and several of them.

ODD = st.one_of(
    st.sampled_from(
        [None, True, False, -1, 0, 1, 3, 2**31, 2**63, 10**30, 0.5, -0.0, 1e300]
        + [float("nan"), float("inf"), "", "x", "torch.optim.Adam", "\ud800", "a" * 300]
        + [[], {}, [[]], [1, 2], {"kind": "tuple"}, {"kind": "dict", "items": [1]}]
        + [{"kind": "class", "name": name} for name in ("os.system", "torch.nn.Linear", None)]
        + [tagged("tuple", 10_000, 10_000), tagged("list", "x"), tagged("set", 1)]
        + [tagged("dict", "lr", 0.1), tagged("dict", tagged("list"), 1)]
        + [array([1.0, 2.0]), array([1, 2, 3], "int8"), array(["a", "b"], "text")]
        + [array([1.0], "object"), array([], shape=[0]), array([1], "int64", [])]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["kind", "items", "dtype", "shape", "name"]), inner)
        ),
        max_leaves=6,
    ),
)
NAMES = st.sampled_from(
    ["compile", "iterator_train", "callbacks", "module__dropout", "optimizer__betas", "__class__"]
    + ["predict", "net_", "noise_bank_", "kind", "items", "batches", "criterion__reduction", ""]
)


def places(value, path=()):
    """Yield the paths to all parts of JSON, the first few items of lists."""
    yield path
    parts = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        parts = list(enumerate(value))[:3]
    for key, part in parts:
        yield from places(part, (*path, key))


def mutated(draw, content):
    """Return content with one change: a part replaced, left out, added, or put elsewhere."""
    content = copy.deepcopy(content)
    # Choose among the upper entries first, since deeper parts are more numerous.
    everywhere = list(places(content))[1:]
    upper = draw(st.sampled_from(sorted({path[:2] for path in everywhere}, key=repr)))
    path = draw(st.sampled_from([one for one in everywhere if one[: len(upper)] == upper]))
    owner = content
    for key in path[:-1]:
        owner = owner[key]
    how = draw(st.sampled_from(["replace", "replace", "replace", "leave out", "add", "move"]))
    if how == "replace":
        owner[path[-1]] = draw(ODD)
    elif how == "leave out":
        del owner[path[-1]]
    elif isinstance(owner, list):
        owner.append(draw(ODD))
    elif how == "add":
        owner[draw(NAMES)] = draw(ODD)
    else:
        owner[path[-1]] = copy.deepcopy(draw(st.sampled_from(list(owner.values()))))
    return content


@st.composite
def mutations(draw, content, weights):
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        content = mutated(draw, content)
    if draw(st.integers(0, 9)) == 9:
        weights = draw(st.sampled_from(list(WEIGHTS.values())))(weights)
    return content, weights


def check_usable(clf, kind):
    """Assert that a loaded object is a classifier like any other, though possibly a wrong one."""
    assert type(clf) in (InfoSoftmaxClassifier, StochasticInfoClassifier)
    for name, value in vars(clf).items():
        assert not callable(value) or isinstance(value, type), name
        assert name not in ("predict", "fit", "__class__")
    assert not any(name.startswith(("compile", "iterator", "data")) for name in clf.get_params())
    rows = IMAGES if kind == "images" else X
    with contextlib.suppress(ValueError):
        proba = clf.predict_proba(rows)
        assert proba.shape == (len(rows), len(clf.classes_))
        assert np.isfinite(proba).all()


@settings(max_examples=600, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_six_hundred_forged_files(saved, data):
    """Forged files with valid checksums are usable, or refused by one exception with the path."""
    files, path = saved
    kind = data.draw(st.sampled_from(sorted(files)))
    content, weights = data.draw(mutations(*files[kind]))
    forge(path, content, weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clf = load(path)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            check_usable(clf, kind)


@pytest.fixture(scope="module")
def states(saved):
    files, path = saved
    found = {}
    for kind, (content, weights) in files.items():
        forge(path, content, weights)
        clf = load(path)
        found[kind] = type(clf), clf.__getstate__()
    return found


STATE_ODD = st.one_of(
    ODD,
    st.sampled_from(
        [print, os.system, DataLoader, torch.nn.Linear(4, 3), InfoSoftmaxClassifier(), object()]
        + [
            np.array([1, "a", None], dtype=object),
            np.zeros(3),
            np.array(["a" * 9]),
            np.zeros((2, 2)),
        ]
        + [
            {1: 2},
            {"a": {"b": print}},
            (1, 2),
            [print],
            torch.optim.Adam,
            np.random.RandomState(0),
        ]
    ),
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_three_hundred_forged_states_of_skops(states, data):
    """States that `skops.io.load` passes to `__setstate__` raise ValueError, or are usable."""
    kind = data.draw(st.sampled_from(sorted(states)))
    cls, state = states[kind]
    state = {**state, "net_": dict(state["net_"]), "_skorch_params": dict(state["_skorch_params"])}
    for _ in range(data.draw(st.sampled_from([1, 1, 2]))):
        owner = data.draw(st.sampled_from([state, state, state["net_"], state["_skorch_params"]]))
        owner = owner if isinstance(owner, dict) else state
        name = (
            data.draw(st.sampled_from(sorted(owner)) if owner else NAMES)
            if data.draw(st.booleans())
            else data.draw(NAMES)
        )
        if data.draw(st.integers(0, 4)) == 4 and owner is state:
            owner.pop(name, None)
            break
        owner[name] = data.draw(STATE_ODD)
        if owner is state and name in ("net_", "_skorch_params"):
            break
    clf = cls.__new__(cls)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clf.__setstate__(state)
        except ValueError as error:
            start = f"The file holds an estimator of class {cls.__name__} that cannot be restored"
            assert str(error).startswith(start)
            assert not vars(clf)
        else:
            if hasattr(clf, "net_"):
                check_usable(clf, kind)


def test_a_state_whose_parts_stand_in_each_other(states):
    cls, state = states["table"]
    part = [1.0]
    for _ in range(6):
        part = [part] * 1000
    with pytest.raises(ValueError, match="class_weight are not taken from a file"):
        cls.__new__(cls).__setstate__({**state, "class_weight": part})


@pytest.mark.parametrize("state", [None, 3, [], "x", {1: 2}, {}, (1, 2), {"net_": {}}])
def test_states_that_are_not_of_a_classifier(state):
    with pytest.raises(ValueError, match="cannot be restored"):
        InfoSoftmaxClassifier.__new__(InfoSoftmaxClassifier).__setstate__(state)


def test_skops_does_not_build_the_state_of_a_pickle():
    """A pickled state would restore any object."""
    names = [f"{PickledState.__module__}.{PickledState.__qualname__}"]
    assert not set(names) & set(SKOPS_TRUSTED_TYPES)
    with pytest.raises(Exception, match="PickledState"):
        sio.loads(sio.dumps(PickledState(a=1)), trusted=SKOPS_TRUSTED_TYPES)
