"""Duality gaps bound what any other point could gain."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from proximal_cases import make_case
from reference_losses import CURVED
from scipy import sparse

from skreg.losses import BinaryLogLoss
from skreg.penalties import Group, Separable
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers import alpha_max, solve
from skreg.solvers.certificate import best_scale
from skreg.solvers.known_slopes import KnownSlopes
from skreg.solvers.proximal_path import ProximalPath

PENALTIES = [
    Separable(),
    Separable(l1_ratio=0.4),
    Separable(factors=np.array([0.5, 1.0, 2.0, 1.0, 3.0, 1.0]), positive=True),
    Separable(l1_ratio=0.5, l2_factors=np.array([0.0, 1.0, 0.0, 2.0, 0.0, 0.0])),
    Separable(bounds=(-1.0, np.inf)),
    Group([0, 0, 1, 1, 1, 2]),
    Group([0, 0, 1, 1, 1, 2], l1_ratio=0.5),
]


@pytest.mark.parametrize("penalty", PENALTIES)
@given(seed=st.integers(0, 10_000), alpha=st.floats(0.1, 10.0))
def test_a_steep_gain_leads_to_the_border_of_the_conjugates_domain(penalty, seed, alpha):
    slope = 3 * np.random.default_rng(seed).standard_normal(6)
    scale, conjugate = best_scale(penalty, slope, alpha, lambda s: 1e9 * s)
    assert 0 < scale <= 1
    assert conjugate == pytest.approx(penalty.conjugate(scale * slope, alpha), abs=1e-12)
    assert scale == 1 or penalty.conjugate(scale * (1 + 1e-9) * slope, alpha) == np.inf


def is_proper(case):
    """Every class and some count are there, with weight."""
    present = case.y if case.weights is None else case.y[case.weights > 0]
    if case.name == "multinomial_log_loss":
        return present.any(axis=0).all()
    return case.name not in ("binary_log_loss", "poisson") or np.ptp(present) > 0


@given(
    name=st.sampled_from(CURVED),
    seed=st.integers(0, 10_000),
    n=st.integers(6, 30),
    p=st.integers(1, 20),
    ratio=st.floats(0.01, 1.5),
    near=st.floats(0.0, 1.0),
    l1_ratio=st.sampled_from([1.0, 0.5]),
    factors=st.sampled_from([None, True, "some free"]),
    weights=st.booleans(),
    offset=st.booleans(),
    positive=st.booleans(),
    fit_intercept=st.booleans(),
)
def test_a_gap_bounds_the_gain_of_any_other_point(
    name, seed, n, p, ratio, near, l1_ratio, factors, weights, offset, positive, fit_intercept
):
    """At the solution, and anywhere on the way to it from a random point."""
    case = make_case(
        name,
        n,
        p,
        seed,
        l1_ratio=l1_ratio,
        factors=factors,
        weights=weights,
        offset=offset and name != "multinomial_log_loss",
        positive=positive,
        fit_intercept=fit_intercept,
    )
    assume(is_proper(case))
    path = ProximalPath(case.risk(), case.penalty, 1e-8, 2000)
    assume(path.alpha_max > 1e-8)
    alpha = ratio * path.alpha_max
    best = path.solve(alpha)
    rng = np.random.default_rng(seed)
    k = case.y.shape[1]
    theta = best.point.theta + (1 - near) * rng.standard_normal(k * p) * (rng.random(k * p) < 0.5)
    theta = np.maximum(theta, 0.0) if positive else theta
    point = path.evaluate(theta, best.point.intercept)
    gap = path._natural_gap(point, alpha, 1e-8 * path.null_risk)
    coef = theta.reshape(k, p)
    center = coef @ path.risk.design.center
    here = case.objective(coef, point.intercept - center, alpha)
    rounding = 1e-12 * (abs(here) + 1)
    assert (
        here - case.objective(best.point.theta.reshape(k, p), best.point.intercept, alpha)
        <= gap + rounding
    )
    for scale in (0.01, 1.0):
        other = best.point.theta + scale * rng.standard_normal(k * p)
        other = (np.maximum(other, 0.0) if positive else other).reshape(k, p)
        b = best.point.intercept + fit_intercept * scale * rng.standard_normal(k)
        assert here - case.objective(other, b, alpha) <= gap + rounding
        least = case.objective(best.point.theta.reshape(k, p), best.point.intercept, alpha)
        assert least - case.objective(other, b, alpha) <= best.gap + rounding


@pytest.mark.parametrize("name", CURVED)
@pytest.mark.parametrize("factors", [None, "some free"])
def test_gaps_shrink_with_the_distance(name, factors):
    """To first order: a tenth of the way leaves about a tenth of the gap, or less."""
    case = make_case(name, 60, 6, factors=factors)
    path = ProximalPath(case.risk(), case.penalty, 1e-13, 2000)
    alpha = 0.2 * path.alpha_max
    best = path.solve(alpha)
    assert best.gap <= 1e-13 * path.null_risk
    gaps = []
    for share in (1e-2, 1e-4, 1e-6):
        point = path.evaluate(best.point.theta * (1 + share), best.point.intercept)
        gaps.append(path._natural_gap(point, alpha, 0.0))
    assert gaps[1] < 0.05 * gaps[0]
    assert gaps[2] < 0.05 * gaps[1]


@pytest.mark.parametrize("name", CURVED)
def test_sums_are_canceled_without_leaving_the_domain(name):
    """An intercept that is not at its best gives a finite gap all the same, and a valid one."""
    case = make_case(name, 40, 4, weights=True)
    path = ProximalPath(case.risk(), case.penalty, 1e-10, 2000)
    alpha = 0.3 * path.alpha_max
    best = path.solve(alpha)
    for shift in (-1.0, 1e-3, 1.0):
        b = best.point.intercept + shift * np.arange(1, len(best.point.intercept) + 1)
        point = path.risk.at(best.point.theta, b)
        gap = path.certificate.gap(point, alpha, 0.0)
        lost = point.value - best.point.value
        assert np.isfinite(gap)
        assert gap >= lost - 1e-12


@pytest.mark.parametrize("kind", ["dense", "columns", "sparse", "weighted", "elastic net"])
def test_slopes_that_take_no_pass_are_right_wherever_they_matter(kind, monkeypatch):
    """To rounding on the working set and above λ; elsewhere both are below λ."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 300)) * (rng.random((80, 300)) < (0.2 if kind == "sparse" else 1.0))
    y = (X[:, :5].sum(axis=1) + rng.normal(size=80) > 0).astype(float)[:, None]
    design = {"columns": np.asfortranarray, "sparse": sparse.csc_array}.get(kind, np.array)(X)
    weights = rng.uniform(0.1, 2.0, 80) if kind == "weighted" else None
    told, nearly = [], KnownSlopes.nearly

    def watched(self, residual, which, own, weights, alpha):
        slope = nearly(self, residual, which, own, weights, alpha)
        told.append((which, alpha, slope, -residual[:, 0] @ X, self.is_last(slope)))
        return slope

    monkeypatch.setattr(KnownSlopes, "nearly", watched)
    risk = EmpiricalRisk(design, y, BinaryLogLoss(), weights)
    penalty = Separable(0.9 if kind == "elastic net" else 1.0)
    alphas = alpha_max(risk, penalty) * np.geomspace(1, 0.02, 60)
    solution = solve(risk, penalty, alphas, tol=1e-8, with_gaps=True)
    assert len(told) > 30
    assert np.mean([passed for *_, passed in told]) < 0.7
    for which, alpha, slope, truth, _ in told:
        above = penalty.pull(truth) > alpha
        above[which] = True
        scale = 1e-11 * np.abs(truth).max()
        np.testing.assert_allclose(slope[above], truth[above], rtol=0, atol=scale)
        assert (penalty.pull(slope)[~above] <= alpha).all()
    assert (solution.dual_gaps <= 1e-8).all()
