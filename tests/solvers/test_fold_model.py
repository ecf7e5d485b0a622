"""Hessians that serve every part of a cross-validation, and the order in which λ are solved."""

import numpy as np
import pytest
from fold_cases import alone, rows

from skreg.losses import get_loss
from skreg.quadratic import EmpiricalRisk
from skreg.solvers.fold_model import FoldModel
from skreg.solvers.fold_paths import _waves, solve_paths


def model(loss, kind, n=30000, p=4, order="C", intercept=True):
    X, y = rows(loss, n, p, np.random.default_rng(0), shift=2.0)
    weights = np.ones((n, 4))
    weights[np.arange(n), np.arange(n) % 3] = 0.0
    if kind == "overlapping":
        weights[:2500, :3] = 0.0
    risk = EmpiricalRisk(
        np.asarray(X, order=order), y, get_loss(loss), weights[:, 3], fit_intercept=intercept
    )
    return FoldModel(risk, np.arange(1.0, p + 1), weights), X


def written_out(model, X, theta, part):
    """Σ share·∂²ℓ/∂fₖ²·(x − c, 1)(x − c, 1)ᵀ of each output."""
    risk, ones = model.risk, np.column_stack([X - model.risk.design.center, np.ones(len(X))])
    bends = risk.loss.derivatives(risk.y, np.ascontiguousarray(ones @ theta.T))[2]
    bends = bends * (1.0 - bends) if risk.loss.coupled else bends
    return np.array([(ones.T * (model.shares[:, part] * bend)) @ ones for bend in bends.T])


@pytest.mark.parametrize("loss", ["binary_log_loss", "multinomial_log_loss", "poisson"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_part_has_its_own_hessian_and_between_two_their_mean(loss, order):
    known, X = model(loss, "disjoint", order=order)
    assert known._lacking is not None
    rng, shape = np.random.default_rng(1), known.scale.shape
    points = 0.2 * rng.normal(size=(2, *shape))
    for alpha, point in zip((1e-4, 1e-2), points, strict=True):
        known.renew(alpha, point, 3)
    g, parts = rng.normal(size=(4, *shape)), np.arange(4)
    ends = [np.array([written_out(known, X, point, f) for f in parts]) for point in points]
    hessians = {1e-5: ends[0], 1e-4: ends[0], 1e-3: (ends[0] + ends[1]) / 2, 1.0: ends[1]}
    for alpha, expected in hessians.items():
        found = known.solve(g, np.full(4, alpha), parts)
        system = expected + alpha * np.diag([*known.factors, 0.0])
        np.testing.assert_allclose((system @ found[..., None])[..., 0], g, rtol=1e-8, atol=1e-8)


def test_where_parts_lack_the_same_rows_the_hessian_of_one_serves_all():
    known, X = model("binary_log_loss", "overlapping")
    assert known._lacking is None
    point, g = np.full(known.scale.shape, 0.1), np.ones((2, *known.scale.shape))
    known.renew(0.1, point, 1)
    system = written_out(known, X, point, 1) + 0.1 * np.diag([*known.factors, 0.0])
    found = known.solve(g, np.full(2, 0.1), np.array([0, 2]))
    np.testing.assert_allclose((system @ found[..., None])[..., 0], g, rtol=1e-8, atol=1e-8)


def test_without_an_intercept_nothing_is_said_of_it():
    known, X = model("binary_log_loss", "disjoint", intercept=False)
    point = np.zeros(known.scale.shape)
    known.renew(1.0, point, 3)
    found = known.solve(np.ones((1, *point.shape)), np.ones(1), np.zeros(1, dtype=np.intp))[0, 0]
    system = written_out(known, X, point, 0)[0, :-1, :-1] + np.diag(known.factors)
    np.testing.assert_allclose(system @ found[:-1], 1.0, rtol=1e-8)


def test_many_rows_have_the_solutions_that_they_have_alone():
    X, y = rows("binary_log_loss", 30000, 4, np.random.default_rng(0), shift=2.0)
    weights = (np.arange(30000)[:, None] % 3 != np.arange(3)).astype(float)
    risk, alphas = EmpiricalRisk(X, y, get_loss("binary_log_loss")), np.geomspace(1.0, 1e-5, 12)
    *folds, whole = solve_paths(risk, weights, alphas, tol=1e-10)
    assert (whole.gradient_norms <= 1e-10).all()
    coefs, intercepts = alone(X, y, "binary_log_loss", weights, alphas, np.ones(4))
    for found, theta, b in zip(folds, coefs, intercepts, strict=True):
        assert (found.gradient_norms <= 1e-10).all()
        np.testing.assert_allclose(found.thetas, theta, rtol=0, atol=1e-8)
        np.testing.assert_allclose(found.intercepts, b, rtol=0, atol=1e-8)


@pytest.mark.parametrize("m", [1, 2, 3, 7, 20, 101])
@pytest.mark.parametrize("decades", [1e-3, 1.0, 8.0])
def test_waves_hold_every_alpha_once_and_halve_the_gaps(m, decades):
    logs = np.sort(np.random.default_rng(m).uniform(0.0, decades * np.log(10.0), m))
    first, *others = _waves(logs)
    assert first[0] == 0
    assert first[-1] == m - 1
    known = list(first)
    for wave in others:
        gaps = np.diff(sorted(known)).max()
        known += list(wave)
        assert np.diff(sorted(known)).max() <= (gaps + 1) // 2
    assert sorted(known) == list(range(m))
