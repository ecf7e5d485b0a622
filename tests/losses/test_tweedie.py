"""Tweedie's deviances: their powers, and what scikit-learn makes of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.linear_model import TweedieRegressor
from sklearn.metrics import mean_tweedie_deviance
from sklearn.model_selection import GridSearchCV

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.losses import Gamma, Poisson, SquaredError, Tweedie, get_loss


def rows(n=200, p=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    size = rng.poisson(np.exp(0.4 * X[:, 0] - 0.3 * X[:, 1]))
    y = np.where(size > 0, rng.gamma(np.maximum(size, 1)), 0.0)
    return X, y, rng.uniform(0.2, 2.0, size=n)


@pytest.mark.parametrize(("power", "kind"), [(0, SquaredError), (1, Poisson), (2.0, Gamma)])
def test_powers_with_a_name_are_the_losses_of_that_name(power, kind):
    assert type(get_loss("tweedie", power=power)) is kind
    with pytest.raises(ValueError, match="a loss of its own"):
        Tweedie(power)


@pytest.mark.parametrize("power", [-1.0, 0.5, np.inf, np.nan])
def test_powers_that_no_law_has_are_refused(power):
    with pytest.raises(ValueError, match="power must be 0 or at least 1, got"):
        QuadraticApproxRidge(loss="tweedie", power=power).fit([[0.0], [1.0]], [1.0, 2.0])


@given(
    power=st.floats(1.01, 1.99),
    y=st.floats(0, 1e4, allow_subnormal=False),  # of which there are few digits
    f=st.floats(-8, 8),
)
def test_value_is_half_the_unit_deviance(power, y, f):
    value = Tweedie(power).derivatives(np.array([[y]]), np.array([[f]]))[0][0]
    expected = 0.5 * mean_tweedie_deviance([y], [np.exp(f)], power=power)
    size = (y + y ** (2 - power) + np.exp(abs(f)) * (1 + y)) / ((power - 1) * (2 - power))
    assert abs(value - expected) <= 1e-13 * (1 + size)


@given(power=st.floats(1.02, 1.98), y=st.floats(0, 100), u=st.floats(-50, 50))
def test_conjugate_of_any_power_is_the_supremum(power, y, u):
    loss = Tweedie(power)
    u = abs(u) if y == 0 else u
    y, u = np.array([[y]]), np.array([[u]])
    conjugate = loss.conjugate(y, u)[0]

    def falls_short(f):
        return loss.derivatives(y, np.array([[f]]))[0][0] - u[0, 0] * f

    best = minimize_scalar(falls_short, bounds=(-700, 350), method="bounded")
    size = 1e-9 * (1 + abs(conjugate))
    assert -best.fun <= conjugate + size
    f = loss._best(y, u)[0, 0]
    if np.isfinite(f):
        assert (
            abs(loss.derivatives(y, np.array([[f]]))[1][0, 0] - u[0, 0])
            <= 1e-11 * (1 + abs(u[0, 0]) + y[0, 0])
            or y[0, 0] < 1e-100
        )


@pytest.mark.parametrize("alpha", [1.0, 0.01])
@pytest.mark.parametrize("power", [0, 1, 1.2, 1.5, 1.9])
def test_ridge_equals_scikit_learn(power, alpha):
    X, y, weights = rows()
    other = TweedieRegressor(power=power, alpha=alpha, solver="newton-cholesky", tol=1e-12)
    other.fit(X, y, weights)
    ours = QuadraticApproxRidge(alpha, loss="tweedie", power=power, tol=1e-12)
    ours.fit(X, y, weights)
    np.testing.assert_allclose(ours.coef_, other.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, other.intercept_, rtol=1e-7, atol=1e-9)
    score = other.score(X, y, weights)
    np.testing.assert_allclose(ours.score(X, y, weights), score, rtol=1e-8)


@pytest.mark.parametrize("power", [2.5, 3])
def test_beyond_2_the_ridge_is_scikit_learn_s_and_the_lasso_is_refused(power):
    X, _, weights = rows()
    y = np.random.default_rng(1).wald(np.exp(0.3 * X[:, 0]), 2.0)
    other = TweedieRegressor(power=power, alpha=0.01, tol=1e-9, max_iter=10_000)
    other.fit(X, y, weights)
    ours = QuadraticApproxRidge(0.01, loss="tweedie", power=power, tol=1e-10)
    ours.fit(X, y, weights)
    np.testing.assert_allclose(ours.coef_, other.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.score(X, y, weights), other.score(X, y, weights), rtol=1e-6)
    with pytest.raises(ValueError, match="no method serves"):
        QuadraticApproxLasso(0.01, loss="tweedie", power=power).fit(X, y)
    with pytest.raises(ValueError, match=r"y must be positive.*got 0.0 in row 0"):
        ours.fit(X, 0.0 * y)


def test_an_offset_moves_the_null_intercept_as_the_root_does():
    X, y, weights = rows()
    loss, offset = Tweedie(1.3), X[:, 2]
    closed = loss.null_intercept(y[:, None], weights / weights.sum(), offset)
    root = super(Tweedie, loss).null_intercept(y[:, None], weights / weights.sum(), offset)
    np.testing.assert_allclose(closed, root, rtol=1e-12)


def test_lasso_path_and_search():
    X, y, _ = rows()
    alphas = [0.3, 0.1, 0.03, 3.0]
    lasso = QuadraticApproxLasso(loss="tweedie", power=1.5, tol=1e-13)
    path = lasso.regularization_path(X, y, alphas)
    for alpha, coef, b in zip(alphas, path.coefs, path.intercepts, strict=True):
        mean = np.exp(X @ coef + b)
        slope = (mean**0.5 - y * mean**-0.5) @ X / len(y)
        on = coef != 0
        np.testing.assert_allclose(slope[on], -alpha * np.sign(coef[on]), atol=1e-7)
        assert (np.abs(slope[~on]) <= alpha * (1 + 1e-9)).all()
    assert (path.dual_gaps <= 1e-13).all()
    ours = PathSearchCV(QuadraticApproxRidge(loss="tweedie", tol=1e-10), alphas, cv=3, tol=0)
    ours.fit(X, y)
    other = TweedieRegressor(power=1.5, solver="newton-cholesky", tol=1e-10)
    theirs = GridSearchCV(other, {"alpha": alphas}, cv=3).fit(X, y)
    scores = (search.cv_results_["mean_test_score"] for search in (ours, theirs))
    np.testing.assert_allclose(*scores, rtol=1e-6)


def test_information_criteria_say_that_no_likelihood_is_known():
    X, y, _ = rows()
    search = PathSearchCV(QuadraticApproxLasso(loss="tweedie"), [0.1], selection="bic")
    with pytest.raises(ValueError, match=r"takes a likelihood.*'tweedie'.*Use cv='loo'"):
        search.fit(X, y)
