"""The group lasso under any loss: optimality, certificates, and what must not matter."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, MultiTaskLasso
from solver_cases import group_alpha_max as alpha_max
from solver_cases import solve_group_lasso

from skreg import QuadraticApproxLasso, QuadraticModel
from skreg.losses import get_loss
from skreg.penalties.group import Group
from skreg.quadratic import Quadratic
from skreg.quadratic.risk import EmpiricalRisk

LOSSES = ["squared_error", "huber", "poisson", "gamma", "binary_log_loss", "multinomial_log_loss"]
every_loss = pytest.mark.parametrize("loss", LOSSES)


def targets(loss, raw, rng):
    """Random targets of shape (n, K) for raw predictions of shape (n, K)."""
    n, k = raw.shape
    if loss == "binary_log_loss":
        return (rng.uniform(size=(n, 1)) < 1 / (1 + np.exp(-raw))).astype(float)
    if loss == "multinomial_log_loss":
        return np.eye(k)[(raw + rng.gumbel(size=(n, k))).argmax(axis=1)]
    if loss == "poisson":
        return rng.poisson(np.exp(raw)).astype(float)
    if loss == "gamma":
        return rng.gamma(2.0, np.exp(raw) / 2)
    return raw + rng.standard_t(3, size=raw.shape)


def problem(loss, n, p, seed=0, *, weighted=False, offset=False, fit_intercept=True, shift=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.5 * rng.normal(size=(n, 1))
    k = 3 if loss == "multinomial_log_loss" else 1
    raw = X @ (0.4 * rng.normal(size=(p, k)) * (np.arange(p) < max(2, p // 3))[:, None])
    y = targets(loss, np.clip(raw, -3, 3), rng)
    weights = rng.integers(1, 4, size=n).astype(float) if weighted else None
    off = 0.3 * rng.normal(size=n) if offset and k == 1 else None
    return EmpiricalRisk(X + shift, y, get_loss(loss), weights, off, fit_intercept)


def objective(risk, penalty, alpha, coef, intercept):
    raw = risk.raw(np.atleast_2d(coef), np.atleast_1d(intercept))
    return risk.value_at(raw) + alpha * penalty.value(np.atleast_2d(coef))


def violation(risk, penalty, alpha, coef, intercept):
    """Distance from the KKT conditions, as a fraction of ‖∂R/∂θ‖_g at the null model."""
    coef, intercept = np.atleast_2d(coef), np.atleast_1d(intercept)
    slope, slope_b = risk.gradient(risk.derivatives_at(risk.raw(coef, intercept))[1])
    # A group that has just come in is as small as its error, and has no direction yet.
    on = (penalty.norms(coef) > 1e-8) | (penalty.weights == 0)
    inside = penalty.norms(slope + alpha * penalty.gradient(coef))[on].max(initial=0.0)
    outside = (penalty.norms(slope) - alpha * penalty.weights)[~on].max(initial=0.0)
    null = risk.raw(np.zeros_like(coef), risk.null_intercept())
    scale = penalty.norms(risk.gradient(risk.derivatives_at(null)[1])[0]).max()
    return max(inside, outside, np.abs(slope_b).max()) / scale


@every_loss
@given(
    seed=st.integers(0, 2**32 - 1),
    fraction=st.floats(-2, 0.2).map(lambda e: 10.0**e),
    shape=st.sampled_from([(60, 8), (20, 30)]),
    flags=st.tuples(*[st.booleans()] * 4),
)
def test_the_kkt_conditions_hold(loss, seed, fraction, shape, flags):
    weighted, offset, fit_intercept, with_factors = flags
    risk = problem(
        loss, *shape, seed, weighted=weighted, offset=offset, fit_intercept=fit_intercept
    )
    rng = np.random.default_rng(seed)
    labels = np.unique(rng.integers(0, shape[1] // 2, size=shape[1]), return_inverse=True)[1]
    factors = None
    if with_factors:
        factors = rng.choice([0.5, 1.0, 2.0], size=labels.max() + 1)
        factors[0] = 0.0 if shape[0] > shape[1] else 1.0
    penalty = Group(labels, factors)
    alpha = fraction * alpha_max(risk, labels, factors)
    solution = solve_group_lasso(risk, np.array([alpha]), labels, factors, tol=1e-11)
    coef, intercept = solution.coefs[0], solution.intercepts[0]
    assert violation(risk, penalty, alpha, coef, intercept) < 1e-4
    if fraction > 1 + 1e-9:
        assert not penalty.norms(np.atleast_2d(coef))[penalty.weights > 0].any()


@every_loss
@pytest.mark.parametrize("shape", [(150, 20), (40, 60)])
@pytest.mark.parametrize("free", [False, True])
def test_the_gap_bounds_the_excess_over_any_other_point(loss, shape, free):
    if free and loss == "multinomial_log_loss" and shape[0] < shape[1]:
        shape = (80, 100)
    risk = problem(loss, *shape, weighted=True, offset=True)
    labels = np.arange(shape[1]) // 4
    factors = (np.arange(labels[-1] + 1) != 1).astype(float) if free else None
    penalty = Group(labels, factors)
    alphas = 0.1 * alpha_max(risk, labels, factors) * np.ones(1)
    best = solve_group_lasso(risk, alphas, labels, factors, tol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        rough = solve_group_lasso(risk, alphas, labels, factors, max_iter=4)
    values = [
        objective(risk, penalty, alphas[0], s.coefs[0], s.intercepts[0]) for s in (rough, best)
    ]
    assert best.dual_gaps[0] < 1e-11
    assert values[0] - values[1] <= rough.dual_gaps[0] * risk.null_risk + 1e-14
    assert rough.dual_gaps[0] > 1e-8
    rng = np.random.default_rng(0)
    for _ in range(20):
        theta = best.coefs[0] + 0.1 * rng.normal(size=best.coefs[0].shape)
        other = objective(risk, penalty, alphas[0], theta, best.intercepts[0])
        assert values[0] - other <= rough.dual_gaps[0] * risk.null_risk


def proximal_gradient(risk, penalty, alpha, steps=30_000):
    """Slow and independent: FISTA with restarts, the intercept as one more coordinate."""
    k, p = risk.n_outputs, risk.n_features
    X = np.hstack([np.asarray(risk.X), np.ones((len(risk.y), 1))])
    bound = np.linalg.eigvalsh((X * risk.share[:, None]).T @ X)[-1]
    step = 1.0 / bound / {"poisson": 40.0, "gamma": 40.0}.get(risk.loss.name, 1.0)
    theta = np.zeros((k, p + 1))
    theta[:, -1] = risk.null_intercept()
    ahead, t = theta.copy(), 1.0
    for _ in range(steps):
        raw = X @ ahead.T
        slope = (risk.share[:, None] * risk.loss.derivatives(risk.y, raw)[1]).T @ X
        new = ahead - step * slope
        new[:, :-1] = penalty.prox(new[:, :-1], step * alpha)
        if np.vdot(ahead - new, new - theta) > 0:
            t = 1.0
        if np.abs(new - theta).max() < 1e-13 and t < 2:  # just restarted, and at rest
            break
        following = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead, theta, t = new + (t - 1) / following * (new - theta), new, following
    return theta[:, :-1], theta[:, -1]


@every_loss
def test_it_agrees_with_proximal_gradient(loss):
    risk = problem(loss, 80, 8)
    penalty = Group(np.arange(8) // 2)
    alpha = 0.1 * alpha_max(risk, penalty)
    solution = solve_group_lasso(risk, np.array([alpha]), penalty, tol=1e-14)
    coef, intercept = proximal_gradient(risk, penalty, alpha)
    np.testing.assert_allclose(np.atleast_2d(solution.coefs[0]), coef, atol=1e-6)
    np.testing.assert_allclose(np.atleast_1d(solution.intercepts[0]), intercept, atol=1e-6)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_squared_error_is_the_quadratic_model(fit_intercept):
    risk = problem("squared_error", 70, 12, weighted=True, fit_intercept=fit_intercept, shift=2.0)
    model = QuadraticModel.from_data(
        risk.X, risk.y[:, 0], risk.weight * risk.share, fit_intercept=fit_intercept
    )
    labels, factors = np.arange(12) // 3, [1.0, 0.0, 2.0, 1.0]
    top = alpha_max(model.problem, labels, factors)
    np.testing.assert_allclose(alpha_max(risk, labels, factors), top, rtol=1e-8)
    alphas = top * np.array([0.01, 1.5, 0.2])
    both = risk, model.problem
    a, b = (solve_group_lasso(one, alphas, labels, factors, tol=1e-13) for one in both)
    np.testing.assert_allclose(a.coefs, b.coefs, atol=1e-6)
    np.testing.assert_allclose(a.intercepts, b.intercepts, atol=1e-6)
    np.testing.assert_allclose(a.dof, b.dof, atol=1e-5)
    np.testing.assert_allclose(a.norms, b.norms, atol=1e-6)
    np.testing.assert_allclose(a.risk, b.risk, rtol=1e-6)


def test_groups_of_one_are_the_l1_logistic_regression():
    risk = problem("binary_log_loss", 120, 10)
    alpha = 0.05 * alpha_max(risk, range(10))
    solution = solve_group_lasso(risk, np.array([alpha]), range(10), tol=1e-13)
    other = LogisticRegression(
        C=1 / (120 * alpha), l1_ratio=1, solver="saga", tol=1e-10, max_iter=100_000
    ).fit(risk.X, risk.y[:, 0])
    np.testing.assert_allclose(solution.coefs, other.coef_, atol=1e-5)
    np.testing.assert_allclose(solution.intercepts, other.intercept_, atol=1e-5)


@every_loss
def test_sparse_rows_and_repeated_rows_change_nothing(loss):
    risk = problem(loss, 60, 12, weighted=True)
    X = np.where(np.abs(risk.X) > 1, risk.X, 0.0)
    weights = risk.weight * risk.share
    labels = np.arange(12) // 3
    dense = EmpiricalRisk(X, risk.y, risk.loss, weights)
    times = weights.astype(int)
    repeated = EmpiricalRisk(
        np.repeat(X, times, axis=0), np.repeat(risk.y, times, axis=0), risk.loss
    )
    alphas = alpha_max(dense, labels) * np.array([0.3, 0.03])
    expected = solve_group_lasso(dense, alphas, labels, tol=1e-12)
    others = [
        EmpiricalRisk(kind(X), risk.y, risk.loss, weights)
        for kind in (sparse.csr_array, sparse.csc_array)
    ]
    for other in (*others, repeated):
        got = solve_group_lasso(other, alphas, labels, tol=1e-12)
        np.testing.assert_allclose(got.coefs, expected.coefs, atol=2e-5)
        np.testing.assert_allclose(got.intercepts, expected.intercepts, atol=2e-5)


@every_loss
def test_a_shift_of_the_features_moves_the_intercept_alone(loss):
    labels = np.arange(8) // 2
    here, there = problem(loss, 80, 8), problem(loss, 80, 8, shift=1e4)
    alphas = alpha_max(here, labels) * np.array([0.2])
    a, b = (solve_group_lasso(risk, alphas, labels, tol=1e-12) for risk in (here, there))
    np.testing.assert_allclose(b.coefs, a.coefs, atol=1e-5)


@every_loss
def test_a_path_equals_single_fits_in_any_order(loss):
    risk = problem(loss, 100, 15)
    labels = np.arange(15) // 3
    alphas = alpha_max(risk, labels) * np.array([0.05, 1.5, 0.4, 0.01])
    path = solve_group_lasso(risk, alphas, labels, tol=1e-13)
    for i in range(4):
        one = solve_group_lasso(risk, alphas[i : i + 1], labels, tol=1e-13)
        np.testing.assert_allclose(path.coefs[i], one.coefs[0], atol=1e-5)
        np.testing.assert_allclose(path.dof[i], one.dof[0], atol=1e-3)
    assert not path.coefs[1].any()
    assert path.dof[1] == 0


def test_classes_leave_and_enter_together():
    risk = problem("multinomial_log_loss", 150, 12)
    labels = np.arange(12) // 3
    alphas = alpha_max(risk, labels) * np.array([0.6])
    coef = solve_group_lasso(risk, alphas, labels, tol=1e-12).coefs[0]
    on = coef.reshape(3, 4, 3).any(axis=2)
    assert (on == on[0]).all()
    assert 0 < on[0].sum() < 4
    # The penalty settles what the classes have in common: coefficients sum to zero over them.
    np.testing.assert_allclose(coef.sum(axis=0), 0.0, atol=1e-7)


def test_no_penalty_is_the_minimizer_of_the_risk():
    risk = problem("poisson", 200, 6)
    solution = solve_group_lasso(risk, np.array([0.0]), [0, 0, 1, 1, 2, 2])
    assert solution.dual_gaps[0] < 1e-12
    slope, slope_b = risk.gradient(
        risk.derivatives_at(risk.raw(solution.coefs, solution.intercepts))[1]
    )
    assert np.abs(slope).max() < 1e-7
    assert np.abs(slope_b).max() < 1e-7
    assert solution.dof[0] == pytest.approx(6)


def test_separable_classes_have_a_finite_solution():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 60))
    risk = EmpiricalRisk(X, (X[:, :1] > 0).astype(float), get_loss("binary_log_loss"))
    labels = np.arange(60) // 3
    solution = solve_group_lasso(risk, alpha_max(risk, labels) * np.geomspace(1, 1e-3, 10), labels)
    assert np.isfinite(solution.coefs).all()
    assert solution.dual_gaps.max() <= 1e-8


def test_float32_rows_give_float32_coefficients():
    risk = problem("binary_log_loss", 60, 8)
    single = EmpiricalRisk(risk.X.astype(np.float32), risk.y, risk.loss)
    labels = np.arange(8) // 2
    alphas = alpha_max(risk, labels) * np.array([0.1])
    a, b = (solve_group_lasso(one, alphas, labels) for one in (risk, single))
    assert b.coefs.dtype == np.float32
    np.testing.assert_allclose(b.coefs, a.coefs, atol=1e-3)


def test_stopping_early_says_so():
    risk = problem("binary_log_loss", 60, 40)
    labels = np.arange(40) // 4
    alphas = 0.01 * alpha_max(risk, labels) * np.ones(1)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2 passes.*gap of .* above tol=1e-08"):
        solve_group_lasso(risk, alphas, labels, max_iter=2)


def test_groups_over_targets():
    X, y = np.eye(4)[:, :3], np.eye(4)[:, :2]
    model = QuadraticApproxLasso(0.05, groups="targets").fit(X, y)
    expected = MultiTaskLasso(0.05, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-8)
    with pytest.raises(ValueError, match="must cover the 3 features, they cover 2"):
        solve_group_lasso(Quadratic.from_rows(X, y, None, True), np.ones(1), [0, 1])
    with pytest.raises(ValueError, match=r"groups\[0\] is empty"):
        QuadraticApproxLasso(groups=[[]]).fit(X, y)


@pytest.mark.parametrize("kind", ["model", "risk"])
def test_without_any_penalized_group_it_is_least_squares(kind):
    risk = problem("squared_error", 40, 6)
    model = QuadraticModel.from_data(risk.X, risk.y[:, 0])
    one = model.problem if kind == "model" else risk
    assert alpha_max(one, [0, 0, 1, 1, 2, 2], [0, 0, 0]) == 0
    coefs = solve_group_lasso(one, np.array([0.5]), [0, 0, 1, 1, 2, 2], [0, 0, 0]).coefs
    np.testing.assert_allclose(coefs[0], model.minimizer, rtol=1e-9)


@every_loss
def test_targets_without_signal_give_zero(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 6))
    y = np.zeros((30, 3)) if loss == "multinomial_log_loss" else np.ones((30, 1))
    y[:, 0] = 1.0
    solution = solve_group_lasso(
        EmpiricalRisk(X, y, get_loss(loss)), np.array([0.1, 1e-3]), np.arange(6) // 2
    )
    np.testing.assert_array_equal(solution.coefs, 0.0)


@every_loss
@pytest.mark.parametrize("shape", [(80, 12), (30, 45)])
def test_an_l2_share_within_groups_is_certified(loss, shape):
    risk = problem(loss, *shape, weighted=True)
    penalty = Group(np.arange(shape[1]) // 3, l1_ratio=0.5)
    alphas = alpha_max(risk, penalty) * np.array([0.3, 0.05])
    solution = solve_group_lasso(risk, alphas, penalty, tol=1e-11)
    assert solution.dual_gaps.max() <= 1e-11
    for i, alpha in enumerate(alphas):
        coef, intercept = solution.coefs[i], solution.intercepts[i]
        assert violation(risk, penalty, alpha, coef, intercept) < 1e-4


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_a_group_without_a_penalty_may_explain_nearly_everything(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 9))
    y = X[:, :3] @ np.array([[9.0], [-8.0], [7.0]]) + 1e-3 * rng.normal(size=(60, 1))
    risk = EmpiricalRisk(X, y, get_loss(loss))
    labels, factors = np.arange(9) // 3, [0.0, 1.0, 1.0]
    alphas = alpha_max(risk, labels, factors) * np.array([0.5])
    solution = solve_group_lasso(risk, alphas, labels, factors, tol=1e-11)
    assert solution.dual_gaps[0] <= 1e-11
    np.testing.assert_allclose(solution.coefs[0, :3], [9.0, -8.0, 7.0], atol=1e-2)


@pytest.mark.parametrize("shape", [(30, 6), (12, 18)])
@pytest.mark.parametrize("sparse_rows", [False, True])
def test_an_excluded_group_stays_out_of_a_path_that_leaps(shape, sparse_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    y = X[:, 0] + X[:, 3] + 0.3 * rng.normal(size=len(X))
    groups = np.arange(shape[1]) // 2
    factors = np.r_[np.inf, np.ones(groups[-1])]
    model = QuadraticApproxLasso(groups=groups, penalty_factors=factors)
    rows = sparse.csr_array(X) if sparse_rows else X
    path = model.regularization_path(rows, y, [0.3, 1e-2, 1e-5])
    assert not path.coefs[:, :2].any()
    assert path.coefs[-1, 2:].any()
    assert (path.dual_gaps <= 1e-7).all()


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("seed", range(3))
def test_features_of_any_scale_share_a_group_without_a_penalty(loss, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(40, 12)), rng.poisson(2.0, size=40).astype(float)
    scale = 10.0 ** np.array([-5, 5, 0, -3, *np.zeros(8)])
    options = {"loss": loss, "groups": np.arange(12) // 4, "penalty_factors": [0.0, 1.0, 1.0]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = QuadraticApproxLasso(**options).regularization_path(X * scale, y, 4)
    assert (path.dual_gaps <= 1e-8).all()
    same, other = (QuadraticApproxLasso(1e-2, **options).fit(Z, y) for Z in (X, X * scale))
    np.testing.assert_allclose(other.coef_ * scale, same.coef_, atol=1e-5)
