"""Sparse rows with a large support: coordinate descent on the residual."""

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from solver_cases import lasso_alpha_max, lasso_fit

from skreg import QuadraticModel
from skreg.penalties import Separable
from skreg.quadratic import Quadratic
from skreg.solvers import working_set

PENALTIES = [
    Separable(),
    Separable(0.5),
    Separable(positive=True),
    Separable(0.7, np.r_[np.zeros(3), np.full(57, 1.5)]),
    Separable(bounds=(-0.3, np.r_[np.full(30, 0.2), np.full(30, np.inf)])),
]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(working_set, "_MANY", 1)


def rows(rng, n=40, p=60, density=0.15):
    X = rng.exponential(size=(n, p)) * (rng.random((n, p)) < density)
    return X, X[:, :5] @ [1.0, -1.0, 2.0, -2.0, 1.0] + 0.3 * rng.normal(size=n)


def model_of(X, y, weights, fit_intercept):
    return QuadraticModel(Quadratic.from_rows(sparse.csc_matrix(X), y, weights, fit_intercept))


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("fit_intercept", [True, False])
@given(rng=st.integers(0, 2**32 - 1).map(np.random.default_rng), weighted=st.booleans())
def test_equals_the_active_set_on_dense_rows(rng, weighted, penalty, fit_intercept):
    X, y = rows(rng)
    weights = rng.uniform(0.2, 2.0, size=len(X)) if weighted else None
    model = model_of(X, y, weights, fit_intercept)
    dense = QuadraticModel.from_data(X, y, weights, fit_intercept=fit_intercept)
    alphas = lasso_alpha_max(dense.problem, "full", penalty) * np.geomspace(1, 0.1, 6)
    ours = lasso_fit(model.problem, alphas, "full", 1e-9, 100_000, penalty)
    exact = lasso_fit(dense.problem, alphas, "full", 1e-9, 10_000, penalty)
    assert ours.gaps.max() <= 1e-9
    A, b = reference.centered(X, y, weights, fit_intercept)
    for alpha, one, other in zip(alphas, ours.thetas[:, 0], exact.thetas[:, 0], strict=True):
        # Both gaps bound ½‖A(θ − θ*)‖².
        assert np.sum((A @ (one - other)) ** 2) <= 1e-8 * (b @ b)
        value, best = (
            0.5 * np.sum((b - A @ theta) ** 2) + alpha * penalty.value(theta)
            for theta in (one, other)
        )
        assert value - best <= 1.01e-9 * 0.5 * (b @ b)


def test_stopping_early_says_so():
    X, y = rows(np.random.default_rng(0))
    model = model_of(X, y, None, True)
    with pytest.warns(UserWarning, match="max_iter=3 rounds"):
        model.lasso(model.alpha_max() * np.geomspace(1, 0.01, 3), tol=1e-12, max_iter=3)
