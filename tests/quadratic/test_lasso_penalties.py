"""The lasso's kin: elastic net, factors, θ ≥ 0, several targets; and what the gap promises."""

import warnings

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import problems
from scipy.optimize import nnls
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet
from solver_cases import lasso_alpha_max, lasso_fit

from skreg import QuadraticModel
from skreg.penalties import Separable
from skreg.quadratic import Moments

fractions = st.floats(-3, 0.3).map(lambda e: 10.0**e)
ratios = st.sampled_from([1.0, 0.7, 0.1])


@st.composite
def penalties(draw, p):
    factors = None
    if draw(st.booleans()):
        factors = np.array(
            draw(st.lists(st.sampled_from([0.0, 0.3, 1.0, 4.0]), min_size=p, max_size=p))
        )
    return Separable(draw(ratios), factors, draw(st.booleans()))


@st.composite
def penalized(draw):
    """A model, its rows A and b, and a penalty."""
    X, y, weights = draw(problems(targets=0))
    fit_intercept = draw(st.booleans())
    model = QuadraticModel.from_data(X, y, weights, fit_intercept=fit_intercept)
    rows = reference.centered(X, y, weights, fit_intercept)
    return model, *rows, draw(penalties(X.shape[1]))


def solve(model, alphas, penalty, hessian="full", max_iter=10_000):
    return lasso_fit(model.problem, np.atleast_1d(alphas), hessian, 1e-8, max_iter, penalty)


def objective(A, b, alpha, penalty, theta):
    return 0.5 * np.sum((b - A @ theta) ** 2) + alpha * penalty.value(theta)


def violation(A, b, alpha, penalty, theta):
    """Distance of −∇R(θ) − λl2θ from λ∂(l1|θ|), as a fraction of the largest slope at 0."""
    p = len(theta)
    l1, slope = alpha * penalty.l1(p), A.T @ (b - A @ theta) - alpha * penalty.l2(p) * theta
    on = theta != 0
    inside = np.abs(slope - l1 * np.sign(theta))[on].max(initial=0.0)
    pull = slope if penalty.positive else np.abs(slope)
    outside = (pull - l1)[~on].max(initial=0.0)
    scale = np.abs(A.T @ b).max(initial=0.0) + np.linalg.norm(A, axis=0).max() * np.linalg.norm(b)
    return max(inside, outside) / max(scale, 1e-300)


@given(penalized(), fractions)
def test_solutions_meet_the_kkt_conditions(problem, fraction):
    model, A, b, penalty = problem
    top = lasso_alpha_max(model.problem, "full", penalty)
    alpha = fraction * (top or 1.0)
    fit = solve(model, alpha, penalty)
    theta = fit.thetas[0, 0]
    assert violation(A, b, alpha, penalty, theta) < 1e-11
    assert not penalty.positive or (theta >= 0).all()
    assert fit.gaps[0] < 1e-11
    np.testing.assert_allclose(
        fit.risk[0], objective(A, b, 0.0, penalty, theta), rtol=1e-9, atol=1e-12 * (b @ b)
    )


@given(penalized())
def test_alpha_max_is_where_the_last_penalized_feature_vanishes(problem):
    model, A, b, penalty = problem
    top = lasso_alpha_max(model.problem, "full", penalty)
    held = ~penalty.free(A.shape[1])
    thetas = solve(model, np.array([2.0, 1.0, 0.999]) * top, penalty).thetas[:, 0]
    if top > 1e-10 * np.linalg.norm(b):
        np.testing.assert_array_equal(thetas[:2, held], 0.0)
        assert thetas[2, held].any()
    np.testing.assert_allclose(thetas[0, ~held], thetas[1, ~held], atol=1e-8)


@given(penalized(), fractions, st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_gap_bounds_the_excess_over_any_other_point(problem, fraction, seed, rounds):
    model, A, b, penalty = problem
    rng = np.random.default_rng(seed)
    alpha = fraction * (lasso_alpha_max(model.problem, "full", penalty) or 1.0)
    best = solve(model, alpha, penalty).thetas[0, 0]
    size = np.abs(best).max(initial=0.0) + np.linalg.norm(b) / np.linalg.norm(A, axis=0).max()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fits = [
            solve(model, alpha, penalty, hessian, max_iter=rounds)
            for hessian in ("full", "diagonal")
        ]
    for fit in fits:
        theta = fit.thetas[0, 0]
        value, bound = objective(A, b, alpha, penalty, theta), fit.gaps[0] * model.null_risk
        for spread in (0.0, 1e-3, 0.1, 1.0):
            other = best + spread * size * rng.normal(size=len(best))
            if penalty.positive:
                other = np.maximum(other, 0.0)
            excess = value - objective(A, b, alpha, penalty, other)
            assert excess <= bound * (1 + 1e-9) + 1e-12 * (b @ b)


@given(penalized(), fractions)
def test_diagonal_minimizes_its_own_problem(problem, fraction):
    model, A, _, penalty = problem
    alpha = fraction * (lasso_alpha_max(model.problem, "diagonal", penalty) or 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        theta = solve(model, alpha, penalty, "diagonal").thetas[0, 0]
    p, curvature = len(theta), (A**2).sum(axis=0)
    slope = curvature * (model.minimizer - theta) - alpha * penalty.l2(p) * theta
    l1, on = alpha * penalty.l1(p), theta != 0
    tol = 1e-8 * np.abs(curvature * model.minimizer).max(initial=0.0)
    assert np.abs(slope - l1 * np.sign(theta))[on].max(initial=0.0) <= tol
    pull = slope if penalty.positive else np.abs(slope)
    assert (pull - l1)[~on].max(initial=0.0) <= tol
    assert not penalty.positive or (theta >= 0).all()


@given(problems(targets=0), fractions, ratios)
def test_pca_minimizes_its_own_problem(problem, fraction, ratio):
    model = QuadraticModel.from_data(*problem)
    penalty = Separable(ratio)
    alpha = fraction * lasso_alpha_max(model.problem, "pca", penalty)
    theta = solve(model, alpha, penalty, "pca").thetas[0, 0]
    spectrum = model.spectrum
    sigma, start = spectrum.eigenvalues, spectrum.coordinates[:, 0]
    kept = np.sign(start) * np.maximum(sigma * np.abs(start) - alpha * ratio, 0.0)
    expected = spectrum.vectors @ (kept / (sigma + alpha * (1 - ratio)))
    np.testing.assert_allclose(theta, expected, atol=1e-8 * np.abs(start).max(initial=0))


@pytest.mark.parametrize(
    "given", [{"factors": np.ones(3)}, {"l2_factors": np.ones(3)}, {"positive": True}]
)
def test_pca_has_no_features_to_treat_one_by_one(given):
    model = QuadraticModel.from_data(np.eye(4)[:, :3], np.arange(4.0))
    with pytest.raises(ValueError, match="hessian='pca' penalizes their principal"):
        solve(model, 0.1, Separable(**given), "pca")


def test_factors_must_match_the_features():
    model = QuadraticModel.from_data(np.eye(4)[:, :3], np.arange(4.0))
    with pytest.raises(ValueError, match="one number for each feature, 3, got 2"):
        solve(model, 0.1, Separable(factors=np.ones(2)))


symmetric = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(symmetric, st.integers(1, 6), st.booleans(), ratios)
def test_a_quadratic_without_convexity_flips_no_sign(rng, p, positive, ratio):
    """Quadratics handed in as arrays may have a diagonal that is zero or negative."""
    H = rng.normal(size=(p, p))
    H = H + H.T
    H[rng.random(p) < 0.3] = 0.0
    H = np.triu(H) + np.triu(H, 1).T
    moments = Moments(1.0, 5, np.zeros(p), np.zeros(1), H, rng.normal(size=(p, 1)), np.ones(1))
    model, penalty = QuadraticModel(moments), Separable(ratio, positive=positive)
    start = np.maximum(np.diag(H), 0.0) * model.minimizer
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        for alpha in (1e-3, 0.1, 1.0):
            theta = solve(model, alpha, penalty, "diagonal").thetas[0, 0]
            assert np.isfinite(theta).all()
            assert (theta * start >= 0).all()
            assert (theta[np.diag(H) <= 0] == 0).all()
            for hessian in ("full", "pca"):
                if hessian == "full" or not positive:
                    assert np.isfinite(solve(model, alpha, penalty, hessian).thetas).all()


@pytest.mark.parametrize("shape", [(80, 20), (30, 60), (60, 400)])
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.05])
def test_equals_scikit_learn(shape, positive, ratio):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape) @ (np.eye(shape[1]) + 0.3 * rng.normal(size=(shape[1],) * 2))
    y = X[:, : shape[1] // 3].sum(axis=1) + rng.normal(size=len(X))
    _compare_with_scikit_learn(X, y, Separable(ratio, positive=positive))


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_equals_scikit_learn_on_diabetes(positive, ratio):
    _compare_with_scikit_learn(*load_diabetes(return_X_y=True), Separable(ratio, positive=positive))


def _compare_with_scikit_learn(X, y, penalty):
    model = QuadraticModel.from_data(X, y)
    alphas = lasso_alpha_max(model.problem, "full", penalty) * np.array([0.6, 0.1, 0.01])
    fit = solve(model, alphas, penalty)
    for alpha, theta in zip(alphas, fit.thetas[:, 0], strict=True):
        other = ElasticNet(
            alpha=alpha,
            l1_ratio=penalty.l1_ratio,
            positive=penalty.positive,
            tol=1e-14,
            max_iter=1_000_000,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            other.fit(X, y)
        np.testing.assert_allclose(theta, other.coef_, rtol=0, atol=1e-6 * np.abs(theta).max())


@given(problems(targets=3), fractions, ratios)
def test_several_targets_are_as_many_problems(problem, fraction, ratio):
    X, y, weights = problem
    model, penalty = QuadraticModel.from_data(X, y, weights), Separable(ratio)
    top = lasso_alpha_max(model.problem, "full", penalty)
    for hessian in ("full", "diagonal", "pca"):
        alphas = [0.999 * fraction * top, 0.0]  # at λ_max itself rounding decides
        fit = solve(model, alphas, penalty, hessian)
        single = [QuadraticModel.from_data(X, y[:, t], weights) for t in range(3)]
        parts = [solve(one, alphas, penalty, hessian) for one in single]
        for t, part in enumerate(parts):
            np.testing.assert_allclose(
                fit.thetas[:, t], part.thetas[:, 0], rtol=1e-6, atol=1e-8 * np.abs(X).max()
            )
        np.testing.assert_allclose(fit.dof, sum(part.dof for part in parts))
        np.testing.assert_allclose(
            fit.risk, sum(part.risk for part in parts), rtol=1e-7, atol=1e-12 * model.null_risk
        )
    tops = [lasso_alpha_max(one.problem, "full", penalty) for one in single]
    np.testing.assert_allclose(top, max(tops), rtol=1e-9)


@given(problems(targets=0))
def test_positive_without_a_penalty_is_non_negative_least_squares(problem):
    X, y, weights = problem
    model = QuadraticModel.from_data(X, y, weights)
    A, b = reference.centered(X, y, weights)
    theta = solve(model, 0.0, Separable(positive=True)).thetas[0, 0]
    assert (theta >= 0).all()
    expected, _ = nnls(A, b)
    np.testing.assert_allclose(A @ theta, A @ expected, atol=1e-7 * np.linalg.norm(b))


@given(problems(targets=None), fractions)
def test_without_an_l1_part_it_is_the_ridge(problem, fraction):
    model = QuadraticModel.from_data(*problem)
    alpha = fraction * model.largest_eigenvalue
    fit = solve(model, alpha, Separable(0.0))
    np.testing.assert_allclose(fit.thetas, model.problem.ridge(np.array([alpha])), rtol=1e-9)
    assert fit.gaps[0] < 1e-9
    assert lasso_alpha_max(model.problem, "full", Separable(0.0)) in (0.0, np.inf)


@pytest.mark.parametrize("shape", [(40, 6), (12, 30)])
@pytest.mark.parametrize("positive", [False, True])
def test_features_without_a_penalty_may_depend_on_one_another(shape, positive):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    X[:, 1] = 2 * X[:, 0]
    X[:, 2] = 5.0
    X[:, 4] = X[:, 0] + X[:, 3]
    y = X[:, 0] - X[:, 3] + X[:, 5] + 0.3 * rng.normal(size=len(X))
    factors = np.r_[np.zeros(4), np.ones(shape[1] - 4)]
    model, penalty = QuadraticModel.from_data(X, y), Separable(factors=factors, positive=positive)
    A, b = reference.centered(X, y)
    alphas = lasso_alpha_max(model.problem, "full", penalty) * np.array([1.0, 0.3, 0.01])
    fit = solve(model, alphas, penalty)
    assert np.isfinite(fit.thetas).all()
    assert fit.gaps.max() < 1e-12
    for alpha, theta in zip(alphas, fit.thetas[:, 0], strict=True):
        assert violation(A, b, alpha, penalty, theta) < 1e-12
    np.testing.assert_array_equal(fit.thetas[:, 0, 2], 0.0)


@pytest.mark.parametrize("penalty", [Separable(0.5), Separable(positive=True)])
@pytest.mark.parametrize("shape", [(60, 8), (8, 60)])
def test_copies_of_features_do_no_harm(shape, penalty):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    y = X[:, :3].sum(axis=1) + rng.normal(size=len(X))
    X = np.hstack([X, X, X + 1e-10 * rng.normal(size=shape), -X])
    model = QuadraticModel.from_data(X, y)
    A, b = reference.centered(X, y)
    alphas = lasso_alpha_max(model.problem, "full", penalty) * np.geomspace(1, 1e-4, 30)
    fit = solve(model, alphas, penalty)
    assert fit.gaps.max() < 1e-9
    for alpha, theta in zip(alphas, fit.thetas[:, 0], strict=True):
        assert violation(A, b, alpha, penalty, theta) < 1e-8


def test_float32_rows_are_summed_in_double_precision():
    rng = np.random.default_rng(0)
    for shape in ((60, 20), (20, 60)):
        X = rng.normal(size=shape).astype(np.float32)
        y = (X[:, 0] - X[:, 1]).astype(np.float32)
        single = QuadraticModel.from_data(X, y)
        double = QuadraticModel.from_data(X.astype(np.float64), y.astype(np.float64))
        alpha = 0.1 * double.alpha_max()
        assert single.lasso(alpha).dtype == np.float32
        np.testing.assert_allclose(single.lasso(alpha), double.lasso(alpha), rtol=1e-5, atol=1e-6)
