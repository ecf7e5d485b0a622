"""The HTML of estimators links to their pages in the reference."""

import re
from pathlib import Path

import pytest
from sklearn.utils._repr_html.estimator import estimator_html_repr

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxRidgeClassifier,
    RegularizedMLPClassifier,
)
from skreg.datasets import PlaygroundFeatures
from skreg.preprocessing import PiecewiseLinearEncoder

REFERENCE = (Path(__file__).parent.parent / "docs/api/index.rst").read_text(encoding="utf-8")
ESTIMATORS = [
    QuadraticApproxLasso(),
    QuadraticApproxRidgeClassifier(),
    RegularizedMLPClassifier(),
    PathSearchCV(QuadraticApproxLasso()),
    PlaygroundFeatures(),
    PiecewiseLinearEncoder(),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_links_lead_to_pages_of_the_reference(estimator, monkeypatch):
    monkeypatch.setenv("SKREG_DOCS", "https://example.org/skreg/")
    html = estimator_html_repr(estimator)
    module, name = re.search(
        r'href="https://example\.org/skreg/api/_generated/([\w.]+)\.(\w+)\.html"', html
    ).groups()
    assert name == type(estimator).__name__
    sections = REFERENCE.split("currentmodule:: ")
    named = [s for s in sections if s.startswith(f"{module}\n") and f"\n   {name}\n" in s]
    assert len(named) == 1


def test_parameters_link_to_their_texts(monkeypatch):
    monkeypatch.setenv("SKREG_DOCS", "https://example.org")
    html = estimator_html_repr(QuadraticApproxLasso())
    assert "skreg.QuadraticApproxLasso.html#:~:text=alpha" in html


def test_classes_of_others_do_not_link_here(monkeypatch):
    class Mine(QuadraticApproxLasso):
        pass

    monkeypatch.setenv("SKREG_DOCS", "https://example.org")
    assert Mine()._get_doc_link() == ""


def test_pages_beside_the_package_or_none(monkeypatch, tmp_path):
    monkeypatch.delenv("SKREG_DOCS", raising=False)
    from skreg import _documentation

    monkeypatch.setattr(_documentation, "__file__", str(tmp_path / "skreg" / "_documentation.py"))
    built = tmp_path / "docs" / "_build" / "html"
    built.mkdir(parents=True)
    _documentation.built_or_published.cache_clear()
    link = QuadraticApproxLasso()._get_doc_link()
    assert link == "" or link.startswith("http")  # what the installed package names, if it does
    (built / "index.html").touch()
    _documentation.built_or_published.cache_clear()
    assert QuadraticApproxLasso()._get_doc_link() == (
        f"{built.as_uri()}/api/_generated/skreg.QuadraticApproxLasso.html"
    )
    _documentation.built_or_published.cache_clear()
