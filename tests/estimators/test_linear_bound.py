"""norm_bound: the constraint form and its multiplier."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import problems
from scipy.optimize import linprog, minimize
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import scale

from skreg import (
    QuadraticApproxLasso,
    QuadraticApproxLassoClassifier,
    QuadraticApproxRidge,
    QuadraticApproxRidgeClassifier,
)
from skreg.estimators._fitting import Fitting


def norm(estimator):
    """J(θ), written out."""
    coef = np.atleast_2d(estimator.coef_)
    factors = np.ones(coef.shape[1])
    if estimator.penalty_factors is not None:
        factors = np.asarray(estimator.penalty_factors)
    ratio = getattr(estimator, "l1_ratio", 0.0)
    return (factors * (ratio * np.abs(coef) + (1 - ratio) * 0.5 * coef**2)).sum()


REGRESSORS = [
    QuadraticApproxRidge(),
    QuadraticApproxLasso(),
    QuadraticApproxLasso(l1_ratio=0.5),
    QuadraticApproxLasso(hessian="diagonal"),
    QuadraticApproxLasso(positive=True),
]


@given(problems(), st.sampled_from(REGRESSORS), st.floats(0.01, 0.99), st.booleans())
def test_reaches_the_bound_and_is_the_fit_at_its_multiplier(problem, estimator, share, intercept):
    X, y, weights = problem
    parameters = {**estimator.get_params(), "fit_intercept": intercept}
    free = type(estimator)(**parameters).set_params(alpha=0.0).fit(X, y, weights)
    bound = share * norm(free)
    if not bound > 0:
        return
    bounded = type(estimator)(**parameters).set_params(norm_bound=bound).fit(X, y, weights)
    if bounded.alpha_ == 0:  # θ̂ is not unique: it has the least ‖θ‖₂, and not the least J
        assert len(X) <= X.shape[1]
        assert norm(bounded) <= bound * (1 + 1e-8)
        np.testing.assert_allclose(bounded.predict(X), free.predict(X), rtol=1e-6, atol=1e-6)
        return
    np.testing.assert_allclose(norm(bounded), bound, rtol=1e-8)
    at = type(estimator)(**parameters).set_params(alpha=bounded.alpha_).fit(X, y, weights)
    size = np.abs(at.coef_).max()
    np.testing.assert_allclose(bounded.coef_, at.coef_, rtol=0, atol=1e-7 * size)
    slack = (
        type(estimator)(**parameters).set_params(norm_bound=1.01 * norm(free)).fit(X, y, weights)
    )
    assert slack.alpha_ == 0.0
    np.testing.assert_array_equal(slack.coef_, free.coef_)


@pytest.mark.parametrize("bound", [1.0, 1e3, 5e5])
def test_ridge_agrees_with_a_constrained_minimizer(bound):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), y - y.mean()
    ours = QuadraticApproxRidge(norm_bound=bound).fit(X, y)
    H, h = X.T @ X / len(X), X.T @ y / len(X)
    other = minimize(
        lambda theta: 0.5 * theta @ H @ theta - h @ theta,
        np.zeros(10),
        jac=lambda theta: H @ theta - h,
        constraints={
            "type": "ineq",
            "fun": lambda theta: 1.0 - 0.5 * theta @ theta / bound,
            "jac": lambda theta: -theta / bound,
        },
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 1000},
    )
    np.testing.assert_allclose(ours.coef_, other.x, atol=2e-5 * np.abs(other.x).max())
    assert (ours.alpha_ == 0) == (bound == 5e5)


@pytest.mark.parametrize(
    "estimator",
    [
        QuadraticApproxRidgeClassifier(),
        QuadraticApproxLassoClassifier(),
        QuadraticApproxLassoClassifier(l1_ratio=0.3),
    ],
)
@pytest.mark.parametrize("bound", [0.1, 3.0])
def test_classifiers_reach_the_bound(estimator, bound):
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X[:, :8])
    bounded = type(estimator)(**{**estimator.get_params(), "norm_bound": bound}).fit(X, y)
    np.testing.assert_allclose(norm(bounded), bound, rtol=1e-8)
    at = type(estimator)(**{**estimator.get_params(), "alpha": bounded.alpha_, "tol": 1e-12})
    np.testing.assert_allclose(bounded.coef_, at.fit(X, y).coef_, rtol=1e-4, atol=1e-6)


def test_other_losses_slack_factors_and_groups():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = rng.poisson(np.exp(0.3 * X[:, 0] - 0.2 * X[:, 1]))
    free = QuadraticApproxRidge(alpha=0.0, loss="poisson").fit(X, y)
    slack = QuadraticApproxRidge(loss="poisson", norm_bound=2 * norm(free)).fit(X, y)
    assert slack.alpha_ == 0
    np.testing.assert_allclose(slack.coef_, free.coef_, rtol=1e-6)
    half = QuadraticApproxRidge(loss="poisson", norm_bound=0.5 * norm(free)).fit(X, y)
    np.testing.assert_allclose(norm(half), 0.5 * norm(free), rtol=1e-8)
    factors = QuadraticApproxLasso(norm_bound=0.1, penalty_factors=[0, 1, 2, 1]).fit(X, y)
    np.testing.assert_allclose(norm(factors), 0.1, rtol=1e-8)
    grouped = QuadraticApproxLasso(norm_bound=0.3, groups=[0, 0, 1, 1]).fit(X, y)
    sizes = [np.linalg.norm(grouped.coef_[:2]), np.linalg.norm(grouped.coef_[2:])]
    np.testing.assert_allclose(np.sqrt(2) * sum(sizes), 0.3, rtol=1e-8)


@pytest.mark.parametrize("seed", range(2))
def test_quantiles_reach_a_bound_that_no_multiplier_leads_to(seed, monkeypatch):
    """J of a linear program jumps in λ: the budget is spent between two vertices, both optimal."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(25, 4))
    y, (n, p) = X[:, 0] + rng.standard_t(2, 25), X.shape
    solved, solve = [], Fitting.solve

    def counted(self, alphas, **options):
        solved.extend(alphas)
        return solve(self, alphas, **options)

    monkeypatch.setattr(Fitting, "solve", counted)
    model = QuadraticApproxLasso(loss="quantile", quantile=0.3, norm_bound=0.5).fit(X, y)
    assert len(solved) <= 60
    np.testing.assert_allclose(norm(model), 0.5, rtol=1e-9)
    cost = np.r_[np.zeros(2 * p + 1), np.full(n, 0.3 / n), np.full(n, 0.7 / n)]
    equal = np.column_stack([X, -X, np.ones(n), np.eye(n), -np.eye(n)])
    limits = [(0, None)] * (2 * p) + [(None, None)] + [(0, None)] * (2 * n)
    budget = np.r_[np.ones(2 * p), np.zeros(2 * n + 1)][None]
    least = linprog(cost, budget, [0.5], equal, y, limits, method="highs").fun
    residual = y - model.predict(X)
    risk = np.maximum(0.3 * residual, -0.7 * residual).mean()
    np.testing.assert_allclose(risk, least, rtol=1e-8)
    assert model.dual_gap_ <= 1e-8


def test_path_knows_the_multiplier():
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    for estimator, bound in ((QuadraticApproxRidge(), 300.0), (QuadraticApproxLasso(), 50.0)):
        path = estimator.regularization_path(X, y, 5)
        bounded = type(estimator)(norm_bound=bound).fit(X, y)
        np.testing.assert_allclose(path.alpha_at_norm(bound), bounded.alpha_, rtol=1e-9)
        assert path.alpha_at_norm(1e9) == 0.0
        np.testing.assert_allclose(path.alpha_at_norm(path.penalties[2]), path.alphas[2], rtol=1e-6)


def test_path_interpolates_where_the_risk_is_no_quadratic():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X[:, :8])
    for classifier in (QuadraticApproxRidgeClassifier(), QuadraticApproxLassoClassifier()):
        path = classifier.regularization_path(X, y, 40)
        bound = 0.5 * (path.penalties[20] + path.penalties[21])
        exact = type(classifier)(norm_bound=bound).fit(X, y).alpha_
        np.testing.assert_allclose(path.alpha_at_norm(bound), exact, rtol=0.01)
        with pytest.raises(ValueError, match="lies outside of J on this path"):
            path.alpha_at_norm(1e9)
        with pytest.raises(ValueError, match="must be a positive number"):
            path.alpha_at_norm(-1.0)


@pytest.mark.parametrize("bound", [0, -1.0, np.nan, np.inf, "1"])
def test_bad_bounds_are_named(bound):
    with pytest.raises(ValueError, match="The 'norm_bound' parameter of QuadraticApproxRidge"):
        QuadraticApproxRidge(norm_bound=bound).fit(np.eye(3), np.arange(3.0))


@pytest.mark.parametrize("loss", ["huber", "poisson", "gamma"])
def test_a_slack_bound_warns_of_no_alpha_on_the_way(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8)) * np.linspace(0.5, 2, 8) + 1
    y = np.exp(0.2 * X[:, 0] + 0.1 * rng.normal(size=200))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slack = QuadraticApproxLasso(loss=loss, norm_bound=1e6).fit(X, y)
    assert slack.alpha_ == 0
    free = QuadraticApproxLasso(0.0, loss=loss).fit(X, y).coef_
    np.testing.assert_allclose(slack.coef_, free, rtol=1e-6)


@pytest.mark.parametrize("bound", [1.0, 30.0])
def test_the_multiplier_of_many_classes_takes_few_fits(bound, monkeypatch):
    """J is smooth in λ: four points near the root say where it is."""
    solved, solve = [], Fitting.solve

    def counted(self, alphas, **options):
        solved.extend(np.atleast_1d(alphas))
        return solve(self, alphas, **options)

    monkeypatch.setattr(Fitting, "solve", counted)
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(200, 6)), rng.normal(size=(6, 12))
    y = np.argmax(X @ W + rng.gumbel(size=(200, 12)), axis=1)
    model = QuadraticApproxRidgeClassifier(norm_bound=bound).fit(X, y)
    assert 0.5 * np.sum(model.coef_**2) == pytest.approx(bound, rel=1e-8)
    # What brackets it comes by the factor 8, three at a time.
    assert len(solved) <= 3 * np.ceil(np.log(solved[0] / model.alpha_) / np.log(512.0)) + 6
