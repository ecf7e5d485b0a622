"""Leave-one-out of the ridge where leverages may be in single precision: what that moves."""

import warnings

import numpy as np
import pytest
from scipy import sparse

from skreg import PathSearchCV, QuadraticApproxRidge, QuadraticModel
from skreg._kernels import rows as row_kernels
from skreg.solvers.ridge_left_out import left_out_predictions

N, P, TOL = 3000, 90, 1e-3
ALPHAS = np.geomspace(10.0, 1e-6, 30)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P))
Y = X[:, 0] + RNG.normal(size=N)


def predictions(X, y, weights, fit_intercept, alphas, tol):
    model = QuadraticModel.from_data(X, y, weights, fit_intercept=fit_intercept)
    return left_out_predictions(model.problem, alphas, tol=tol)


def compared(X, y=Y, weights=None, fit_intercept=True, alphas=ALPHAS):
    """Which rows are in single precision, after a look at what it moves."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick, exact = (
            predictions(X, y, weights, fit_intercept, alphas, tol) for tol in (TOL, 0.0)
        )
    targets = y.reshape(1, len(y), -1)
    moved, residual = np.abs(quick - exact), np.abs(exact - targets)
    assert (moved <= 0.5 * TOL / np.sqrt(N) * residual + 1e-14 * np.abs(targets).max()).all()
    squares = residual**2
    error = squares.std(axis=1, ddof=1) / np.sqrt(N)
    change = np.square(quick - targets).mean(axis=1) - squares.mean(axis=1)
    assert (np.abs(change) <= 1e-5 * error).all()
    return (moved > 1e-11 * residual).any(axis=(0, 2))


def refitted(alphas):
    """Squared residuals of every row by a fit to the others, from sums less what it adds."""
    out = np.empty((len(alphas), N))
    for i in range(N):
        rest = (np.arange(N) != i) / (N - 1.0)
        x_mean, y_mean = rest @ X, rest @ Y
        hessian = (GRAM - np.outer(X[i], X[i])) / (N - 1.0) - np.outer(x_mean, x_mean)
        cross = (CROSS - X[i] * Y[i]) / (N - 1.0) - x_mean * y_mean
        for k, alpha in enumerate(alphas):
            theta = np.linalg.solve(hessian + alpha * np.eye(P), cross)
            out[k, i] = (Y[i] - y_mean - theta @ (X[i] - x_mean)) ** 2
    return out


GRAM, CROSS = X.T @ X, X.T @ Y


@pytest.fixture(scope="module")
def by_refits():
    return refitted(ALPHAS[[0, 29]])


@pytest.mark.parametrize(("tol", "close"), [(TOL, 1e-5), (0.0, 1e-10)])
def test_scores_are_those_of_fits_without_every_row(by_refits, tol, close):
    search = PathSearchCV(
        QuadraticApproxRidge(), ALPHAS, cv="loo", scoring="neg_mean_squared_error", tol=tol
    ).fit(X, Y)
    error = by_refits.std(axis=1, ddof=1) / np.sqrt(N)
    scores = -search.cv_results_["mean_test_score"][[0, 29]]
    assert (np.abs(scores - by_refits.mean(axis=1)) <= close * error).all()
    np.testing.assert_allclose(search.cv_results_["std_test_score"][[0, 29]], error, rtol=1e-6)


SCALES = np.where(np.arange(P) % 2, 1e30, 1e-30)
CONSTANT = X.copy()
CONSTANT[:, 3], CONSTANT[:, 5] = 7.0, 0.0


@pytest.mark.parametrize(
    "X",
    [
        X,
        X + 1e6,
        X.astype(np.float32),
        np.asfortranarray(X),
        sparse.csr_array(X * (X > 1.0)),
        CONSTANT,
        X * SCALES,
        np.eye(P)[RNG.integers(0, P, N)],
    ],
    ids=["plain", "offset", "float32", "Fortran", "sparse", "constant", "scales", "indicators"],
)
def test_all_rows_are_in_single_precision(X):
    assert compared(X).mean() > 0.99


def test_units_do_not_matter():
    for scale in (1e-30, 1e30, 1e140):
        assert compared(scale * X, alphas=scale**2 * ALPHAS).mean() > 0.99


def test_weights_targets_and_no_intercept():
    weights = RNG.uniform(0.2, 4.0, N)
    assert compared(X, weights=weights).mean() > 0.95
    weights[::7] = 0.0
    assert compared(X, weights=weights).mean() > 0.8
    assert compared(X, y=np.column_stack([Y, 3.0 * Y + 1e3])).mean() > 0.99
    assert compared(X + 3.0, fit_intercept=False).mean() > 0.99


def test_rows_of_large_leverage_are_in_double_precision():
    far = RNG.standard_cauchy(size=(N, P))
    assert 0.5 < compared(far).mean() < 0.99
    alone = X.copy()
    alone[:, 1] *= 1e-3
    alone[5, 1] = 1.0
    single = compared(alone)
    assert single.mean() > 0.99
    assert not single[5]


def test_a_row_beyond_the_range_of_single_precision():
    weights, far = np.ones(N), X.copy()
    weights[3], far[3] = 1e-40, 1e20 * X[3]
    assert compared(far, weights=weights).mean() > 0.99


@pytest.mark.parametrize(
    "X",
    [X[:, :1] + 1e-3 * X, X * np.geomspace(1.0, 1e-4, P) @ np.linalg.qr(X[:P])[0]],
    ids=["collinear", "small directions"],
)
def test_ill_conditioned_features_are_in_double_precision(X):
    assert not compared(X).any()


def test_few_rows_for_a_feature_are_in_double_precision():
    narrow = np.random.default_rng(1).normal(size=(400, 300))
    model = QuadraticModel.from_data(narrow, narrow[:, 0]).problem
    quick, exact = (left_out_predictions(model, ALPHAS, tol=tol) for tol in (TOL, 0.0))
    np.testing.assert_array_equal(quick, exact)


@pytest.mark.parametrize("p", [1, 15, 16, 37])
def test_rows_in_units_of_the_columns(p):
    x, mean, unit = RNG.normal(size=(5, p)), RNG.normal(size=p), RNG.uniform(0.5, 2.0, p)
    out = np.empty((5, p), dtype=np.float32)
    power = row_kernels.in_units(x, mean, unit, out)
    expected = (x - mean) * unit
    np.testing.assert_array_equal(out, expected.astype(np.float32))
    np.testing.assert_allclose(power, np.square(expected).sum(axis=1), rtol=1e-6)


def test_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match="must fit x"):
        row_kernels.in_units(
            np.ones((2, 3)), np.ones(3), np.ones(2), np.empty((2, 3), dtype=np.float32)
        )
