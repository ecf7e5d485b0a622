"""Groups on the residual of wide rows: the kernel, and its paths beside those that go by H."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skreg import QuadraticApproxLasso, QuadraticModel
from skreg._kernels import group_descent, group_rows
from skreg.penalties import Group
from skreg.solvers import group_rows as module
from skreg.solvers.bounded_slopes import BoundedSlopes
from skreg.solvers.group_newton import GroupNewton
from skreg.solvers.working_set import PenalizedQuadratic, WorkingSet


def made_known(A, b, sizes):
    """The kernel with some groups known at once and others later."""
    kernel, ends = group_rows.GroupRows(b), np.cumsum(sizes)
    kernel.extend(A[: ends[3]], sizes[:4], np.zeros(4))
    kernel.extend(A[ends[3] :], sizes[4:], np.zeros(len(sizes) - 4))
    return kernel


@pytest.mark.parametrize("seed", range(8))
def test_a_pass_is_that_of_descent_with_h(seed):
    """By rows or by H; the columns may be read-only."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, size=9)
    starts = np.cumsum([0, *sizes]).astype(np.intp)
    A = rng.normal(size=(starts[-1], rng.integers(3, 30)))
    b = rng.normal(size=A.shape[1])
    A.flags.writeable = b.flags.writeable = False
    strength, slack = rng.uniform(0.5, 3.0, size=9), np.full(9, 1e-12)
    theta = rng.normal(size=(1, len(A))) * np.repeat(rng.random(9) < 0.5, sizes)
    kernel = made_known(A, b, sizes)
    kernel.start(theta[0])
    assert kernel.solve(strength, b @ b, 0.0, 1, 1)[0] == 1
    vectors, values = group_descent.block_eigen(A @ A.T, starts)
    slope = np.ascontiguousarray((A @ (b - theta[0] @ A))[None])
    rows = starts, strength, slack, vectors, values, theta, slope, theta.copy(), b @ b, 0.0, 1
    group_descent.descend(A @ A.T, (A @ b)[None], *rows)

    def value(theta):
        norms = np.sqrt(np.add.reduceat(theta**2, starts[:-1]))
        return 0.5 * np.sum((b - theta @ A) ** 2) + strength @ norms

    # Either may end with a dual point that is the better θ.
    assert abs(value(kernel.theta) - value(theta[0])) <= 0.05 * value(0 * theta[0])
    np.testing.assert_allclose(kernel.residual, b - kernel.theta @ A, atol=1e-10)


@pytest.mark.parametrize("seed", range(8))
def test_the_kernel_solves_and_its_dual_point_proves_it(seed):
    """And goes on to another λ by the system it has."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, size=12)
    starts = np.cumsum([0, *sizes])
    A = rng.normal(size=(starts[-1], 20))
    b = A[:5].sum(axis=0) + rng.normal(size=20)
    kernel, power = made_known(A, b, sizes), b @ b
    for strength in np.sqrt(sizes) * np.array([10.0, 8.0, 6.0, 5.0, 4.0])[:, None]:
        _, gap = kernel.solve(strength, power, 1e-8 * power, 500, 500)
        theta, dual, r = kernel.theta, kernel.dual, kernel.dual_residual
        np.testing.assert_allclose(r, b - dual @ A, atol=1e-10)
        pull, said = (
            np.sqrt(np.add.reduceat(x**2, starts[:-1])) for x in (A @ r, kernel.dual_slope)
        )
        # A group at 0 may have an older slope, where both are short enough.
        known = np.logical_or.reduceat((theta != 0) | (dual != 0), starts[:-1]) | (said > strength)
        known = np.repeat(known, sizes)
        np.testing.assert_allclose(kernel.dual_slope[known], (A @ r)[known], atol=1e-9)
        assert (pull[said <= strength] <= strength[said <= strength] * (1 + 1e-12)).all()
        scale = min(1.0, (strength / pull).min())
        norms = np.sqrt(np.add.reduceat(theta**2, starts[:-1]))
        dual_value = 0.5 * power - 0.5 * np.sum((b - scale * r) ** 2)
        true = 0.5 * np.sum((b - theta @ A) ** 2) + strength @ norms - dual_value
        assert true == pytest.approx(gap, abs=1e-12 * power)
        assert gap <= 1e-8 * power


@pytest.mark.parametrize("n", [1, 7, 400, 9000])
def test_products_of_some_columns(n):
    """As in NumPy."""
    rng = np.random.default_rng(n)
    A, b, theta = rng.normal(size=(23, n)), rng.normal(size=n), rng.normal(size=23)
    A.flags.writeable = b.flags.writeable = theta.flags.writeable = False
    np.testing.assert_allclose(group_rows.slopes(A, 20, b), A[:20] @ b, atol=1e-11)
    np.testing.assert_allclose(group_rows.residual(A, theta, b), b - theta @ A, atol=1e-11)
    starts = np.array([2, 5, 6, 23], dtype=np.intp)
    grams = np.split(group_rows.grams(A, starts), np.cumsum(np.diff(starts) ** 2)[:-1])
    for start, end, found in zip(starts, starts[1:], grams, strict=False):
        its = A[start:end]
        lower = np.tril(found.reshape((len(its),) * 2))
        np.testing.assert_allclose(lower, np.tril(its @ its.T), atol=1e-9)


@pytest.mark.parametrize("n_active", [4, 12])
def test_newton_steps_are_those_of_the_system(n_active):
    """Formed, or by conjugate gradients with an older system."""
    rng = np.random.default_rng(n_active)
    sizes, n = np.full(15, 3), 40
    A, strength, theta = rng.normal(size=(45, n)), np.full(15, 0.5), np.zeros(45)
    theta[: 3 * n_active] = rng.choice([-1.0, 1.0], size=3 * n_active)
    residual = np.linalg.lstsq(A, 0.5 * theta / np.sqrt(3), rcond=None)[0]
    b = theta @ A + residual  # the best θ is near
    theta *= 1 + 1e-3 * rng.normal(size=45)
    kernel = made_known(A, b, sizes)
    newton = GroupNewton(kernel)
    for alpha in (1.0, 0.99):
        kernel.start(theta)
        kernel.solve(alpha * strength, b @ b, 0.0, 0, 0)
        downhill = kernel.slope.copy()
        before, on = kernel.theta.copy(), np.repeat(np.arange(15) < n_active, 3)
        newton.step(alpha * strength, alpha)
        system, norm = A[on] @ A[on].T, np.linalg.norm(before.reshape(15, 3), axis=1)
        for g in range(n_active):
            u, its = before[3 * g : 3 * g + 3] / norm[g], slice(3 * g, 3 * g + 3)
            system[its, its] += alpha * 0.5 / norm[g] * (np.eye(3) - np.outer(u, u))
            downhill[its] -= alpha * 0.5 * u
        way, step = np.linalg.solve(system, downhill[on]), kernel.theta - before
        assert not step[~on].any()
        np.testing.assert_allclose(step[on], way, atol=0.01 * np.abs(way).max())


def test_slopes_by_bounds_are_below_lambda_where_they_are(monkeypatch):
    """Of a smooth path few take a product; no slope that is too long is taken for a short one."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 90)), rng.normal(size=30)
    penalty = Group(np.repeat(np.arange(30), 3))
    problem = PenalizedQuadratic(QuadraticModel.from_data(X, y).problem, penalty)
    rows, products = problem.quadratic.rows, []
    bounded = BoundedSlopes(problem.blocks, rows)
    counted = type(rows).transposed_dot
    monkeypatch.setattr(
        type(rows), "transposed_dot", lambda self, r: products.append(1) or counted(self, r)
    )
    first, second = rng.normal(size=(2, 30))
    for t in np.linspace(0, 1, 40):
        r = first + t * second + 0.05 * t**2 * first[::-1]
        truth = penalty.pull(counted(rows, r[:, None]).T)
        for alpha in np.median(truth) * np.array([0.9, 1.01]):
            some = truth < 0.9 * alpha if alpha < np.median(truth) else rng.random(30) < 0.5
            found = penalty.pull(bounded.at(r, alpha, some))
            assert ((found > alpha) == (truth > alpha))[some].all()
    assert 40 < len(products) < 60


def test_products_that_are_remembered_stay_orthogonal():
    """Though each adds little to those before: else bounds would be of no use after some twenty."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 300))
    penalty = Group(np.repeat(np.arange(60), 5))
    problem = PenalizedQuadratic(QuadraticModel.from_data(X, X[:, 0]).problem, penalty)
    bounded = BoundedSlopes(problem.blocks, problem.quadratic.rows)
    decays = np.linspace(0.5, 1.5, 200)
    for t in np.geomspace(1.0, 10.0, 40):
        slope = bounded.at(np.exp(-t * decays), 0.0, np.ones(60, dtype=bool))
    basis = bounded._vectors[: bounded._size]
    assert len(basis) > 5
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-12)
    exact = problem.quadratic.rows.transposed_dot(np.exp(-10.0 * decays)[:, None])[:, 0]
    np.testing.assert_allclose(slope[0], exact, atol=1e-12)


def test_residuals_of_a_path_are_as_exact_as_is_said(monkeypatch):
    """They are combined from one λ to the next, and taken anew before rounding counts."""
    rng = np.random.default_rng(0)
    off, solve = [], module.ResidualGroups.solve

    def watched(self, *rows):
        passes, kernel = solve(self, *rows), self._kernel
        true = group_rows.residual(kernel.columns, self.theta, kernel.b)
        off.append([np.linalg.norm(true - kernel.residual), self._rounding])
        return passes

    monkeypatch.setattr(module.ResidualGroups, "solve", watched)
    X = rng.normal(size=(40, 300))
    y = X[:, :30] @ rng.normal(size=30)
    path(monkeypatch, 0, X, y, np.arange(300) // 5, 60, tol=1e-6)
    found, said = np.array(off).T
    assert (found <= 20 * (said + 1e-15) * np.linalg.norm(y - y.mean())).all()
    assert (said > 4e-16).mean() > 0.25  # many are combined


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
    assert np.median(found.n_iter) <= 12


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


def test_it_may_end_by_max_iter():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4000))
    y = X[:, :50] @ rng.normal(size=50)
    model = QuadraticApproxLasso(groups=np.arange(4000) // 10, alpha=0.01, max_iter=3)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        model.fit(X, y)
    assert 1e-8 < model.dual_gap_ < 1.0


@pytest.mark.parametrize("n_samples", [2, 30])
def test_groups_of_one_with_more_of_them_active_than_rows(n_samples):
    """Neither AᵀA nor the curvature of norms bends the directions that Newton steps then meet."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 360_000 // n_samples))
    y = rng.normal(size=n_samples)
    lasso = QuadraticApproxLasso()
    top = lasso.regularization_path(X, y, 2).alphas[0]
    groups = np.maximum(np.arange(X.shape[1]), 1)  # but for one of two
    model = QuadraticApproxLasso(0.03 * top, groups=groups, tol=1e-6).fit(X, y)
    assert model.dual_gap_ < 1e-6
    plain = lasso.set_params(alpha=0.03 * top).fit(X, y)
    np.testing.assert_allclose(model.predict(X), plain.predict(X), atol=1e-2 * y.std())


def test_nearly_all_groups_of_one_at_small_lambda_are_solved(monkeypatch):
    """Where passes and Newton steps are slow."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 300)), rng.normal(size=50)
    groups = np.maximum(np.arange(300), 1)
    top = path(monkeypatch, 0, X, y, groups, 1).alphas[0]
    found = path(monkeypatch, 0, X, y, groups, top * np.array([1e-2, 1e-3]))
    assert (found.dual_gaps <= 1e-8).all()


def test_groups_of_one_are_solved_as_a_lasso():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(15, 40)), rng.normal(size=15)
    path = QuadraticApproxLasso(groups=np.arange(40)).regularization_path(X, y, [0.1, 0.01])
    lasso = QuadraticApproxLasso().regularization_path(X, y, [0.1, 0.01])
    assert path.solver == lasso.solver
    np.testing.assert_allclose(path.coefs, lasso.coefs, atol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_a_tolerance_below_rounding_is_met_in_the_conditions(seed):
    """A gap is quadratic in θ's error: at its rounding 1e-8 would be left of the conditions."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 6, size=6)
    starts = np.cumsum([0, *sizes]).astype(np.intp)
    A = rng.normal(size=(starts[-1], 40)) + 2 * rng.normal(size=40)
    b = rng.normal(size=40)
    hessian, cross, strength = A @ A.T, A @ b, np.full(6, 0.1 * np.abs(A @ b).max())
    blocks = starts, strength, np.full(6, 1e-13), *group_descent.block_eigen(hessian, starts)
    theta, slope = np.zeros((1, len(A))), cross[None].copy()
    at = *blocks, theta, slope, theta.copy(), b @ b
    group_descent.descend(hessian, cross[None], *at, 1e-9 * (b @ b), 1000)
    _, gap = group_descent.descend(hessian, cross[None], *at, 1e-26 * (b @ b), 1000)
    slope, norms = cross - hessian @ theta[0], np.sqrt(np.add.reduceat(theta[0] ** 2, starts[:-1]))
    aim = np.repeat(strength / np.where(norms > 0, norms, 1.0), sizes) * theta[0]
    missed = np.sqrt(np.add.reduceat((slope - aim) ** 2, starts[:-1]))
    assert (missed - np.where(norms > 0, 0.0, strength) <= 1e-11 * strength).all()
    assert gap <= 1e-13 * (b @ b)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(40, 300), (200, 60)])
def test_groups_are_certified_to_rounding(seed, shape):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=shape)
    y = X[:, :5] @ rng.normal(size=5) + rng.normal(size=len(X))
    lasso = QuadraticApproxLasso(alpha=0.1, groups=np.arange(shape[1]) // 5, tol=1e-14)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        assert lasso.fit(X, y).dual_gap_ <= 1e-14
