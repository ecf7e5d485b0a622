"""Groups on the residual of wide rows: the kernel, and its paths beside those that go by H."""

import warnings
from itertools import pairwise

import numpy as np
import pytest

from skreg import QuadraticApproxLasso
from skreg._kernels import group_descent, group_rows
from skreg.solvers import group_rows as module
from skreg.solvers.working_set import WorkingSet


def blocks_of(A, starts):
    """The eigenvectors and eigenvalues of the groups, and where each begins."""
    parts = [
        group_descent.block_eigen(A[i:j] @ A[i:j].T, np.array([0, j - i]))
        for i, j in pairwise(starts)
    ]
    places = np.cumsum([0, *np.diff(starts) ** 2])
    return *(np.concatenate(part) for part in zip(*parts, strict=True)), places


@pytest.mark.parametrize("seed", range(8))
def test_a_sweep_is_that_of_descent_with_h(seed):
    """By rows or by H, over all groups or some; the columns may be read-only."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, size=9)
    starts = np.cumsum([0, *sizes]).astype(np.intp)
    A = rng.normal(size=(starts[-1], rng.integers(3, 30)))
    b = rng.normal(size=A.shape[1])
    A.flags.writeable = False
    strength, slack = rng.uniform(0.5, 3.0, size=9), np.full(9, 1e-12)
    theta = rng.normal(size=(1, len(A))) * np.repeat(rng.random(9) < 0.5, sizes)
    vectors, values, places = blocks_of(A, starts)
    mine, residual = theta[0].copy(), b - theta[0] @ A
    rows = A, starts, strength, slack, vectors, values, places, mine, residual
    group_rows.sweep(*rows, np.arange(9))
    slope = np.ascontiguousarray((A @ (b - theta[0] @ A))[None])
    rows = starts, strength, slack, vectors, values, theta, slope, theta.copy(), b @ b, 0.0, 1
    group_descent.descend(A @ A.T, (A @ b)[None], *rows)
    np.testing.assert_allclose(mine, theta[0], atol=1e-10)
    np.testing.assert_allclose(residual, b - mine @ A, atol=1e-10)
    before = mine.copy()
    rows = A, starts, strength, slack, vectors, values, places, mine, residual
    group_rows.sweep(*rows, np.array([4, 2]))
    same = ~np.isin(np.repeat(np.arange(9), sizes), [2, 4])
    np.testing.assert_array_equal(mine[same], before[same])


@pytest.mark.parametrize("n", [1, 7, 400, 9000])
def test_products_of_some_columns(n):
    """As in NumPy; from 4096 rows on in pieces."""
    rng = np.random.default_rng(n)
    A, b, theta = rng.normal(size=(23, n)), rng.normal(size=n), rng.normal(size=23)
    A.flags.writeable = b.flags.writeable = theta.flags.writeable = False
    starts, which = np.array([0, 1, 9, 20, 23]), np.array([1, 3])
    np.testing.assert_allclose(group_rows.slopes(A, 20, b), A[:20] @ b, atol=1e-11)
    np.testing.assert_allclose(group_rows.residual(A, theta, b), b - theta @ A, atol=1e-11)
    images = np.stack([theta[1:9] @ A[1:9], theta[20:] @ A[20:]])
    np.testing.assert_allclose(group_rows.images(A, starts, which, theta), images, atol=1e-11)


def path(monkeypatch, large, X, y, groups, alphas, **options):
    monkeypatch.setattr(module, "_LARGE", large)
    model = QuadraticApproxLasso(groups=groups, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.regularization_path(X, y, alphas)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_paths_are_those_that_go_by_h(monkeypatch, seed, intercept):
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(10, 60)), int(rng.integers(80, 200))
    X = rng.normal(size=(n, p)) + rng.choice([0.0, 1.0]) * rng.normal(size=(n, 1)) + 1.0
    y = X[:, :5] @ rng.normal(size=5) + rng.normal(size=n) + 10.0
    groups = rng.integers(p // 5, size=p)
    rows = X, y, groups, 30
    found = path(monkeypatch, 0, *rows, fit_intercept=intercept, tol=1e-12)
    other = path(monkeypatch, np.inf, *rows, fit_intercept=intercept, tol=1e-12)
    assert (found.dual_gaps <= 1e-12).all()
    np.testing.assert_allclose(found.alphas, other.alphas)
    fitted = [X @ np.asarray(its.coefs).T for its in (found, other)]
    np.testing.assert_allclose(*fitted, atol=1e-5 * np.abs(y).max())
    assert np.median(found.n_iter) <= 8


@pytest.mark.parametrize("seed", range(3))
def test_leaps_on_mixed_scales_are_solved(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(15, 60)) + 10) * 10.0 ** rng.uniform(-1, 2, size=60)
    y = rng.normal(size=15) * 10
    groups = rng.integers(20, size=60)
    top = path(monkeypatch, 0, X, y, groups, 1).alphas[0]
    alphas = top * np.array([0.3, 1e-2, 1e-3])
    assert (path(monkeypatch, 0, X, y, groups, alphas).dual_gaps <= 1e-8).all()


def test_large_wide_rows_go_by_their_residual(monkeypatch):
    """And neither several targets nor free groups do."""
    seen, solve = set(), WorkingSet.solve
    monkeypatch.setattr(
        WorkingSet,
        "solve",
        lambda self, *a: seen.add(type(self.kernel).__name__) or solve(self, *a),
    )
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 100)), rng.normal(size=20)
    groups = np.repeat(np.arange(20), 5)
    path(monkeypatch, 0, X, y, groups, 5)
    assert seen == {"ResidualGroups"}
    seen.clear()
    path(monkeypatch, 0, X, y, groups, 5, penalty_factors=np.arange(20) % 10)
    path(monkeypatch, 0, X, np.stack([y, -(y**2)], axis=1), groups, 5)
    path(monkeypatch, 1e9, X, y, groups, 5)
    assert seen == {"Groups"}
