"""The equations of a weighted ridge regression: what solves them leaves nothing of them."""

import numpy as np
import pytest

from skreg.rows import make_rows
from skreg.solvers.interior_step import WeightedRidge


@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("by_rows", [False, True])
def test_the_equations_hold(by_rows, fit_intercept):
    rng = np.random.default_rng(0)
    n, p = 12, 9
    design = make_rows(rng.normal(size=(n, p)), may_center=fit_intercept)
    X = design.columns(np.arange(p))
    weights, ridge = rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 2.0, p)
    weights[3], ridge[2] = 0.0, np.inf
    if by_rows:
        ridge[[4, 5]] = 0.0
    r, q, t = rng.normal(size=n), rng.normal(size=p), 0.7
    system = WeightedRidge(design, weights, ridge, fit_intercept, by_rows)

    theta, b, a = system.solve(r, q, t)

    assert theta[2] == a[3] == 0
    assert b == 0 or fit_intercept
    rows, features = weights > 0, np.isfinite(ridge)
    error = a[rows] / weights[rows] + (X @ theta + b - r)[rows]
    slope = (X.T @ a)[features] - (ridge[features] * theta[features]) - q[features]
    np.testing.assert_allclose(error, 0.0, atol=1e-12)
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)
    if fit_intercept:
        assert a.sum() == pytest.approx(t, abs=1e-12)
