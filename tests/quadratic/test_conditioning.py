"""Where forming XᵀX would cost accuracy, X itself is decomposed, and rank is decided with care."""

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from hypothesis import strategies as st

from skreg import QuadraticApproxRidge, QuadraticModel

seeds = st.integers(0, 2**32 - 1)


def relative(actual, desired):
    return np.abs(actual - desired).max() / np.abs(desired).max()


@given(seeds, st.floats(3, 7))
def test_nearly_collinear_designs_switch_to_an_svd(seed, digits):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 5))
    X[:, 1] = X[:, 0] + 10.0**-digits * rng.normal(size=60)
    truth = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    y = X @ truth
    model = QuadraticModel.from_data(X, y)
    # κ(X) = 10^digits: an SVD keeps 16 − digits of the digits, XᵀX would keep 16 − 2·digits.
    assert relative(model.minimizer, truth) < 1e-13 * 10.0**digits
    assert model.spectrum.solver == ("svd" if digits > 3.5 else model.spectrum.solver)


def test_large_penalties_need_no_svd():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[:, 1] = X[:, 0] * (1 + 1e-9 * rng.normal(size=60))
    y = X[:, 2] + rng.normal(size=60)
    ridge = QuadraticApproxRidge(alpha=0.1).fit(X, y)
    assert ridge.solver_ == "eigh"
    assert QuadraticApproxRidge(alpha=1e-9).fit(X, y).solver_ == "svd"
    assert relative(ridge.coef_, reference.ridge(*reference.centered(X, y), 0.1)) < 1e-9


@pytest.mark.parametrize("alpha", [0.0, 1e-6, 0.1])
@pytest.mark.parametrize("wide", [False, True])
def test_duplicated_and_constant_columns(alpha, wide):
    rng = np.random.default_rng(0)
    base = rng.normal(size=(12 if wide else 60, 10))
    X = np.hstack(
        [base, base[:, :4], np.full((len(base), 2), 1e8), 3 * base[:, 5:6] + base[:, 6:7]]
    )
    y = rng.normal(size=len(X))
    fitted = QuadraticApproxRidge(alpha=alpha).fit(X, y)
    expected = reference.ridge(*reference.centered(X, y), alpha)
    assert relative(fitted.coef_, expected) < 1e-8
    np.testing.assert_array_equal(fitted.coef_[14:16], 0.0)
    np.testing.assert_allclose(fitted.coef_[:4], fitted.coef_[10:14], rtol=1e-7)
    assert fitted.effective_dof_ <= 10 + 1e-9
    if alpha == 0.0:
        assert fitted.effective_dof_ == 10


@given(seeds)
def test_scaling_features_scales_coefficients(seed):
    """Without a penalty the fit must not notice units: scales from 1e-12 to 1e12."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(40, 6)), rng.normal(size=40)
    scale = 10.0 ** rng.uniform(-12, 12, size=6)
    plain, scaled = (QuadraticModel.from_data(data, y) for data in (X, X * scale))
    assert len(scaled.spectrum.eigenvalues) == 6
    np.testing.assert_allclose(scaled.minimizer * scale, plain.minimizer, rtol=1e-9)


@given(seeds, st.floats(-12, 12))
def test_any_scale_with_a_penalty(seed, exponent):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 5)) * 10.0 ** rng.uniform(-12, 12, size=5)
    y = rng.normal(size=30)
    alpha = 10.0**exponent
    A, b = reference.centered(X, y)
    # Features of very different size: solve in units where the normal equations are balanced.
    unit = np.sqrt((A**2).sum(axis=0) + alpha)
    H = (A / unit).T @ (A / unit) + np.diag(alpha / unit**2)
    expected = np.linalg.solve(H, (A / unit).T @ b) / unit
    fitted = QuadraticApproxRidge(alpha=alpha).fit(X, y).coef_
    np.testing.assert_allclose(fitted * unit, expected * unit, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", [(50, 8), (8, 50)])
@pytest.mark.parametrize("offset", [1.0, 1e4, 1e8])
def test_offsets_leave_the_coefficients_alone(shape, offset):
    rng = np.random.default_rng(0)
    # Multiples of 2⁻²⁰: X + 1e8 is exact, so that nothing is lost before the fit begins.
    X = np.round(rng.normal(size=shape) * 2**20) / 2**20
    y = rng.normal(size=shape[0])
    for alpha in (0.0, 0.1):
        plain = QuadraticApproxRidge(alpha=alpha).fit(X, y)
        shifted = QuadraticApproxRidge(alpha, store_quadratic=True).fit(X + offset, y + offset)
        np.testing.assert_allclose(shifted.coef_, plain.coef_, rtol=1e-6, atol=1e-8)
        assert len(shifted.quadratic_.spectrum.eigenvalues) == min(shape[0] - 1, shape[1])


def test_an_exact_dependence_survives_an_offset():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    X[:, 2] = X[:, 0] + X[:, 1]
    y = rng.normal(size=50)
    plain = QuadraticModel.from_data(X, y)
    shifted = QuadraticModel.from_data(X + 1e8, y)  # rounded: the dependence holds to 1e-8 only
    assert len(plain.spectrum.eigenvalues) == len(shifted.spectrum.eigenvalues) == 2
    np.testing.assert_allclose(shifted.minimizer, plain.minimizer, atol=1e-6)


@pytest.mark.parametrize("shape", [(30, 6), (6, 30)])
def test_ill_conditioned_rows_from_either_side(shape):
    rng = np.random.default_rng(0)
    U, _ = np.linalg.qr(rng.normal(size=(shape[0], 6)))
    V, _ = np.linalg.qr(rng.normal(size=(shape[1], 6)))
    s = np.array([1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
    X, y = (U * s) @ V.T, rng.normal(size=shape[0])
    model = QuadraticModel.from_data(X, y, fit_intercept=False)
    assert model.spectrum.solver == ("svd" if shape[0] > shape[1] else "svd-dual")
    np.testing.assert_allclose(model.spectrum.eigenvalues, s**2 / shape[0], rtol=1e-9)
    assert relative(model.minimizer, V @ ((U.T @ y) / s)) < 1e-9
    weights = rng.uniform(0.5, 2.0, size=shape[0])
    weighted = QuadraticModel.from_data(X, y, weights, fit_intercept=False)
    expected = reference.ridge(*reference.centered(X, y, weights, False), 1e-9)
    assert relative(weighted.ridge(1e-9), expected) < 1e-8


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_nothing_to_learn(value):
    X = np.full((10, 3), value)
    model = QuadraticModel.from_data(X, np.arange(10.0))
    np.testing.assert_array_equal(model.minimizer, np.zeros(3))
    np.testing.assert_array_equal(model.lasso([1.0, 0.1]), np.zeros((2, 3)))
    one_row = QuadraticModel.from_data([[1.0, 2.0]], [3.0])
    np.testing.assert_array_equal(one_row.ridge(0.0), np.zeros(2))
    assert one_row.intercept(one_row.minimizer) == 3.0


def hilbert(n, p):
    """1/(i + j + 1): the condition number grows by about 30 with each column."""
    return 1.0 / (np.arange(n)[:, None] + np.arange(p) + 1.0)


@pytest.mark.parametrize("p", [4, 6, 8])
@pytest.mark.parametrize("alpha", [0.0, 1e-14, 1e-8, 1e-2])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_hilbert_designs_against_extended_precision(p, alpha, fit_intercept):
    X = hilbert(40, p)
    y = np.random.default_rng(0).normal(size=40)
    A, b = reference.precise_centered(X, y, fit_intercept)
    expected = reference.precise_ridge(A, b, alpha)
    model = QuadraticModel.from_data(X, y, fit_intercept=fit_intercept)
    s = np.linalg.svd(A.astype(float), compute_uv=False)
    condition = s[0] / np.hypot(s[-1], np.sqrt(alpha))
    assert relative(model.ridge(alpha), expected.astype(float)) < 1e-14 * condition


@given(seeds, st.floats(-10, 2), st.sampled_from([(30, 6), (6, 30)]), st.sampled_from([0.0, 1e8]))
def test_scaled_and_shifted_designs_against_extended_precision(seed, exponent, shape, offset):
    rng = np.random.default_rng(seed)
    # Multiples of 2⁻²⁰ and powers of 2, so that shifting and scaling round nothing.
    X = (np.round(rng.normal(size=shape) * 2**20) / 2**20 + offset) * 2.0 ** rng.integers(
        -3, 4, size=shape[1]
    )
    y, alpha = rng.normal(size=shape[0]), 10.0**exponent
    A, b = reference.precise_centered(X, y)
    expected = reference.precise_ridge(A, b, alpha).astype(float)
    assert relative(QuadraticModel.from_data(X, y).ridge(alpha), expected) < 1e-7


@pytest.mark.parametrize("noise", [0.0, 1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize("shape", [(50, 8), (8, 50)])
@pytest.mark.parametrize("alpha", [1e-6, 1e-2])
def test_copies_of_features_against_extended_precision(noise, shape, alpha):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    X[:, 3] = X[:, 0] + noise * rng.normal(size=shape[0])
    X[:, 4] = 2 * X[:, 1] - X[:, 2] + noise * rng.normal(size=shape[0])
    A, b = reference.precise_centered(X, y)
    expected = reference.precise_ridge(A, b, alpha).astype(float)
    assert relative(QuadraticModel.from_data(X, y).ridge(alpha), expected) < 1e-8


@pytest.mark.parametrize("shape", [(60, 12), (12, 60)])
@pytest.mark.parametrize("offset", [0.0, 1e8])
@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-5])
def test_the_lasso_meets_its_conditions_in_extended_precision(shape, offset, noise):
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=shape) * 2**20) / 2**20
    X[:, 4] = X[:, 0] + np.round(noise * rng.normal(size=shape[0]) * 2**40) / 2**40
    X[:, 5] = 3.0
    y = X[:, 0] - 2 * X[:, 1] + rng.normal(size=shape[0])
    X = X + offset
    A, b = reference.precise_centered(X, y)
    largest = float(np.abs(A.T @ b).max())
    model = QuadraticModel.from_data(X, y)
    for share in (0.5, 0.1, 0.01):
        theta = model.lasso(share * largest).astype(np.longdouble)
        assert reference.lasso_violation(A, b, share * largest, theta) < 1e-9
        assert theta[5] == 0


@given(seeds, st.floats(-6, 3))
def test_long_columns_with_fewer_rows_than_features(seed, exponent):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(6, 20)) * 10.0 ** rng.uniform(-2, 2, size=20)
    X[:, 0] += 1e6  # and no intercept to take it away
    y, alpha = rng.normal(size=6), 10.0**exponent
    A, b = reference.precise_centered(X, y, fit_intercept=False)
    expected = reference.precise_ridge(A, b, alpha)
    theta = QuadraticModel.from_data(X, y, fit_intercept=False).ridge(alpha)
    assert relative((A @ theta).astype(float), (A @ expected).astype(float)) < 1e-8
