"""Ridge penalties with a factor for each feature: units, features without a penalty, both sides."""

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import alphas, problems
from solver_cases import solve_ridge

from skreg import QuadraticModel


def drawn_factors(rng, p):
    """Factors over four decades, about a third of them 0."""
    factors = 10.0 ** rng.uniform(-2, 2, size=p)
    factors[rng.uniform(size=p) < 0.3] = 0.0
    return factors


def solve(problem, alphas, factors, fit_intercept=True):
    X, y, weights = problem
    model = QuadraticModel.from_data(X, y, weights, fit_intercept=fit_intercept)
    return solve_ridge(model.problem, np.atleast_1d(alphas).astype(float), factors)


def objective(A, b, theta, alpha, factors):
    residual = b.reshape(len(b), -1) - A @ np.atleast_2d(theta).T
    return 0.5 * np.sum(residual**2) + alpha * 0.5 * np.sum(factors * np.atleast_2d(theta) ** 2)


@given(problems(), alphas, st.booleans(), st.integers(0, 2**32 - 1))
def test_no_other_coefficients_are_better(problem, alpha, fit_intercept, seed):
    X, y, weights = problem
    factors = drawn_factors(np.random.default_rng(seed), X.shape[1])
    A, b = reference.centered(X, y, weights, fit_intercept)
    fitted = solve(problem, alpha, factors, fit_intercept)
    expected = reference.factored_ridge(A, b, alpha, factors)
    made, best = (objective(A, b, t, alpha, factors) for t in (fitted.coefs[0], expected))
    null = objective(A, b, np.zeros_like(expected), alpha, factors)
    assert abs(made - best) <= 1e-10 * null
    penalized = factors > 0  # those without a penalty need not be unique
    gap = np.abs(np.atleast_2d(fitted.coefs[0] - expected)[:, penalized]).max(initial=0.0)
    assert gap <= 1e-6 * (np.abs(expected).max() + 1e-300)
    np.testing.assert_allclose(
        fitted.risk[0], objective(A, b, fitted.coefs[0], 0.0, factors), rtol=1e-7, atol=1e-12 * null
    )


@given(problems(), alphas, st.integers(0, 2**32 - 1))
def test_factors_are_units_of_features(problem, alpha, seed):
    X, y, weights = problem
    factors = 10.0 ** np.random.default_rng(seed).uniform(-2, 2, size=X.shape[1])
    fitted = solve(problem, [alpha, 10 * alpha], factors)
    plain = solve((X / np.sqrt(factors), y, weights), [alpha, 10 * alpha], None)
    scale = np.abs(plain.coefs).max()
    np.testing.assert_allclose(fitted.coefs * np.sqrt(factors), plain.coefs, atol=1e-7 * scale)
    np.testing.assert_allclose(fitted.dof, plain.dof, rtol=1e-7)
    np.testing.assert_allclose(fitted.risk, plain.risk, rtol=1e-7, atol=1e-12 * np.square(y).sum())


@given(problems(), alphas)
def test_one_factor_for_all_multiplies_lambda(problem, alpha):
    X = problem[0]
    fitted = solve(problem, alpha, np.full(X.shape[1], 4.0))
    plain = solve(problem, 4 * alpha, None)
    np.testing.assert_allclose(
        fitted.coefs, plain.coefs, rtol=1e-7, atol=1e-9 * np.abs(plain.coefs).max()
    )
    np.testing.assert_allclose(fitted.dof, plain.dof, rtol=1e-7)


@pytest.mark.parametrize("shape", [(60, 8), (8, 60)])
def test_dof_is_the_trace_of_the_hat_matrix(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    factors = drawn_factors(rng, shape[1])
    factors[:5] = [0.0, 0.0, 1.0, 2.0, 3.0]
    factors[5:] = np.maximum(factors[5:], 0.1)
    A, _ = reference.centered(X, y)
    for alpha in (0.01, 1.0):
        hat = A @ np.linalg.solve(A.T @ A + alpha * np.diag(factors), A.T)
        np.testing.assert_allclose(solve((X, y, None), alpha, factors).dof[0], np.trace(hat))


@pytest.mark.parametrize("shape", [(60, 12), (12, 60)])
def test_features_that_those_without_a_penalty_say_already(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    factors = np.ones(shape[1])
    factors[:4] = 0.0
    X[:, 1] = X[:, 0]  # copies without a penalty
    X[:, 5] = X[:, 0] + 2 * X[:, 2]  # explained by them
    X[:, 3] = X[:, 6] = 7.0  # constant
    fitted = solve((X, y, None), [0.1, 1e-9, 0.0], factors)
    assert np.abs(fitted.coefs[:, 5]).max() < 1e-9
    np.testing.assert_array_equal(fitted.coefs[:, [3, 6]], 0.0)
    A, b = reference.centered(X, y)
    expected = reference.factored_ridge(A, b, 0.1, factors)
    np.testing.assert_allclose(A @ fitted.coefs[0], A @ expected, atol=1e-9)
    rank = np.linalg.matrix_rank(A)
    np.testing.assert_allclose(fitted.dof[-1], rank)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_nothing_penalized_is_least_squares(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    fitted = solve((X, y, None), [1.0, 0.0], np.zeros(shape[1]))
    A, b = reference.centered(X, y)
    best = A @ np.linalg.lstsq(A, b, rcond=1e-12)[0]
    for coef in fitted.coefs:
        np.testing.assert_allclose(A @ coef, best, atol=1e-9)
    np.testing.assert_allclose(fitted.dof, np.linalg.matrix_rank(A))


@pytest.mark.parametrize("shape", [(80, 8), (8, 80)])
def test_nearly_dependent_features_switch_to_an_svd(shape):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    X[:, 4] = X[:, 3] + 1e-6 * rng.normal(size=shape[0])  # both penalized
    X[:, 1] = X[:, 0] + 1e-6 * rng.normal(size=shape[0])  # both without a penalty
    factors = np.ones(shape[1])
    factors[:2] = 0.0
    A, b = reference.centered(X, y)
    alpha = 1e-11
    fitted = solve((X, y, None), alpha, factors)
    assert fitted.solver == ("svd" if shape[0] > shape[1] else "eigh-dual")
    expected = reference.factored_ridge(A, b, alpha, factors)

    def objective(theta):
        return np.sum((b - A @ theta) ** 2) + alpha * factors @ theta**2

    assert objective(fitted.coefs[0]) <= objective(expected) * (1 + 1e-6)
    # Neither holds more digits of coefficients near 10⁵ that all but cancel.
    size = np.abs(expected).max()
    np.testing.assert_allclose(fitted.coefs[0], expected, atol=1e-5 * size)


def test_one_decomposition_serves_a_path():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 6)), rng.normal(size=50)
    model = QuadraticModel.from_data(X, y)
    factors = np.array([0.0, 1.0, 2.0, 3.0, 0.0, 1.0])
    path = solve_ridge(model.problem, np.array([1.0, 0.1, 0.01]), factors)
    assert model.problem.spectrum(0.01, factors) is model.problem.spectrum(1.0, factors.copy())
    for alpha, coef in zip(path.alphas, path.coefs, strict=True):
        again = solve_ridge(model.problem, np.array([alpha]), factors)
        np.testing.assert_allclose(again.coefs[0], coef, rtol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
def test_nearly_dependent_rows_switch_to_an_svd(order):
    rng = np.random.default_rng(0)
    X, y = np.asarray(rng.normal(size=(8, 80)), order=order), rng.normal(size=8)
    X[1] = X[0] + 1e-5 * rng.normal(size=80)
    factors = drawn_factors(rng, 80)
    factors[:3] = 0.0
    factors[3:] = np.maximum(factors[3:], 0.1)
    A, b = reference.centered(X, y)
    for alpha in (1e-8, 1e-12):
        fitted = solve((X, y, None), alpha, factors)
        assert fitted.solver == "svd-dual"
        expected = reference.factored_ridge(A, b, alpha, factors)
        np.testing.assert_allclose(fitted.coefs[0], expected, atol=1e-7 * np.abs(expected).max())
