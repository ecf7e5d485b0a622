"""Paths of all rows and of every training part, found together, against each found alone."""

import numpy as np
import pytest
from fold_cases import LOSSES, alone, rows
from solver_cases import solve_newton

from skreg.losses import get_loss
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.fold_paths import solve_paths

GRIDS = {
    "fine": np.geomspace(1.0, 1e-4, 30),
    "coarse": np.geomspace(10.0, 1e-3, 3),
    "mixed and repeated": np.array([0.1, 1.0, 0.1, 0.001, 0.02]),
    "one": np.array([0.1]),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("grid", GRIDS)
def test_all_rows_and_every_part_have_the_solution_that_they_have_alone(loss, grid):
    X, y = rows(loss, 300, 5, np.random.default_rng(0), shift=2.0)
    weights = (np.arange(300)[:, None] % 5 != np.arange(5)).astype(float)
    risk, alphas = EmpiricalRisk(X, y, get_loss(loss)), GRIDS[grid]
    factors = np.array([1.0, 0.0, 2.0, 0.5, 1.0])
    whole, folds = solve_paths(risk, weights, alphas, factors, tol=1e-10)
    expected = solve_newton(risk, alphas, factors, tol=1e-11)
    assert (whole.gradient_norms <= 1e-10).all()
    for name in ("coefs", "intercepts", "norms", "risk"):
        ours, theirs = getattr(whole, name), getattr(expected, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-8, err_msg=name)
    # Newton's method keeps a Hessian for several λ: its own dof are right to some per cent.
    np.testing.assert_allclose(whole.dof, expected.dof, rtol=0.03)
    assert whole.solver == expected.solver

    coefs, intercepts = alone(X, y, loss, weights, alphas, factors)
    solved = folds.gradient_norms <= 1e-10
    assert folds.coefs.shape == coefs.shape
    assert solved.mean() > 0.9
    assert np.allclose(folds.coefs[solved], coefs[solved], rtol=0, atol=1e-7)
    assert np.allclose(folds.intercepts[solved], intercepts[solved], rtol=0, atol=1e-7)


def test_shares_need_not_be_equal():
    rng = np.random.default_rng(1)
    X, y = rows("binary_log_loss", 200, 3, rng)
    sizes = rng.uniform(0.5, 2.0, 200)
    weights = sizes[:, None] * (np.arange(200)[:, None] % 4 != np.arange(4))
    risk = EmpiricalRisk(X, y, get_loss("binary_log_loss"), sizes)
    alphas = np.geomspace(1.0, 1e-3, 8)
    whole, _ = solve_paths(risk, weights, alphas, tol=1e-10)
    expected = solve_newton(risk, alphas, tol=1e-11)
    np.testing.assert_allclose(whole.coefs, expected.coefs, rtol=1e-7, atol=1e-9)
