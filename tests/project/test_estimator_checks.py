"""scikit-learn's own checks: all of them, with no expected failure and no skip."""

from unittest import SkipTest

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from sksoftinfo import (
    InfoMaskTransformer,
    InfoSoftmaxClassifier,
    InfoStackClassifier,
    StochasticInfoClassifier,
)
from sksoftinfo._classifiers import plan
from tests._classifiers.test_stochastic_info import NoisyFeatures

DEFAULT = [InfoSoftmaxClassifier(), StochasticInfoClassifier(), InfoMaskTransformer()]
ESTIMATORS = [
    *DEFAULT,
    InfoSoftmaxClassifier(
        module__hidden_sizes=(16,),
        optimizer__weight_decay=1e-4,
        iterator_train__drop_last=False,
        callbacks__print_log__floatfmt=".3f",
    ),
    InfoSoftmaxClassifier(class_prior="empirical", decision="information"),
    StochasticInfoClassifier(noise="dropout", max_epochs=20),
    StochasticInfoClassifier(noise="gaussian", max_epochs=20),
    StochasticInfoClassifier(noise="latent", max_epochs=20),
    StochasticInfoClassifier(noise="latent", beta=0.01, max_epochs=20),
    StochasticInfoClassifier(noise="ensemble", n_draws=4),
    StochasticInfoClassifier(NoisyFeatures, noise="module"),
    StochasticInfoClassifier(n_draws=8, module__hidden_sizes=(16,), optimizer__weight_decay=1e-4),
    InfoStackClassifier(members="quick"),
    InfoMaskTransformer(
        InfoSoftmaxClassifier(module__hidden_sizes=(16,), max_epochs=10), batch_size=7
    ),
    InfoMaskTransformer(LogisticRegression(), threshold_reference="fit", information="pmi"),
]


# Checks of learned results, and of results that differ more after longer training.
OF_WHOLE_TRAININGS = {
    "check_class_weight_classifiers",
    "check_classifiers_classes",
    "check_classifiers_train",
    "check_sample_weight_equivalence_on_dense_data",
}


@pytest.fixture
def few_steps(monkeypatch):
    """Return the default network of a table, trained for few steps, or for the fewest epochs."""
    monkeypatch.setattr(plan, "_STEPS", 40)
    monkeypatch.setattr(plan, "_FEW_ROWS_STEPS", 8)


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check, request):
    is_whole = check.func.__name__ in OF_WHOLE_TRAININGS and not check.keywords
    if estimator not in DEFAULT or not is_whole:
        request.getfixturevalue("few_steps")
    try:
        check(estimator)
    except SkipTest as error:
        pytest.fail(f"skipped: {error}")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_no_estimator_claims_to_be_random(estimator):
    assert get_tags(estimator).non_deterministic is False


ON_CUDA = [
    InfoSoftmaxClassifier(device="cuda"),
    InfoMaskTransformer(
        InfoSoftmaxClassifier(device="cuda", module__hidden_sizes=(16,), max_epochs=5)
    ),
]


@pytest.mark.parametrize("estimator", ON_CUDA, ids=lambda estimator: type(estimator).__name__)
def test_on_a_device(cuda, few_steps, estimator):
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert [one["exception"] for one in results if one["status"] != "passed"] == []
    assert len(results) > 40


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_no_check_is_left_out_or_excused(estimator):
    (cases,) = (mark.args[1] for mark in test_check.pytestmark)
    # An excused check has a mark, and is not a plain tuple.
    assert {type(case) for case in cases} == {tuple}
    assert sum(one is estimator for one, _ in cases) > 40


@pytest.mark.parametrize("estimator", DEFAULT[:2], ids=str)
def test_checks_of_whole_trainings_are_among_them(estimator):
    (cases,) = (mark.args[1] for mark in test_check.pytestmark)
    assert OF_WHOLE_TRAININGS <= {check.func.__name__ for one, check in cases if one is estimator}
