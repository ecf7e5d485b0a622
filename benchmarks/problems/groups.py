"""Group lasso paths: tall, wide, and of two classes."""

from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks.designs import classification, regression
from benchmarks.objective import (
    binary_log_loss,
    group_duality_gap,
    group_norms,
    penalized,
    squared_error,
)
from benchmarks.problem import Case, Problem


def _data(n_samples, n_features, group_size, n_informative, n_alphas, logistic):
    """Groups of adjacent features, and the grid from λ_max down."""
    make = classification if logistic else regression
    X, y = make(n_samples, n_features, n_informative)
    slope = np.abs(X.T @ (y - y.mean()))[None]
    top = (group_norms(slope.T, group_size) / group_size).max() / n_samples
    alphas = top * np.geomspace(1.0, 1e-2, n_alphas)
    duals = _dual_points(X, y, alphas, group_size, logistic)
    return SimpleNamespace(
        X=X, y=y, alphas=alphas, group_size=group_size, logistic=logistic, duals=duals
    )


def _dual_points(X, y, alphas, group_size, logistic):
    """Residuals of a close solution: whoever made a dual point, the judge sees what it is worth.

    With p > n a solution within 1e-13 of the optimum may still leave a gap of 1e-5 by its residual.
    """
    from skreg import QuadraticApproxLasso, QuadraticApproxLassoClassifier

    kind = QuadraticApproxLassoClassifier if logistic else QuadraticApproxLasso
    groups = np.arange(X.shape[1]) // group_size
    path = kind(groups=groups, tol=1e-15).regularization_path(X, y, alphas)
    raw = X @ path.coefs.reshape(len(alphas), -1).T + path.intercepts.reshape(-1)
    return (y[:, None] - (1.0 / (1.0 + np.exp(-raw)) if logistic else raw)).T


def _objective(data, solution):
    coefs, intercepts = solution
    loss = binary_log_loss if data.logistic else squared_error
    losses = loss(data.y[:, None], data.X @ coefs.T + intercepts)
    return penalized(losses, group_norms(coefs.T, data.group_size).sum(axis=0), data.alphas)


def _largest_gap(data, solution):
    return max(
        group_duality_gap(
            *(data.X, data.y, coef, intercept, alpha, data.group_size, data.logistic), dual=dual
        )
        for coef, intercept, alpha, dual in zip(*solution, data.alphas, data.duals, strict=True)
    )


def _cases(quick):
    sizes = (
        [(300, 60, 6, 12, 5, False), (40, 80, 4, 8, 5, False), (200, 60, 6, 12, 5, True)]
        if quick
        else [
            (2_000, 600, 6, 60, 100, False),
            (400, 4_000, 10, 100, 100, False),
            (1_000, 1_200, 6, 60, 100, True),
        ]
    )
    return [
        Case(
            f"{'logistic, ' * logistic}n={n}, p={p}, groups of {size}, {k} non-zeros, {m} λ",
            partial(_data, n, p, size, k, m, logistic),
        )
        for n, p, size, k, m, logistic in sizes
    ]


PROBLEMS = (
    Problem(
        name="group-lasso-path",
        title="Group lasso path, λ_max to λ_max/100, with intercept (float64)",
        task="group_lasso_path",
        unit="path",
        cases=_cases,
        objective=_objective,
        # The dual points that come with the data leave up to 1.5e-6 by themselves.
        relative=3e-6,
        duality_gap=_largest_gap,
        largest_gap=3e-6,
    ),
)
