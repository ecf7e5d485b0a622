"""Groups within bounds: three-operator splitting, certificates, and what estimators make of it."""

import numpy as np
import pytest
from proximal_cases import make_case
from scipy import sparse
from solver_cases import KINDS, P, problem

from skreg import PathSearchCV, QuadraticApproxLasso, QuadraticApproxLassoClassifier
from skreg.losses import Quantile
from skreg.penalties import Group, SparseGroup
from skreg.quadratic import Quadratic
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import alpha_max, solve

LABELS = np.arange(P) // 3
BOUNDS = -np.r_[np.full(P - 2, 0.05), np.inf, 0.0], np.r_[np.inf, np.full(P - 1, 0.1)]
BOUNDED = {
    "positive": Group(LABELS, positive=True),
    "bounds": Group(LABELS, bounds=BOUNDS),
    "free and excluded": Group(LABELS, [1.0, 0.0, np.inf, 2.0], 0.6, bounds=(-0.1, 0.2)),
    "sparse": SparseGroup(LABELS, asparse=0.3, bounds=BOUNDS),
}
# Steps of the splitting, as shares of what the curvature of squared error allows.
STEPS = {"squared_error": 1.0, "poisson": 0.25, "multinomial_log_loss": 2.0}
# On twenty rows of six features.
FEW = np.arange(6) // 2
ENDS = np.array([-0.1, -0.3, -np.inf, -0.2, 0.0, -1.0]), np.array([0.2, np.inf, 0.1, 0.3, 0.4, 0.0])
every_penalty = pytest.mark.parametrize("penalty", BOUNDED.values(), ids=BOUNDED)


@pytest.mark.parametrize("kind", KINDS)
@every_penalty
def test_duality_gaps(kind, penalty):
    posed = problem(kind)
    fit = solve(posed, penalty, alpha_max(posed, penalty) * np.geomspace(1, 0.02, 4))
    assert fit.solver == "proximal_gradient"
    assert (fit.dual_gaps <= 1e-8).all()
    assert not fit.coefs[0][..., ~penalty.free(P)].any()
    lower, upper = penalty.lower, penalty.upper
    assert ((fit.coefs >= lower) & (fit.coefs <= upper)).all()
    assert ((fit.coefs == lower) | (fit.coefs == upper))[..., lower < upper].any()


def split(case, plain, box, alpha, steps=20_000):
    """(coef, intercept) by Davis & Yin's splitting: norms and bounds each by a prox of its own."""
    k, p = case.y.shape[1], case.X.shape[1]
    size = STEPS[case.name] / np.linalg.eigvalsh(case.X.T @ case.X / len(case.X) + np.eye(p))[-1]
    z, b = np.zeros((k, p)), np.zeros(k)
    for _ in range(steps):
        inside = np.clip(z, *box)
        _, gradient, gradient_b = case.smooth(inside, b)
        shrunk = plain.prox(2 * inside - z - size * gradient, size, alpha)
        z, b = z + shrunk - inside, b - size * gradient_b
        if max(np.abs(shrunk - inside).max(), np.abs(gradient_b).max()) < 1e-12:
            break
    return inside, b


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("kind", [Group, SparseGroup])
def test_against_splitting(name, kind):
    case = make_case(name, 20, 6, seed=3)
    case.penalty = plain = kind(FEW)
    penalty, risk = kind(FEW, bounds=ENDS), case.risk()
    posed = Quadratic.from_rows(case.X, case.y, None, True) if name == "squared_error" else risk
    alpha = 0.1 * alpha_max(posed, penalty)
    fit = solve(posed, penalty, alpha, tol=1e-12)
    coef, b = split(case, plain, ENDS, alpha)
    ours = case.objective(np.atleast_2d(fit.coefs[0]), np.atleast_1d(fit.intercepts[0]), alpha)
    np.testing.assert_allclose(ours, case.objective(coef, b, alpha), rtol=1e-9)
    np.testing.assert_allclose(np.atleast_2d(fit.coefs[0]), coef, atol=1e-6)
    at_bound = (coef == ENDS[0]) | (coef == ENDS[1])
    assert (at_bound & (coef != 0)).any()
    rough = solve(posed, penalty, alpha, max_iter=2)
    least = risk.value_of(coef, b) + penalty.value(coef, alpha)
    excess = risk.value_of(rough.coefs[0], rough.intercepts[0]) - least
    excess += penalty.value(rough.coefs[0], alpha)
    assert -1e-12 <= excess <= rough.dual_gaps[0] * posed.null_risk + 1e-12


@pytest.mark.parametrize("kind", ["squared error", "two targets", "poisson"])
def test_far_bounds_cost_neither_answer_nor_certificate(kind):
    posed, far = problem(kind), Group(LABELS, bounds=(-1e7, 1e7))
    alphas = alpha_max(posed, far) * np.geomspace(1, 0.003, 4)
    fit, free = solve(posed, far, alphas), solve(posed, Group(LABELS), alphas)
    assert (fit.dual_gaps <= 1e-8).all()
    np.testing.assert_allclose(fit.risk, free.risk, rtol=1e-6)
    np.testing.assert_allclose(fit.dof, free.dof, rtol=1e-2, atol=1e-6)
    one = Group(np.arange(P), bounds=(-np.r_[0.05, np.full(P - 1, 1e7)], 1e7))
    assert (solve(posed, one, alphas).dual_gaps <= 1e-8).all()


@pytest.mark.parametrize("kind", ["squared error", "binary"])
def test_without_strength_bounds_still_hold(kind):
    posed = problem(kind)
    groups, alone = (
        solve(posed, penalty, 0.0, tol=1e-10)
        for penalty in (BOUNDED["bounds"], BOUNDED["bounds"].bounds_alone())
    )
    np.testing.assert_allclose(groups.coefs, alone.coefs, atol=1e-5)
    assert max(groups.dual_gaps[0], alone.dual_gaps[0]) <= 1e-8


def test_degrees_of_freedom_are_the_divergence_of_the_fit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 6))
    y = X @ [1.0, 0.5, -1.0, 0.3, 0.1, -0.2] + rng.normal(size=20)

    def fitted(y):
        solution = solve(Quadratic.from_rows(X, y, None, True), penalty, 0.05, tol=1e-14)
        return (X - X.mean(axis=0)) @ solution.coefs[0], solution.dof[0]

    penalty, h = Group(FEW, l1_ratio=0.7, bounds=(-0.6, 0.4)), 1e-5
    moves = [(fitted(y + h * e)[0] - fitted(y - h * e)[0]) @ e for e in np.eye(20)]
    assert fitted(y)[1] == pytest.approx(sum(moves) / (2 * h), rel=1e-5)
    assert fitted(y)[1] < 5


@every_penalty
def test_quantiles(penalty):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, P))
    y = X[:, :3] @ [1.0, -1.0, 0.5] + 0.3 * rng.standard_t(3, 40)
    risk = EmpiricalRisk(X, y[:, None], Quantile(0.4))
    alphas = alpha_max(risk, penalty) * np.array([1.001, 0.99, 0.2, 0.0])
    fit = solve(risk, penalty, alphas)
    assert fit.solver == "penalized_interior_point"
    assert (fit.dual_gaps <= 1e-8).all()
    on = fit.coefs[:, ~penalty.free(P)].any(axis=1)
    assert not on[0]
    assert on[1:].all()
    for coef, b, alpha in zip(fit.coefs[2:], fit.intercepts[2:], alphas[2:], strict=True):
        least = risk.value_of(coef, b) + penalty.value(coef, alpha)
        for way in rng.normal(size=(50, P)) * rng.choice([1e-1, 1e-3], (50, 1)):
            other = penalty.prox(coef + way, 0.0)
            value = risk.value_of(other, b) + penalty.value(other, alpha)
            assert value >= least - 1e-8 * risk.null_risk


@pytest.mark.parametrize(
    "shape", [{"positive": True}, {"bounds": ENDS}, {"bounds": ENDS, "penalty": "sparse_group"}]
)
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_estimators_paths_and_searches(shape, loss):
    case = make_case("squared_error", 60, 6, weights=True)
    X, y, w = case.X, case.y[:, 0], case.weights
    model = QuadraticApproxLasso(
        0.02, loss=loss, groups=FEW, penalty_factors=[1, 0, np.inf], tol=1e-12, **shape
    )
    model.fit(X, y, sample_weight=w)
    assert model.dual_gap_ <= 1e-12
    assert model.coef_[:4].any()
    assert not model.coef_[4:].any()
    if "positive" in shape:
        assert model.coef_.min() == 0
    path = model.regularization_path(X, y, [0.2, 0.02], sample_weight=w)
    np.testing.assert_allclose(path.coefs[1], model.coef_, atol=1e-5)
    thin = QuadraticApproxLasso(**model.get_params()).fit(sparse.csr_array(X), y, sample_weight=w)
    np.testing.assert_allclose(thin.coef_, model.coef_, atol=1e-6)
    search = PathSearchCV(model, [0.2, 0.02], cv=3).fit(X, y)
    assert search.best_estimator_.dual_gap_ <= 1e-8
    labels = np.digitize(y, [-0.5, 0.5])
    for classes in (labels > 0, labels):
        held = QuadraticApproxLassoClassifier(0.01, groups=FEW, **shape).fit(X, classes)
        assert held.dual_gap_ <= 1e-8
        lower, upper = (0.0, np.inf) if "positive" in shape else ENDS
        assert ((held.coef_ >= lower) & (held.coef_ <= upper)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": (0.5, 1.0)}, "bounds must contain 0"),
        ({"bounds": ([-1.0, -1.0], 1.0)}, "bounds must have one number for each feature, 6, got 2"),
        ({"bounds": (1.0,)}, r"bounds must be \(lower, upper\)"),
    ],
)
def test_bounds_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        Group(FEW, **options)


def test_bounds_that_are_none_change_nothing():
    for plain in (Group(FEW, bounds=(-np.inf, np.inf)), Group(FEW, [1.0, np.inf, 1.0])):
        assert plain.kernel == "groups"
    assert Group(FEW, bounds=(-2.0, np.inf)).kernel == "prox"
