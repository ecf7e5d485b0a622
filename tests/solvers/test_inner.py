"""The kernels that solve a quadratic on a working set."""

import numpy as np
import pytest

from skreg.penalties import Group
from skreg.rows.products import EPS
from skreg.solvers import smoothed_groups
from skreg.solvers.inner import CoefficientBlocks, inner_kernel


def stiff(seed):
    """A nearly singular least-squares problem whose features have very different scales."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(9, size=23)
    penalty = Group([np.flatnonzero(labels == g) for g in np.unique(labels)])
    A = rng.normal(size=(15, 23)) * 10.0 ** rng.uniform(-1, 2, size=23) + rng.choice([0.0, 100.0])
    root = np.where(rng.random(15) < 0.4, 1e-3, 1.0)
    return penalty, root[:, None] * A, 10 * root * rng.normal(size=15)


def relative_gap(penalty, A, b, theta, alpha):
    r = b - theta @ A.T
    slope = r @ A
    s = min(1.0, alpha / penalty.pull(slope).max())
    value = 0.5 * (1 - s) ** 2 * np.sum(r**2) + alpha * penalty.value(theta)
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
    theta = np.zeros((1, 23))
    theta[0, order] = kernel.theta
    assert passes < 200
    assert relative_gap(penalty, A, b, theta, alpha) <= 1.1e-10


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
