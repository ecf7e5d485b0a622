"""The group lasso on a quadratic: optimality, special cases, certificates, degrees of freedom."""

import warnings

import numpy as np
import pytest
import reference_quadratic as reference
from hypothesis import given
from hypothesis import strategies as st
from reference_quadratic import problems
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import MultiTaskLasso
from solver_cases import group_fit, lasso_fit

from skreg import QuadraticModel
from skreg.penalties.group import Group
from skreg.solvers import alpha_max, membership, working_set
from skreg.solvers.working_set import PenalizedQuadratic

TOL = 1e-13
fractions = st.floats(-3, 0.3).map(lambda e: 10.0**e)


def groups_for(seed, p, with_factors):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, max(1, p // 2), size=p)
    n_groups = len(np.unique(labels))
    factors = rng.choice([0.0, 0.7, 1.0, 2.0], size=n_groups) if with_factors else None
    return Group(labels, factors)


def violation(A, b, alpha, penalty, theta):
    """Distance from 0 ∈ −Aᵀ(b − Aθ) + λ∂J(θ), as a fraction of the largest ‖Aᵀb‖_g."""
    theta, b = np.atleast_2d(theta), b.reshape(len(b), -1)
    slope = (A.T @ (b - A @ theta.T)).T
    on = (penalty.norms(theta) > 0) | (penalty.weights == 0)
    inside = penalty.norms(slope - alpha * penalty.gradient(theta))[on].max(initial=0.0)
    outside = (penalty.norms(slope) - alpha * penalty.weights)[~on].max(initial=0.0)
    return max(inside, outside) / max(penalty.norms((A.T @ b).T).max(), 1e-300)


def data(n, p, q=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ (np.eye(p) + rng.normal(size=(p, p)) / np.sqrt(p))
    shape = (p,) if q is None else (p, q)
    return X, X @ (rng.normal(size=shape).T * (np.arange(p) < p // 3)).T + rng.normal(
        size=(n, *shape[1:])
    )


@given(problems(), fractions, st.booleans(), st.integers(0, 2**32 - 1))
def test_the_kkt_conditions_hold(problem, fraction, with_factors, seed):
    X, y, weights = problem
    X = X / X.std(axis=0)
    penalty = groups_for(seed, X.shape[1], with_factors)
    model = QuadraticModel.from_data(X, y, weights)
    A, b = reference.centered(X, y, weights)
    alpha = fraction * alpha_max(model.problem, penalty)
    if alpha == 0:
        return
    fit = group_fit(model.problem, np.array([alpha]), penalty, TOL)
    assert fit.gaps[0] <= TOL
    # A gap of ε bounds the error of a slope by the root of 2ε.
    assert violation(A, b, alpha, penalty, fit.thetas[0]) < 1e-5
    if fraction >= 1:
        assert not penalty.norms(fit.thetas[0])[penalty.weights > 0].any()


@given(problems(targets=0), fractions)
def test_groups_of_one_feature_are_the_lasso(problem, fraction):
    X, y, weights = problem
    model = QuadraticModel.from_data(X, y, weights)
    A, b = reference.centered(X, y, weights)
    penalty = Group(np.arange(X.shape[1]))
    top = alpha_max(model.problem, penalty)
    np.testing.assert_allclose(top, model.alpha_max(), rtol=1e-12)
    alphas = np.array([fraction * top])
    ours = group_fit(model.problem, alphas, penalty, TOL)
    other = lasso_fit(model.problem, alphas, tol=TOL)
    # Dependent features leave θ open, so the fits are compared.
    np.testing.assert_allclose(
        A @ ours.thetas[0, 0], A @ other.thetas[0, 0], rtol=0, atol=1e-6 * np.linalg.norm(b)
    )
    np.testing.assert_allclose(ours.risk, other.risk, rtol=1e-6, atol=1e-12 * model.null_risk)


@pytest.mark.parametrize("q", [None, 3])
def test_orthonormal_features_have_a_closed_form(q):
    """θ_g = max(1 − λ√|g|/‖h_g‖, 0)·h_g, and the degrees of freedom of Yuan & Lin (2006)."""
    rng = np.random.default_rng(0)
    X = np.linalg.qr(rng.normal(size=(60, 12)))[0] * np.sqrt(60)
    Y = rng.normal(size=(60,) if q is None else (60, q)) + X[:, :1].reshape((-1, 1)[: 1 + bool(q)])
    model = QuadraticModel.from_data(X, Y, fit_intercept=False)
    penalty = Group(np.arange(12) // 3)
    h = np.atleast_2d((X.T @ Y).T / 60)
    for fraction in (0.9, 0.3, 0.05):
        alpha = fraction * alpha_max(model.problem, penalty)
        fit = group_fit(model.problem, np.array([alpha]), penalty, TOL)
        np.testing.assert_allclose(fit.thetas[0], penalty.prox(h, alpha), atol=1e-10)
        norms, whole = penalty.norms(fit.thetas[0]), penalty.norms(h)
        expected = np.sum((norms > 0) + norms / whole * (3 * len(h) - 1))
        np.testing.assert_allclose(fit.dof[0], expected, rtol=1e-6)


@given(st.integers(0, 2**32 - 1), fractions)
def test_rotating_a_group_rotates_its_coefficients(seed, fraction):
    rng = np.random.default_rng(seed)
    X, y = data(50, 12, seed=seed)
    rotation = np.zeros((12, 12))
    for g in range(4):
        block = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        rotation[3 * g : 3 * g + 3, 3 * g : 3 * g + 3] = block
    penalty = Group(np.arange(12) // 3)
    one, other = QuadraticModel.from_data(X, y), QuadraticModel.from_data(X @ rotation, y)
    top = alpha_max(one.problem, penalty)
    np.testing.assert_allclose(alpha_max(other.problem, penalty), top, rtol=1e-9)
    a, b = (
        group_fit(m.problem, np.array([fraction * top]), penalty, TOL).thetas[0, 0]
        for m in (one, other)
    )
    np.testing.assert_allclose(rotation @ b, a, atol=1e-5 * np.abs(a).max() + 1e-12)


@pytest.mark.parametrize("shape", [(80, 20), (30, 60)])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_groups_over_targets_are_the_multi_task_lasso(shape, fit_intercept):
    X, Y = data(*shape, q=4)
    model = QuadraticModel.from_data(X + 1, Y, fit_intercept=fit_intercept)
    penalty = Group(np.arange(shape[1]))
    alphas = alpha_max(model.problem, penalty) * np.array([0.5, 0.1, 0.02])
    fit = group_fit(model.problem, alphas, penalty, TOL)
    for alpha, theta in zip(alphas, fit.thetas, strict=True):
        other = MultiTaskLasso(
            alpha=alpha, tol=1e-12, max_iter=100_000, fit_intercept=fit_intercept
        ).fit(X + 1, Y)
        np.testing.assert_allclose(theta, other.coef_, atol=2e-6)
        np.testing.assert_array_equal(theta.any(axis=0), other.coef_.any(axis=0))


@pytest.mark.parametrize("shape", [(100, 30), (40, 90)])
@pytest.mark.parametrize("q", [None, 2])
@pytest.mark.parametrize("free", [False, True])
def test_the_gap_bounds_the_excess_over_any_other_point(shape, q, free):
    X, Y = data(*shape, q=q)
    model = QuadraticModel.from_data(X, Y)
    penalty = Group(np.arange(shape[1]) // 4)
    if free:
        penalty = Group(penalty._group, np.arange(len(penalty.labels)) != 2)
    alpha = 0.1 * alpha_max(model.problem, penalty)
    best = group_fit(model.problem, np.array([alpha]), penalty, 1e-14).thetas[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        rough = group_fit(model.problem, np.array([alpha]), penalty, 1e-14, max_iter=2)
    excess = (
        model.value(rough.thetas[0])
        + alpha * penalty.value(rough.thetas[0])
        - model.value(best)
        - alpha * penalty.value(best)
    )
    assert 0 < excess <= rough.gaps[0] * model.null_risk


@pytest.mark.parametrize(("n", "p", "q"), [(30, 12, 1), (20, 40, 1), (30, 12, 2)])
def test_degrees_of_freedom_are_the_divergence_of_the_fit(n, p, q):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    Y = X[:, :5] @ rng.normal(size=(5, q)) + rng.normal(size=(n, q))
    labels = np.arange(p) // 3
    penalty = Group(labels, np.arange(labels[-1] + 1) > 0)

    def fit(Y, alpha):
        solution = group_fit(
            QuadraticModel.from_data(X, Y).problem, np.array([alpha]), penalty, 1e-14
        )
        return (X - X.mean(axis=0)) @ solution.thetas[0].T, solution.dof[0]

    alpha = 0.1 * alpha_max(QuadraticModel.from_data(X, Y).problem, penalty)
    divergence, h = 0.0, 1e-4
    for i in np.ndindex(Y.shape):
        up, down = Y.copy(), Y.copy()
        up[i] += h
        down[i] -= h
        divergence += (fit(up, alpha)[0][i] - fit(down, alpha)[0][i]) / (2 * h)
    assert fit(Y, alpha)[1] == pytest.approx(divergence, rel=1e-5)


@pytest.mark.parametrize("shape", [(60, 10), (12, 60)])
def test_copies_and_constant_features_do_no_harm(shape):
    X, y = data(*shape)
    X = np.hstack([X, X, np.ones((shape[0], 3))])
    p = shape[1]
    labels = np.concatenate([np.arange(p) // 2, np.arange(p) // 2 + p, [0, 2 * p, 2 * p]])
    model, penalty = QuadraticModel.from_data(X, y), Group(labels)
    A, b = reference.centered(X, y)
    alphas = alpha_max(model.problem, penalty) * np.geomspace(1, 1e-3, 20)
    fit = group_fit(model.problem, alphas, penalty, 1e-10)
    assert fit.gaps.max() <= 1e-10
    assert fit.n_iter.max() < 1000
    np.testing.assert_allclose(fit.thetas[:, 0, -3:], 0.0, atol=1e-12)
    assert (fit.dof <= min(shape[0] - 1, p) + 1e-6).all()
    for alpha, theta in zip(alphas, fit.thetas, strict=True):
        assert violation(A, b, alpha, penalty, theta) < 1e-4


@given(problems(), st.integers(0, 2**32 - 1))
def test_a_path_equals_single_fits_in_any_order(problem, seed):
    X, y, weights = problem
    model = QuadraticModel.from_data(X, y, weights)
    A, _ = reference.centered(X, y, weights)
    penalty = groups_for(seed, X.shape[1], with_factors=False)
    alphas = alpha_max(model.problem, penalty) * np.array([0.1, 1.5, 0.0, 0.4, 0.03])
    path = group_fit(model.problem, alphas, penalty, TOL)
    for alpha, theta in zip(alphas, path.thetas, strict=True):
        other = group_fit(model.problem, np.array([alpha]), penalty, TOL).thetas[0]
        gap = np.linalg.norm(A @ (theta - other).T)
        assert gap <= 1e-5 * np.sqrt(2 * model.null_risk)
    np.testing.assert_array_equal(path.thetas[1], 0.0)
    np.testing.assert_allclose(path.thetas[2], model.problem.minimizer, rtol=1e-12)


def test_a_working_set_grows(monkeypatch):
    monkeypatch.setattr(membership, "_BATCH", 1)
    monkeypatch.setattr(working_set, "_ALL", 0)
    for shape in ((60, 30), (20, 90)):
        X, y = data(*shape)
        model, penalty = QuadraticModel.from_data(X, y), Group(np.arange(shape[1]) // 3)
        A, b = reference.centered(X, y)
        problem = PenalizedQuadratic(model.problem, penalty)
        path = working_set.WorkingSet(problem, 1e-12 * model.null_risk)
        for share in (0.9, 0.8, 0.2):
            alpha = share * path.alpha_max
            path.solve(alpha, 10_000)
            assert problem.gap(path.theta, path.slope, alpha) <= 1e-12 * model.null_risk
            assert violation(A, b, alpha, penalty, path.theta) < 1e-5
            if share > 0.5:
                assert len(path.known) < shape[1] / 2


def test_stopping_early_says_so():
    X, y = data(60, 40)
    model, penalty = QuadraticModel.from_data(X, y), Group(np.arange(40) // 4)
    alpha = 0.01 * alpha_max(model.problem, penalty)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=1 passes.*gap of .* above tol=1e-08"):
        group_fit(model.problem, np.array([alpha]), penalty, max_iter=1)


def test_a_constant_target_needs_nothing():
    X, _ = data(20, 4)
    model = QuadraticModel.from_data(X, np.full(20, 3.0))
    fit = group_fit(model.problem, np.array([0.1, 0.0]), Group([0, 0, 1, 1]))
    np.testing.assert_array_equal(fit.thetas, 0.0)
    np.testing.assert_array_equal(fit.gaps, 0.0)


def test_groups_of_other_features_are_refused():
    X, y = data(20, 4)
    with pytest.raises(ValueError, match="must cover the 4 features, they cover 3"):
        group_fit(QuadraticModel.from_data(X, y).problem, np.array([0.1]), Group([0, 0, 1]))


@given(seed=st.integers(0, 10_000), fraction=st.floats(0.01, 0.9), q=st.integers(1, 3))
def test_an_l2_share_is_a_ridge_beside_the_groups(seed, fraction, q):
    """As extra rows √(λ·weight)·eⱼ with target 0 would have it; certified."""
    X, Y = data(30, 12, q=q, seed=seed)
    labels = np.arange(12) // 3
    penalty = Group(labels, [1.0, 0.5, 2.0, 1.0], l1_ratio=0.6)
    X = X - X.mean(axis=0)
    Y = (Y - Y.mean(axis=0)).reshape(30, -1)
    model = QuadraticModel.from_data(X, Y, fit_intercept=False)
    alpha = fraction * alpha_max(model.problem, penalty)
    mine = group_fit(model.problem, np.array([alpha]), penalty, 1e-12)
    assert mine.gaps[0] <= 1e-12
    ridge = np.sqrt(30 * alpha * np.repeat(penalty.l2_weights, 3))
    rows, targets = np.vstack([X, np.diag(ridge)]), np.vstack([Y, np.zeros((12, Y.shape[1]))])
    longer = QuadraticModel.from_data(rows, targets, fit_intercept=False)
    plain = Group(labels, 0.6 * np.array([1.0, 0.5, 2.0, 1.0]))
    weight = np.array([alpha * 30 / 42])
    other = group_fit(longer.problem, weight, plain, 1e-12)
    np.testing.assert_allclose(mine.thetas, other.thetas, atol=1e-6)
