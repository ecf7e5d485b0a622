"""Gradient norms of ridges, worked out anew in long double from the rows and what users see."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skreg import QuadraticApproxRidge, QuadraticApproxRidgeClassifier

LOSSES = ["squared_error", "poisson", "gamma", "huber", "log"]
DELTA = 1.35


def derivatives(loss, y, f):
    """ℓ, ∂ℓ/∂f and ∂²ℓ/∂f² of every row."""
    if loss == "poisson":
        mu = np.exp(f)
        return y * np.log(np.where(y > 0, y, 1)) - y * f - y + mu, mu - y, mu
    if loss == "gamma":
        ratio = y * np.exp(-f)
        return f - np.log(y) + ratio - 1, 1 - ratio, ratio
    if loss == "log":
        p = (1 + np.tanh(f / 2)) / 2
        return np.logaddexp(np.longdouble(0), f) - y * f, p - y, p * (1 - p)
    r = f - y
    if loss == "squared_error":
        return r * r / 2, r, np.ones_like(r)
    near = np.abs(r) <= DELTA
    value = np.where(near, r * r / 2, DELTA * np.abs(r) - DELTA**2 / 2)
    return value, np.clip(r, -DELTA, DELTA), near.astype(r.dtype)


def null_model(loss, y, fit_intercept):
    """R₀ and the curvatures at the best constant."""
    b = np.longdouble(0)
    for _ in range(200 if fit_intercept else 0):
        _, slope, bend = derivatives(loss, y, b + 0 * y)
        b = b - slope.mean() / max(bend.mean(), np.longdouble(1e-2))
    value, _, bend = derivatives(loss, y, b + 0 * y)
    return value.mean(), bend


def true_norm(loss, X, y, model, alpha):
    """max |∂ⱼ|/√(Hⱼⱼ·R₀) of coefficients and intercept as they are."""
    X, y = X.astype(np.longdouble), y.astype(np.longdouble)
    coef, b = (
        np.ravel(model.coef_).astype(np.longdouble),
        np.longdouble(np.ravel(model.intercept_)[0]),
    )
    with np.errstate(over="ignore"):  # of a fit that ended far away, which says so
        _, residual, _ = derivatives(loss, y, X @ coef + b)
    null_risk, bend = null_model(loss, y, model.fit_intercept)
    center, mean = 0, 0
    if model.fit_intercept:
        center, mean = X.mean(axis=0), bend @ X / bend.sum()
    slope = residual @ (X - center) / len(y) + alpha * coef
    width = np.sqrt((bend[:, None] * (X - mean) ** 2).mean(axis=0) * null_risk)
    in_b = abs(residual.mean()) / np.sqrt(bend.mean() * null_risk) if model.fit_intercept else 0
    return float(max(np.abs(slope / width).max(), in_b))


def problem(loss, shape, offset, mixed, seed):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=shape)
    eta = Z[:, :3] @ [0.5, -0.5, 0.3]
    X = (offset + Z) * (10.0 ** rng.uniform(-4, 4, size=shape[1]) if mixed else 1.0)
    y = {
        "squared_error": eta + rng.normal(size=len(Z)),
        "huber": eta + rng.standard_t(3, size=len(Z)),
        "poisson": rng.poisson(np.exp(eta + 1)).astype(float),
        "gamma": np.exp(eta) * rng.gamma(2, size=len(Z)),
        "log": (eta + rng.logistic(size=len(Z)) > 0).astype(float),
    }[loss]
    return X, y


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(60, 20), (60, 70), (30, 200)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_no_certificate_is_below_the_truth(loss, shape, fit_intercept):
    """Over offsets, scales and λ; with an intercept every one is solved, too."""
    options = {"fit_intercept": fit_intercept}
    for i, offset in enumerate([0.0, 1e2, 1e4, 1e6]):
        for mixed in (False, True):
            X, y = problem(loss, shape, offset, mixed, seed=i)
            for alpha in (0.1, 1e-4):
                if loss == "log":
                    model = QuadraticApproxRidgeClassifier(alpha, **options)
                else:
                    model = QuadraticApproxRidge(alpha, loss=loss, store_quadratic=True, **options)
                with warnings.catch_warnings(record=True) as said:
                    warnings.simplefilter("always", ConvergenceWarning)
                    model.fit(X, y)
                found, truth = model.gradient_norm_, true_norm(loss, X, y, model, alpha)
                assert found >= 0.5 * truth - 1e-13
                assert found <= 1e-8 or not fit_intercept
                assert found <= (1e-6 if loss == "squared_error" else 1e-8) or said


def test_wide_rows_of_mixed_scale_are_solved():
    """Small columns of p > n were left far from their best, with a certificate of 1e-12."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 70)) * 10.0 ** rng.uniform(-4, 4, size=70)
    y = rng.poisson(np.exp(X[:, 0] / X[:, 0].std())).astype(float)
    model = QuadraticApproxRidge(1e-4, loss="poisson").fit(X, y)
    assert true_norm("poisson", X, y, model, 1e-4) < 1e-8


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(60, 20), (30, 70)])
@pytest.mark.parametrize("offset", [0.0, 1e2])
def test_norms_of_float32_are_those_of_the_rounded_coefficients(loss, shape, offset):
    X, y = problem(loss, shape, offset, False, seed=0)
    X = X.astype(np.float32)
    if loss == "log":
        model = QuadraticApproxRidgeClassifier(1e-3)
    else:
        model = QuadraticApproxRidge(1e-3, loss=loss, store_quadratic=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # tol was reached before rounding
        model.fit(X, y)
    assert model.coef_.dtype == np.float32
    truth = true_norm(loss, X, y, model, 1e-3)
    assert truth > 1e-11
    assert 0.5 * truth <= model.gradient_norm_ <= (2 if loss != "squared_error" else 1e4) * truth
    path = model.regularization_path(X, y, [1e-3])
    if loss != "squared_error":
        truth = true_norm(loss, X, y, path.estimator(1e-3), 1e-3)
        assert 0.5 * truth <= path.gradient_norms[0] <= 2 * truth
