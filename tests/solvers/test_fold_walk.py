"""Folds solved together against each fold solved alone."""

import numpy as np
import pytest
from fold_cases import LOSSES, alone, of_folds, rows
from hypothesis import given
from hypothesis import strategies as st

from skreg.losses import get_loss
from skreg.quadratic.risk import EmpiricalRisk
from skreg.solvers.fold_paths import solve_paths


def together(X, y, loss, weights, alphas, factors, offset=None, fit_intercept=True, tol=1e-10):
    risk = EmpiricalRisk(X, y, get_loss(loss), weights.max(axis=1), offset, fit_intercept)
    return of_folds(solve_paths(risk, weights, alphas, factors, tol=tol)[:-1])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["partition", "shuffled", "weighted", "no intercept", "offset"])
def test_every_fold_has_the_solution_that_it_has_alone(loss, kind):
    rng = np.random.default_rng(0)
    if kind == "offset" and "log_loss" in loss:
        kind = "partition"
    X, y = rows(loss, 240, 4, rng, shift=3.0)
    weights = 1.0 - np.repeat(np.eye(4), 60, axis=0)
    if kind == "shuffled":
        weights = (rng.random((240, 4)) < 0.7).astype(float)
    if kind == "weighted":
        weights *= rng.uniform(0.5, 2.0, (240, 1))
    options = {"fit_intercept": kind != "no intercept"}
    if kind == "offset":
        options["offset"] = rng.uniform(-0.5, 0.5, 240)
    factors, alphas = np.array([1.0, 0.0, 2.0, 0.5]), np.array([1e-3, 1.0, 0.1])
    thetas, b, norms = together(X, y, loss, weights, alphas, factors, **options)
    coefs, intercepts = alone(X, y, loss, weights, alphas, factors, **options)
    solved = norms <= 1e-10
    assert solved.mean() > 0.7
    assert np.allclose(thetas[solved], coefs[solved], rtol=0, atol=1e-7)
    assert np.allclose(b[solved], intercepts[solved], rtol=0, atol=1e-7)


@given(
    st.integers(20, 150), st.integers(1, 6), st.integers(2, 6), st.integers(1, 12),
    st.sampled_from(LOSSES[:2]), st.integers(0, 2**20),
)  # fmt: skip
def test_a_small_gradient_norm_is_a_solution(n, p, n_folds, n_alphas, loss, seed):
    rng = np.random.default_rng(seed)
    X, y = rows(loss, n, p, rng) if p > 1 else (None, None)
    if X is None:
        X, y = rows(loss, n, 2, rng)
        X = X[:, :1]
    weights = np.ones((n, n_folds))
    weights[np.arange(n), rng.permutation(n) % n_folds] = 0.0
    if any((y[w > 0].sum(axis=0) == 0).any() or (y[w > 0] == 1).all() for w in weights.T):
        return
    alphas = np.geomspace(1.0, 1e-2, n_alphas)
    thetas, _, norms = together(X, y, loss, weights, alphas, None)
    coefs, _ = alone(X, y, loss, weights, alphas, None)
    solved = norms <= 1e-10
    assert np.allclose(thetas[solved], coefs[solved], rtol=0, atol=1e-6)


def test_more_threads_change_nothing():
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(2)
    X, y = rows("binary_log_loss", 3000, 20, rng)
    weights = 1.0 - np.repeat(np.eye(5), 600, axis=0)
    alphas = np.geomspace(1.0, 1e-3, 4)
    results = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, user_api="blas"):
            results.append(together(X, y, "binary_log_loss", weights, alphas, None))
    assert np.array_equal(results[0][0], results[1][0])


def test_a_fold_unlike_the_whole_is_given_up_and_said_so():
    rng = np.random.default_rng(3)
    X, y = rows("poisson", 100, 2, rng)
    X[:50] *= 30.0  # one fold sees small features only, the other large ones
    y[:50] = 1.0
    weights = np.repeat(np.eye(2), 50, axis=0)
    alphas = np.array([1e-4])
    thetas, _, norms = together(X, y, "poisson", weights, alphas, None)
    coefs, _ = alone(X, y, "poisson", weights, alphas, None)
    solved = norms <= 1e-10
    assert np.allclose(thetas[solved], coefs[solved], atol=1e-6)
    assert np.isfinite(thetas[solved]).all()
