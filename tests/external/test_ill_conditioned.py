"""Designs that lose digits, against an SVD in extended precision and by laws that must hold."""

import warnings

import numpy as np
import pytest
from external.ours import estimator
from scipy.linalg import hilbert
from sklearn.exceptions import ConvergenceWarning

EPS = np.finfo(float).eps
LONG = np.longdouble


def jacobi_svd(A):
    """A = U·diag(s)·Vᵀ by one-sided Jacobi rotations, in the precision of A."""
    U, V = A.copy(), np.eye(A.shape[1], dtype=A.dtype)
    eps = np.finfo(A.dtype).eps
    for _ in range(60):
        largest = 0.0
        for i in range(A.shape[1] - 1):
            for j in range(i + 1, A.shape[1]):
                a, b, c = U[:, i] @ U[:, i], U[:, j] @ U[:, j], U[:, i] @ U[:, j]
                if abs(c) <= eps * np.sqrt(a * b):
                    continue
                largest = max(largest, float(abs(c) / np.sqrt(a * b)))
                zeta = (b - a) / (2 * c)
                t = (1 if zeta >= 0 else -1) / (abs(zeta) + np.sqrt(1 + zeta**2))
                cosine = 1 / np.sqrt(1 + t**2)
                turn = np.array([[cosine, cosine * t], [-cosine * t, cosine]], dtype=A.dtype)
                U[:, [i, j]], V[:, [i, j]] = U[:, [i, j]] @ turn, V[:, [i, j]] @ turn
        if largest <= 4 * eps:
            break
    s = np.sqrt((U**2).sum(axis=0))
    return U / np.where(s > 0, s, 1), s, V


def extended_ridge(X, y, alpha):
    """The ridge with intercept in extended precision; directions below its rounding are null."""
    A, b = X.astype(LONG), y.astype(LONG)
    A, b = A - A.mean(axis=0), b - b.mean()
    n = len(A)
    if A.shape[0] < A.shape[1]:
        V, s, U = jacobi_svd(np.ascontiguousarray(A.T))
    else:
        U, s, V = jacobi_svd(A)
    keep = s > s.max() * max(A.shape) * EPS
    U, s, V = U[:, keep], s[keep], V[:, keep]
    return V @ (s / (s**2 + n * LONG(alpha)) * (U.T @ b)), s


def designs():
    rng = np.random.default_rng(0)
    plain = rng.standard_normal((30, 8))
    near = plain.copy()
    near[:, 1] = near[:, 0] + 1e-7 * plain[:, 1]
    return {
        "Hilbert": hilbert(12)[:, :6],
        "Hilbert, wide": hilbert(12)[:6],
        "Vandermonde": np.vander(np.linspace(0, 1, 30), 7),
        "nearly duplicated": near,
        "duplicated": np.hstack([plain, plain[:, :3]]),
        "constant": np.hstack([plain, np.full((30, 2), 1e6)]),
        "scales": plain * 10.0 ** np.linspace(-6, 6, 8),
        "offset": np.round(plain * 2**20) / 2**20 + 1e8,
    }


DESIGNS = designs()


@pytest.mark.parametrize("alpha", [1e-14, 1e-8, 1e-2, 1.0])
@pytest.mark.parametrize("name", DESIGNS)
def test_ridge_is_as_good_as_its_condition_allows(name, alpha):
    X = DESIGNS[name]
    n, p = X.shape
    y = X @ np.linspace(-1, 2, p) + np.sin(np.arange(n))
    fitted = estimator("squared_error", 0.0, alpha).fit(X, y)
    expected, s = extended_ridge(X, y, alpha)
    power = s**2 / n
    condition = float(np.sqrt((power.max() + alpha) / (power.min() + alpha)))
    error = np.abs(fitted.coef_ - expected).max() / np.abs(expected).max()
    # A backward-stable least-squares solver: κ for the data, κ² for what the fit leaves over.
    residual = y - fitted.predict(X)
    left = np.linalg.norm(residual) / np.linalg.norm(y - y.mean())
    assert error <= 200 * EPS * (condition + condition**2 * left)


@pytest.mark.parametrize("ratio", [0.5, 0.05, 0.001])
@pytest.mark.parametrize("name", DESIGNS)
def test_lasso_is_optimal_in_extended_precision(name, ratio):
    X = DESIGNS[name]
    n, p = X.shape
    y = X @ np.linspace(-1, 2, p) + np.sin(np.arange(n))
    A, b = X.astype(LONG) - X.astype(LONG).mean(axis=0), y.astype(LONG) - y.astype(LONG).mean()
    alpha = ratio * float(np.abs(A.T @ b).max() / n)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        fitted = estimator("squared_error", alpha, 0.0, tol=1e-9).fit(X, y)
    theta = fitted.coef_.astype(LONG)
    residual = b - A @ theta
    shrink = min(LONG(1), alpha * n / np.abs(A.T @ residual).max())
    dual = (shrink * (residual @ b) - shrink**2 * (residual @ residual) / 2) / n
    primal = (residual @ residual) / (2 * n) + alpha * np.abs(theta).sum()
    assert -1e-15 <= (primal - dual) / (b @ b / (2 * n)) <= 1.1e-9
    assert fitted.dual_gap_ <= 1e-9


def problems():
    rng = np.random.default_rng(1)
    X = np.round(rng.standard_normal((80, 6)) * 2**20) / 2**20
    score = X @ [1.0, -1.0, 0.5, 0.0, 0.0, 0.25]
    noisy = score + rng.standard_normal(80)
    return X, {
        "squared_error": noisy,
        "huber": noisy + 30 * (np.arange(80) % 11 == 0),
        "poisson": rng.poisson(np.exp(0.5 * score)).astype(float),
        "gamma": rng.gamma(2.0, np.exp(0.5 * score)),
        "log": (noisy > 0.3).astype(int),
        "log, three classes": np.digitize(noisy, [-0.5, 0.7]),
    }


X, TARGETS = problems()


def fit(target, data, l1, l2, **parameters):
    model = estimator(target.partition(",")[0], l1, l2, tol=1e-12, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the coefficients decide
        return model.fit(data, TARGETS[target])


@pytest.mark.parametrize("penalty", ["l1", "l2"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("span", [3, 6, 12])
def test_units_of_features_change_nothing_but_units(target, penalty, span):
    """Columns times s with factors s (L1) or s² (L2) is the same problem in θ·s."""
    s = 10.0 ** np.linspace(-span, span, 6)[[3, 0, 5, 1, 4, 2]]
    strengths = (0.02, 0.0) if penalty == "l1" else (0.0, 0.02)
    factors = s if penalty == "l1" else s**2
    plain = fit(target, X, *strengths)
    scaled = fit(target, X * s, *strengths, penalty_factors=factors)
    np.testing.assert_allclose(scaled.coef_ * s, plain.coef_, atol=2e-6 * np.abs(plain.coef_).max())
    np.testing.assert_allclose(scaled.intercept_, plain.intercept_, atol=2e-6)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shift", [1e4, 1e8])
def test_a_shift_of_features_changes_the_intercept_alone(target, penalty, shift):
    strengths = (0.02, 0.0) if penalty == "l1" else (0.0, 0.02)
    plain = fit(target, X, *strengths)
    shifted = fit(target, X + shift, *strengths)
    np.testing.assert_allclose(shifted.coef_, plain.coef_, atol=2e-6 * np.abs(plain.coef_).max())
    raw = (X + shift).astype(LONG) @ shifted.coef_.T.astype(LONG) + shifted.intercept_
    expected = X @ plain.coef_.T + plain.intercept_
    if expected.ndim == 2 and expected.shape[1] > 2:  # a constant over the classes changes nothing
        raw, expected = (f - f.mean(axis=1, keepdims=True) for f in (raw, expected))
    # What a raw prediction can hold: 16 digits of 10⁸.
    np.testing.assert_allclose(raw.astype(float), expected, atol=1e-5 + 1e-14 * shift)


@pytest.mark.parametrize("target", TARGETS)
def test_duplicated_and_constant_columns(target):
    doubled = np.hstack([X, X, np.ones((80, 1))])
    ridge = fit(target, doubled, 0.0, 0.05)
    first, second = ridge.coef_[..., :6], ridge.coef_[..., 6:12]
    np.testing.assert_allclose(first, second, atol=1e-7)
    # Two columns that share a coefficient pay half the penalty.
    single = fit(target, X, 0.0, 0.025)
    np.testing.assert_allclose(first + second, single.coef_, atol=1e-6)
    lasso = fit(target, doubled, 0.02, 0.0)
    np.testing.assert_allclose(
        lasso.coef_[..., :6] + lasso.coef_[..., 6:12], fit(target, X, 0.02, 0.0).coef_, atol=1e-5
    )
    np.testing.assert_allclose(ridge.coef_[..., 12], 0.0, atol=1e-12)
    np.testing.assert_array_equal(lasso.coef_[..., 12], 0.0)
