"""Paths of all rows and of every training part, found together, against each found alone."""

import numpy as np
import pytest
from fold_cases import LOSSES, alone, of_folds, rows
from solver_cases import solve_newton

from skreg.losses import get_loss
from skreg.penalties import Separable
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import Task
from skreg.solvers.fold_model import FoldModel
from skreg.solvers.fold_paths import solve_paths
from skreg.solvers.newton import Newton
from skreg.solvers.solve import reported

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
    *folds, answer = solve_paths(risk, weights, alphas, factors, tol=1e-10)
    whole = reported(Task(risk, Separable(0.0, factors), alphas), answer, Newton(), 1e-10, risk)
    expected = solve_newton(risk, alphas, factors, tol=1e-11)
    assert (whole.gradient_norms <= 1e-10).all()
    for name in ("coefs", "intercepts", "norms", "risk"):
        ours, theirs = getattr(whole, name), getattr(expected, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-8, err_msg=name)
    # Newton's method keeps a Hessian for several λ: its own dof are right to some per cent.
    np.testing.assert_allclose(whole.dof, expected.dof, rtol=0.03)
    assert whole.solver == expected.solver

    coefs, intercepts = alone(X, y, loss, weights, alphas, factors)
    thetas, b, norms = of_folds(folds)
    solved = norms <= 1e-10
    assert thetas.shape == coefs.shape
    assert solved.mean() > 0.9
    assert np.allclose(thetas[solved], coefs[solved], rtol=0, atol=1e-7)
    assert np.allclose(b[solved], intercepts[solved], rtol=0, atol=1e-7)


def test_shares_need_not_be_equal():
    rng = np.random.default_rng(1)
    X, y = rows("binary_log_loss", 200, 3, rng)
    sizes = rng.uniform(0.5, 2.0, 200)
    weights = sizes[:, None] * (np.arange(200)[:, None] % 4 != np.arange(4))
    risk = EmpiricalRisk(X, y, get_loss("binary_log_loss"), sizes)
    alphas = np.geomspace(1.0, 1e-3, 8)
    whole = solve_paths(risk, weights, alphas, tol=1e-10)[-1]
    expected = solve_newton(risk, alphas, tol=1e-11)
    np.testing.assert_allclose(whole.thetas[:, 0], expected.coefs, rtol=1e-7, atol=1e-9)


def test_logarithms_need_not_tell_every_two_lambdas_apart():
    X, y = rows("binary_log_loss", 60, 2, np.random.default_rng(2))
    weights = (np.arange(60)[:, None] % 3 != np.arange(3)).astype(float)
    risk = EmpiricalRisk(X, y, get_loss("binary_log_loss"))
    alphas = np.array([np.nextafter(1e3, np.inf), 1.0, 1e3, 0.1, 1e-3, np.nextafter(1e-3, 1.0)])
    assert len(np.unique(np.log(alphas))) < len(np.unique(alphas))
    expected = solve_newton(risk, alphas[[0, 1, 3, 4]], tol=1e-11)
    expected = expected.coefs[[0, 1, 0, 2, 3, 3]]
    np.testing.assert_allclose(solve_newton(risk, alphas, tol=1e-11).coefs, expected, rtol=1e-7)
    for kept in (slice(None), slice(3)):
        whole = solve_paths(risk, weights, alphas[kept], tol=1e-10)[-1]
        np.testing.assert_allclose(whole.thetas[:, 0], expected[kept], rtol=1e-7, atol=1e-9)


def test_where_solutions_stay_alike_one_hessian_serves(monkeypatch):
    X, y = rows("binary_log_loss", 10000, 30, np.random.default_rng(2))
    taken, renew = [], FoldModel.renew

    def counted(model, alpha, *point):
        taken.append(alpha)
        renew(model, alpha, *point)

    monkeypatch.setattr(FoldModel, "renew", counted)
    weights = (np.arange(10000)[:, None] % 5 != np.arange(5)).astype(float)
    risk, alphas = EmpiricalRisk(X, y, get_loss("binary_log_loss")), np.geomspace(1e-6, 1e-12, 9)
    *_, whole = solve_paths(risk, weights, alphas, tol=1e-8, fold_tol=1e-5)
    assert (whole.gradient_norms <= 1e-8).all()
    assert set(taken) == {alphas[0]}
