"""Degrees of freedom are counted when somebody asks, and leave no rows behind."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_regression

from skreg import (
    PathSearchCV,
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.solvers import degrees_of_freedom

N, P = 20, 30


@pytest.fixture(scope="module")
def rows():
    X, y = make_regression(n_samples=N, n_features=P, n_informative=4, noise=5.0, random_state=0)
    return X, y / y.std()


@pytest.fixture
def counted(monkeypatch):
    """How many λ were counted by decompositions so far."""
    calls, count = [], degrees_of_freedom.degrees_of_freedom
    monkeypatch.setattr(
        degrees_of_freedom, "degrees_of_freedom", lambda *a: calls.append(1) or count(*a)
    )
    return calls


MODELS = {
    "elastic net": (QuadraticApproxLasso(l1_ratio=0.5), None),
    "groups": (QuadraticApproxLasso(groups=np.arange(P) // 3), None),
    "classes": (QuadraticApproxLassoClassifier(l1_ratio=0.5), lambda y: y > 0),
    "ridge": (QuadraticApproxRidgeClassifier(), lambda y: y > 0),
    "three classes": (QuadraticApproxRidgeClassifier(), lambda y: np.digitize(y, [-0.5, 0.5])),
    "counts": (QuadraticApproxRidge(loss="poisson"), lambda y: np.round(np.exp(y))),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_path_counts_when_asked_and_once(name, rows, counted):
    model, of = MODELS[name]
    X, y = rows[0], rows[1] if of is None else of(rows[1])
    path = model.regularization_path(X, y, [0.3, 0.1, 0.03])
    fitted = path.estimator(0.1)
    assert not counted
    assert "effective_dof_" not in dir(fitted)
    one = fitted.effective_dof_
    assert fitted.effective_dof_ == one
    assert len(counted) == 1
    dof = path.dof
    assert path.dof is dof
    assert len(counted) == 3
    assert one == pytest.approx(dof[1], rel=1e-12)
    alone = type(model)(**{**model.get_params(), "alpha": 0.1}).fit(X, y)
    assert alone.effective_dof_ == pytest.approx(dof[1], rel=1e-4)


def test_the_lasso_is_counted_at_once(rows, counted):
    path = QuadraticApproxLasso().regularization_path(*rows, [0.3, 0.1])
    np.testing.assert_array_equal(path.dof, path.n_nonzero)
    assert not counted


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_the_numbers_and_not_the_rows(duplicate, rows):
    X = rows[0] + 0.0
    path = QuadraticApproxLassoClassifier(l1_ratio=0.5).regularization_path(X, rows[1] > 0, [0.1])
    fitted = path.estimator(0.1)
    twins = duplicate(path), duplicate(fitted)
    X[:] = np.nan  # a copy that still referred to the rows would count NaN
    assert 0 < twins[0].dof[0] < N
    assert twins[1].effective_dof_ == twins[0].dof[0]
    assert not callable(twins[1]._dof)
    assert X[:2].tobytes() not in pickle.dumps(fitted)


def test_a_fit_counts_one_and_refers_to_no_path(rows, counted):
    model = QuadraticApproxLasso(alpha=0.1, l1_ratio=0.5).fit(*rows)
    assert len(counted) == 1
    assert isinstance(vars(model)["_dof"], float)
    bounded = QuadraticApproxLasso(norm_bound=0.5, l1_ratio=0.5).fit(*rows)
    assert len(counted) == 2
    assert bounded.effective_dof_ > 0


@pytest.mark.parametrize("scoring", ["r2", lambda model, X, y: model.score(X, y)])
def test_folds_of_a_search_count_nothing(scoring, rows, counted):
    model = QuadraticApproxLasso(l1_ratio=0.5)
    PathSearchCV(model, [0.3, 0.1, 0.03], cv=3, scoring=scoring, refit=False).fit(*rows)
    assert not counted


@pytest.mark.parametrize("loss", ["classes", "poisson"])
def test_the_path_of_a_search_counts_what_a_fit_does(loss, rows):
    X, y = rows
    model = QuadraticApproxRidge(loss="poisson")
    y = np.round(np.exp(y))
    if loss == "classes":
        model, y = QuadraticApproxRidgeClassifier(), y > np.median(y)
    alphas = np.geomspace(1, 1e-2, 30)
    search = PathSearchCV(model, alphas, cv=3).fit(X[:, :5], y)
    for i in (0, 7, 29):
        alone = clone(model).set_params(alpha=search.path_.alphas[i]).fit(X[:, :5], y)
        assert search.path_.dof[i] == pytest.approx(alone.effective_dof_, rel=1e-6)
