"""Huber ridges of targets far beyond δ, against gradients in long double."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skreg import QuadraticApproxRidge
from skreg.losses import Huber
from skreg.penalties import Separable
from skreg.quadratic.hessian import Hessian
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import select_method, solve
from skreg.solvers.descent import gradient_scales

SHAPES = {"near": (60, 56), "square": (40, 40), "wide": (30, 70), "tall": (80, 12)}


def rows(shape, ratio, seed, collinear=False):
    rng = np.random.default_rng(seed)
    n, p = SHAPES[shape]
    X = rng.normal(size=(n, p))
    if collinear:
        X = X[:, : p // 2] @ rng.normal(size=(p // 2, p)) + 1e-4 * X
    y = X[:, 0] + rng.standard_t(1.5, n)
    return X, ratio * y / y.std()


def norm_in_long_double(risk, coef, b, alpha, factors=1.0, delta=1.0):
    """max |∂ⱼ|/√(Hⱼⱼ·R₀), coefficients and intercept as they are."""
    coef, b = coef.astype(np.longdouble), np.longdouble(b)
    X = risk.X.toarray() if sparse.issparse(risk.X) else risk.X
    raw = X @ coef + b + (0 if risk.offset is None else risk.offset[:, 0].astype(np.longdouble))
    u = risk.share * np.clip(raw - risk.y[:, 0], -delta, delta)
    slope, total = X.T @ u + np.longdouble(alpha) * factors * coef, u.sum()
    if risk.fit_intercept:
        slope = slope - total * (risk.share @ X)
    bends = risk.null.curvature
    scale, scale_b = gradient_scales(risk, Hessian(risk, bends).diagonal[None], bends)
    off = [abs(total) / scale_b[0]] if risk.fit_intercept else []
    return float(max(*(np.abs(slope) / scale[0]), *off))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ratio", [1e4, 1e6, 1e7])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_hard_rows_are_solved_and_the_certificate_is_true(shape, ratio, fit_intercept):
    X, y = rows(shape, ratio, seed=int(np.log10(ratio)), collinear=shape == "tall")
    rng = np.random.default_rng(0)
    weights, offset = rng.uniform(0.2, 2.0, len(y)), rng.normal(size=len(y))
    weights[:2] = 0.0
    factors = np.r_[0.0, rng.uniform(0.5, 2.0, X.shape[1] - 1)]
    risk = EmpiricalRisk(X, y[:, None], Huber(1.0), weights, offset, fit_intercept)
    alphas = np.array([1.0, 1e-3, 1e-6]) / ratio
    found = solve(risk, Separable(0.0, factors), alphas)
    assert found.solver == "semismooth-newton"
    assert not found.notes
    for coef, b, alpha, said in zip(
        found.coefs, found.intercepts, alphas, found.gradient_norms, strict=True
    ):
        true = norm_in_long_double(risk, coef, b, alpha, factors)
        assert true <= 1e-8
        assert said == pytest.approx(true, rel=1e-3, abs=1e-13)


@pytest.mark.parametrize("seed", [17, 28, 41, 56])
def test_certificates_of_newton_do_not_lose_residuals_to_far_targets(seed):
    """A few targets far out, and columns of several scales, where the method is the usual one."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(22, 13)) * 10.0 ** rng.uniform(-3, 3, 13)
    y = rng.standard_t(1.5, size=(22, 1))
    risk = EmpiricalRisk(X, 1e4 * y / y.std(), Huber(1.0), fit_intercept=False)
    alpha = 1e-12 * risk.largest_eigenvalue
    found = solve(risk, Separable(0.0), [alpha], closely=True)
    assert found.solver == "newton-cholesky"
    true = norm_in_long_double(risk, found.coefs[0], found.intercepts[0], alpha)
    assert true <= 2.0 * found.gradient_norms[0] + 1e-13


@pytest.mark.parametrize("seed", range(4))
def test_what_rounding_leaves_is_measured_and_told(seed):
    """At y of 1e11 δ the digits of float64 do not reach the residuals that bend."""
    X, y = rows("near", 1e11, seed)
    model = QuadraticApproxRidge(1e-15, loss="huber", delta=1.0)
    with pytest.warns(ConvergenceWarning, match="Raise delta"):
        model.fit(X, y)
    risk = EmpiricalRisk(X, y[:, None], Huber(1.0))
    true = norm_in_long_double(risk, model.coef_, model.intercept_, 1e-15)
    assert model.gradient_norm_ == pytest.approx(true, rel=1e-3)


def test_targets_far_from_zero_are_measured_beside_their_intercept():
    X, y = rows("near", 1e6, 3)
    y += 1e9
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what rounding b costs
        model = QuadraticApproxRidge(1e-9, loss="huber", delta=1.0).fit(X, y)
    risk = EmpiricalRisk(X, y[:, None], Huber(1.0))
    true = norm_in_long_double(risk, model.coef_, model.intercept_, 1e-9)
    assert model.gradient_norm_ == pytest.approx(true, rel=0.1)


def test_sparse_rows_excluded_features_and_no_penalty():
    X, y = rows("tall", 1e5, 1)
    X[np.abs(X) < 0.5] = 0.0
    factors = np.r_[np.inf, np.ones(X.shape[1] - 1)]
    model = QuadraticApproxRidge(loss="huber", delta=1.0, penalty_factors=factors)
    alphas = [1e-5, 0.0, 1e-7]
    dense, thin = (model.regularization_path(f(X), y, alphas) for f in (np.array, sparse.csr_array))
    np.testing.assert_allclose(thin.coefs, dense.coefs, rtol=1e-9, atol=1e-7)
    assert (dense.gradient_norms <= 1e-8).all()
    assert not dense.coefs[:, 0].any()
    assert dense.risk.argmin() == 1


def test_rows_none_of_which_bends():
    """Two targets at ±y: between them nothing bends, and the intercept is not unique."""
    X, y = np.array([[1.0], [-1.0], [1.0], [-1.0]]), 1e6 * np.array([1.0, 1.0, -1.0, -1.0])
    risk = EmpiricalRisk(X, y[:, None], Huber(1.0))
    assert select_method(risk, Separable(0.0), 1.0).name == "semismooth_newton"
    found = solve(risk, Separable(0.0), [1.0])
    assert found.gradient_norms[0] <= 1e-8
    assert abs(found.coefs[0, 0]) <= 1e-8
