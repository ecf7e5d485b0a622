"""A certificate is that of the coefficients that users get, which have the precision of X."""

import warnings

import numpy as np
import pytest
from differential.optimality import Loss, Penalty, Problem
from sklearn.exceptions import ConvergenceWarning

from skreg import QuadraticApproxLasso


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(10), 2)])
@pytest.mark.parametrize("center", [0.0, 100.0])
def test_gap_of_float32(loss, groups, center):
    rng = np.random.default_rng(0)
    X = (center + rng.normal(size=(30, 20))).astype(np.float32)
    y = rng.poisson(np.exp(X[:, 0] - center)).astype(float)
    lasso = QuadraticApproxLasso(1e-3, loss=loss, groups=groups, tol=1e-10).fit(X, y)
    assert lasso.coef_.dtype == np.float32
    penalty = Penalty(1.0, np.ones(20 if groups is None else 10), groups)
    problem = Problem(X, y[:, None], Loss(loss), penalty, lasso.alpha)
    theta, b = lasso.coef_[None].astype(np.longdouble), np.longdouble([lasso.intercept_])
    excess = (problem.objective(theta, b) - problem.descend(theta, b)[0]) / problem.null_risk()
    assert excess <= 2 * lasso.dual_gap_ + 1e-15
    assert lasso.dual_gap_ <= 100 * excess + lasso.tol


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("p", [6, 80])
def test_features_too_far_from_zero_for_coefficients_in_float32(p, loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, p))
    y, factors = X[:, 0] + rng.normal(size=60), np.r_[0.0, 0.0, np.ones(p - 2)]
    model = QuadraticApproxLasso(0.05, loss=loss, penalty_factors=factors)
    with pytest.warns(ConvergenceWarning, match="rounded to float32 leave .* Center the features"):
        model.fit((X + 7e6).astype(np.float32), y)
    assert model.dual_gap_ > 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit((X + 100.0).astype(np.float32), y)
        model.fit(X + 7e6, y)
