"""The HTML representation links to the documentation whose address the package states."""

from importlib import metadata

import pytest
from sklearn.utils import estimator_html_repr

import sksoftinfo
from sksoftinfo import InfoMaskTransformer, InfoSoftmaxClassifier, StochasticInfoClassifier
from sksoftinfo._doc_link import page_template

ESTIMATORS = [InfoSoftmaxClassifier(), StochasticInfoClassifier(), InfoMaskTransformer()]


@pytest.fixture
def stated(monkeypatch):
    """Let the installed package state other URLs."""

    def state(*urls):
        class Metadata:
            def get_all(self, name):
                return {"Project-URL": list(urls) or None}[name]

        monkeypatch.setattr(metadata, "metadata", lambda name: Metadata())
        page_template.cache_clear()

    yield state
    page_template.cache_clear()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_link_to_the_page_of_the_class(estimator, stated):
    stated("Source, https://source.example", "Documentation, https://docs.example/stable/")
    page = f"https://docs.example/stable/generated/sksoftinfo.{type(estimator).__name__}.html"
    assert f'href="{page}"' in estimator_html_repr(estimator)
    assert hasattr(sksoftinfo, type(estimator).__name__)


@pytest.mark.parametrize("urls", [(), ("Source, https://source.example",)])
def test_no_address_no_link(urls, stated):
    stated(*urls)
    for estimator in ESTIMATORS:
        assert estimator._get_doc_link() == ""
        assert "generated/" not in estimator_html_repr(estimator)


def test_derived_class_has_no_page_here(stated):
    stated("Documentation, https://docs.example")

    class Mine(InfoSoftmaxClassifier):
        pass

    assert Mine()._get_doc_link() == ""


def test_package_that_is_not_installed(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    page_template.cache_clear()
    monkeypatch.setattr(metadata, "metadata", missing)
    assert page_template() == ""
    page_template.cache_clear()
