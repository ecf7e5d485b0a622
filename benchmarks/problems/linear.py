"""Paths of squared error over a grid of λ, from designs whose support is known."""

from functools import partial
from types import SimpleNamespace

import numpy as np

from benchmarks.designs import alpha_max, regression
from benchmarks.objective import penalized, relative_duality_gap, squared_error
from benchmarks.problem import Case, Problem


def _data(n_samples, n_features, n_informative, n_alphas, ratio):
    """A regression and a grid from λ_max down to λ_max·ratio."""
    X, y = regression(n_samples, n_features, n_informative)
    return SimpleNamespace(X=X, y=y, alphas=alpha_max(X, y) * np.geomspace(1.0, ratio, n_alphas))


def _sparse_data(n_samples, n_features, n_informative, n_alphas, density):
    """A CSC design of exponential values, ±1 on a random support, SNR 3."""
    from scipy import sparse

    rng = np.random.default_rng(0)
    X = sparse.random_array(
        (n_samples, n_features),
        density=density,
        format="csc",
        rng=rng,
        data_sampler=lambda size: rng.exponential(size=size),
    )
    X = sparse.csc_matrix(X)  # the form that every contender takes
    coef = np.zeros(n_features)
    coef[rng.choice(n_features, n_informative, replace=False)] = rng.choice(
        [-1.0, 1.0], n_informative
    )
    signal = X @ coef
    y = signal + rng.standard_normal(n_samples) * np.sqrt(signal.var() / 3)
    return SimpleNamespace(X=X, y=y, alphas=alpha_max(X, y) * np.geomspace(1.0, 1e-2, n_alphas))


def _objective(data, solution, penalty):
    """One value a λ; ``solution`` is coefficients (n_alphas, p), intercepts (n_alphas,)."""
    coefs, intercepts = solution[:2]
    losses = squared_error(data.y[:, None], data.X @ coefs.T + intercepts)
    return penalized(losses, penalty(coefs), data.alphas)


def _ridge_objective(data, solution):
    return _objective(data, solution, lambda coefs: 0.5 * np.square(coefs).sum(axis=1))


def _lasso_objective(data, solution):
    return _objective(data, solution, lambda coefs: np.abs(coefs).sum(axis=1))


def _largest_gap(data, solution):
    """A third part of the solution, if there is one, is dual points (n_alphas, n)."""
    return max(
        relative_duality_gap(data.X, data.y, coef, intercept, alpha, *dual)
        for alpha, coef, intercept, *dual in zip(data.alphas, *solution, strict=True)
    )


def _ridge_cases(quick):
    sizes = [(400, 20, 10), (20, 400, 10)] if quick else [(20_000, 300, 50), (300, 20_000, 50)]
    return [
        Case(f"n={n}, p={p}, {n_alphas} λ", partial(_data, n, p, min(n, p) // 10, n_alphas, 1e-6))
        for n, p, n_alphas in sizes
    ]


def _lasso_cases(quick):
    if quick:
        sizes = [(400, 40, 8, 20), (60, 200, 5, 20), (100, 100, 10, 20)]
    else:
        sizes = [(20_000, 500, 50, 100), (200, 5_000, 20, 100), (1_000, 1_000, 100, 100)]
    return [
        Case(f"n={n}, p={p}, {k} non-zeros, {n_alphas} λ", partial(_data, n, p, k, n_alphas, 1e-2))
        for n, p, k, n_alphas in sizes
    ]


def _sparse_cases(quick):
    sizes = [(400, 600, 10, 20, 0.02) if quick else (20_000, 50_000, 100, 100, 0.001)]
    return [
        Case(
            f"n={n}, p={p}, density {density:g}, {k} non-zeros, {n_alphas} λ",
            partial(_sparse_data, n, p, k, n_alphas, density),
        )
        for n, p, k, n_alphas, density in sizes
    ]


_LASSO = {
    "unit": "path",
    "objective": _lasso_objective,
    "relative": 1e-6,  # what the duality gap allows
    "duality_gap": _largest_gap,
    "largest_gap": 1e-6,
    "memory": True,
}

PROBLEMS = (
    Problem(
        name="ridge-path",
        title="Ridge path over λ with intercept, from raw X and y (float64)",
        task="ridge_path",
        unit="path",
        cases=_ridge_cases,
        objective=_ridge_objective,
        relative=1e-9,  # both solve a p×p system directly: rounding only
        memory=True,
    ),
    Problem(
        name="lasso-path",
        title="Lasso path, λ_max to λ_max/100 with intercept, from raw X and y (float64)",
        task="lasso_path",
        cases=_lasso_cases,
        **_LASSO,
    ),
    Problem(
        name="lasso-path-sparse",
        title="Lasso path, λ_max to λ_max/100 with intercept, from raw sparse X (CSC, float64)",
        task="sparse_lasso_path",
        cases=_sparse_cases,
        **_LASSO,
    ),
)
