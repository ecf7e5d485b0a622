"""Coefficients within bounds: compiled kernels against proximal gradients, and certificates."""

import numpy as np
import pytest
from scipy import sparse
from solver_cases import KINDS, P, problem

from skreg import QuadraticApproxLasso
from skreg.losses import Quantile
from skreg.penalties import Separable
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import alpha_max, select_method, solve

FACTORS = np.r_[0.0, np.inf, np.ones(P - 3), 0.5]
BOUNDED = {
    "numbers": Separable(bounds=(-0.05, 0.1)),
    "of each feature": Separable(0.5, bounds=(-0.05, np.r_[np.full(P - 1, 0.1), np.inf])),
    "one side": Separable(bounds=(-np.inf, 0.1)),
    "free and excluded": Separable(0.8, FACTORS, bounds=(-0.1, 0.2)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("penalty", BOUNDED.values(), ids=BOUNDED)
def test_against_proximal_gradients(kind, penalty):
    posed = problem(kind)
    alphas = alpha_max(posed, penalty) * np.geomspace(1, 0.03, 3)
    fit = solve(posed, penalty, alphas, tol=1e-14)
    other = solve(posed, penalty, alphas, tol=1e-14, method="proximal_gradient")
    assert fit.solver == ("active_set" if posed.is_quadratic else "proximal_newton")
    assert (fit.dual_gaps <= 1e-12).all()
    np.testing.assert_allclose(fit.risk, other.risk, rtol=1e-9)
    if kind != "classes":  # there what all classes share may be undetermined
        np.testing.assert_allclose(fit.coefs, other.coefs, atol=1e-7)
    lower, upper = penalty.limits(P)
    assert ((fit.coefs >= lower) & (fit.coefs <= upper)).all()
    assert ((fit.coefs == lower) | (fit.coefs == upper))[..., lower < upper].any()


@pytest.mark.parametrize("kind", KINDS)
def test_far_bounds_cost_no_certificate(kind):
    """A far bound multiplies what rounding leaves in a slope."""
    posed, far = problem(kind), Separable(bounds=(-np.r_[0.05, np.full(P - 1, 1e7)], 1e7))
    alphas = alpha_max(posed, far) * np.geomspace(1, 0.003, 6)
    fit = solve(posed, far, alphas)
    assert (fit.dual_gaps <= 1e-8).all()
    none = Separable(bounds=(-np.r_[0.05, np.full(P - 1, np.inf)], np.inf))
    np.testing.assert_allclose(fit.risk, solve(posed, none, alphas).risk, rtol=1e-6)


def test_what_a_bound_holds_is_no_degree_of_freedom():
    posed, penalty = problem("squared error"), BOUNDED["numbers"]
    fit = solve(posed, penalty, 0.02 * alpha_max(posed, penalty))
    at_bound = (fit.coefs == -0.05) | (fit.coefs == 0.1)
    assert at_bound.any()
    np.testing.assert_allclose(fit.dof, np.count_nonzero(fit.coefs * ~at_bound))


def test_without_strength_bounds_still_hold():
    posed = problem("squared error")
    wide = np.abs(posed.minimizer).max() / 2
    fit = solve(posed, Separable(bounds=(-wide, wide)), 0.0)
    assert np.abs(fit.coefs).max() == wide
    assert fit.dual_gaps.max() <= 1e-8


@pytest.mark.parametrize("made", [np.array, sparse.csr_array])
def test_signs_of_quantile_regressions(made):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5))
    y = X @ [1.0, -1.0, 0.5, -0.5, 0.0] + rng.normal(size=60)
    mixed = Separable(bounds=([0, -np.inf, -np.inf, 0, 0], [np.inf, 0, np.inf, 0, np.inf]))
    risk = EmpiricalRisk(made(X), y[:, None], Quantile(0.4), None)
    assert select_method(risk, mixed, 0.1).name == "interior_point"
    fit = solve(risk, mixed, [0.05, 0.0])
    turned = EmpiricalRisk(
        made(X[:, [0, 1, 2, 2, 4]] * [1, -1, 1, -1, 1]), y[:, None], Quantile(0.4)
    )
    positive = solve(turned, Separable(positive=True), [0.05, 0.0])
    u = positive.coefs
    expected = np.c_[u[:, 0], -u[:, 1], u[:, 2] - u[:, 3], 0 * u[:, 0], u[:, 4]]
    np.testing.assert_allclose(fit.coefs, expected, atol=1e-8)
    assert fit.dual_gaps.max() <= 1e-10


def test_one_quadratic_within_bounds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4))
    y = rng.poisson(np.exp(X[:, 0])) * 1.0
    model = QuadraticApproxLasso(0.01, loss="poisson", bounds=(-1.0, 0.3), max_expansions=1)
    assert model.fit(X, y).coef_.max() == 0.3
    plain = Separable(bounds=(-np.inf, 0.3))
    quick = solve(problem("squared error"), plain, 0.01, hessian="diagonal")
    assert quick.coefs.max() == 0.3
    with pytest.raises(ValueError, match="bounds speaks of features"):
        solve(problem("squared error"), plain, 0.01, hessian="pca")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"groups": [0, 0, 1]},
        {"penalty": "sparse_group", "groups": [0, 0, 1]},
        {"loss": "huber"},
    ],
)
def test_float32_does_not_round_across_a_bound(options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ [2.0, -2.0, 0.1]
    model = QuadraticApproxLasso(0.01, bounds=(-0.3, 0.3), **options)
    found = model.fit(X.astype(np.float32), y)
    assert found.coef_.dtype == np.float32
    assert np.abs(found.coef_.astype(np.float64)).max() <= 0.3
    assert found.dual_gap_ < 1e-7
    path = model.regularization_path(X.astype(np.float32), y, 5)
    assert (path.dual_gaps < 1e-7).all()


@pytest.mark.parametrize("factors", [[1, 1, np.inf, 1], [np.inf] * 4])
def test_an_excluded_feature_has_no_say_in_one_quadratic(factors):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(60, 4))
    y = np.exp(X @ [1.0, -1.0, 0.5, 0.0] + 0.5 * rng.normal(size=60))
    model = QuadraticApproxLasso(0.02, loss="gamma", max_expansions=1, penalty_factors=factors)
    kept = np.isfinite(factors)
    found = model.fit(X, y).coef_
    assert not found[~kept].any()
    if kept.any():
        without = QuadraticApproxLasso(0.02, loss="gamma", max_expansions=1).fit(X[:, kept], y)
        np.testing.assert_allclose(found[kept], without.coef_, rtol=1e-8, atol=1e-10)
