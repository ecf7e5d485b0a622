"""Huber's loss of targets far beyond δ: interior points, against quadratic and linear programs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxRidge
from skreg.losses import Huber
from skreg.penalties import MCP, SCAD, SLOPE, Group, Separable, SparseGroup
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import alpha_max, select_method, solve
from skreg.solvers.interior_point import InteriorPoint
from skreg.solvers.method import Task

SHAPES = {"tall": (40, 6), "wide": (20, 40)}


def rows(shape, ratio, seed=7):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=SHAPES[shape])
    y = ratio * (X[:, 0] - 2 * X[:, 1] + rng.standard_t(3, len(X)))
    return X, y


def posed(X, y, *, delta=1.0, weights=None, offset=None, fit_intercept=True):
    return EmpiricalRisk(X, y[:, None], Huber(delta), weights, offset, fit_intercept)


def gap_in_long_double(risk, penalty, alpha, coef, b, delta=1.0):
    """Of the primal point and the best of the dual points that its residuals allow, in units of δ.

    An L1 penalty with weights of features, with or without signs: q is brought within its limits by
    scaling, and Σu to 0 by subtracting a share of what pulls the other way.
    """
    x, s = risk.X.astype(np.longdouble), risk.share.astype(np.longdouble)
    r = (risk.y[:, 0] - x @ coef.astype(np.longdouble) - b).astype(np.longdouble)
    value = s @ np.where(np.abs(r) <= delta, r * r / 2, delta * np.abs(r) - delta * delta / 2)
    u = s * np.clip(r, -delta, delta)
    total = u.sum()
    u = np.where(u * total > 0, u * (1 - total / u[u * total > 0].sum()), u) if total else u
    q = x.T @ u
    steep = (q if penalty.positive else np.abs(q)).max()
    scale = min(np.longdouble(1), alpha / steep) if steep > 0 else 1
    u = scale * u
    dual = u @ risk.y[:, 0] - ((u * u)[s > 0] / s[s > 0]).sum() / 2
    return float((value + alpha * np.abs(coef).sum() - dual) / risk.null_risk)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ratio", [1e3, 1e6, 1e8])
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5}, {"positive": True}], ids=str)
def test_any_ratio_of_targets_to_delta(ratio, shape, options):
    X, y = rows(shape, ratio)
    risk, penalty = posed(X, y), Separable(**options)
    alphas = alpha_max(risk, penalty) * np.array([1.001, 0.9, 0.1, 1e-2])
    found = solve(risk, penalty, alphas)
    assert found.solver == "interior_point"
    assert (found.dual_gaps <= 1e-9).all()
    assert not found.coefs[0].any()
    assert found.coefs[1].any()
    if "l1_ratio" not in options:
        for alpha, coef, b in zip(alphas, found.coefs, found.intercepts, strict=True):
            assert gap_in_long_double(risk, penalty, alpha, coef, b) <= 1e-6


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_limit_is_least_absolute_deviations(shape, positive):
    X, y = rows(shape, 1e8)
    w = np.random.default_rng(0).uniform(0.2, 2.0, len(y))
    risk, penalty = posed(X, y, weights=w), Separable(positive=positive)
    (n, p), share = X.shape, w / w.sum()
    for alpha in alpha_max(risk, penalty) * np.array([0.3, 1e-2]):
        found = solve(risk, penalty, alpha)
        cost = np.r_[np.full(2 * p, alpha), 0.0, share, share]
        equal = np.column_stack([X, -X, np.ones(n), np.eye(n), -np.eye(n)])
        low = [(0, None)] * p + [(0, 0 if positive else None)] * p
        bounds = [*low, (None, None), *[(0, None)] * (2 * n)]
        least = linprog(cost, A_eq=equal, b_eq=y / 1e8, bounds=bounds, method="highs").fun
        reached = found.risk[0] + penalty.value(found.coefs[0], alpha)
        assert reached / 1e8 == pytest.approx(least, rel=2e-8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_the_same_as_proximal_newton(shape, l1_ratio):
    """Where targets are near enough for both."""
    X, y = rows(shape, 3.0)
    rng = np.random.default_rng(1)
    factors = rng.uniform(0.5, 2.0, X.shape[1])
    factors[:2] = 0.0, np.inf
    weights = rng.uniform(0.2, 2.0, len(y))
    weights[:2] = 0.0
    risk = posed(X, y, weights=weights, offset=rng.normal(size=len(y)))
    penalty = Separable(l1_ratio, factors)
    alphas = alpha_max(risk, penalty) * np.array([0.5, 0.1, 0.02])
    one = solve(risk, penalty, alphas, tol=1e-13, method="proximal_newton")
    other = InteriorPoint().path(Task(risk, penalty, alphas, tol=1e-13))
    np.testing.assert_allclose(other.risk, one.risk, rtol=1e-9)
    np.testing.assert_allclose(other.thetas[:, 0], one.coefs, atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 25),
    p=st.integers(1, 30),
    power=st.floats(2.5, 10.0),
    delta=st.sampled_from([1e-6, 1.0, 1e5]),
    options=st.sampled_from([{}, {"l1_ratio": 0.3}, {"positive": True}]),
    fit_intercept=st.booleans(),
    whole=st.booleans(),
)
def test_the_gap_closes_on_any_data(seed, n, p, power, delta, options, fit_intercept, whole):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n, p)), rng.standard_t(3, n)
    if whole:  # ties, and rows that lie on one another
        X, y = np.round(X), np.round(y)
    factors = rng.choice([0.0, 0.5, 1.0, np.inf], size=p, p=[0.1, 0.3, 0.5, 0.1])
    risk = posed(
        X,
        10.0**power * delta * y,
        delta=delta,
        weights=rng.uniform(0.1, 2.0, n),
        offset=None if whole else delta * rng.normal(size=n),
        fit_intercept=fit_intercept,
    )
    penalty = Separable(factors=factors, **options)
    top = alpha_max(risk, penalty)
    found = solve(risk, penalty, (top or delta) * np.array([0.5, 0.01]))
    assert (found.dual_gaps <= 1e-8).all()


def test_sparse_rows_paths_and_searches():
    X, y = rows("tall", 1e5)
    X[X < 0.3] = 0.0
    model = QuadraticApproxLasso(loss="huber", delta=1.0, l1_ratio=0.7)
    paths = [model.regularization_path(f(X), y, 4) for f in (np.asarray, sparse.csr_array)]
    np.testing.assert_allclose(paths[1].coefs, paths[0].coefs, rtol=1e-6, atol=1e-3)
    assert (paths[0].dual_gaps <= 1e-9).all()
    search = PathSearchCV(model, paths[0].alphas, cv=3).fit(X, y)
    assert search.best_estimator_.solver_ == "interior_point"
    assert search.best_estimator_.dual_gap_ <= 1e-9


def test_near_targets_keep_their_method():
    """One outlier, however far, is no reason to leave it."""
    X, y = rows("tall", 20.0)
    y[0] = 1e9
    assert select_method(posed(X, y), Separable(), 0.1).name == "proximal_newton"


def penalties(p, ratio):
    groups = np.arange(p) // 2
    some = np.r_[0.0, 2.0, np.ones(groups[-1] - 1)]
    return {
        "group": Group(groups),
        "group elastic net": Group(groups, some, l1_ratio=0.5),
        "sparse group": SparseGroup(groups, some, asparse=0.3),
        "slope": SLOPE(),
        "bounds": Separable(bounds=(-ratio, 0.5 * ratio)),
    }


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ratio", [1e3, 1e8])
@pytest.mark.parametrize("name", penalties(6, 1.0))
def test_any_penalty(name, ratio, shape):
    X, y = rows(shape, ratio)
    w = np.random.default_rng(0).uniform(0.2, 2.0, len(y))
    w[:2] = 0.0
    risk, penalty = posed(X, y, weights=w), penalties(X.shape[1], ratio)[name]
    alphas = alpha_max(risk, penalty) * np.array([1.001, 0.9, 0.1, 1e-3])
    found = solve(risk, penalty, alphas)
    assert found.solver == "penalized_interior_point"
    assert (found.dual_gaps <= 1e-8).all()
    free = penalty.free(X.shape[1])
    assert not found.coefs[0, ~free].any()
    assert found.coefs[1, ~free].any()


@pytest.mark.parametrize("name", ["group", "sparse group", "slope", "bounds"])
def test_units_of_the_loss_do_not_matter(name):
    X, y = rows("tall", 1e4)
    risk, same = posed(X, y), posed(X, 1e-6 * y, delta=1e-6)
    penalty, small = penalties(6, 1e4)[name], penalties(6, 1e-2)[name]
    alpha = 0.1 * alpha_max(risk, penalty)
    one, other = solve(risk, penalty, alpha), solve(same, small, 1e-6 * alpha)
    np.testing.assert_allclose(1e12 * other.risk, one.risk, rtol=1e-6)


@pytest.mark.parametrize("name", ["slope", "sparse group"])
def test_near_targets_of_wide_rows(name):
    """From the start; and where proximal gradients end above the gap asked for."""
    X, y = rows("wide", 15.0)
    penalty = penalties(40, 1.0)[name]
    risk = posed(X, y)
    alphas = alpha_max(risk, penalty) * np.array([0.9, 0.02])
    found = solve(risk, penalty, alphas)
    assert found.solver == "penalized_interior_point"
    other = solve(risk, penalty, alphas, max_iter=300, method="proximal_gradient")
    assert other.solver == "proximal_gradient"
    for one in (found, other):
        assert (one.dual_gaps <= 1e-8).all()
    np.testing.assert_allclose(found.risk, other.risk, rtol=1e-5)


@pytest.mark.parametrize("seed", [31, 41])
def test_groups_of_columns_on_scales_decades_apart(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(25, 40)) * 10.0 ** rng.uniform(-2, 2, 40)
    risk, penalty = posed(X, 1e5 * rng.standard_t(3, 25)), Group(np.arange(40) // 3)
    alphas = alpha_max(risk, penalty) * np.array([0.5, 0.05])
    assert (solve(risk, penalty, alphas).dual_gaps <= 1e-6).all()


@pytest.mark.parametrize("penalty", [MCP(), SCAD()], ids=repr)
def test_concave_penalties_end_in_a_local_minimum(penalty):
    X, y = rows("tall", 1e4)
    risk = posed(X, y)
    alphas = alpha_max(risk, penalty) * np.array([0.5, 0.1])
    assert (solve(risk, penalty, alphas).dual_gaps <= 1e-7).all()


@pytest.mark.parametrize("seed", [1])
def test_quantiles_beside_groups_of_columns_on_scales_far_apart(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(120, 12)) * 10.0 ** rng.uniform(-4, 4, 12)
    y = (X / np.abs(X).max(axis=0))[:, :3].sum(axis=1) + 0.1 * rng.standard_t(2, 120)
    model = QuadraticApproxLasso(loss="quantile", groups=np.repeat(np.arange(4), 3))
    path = model.regularization_path(X, y, 5)
    assert path.dual_gaps.max() <= 1e-8


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ratio", [1e3, 1e6, 1e8])
def test_ridges_of_far_targets_take_few_steps(ratio, shape):
    X, y = rows(shape, ratio)
    factors = np.r_[0.0, np.full(X.shape[1] - 1, 1.5)]
    model = QuadraticApproxRidge(loss="huber", delta=1.0, penalty_factors=factors)
    path = model.regularization_path(X, y, np.geomspace(0.1, 1e-4, 4) / ratio)
    assert (path.gradient_norms <= 1e-8).all()
    assert (path.n_iter <= 60).all()
    risk = posed(X, y)
    for coef, b, alpha in zip(path.coefs, path.intercepts, path.alphas, strict=True):
        residual = (y - X @ coef - b) * risk.share
        slope = X.T @ np.clip(residual, -risk.share, risk.share)
        np.testing.assert_allclose(slope, alpha * factors * coef, atol=1e-6)


@pytest.mark.parametrize("seed", [50, 119, 149])
def test_a_free_feature_far_from_zero_beside_an_intercept(seed):
    """The two say nearly the same: what is left of the feature about its mean sets its scale."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(120, 12)) + (200 * rng.random() - 100)
    y = rng.standard_t(2, size=120)
    factors = [0.0] + 11 * [1.0]
    model = QuadraticApproxLasso(7e-10, loss="huber", delta=1e-6, penalty_factors=factors)
    assert model.fit(X, y).dual_gap_ < 1e-10


@pytest.mark.parametrize("loss", [{"loss": "huber", "delta": 1.0}, {"loss": "quantile"}])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_free_features_far_from_zero_without_an_intercept(loss, l1_ratio):
    """What tells them apart is their spread: their size is no measure of what holds them."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(40, 10)) + np.r_[1e5, 1e5, np.zeros(8)]
    y = 1e4 * (X[:, -1] + rng.standard_t(3, 40) + 3.0)
    factors = [0.0, 0.0] + 8 * [1.0]
    model = QuadraticApproxLasso(
        0.01, l1_ratio=l1_ratio, penalty_factors=factors, fit_intercept=False, **loss
    )
    assert model.fit(X, y).dual_gap_ <= 1e-8
