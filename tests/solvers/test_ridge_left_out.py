"""Exact leave-one-out of the ridge, against fits without the row."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import centered, factored_ridge, problems, ridge
from scipy import sparse
from sklearn.linear_model import RidgeCV

from skreg import QuadraticModel
from skreg.solvers.ridge_left_out import left_out_predictions

ALPHAS = np.array([30.0, 1.0, 1e-2, 1e-5, 1e-9, 0.0])


def refitted(X, y, weights, fit_intercept, alphas, factors=None):
    """Every row's predictions by the NumPy twin on the other rows, (n_alphas, n, q)."""
    X, targets = np.asarray(X, dtype=np.float64), y.reshape(len(y), -1)
    weights = np.ones(len(y)) if weights is None else weights
    out = np.empty((len(alphas), *targets.shape))
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        share = weights[rest] / weights[rest].sum()
        A, b = centered(X[rest], targets[rest], weights[rest], fit_intercept)
        x = X[i] - share @ X[rest] if fit_intercept else X[i]
        mean = share @ targets[rest] if fit_intercept else 0.0
        for k, alpha in enumerate(alphas):
            theta = ridge(A, b, alpha) if factors is None else factored_ridge(A, b, alpha, factors)
            out[k, i] = mean + theta @ x
    return out


def left_out(X, y, weights=None, fit_intercept=True, alphas=ALPHAS, factors=None):
    model = QuadraticModel.from_data(X, y, weights, fit_intercept=fit_intercept)
    return left_out_predictions(model.problem, alphas, factors)


def rows(n, p, seed=0, q=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 2.0
    noise = rng.normal(size=(n,) if q is None else (n, q))
    return X, X[:, :2].sum(axis=1).reshape((-1,) + (1,) * (q is not None)) + noise


@given(problems(max_rows=14, max_features=18), st.booleans(), st.floats(-4, 2))
def test_equals_fits_without_the_row(problem, fit_intercept, exponent):
    X, y, weights = problem
    alphas = np.array([10.0**exponent, 1.0])
    got = left_out(X, y, weights, fit_intercept, alphas)
    expected = refitted(X, y, weights, fit_intercept, alphas)
    np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("shape", [(20, 5), (12, 30), (10, 10), (11, 10), (12, 10)])
@pytest.mark.parametrize("weighted", [False, True])
def test_down_to_no_penalty(shape, fit_intercept, weighted):
    X, y = rows(*shape)
    weights = np.random.default_rng(1).uniform(0.2, 4.0, len(y)) if weighted else None
    got = left_out(X, y, weights, fit_intercept)
    expected = refitted(X, y, weights, fit_intercept, ALPHAS)
    np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(20, 5), (9, 15)])
@pytest.mark.parametrize("free", [0, 2])
def test_penalty_factors(shape, free):
    X, y = rows(*shape, q=2)
    factors = np.random.default_rng(2).uniform(0.3, 3.0, shape[1])
    factors[:free] = 0.0
    got = left_out(X, y, None, True, ALPHAS[:4], factors)
    expected = refitted(X, y, None, True, ALPHAS[:4], factors)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("shape", [(25, 4), (8, 12)])
def test_rows_of_no_weight_are_predicted_by_the_fit(shape):
    X, y = rows(*shape)
    weights = np.ones(len(y))
    weights[[1, 5]] = 0.0
    got = left_out(X, y, weights)
    expected = refitted(X, y, weights, True, ALPHAS)
    np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-8)


def test_a_row_that_carries_most_of_the_weight():
    X, y = rows(40, 3)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, 40)
    weights[7] = 500.0
    expected = refitted(X, y, weights, True, ALPHAS)
    np.testing.assert_allclose(left_out(X, y, weights), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("n", [30, 6])
def test_leverage_of_one(n):
    """A feature that a single row has: without the row it is constant."""
    X, y = rows(n, 8 if n < 8 else 4)
    X[:, 0] = 0.0
    X[3, 0] = 1.0
    expected = refitted(X, y, None, True, ALPHAS)
    np.testing.assert_allclose(left_out(X, y), expected, rtol=1e-6, atol=1e-7)


def test_duplicate_rows_and_more_features():
    X, y = rows(10, 25)
    X[4], X[8] = X[3], X[7]
    expected = refitted(X, y, None, True, ALPHAS)
    np.testing.assert_allclose(left_out(X, y), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("factors", [None, np.ones(5)])
def test_a_direction_that_hardly_varies(factors):
    """Its σ is 1e-9 of the largest: its U has to be apart from the intercept to more digits."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, 5))
    X[:, 4] = X[:, :4].sum(axis=1) + 1e-4 * rng.normal(size=6)
    y, alphas = X[:, 0] + rng.normal(size=6) + 5.0, np.array([1e-3, 1.0])
    expected = refitted(X, y, None, True, alphas)
    got = left_out(X, y, alphas=alphas, factors=factors)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
@pytest.mark.parametrize("shape", [(60, 5), (15, 40)])
def test_sparse_rows(kind, shape):
    X, y = rows(*shape)
    X[X < 2.0] = 0.0
    expected = left_out(X, y, alphas=ALPHAS[:4])
    np.testing.assert_allclose(left_out(kind(X), y, alphas=ALPHAS[:4]), expected, rtol=1e-8)


def test_large_means_cost_nothing():
    X, y = rows(50, 4)
    expected = left_out(X, y)
    got = left_out(X + 1e6, y)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_agrees_with_ridge_cv():
    """Which leaves the penalty as it is for all rows, (n − 1)λ here."""
    X, y = rows(80, 6)
    alphas = np.array([1.0, 0.1, 1e-3])
    other = RidgeCV(alphas * 79, store_cv_results=True).fit(X, y)
    errors = (left_out(X, y, alphas=alphas)[:, :, 0] - y) ** 2
    np.testing.assert_allclose(errors.T, other.cv_results_, rtol=1e-10, atol=1e-12)


def test_no_feature_varies():
    X, y = np.ones((6, 2)), np.arange(6.0)
    expected = np.tile((y.sum() - y) / 5, (len(ALPHAS), 1))
    np.testing.assert_allclose(left_out(X, y)[:, :, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spread", [1.0, 1e-4])
def test_many_alphas_are_as_each_by_itself(weighted, spread):
    X, y = rows(60, 8, q=2)
    X[:, ::2] *= spread
    weights = np.random.default_rng(1).uniform(0.2, 4.0, len(y)) if weighted else None
    alphas = np.geomspace(1e3, 1e-10, 100)
    together = left_out(X, y, weights, alphas=alphas)
    alone = np.concatenate([left_out(X, y, weights, alphas=alpha[None]) for alpha in alphas])
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-11)


def test_needs_two_rows():
    X, y = rows(4, 2)
    with pytest.raises(ValueError, match=r"nothing is left .* Give more rows"):
        left_out(X, y, np.array([0.0, 1.0, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("shape", "limit"), [((60_000, 12), 60_000 * 12 * 3), ((40, 3000), 10 * 40**2)]
)
def test_memory(shape, limit):
    """No n × n for n > p, no p × p for p > n, no copy of X."""
    X, y = rows(*shape)
    model = QuadraticModel.from_data(X, y)
    model.problem.spectrum(1e-3)
    tracemalloc.start()
    left_out_predictions(model.problem, np.array([1.0, 1e-3]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * limit


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_targets_of_any_numbers(dtype):
    X, y = rows(30, 4)
    y = (10 * y).astype(dtype)
    model = QuadraticModel.from_data(X, y.astype(np.float64))
    expected = left_out_predictions(model.problem, ALPHAS)
    model.problem.data = (X, y[:, None], None)
    np.testing.assert_allclose(left_out_predictions(model.problem, ALPHAS), expected, rtol=1e-12)
