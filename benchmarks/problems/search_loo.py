"""Leave-one-out over a grid of λ, and the fit to all rows at the one that is best.

Solutions are those of `benchmarks.problems.search`. λ is against the mean loss of the n − 1 rows
that are left; who penalizes a sum of losses takes (n − 1)·λ, also for all rows.
"""

from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks.designs import alpha_max, regression
from benchmarks.problem import Case, Problem
from benchmarks.problems.search import _ridge_objective


def _data(n_samples, n_features, n_informative, n_alphas, ratio):
    """A regression, λ_max to λ_max·ratio, and its errors by an SVD."""
    X, y = regression(n_samples, n_features, n_informative)
    alphas = alpha_max(X, y) * np.geomspace(1.0, ratio, n_alphas)
    return SimpleNamespace(X=X, y=y, alphas=alphas, reference=_errors(X, y, alphas))


def _errors(X, y, alphas):
    """Means of ((y − ŷ)/(1 − h))²."""
    n, centered = len(y), y - y.mean()
    left, singular, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    out = []
    for alpha in alphas:
        kept = singular**2 / (singular**2 + (n - 1) * alpha)
        leverage = 1.0 / n + left**2 @ kept
        residual = centered - left @ (kept * (left.T @ centered))
        out.append(np.mean((residual / (1.0 - leverage)) ** 2))
    return np.array(out)


def _cases(quick):
    n, p, k, n_alphas = (400, 20, 5, 10) if quick else (20_000, 300, 30, 50)
    return [Case(f"n={n}, p={p}, {n_alphas} λ", partial(_data, n, p, k, n_alphas, 1e-6))]


PROBLEMS = (
    Problem(
        name="search-ridge-loo",
        title="Ridge: leave-one-out over λ and a fit at the best, from raw X and y (float64)",
        task="search_ridge_loo",
        unit="search",
        cases=_cases,
        objective=_ridge_objective,
        relative=1e-8,
    ),
)
