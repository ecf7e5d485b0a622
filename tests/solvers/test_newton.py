"""The ridge under any loss: against scikit-learn, against the objective's own optimality."""

import warnings

import numpy as np
import pytest
import reference_losses as reference
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.preprocessing import scale
from solver_cases import solve_newton

from skreg._threads import _blas_libraries, one_blas_thread
from skreg.losses import get_loss
from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import newton
from skreg.solvers.newton import anchor_of

names = pytest.mark.parametrize("name", reference.CURVED)
ALPHAS = np.array([1.0, 0.1, 1e-3])
SHAPES = {"tall": (150, 8), "wide": (40, 90)}


def rows(name, n=150, p=8, seed=0):
    """X, y and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[rng.random((n, p)) < 0.3] = 0.0
    f = X @ rng.normal(size=(p, reference.n_outputs(name))) / np.sqrt(p)
    return X, reference.targets(name, f, seed + 1), rng.uniform(0.2, 1, size=n)


def peer(name, alpha, n):
    """scikit-learn's estimator of the same objective, for weights of mean 1."""
    if name == "squared_error":
        return Ridge(alpha=n * alpha, tol=1e-12)
    if name == "poisson":
        return PoissonRegressor(alpha=alpha, tol=1e-12, max_iter=500, solver="newton-cholesky")
    if name == "gamma":
        return GammaRegressor(alpha=alpha, tol=1e-12, max_iter=500, solver="newton-cholesky")
    if name == "tweedie":
        power = reference.POWER
        return TweedieRegressor(power=power, alpha=alpha, tol=1e-12, solver="newton-cholesky")
    return LogisticRegression(C=1 / (n * alpha), tol=1e-12, max_iter=500, solver="newton-cholesky")


def objective(risk, alpha, factors, coef, intercept):
    coef = np.atleast_2d(coef)
    penalty = 0.5 * alpha * np.sum(factors * coef**2)
    return risk.value_at(risk.raw(coef, np.atleast_1d(intercept))) + penalty


def optimality(risk, alpha, factors, coef, intercept):
    """The largest component of the objective's gradient."""
    coef = np.atleast_2d(np.asarray(coef, dtype=float))
    residual = risk.derivatives_at(risk.raw(coef, np.atleast_1d(intercept)))[1]
    slope, slope_b = risk.gradient(residual)
    return max(np.abs(slope + alpha * factors * coef).max(), np.abs(slope_b).max())


@pytest.fixture(params=["dense", "operator"])
def form(request, monkeypatch):
    """With the Hessian as an array, and through its products."""
    if request.param == "operator":
        monkeypatch.setattr(newton, "LARGEST_DENSE", 0)
        monkeypatch.setattr(newton, "_LARGEST_DUAL", 0)
    return request.param


@pytest.mark.parametrize(
    "name", [n for n in reference.CURVED if n not in ("huber", "negative_binomial")]
)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", [np.asarray, np.asfortranarray, sparse.csr_array])
def test_equals_scikit_learn(name, shape, layout, form):
    X, y, w = rows(name, *SHAPES[shape])
    n = len(X)
    risk = EmpiricalRisk(layout(X), y, get_loss(name), w)
    solution = solve_newton(risk, ALPHAS, tol=1e-10)
    expected = {"dense": "newton-cholesky" if shape == "tall" else "newton-dual"}
    assert solution.solver == expected.get(form, "newton-cg")
    labels = y.argmax(axis=1) if risk.loss.coupled else y[:, 0]
    for i, alpha in enumerate(ALPHAS):
        theirs = peer(name, alpha, n).fit(X, labels, sample_weight=w / w.mean())
        coef = theirs.coef_ if risk.loss.coupled else theirs.coef_.ravel()
        tolerance = 1e-6 * np.abs(coef).max()
        np.testing.assert_allclose(solution.coefs[i], coef, rtol=0, atol=tolerance)
        # Intercepts of classes are known up to a common number.
        theirs, ours = np.ravel(theirs.intercept_), np.ravel(solution.intercepts[i])
        if risk.loss.coupled:
            theirs, ours = theirs - theirs.mean(), ours - ours.mean()
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_huber_equals_a_minimizer_of_its_objective(shape, form):
    X, y, w = rows("huber", *SHAPES[shape])
    risk = EmpiricalRisk(X, y, get_loss("huber", delta=reference.DELTA), w)
    solution = solve_newton(risk, ALPHAS, tol=1e-10)
    p = X.shape[1]

    def fun(z, alpha):
        r = X @ z[:p] + z[p] - y[:, 0]
        pull = risk.share * np.clip(r, -reference.DELTA, reference.DELTA)
        value = risk.share @ reference.value("huber", y, (X @ z[:p] + z[p])[:, None])
        gradient = np.append(X.T @ pull + alpha * z[:p], pull.sum())
        return value + 0.5 * alpha * z[:p] @ z[:p], gradient

    for i, alpha in enumerate(ALPHAS):
        options = {"maxiter": 20000, "gtol": 1e-13, "ftol": 1e-16, "maxcor": 50}
        best = minimize(fun, np.zeros(p + 1), (alpha,), "L-BFGS-B", True, options=options)
        found = np.append(solution.coefs[i], solution.intercepts[i])
        assert fun(found, alpha)[0] <= best.fun + 1e-14
        np.testing.assert_allclose(found, best.x, atol=1e-6 * np.abs(best.x).max())


@pytest.mark.parametrize(
    ("load", "name"), [(load_breast_cancer, "binary_log_loss"), (load_iris, "multinomial_log_loss")]
)
def test_equals_logistic_regression_on_bundled_data(load, name):
    X, labels = load(return_X_y=True)
    X = scale(X)
    y = np.eye(3)[labels] if name.startswith("multi") else labels[:, None].astype(float)
    alphas = np.geomspace(1, 1e-4, 9)
    solution = solve_newton(EmpiricalRisk(X, y, get_loss(name)), alphas, tol=1e-10)
    for i in range(0, 9, 4):
        theirs = peer(name, alphas[i], len(X)).fit(X, labels)
        coef = theirs.coef_.reshape(solution.coefs[i].shape)
        np.testing.assert_allclose(solution.coefs[i], coef, atol=1e-6 * np.abs(coef).max())


def test_equals_poisson_and_gamma_regression_on_bundled_data():
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    for name in ("poisson", "gamma"):
        solution = solve_newton(EmpiricalRisk(X, y[:, None], get_loss(name)), ALPHAS, tol=1e-10)
        for i, alpha in enumerate(ALPHAS):
            coef = peer(name, alpha, len(X)).fit(X, y).coef_
            np.testing.assert_allclose(solution.coefs[i], coef, atol=1e-6 * np.abs(coef).max())


@names
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fit_intercept", [True, False])
@given(seed=st.integers(0, 100), free=st.integers(0, 3))
def test_gradient_vanishes_under_any_factors(name, shape, fit_intercept, seed, free):
    X, y, w = rows(name, *SHAPES[shape], seed=seed)
    rng = np.random.default_rng(seed)
    offset = None if reference.n_outputs(name) > 1 else rng.normal(size=len(X)) / 4
    factors = rng.uniform(0.2, 3, size=X.shape[1])
    factors[:free] = 0.0
    risk = EmpiricalRisk(X, y, get_loss(name), w, offset, fit_intercept)
    solution = solve_newton(risk, ALPHAS, factors, tol=1e-9)
    assert (solution.gradient_norms <= 1e-9).all()
    for i, alpha in enumerate(ALPHAS):
        left = optimality(risk, alpha, factors, solution.coefs[i], solution.intercepts[i])
        assert left <= 1e-7 * max(1.0, risk.null_risk)
    if not fit_intercept:
        assert not solution.intercepts.any()


@names
def test_the_norm_grows_and_the_risk_falls_as_alpha_falls(name):
    X, y, w = rows(name)
    alphas = np.geomspace(10, 1e-4, 12)
    solution = solve_newton(EmpiricalRisk(X, y, get_loss(name), w), alphas)
    assert (np.diff(solution.norms) > 0).all()
    assert (np.diff(solution.risk) < 0).all()
    assert (np.diff(solution.dof) > 0).all()
    # In any order, and one by one.
    shuffled = np.random.default_rng(0).permutation(12)
    again = solve_newton(EmpiricalRisk(X, y, get_loss(name), w), alphas[shuffled])
    np.testing.assert_allclose(again.coefs, solution.coefs[shuffled], rtol=1e-12, atol=1e-14)
    single = solve_newton(EmpiricalRisk(X, y, get_loss(name), w), alphas[7:8])
    np.testing.assert_allclose(single.coefs[0], solution.coefs[7], atol=1e-6)


@names
@pytest.mark.parametrize("shape", SHAPES)
def test_degrees_of_freedom(name, shape):
    """tr(H(H + λI)⁻¹)."""
    X, y, w = rows(name, *SHAPES[shape])
    risk = EmpiricalRisk(X, y, get_loss(name), w)
    alphas = np.geomspace(1, 1e-3, 10)
    solution = solve_newton(risk, alphas)
    for i, alpha in enumerate(alphas):
        coef = np.atleast_2d(solution.coefs[i])
        raw = risk.raw(coef, np.atleast_1d(solution.intercepts[i]))
        H = DenseHessian(risk, risk.derivatives_at(raw)[2]).matrix
        exact = np.trace(np.linalg.solve(H + alpha * np.eye(len(H)), H))
        assert np.isclose(solution.dof[i], exact, rtol=1e-6)


def test_degrees_of_freedom_from_probes(monkeypatch):
    X, y, w = rows("gamma", 300, 60)
    risk = EmpiricalRisk(X, y, get_loss("gamma"), w)
    exact = solve_newton(risk, ALPHAS).dof
    monkeypatch.setattr("skreg.solvers.degrees_of_freedom.LARGEST", 0)
    np.testing.assert_allclose(solve_newton(risk, ALPHAS).dof, exact, rtol=0.1)


# One quadratic for every λ --------------------------------------------------------------------


@names
@pytest.mark.parametrize("shape", SHAPES)
def test_one_expansion_is_the_closed_form_at_the_anchor(name, shape):
    """θ(λ) = θ₀ − (H₀ + λF)⁻¹(g₀ + λFθ₀), the intercept at its best."""
    X, y, w = rows(name, *SHAPES[shape])
    y = y + 1.0 if name == "poisson" else y
    factors = np.random.default_rng(0).uniform(0.5, 2, size=X.shape[1])
    risk = EmpiricalRisk(X, y, get_loss(name), w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        solution = solve_newton(risk, ALPHAS, factors, max_expansions=1, tol=1e-11)
        coef, intercept, anchor, _ = anchor_of(risk, factors, tol=1e-11)
    theta = coef.ravel()
    raw = risk.raw(coef, intercept)
    _, residual, curvature = risk.derivatives_at(raw)
    slope, slope_b = risk.gradient(residual)
    assert np.abs(slope + anchor * factors * coef).max() < 1e-6
    assert np.abs(slope_b).max() < 1e-6
    H, F = DenseHessian(risk, curvature).matrix, np.tile(factors, risk.n_outputs)
    for i, alpha in enumerate(ALPHAS):
        step = np.linalg.solve(H + alpha * np.diag(F), slope.ravel() + alpha * F * theta)
        np.testing.assert_allclose(solution.coefs[i].ravel(), theta - step, atol=1e-7)
    assert (solution.n_expansions == 1).all()


@names
def test_one_expansion_is_the_same_without_a_hessian(name, monkeypatch):
    X, y, w = rows(name)
    risk = EmpiricalRisk(X, y, get_loss(name), w)
    expected = solve_newton(risk, ALPHAS, max_expansions=1, tol=1e-11)
    monkeypatch.setattr(newton, "LARGEST_DENSE", 0)
    actual = solve_newton(risk, ALPHAS, max_expansions=1, tol=1e-11)
    np.testing.assert_allclose(actual.coefs, expected.coefs, atol=1e-7)
    np.testing.assert_allclose(actual.intercepts, expected.intercepts, atol=1e-7)


@names
def test_the_gap_of_one_expansion_is_not_negative_and_closes_toward_the_anchor(name):
    X, y, w = rows(name)
    risk = EmpiricalRisk(X, y, get_loss(name), w)
    alphas = np.array([1.0, 0.1, 1e-4, 0.0])
    first, best = (solve_newton(risk, alphas, max_expansions=limit) for limit in (1, None))
    gap = first.risk - best.risk + 0.5 * alphas * (first.norms**2 - best.norms**2)
    assert (gap >= -1e-12).all()
    assert gap[2] <= 1e-6
    assert abs(gap[3]) <= 1e-12
    if name == "squared_error":
        assert np.abs(gap).max() <= 1e-12


def test_more_expansions_come_closer():
    X, y, w = rows("poisson")
    risk = EmpiricalRisk(X, y, get_loss("poisson"), w)
    ones = np.ones(8)
    values = [
        objective(risk, 0.1, ones, fit.coefs[0], fit.intercepts[0])
        for fit in (solve_newton(risk, np.array([0.1]), max_expansions=k) for k in (2, 3, 4, None))
    ]
    assert values[0] > values[1] > values[2] - 1e-15
    assert values[2] >= values[3] - 1e-14


# λ = 0 ----------------------------------------------------------------------------------------


@names
def test_no_penalty_gives_the_unpenalized_minimizer(name):
    X, y, w = rows(name)
    risk = EmpiricalRisk(X, y, get_loss(name), w)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution = solve_newton(risk, np.array([0.0]), tol=1e-10)
    assert optimality(risk, 0.0, np.ones(8), solution.coefs[0], solution.intercepts[0]) < 1e-8


@pytest.mark.parametrize("name", ["gamma", "huber", "squared_error"])
def test_no_penalty_gives_the_minimizer_of_least_norm(name):
    """A feature given twice shares its coefficient; the third column lies in their span."""
    X, y, w = rows(name)
    twice = np.column_stack([X, X[:, 0], X[:, 1] - X[:, 2]])
    one = solve_newton(EmpiricalRisk(X, y, get_loss(name), w), np.zeros(1), tol=1e-10)
    two = solve_newton(EmpiricalRisk(twice, y, get_loss(name), w), np.zeros(1), tol=1e-10)
    assert np.isclose(one.risk[0], two.risk[0], rtol=1e-10)
    span = np.linalg.pinv(twice - twice.mean(axis=0)) @ (twice - twice.mean(axis=0))
    np.testing.assert_allclose(span @ two.coefs[0], two.coefs[0], atol=1e-7)


def separable(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    if kind == "wide":
        return rng.normal(size=(20, 50)), rng.integers(2, size=20).astype(float)
    if kind == "completely":
        return X, (X @ [1.0, 2.0, -1.0] > 0).astype(float)
    X[:, 0] = np.arange(60) < 12
    y = rng.integers(2, size=60).astype(float)
    y[:12] = 1.0
    return X, y


@pytest.mark.parametrize("kind", ["completely", "partly", "wide"])
@pytest.mark.parametrize("classes", [2, 3])
def test_separable_classes_are_told_and_answered_with_finite_numbers(kind, classes):
    X, y = separable(kind)
    y = y[:, None]
    if classes == 3:
        third = X[:, [1]] > np.quantile(X[:, 1], 0.8)
        y = np.where(third, [0, 0, 1], np.hstack([1 - y, y, 0 * y])).astype(float)
    loss = get_loss("binary_log_loss" if classes == 2 else "multinomial_log_loss")
    risk = EmpiricalRisk(X, y, loss)
    with pytest.warns(ConvergenceWarning, match=r"separated\): the answer at alpha=0 minimizes it"):
        exact = solve_newton(risk, np.array([0.0, 0.1]))
    with pytest.warns(ConvergenceWarning, match="the one quadratic is taken at the minimizer for"):
        once = solve_newton(risk, np.array([0.0, 0.1]), max_expansions=1)
    for solution in (exact, once):
        assert np.isfinite(solution.coefs).all()
        assert np.isfinite(solution.intercepts).all()
    assert exact.risk[0] < exact.risk[1]
    # λ > 0 is not touched by it, and asks for no warning.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = solve_newton(risk, np.array([0.1]))
    np.testing.assert_allclose(alone.coefs[0], exact.coefs[1], atol=1e-6)


def test_counts_that_are_all_0_in_a_half_space_are_told():
    X, _ = separable("partly")
    y = np.random.default_rng(1).poisson(2.0, size=60).astype(float)
    y[:12] = 0.0
    risk = EmpiricalRisk(X, y[:, None], get_loss("poisson"))
    with pytest.warns(ConvergenceWarning, match="some counts are 0 wherever"):
        solution = solve_newton(risk, np.zeros(1))
    assert np.isfinite(solution.coefs).all()


# Hard cases -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["poisson", "gamma", "huber", "squared_error"])
@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_targets_of_any_size(name, size):
    X, y, w = rows(name)
    loss = get_loss(name, delta=size) if name == "huber" else get_loss(name)
    risk = EmpiricalRisk(10 * X, size * y, loss, w)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution = solve_newton(risk, np.array([1.0, 1e-4]), tol=1e-7)
    assert np.isfinite(solution.coefs).all()
    assert (solution.gradient_norms <= 1e-7).all()


def test_counts_a_million_times_apart_do_not_overflow():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)) * 5
    y = np.round(np.exp(np.clip(X @ [1.0, -1.0, 0.5], -5, 14)))
    risk = EmpiricalRisk(X, y[:, None], get_loss("poisson"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution = solve_newton(risk, np.array([1e-3, 1e-6]))
    assert (solution.gradient_norms <= 1e-8).all()


def test_huber_with_every_residual_in_the_straight_part():
    """At the null model the curvature is 0: any intercept between the two groups is as good."""
    X = np.array([[-1.0], [-1.1], [1.0], [1.2]])
    y = np.array([[-10.0], [-10.0], [10.0], [10.0]])
    risk = EmpiricalRisk(X, y, get_loss("huber", delta=0.5))
    solution = solve_newton(risk, np.array([1e-2]), tol=1e-9)
    left = optimality(risk, 1e-2, np.ones(1), solution.coefs[0], solution.intercepts[0])
    assert left < 1e-9


@names
def test_constant_and_repeated_features(name, form):
    X, y, w = rows(name)
    X = np.column_stack([X, np.full(len(X), 1e5), X[:, 0]])
    risk = EmpiricalRisk(X, y, get_loss(name), w)
    solution = solve_newton(risk, ALPHAS, tol=1e-9)
    coefs = solution.coefs.reshape(3, -1, 10)
    np.testing.assert_allclose(coefs[:, :, 8], 0, atol=1e-12)
    np.testing.assert_allclose(coefs[:, :, 9], coefs[:, :, 0], atol=1e-6)


@names
def test_features_far_from_0_change_nothing_but_the_intercept(name):
    X, y, w = rows(name)
    X = np.round(X * 2**16) / 2**16
    near = solve_newton(EmpiricalRisk(X, y, get_loss(name), w), ALPHAS, tol=1e-10)
    far = solve_newton(EmpiricalRisk(X + 1e8, y, get_loss(name), w), ALPHAS, tol=1e-10)
    size = np.abs(near.coefs).max()
    X = (X + 1e8) - 1e8
    near = solve_newton(EmpiricalRisk(X, y, get_loss(name), w), ALPHAS, tol=1e-10)
    np.testing.assert_allclose(far.coefs, near.coefs, atol=1e-8 * size)


@names
def test_features_of_any_scale(name):
    """Without a penalty the predictions do not depend on the features' units."""
    X, y, w = rows(name)
    units = 10.0 ** np.linspace(-12, 12, 8)
    loss, alpha = get_loss(name), np.zeros(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled = solve_newton(EmpiricalRisk(X * units, y, loss, w), alpha, tol=1e-10)
    plain = solve_newton(EmpiricalRisk(X, y, loss, w), alpha, tol=1e-10)
    np.testing.assert_allclose(scaled.coefs * units, plain.coefs, atol=1e-7)


def test_float32_rows_give_float32_coefficients():
    X, y, w = rows("binary_log_loss")
    X = X.astype(np.float32)
    single = solve_newton(EmpiricalRisk(X, y, get_loss("binary_log_loss"), w), ALPHAS)
    double = solve_newton(EmpiricalRisk(X.astype(float), y, get_loss("binary_log_loss"), w), ALPHAS)
    assert single.coefs.dtype == single.intercepts.dtype == np.float32
    np.testing.assert_allclose(single.coefs, double.coefs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_classes_of_weights_decades_apart_take_few_steps(classes):
    """Losses of probabilities near 1 are rounded more than a step gains: slopes tell it."""
    rng = np.random.default_rng(0)
    X, labels = 20.0 * rng.normal(size=(60, 3)), np.arange(60) % classes
    weights = np.where(labels == 0, 1e3, 1e-4)
    y = np.eye(classes)[labels] if classes > 2 else labels[:, None].astype(float)
    loss = get_loss("multinomial_log_loss" if classes > 2 else "binary_log_loss")
    found = solve_newton(EmpiricalRisk(X, y, loss, weights), np.geomspace(1e-3, 1e-12, 4))
    assert (found.n_iter <= 20).all()
    assert (found.gradient_norms <= 1e-8).all()


def test_too_few_steps_are_told():
    X, y, w = rows("poisson")
    risk = EmpiricalRisk(X, y, get_loss("poisson"), w)
    with pytest.warns(
        ConvergenceWarning,
        match="max_iter=1 steps with .* gradient norm .* tol=1e-08",
    ):
        solve_newton(risk, np.array([0.1]), max_iter=1)


def test_the_limit_on_blas_threads_is_lifted_by_the_last():
    before = [library.num_threads for library in _blas_libraries()]
    outer, inner = one_blas_thread(), one_blas_thread()
    outer.__enter__()
    inner.__enter__()
    assert all(library.num_threads == 1 for library in _blas_libraries())
    outer.__exit__(None, None, None)
    assert all(library.num_threads == 1 for library in _blas_libraries())
    inner.__exit__(None, None, None)
    assert [library.num_threads for library in _blas_libraries()] == before


@pytest.mark.parametrize("make", [np.ones, np.zeros, lambda shape: sparse.csr_matrix(shape)])
@pytest.mark.parametrize("name", ["binary_log_loss", "poisson", "gamma"])
def test_a_path_on_constant_features_is_zero(name, make):
    y = np.array([[1.0], [0.0]] * 3) if name == "binary_log_loss" else np.array([[1.0], [2.0]] * 3)
    risk = EmpiricalRisk(make((6, 2)), y, get_loss(name))
    solution = solve_newton(risk, np.geomspace(1.0, 1e-4, 6))
    np.testing.assert_allclose(solution.coefs, 0.0, atol=1e-12)
    np.testing.assert_allclose(solution.dof, 0.0, atol=1e-9)
