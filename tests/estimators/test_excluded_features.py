"""Ridges with ``penalty_factors=inf``: the fit of the other columns, with coefficients of 0."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from skreg import PathSearchCV, QuadraticApproxRidge, QuadraticApproxRidgeClassifier

SHAPES = {"tall": (60, 8), "wide": (25, 60)}
MADE = {"dense": np.asarray, "csr": sparse.csr_array}
ALPHAS = np.array([1.0, 0.1, 1e-3])
OPTIONS = {
    "squares": {},
    "no intercept": {"fit_intercept": False},
    "huber": {"loss": "huber"},
    "far huber": {"loss": "huber", "delta": 1e-6},
    "poisson": {"loss": "poisson"},
    "one shot": {"loss": "poisson", "max_expansions": 1},
    "quantile": {"loss": "quantile"},
    "bound": {"norm_bound": 0.05},
    "bound, poisson": {"loss": "poisson", "norm_bound": 0.05},
}


def data(shape):
    n, p = SHAPES[shape]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) + 0.5
    y = rng.poisson(np.exp(0.5 * X[:, 0] - 0.3 * X[:, 1])).astype(float)
    factors = rng.uniform(0.5, 2.0, p)
    factors[2] = 0.0
    factors[[0, 5]] = np.inf
    return X, y, factors, np.isfinite(factors)


def pair(model, X, factors, made=np.asarray):
    """The model with factors on X, and the same without the features that are excluded."""
    kept = np.isfinite(factors)
    return (
        (clone(model).set_params(penalty_factors=factors), made(X)),
        (clone(model).set_params(penalty_factors=factors[kept]), made(X[:, kept])),
    )


def agree(coefs, others, kept, rtol=1e-6):
    assert (coefs[..., ~kept] == 0).all()
    atol = 1e-7 * np.abs(others).max()
    np.testing.assert_allclose(coefs[..., kept], others, rtol=rtol, atol=atol)


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", OPTIONS)
def test_fits(name, shape, made):
    X, y, factors, kept = data(shape)
    (model, rows), (other, fewer) = pair(
        QuadraticApproxRidge(0.1, store_quadratic=True, **OPTIONS[name]), X, factors, MADE[made]
    )
    model.fit(rows, y), other.fit(fewer, y)
    agree(model.coef_, other.coef_, kept)
    assert model.effective_dof_ == pytest.approx(other.effective_dof_, rel=1e-5)
    np.testing.assert_allclose(model.predict(rows), other.predict(fewer), rtol=1e-5, atol=1e-9)
    if name not in ("quantile", "one shot"):
        assert model.gradient_norm_ <= 1e-8


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["squares", "huber", "poisson", "quantile"])
def test_paths_and_searches(name, shape):
    X, y, factors, kept = data(shape)
    (model, rows), (other, fewer) = pair(QuadraticApproxRidge(**OPTIONS[name]), X, factors)
    path, short = (m.regularization_path(x, y, ALPHAS) for m, x in ((model, rows), (other, fewer)))
    agree(path.coefs, short.coefs, kept)
    np.testing.assert_allclose(path.dof, short.dof, rtol=1e-5)
    for cv in (3, "loo"):
        if cv == "loo" and name == "quantile":
            continue
        found, less = (
            PathSearchCV(m, ALPHAS, cv=cv, tol=0).fit(x, y)
            for m, x in ((model, rows), (other, fewer))
        )
        scores = (s.cv_results_["mean_test_score"] for s in (found, less))
        np.testing.assert_allclose(*scores, rtol=1e-4 if cv == "loo" else 1e-6)
        agree(found.best_estimator_.coef_, less.best_estimator_.coef_, kept)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_classes(n_classes, dtype):
    X, y, factors, kept = data("tall")
    labels = np.minimum(y, n_classes - 1).astype(int)
    base = QuadraticApproxRidgeClassifier(0.05)
    (model, rows), (other, fewer) = pair(base, X.astype(dtype), factors)
    model.fit(rows, labels), other.fit(fewer, labels)
    agree(model.coef_, other.coef_, kept, 1e-6 if dtype == np.float64 else 1e-4)
    assert model.gradient_norm_ <= (1e-8 if dtype == np.float64 else 1e-5)


def test_targets_with_a_strength_each():
    X, y, factors, kept = data("tall")
    Y = np.column_stack([y, y[::-1]])
    (model, rows), (other, fewer) = pair(QuadraticApproxRidge([0.1, 1.0]), X, factors)
    agree(model.fit(rows, Y).coef_, other.fit(fewer, Y).coef_, kept)
    assert model.gradient_norm_ <= 1e-8


def test_sparse_rows_that_are_too_large_to_decompose(monkeypatch):
    monkeypatch.setattr("skreg.quadratic.quadratic._LARGE", 10)
    X, y, factors, kept = data("wide")
    (model, rows), (other, fewer) = pair(QuadraticApproxRidge(0.1), X, factors, sparse.csr_array)
    agree(model.fit(rows, y).coef_, other.fit(fewer, y).coef_, kept, 1e-5)
    assert model.solver_ == "cg"


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_all_features_excluded(loss):
    X, y, _, _ = data("tall")
    model = QuadraticApproxRidge(0.1, loss=loss, penalty_factors=np.full(8, np.inf)).fit(X, y)
    assert not model.coef_.any()
    np.testing.assert_allclose(model.predict(X), y.mean(), rtol=1e-6)


@pytest.mark.parametrize("factor", [-1.0, np.nan])
def test_factors_that_are_none(factor):
    X, y, _, _ = data("tall")
    factors = np.r_[factor, np.ones(7)]
    for model in (QuadraticApproxRidge(), QuadraticApproxRidgeClassifier()):
        model.set_params(penalty_factors=factors)
        with pytest.raises(ValueError, match=r"penalty_factors must be .*feature 0\. Use 0 .* inf"):
            model.fit(X, y > 0)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson", "classes"])
def test_without_any_feature_nothing_is_printed(loss, capfd):
    X, y, factors, _ = data("tall")
    nothing = np.full_like(factors, np.inf)
    if loss == "classes":
        model = QuadraticApproxRidgeClassifier(penalty_factors=nothing).fit(X, y > 1)
    else:
        model = QuadraticApproxRidge(penalty_factors=nothing, loss=loss).fit(X, y)
    assert not model.coef_.any()
    assert model.effective_dof_ == 0
    assert capfd.readouterr() == ("", "")
