"""Files without code: a loaded classifier predicts like the saved one; damage is reported."""

import errno
import importlib
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader

from sksoftinfo import (
    SKOPS_TRUSTED_TYPES,
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    StochasticInfoClassifier,
    load,
    save,
)
from sksoftinfo._classifiers.persistence import _digest

safetensors = pytest.importorskip("safetensors")
sio = pytest.importorskip("skops.io")
X, Y = load_iris(return_X_y=True)
LABELS = np.array(["setosa", "versicolor", "virginica"])[Y]
DIGITS = load_digits(n_class=3)
IMAGES, DIGIT = (DIGITS.images / 16).astype(np.float32), DIGITS.target
FAST = {"max_epochs": 2, "random_state": 0}
CLASSIFIERS = {
    "table": (InfoSoftmaxClassifier(**FAST), X, LABELS),
    "float32": (InfoSoftmaxClassifier(dtype="float32", **FAST), X, Y - 5),
    "bool": (InfoSoftmaxClassifier(**FAST), X, Y > 0),
    "object": (InfoSoftmaxClassifier(**FAST), X, LABELS.astype(object)),
    "images": (InfoSoftmaxClassifier(**FAST), IMAGES, DIGIT),
    "parameters": (
        InfoSoftmaxClassifier(
            class_prior="empirical",
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            optimizer__betas=(0.8, 0.9),
            module__hidden_sizes=(5,),
            class_weight={"setosa": 2.0, "versicolor": 1.0, "virginica": 1.0},
            train_split=0.2,
            **FAST,
        ),
        X,
        LABELS,
    ),
    **{
        noise: (StochasticInfoClassifier(noise=noise, beta=beta, n_draws=4, **FAST), X, LABELS)
        for noise, beta in [
            *(("additive", 0.0), ("gaussian", 0.1), ("latent", 0.1), ("dropout", 0)),
            ("ensemble", 0),
        ]
    },
    "cross-fitted ensemble": (
        StochasticInfoClassifier(noise="ensemble", n_draws=4, early_stopping=True, **FAST),
        X,
        LABELS,
    ),
    "ensemble of images": (
        StochasticInfoClassifier(noise="ensemble", n_draws=3, **FAST),
        np.random.default_rng(0).random((12, 6, 6)).astype(np.float32),
        np.arange(12) % 2,
    ),
}


@pytest.fixture(params=CLASSIFIERS)
def case(request):
    clf, rows, labels = CLASSIFIERS[request.param]
    return clf.fit(rows, labels), rows, labels


@pytest.fixture(scope="module")
def fitted():
    return InfoSoftmaxClassifier(**FAST).fit(X, LABELS)


@pytest.fixture
def no_pickle(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something was unpickled")

    for module, names in [(pickle, ["load", "loads"]), (torch, ["load"])]:
        for name in names:
            monkeypatch.setattr(module, name, refuse)
    # Some parts of torch that are imported only now subclass `pickle.Unpickler`.
    monkeypatch.setattr(pickle, "Unpickler", type("Unpickler", (), {"__init__": refuse}))


def assert_same(loaded, clf, rows, labels):
    np.testing.assert_array_equal(loaded.predict_proba(rows), clf.predict_proba(rows))
    np.testing.assert_array_equal(loaded.predict(rows), clf.predict(rows))
    assert loaded.classes_.dtype == clf.classes_.dtype
    assert loaded.get_params() == clf.get_params()
    assert loaded.score_bounds(rows[1:], labels[1:]) == clf.score_bounds(rows[1:], labels[1:])
    assert loaded.history_[:, "train_loss"] == clf.history_[:, "train_loss"]
    # Hashes of the training rows are not saved.
    assert vars(loaded).keys() == vars(clf).keys() - {"_fitted_on"}


def test_save_and_load(case, tmp_path, no_pickle):
    clf, rows, labels = case
    save(clf, tmp_path / "clf")
    assert [path.name for path in tmp_path.iterdir()] == ["clf"]
    loaded = load(tmp_path / "clf")
    assert_same(loaded, clf, rows, labels)
    loaded.partial_fit(rows, labels)
    assert len(loaded.history_) == 3


def test_skops(case, no_pickle):
    clf, rows, labels = case
    chosen = ["torch.nn.modules.loss.CrossEntropyLoss", "torch.optim.adam.Adam"]
    trusted = [*SKOPS_TRUSTED_TYPES, *(chosen if clf.get_params()["optimizer"] else [])]
    loaded = sio.loads(sio.dumps(clf), trusted=trusted)
    assert_same(loaded, clf, rows, labels)
    loaded.partial_fit(rows, labels)


def test_skops_files_hold_numbers_and_texts_only(fitted, tmp_path):
    sio.dump(fitted, tmp_path / "clf.skops")
    with zipfile.ZipFile(tmp_path / "clf.skops") as archive:
        names = archive.namelist()
        assert {name.rpartition(".")[2] for name in names} == {"json", "npy"}
        for name in set(names) - {"schema.json"}:
            with archive.open(name) as file:
                np.load(file, allow_pickle=False)
        # skorch's own state is a pickle within the file.
        assert "bytes" not in archive.read("schema.json").decode()


@pytest.mark.parametrize("scoring", ["dense", "crop", "paste"])
def test_skops_and_masks(scoring, no_pickle):
    estimator = LogisticRegression() if scoring == "paste" else InfoSoftmaxClassifier(**FAST)
    masker = InfoMaskTransformer(
        estimator, patch_size=4, patch_scoring=scoring, fill_value="mean", random_state=0
    ).fit(IMAGES, DIGIT)
    loaded = sio.loads(sio.dumps(masker), trusted=SKOPS_TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.transform(IMAGES), masker.transform(IMAGES))
    np.testing.assert_array_equal(loaded.bounding_boxes(IMAGES), masker.bounding_boxes(IMAGES))


def test_skops_and_pipelines(no_pickle):
    pipeline = make_pipeline(StandardScaler(), InfoSoftmaxClassifier(**FAST)).fit(X, LABELS)
    loaded = sio.loads(sio.dumps(pipeline), trusted=SKOPS_TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))


def test_trusted_types_are_classes_of_this_package():
    for name in SKOPS_TRUSTED_TYPES:
        module, _, attribute = name.rpartition(".")
        assert module.startswith("sksoftinfo.")
        assert isinstance(getattr(importlib.import_module(module), attribute), type)


def test_skops_does_not_trust_a_module_of_somebody(tmp_path):
    clf = InfoSoftmaxClassifier(TinyNet, **FAST).fit(X, Y)
    with pytest.raises(Exception, match="TinyNet"):
        sio.loads(sio.dumps(clf), trusted=SKOPS_TRUSTED_TYPES)
    trusted = [*SKOPS_TRUSTED_TYPES, f"{__name__}.TinyNet"]
    loaded = sio.loads(sio.dumps(clf), trusted=trusted)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_unfitted_classifiers_travel_too():
    clf = InfoSoftmaxClassifier(lr=0.5, module__hidden_sizes=(3,))
    assert sio.loads(sio.dumps(clf), trusted=SKOPS_TRUSTED_TYPES).get_params() == clf.get_params()


class TinyNet(torch.nn.Module):
    def __init__(self, n_features, n_classes, width=8):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(n_features)
        self.layer = torch.nn.Linear(n_features, width)
        self.head = torch.nn.Linear(width, n_classes)

    def forward(self, x):
        return self.head(torch.tanh(self.layer(self.norm(x))))


def test_what_json_does_not_hold_is_given_to_load(tmp_path):
    clf = InfoSoftmaxClassifier(TinyNet, iterator_train=DataLoader, **FAST).fit(X, Y)
    save(clf, tmp_path / "clf")
    with pytest.raises(ValueError, match=r"without `iterator_train`, `module`.* module=\.\.\."):
        load(tmp_path / "clf")
    given = {"module": TinyNet, "iterator_train": DataLoader}
    assert_same(load(tmp_path / "clf", **given), clf, X, Y)
    with pytest.raises(ValueError, match="TinyNet, cannot be built.*weights do not fit"):
        load(tmp_path / "clf", module__width=9, **given)
    # What the caller passes is not a fault of the file.
    with pytest.raises(ValueError, match="^Invalid parameter 'modul'"):
        load(tmp_path / "clf", modul=TinyNet, **given)
    with pytest.raises(ValueError, match="^The 'batch_size' parameter .* must be an int"):
        load(tmp_path / "clf", batch_size=0, **given)


def test_optimizer_settings_and_feature_names(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = InfoSoftmaxClassifier(class_prior=np.array([0.2, 0.3, 0.5]), **FAST).fit(frame, Y)
    save(clf, tmp_path / "clf")
    loaded = load(tmp_path / "clf", lr=0.5)
    assert loaded.lr == 0.5
    np.testing.assert_array_equal(loaded.predict_proba(frame), clf.predict_proba(frame))
    with pytest.raises(ValueError, match="unseen at fit time"):
        loaded.predict(frame.rename(columns={"a": "z"}))


def test_a_module_whose_state_is_more_than_tensors_is_refused(tmp_path):
    class Remembers(TinyNet):
        def get_extra_state(self):
            return {"anything": 1}

        def set_extra_state(self, state):
            pass

    clf = InfoSoftmaxClassifier(Remembers, **FAST).fit(X, Y)
    with pytest.raises(ValueError, match="keeps '_extra_state', of class dict, in its state"):
        save(clf, tmp_path / "clf")


@pytest.mark.parametrize("keep", [0, 4, 100, 5000])
def test_truncated(fitted, tmp_path, keep):
    path = tmp_path / "clf"
    save(fitted, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="clf is not a complete safetensors file: it is"):
        load(path)


def test_every_bit_that_flips_and_every_cut_is_noticed(tmp_path):
    path = tmp_path / "clf"
    save(InfoSoftmaxClassifier(module__hidden_sizes=(), **FAST).fit(X, LABELS), path)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    odd = [content[:kept] for kept in [*range(12), *rng.integers(0, len(content), 60)]]
    for place in [*range(64), *rng.integers(0, 8 * len(content), 200)]:
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        odd.append(bytes(damaged))
    for damaged in odd:
        path.write_bytes(damaged)
        with pytest.raises(ValueError) as raised:
            load(path)
        assert str(path) in str(raised.value)


@pytest.mark.parametrize("place", ["head", "weights"])
def test_tampered(fitted, tmp_path, place):
    path = tmp_path / "clf"
    save(fitted, path)
    content = bytearray(path.read_bytes())
    if place == "weights":
        content[-3] ^= 1
    else:
        content = content.replace(b"versicolor", b"versicoler")
    path.write_bytes(content)
    with pytest.raises(ValueError, match="was changed after it was saved"):
        load(path)


def test_other_versions_and_other_files(fitted, tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "clf"
    save(fitted, path)
    with safetensors.safe_open(path, framework="numpy") as file:
        head = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    later = json.loads(head["sksoftinfo"])
    later.update(format=9, version="99.0")
    text = json.dumps(later)
    save_file(weights, path, metadata={"sksoftinfo": text, "sha256": _digest(text, weights)})
    with pytest.raises(ValueError, match="has format 9, written by sksoftinfo 99.0"):
        load(path)
    save_file(weights, path)
    with pytest.raises(ValueError, match="was not written by sksoftinfo.save"):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(TypeError, match="or a StochasticInfoClassifier; got LogisticRegression"):
        save(LogisticRegression().fit(X, Y), tmp_path / "clf")
    with pytest.raises(NotFittedError):
        save(InfoSoftmaxClassifier(), tmp_path / "clf")
    clf = InfoSoftmaxClassifier(**FAST).fit(X, Y)
    clf.note = object()
    with pytest.raises(ValueError, match="attributes that a file does not hold: note"):
        save(clf, tmp_path / "clf")
    assert not list(tmp_path.iterdir())


def test_paths_that_cannot_be_written_or_read(fitted, tmp_path):
    for path, error in [(tmp_path / "no" / "clf", FileNotFoundError), (tmp_path, OSError)]:
        for function in (lambda path: save(fitted, path), load):
            with pytest.raises(error) as raised:
                function(path)
            assert raised.value.filename == str(path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_file_that_was_there(fitted, tmp_path, monkeypatch):
    path = tmp_path / "clf"
    save(fitted, path)
    before = path.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="clf") as raised:
            save(InfoSoftmaxClassifier(**FAST).fit(X, Y), path)
    assert raised.value.errno == errno.ENOSPC
    assert path.read_bytes() == before and [item.name for item in tmp_path.iterdir()] == ["clf"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts the files of a process")
def test_no_file_stays_open(fitted, tmp_path):
    path = tmp_path / "clf"
    save(fitted, path)
    load(path)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        save(fitted, path)
        load(path)
        with pytest.raises(FileNotFoundError):
            save(fitted, tmp_path / "no" / "clf")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_parameter_that_another_network_is_built_by_is_refused(tmp_path):
    clf = InfoSoftmaxClassifier(module__hidden_sizes=(3,), **FAST).fit(X, Y)
    clf.set_params(lr=0.5, class_prior="empirical", optimizer=torch.optim.SGD)
    save(clf, tmp_path / "clf")
    assert load(tmp_path / "clf").optimizer is torch.optim.SGD
    for change in ({"module__hidden_sizes": (4,)}, {"module__dropout": 0.5}, {"dtype": "float32"}):
        changed = pickle.loads(pickle.dumps(clf)).set_params(**change)
        for function in (lambda clf: save(clf, tmp_path / "other"), sio.dumps):
            with pytest.raises(ValueError, match=f"`{next(iter(change))}` must be as in fit"):
                function(changed)
    noisy = StochasticInfoClassifier(**FAST).fit(X, Y).set_params(noise_scale=0.1)
    with pytest.raises(ValueError, match="`noise_scale` must be as in fit; got"):
        save(noisy, tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["clf"]


@pytest.mark.parametrize(
    "change",
    [
        {"lr": -1.0},
        {"decision": "zz"},
        {"random_state": "x"},
        {"class_weight": "x"},
        {"optimizer__zz": 3},
        {"criterion__zz": 3},
    ],
)
def test_what_load_would_refuse_is_refused_by_save(change, tmp_path):
    clf = InfoSoftmaxClassifier(module__hidden_sizes=(), **FAST).fit(X, Y)
    with pytest.raises(ValueError, match=next(iter(change))):
        save(clf.set_params(**change), tmp_path / "clf")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "sizes, change",
    [
        ([3], lambda sizes: sizes.__setitem__(0, 4)),
        ([3], lambda sizes: sizes.append(3)),
        (np.array([3]), lambda sizes: sizes.__setitem__(0, 4)),
    ],
)
def test_parameters_that_change_in_place_are_noticed(sizes, change, tmp_path):
    clf = InfoSoftmaxClassifier(module__hidden_sizes=sizes, **FAST).fit(X, Y)
    save(clf, tmp_path / "clf")
    change(sizes)
    with pytest.raises(ValueError, match="`module__hidden_sizes` must be as in"):
        save(clf, tmp_path / "clf")
    with pytest.raises(ValueError, match="`module__hidden_sizes` must be as in"):
        clf.partial_fit(X, Y)


@pytest.mark.parametrize("other", [np.array([3]), np.array([[3, 3]]), 3, (3, 3)])
def test_arrays_that_broadcast_are_not_the_same(other, tmp_path):
    clf = InfoSoftmaxClassifier(module__hidden_sizes=np.array([3, 3]), **FAST).fit(X, Y)
    clf.partial_fit(X, Y)
    clf.set_params(module__hidden_sizes=np.array([3, 3])).partial_fit(X, Y)
    with pytest.raises(ValueError, match="`module__hidden_sizes` must be as in"):
        save(clf.set_params(module__hidden_sizes=other), tmp_path / "clf")


def test_a_compiled_network_is_saved_as_it_was_before(tmp_path, monkeypatch):
    compiled = []

    class Compiled(torch.nn.Module):
        """A wrapper that names weights ``_orig_mod.*``, like torch's own wrapper."""

        def __init__(self, module):
            super().__init__()
            self._orig_mod = module

        def forward(self, *args):
            return self._orig_mod(*args)

    def compile(module, **kwargs):
        compiled.append(kwargs)
        return Compiled(module)

    monkeypatch.setattr(torch, "compile", compile)
    clf = InfoSoftmaxClassifier(compile=True, compile__mode="default", **FAST).fit(X, Y)
    save(clf, tmp_path / "clf")
    with pytest.raises(ValueError, match=r"load\(path, compile=\.\.\., compile__mode=\.\.\.\)"):
        load(tmp_path / "clf")
    compiled.clear()
    plain = load(tmp_path / "clf", compile=False, compile__mode="default")
    np.testing.assert_array_equal(plain.predict_proba(X), clf.predict_proba(X))
    assert not compiled
    again = load(tmp_path / "clf", compile=True, compile__mode="default")
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert compiled


class Counting(TinyNet):
    """A network that reads its weights while it is built, which the meta device does not allow."""

    def __init__(self, n_features, n_classes, width=8, name="x"):
        super().__init__(n_features, n_classes, width)
        self.size = float(self.layer.weight.abs().sum())


class Lazy(torch.nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.layer = torch.nn.LazyLinear(n_classes)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize("module", [Counting, Lazy])
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_modules_that_cannot_be_built_without_memory(module, tmp_path):
    clf = InfoSoftmaxClassifier(module, **FAST).fit(X, Y)
    save(clf, tmp_path / "clf")
    assert_same(load(tmp_path / "clf", module=module), clf, X, Y)


def test_a_module_of_the_callers_own_is_given_with_its_parameters(tmp_path):
    params = {"module": Counting, "module__width": 3, "module__name": "y"}
    clf = InfoSoftmaxClassifier(**params, **FAST).fit(X, Y)
    save(clf, tmp_path / "clf")
    with pytest.raises(ValueError, match=r"load\(path, module__name=\.\.\., module__width="):
        load(tmp_path / "clf", module=Counting)
    assert_same(load(tmp_path / "clf", **params), clf, X, Y)


def test_a_loaded_network_is_ready_for_prediction(fitted, tmp_path):
    save(fitted, tmp_path / "clf")
    assert not load(tmp_path / "clf").module_.training
    assert not sio.loads(sio.dumps(fitted), trusted=SKOPS_TRUSTED_TYPES).module_.training


def test_requests_of_metadata_are_kept_by_pickle_alone(tmp_path):
    with config_context(enable_metadata_routing=True):
        clf = InfoSoftmaxClassifier(**FAST).set_fit_request(sample_weight=True).fit(X, Y)
        for function in (sio.dumps, lambda clf: save(clf, tmp_path / "clf")):
            with pytest.raises(ValueError, match="not hold: _metadata_request"):
                function(clf)
        same = pickle.loads(pickle.dumps(clf))
        assert same.get_metadata_routing().fit.requests == {"sample_weight": True}


def test_weights_of_dtypes_that_numpy_lacks(tmp_path):
    class Brief(TinyNet):
        def __init__(self, n_features, n_classes):
            super().__init__(n_features, n_classes)
            self.register_buffer("seen", torch.zeros(2, dtype=torch.bfloat16))

        def _apply(self, function, recurse=True):
            super()._apply(function, recurse)
            self.seen = self.seen.bfloat16()
            return self

    clf = InfoSoftmaxClassifier(Brief, **FAST).fit(X, Y)
    with pytest.raises(ValueError, match="keeps 'seen' as torch.bfloat16"):
        save(clf, tmp_path / "clf")


def test_labels_wider_than_the_longest(tmp_path):
    clf = InfoSoftmaxClassifier(**FAST).fit(X, LABELS.astype("U90"))
    save(clf, tmp_path / "clf")
    loaded = load(tmp_path / "clf")
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


def test_arrays_and_random_states_as_parameters(tmp_path):
    clf = InfoSoftmaxClassifier(
        class_prior=np.array([0.2, 0.3, 0.5], dtype=">f8"),
        max_epochs=1,
        random_state=np.random.RandomState(0),
    ).fit(X, Y)
    save(clf, tmp_path / "clf")
    with pytest.raises(ValueError, match=r"load\(path, random_state=\.\.\.\)"):
        load(tmp_path / "clf")
    loaded = load(tmp_path / "clf", random_state=3)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    loaded = sio.loads(sio.dumps(clf), trusted=SKOPS_TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_a_classifier_of_cuda_loads_without(fitted, tmp_path):
    other = InfoSoftmaxClassifier(**FAST).fit(X, LABELS).set_params(device="cuda")
    save(other, tmp_path / "clf")
    with pytest.warns(
        UserWarning, match="finds no such CUDA device.*device='auto' is used instead"
    ):
        loaded = load(tmp_path / "clf")
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
