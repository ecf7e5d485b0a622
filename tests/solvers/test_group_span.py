"""The best combination of a few points, and how the last solutions are combined."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skreg._kernels import group_span
from skreg.solvers.past_solutions import PastSolutions


def problem(seed, q=1):
    """A, b of q targets, starts of groups, strengths."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, size=8)
    starts = np.cumsum([0, *sizes]).astype(np.intp)
    A = rng.normal(size=(25, starts[-1]))
    return rng, A, rng.normal(size=(q, 25)), starts, rng.uniform(0.1, 2.0, size=8)


def objective(theta, A, b, starts, strength, ridge=0.0):
    norms = np.sqrt(np.add.reduceat((theta**2).sum(axis=0), starts[:-1]))
    return 0.5 * np.sum((b - theta @ A.T) ** 2) + strength @ norms + 0.5 * np.sum(ridge * theta**2)


@pytest.mark.parametrize("q", [1, 3])
@pytest.mark.parametrize("seed", range(6))
def test_no_other_combination_is_better(seed, q):
    """Also of read-only arrays, with a vector of 0, and with one much like another.

    By a little where the norm of a group bends.
    """
    rng, A, b, starts, strength = problem(seed, q)
    basis = rng.normal(size=(4, q, A.shape[1]))
    basis[1] = 1e-3 * basis[0] + 1e-7 * basis[1]
    basis[2] *= seed % 2
    images = basis @ A.T
    gram = np.einsum("kti,lti->kl", images, images)
    linear = np.einsum("kti,ti->k", images, b)
    for array in (basis, gram, linear, strength, starts):
        array.flags.writeable = False
    x = group_span.best_combination(basis, gram, linear, strength, starts)

    def value(x):
        return objective(np.tensordot(x, basis, 1), A, b, starts, strength)

    found = value(x)
    for start in (x, rng.normal(size=4), np.zeros(4)):
        assert found <= minimize(value, start, method="Nelder-Mead").fun + 1e-4 * found


def test_where_there_is_only_0_it_stays():
    zero = np.zeros((2, 1, 3))
    x = group_span.best_combination(
        zero, np.zeros((2, 2)), np.zeros(2), np.ones(1), np.array([0, 3])
    )
    np.testing.assert_array_equal(x, [0.0, 1.0])


@pytest.mark.parametrize("points", [0, 2, 6])
@pytest.mark.parametrize("seed", range(4))
def test_rows_or_h_give_the_same_combination(seed, points):
    """No worse than the last point, of groups that have become known one after another."""
    rng, A, b, starts, strength = problem(seed)
    H, h, p = A.T @ A, b @ A, A.shape[1]
    ridge = np.zeros(p)
    by_rows, by_h = PastSolutions(by_rows=True), PastSolutions(by_rows=False)
    for i in range(6 + points):
        theta = np.linalg.solve(H + (1.0 + i) * np.eye(p), h[0])[None, : starts[min(4 + i, 8)]]
        theta[:, starts[2] : starts[3]] *= i < 5 + points  # gone in the end
        theta = theta + 1e-2 * rng.normal(size=theta.shape) * (theta != 0)
        size = theta.shape[1]
        by_rows.append(theta, theta @ A[:, :size].T, is_solved=i < 6)
        by_h.append(theta, theta @ H[:size, :size], is_solved=i < 6)
    last = theta.copy()
    found, image, _ = by_rows.best(A.T, b, strength, starts)
    other, its, _ = by_h.best(H, h, strength, starts, ridge)
    np.testing.assert_allclose(found, other, atol=1e-6)
    np.testing.assert_allclose(image, found @ A.T, atol=1e-10)
    np.testing.assert_allclose(its, other @ H, atol=1e-9)
    value = objective(found, A, b, starts, strength)
    assert value <= objective(last, A, b, starts, strength)
    assert not found[:, starts[2] : starts[3]].any()
    assert 1.0 <= by_rows.rounding < 1e6


@pytest.mark.parametrize("seed", range(4))
def test_what_else_is_linear_is_combined_where_it_is_known(seed):
    """And errors of the images as the images are: those that are the same are so in the sum."""
    rng, A, b, starts, strength = problem(seed)
    past, error = PastSolutions(by_rows=True), rng.normal(size=b.shape)
    for i in range(5):
        m = min(5 + i, 8)
        theta = rng.normal(size=(1, starts[m]))
        twice, columns, lost = 2 * theta[0], A.T[: starts[m]], slice(*starts[1:3])
        twice[lost] = np.nan if i == 3 else twice[lost]
        past.append(theta, theta @ columns + error, other=twice)
        found, image, twice = past.best(columns, b, strength[:m], starts[: m + 1])
        # Of the last four, all but the newest groups, and those that one of them does not know.
        known = np.arange(starts[m]) < starts[min(5 + max(i - 3, 0), 8)]
        known[lost] &= i < 3
        np.testing.assert_array_equal(~np.isnan(twice), known)
        np.testing.assert_allclose(twice[known], 2 * found[0, known], atol=1e-10)
        left = np.linalg.norm(image - found @ columns)
        assert left <= past.rounding * np.linalg.norm(error) * (1 + 1e-9)


def test_a_ridge_counts_beside_the_norms():
    rng, A, b, starts, strength = problem(0)
    H, h, ridge = A.T @ A, b @ A, rng.uniform(50.0, 100.0, size=A.shape[1])
    past = PastSolutions(by_rows=False)
    for i in range(3):
        theta = rng.normal(size=h.shape) + i
        past.append(theta, theta @ H)
    found = past.best(H, h, strength, starts, ridge)[0]
    value = objective(found, A, b, starts, strength, ridge)
    for scale in (0.9, 1.1):
        assert value <= objective(scale * found, A, b, starts, strength, ridge)
    without = past.best(H, h, strength, starts)[0]
    assert value < objective(without, A, b, starts, strength, ridge)
