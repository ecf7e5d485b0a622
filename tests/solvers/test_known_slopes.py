"""What extrapolation and known products of a path say of what comes next."""

import numpy as np
import pytest
from skreg._kernels.extrapolation import best_weights, lagrange, linear_residual
from skreg._kernels.known_slopes import combine

from skreg.rows.weighted import make_rows
from skreg.solvers.known_slopes import KnownSlopes


def test_weights_give_a_polynomial_its_values():
    nodes, x = [2.0, 1.5, 0.7, 0.1], 0.05
    for degree in range(len(nodes)):
        polynomial = np.polynomial.Polynomial(np.arange(1.0, degree + 2))
        told = lagrange(nodes, x) @ polynomial(np.array(nodes))
        assert told == pytest.approx(polynomial(x), rel=1e-12)


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_as_many_points_as_would_have_told_the_last(degree):
    """Values of a polynomial of this degree, and far from that what came before."""
    nodes = [3.0, 2.0, 1.0, 0.5]
    values = np.random.default_rng(0).normal(size=(4, 5)) * 100
    fit = np.polynomial.Polynomial([1.0, -2.0, 3.0][: degree + 1])
    values[3 - (degree + 1) :] = fit(np.array(nodes))[3 - (degree + 1) :, None]
    weights = best_weights(nodes, values, 0.25)
    assert len(weights) == degree + 1
    np.testing.assert_allclose(weights @ values[-len(weights) :], fit(0.25), rtol=1e-12)


def test_an_error_that_is_no_number_is_not_the_least():
    values = np.array([[np.nan, 1.0], [1.0, 1.0], [1.1, 1.0]])
    assert len(best_weights([3.0, 2.0, 1.0], values, 0.5)) == 1
    assert len(best_weights([1.0], values[:1], 0.5)) == 1


@pytest.mark.parametrize("n_rows", [0, 1, 37])
def test_residuals_on_lines_through_points(n_rows):
    rng = np.random.default_rng(n_rows)
    curvature, raw = rng.random((n_rows, 1)) + 0.1, rng.normal(size=(n_rows, 1))
    points, weights = rng.normal(size=(3, 2, n_rows, 1)), np.array([0.5, -1.0, 1.5])
    for array in (curvature, raw, points):
        array.flags.writeable = False
    lines = [r + curvature * (raw - f) for f, r in points]
    expected = np.tensordot(weights, np.array(lines), 1)
    told = linear_residual(curvature, raw, points, weights, 0.0)
    np.testing.assert_allclose(told, expected, rtol=1e-12)
    if n_rows:
        expected = expected - curvature * expected.sum() / curvature.sum()
        told = linear_residual(curvature, raw, points, weights, 1.0 / curvature.sum())
        np.testing.assert_allclose(told, expected, rtol=1e-12, atol=1e-12)
        with pytest.raises(ValueError, match="for each row"):
            linear_residual(curvature[:-1], raw, points, weights, 0.0)


@pytest.mark.parametrize("apart", [0.0, 1e-3, 1.0])
def test_features_that_known_products_leave_within_bounds_are_within(apart):
    """The others are told, the working set's as given; near the span of what is known few are."""
    rng = np.random.default_rng(0)
    X, known = rng.normal(size=(60, 200)), rng.normal(size=(3, 60))
    r = np.array([0.5, -2.0, 0.3]) @ known + apart * rng.normal(size=60)
    truth, weights, which = -r @ X, rng.uniform(0.5, 2.0, 200), np.array([3, 50])
    alpha, lengths = float(np.quantile(np.abs(truth), 0.9)), np.linalg.norm(X, axis=0)
    more = r[None], lengths, weights, alpha, 1e-14, which, truth[which]
    (slope,), left = combine(known, known @ known.T, -known @ X, *more)
    within = np.delete(np.arange(200), left)
    assert (np.abs(truth) <= alpha * weights)[np.setdiff1d(within, which)].all()
    assert not np.isin(which, left).any()
    np.testing.assert_array_equal(slope[which], truth[which])
    assert len(left) < 100 or apart == 1.0
    if apart == 0.0:
        np.testing.assert_allclose(slope, truth, rtol=0, atol=1e-8 * np.abs(truth).max())


@pytest.mark.parametrize("scale", [1.0, 1e-170, 1e170])
def test_slopes_along_a_curve_are_right_where_they_exceed_lambda(scale):
    """And of the vector beside it, for the same features; columns are forgotten on the way."""
    rng = np.random.default_rng(1)
    X, ends = rng.normal(size=(40, 600)), rng.normal(size=(4, 40))
    slopes = KnownSlopes(make_rows(X), lambda: np.linalg.norm(X, axis=0), 4)
    passes, which, no = 0, np.array([2, 7]), np.empty(0, dtype=np.intp)
    for t in np.linspace(0.0, 1.0, 40):
        r = np.polynomial.polynomial.polyval(t, ends) * scale
        both = np.stack([r, np.polynomial.polynomial.polyval(t, ends[1:]) * scale], axis=1)
        truth = -X.T @ both
        alpha = 0.7 * np.abs(truth[:, 0]).max()
        told = slopes.nearly(both, which, truth[which, 0], np.ones(600), alpha)
        passes += slopes.is_last(told)
        told, above = told.reshape(2, 600), np.abs(truth[:, 0]) > alpha
        np.testing.assert_allclose(told[:, above], truth.T[:, above], rtol=1e-9, atol=1e-12 * scale)
        assert (np.abs(told[0]) <= alpha * (1 + 1e-9))[~above].all()
    assert passes < 30 if scale == 1.0 else passes == 40
    assert (
        not KnownSlopes(make_rows(X), lambda: np.ones(600))
        .nearly(np.zeros((40, 1)), no, np.empty(0), np.ones(600), 1.0)
        .any()
    )
