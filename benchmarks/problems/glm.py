"""Paths of elastic nets under the losses of counts and of positive amounts, both with log links."""

from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks.objective import elastic_net, gamma_loss, glm_duality_gap, penalized, poisson_loss
from benchmarks.problem import Case, Problem

L1_RATIO = 0.9
LOSSES = {"poisson": poisson_loss, "gamma": gamma_loss}


def _data(family, n_samples, n_features, n_informative, n_alphas):
    """Normal features, a mean of about 1 at the median row, and the grid from λ_max down."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features))
    raw = X[:, :n_informative] @ rng.standard_normal(n_informative)
    mean = np.exp(raw / raw.std())
    y = rng.poisson(mean).astype(float) if family == "poisson" else rng.gamma(2.0, mean / 2.0)
    null = y - y.mean() if family == "poisson" else y / y.mean() - 1.0
    top = np.abs(X.T @ null).max() / n_samples / L1_RATIO
    alphas = top * np.geomspace(1.0, 1e-2, n_alphas)
    duals = _dual_points(family, X, y, alphas)
    return SimpleNamespace(family=family, X=X, y=y, alphas=alphas, l1_ratio=L1_RATIO, duals=duals)


def _dual_points(family, X, y, alphas):
    """Slopes of a close solution: whoever made a dual point, the judge sees what it is worth."""
    from skreg import QuadraticApproxLasso

    model = QuadraticApproxLasso(loss=family, l1_ratio=L1_RATIO, tol=1e-12)
    path = model.regularization_path(X, y, alphas)
    raw = X @ path.coefs.T + path.intercepts
    y = y[:, None]
    return (np.exp(raw) - y if family == "poisson" else 1.0 - y * np.exp(-raw)).T


def _objective(data, solution):
    coefs, intercepts = solution
    losses = LOSSES[data.family](data.y[:, None], data.X @ coefs.T + intercepts)
    return penalized(losses, elastic_net(coefs.T, L1_RATIO), data.alphas)


def _largest_gap(data, solution):
    return max(
        glm_duality_gap(data.family, data.X, data.y, coef, intercept, alpha, L1_RATIO, dual=dual)
        for coef, intercept, alpha, dual in zip(*solution, data.alphas, data.duals, strict=True)
    )


def _cases(quick):
    sizes = [(400, 20, 5, 5)] if quick else [(20_000, 100, 20, 100), (500, 2_000, 20, 100)]
    return [
        Case(f"{family}, n={n}, p={p}, {k} non-zeros, {n_alphas} λ",
             partial(_data, family, n, p, k, n_alphas))
        for family in LOSSES
        for n, p, k, n_alphas in sizes
    ]  # fmt: skip


PROBLEMS = (
    Problem(
        name="glm-lasso-path",
        title=f"Elastic net, {L1_RATIO:.0%} L1, of counts or amounts, λ_max to λ_max/100 (float64)",
        task="glm_lasso_path",
        unit="path",
        cases=_cases,
        objective=_objective,
        relative=1e-6,
        duality_gap=_largest_gap,
        largest_gap=1e-6,
    ),
)
