"""Every solution of a convex problem has a duality gap that is a number and a true bound."""

import numpy as np
import pytest

from skreg.losses import BinaryLogLoss, Huber, MultinomialLogLoss, Poisson
from skreg.penalties import MCP, SLOPE, Group, Separable, SparseGroup
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import solve

FACTORS = np.array([0.0, 1.0, 1.0, 2.0])
GROUPS = [0, 0, 1, 1]
PENALTIES = {
    "free": Separable(factors=FACTORS),
    "free, positive": Separable(factors=FACTORS, positive=True),
    "free elastic net": Separable(0.5, FACTORS),
    "groups": Group(GROUPS),
    "sparse groups": SparseGroup(GROUPS),
    "slope": SLOPE(),
}
LOSSES = [Huber(1.0), Poisson(), BinaryLogLoss(), MultinomialLogLoss()]


def problem(loss, n=30):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    f = 0.5 * X[:, 0] - 0.5 * X[:, 1]
    if loss.coupled:
        y = np.eye(3)[rng.integers(0, 3, n)]
    elif loss.is_for_classes:
        y = (rng.logistic(size=n) < f).astype(float)[:, None]
    else:
        y = rng.poisson(np.exp(f)).astype(float)[:, None]
    return EmpiricalRisk(X, y, loss)


def objective(risk, penalty, found, i, alpha):
    coef = np.atleast_2d(found.coefs[i])
    value = risk.value_of(coef, np.atleast_1d(found.intercepts[i]))
    return value + penalty.value(coef, alpha)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("name", PENALTIES)
def test_gaps_bound_what_is_left(loss, name):
    risk, penalty, alphas = problem(loss), PENALTIES[name], [0.05, 0.0]
    best = solve(risk, penalty, alphas, tol=1e-9)
    limits = [None, 1] if penalty.kernel == "coordinates" else [None]
    for limit in limits:
        found = solve(risk, penalty, alphas, max_expansions=limit, tol=1e-4)
        assert np.isfinite(found.dual_gaps).all()
        assert (found.dual_gaps <= 1.5).all()  # R at θ = 0 is 1 in these units
        for i, alpha in enumerate(alphas):
            lost = objective(risk, penalty, found, i, alpha) - objective(
                risk, penalty, best, i, alpha
            )
            assert lost / risk.null_risk <= found.dual_gaps[i] + 1e-9
    assert best.dual_gaps[1] < 1e-6  # the minimizer without a penalty


def test_without_a_penalty_a_concave_one_has_a_residual():
    found = solve(problem(Poisson()), MCP(), 0.0)
    assert found.dual_gaps[0] < 1e-6
