"""What solvers report beside the coefficients."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from reference_quadratic import problems
from solver_cases import solve_lasso, solve_ridge

from skreg import QuadraticModel
from skreg.losses import get_loss
from skreg.penalties import MCP, Separable
from skreg.quadratic import EmpiricalRisk
from skreg.solvers import solve

ALPHAS = np.array([1e4, 10.0, 1.0, 0.1, 1e-2, 1e-4, 0.0])


def half_mean_squares(problem, solution):
    """½ weighted mean squared error of each λ's fit, summed over targets, from the raw rows."""
    X, y, weights = problem
    values = []
    for coef, intercept in zip(solution.coefs, solution.intercepts, strict=True):
        residual = y - X @ coef.T - intercept
        squares = residual**2 if residual.ndim == 1 else (residual**2).sum(axis=1)
        values.append(0.5 * np.average(squares, weights=weights))
    return np.array(values)


@given(problems())
def test_ridge_reports(problem):
    X, y, weights = problem
    model = QuadraticModel.from_data(X, y, weights)
    solution = solve_ridge(model.problem, ALPHAS)
    A, _ = reference.centered(X, y, weights)
    sigma = np.linalg.svd(A, compute_uv=False) ** 2
    sigma = sigma[sigma > 1e-12 * sigma.max()]
    q = model.n_targets
    expected = [q * (sigma / (sigma + alpha)).sum() for alpha in ALPHAS]
    np.testing.assert_allclose(solution.dof, expected, rtol=1e-6)
    total = half_mean_squares(problem, solution)
    np.testing.assert_allclose(solution.risk, total, rtol=1e-7, atol=1e-9 * model.null_risk)
    flat = solution.coefs.reshape(len(ALPHAS), -1)
    np.testing.assert_allclose(solution.norms, np.linalg.norm(flat, axis=1), rtol=1e-9)
    assert solution.dual_gaps is None


@given(problems())
def test_ridge_is_monotone_in_alpha(problem):
    model = QuadraticModel.from_data(*problem)
    alphas = np.r_[0.0, np.geomspace(1e-6, 1e12, 40)]
    solution = solve_ridge(model.problem, alphas)
    assert (np.diff(solution.norms) <= 1e-12 * solution.norms[0]).all()
    assert (np.diff(solution.risk) >= -1e-12 * model.null_risk).all()
    assert (np.diff(solution.dof) <= 1e-12).all()
    assert solution.norms[-1] <= 1e-8 * max(solution.norms[0], 1e-300)


@given(problems(targets=0))
def test_lasso_reports(problem):
    model = QuadraticModel.from_data(*problem)
    alphas = model.alpha_max() * np.array([1.0, 0.3, 0.1, 0.01])
    for hessian in ("full", "diagonal", "pca"):
        solution = solve_lasso(model.problem, alphas, hessian)
        total = half_mean_squares(problem, solution)
        np.testing.assert_allclose(solution.risk, total, rtol=1e-7, atol=1e-9 * model.null_risk)
        np.testing.assert_allclose(solution.norms, np.abs(solution.coefs).sum(axis=1), rtol=1e-12)
        assert (solution.n_iter >= 1).all()
        if hessian != "pca":
            np.testing.assert_array_equal(solution.dof, np.count_nonzero(solution.coefs, axis=1))
    full = solve_lasso(model.problem, alphas)
    assert (np.diff(full.norms) >= -1e-10 * full.norms.max()).all()
    assert (np.diff(full.risk) <= 1e-10 * model.null_risk).all()
    assert full.dual_gaps.max() < 1e-10


def test_a_solution_is_frozen():
    model = QuadraticModel.from_data(np.eye(3), np.arange(3.0))
    solution = solve_ridge(model.problem, np.array([0.1]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        solution.solver = "other"


def peak_of(*arguments):
    tracemalloc.start()
    solve(*arguments, tol=1e-2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("penalty", [Separable(), MCP()])
@pytest.mark.parametrize("loss", ["poisson", "quantile"])
def test_a_path_keeps_no_numbers_of_every_row_for_every_alpha(loss, penalty):
    """Nor for the λ by way of which concave penalties are followed."""
    X = np.random.default_rng(0).normal(size=(2000, 2))
    risk = EmpiricalRisk(X, np.exp(X[:, :1]), get_loss(loss))
    few = peak_of(risk, penalty, np.geomspace(0.1, 0.05, 2))
    assert peak_of(risk, penalty, np.geomspace(0.1, 0.002, 12)) < 1.2 * few
