"""The lasso on a quadratic: closed forms, coordinate descent, certificates."""

import re
import warnings

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import problems
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso
from solver_cases import lasso_fit, solve_lasso

from skreg import QuadraticModel
from skreg.penalties import Separable
from skreg.solvers.method import Answer, Task
from skreg.solvers.solve import shortfall
from skreg.solvers.working_set import ActiveSet

fractions = st.floats(-3, 0.3).map(lambda e: 10.0**e)
single = problems(targets=0)


def model_and_rows(problem, fit_intercept=True):
    X, y, weights = problem
    model = QuadraticModel.from_data(X, y, weights, fit_intercept=fit_intercept)
    return model, *reference.centered(X, y, weights, fit_intercept)


def correlated(n, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ (np.eye(p) + rng.normal(size=(p, p)) / np.sqrt(p))
    y = X[:, : p // 3].sum(axis=1) + rng.normal(size=n)
    return X, y


@given(single, fractions, st.booleans())
def test_full_meets_the_kkt_conditions(problem, fraction, fit_intercept):
    model, A, b = model_and_rows(problem, fit_intercept)
    alpha = fraction * model.alpha_max()
    theta = model.lasso(alpha)
    assert reference.lasso_violation(A, b, alpha, theta) < 1e-10
    if fraction >= 1:
        np.testing.assert_array_equal(theta, 0.0)


@given(problems(targets=0, tall=True), fractions)
def test_full_equals_plain_coordinate_descent(problem, fraction):
    model, A, b = model_and_rows(problem)
    alpha = fraction * model.alpha_max()
    expected = reference.lasso(A, b, alpha)
    size = np.sqrt((A**2).sum(axis=0))
    np.testing.assert_allclose(
        model.lasso(alpha) * size, expected * size, rtol=0, atol=1e-8 * np.linalg.norm(b)
    )


@pytest.mark.parametrize("shape", [(80, 20), (30, 60), (300, 100), (60, 400)])
@pytest.mark.parametrize("weighted", [False, True])
def test_full_equals_scikit_learn(shape, weighted):
    X, y = correlated(*shape)
    w = np.random.default_rng(1).uniform(0.2, 2, size=shape[0]) if weighted else None
    model = QuadraticModel.from_data(X + 3, y, w)
    alphas = model.alpha_max() * np.array([0.5, 0.1, 0.02])
    for alpha, theta in zip(alphas, model.lasso(alphas), strict=True):
        other = Lasso(alpha=alpha, tol=1e-13, max_iter=100_000).fit(X + 3, y, w)
        np.testing.assert_allclose(theta, other.coef_, atol=1e-7)
        np.testing.assert_allclose(model.intercept(theta), other.intercept_, rtol=1e-7)


@given(single)
def test_alpha_max_is_the_smallest_that_switches_everything_off(problem):
    model, A, b = model_and_rows(problem)
    for hessian in ("full", "diagonal", "pca"):
        top = model.alpha_max(hessian)
        np.testing.assert_array_equal(model.lasso([top, 2 * top], hessian), 0.0)
        if top > 0:
            assert model.lasso(0.999 * top, hessian).any()
    np.testing.assert_allclose(model.alpha_max(), np.abs(A.T @ b).max(), rtol=1e-9)


@given(single, fractions)
def test_diagonal_soft_thresholds_the_minimizer(problem, fraction):
    model, A, _ = model_and_rows(problem)
    alpha = fraction * model.alpha_max("diagonal")
    theta, start = model.lasso(alpha, hessian="diagonal"), model.minimizer
    curvature = (A**2).sum(axis=0)
    for got, was, h in zip(theta, start, curvature, strict=True):
        if was * h > alpha:
            np.testing.assert_allclose(got, was - alpha / h, rtol=1e-6, atol=1e-9 * abs(was))
        elif was * h < -alpha:
            np.testing.assert_allclose(got, was + alpha / h, rtol=1e-6, atol=1e-9 * abs(was))
        else:
            assert got == 0


def test_diagonal_leaves_a_constant_feature_at_zero():
    X, y = correlated(40, 4)
    X[:, 1] = 7.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for hessian in ("full", "diagonal", "pca"):
            thetas = QuadraticModel.from_data(X, y).lasso([1.0, 1e-3, 0.0], hessian)
            assert np.isfinite(thetas).all()
            np.testing.assert_allclose(thetas[:, 1], 0.0, atol=1e-14)
            assert thetas[1, [0, 2, 3]].any()


@given(single, fractions)
def test_pca_soft_thresholds_in_the_eigenvectors(problem, fraction):
    model, _, _ = model_and_rows(problem)
    alpha = fraction * model.alpha_max("pca")
    spectrum = model.spectrum
    c, sigma = spectrum.coordinates[:, 0], spectrum.eigenvalues
    kept = np.sign(c) * np.maximum(np.abs(c) - alpha / sigma, 0)
    theta = model.lasso(alpha, hessian="pca")
    np.testing.assert_allclose(theta, spectrum.vectors @ kept, atol=1e-8 * np.abs(c).max(initial=0))


@given(st.integers(0, 2**32 - 1), fractions)
def test_decorrelated_features_need_only_the_diagonal(seed, fraction):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 6))
    X = np.linalg.qr(X - X.mean(axis=0))[0] * rng.uniform(0.5, 5.0, size=6)
    y = rng.normal(size=30)
    model = QuadraticModel.from_data(X, y)
    alpha = fraction * model.alpha_max()
    full = model.lasso(alpha)
    for hessian in ("diagonal", "pca"):
        np.testing.assert_allclose(model.lasso(alpha, hessian), full, atol=1e-9)


@given(single)
def test_no_penalty_gives_the_minimizer(problem):
    model, _, _ = model_and_rows(problem)
    for hessian in ("full", "diagonal", "pca"):
        np.testing.assert_array_equal(model.lasso(0.0, hessian), model.minimizer)


@given(single)
def test_a_path_equals_single_fits_in_any_order(problem):
    model, A, _ = model_and_rows(problem)
    alphas = model.alpha_max() * np.array([0.1, 1.5, 0.0, 0.4, 0.03, 0.1])
    path = model.lasso(alphas)
    for alpha, theta in zip(alphas, path, strict=True):
        # Copies of a feature leave θ open, so fits are compared by what they predict.
        gap = np.linalg.norm(A @ (theta - model.lasso(alpha)))
        assert gap <= 1e-8 * np.sqrt(2 * model.null_risk)
    np.testing.assert_allclose(path[0], path[5], rtol=1e-9)


@pytest.mark.parametrize("shape", [(60, 8), (8, 60)])
def test_copies_of_features_do_not_stop_it(shape):
    X, y = correlated(*shape)
    X = np.hstack([X, X, X + 1e-10 * np.random.default_rng(0).normal(size=shape), -X])
    model = QuadraticModel.from_data(X, y)
    A, b = reference.centered(X, y)
    alphas = model.alpha_max() * np.geomspace(1, 1e-4, 30)
    fit = lasso_fit(model.problem, alphas, "full", 1e-8, 10_000)
    assert fit.gaps.max() < 1e-10
    assert fit.n_iter.max() < 1000
    for alpha, theta in zip(alphas, fit.thetas[:, 0], strict=True):
        assert reference.lasso_violation(A, b, alpha, theta) < 1e-8


def test_the_gap_bounds_the_excess():
    X, y = correlated(100, 30)
    model = QuadraticModel.from_data(X, y)
    alphas = model.alpha_max() * np.array([0.3, 0.1, 0.03])
    exact = lasso_fit(model.problem, alphas, "full", 1e-8, 10_000)
    rough = lasso_fit(model.problem, alphas, "diagonal", 1e-8, 10_000)
    for i, alpha in enumerate(alphas):
        best, other = (
            model.value(theta) + alpha * np.abs(theta).sum()
            for theta in (exact.thetas[i, 0], rough.thetas[i, 0])
        )
        assert 0 < other - best <= rough.gaps[i] * model.null_risk
        assert abs(exact.risk[i] - model.value(exact.thetas[i, 0])) < 1e-12
    assert exact.gaps.max() < 1e-14


def test_stopping_early_says_so():
    X, y = correlated(60, 40)
    model = QuadraticModel.from_data(X, y)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=1 rounds.*gap of .* above tol=1e-08"):
        model.lasso(0.01 * model.alpha_max(), max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.lasso(0.01 * model.alpha_max(), max_iter=1, tol=10.0)


@pytest.mark.parametrize("shape", [(60, 30), (20, 90), (40, 300)])
def test_a_cold_start_finds_what_a_path_finds(shape):
    X, y = correlated(*shape)
    model = QuadraticModel.from_data(X, y)
    A, b = reference.centered(X, y)
    alphas = model.alpha_max() * np.geomspace(1, 0.01, 20)
    path = model.lasso(alphas)
    for alpha, theta in zip(alphas, path, strict=True):
        cold = model.lasso(alpha)
        np.testing.assert_allclose(cold, theta, rtol=0, atol=1e-9 * np.abs(path).max())
        assert reference.lasso_violation(A, b, alpha, cold) < 1e-12
    assert np.count_nonzero(path[-1]) > 8


def test_a_constant_target_needs_nothing():
    X, _ = correlated(20, 4)
    model = QuadraticModel.from_data(X, np.full(20, 3.0))
    for hessian in ("full", "diagonal", "pca"):
        fit = lasso_fit(model.problem, np.array([0.1, 0.0]), hessian, 1e-8, 100)
        np.testing.assert_array_equal(fit.thetas, 0.0)
        np.testing.assert_array_equal(fit.gaps, 0.0)


def test_the_warning_tells_rounding_from_too_few_rounds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 30))
    y = X @ rng.normal(size=30) + rng.normal(size=100)
    with pytest.warns(ConvergenceWarning, match=r"stopped at max_iter=1 rounds .* Raise max_iter"):
        QuadraticModel.from_data(X, y).lasso(1e-3, max_iter=1)
    # Where rounding ends a path differs from machine to machine: what is said of it does not.
    alphas, gaps, exhausted = np.array([1.0, 0.1]), np.array([0.0, 1e-3]), np.zeros(2, dtype=bool)
    task = Task(QuadraticModel.from_data(X, y).problem, Separable(), alphas)
    answer = Answer(np.zeros((2, 1, 30)), gaps, exhausted, "", gaps=gaps, exhausted=exhausted)
    (note,) = shortfall(task, answer, ActiveSet(), 1e-8)
    assert re.search(r"for rounding, .* 1.0e-03 at alpha=0.1, .* Bring the features to one", note)


def test_many_features_of_dense_rows_stay_with_the_active_set():
    """Coordinate descent on residuals is for sparse rows: dense ones keep their Gram matrix."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 1500))
    y = X[:, :20] @ rng.normal(size=20) + rng.normal(size=600)
    model = QuadraticModel.from_data(X, y)
    solution = solve_lasso(model.problem, model.alpha_max() * np.geomspace(1, 1e-3, 8))
    assert np.count_nonzero(solution.coefs[-1]) > 500
    assert solution.dual_gaps.max() <= 1e-8
