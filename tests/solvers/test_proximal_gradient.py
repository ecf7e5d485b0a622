"""The proximal gradient method: any penalty, any loss; certificates, and others' answers."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import lsq_linear
from solver_cases import KINDS, N, P, problem, solve_proximal_gradient

from skreg.losses import Huber, NegativeBinomial, Tweedie
from skreg.penalties import L1, MCP, SCAD, SLOPE, Group, Separable, SparseGroup
from skreg.quadratic.quadratic import Quadratic
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import alpha_max, solve

LABELS = np.arange(P) // 3
FACTORS = np.r_[0.0, np.inf, np.ones(P - 3), 0.5]
CONVEX = {
    "l1": L1(),
    "elastic net": Separable(0.6, FACTORS),
    "bounds": Separable(bounds=(-0.05, np.r_[np.full(P - 1, 0.3), np.inf])),
    "bounds alone": Separable(0.0, 0.0, bounds=(-0.05, 0.1)),
    "positive": Separable(0.8, FACTORS, positive=True),
    "group": Group(LABELS),
    "group elastic net": Group(LABELS, [0.0, 1.0, 1.0, 2.0], l1_ratio=0.5),
    "sparse group": SparseGroup(LABELS, [1.0, 0.0, 1.0, 1.0], asparse=0.4),
    "slope": SLOPE(),
}
CONCAVE = {"mcp": MCP(), "scad": SCAD(3.7, np.where(np.isinf(FACTORS), 3.0, FACTORS))}
CONCAVE_PLAIN = {"mcp": MCP(), "scad": SCAD()}


def path(posed, penalty, n_alphas=3, tol=1e-8, down=0.03):
    alphas = np.geomspace(1, down, n_alphas) * (alpha_max(posed, penalty) or 1.0)
    return solve_proximal_gradient(posed, alphas, penalty, tol=tol)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", CONVEX.values(), ids=CONVEX)
def test_duality_gaps_of_convex_penalties(kind, penalty):
    posed = problem(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = path(posed, penalty)
    assert (fit.dual_gaps <= 1e-8).all()
    held = ~penalty.free(P)
    assert not fit.coefs[0][..., held].any()
    assert fit.coefs[-1].any()
    assert (np.diff(fit.risk) < 1e-12).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", CONCAVE.values(), ids=CONCAVE)
def test_concave_penalties_end_where_nothing_draws_them(kind, penalty):
    """No coordinate's small move, and no step along −∇, lowers the objective."""
    posed = problem(kind)
    fit = path(posed, penalty)
    assert (fit.dual_gaps <= 1e-8).all()
    coef, alpha = np.atleast_2d(fit.coefs[-1]), fit.alphas[-1]
    intercept = np.atleast_1d(fit.intercepts[-1])

    def objective(theta):
        if posed.is_quadratic:
            risk = posed.value(theta)
        else:
            risk = posed.value_at(posed.raw(theta, intercept))
        return risk + penalty.value(theta, alpha)

    least = objective(coef)
    for i in np.ndindex(coef.shape):
        for move in (1e-4, -1e-4):
            other = coef.copy()
            other[i] += move
            assert objective(other) >= least - 1e-11


@pytest.mark.parametrize("penalty", [SLOPE(), SparseGroup(LABELS), MCP()], ids=repr)
@pytest.mark.parametrize("kind", ["squared error", "binary"])
def test_sparse_rows_say_the_same(penalty, kind):
    dense, thin = (path(problem(kind, made=made), penalty) for made in (np.array, sparse.csr_array))
    np.testing.assert_allclose(thin.coefs, dense.coefs, atol=1e-6)
    np.testing.assert_allclose(thin.intercepts, dense.intercepts, atol=1e-6)


@pytest.mark.parametrize("penalty", [SLOPE(), SparseGroup(np.arange(90) // 3), MCP()], ids=repr)
def test_more_features_than_rows(penalty):
    fit = path(problem("squared error", 40, 90), penalty, down=0.1)
    assert (fit.dual_gaps <= 1e-8).all()


def reference(X, y, penalty, alpha, theta, steps=5_000):
    """Plain proximal gradient on centered columns."""
    X, y = X - X.mean(axis=0), y - y.mean()
    hessian, cross = X.T @ X / len(y), X.T @ y / len(y)
    step = 1.0 / np.linalg.eigvalsh(hessian)[-1]
    for _ in range(steps):
        new = penalty.prox(theta - step * (hessian @ theta - cross), step, alpha)
        if np.abs(new - theta).max() < 1e-12:
            break
        theta = new
    return new


@pytest.mark.parametrize(
    "penalty", [*CONCAVE.values(), SLOPE(), SparseGroup(LABELS), SLOPE(0.4)], ids=repr
)
def test_against_plain_proximal_gradient_steps(penalty):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(N, P)) + 0.4 * rng.normal(size=(N, 1))
    y = X @ np.r_[3.0, -2.0, 2.0, np.zeros(P - 3)] + rng.normal(size=N)
    posed = Quadratic.from_rows(X, y, None, True)
    alphas = np.geomspace(0.9, 0.05, 6) * alpha_max(posed, penalty)
    fit = solve_proximal_gradient(posed, alphas, penalty, tol=1e-13)
    theta = np.zeros(P)
    theta[penalty.free(P)] = fit.coefs[0, penalty.free(P)]
    for alpha, coef in zip(alphas, fit.coefs, strict=True):
        theta = reference(X, y, penalty, alpha, theta)
        np.testing.assert_allclose(coef, theta, atol=1e-8)


@pytest.mark.parametrize("penalty", CONCAVE_PLAIN.values(), ids=CONCAVE_PLAIN)
@pytest.mark.parametrize("loss", [Tweedie(1.5), NegativeBinomial(1.0)], ids=lambda loss: loss.name)
def test_wide_counts_beside_concave_penalties(loss, penalty):
    """Coordinate descent creeps here, and is not given all steps that a quadratic may take."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 80))
    y = rng.poisson(np.exp(0.5 * (X[:, :3] @ [1.0, 1.0, -1.0]))).astype(float)
    risk = EmpiricalRisk(X, y[:, None], loss)
    alphas = alpha_max(risk, penalty) * np.geomspace(0.5, 0.01, 6)
    found = solve_proximal_gradient(risk, alphas, penalty, tol=1e-8)
    assert (found.dual_gaps <= 1e-8).all()


def test_bounds_against_scipy():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(N, P)), rng.normal(size=N)
    bounds = np.full(P, -0.05), rng.uniform(0, 0.1, P)
    posed = Quadratic.from_rows(X, y, None, False)
    for factors in (0.0, 1.0, np.r_[0.0, np.ones(P - 1)]):
        penalty = Separable(0.0, factors, bounds=bounds)
        found = solve_proximal_gradient(posed, np.array([0.01]), penalty, tol=1e-12).coefs[0]
        tall = np.vstack([X, np.sqrt(0.01 * factors * N) * np.eye(P)])
        expected = lsq_linear(tall, np.r_[y, np.zeros(P)], bounds, tol=1e-14).x
        np.testing.assert_allclose(found, expected, atol=1e-7)


def test_no_strength_is_the_minimizer_of_the_risk():
    for kind in ("squared error", "poisson"):
        posed = problem(kind)
        fit = solve_proximal_gradient(posed, np.array([0.0]), SLOPE())
        other = solve_proximal_gradient(posed, np.array([0.0]), L1())
        np.testing.assert_allclose(fit.coefs, other.coefs)
        assert np.abs(fit.coefs).min() > 0


def test_what_was_not_reached_is_said():
    posed = problem("squared error")
    with pytest.warns(UserWarning, match="proximal_gradient stopped at max_iter=2"):
        solve_proximal_gradient(posed, np.array([1e-3]), SLOPE(), max_iter=2)


@pytest.mark.parametrize("delta", [0.1, 1e-3])
@pytest.mark.parametrize("name", ["slope", "sparse group"])
def test_huber_where_targets_are_far_beyond_delta(name, delta):
    """At θ = 0 every row is on a linear part of the loss, and there is no curvature."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(50, 8))
    y = X[:, 0] + rng.standard_t(2, 50)
    penalty = SLOPE() if name == "slope" else SparseGroup(np.repeat(np.arange(4), 2))
    risk = EmpiricalRisk(X, y[:, None], Huber(delta))
    alphas = 0.01 * alpha_max(risk, penalty) * np.ones(1)
    assert solve(risk, penalty, alphas).dual_gaps[0] <= 1e-8


@pytest.mark.parametrize("penalty", [MCP(), SCAD()])
def test_zeros_are_not_stationary_where_no_row_of_the_null_model_is_curved(penalty):
    """Of as many rows above as below, and all of them beyond delta, the Hessian is 0."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(30, 60))
    y = X[:, :3] @ [3.0, -2.0, 1.0] + rng.standard_t(2, 30)
    risk = EmpiricalRisk(X, y[:, None], Huber(y.std() / 150))
    assert not risk.null.curvature.any()
    found = solve(risk, penalty, 0.3 * alpha_max(risk, penalty), method="proximal_gradient")
    assert found.coefs.any()
    slope = X.T @ np.clip(
        y - X @ found.coefs[0] - found.intercepts[0], -risk.loss.delta, risk.loss.delta
    )
    off = found.coefs[0] == 0
    assert np.abs(slope[off]).max() / 30 <= found.alphas[0] * (1 + 1e-6)
