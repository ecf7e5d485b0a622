"""The kernels that solve a quadratic on a working set."""

import numpy as np
import pytest

from skreg.model import QuadraticModel
from skreg.penalties import Group, Separable
from skreg.rows.products import EPS
from skreg.solvers import group_rows, smoothed_groups
from skreg.solvers.inner import CoefficientBlocks, inner_kernel
from skreg.solvers.working_set import PenalizedQuadratic, WorkingSet


def stiff(seed):
    """A nearly singular least-squares problem whose features have very different scales."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(9, size=23)
    penalty = Group([np.flatnonzero(labels == g) for g in np.unique(labels)])
    A = rng.normal(size=(15, 23)) * 10.0 ** rng.uniform(-1, 2, size=23) + rng.choice([0.0, 100.0])
    root = np.where(rng.random(15) < 0.4, 1e-3, 1.0)
    return penalty, root[:, None] * A, 10 * root * rng.normal(size=15)


def relative_gap(penalty, A, b, theta, alpha, dual=None):
    """By the dual point s·(b − Aθ′), where ``dual`` is θ′: θ itself by default."""
    r, other = (b - x @ A.T for x in (theta, theta if dual is None else dual))
    slope = other @ A
    s = min(1.0, alpha / penalty.pull(slope).max())
    value = 0.5 * np.sum((r - s * other) ** 2) + alpha * penalty.value(theta)
    return (value - s * np.vdot(theta, slope)) / np.sum(b**2)


@pytest.mark.parametrize("seed", [2, 9, 11, 15, 17])
def test_groups_of_very_different_scale_are_solved(seed):
    penalty, A, b = stiff(seed)
    blocks = CoefficientBlocks(penalty, 23)
    kernel, which = inner_kernel(blocks), np.arange(len(blocks))
    order = blocks.coefficients(which)
    hessian, cross = (A.T @ A)[np.ix_(order, order)], (A.T @ b)[order]
    kernel.extend(hessian, cross, cross.copy(), 16 * EPS * np.abs(cross), which)
    alpha = 1e-3 * penalty.alpha_max((b @ A)[None])
    passes = kernel.solve(alpha, 1e-10 * (b @ b), b @ b, 200)
    theta, dual = np.zeros((2, 1, 23))
    theta[0, order], dual[0, order] = kernel.theta, kernel.dual
    assert passes < 200
    assert relative_gap(penalty, A, b, theta, alpha, dual) <= 1.1e-10


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_paths_of_groups_are_certified_after_few_passes(seed, rows, monkeypatch):
    """By a dual point of their own; no gap is below the truth."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(40, 120)), rng.normal(size=40)
    y += X[:, :10] @ rng.normal(size=10)
    monkeypatch.setattr(group_rows, "_LARGE", 0 if rows else np.inf)
    penalty = Group(np.repeat(np.arange(30), 4))
    problem = PenalizedQuadratic(QuadraticModel.from_data(X, y).problem, penalty)
    paths = [WorkingSet(problem, tol * problem.power) for tol in (1e-4, 1e-13)]
    alphas = paths[0].alpha_max * np.geomspace(1, 1e-2, 40)
    passes = []
    for alpha, loose, best in zip(
        alphas, *(path.path(alphas, 1000) for path in paths), strict=True
    ):
        values = [risk + penalty.value(theta, alpha) for theta, _, risk, _ in (loose, best)]
        assert values[0] - values[1] <= loose[1] + 1e-12 * problem.power
        assert loose[1] <= 1e-4 * problem.power
        passes.append(loose[3])
    assert np.mean(passes) < 3


@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_smoothed_newton_needs_few_steps(seed, n_targets):
    """For several targets too, which share groups."""
    penalty, A, b = stiff(seed)
    blocks = CoefficientBlocks(penalty, 23)
    order = blocks.coefficients(np.arange(len(blocks)))
    starts = np.cumsum([0, *blocks.sizes])
    b = b * np.random.default_rng(seed).normal(size=(n_targets, 1))
    cross, power = b @ A, np.sum(b**2)
    alpha = 1e-2 * penalty.alpha_max(cross)
    weights = alpha * penalty.weights[blocks.which]
    rows = (A.T @ A)[np.ix_(order, order)], cross[:, order], starts, weights
    start = 1e-3 * np.ones_like(cross)
    found, steps = smoothed_groups.newton(*rows, start, power, 1e-10 * power, 100)
    theta = np.empty_like(found)
    theta[:, order] = found
    assert steps < 50
    assert relative_gap(penalty, A, b, theta, alpha) <= 1.1e-10


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("n_rows", [60, 12])
def test_a_lasso_ends_where_it_does_from_any_start(n_rows, l1_ratio):
    """Wrong signs, components at a bound, and dependent columns included."""
    rng = np.random.default_rng(0)
    A, b, limit = rng.normal(size=(n_rows, 20)), rng.normal(size=n_rows), 0.05
    bounds = np.where(np.arange(20) < 5, -limit, -np.inf), np.full(20, np.inf)
    blocks = CoefficientBlocks(Separable(l1_ratio, bounds=bounds), 20)
    hessian, cross, which = A.T @ A, A.T @ b, np.arange(20)
    alpha, found = 0.2 * np.abs(cross).max(), []
    for start in (np.zeros(20), rng.normal(size=20), np.where(rng.random(20) < 0.5, -limit, 0.0)):
        kernel = inner_kernel(blocks)
        kernel.extend(hessian, cross, cross.copy(), 16 * EPS * np.abs(cross), which)
        kernel.start(start)
        kernel.solve(alpha, 0.0, b @ b, 1000)
        found.append(kernel.theta.copy())
    assert np.count_nonzero(found[0])
    assert (found[0][:5] >= -limit).all()
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=0, atol=1e-10)
