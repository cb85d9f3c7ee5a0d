"""A pretrained network is used unchanged, and is never trained."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sksoftinfo import InfoSoftmaxClassifier, cross_val_bounds, information_bounds, load, save
from sksoftinfo._classifiers.file_content import check_fitted
from sksoftinfo.export import log_proba_module
from sksoftinfo.metrics import mi_lower_scorer
from tests.helpers.pretrained import Flattening, pretrained_network

NAMES = ["tabby", "beagle", "car"]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(12, 3, 16, 16)).astype(np.float32)


def own_probabilities(module, images):
    with torch.no_grad():
        return torch.softmax(copy.deepcopy(module).eval()(torch.as_tensor(images)), 1).numpy()


@pytest.mark.parametrize("input_shape", [None, (3, 16, 16)])
def test_columns_are_the_networks_outputs_under_the_names_given(images, input_shape):
    module = pretrained_network()
    clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES, input_shape=input_shape)
    expected = own_probabilities(module, images)
    assert clf.classes_.tolist() == NAMES
    np.testing.assert_allclose(clf.predict_proba(images), expected, rtol=1e-4, atol=1e-6)
    assert clf.predict(images).tolist() == [NAMES[i] for i in expected.argmax(1)]
    y = np.array(NAMES)[np.arange(12) % 3]
    bounds = clf.score_bounds(images, y)
    own = expected[np.arange(12), np.arange(12) % 3]
    assert bounds.log_softmax == pytest.approx(np.log(own).mean(), abs=1e-4)
    by_probabilities = information_bounds(y, expected, labels=NAMES)
    assert bounds.mi_lower == pytest.approx(by_probabilities.mi_lower, abs=1e-4)
    assert mi_lower_scorer(clf, images, y) == pytest.approx(bounds.mi_lower)
    pointwise = clf.pointwise_information(images)
    np.testing.assert_allclose(pointwise, np.log(3 * expected), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("classes", [[2, 0, 1], [True, False], [0.5, -1.0, 2.0]])
def test_numbers_name_outputs_in_any_order(images, classes):
    module = pretrained_network(len(classes))
    clf = InfoSoftmaxClassifier.from_module(module, classes=classes)
    index = np.arange(12) % len(classes)
    bounds = clf.score_bounds(images, np.array(classes)[index])
    own = own_probabilities(module, images)[np.arange(12), index]
    assert bounds.log_softmax == pytest.approx(np.log(own).mean(), abs=1e-4)


def test_nothing_trains_it_and_the_network_given_stays_as_it_was(images):
    module = pretrained_network()
    before = copy.deepcopy(module.state_dict())
    clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES)
    own = copy.deepcopy(clf.module_.state_dict())
    y = np.array(NAMES)[np.arange(12) % 3]
    refusals = [
        lambda: clf.fit(images, y),
        lambda: clf.partial_fit(images, y, classes=NAMES),
        lambda: clone(clf).fit(images, y),
        lambda: make_pipeline(FunctionTransformer(), clf).fit(images, y),
        lambda: cross_val_bounds(clf, images, y, cv=2),
        lambda: GridSearchCV(
            clf, {"decision": ["posterior"]}, cv=2, error_score="raise", scoring="accuracy"
        ).fit(images, y),
    ]
    for refused in refusals:
        with pytest.raises(ValueError, match="never trained"):
            refused()
    clf.module_.train()
    clf.predict_proba(images)
    assert not any(part.training for part in clf.module_.modules())
    frozen = make_pipeline(FunctionTransformer(), FrozenEstimator(clf)).fit(images, y)
    np.testing.assert_array_equal(frozen.predict_proba(images), clf.predict_proba(images))
    assert clone(clf) is clf and clone(frozen)[-1].estimator is clf
    grid = {"functiontransformer__validate": [False]}
    search = GridSearchCV(frozen, grid, cv=2, error_score="raise").fit(images, y)
    np.testing.assert_array_equal(search.predict(images), clf.predict(images))
    assert module.training and all(p.requires_grad for p in module.parameters())
    for states in ((before, module.state_dict()), (own, clf.module_.state_dict())):
        for name, value in states[0].items():
            assert torch.equal(value, states[1][name]), name


def test_the_network_given_may_change_afterwards_and_may_be_of_another_dtype(images):
    module = pretrained_network().double()
    clf = InfoSoftmaxClassifier.from_module(module, classes=NAMES)
    expected = clf.predict_proba(images)
    with torch.no_grad():
        module.head.weight.zero_()
    np.testing.assert_array_equal(clf.predict_proba(images.astype(np.float64)), expected)
    assert {weight.dtype for weight in clf.module_.parameters()} == {torch.float32}
    assert module.head.weight.dtype == torch.float64


def test_parameters_are_settled_but_two(images):
    clf = InfoSoftmaxClassifier.from_module(
        pretrained_network(), classes=NAMES, prior=[0.8, 0.1, 0.1]
    )
    expected = clf.predict_proba(images)
    for name, value in (("lr", 0.1), ("module", None), ("dtype", "float64"), ("max_epochs", 3)):
        with pytest.raises(ValueError, match=f"`{name}` must not be set"):
            clf.set_params(**{name: value})
    with pytest.raises(ValueError, match="Invalid parameter|must not be set"):
        clf.set_params(nonsense=1)
    with pytest.raises(ValueError, match="batch_size"):
        clf.set_params(batch_size=0)
    clf.set_params(batch_size=5, **{"lr": clf.lr, "module": clf.module})
    assert clf.net_.batch_size == 5
    np.testing.assert_allclose(clf.predict_proba(images), expected, rtol=1e-5)
    clf.set_params(decision="information")
    information = np.log(expected) - np.log([0.8, 0.1, 0.1])
    assert clf.predict(images).tolist() == [NAMES[i] for i in information.argmax(1)]


def test_copies_and_pickles_predict_the_same(images):
    clf = InfoSoftmaxClassifier.from_module(pretrained_network(), classes=NAMES)
    expected = clf.predict_proba(images)
    pickled = pickle.dumps(clf)
    for other in (copy.deepcopy(clf), pickle.loads(pickled)):
        np.testing.assert_array_equal(other.predict_proba(images), expected)
        assert other.module is other.module_ and clone(other) is other
    weights = sum(value.numel() for value in clf.module_.state_dict().values())
    assert len(pickled) < 4 * weights + 20_000


def test_export(images):
    clf = InfoSoftmaxClassifier.from_module(pretrained_network(), classes=NAMES)
    with torch.no_grad():
        found = log_proba_module(clf)(torch.as_tensor(images)).numpy()
    np.testing.assert_allclose(found, clf.predict_log_proba(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"classes": ["a", "b", "a"]}, ValueError, "must be distinct; got .* more than once"),
        ({"classes": ["a", 1, "b"]}, ValueError, "labels of one type"),
        ({"classes": ["a", None, "b"]}, ValueError, "missing"),
        ({"classes": ["a"]}, ValueError, "at least two outputs"),
        ({"classes": [["a", "b", "c"]]}, ValueError, "one-dimensional"),
        ({"classes": ["a", "b"], "input_shape": (3, 8, 8)}, ValueError, "shape"),
        ({"input_shape": (3, 0, 8)}, ValueError, "`input_shape` must be"),
        ({"input_shape": "rgb"}, ValueError, "`input_shape` must be"),
        ({"prior": [0.5, 0.5]}, ValueError, "`prior`|prior"),
        ({"prior": "empirical"}, ValueError, "prior"),
        ({"device": "abacus"}, ValueError, "abacus"),
        ({"module": torch.nn.ReLU}, TypeError, "must be a torch.nn.Module; got the class ReLU"),
        ({"module": "resnet18"}, TypeError, "must be a torch.nn.Module"),
    ],
)
def test_what_is_refused(options, error, message):
    options = {"module": pretrained_network(), "classes": NAMES, **options}
    with pytest.raises(error, match=message):
        InfoSoftmaxClassifier.from_module(options.pop("module"), **options)


def test_rows_of_another_shape_or_number_of_outputs_are_refused(images):
    clf = InfoSoftmaxClassifier.from_module(
        pretrained_network(), classes=NAMES, input_shape=(3, 16, 16)
    )
    message = r"the `input_shape` of from_module; got .*\(3, 8, 8\).* or call from_module without"
    with pytest.raises(ValueError, match=message):
        clf.predict(images[:, :, :8, :8])
    any_shape = InfoSoftmaxClassifier.from_module(pretrained_network(), classes=NAMES)
    assert any_shape.predict_proba(images[:, :, :8, :12]).shape == (12, 3)
    with pytest.raises(ValueError, match="logits of shape"):
        InfoSoftmaxClassifier.from_module(pretrained_network(), classes=list("abcd")).predict(
            images
        )


@pytest.mark.parametrize("input_shape", [None, (3, 16, 16)])
def test_a_file_holds_the_weights_and_is_given_the_network_again(images, tmp_path, input_shape):
    pytest.importorskip("safetensors")
    clf = InfoSoftmaxClassifier.from_module(
        pretrained_network(), classes=NAMES, prior=[0.6, 0.3, 0.1], input_shape=input_shape
    )
    save(clf, tmp_path / "network")
    for module in (pretrained_network(seed=1), Flattening):
        other = load(tmp_path / "network", module=module)
        np.testing.assert_array_equal(other.predict_proba(images), clf.predict_proba(images))
        assert other.classes_.tolist() == NAMES and clone(other) is other
        assert other.train_prior_.tolist() == clf.train_prior_.tolist()
        assert other.input_shape_ == input_shape
        with pytest.raises(ValueError, match="never trained"):
            other.fit(images, NAMES * 4)
        save(other, tmp_path / "again")
    with pytest.raises(ValueError, match="module=..."):
        load(tmp_path / "network")
    with pytest.raises(ValueError, match="cannot be built from these"):
        load(tmp_path / "network", module=pretrained_network(4))


def test_a_file_whose_classes_are_not_distinct_is_refused():
    fitted = {
        "classes_": np.array(["b", "a", "b"]),
        "input_shape_": None,
        "_label_weight": np.full(3, 1 / 3),
        "train_prior_": np.full(3, 1 / 3),
        "class_prior_": np.full(3, 1 / 3),
        "categories_": None,
        "_missing": np.arange(0),
        "_n_members": 0,
    }
    with pytest.raises(ValueError, match="distinct"):
        check_fitted(fitted, stochastic=False, pretrained=True)
    check_fitted(
        {**fitted, "classes_": np.array(["b", "a", "c"])}, stochastic=False, pretrained=True
    )
    with pytest.raises(ValueError, match="sorted"):
        check_fitted(
            {**fitted, "classes_": np.array(["b", "a", "c"]), "input_shape_": (1,)}
            | {"n_features_in_": 1},
            stochastic=False,
        )
