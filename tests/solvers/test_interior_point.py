"""Quantile regression: against scikit-learn's linear programs, quadratic programs, and duality."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import LinearConstraint, linprog, minimize
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import d2_pinball_score
from sklearn.model_selection import GridSearchCV

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.losses import Quantile
from skreg.penalties import Separable
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import alpha_max, select_method, solve


def rows(n=80, p=6, seed=0):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n, p)) < 0.4, 0.0, rng.normal(size=(n, p)) + 1.0)
    y = X[:, 0] - 0.5 * X[:, 1] + rng.standard_t(2, size=n) + 3.0
    weights = rng.uniform(0.2, 2.0, size=n)
    weights[:3] = 0.0
    return X, y, weights


def objective(X, y, weights, tau, coef, b):
    r = y - X @ coef - b
    return weights / weights.sum() @ np.maximum(tau * r, (tau - 1) * r)


@pytest.mark.parametrize("alpha", [0.1, 0.01, 0.0])
@pytest.mark.parametrize("tau", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_lasso_equals_scikit_learn(tau, alpha, fit_intercept):
    X, y, weights = rows()
    other = QuantileRegressor(quantile=tau, alpha=alpha, fit_intercept=fit_intercept)
    other.fit(X, y, weights)
    for form in (np.asarray, sparse.csr_array, sparse.csc_array):
        ours = QuadraticApproxLasso(
            alpha, loss="quantile", quantile=tau, fit_intercept=fit_intercept
        ).fit(form(X), y, weights)
        np.testing.assert_allclose(ours.coef_, other.coef_, atol=1e-10)
        np.testing.assert_allclose(ours.intercept_, other.intercept_, atol=1e-10)
        assert ours.dual_gap_ <= 1e-11
        assert ours.solver_ == "interior_point"
    d2 = d2_pinball_score(y, ours.predict(X), sample_weight=weights, alpha=tau)
    np.testing.assert_allclose(ours.score(X, y, weights), d2, rtol=1e-10)


@pytest.mark.parametrize("tau", [0.3, 0.5])
def test_more_features_than_rows(tau):
    X, y, _ = rows(n=40, p=90)
    other = QuantileRegressor(quantile=tau, alpha=0.05).fit(X, y)
    ours = QuadraticApproxLasso(0.05, loss="quantile", quantile=tau).fit(X, y)
    np.testing.assert_allclose(ours.coef_, other.coef_, atol=1e-9)
    assert ours.dual_gap_ <= 1e-10
    assert ours.effective_dof_ == np.count_nonzero(other.coef_)
    ridge = QuadraticApproxRidge(0.05, loss="quantile", quantile=tau).fit(X, y)
    assert ridge.dual_gap_ <= 1e-10
    factors = np.ones(90)
    factors[:2] = 0.0
    free = QuadraticApproxLasso(0.2, loss="quantile", quantile=tau, penalty_factors=factors)
    assert free.fit(X, y).dual_gap_ <= 1e-10
    assert (free.coef_[:2] != 0).all()


@pytest.mark.parametrize("alpha", [1.0, 0.05])
def test_ridge_solves_the_quadratic_program(alpha):
    X, y, weights = rows(n=30, p=3)
    tau, (n, p), share = 0.7, X.shape, weights / weights.sum()
    ours = QuadraticApproxRidge(alpha, loss="quantile", quantile=tau).fit(X, y, weights)

    def value(v):  # θ, b, r⁺, r⁻
        gradient = np.concatenate([alpha * v[:p], [0.0], tau * share, (1 - tau) * share])
        return 0.5 * alpha * v[:p] @ v[:p] + gradient[p + 1 :] @ v[p + 1 :], gradient

    equal = np.hstack([X, np.ones((n, 1)), np.eye(n), -np.eye(n)])
    r = y - np.median(y)
    start = np.concatenate([np.zeros(p), [np.median(y)], np.maximum(r, 0), np.maximum(-r, 0)])
    best = minimize(
        value,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(None, None)] * (p + 1) + [(0, None)] * (2 * n),
        constraints=LinearConstraint(equal, y, y),
        options=dict(ftol=1e-14, maxiter=500),
    )
    reached = objective(X, y, weights, tau, ours.coef_, ours.intercept_)
    reached += 0.5 * alpha * ours.coef_ @ ours.coef_
    assert reached <= best.fun + 1e-9
    np.testing.assert_allclose(ours.coef_, best.x[:p], atol=1e-4)
    with pytest.raises(AttributeError, match="dual_gap_ certifies"):
        ours.gradient_norm_  # noqa: B018
    with pytest.raises(AttributeError, match="no curvature, and so no quadratic"):
        ours.quadratic_  # noqa: B018


def test_positive_coefficients_and_offsets():
    X, y, weights = rows()
    tau, offset = 0.4, X[:, 2] - 1.0
    model = QuadraticApproxLasso(0.02, loss="quantile", quantile=tau, positive=True)
    model.fit(X, y, weights, offset=offset)
    share, (n, p) = weights / weights.sum(), X.shape
    cost = np.concatenate([np.full(p, 0.02), [0.0], tau * share, (1 - tau) * share])
    equal = np.hstack([X, np.ones((n, 1)), np.eye(n), -np.eye(n)])
    bounds = [(0, None)] * p + [(None, None)] + [(0, None)] * (2 * n)
    best = linprog(cost, A_eq=equal, b_eq=y - offset, bounds=bounds)
    np.testing.assert_allclose(model.coef_, best.x[:p], atol=1e-9)
    assert model.dual_gap_ <= 1e-11


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 30),
    p=st.integers(1, 40),
    tau=st.floats(0.05, 0.95),
    alpha=st.floats(1e-3, 2.0),
    l1_ratio=st.sampled_from([0.0, 0.3, 1.0]),
    positive=st.booleans(),
    whole=st.booleans(),
)
def test_the_gap_closes_on_any_data(seed, n, p, tau, alpha, l1_ratio, positive, whole):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, p)), rng.normal(size=n) * 5.0
    if whole:  # ties, and rows that lie on one another
        X, y = np.round(X), np.round(y)
    risk = EmpiricalRisk(X, y[:, None], Quantile(tau))
    penalty = Separable(l1_ratio, None, positive)
    found = solve(risk, penalty, alpha, max_iter=200)
    assert found.dual_gaps[0] <= 1e-8
    value = risk.value_of(found.coefs[0], found.intercepts[0])
    at_zero = risk.null_risk
    assert value + penalty.value(found.coefs[0], alpha) <= at_zero * (1 + 1e-8) + 1e-10
    assert not positive or (found.coefs[0] >= 0).all()


def least_positive(X, y, weights, offset, tau, alpha, factors, fit_intercept):
    """The minimum of the lasso with θ ≥ 0, by a linear program."""
    share, n = weights / weights.sum(), len(X)
    out = np.isinf(factors)
    cost = np.concatenate([alpha * np.where(out, 0.0, factors), [0.0], tau * share])
    equal = np.hstack([X, np.full((n, 1), 1.0 * fit_intercept), np.eye(n), -np.eye(n)])
    bounds = [(0, 0 if o else None) for o in out] + [(None, None)] + [(0, None)] * (2 * n)
    cost = np.concatenate([cost, (1 - tau) * share])
    return linprog(cost, A_eq=equal, b_eq=y - offset, bounds=bounds).fun


@pytest.mark.parametrize("shape", [(60, 5), (20, 40)])
@pytest.mark.parametrize("tau", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["plain", "factors", "weights and offset"])
def test_positive_coefficients_need_no_penalty_to_speak_of(shape, tau, kind):
    """Slacks λ − q start inside, however small λ is beside slopes."""
    rng = np.random.default_rng(1)
    (n, p), fit_intercept = shape, kind != "factors"
    X = rng.normal(size=shape)
    y = X[:, 0] - X[:, 1] + 0.5 * X[:, 2] + 0.5 * rng.normal(size=n)
    weights, offset, factors = np.ones(n), np.zeros(n), np.ones(p)
    if kind == "factors":
        factors[:3] = 0.0, np.inf, 3.0
    if kind == "weights and offset":
        weights, offset = rng.uniform(0.2, 2.0, size=n) * (rng.random(n) < 0.8), X[:, 2] - 1.0
    risk = EmpiricalRisk(
        X, y[:, None], Quantile(tau), weights, offset=offset, fit_intercept=fit_intercept
    )
    for alpha in (1e-2, 1e-6, 1e-12, 0.0):
        found = {r: solve(risk, Separable(r, factors, True), alpha) for r in (0.0, 0.5, 1.0)}
        for one in found.values():
            assert one.dual_gaps[0] <= 1e-9
            assert (one.coefs >= 0).all()
        lasso = found[1.0]
        value = risk.value_of(lasso.coefs[0], lasso.intercepts[0])
        value += Separable(1.0, factors, True).value(lasso.coefs[0], alpha)
        least = least_positive(X, y, weights, offset, tau, alpha, factors, fit_intercept)
        assert value == pytest.approx(least, abs=1e-8)


def test_positive_ridge_solves_the_quadratic_program():
    rng = np.random.default_rng(1)
    n, p = 24, 5
    X = rng.normal(size=(n, p))
    y = X @ [1.0, -1.0, 0.5, 0.0, 0.0] + 0.5 * rng.normal(size=n)
    alpha, model = 0.01, QuadraticApproxLasso(0.01, l1_ratio=0.0, positive=True, loss="quantile")
    for form in (np.asarray, sparse.csr_array, sparse.csc_array):
        model.fit(form(X), y)
        assert model.dual_gap_ <= 1e-10
    half = np.full(2 * n, 0.5 / n)
    best = minimize(
        lambda v: 0.5 * alpha * v[:p] @ v[:p] + half @ v[p + 1 :],
        np.concatenate([np.zeros(p + 1), np.maximum(y, 0), np.maximum(-y, 0)]),
        jac=lambda v: np.concatenate([alpha * v[:p], [0.0], half]),
        method="SLSQP",
        bounds=[(0, None)] * p + [(None, None)] + [(0, None)] * (2 * n),
        constraints=LinearConstraint(np.hstack([X, np.ones((n, 1)), np.eye(n), -np.eye(n)]), y, y),
        options=dict(ftol=1e-14, maxiter=500),
    )
    reached = objective(X, y, np.ones(n), 0.5, model.coef_, model.intercept_)
    assert reached + 0.5 * alpha * model.coef_ @ model.coef_ <= best.fun + 1e-9
    np.testing.assert_allclose(model.coef_, best.x[:p], atol=1e-4)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_paths_and_searches_of_positive_coefficients(l1_ratio):
    X, y, _ = rows()
    model = QuadraticApproxLasso(l1_ratio=l1_ratio, positive=True, loss="quantile")
    alphas = [3.0, 0.03, 1e-6]
    assert (model.regularization_path(X, y, alphas).dual_gaps <= 1e-10).all()
    search = PathSearchCV(model, alphas, cv=3).fit(X, y)
    other = GridSearchCV(model, {"alpha": alphas}, cv=3).fit(X, y)
    scores = (s.cv_results_["mean_test_score"] for s in (search, other))
    np.testing.assert_allclose(*scores, rtol=1e-7)


def test_the_grid_starts_where_the_first_coefficient_appears():
    X, y, weights = rows()
    risk = EmpiricalRisk(X, y[:, None], Quantile(0.3), weights)
    top = alpha_max(risk, Separable())
    found = solve(risk, Separable(), [top * 1.001, top * 0.98])
    assert not found.coefs[0].any()
    assert found.coefs[1].any()
    path = QuadraticApproxRidge(loss="quantile").regularization_path(X, y, 5)
    assert np.linalg.norm(path.coefs[0]) < 0.5 * np.linalg.norm(path.coefs[-1])


def test_path_and_search():
    X, y, _ = rows()
    alphas = [0.3, 0.03, 0.003]
    model = QuadraticApproxLasso(loss="quantile", quantile=0.7)
    path = model.regularization_path(X, y, alphas)
    assert (path.dual_gaps <= 1e-11).all()
    for alpha, coef in zip(alphas, path.coefs, strict=True):
        alone = QuadraticApproxLasso(alpha, loss="quantile", quantile=0.7).fit(X, y)
        np.testing.assert_allclose(alone.coef_, coef, atol=1e-12)
    scoring = "neg_mean_absolute_error"
    ours = PathSearchCV(model, alphas, cv=3, scoring=scoring).fit(X, y)
    other = GridSearchCV(QuantileRegressor(quantile=0.7), {"alpha": alphas}, cv=3, scoring=scoring)
    scores = (s.cv_results_["mean_test_score"] for s in (ours, other.fit(X, y)))
    np.testing.assert_allclose(*scores, rtol=1e-9)
    grid = [100.0, 1.0, 0.01]
    ridge = PathSearchCV(QuadraticApproxRidge(loss="quantile"), grid, cv=3).fit(X, y)
    assert np.isfinite(ridge.best_score_)
    with pytest.raises(ValueError, match="goes by the curvature of the loss"):
        PathSearchCV(model, alphas, cv="loo").fit(X, y)


def test_what_it_cannot_serve_is_said():
    X, y, _ = rows()
    risk = EmpiricalRisk(X, y[:, None], Quantile())
    assert select_method(risk, Separable(0.5), 0.1).name == "interior_point"
    with pytest.raises(
        ValueError, match=r"no method serves .*max_expansions=None, or loss='huber'"
    ):
        QuadraticApproxRidge(loss="quantile", max_expansions=1).fit(X, y)


def test_constant_targets_and_scales():
    X, y, _ = rows()
    flat = QuadraticApproxLasso(0.1, loss="quantile").fit(X, np.full(len(y), 2.5))
    assert not flat.coef_.any()
    assert flat.intercept_ == 2.5
    # In other units of y: the same, at a λ of the same units as the loss.
    one = QuadraticApproxRidge(0.1, loss="quantile", quantile=0.3).fit(X, y)
    large = QuadraticApproxRidge(0.1 / 1e6, loss="quantile", quantile=0.3).fit(X, 1e6 * y)
    np.testing.assert_allclose(large.coef_, 1e6 * one.coef_, rtol=1e-6)


@pytest.mark.parametrize("shape", [(80, 6), (20, 60)])
@pytest.mark.parametrize("alpha", [1e-20, 1e-40, 1e-100])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_a_penalty_below_rounding_is_certified(shape, alpha, l1_ratio):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    y = X[:, 0] + rng.normal(size=len(X))
    model = QuadraticApproxLasso(alpha, l1_ratio=l1_ratio, loss="quantile").fit(X, y)
    assert model.dual_gap_ <= 1e-10
    if shape[1] < shape[0]:
        free = QuadraticApproxLasso(0.0, loss="quantile").fit(X, y)
        same = objective(X, y, np.ones(len(y)), 0.5, free.coef_, free.intercept_)
        found = objective(X, y, np.ones(len(y)), 0.5, model.coef_, model.intercept_)
        assert found == pytest.approx(same, rel=1e-10)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_degrees_of_freedom_count_repeated_rows_once(fit_intercept):
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(60, 6)), rng.integers(1, 4, size=60)
    y = X @ rng.normal(size=6) + rng.normal(size=60)
    ridge = QuadraticApproxRidge(0.01, loss="quantile", fit_intercept=fit_intercept)
    once = ridge.fit(X, y, sample_weight=weights).effective_dof_
    again = ridge.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights)).effective_dof_
    assert 0 < once <= 6
    assert again == once


@pytest.mark.parametrize("seed", [0, 14, 16, 20])
def test_zeros_of_the_elastic_net_are_exact(seed):
    """Where another method has them; before features and rows are put right a few are not."""
    rng = np.random.default_rng(seed)
    n, p = [(60, 20), (26, 160), (40, 90), (50, 100)][seed % 4]
    X = rng.normal(size=(n, p)) + seed
    y = X[:, :3] @ np.arange(1.0, 4.0) + rng.standard_t(2, size=n)
    risk = EmpiricalRisk(X, y[:, None], Quantile(0.3), fit_intercept=seed != 16)
    penalty = Separable(0.5, factors=np.append(0.0 if seed == 20 else 1.0, np.ones(p - 1)))
    alphas = alpha_max(risk, penalty) * np.array([0.5, 0.1, 0.03])
    found = solve(risk, penalty, alphas, method="interior_point")
    other = solve(risk, penalty, alphas, method="penalized_interior_point", tol=1e-10)
    assert found.dual_gaps.max() <= 1e-12
    sizes = np.abs(found.coefs) / np.abs(found.coefs).max(axis=1, keepdims=True)
    assert sizes[found.coefs != 0].min() > 1e-6
    at_zero = np.abs(other.coefs) <= 1e-9 * np.abs(other.coefs).max(axis=1, keepdims=True)
    np.testing.assert_array_equal(found.coefs[at_zero], 0.0)
