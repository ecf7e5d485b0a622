"""Quantiles beside any penalty: linear programs, ADMM, and local minima of concave penalties."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from skreg import PathSearchCV, QuadraticApproxLasso
from skreg.losses import Huber, Quantile
from skreg.penalties import MCP, SCAD, SLOPE, Group, Separable, SparseGroup
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import alpha_max, select_method, solve

N, P, TAU = 40, 6, 0.3
LABELS = np.arange(P) // 2
CONVEX = {
    "group": Group(LABELS, [0.0, 1.0, 2.0]),
    "sparse group": SparseGroup(LABELS, asparse=0.3),
    "slope": SLOPE(0.3),
    "bounds": Separable(0.7, bounds=(-0.3, np.r_[np.full(P - 1, 0.6), np.inf])),
}


def rows(seed=0, n=N, p=P):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))
    y = X[:, 0] - X[:, 1] + 0.5 * X[:, 2] + rng.standard_t(3, n)
    return X, y, rng.uniform(0.5, 2.0, n)


def posed(X, y, w=None, fit_intercept=True, tau=TAU):
    return EmpiricalRisk(X, y[:, None], Quantile(tau), w, fit_intercept=fit_intercept)


def objective(risk, penalty, alpha, coef, b):
    return risk.value_of(coef, b) + penalty.value(coef, alpha)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", CONVEX.values(), ids=CONVEX)
def test_exact_gaps_of_convex_penalties(penalty, fit_intercept):
    X, y, w = rows()
    risk = posed(X, y, w, fit_intercept)
    alphas = alpha_max(risk, penalty) * np.array([1.1, 0.5, 0.1])
    fit = solve(risk, penalty, alphas)
    assert fit.solver == "penalized_interior_point"
    assert (fit.dual_gaps <= 1e-8).all()
    assert not fit.coefs[0][~penalty.free(P)].any()
    assert (np.diff(fit.risk) < 0).all()
    for made in (sparse.csr_array, sparse.csc_array):
        thin = solve(posed(made(X), y, w, fit_intercept), penalty, alphas)
        np.testing.assert_allclose(thin.risk, fit.risk, rtol=1e-6)


def slope_program(X, y, w, weights, tau):
    """min Σ sρ(r) + Σₖ (wₖ − wₖ₊₁)·(sum of the k largest |θ|), a linear program."""
    n, p = X.shape
    share = w / w.sum()
    steps = weights - np.r_[weights[1:], 0.0]
    # θ⁺, θ⁻, b⁺, b⁻, r⁺, r⁻, tₖ⁺, tₖ⁻, and u (p by p) with uₖⱼ ≥ |θⱼ| − tₖ.
    sizes = np.cumsum([0, p, p, 1, 1, n, n, p, p, p * p])
    cost = np.zeros(sizes[-1])
    cost[sizes[4] : sizes[5]], cost[sizes[5] : sizes[6]] = share * tau, share * (1 - tau)
    k = np.arange(1, p + 1)
    cost[sizes[6] : sizes[7]], cost[sizes[7] : sizes[8]] = steps * k, -steps * k
    cost[sizes[8] :] = np.repeat(steps, p)
    equal = np.zeros((n, sizes[-1]))
    equal[:, : sizes[4]] = np.column_stack([X, -X, np.ones(n), -np.ones(n)])
    equal[:, sizes[4] : sizes[6]] = np.column_stack([np.eye(n), -np.eye(n)])
    above = np.zeros((p * p, sizes[-1]))
    for row, (i, j) in enumerate(np.ndindex(p, p)):
        above[row, [j, p + j]] = 1.0
        above[row, sizes[6] + i], above[row, sizes[7] + i] = -1.0, 1.0
        above[row, sizes[8] + row] = -1.0
    return linprog(cost, above, np.zeros(p * p), equal, y, method="highs").fun


@pytest.mark.parametrize("tau", [0.3, 0.5])
def test_slope_against_a_linear_program(tau):
    X, y, w = rows(1)
    risk, penalty = posed(X, y, w, tau=tau), SLOPE(0.3)
    weights = np.array([penalty.value(np.r_[np.ones(k), np.zeros(P - k)]) for k in range(P + 1)])
    for alpha in alpha_max(risk, penalty) * np.array([0.4, 0.1]):
        fit = solve(risk, penalty, alpha)
        least = slope_program(X, y, w, alpha * np.diff(weights), tau)
        found = objective(risk, penalty, alpha, fit.coefs[0], fit.intercepts[0])
        assert least - 1e-9 <= found <= least * (1 + 1e-8) + 1e-9


def admm(X, y, w, penalty, alpha, tau, rounds=6_000, rho=0.3):
    """z = y − Xθ − b by ADMM, a linearized step for θ."""
    share, n = w / w.sum(), len(y)
    theta, b, u = np.zeros(X.shape[1]), 0.0, np.zeros(n)
    A = np.column_stack([X, np.ones(n)])
    step = 1.0 / (rho * np.linalg.eigvalsh(A.T @ A)[-1])
    z = y.copy()
    for _ in range(rounds):
        pull = rho * (y - A @ np.r_[theta, b] - z + u)
        theta = penalty.prox(theta + step * (X.T @ pull), step, alpha)
        b = b + step * pull.sum()
        rest = y - A @ np.r_[theta, b]
        z = rest + u
        z = z - np.clip(z, -share * (1 - tau) / rho, share * tau / rho)
        u = u + rest - z
    return theta, b


@pytest.mark.parametrize("name", ["group", "sparse group"])
def test_groups_against_admm(name):
    X, y, w = rows(2)
    risk, penalty = posed(X, y, w), CONVEX[name]
    alpha = 0.3 * alpha_max(risk, penalty)
    fit = solve(risk, penalty, alpha)
    theta, b = admm(X, y, w, penalty, alpha, TAU)
    ours, other = (
        objective(risk, penalty, alpha, *at)
        for at in ((fit.coefs[0], fit.intercepts[0]), (theta, np.array([b])))
    )
    assert ours <= other * (1 + 1e-9)
    np.testing.assert_allclose(ours, other, rtol=1e-6)
    np.testing.assert_allclose(fit.coefs[0], theta, atol=1e-3)


@pytest.mark.parametrize("penalty", [MCP(), SCAD(3.7, np.r_[0.0, np.ones(P - 1)])], ids=repr)
def test_concave_penalties_end_in_a_local_minimum(penalty):
    X, y, w = rows(3)
    risk = posed(X, y, w)
    alphas = alpha_max(risk, penalty) * np.array([0.8, 0.3])
    # Some BLAS leave 1.1e-8 at the kinks.
    fit = solve(risk, penalty, alphas, tol=1e-7)
    assert (fit.dual_gaps <= 1e-7).all()
    # One of a path or the only one: the same.
    alone = solve(risk, penalty, alphas[1], tol=1e-7)
    np.testing.assert_allclose(alone.coefs[0], fit.coefs[1], atol=1e-12)
    coef, b = fit.coefs[1], fit.intercepts[1:]
    least = objective(risk, penalty, alphas[1], coef, b)
    rng = np.random.default_rng(0)
    for _ in range(200):
        way = rng.normal(size=P + 1) * (rng.random(P + 1) < 0.4)
        for length in (1e-3, 1e-4):
            other = objective(
                risk, penalty, alphas[1], coef + length * way[:P], b + length * way[P]
            )
            assert other >= least - 1e-7 * risk.null_risk


@pytest.mark.parametrize(
    ("seed", "n", "tau", "penalty"), [(1, 120, 0.5, SCAD()), (0, 200, 0.8, MCP())]
)
def test_concave_penalties_of_zeros_and_ones_end_at_a_vertex(seed, n, tau, penalty):
    """Many rows are alike: short of a vertex the residual of stationarity would stay at 1e-3."""
    rng = np.random.default_rng(seed)
    X = (rng.random((n, 10)) < 0.4).astype(float)
    y = X[:, :3] @ [2.0, -1.0, 0.5] + rng.normal(size=n)
    risk = posed(X, y, tau=tau)
    fit = solve(risk, penalty, [0.02], tol=1e-8)
    assert fit.dual_gaps[0] <= 1e-8
    assert not fit.notes
    # The lasso of P's slopes at θ, a linear program of its own, comes no lower than θ.
    theta = fit.coefs[0]
    slopes = np.where(theta == 0, 0.02, np.abs(penalty.gradient(theta, 0.02)))
    ones = np.ones((n, 1))
    equal = np.hstack([X, -X, ones, -ones, np.eye(n), -np.eye(n)])
    cost = np.r_[slopes, slopes, 0, 0, np.full(n, tau / n), np.full(n, (1 - tau) / n)]
    least = linprog(cost, A_eq=equal, b_eq=y, method="highs").fun
    ours = risk.value_of(theta, fit.intercepts[:1]) + slopes @ np.abs(theta)
    np.testing.assert_allclose(ours, least, rtol=1e-7)


def test_more_features_than_rows():
    X, y, w = rows(4, 30, 150)
    risk, penalty = posed(X, y, w), Group(np.arange(150) // 3)
    fit = solve(risk, penalty, 0.3 * alpha_max(risk, penalty))
    assert fit.dual_gaps[0] <= 1e-8
    assert 0 < np.count_nonzero(fit.coefs) < 60


def test_no_strength_and_constant_targets():
    X, y, w = rows(5)
    plain = solve(posed(X, y, w), Separable(), 0.0)
    fit = solve(posed(X, y, w), SLOPE(), [0.01, 0.0])
    np.testing.assert_allclose(fit.coefs[1], plain.coefs[0])
    flat = solve(posed(X, np.full(N, 2.5), w), SLOPE(), 0.1)
    assert not flat.coefs.any()
    assert flat.intercepts[0] == 2.5
    free = Separable(1.0, np.r_[0.0, np.ones(P - 1)], bounds=(-0.1, 0.5))
    assert not solve(posed(X, np.full(N, 2.5), w), free, 0.1).coefs.any()


@pytest.mark.parametrize("penalty", [*CONVEX.values(), MCP(), SCAD()], ids=repr)
def test_a_path_starts_where_all_features_may_leave_0(penalty):
    # With a loss of lines many points are as good there: some are far from 0.
    risk = posed(*rows(8))
    largest = alpha_max(risk, penalty)
    fit = solve(risk, penalty, [2 * largest, largest, 0.7 * largest])
    held = ~penalty.free(P)
    assert not fit.coefs[:2, held].any()
    assert fit.coefs[2, held].any()
    assert (fit.dual_gaps[:2] <= 1e-9).all()


@pytest.mark.parametrize(
    "shape", [{"groups": LABELS}, {"penalty": "mcp"}, {"penalty": "slope"}, {"bounds": (-1, 0.5)}]
)
def test_estimators_paths_and_searches(shape):
    X, y, w = rows(6)
    model = QuadraticApproxLasso(0.05, loss="quantile", quantile=0.6, **shape)
    model.fit(X, y, sample_weight=w)
    assert model.solver_ == "penalized_interior_point"
    assert model.dual_gap_ <= 1e-8
    search = PathSearchCV(model, [0.2, 0.05], cv=3).fit(X, y)
    assert search.best_estimator_.coef_.any()
    assert select_method(posed(X, y), Separable(), 0.1).name == "interior_point"


def test_bounds_hold_without_strength_and_in_the_null_model():
    X, y, w = rows(7)
    risk, lower = posed(X, y, w), np.r_[np.full(P - 1, -0.2), -np.inf]
    penalty = Separable(1.0, np.r_[0.0, 0.0, np.ones(P - 2)], bounds=(lower, 0.3))
    fit = solve(risk, penalty, np.r_[alpha_max(risk, penalty) * np.array([1.001, 0.99]), 0.0])
    assert (fit.dual_gaps <= 1e-8).all()
    assert not fit.coefs[0, 2:].any()
    assert fit.coefs[1, 2:].any()
    n, share = len(y), w / w.sum()
    cost = np.r_[np.zeros(P + 1), share * TAU, share * (1 - TAU)]
    ends = [*zip(lower, np.full(P, 0.3), strict=True), (None, None), *[(0, None)] * (2 * n)]
    equal = np.column_stack([X, np.ones(n), np.eye(n), -np.eye(n)])
    least = linprog(cost, A_eq=equal, b_eq=y, bounds=ends, method="highs").fun
    np.testing.assert_allclose(fit.risk[-1], least, rtol=1e-7)


@pytest.mark.parametrize("loss", [Quantile(0.3), Huber(1e-3)], ids=repr)
@pytest.mark.parametrize("seed", [1, 5])
def test_a_free_group_of_columns_on_scales_far_apart(seed, loss):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 60)) * 10.0 ** rng.uniform(-2, 2, 60)
    risk = EmpiricalRisk(X, (X[:, :3].sum(axis=1) + rng.standard_t(2, 30))[:, None], loss)
    penalty = Group(np.arange(60) // 3, np.r_[0.0, np.ones(19)])
    found = solve(risk, penalty, alpha_max(risk, penalty) * np.geomspace(0.9, 1e-4, 6))
    assert found.solver == "penalized_interior_point"
    assert (found.dual_gaps <= 1e-8).all()
    assert not found.notes


def test_free_features_far_from_zero():
    """Steps are measured about the mean."""
    rng = np.random.default_rng(62)
    X = rng.normal(size=(20, 56)) + 10.0
    y = X[:, 0] + rng.standard_t(2, 20)
    risk = EmpiricalRisk(X, (6.0 * y / y.std())[:, None], Huber(1.0))
    penalty = SparseGroup(np.arange(56) // 3, np.r_[0.0, 0.0, np.ones(17)], asparse=0.3)
    found = solve(risk, penalty, alpha_max(risk, penalty) * np.geomspace(0.9, 1e-3, 5))
    assert found.solver == "penalized_interior_point"
    assert (found.dual_gaps <= 1e-8).all()
    assert (found.n_iter <= 40).all()


def test_the_gap_of_the_residuals_themselves_where_it_is_smaller():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(32, 57)) + 10.0
    y, w = X[:, 0] + rng.standard_t(2, 32), rng.choice([0.0, 1.0, 3.0], 32)
    risk = EmpiricalRisk(X, (0.3 * y / y.std())[:, None], Huber(1.0), w, fit_intercept=False)
    penalty = SparseGroup(np.arange(57) // 3, np.r_[np.zeros(3), np.ones(16)], asparse=0.3)
    found = solve(risk, penalty, 0.01 * alpha_max(risk, penalty), max_iter=25)
    assert found.dual_gaps[0] <= 5e-4
