"""The ridge as a Bayesian model, against scikit-learn's and against plain algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import problems
from scipy import sparse
from scipy.stats import multivariate_normal
from sklearn.datasets import load_diabetes
from sklearn.linear_model import BayesianRidge

from skreg import QuadraticApproxRidge


def random_rows(seed=0, n=60, p=5):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 3
    return X, X @ rng.normal(size=p) + rng.normal(size=n)


def bayesian_ridge(**parameters):
    """With flat hyperpriors, run to its fixed point."""
    flat = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    return BayesianRidge(**flat, tol=1e-14, max_iter=10_000, compute_score=True, **parameters)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("rows", [random_rows(), load_diabetes(return_X_y=True)])
def test_agrees_with_bayesian_ridge_at_its_own_hyperparameters(rows, fit_intercept):
    X, y = rows
    other = bayesian_ridge(fit_intercept=fit_intercept).fit(X, y)
    alpha = other.lambda_ / other.alpha_ / len(X)
    ours = QuadraticApproxRidge(alpha=alpha, fit_intercept=fit_intercept).fit(X, y)
    np.testing.assert_allclose(ours.coef_, other.coef_, rtol=1e-8)
    np.testing.assert_allclose(ours.noise_variance_, 1 / other.alpha_, rtol=1e-6)
    np.testing.assert_allclose(ours.log_evidence_, other.scores_[-1], rtol=1e-9)
    for got, expected in zip(
        ours.predict(X[:9], return_std=True), other.predict(X[:9], return_std=True), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    # Its hyperparameters maximize the evidence: no λ of the path does better.
    path = QuadraticApproxRidge(fit_intercept=fit_intercept).regularization_path(X, y)
    assert path.log_evidence.max() <= ours.log_evidence_ + 1e-9


@given(problems(targets=0), st.floats(-3, 1), st.booleans())
def test_std_is_the_posteriors(problem, exponent, fit_intercept):
    X, y, weights = problem
    alpha, n = 10.0**exponent, len(X)
    model = QuadraticApproxRidge(
        alpha=alpha, fit_intercept=fit_intercept, store_quadratic=True
    ).fit(X, y, weights)
    share = np.full(n, 1 / n) if weights is None else weights / weights.sum()
    center = share @ X if fit_intercept else np.zeros(X.shape[1])
    A = X - center
    H = A.T @ (share[:, None] * A) + alpha * np.eye(X.shape[1])
    residual = y - model.predict(X)
    noise = share @ residual**2 + alpha * model.coef_ @ model.coef_
    np.testing.assert_allclose(model.noise_variance_, noise, rtol=1e-7)
    Z = np.random.default_rng(0).normal(size=(4, X.shape[1])) * 5
    spread = np.einsum("ij,ij->i", Z - center, np.linalg.solve(H, (Z - center).T).T) / n
    _, std = model.predict(Z, return_std=True)
    np.testing.assert_allclose(std, np.sqrt(noise * (1 + spread)), rtol=1e-6)
    _, again = model.predict(sparse.csr_array(Z), return_std=True)
    np.testing.assert_allclose(again, std, rtol=1e-10)


@pytest.mark.parametrize("shape", [(30, 4), (8, 20)])
def test_evidence_is_the_density_of_y(shape):
    X, y = random_rows(1, *shape)
    alphas = np.array([10.0, 0.3, 0.01])
    path = QuadraticApproxRidge(fit_intercept=False).regularization_path(X, y, alphas)
    n = len(X)
    for i, alpha in enumerate(alphas):
        noise = path.estimator(alpha).noise_variance_
        covariance = noise * (np.eye(n) + X @ X.T / (n * alpha))
        expected = multivariate_normal(np.zeros(n), covariance).logpdf(y)
        np.testing.assert_allclose(path.log_evidence[i], expected, rtol=1e-8)
        for other in (0.9 * noise, 1.1 * noise):  # the noise maximizes it
            density = multivariate_normal(np.zeros(n), covariance * other / noise).logpdf(y)
            assert density < path.log_evidence[i]


def test_scale_of_the_weights_does_not_matter():
    X, y = random_rows(2)
    weights = np.linspace(0.1, 2, len(y))
    a, b = (QuadraticApproxRidge().fit(X, y, scale * weights) for scale in (1.0, 1e6))
    np.testing.assert_allclose(b.predict(X, return_std=True), a.predict(X, return_std=True))
    np.testing.assert_allclose(b.log_evidence_, a.log_evidence_)


def test_several_targets_and_float32():
    X, y = random_rows(3)
    Y = np.column_stack([y, y**2])
    model = QuadraticApproxRidge(alpha=0.2).fit(X, Y)
    mean, std = model.predict(X, return_std=True)
    assert mean.shape == std.shape == Y.shape
    parts = [QuadraticApproxRidge(alpha=0.2).fit(X, Y[:, k]) for k in range(2)]
    for k, part in enumerate(parts):
        np.testing.assert_allclose(std[:, k], part.predict(X, return_std=True)[1], rtol=1e-9)
    np.testing.assert_allclose(model.log_evidence_, sum(part.log_evidence_ for part in parts))
    np.testing.assert_allclose(model.noise_variance_, [part.noise_variance_ for part in parts])
    single = QuadraticApproxRidge().fit(X.astype(np.float32), y)
    assert single.predict(X.astype(np.float32), return_std=True)[1].dtype == np.float32


def test_no_penalty_has_no_evidence():
    X, y = random_rows(4)
    model = QuadraticApproxRidge(alpha=0.0).fit(X, y)
    assert model.log_evidence_ == -np.inf
    residual = y - model.predict(X)
    np.testing.assert_allclose(model.noise_variance_, (residual**2).mean())
    assert (model.predict(X, return_std=True)[1] > 0).all()


def test_where_there_is_no_gaussian_posterior_the_reason_is_given():
    X, y = random_rows(5)
    y = np.abs(y)
    count = QuadraticApproxRidge(loss="poisson", alpha=1.0).fit(X, y)
    with pytest.raises(ValueError, match="return_std=True needs loss='squared_error'"):
        count.predict(X, return_std=True)
    with pytest.raises(AttributeError, match="needs loss='squared_error'"):
        count.log_evidence_  # noqa: B018
    factors = QuadraticApproxRidge(penalty_factors=[0, 1, 1, 1, 1]).fit(X, y)
    with pytest.raises(ValueError, match="leave penalty_factors out"):
        factors.predict(X, return_std=True)
    with pytest.raises(AttributeError):
        QuadraticApproxRidge().noise_variance_  # noqa: B018
    rows = sparse.random_array(
        (7000, 7001), density=1e-4, rng=np.random.default_rng(0), format="csr"
    )
    large = QuadraticApproxRidge(1.0).fit(rows, rows[:, :3].sum(axis=1))
    assert large.solver_ == "cg"
    assert not hasattr(large, "log_evidence_")
    with pytest.raises(ValueError, match="too large"):
        large.predict(rows[:2], return_std=True)
