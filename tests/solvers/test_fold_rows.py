"""Newton steps of each column by itself, beside those by a Hessian that is written out."""

import numpy as np
import pytest

from skreg.losses import LOSSES
from skreg.quadratic import EmpiricalRisk
from skreg.solvers.fold_paths import solve_paths
from skreg.solvers.fold_rows import RowHessians


def problem(rng, n, p, loss="binary_log_loss", intercept=True):
    X = rng.normal(size=(n, p)) + 1.0
    y = (rng.random((n, 1)) < 0.5).astype(np.float64)
    return EmpiricalRisk(X, y, LOSSES[loss](), fit_intercept=intercept), X


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 1e-6])
def test_a_step_is_that_of_the_hessian(alpha, intercept):
    rng = np.random.default_rng(0)
    risk, X = problem(rng, 20, 30, intercept=intercept)
    factors, raw = rng.uniform(0.5, 2.0, size=30), rng.normal(size=(20, 3))
    shares = rng.random((20, 3)) * (rng.random((20, 3)) < 0.8)
    g, alphas = rng.normal(size=(3, 1, 31)), np.full(3, alpha)
    if not intercept:
        g[:, :, -1] = 0.0
    found = RowHessians.of(risk, factors).solve(g, alphas, raw, shares)
    ones = np.column_stack([X - risk.design.center, np.ones(20)])
    for a in range(3):
        p = 1.0 / (1.0 + np.exp(-raw[:, a]))
        system = (ones.T * (shares[:, a] * p * (1.0 - p))) @ ones
        system += alpha * np.diag(np.append(factors, 0.0))
        if not intercept:
            system[:-1, -1] = system[-1, :-1] = 0.0
        np.testing.assert_allclose(system @ found[a, 0], g[a, 0], rtol=1e-7, atol=1e-7)


def test_who_takes_such_steps():
    """Few rows with as many features, all of which have a penalty."""
    rng = np.random.default_rng(0)
    wide, tall = problem(rng, 30, 40)[0], problem(rng, 40, 10)[0]
    assert RowHessians.of(wide, np.ones(40)) is not None
    assert RowHessians.of(wide, np.r_[0.0, np.ones(39)]) is None
    assert RowHessians.of(tall, np.ones(10)) is None
    flat = RowHessians.of(wide, np.ones(40))
    none = flat.solve(np.ones((1, 1, 41)), np.ones(1), np.full((30, 1), 1e4), np.ones((30, 1)))
    assert none is None or np.isfinite(none).all()


def test_paths_of_classes_that_are_told_apart_take_few_steps():
    """Each training part solves a problem of its own, as its gradient shows."""
    rng = np.random.default_rng(0)
    risk, X = problem(rng, 60, 200)
    weights = 1.0 - np.repeat(np.eye(5), 12, axis=0)
    alphas = np.geomspace(0.1, 1e-5, 20)
    *folds, whole = solve_paths(risk, weights, alphas, tol=1e-6)
    assert (whole.gradient_norms <= 1e-6).all()
    assert all((fold.gradient_norms <= 1e-6).all() for fold in folds)
    assert np.median([fold.n_iter for fold in folds]) <= 3
    for f, fold in enumerate(folds):
        rows = weights[:, f] > 0
        for i in (0, 10, 19):
            theta, b = fold.thetas[i, 0], fold.intercepts[i, 0]
            error = 1.0 / (1.0 + np.exp(-X[rows] @ theta - b)) - risk.y[rows, 0]
            slope = error @ X[rows] / 48 + alphas[i] * theta
            assert np.abs(slope).max() < 3e-6
            assert abs(error.mean()) < 3e-6
