"""Searches: cross-validation over a grid of λ, and the fit to all rows at the one that is best.

A solution is ``(errors, alphas, coefs, intercepts)``: the cross-validated errors over the grid,
NaN where a contender does not tell, and models of all rows, each at a λ of its own.
"""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks.designs import adjacent_folds, alpha_max, regression
from benchmarks.objective import penalized, relative_duality_gap, squared_error
from benchmarks.problem import Case, Problem

N_FOLDS = 5


def _data(n_samples, n_features, n_informative, n_alphas, ratio, errors):
    """A regression, λ_max to λ_max·ratio, and folds."""
    X, y = regression(n_samples, n_features, n_informative)
    alphas = alpha_max(X, y) * np.geomspace(1.0, ratio, n_alphas)
    folds = adjacent_folds(n_samples, N_FOLDS)
    reference = np.mean(
        [errors(X[folds != k], y[folds != k], X[folds == k], y[folds == k], alphas)
         for k in range(N_FOLDS)],
        axis=0,
    )  # fmt: skip
    return SimpleNamespace(X=X, y=y, alphas=alphas, folds=folds, reference=reference)


def _mean_squares(X, y, coefs, intercepts):
    return np.square(y[:, None] - X @ coefs.T - intercepts).mean(axis=0)


def _ridge(X, y, alphas):
    """Coefficients by eigenvectors, and intercepts, of ½·mean((y − Xθ − b)²) + λ·½‖θ‖²."""
    x_mean, y_mean = X.mean(axis=0), y.mean()
    centered = X - x_mean
    sigma, vectors = np.linalg.eigh(centered.T @ centered / len(y))
    target = vectors.T @ (centered.T @ (y - y_mean)) / len(y)
    coefs = (target / (sigma + np.reshape(alphas, (-1, 1)))) @ vectors.T
    return coefs, y_mean - coefs @ x_mean


def _ridge_errors(X, y, X_test, y_test, alphas):
    return _mean_squares(X_test, y_test, *_ridge(X, y, alphas))


def _lasso_errors(X, y, X_test, y_test, alphas):
    """By coordinate descent to a tolerance far below those that are timed."""
    from sklearn.linear_model import lasso_path

    x_mean, y_mean = X.mean(axis=0), y.mean()
    _, coefs, _ = lasso_path(
        np.subtract(X, x_mean, order="F"), y - y_mean, alphas=alphas, tol=1e-10, max_iter=10**6
    )
    return _mean_squares(X_test, y_test, coefs.T, y_mean - coefs.T @ x_mean)


def _deviation(data, errors):
    """The largest relative error of the cross-validated errors, of those that are told."""
    return np.nanmax(np.abs(errors / data.reference - 1.0))


def _lasso_objective(data, solution):
    """1, and what the errors deviate; the models are judged by their gaps."""
    return 1.0 + _deviation(data, solution[0])


def _ridge_objective(data, solution):
    """1, and what the errors deviate or the models exceed the minimum."""
    errors, alphas, coefs, intercepts = solution
    worst = _deviation(data, errors)

    def value(coefs, intercepts):
        losses = squared_error(data.y[:, None], data.X @ coefs.T + intercepts)
        return penalized(losses, 0.5 * np.square(coefs).sum(axis=1), alphas)

    excess = value(coefs, intercepts) / value(*_ridge(data.X, data.y, alphas)) - 1.0
    return 1.0 + max(worst, excess.max())


def _largest_gap(data, solution):
    _, *models = solution
    return max(
        relative_duality_gap(data.X, data.y, coef, intercept, alpha)
        for alpha, coef, intercept in zip(*models, strict=True)
    )


def _cases(sizes, n_alphas, ratio, errors):
    return [
        Case(
            f"n={n}, p={p}, {n_alphas} λ, {N_FOLDS} folds",
            partial(_data, n, p, k, n_alphas, ratio, errors),
        )
        for n, p, k in sizes
    ]


def _ridge_cases(quick):
    size = (400, 20, 5) if quick else (20_000, 300, 30)
    return _cases([size], 10 if quick else 50, 1e-6, _ridge_errors)


def _lasso_cases(quick):
    sizes = [(400, 40, 8), (60, 200, 5)] if quick else [(20_000, 500, 50), (200, 5_000, 20)]
    return _cases(sizes, 20 if quick else 100, 1e-2, _lasso_errors)


_LASSO = Problem(
    name="search-lasso",
    title="Lasso: cross-validation, λ_max to λ_max/100, and a fit at the best (float64)",
    task="search_lasso",
    unit="search",
    cases=_lasso_cases,
    objective=_lasso_objective,
    relative=1e-2,  # errors on other rows go with the root of what the gap leaves
    duality_gap=_largest_gap,
    largest_gap=1e-6,
)

PROBLEMS = (
    Problem(
        name="search-ridge",
        title="Ridge: cross-validation over λ and a fit at the best, from raw X and y (float64)",
        task="search_ridge",
        unit="search",
        cases=_ridge_cases,
        objective=_ridge_objective,
        relative=1e-8,
    ),
    _LASSO,
    replace(
        _LASSO,
        name="search-lasso-loose",
        title="The same on wide rows, at the gap that cv.glmnet leaves as it comes: a twentieth",
        cases=lambda quick: _lasso_cases(quick)[1:],
        relative=5e-2,
        largest_gap=5e-2,
    ),
)
