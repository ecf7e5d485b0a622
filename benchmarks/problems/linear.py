"""Paths of linear models over a grid of λ, from known-support AR(1) designs."""

from types import SimpleNamespace

import numpy as np

from benchmarks.objective import penalised, relative_duality_gap, squared_error
from benchmarks.problem import Case, Problem


def _data(n_samples, n_features, n_informative, n_alphas, ratio):
    """An AR(1) regression (ρ = 0.5, SNR 3) and a grid from λ_max down to λ_max·ratio."""
    from skreg.datasets import make_ar1_regression

    X, y = make_ar1_regression(
        n_samples, n_features, n_informative=n_informative, rho=0.5, snr=3.0, random_state=0
    )
    alpha_max = np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / n_samples
    alphas = alpha_max * np.geomspace(1.0, ratio, n_alphas)
    return SimpleNamespace(X=X, y=y, alphas=alphas)


def _objective(data, solution, penalty):
    """One value a λ; ``solution`` is coefficients (n_alphas, p) and intercepts (n_alphas,)."""
    coefs, intercepts = solution
    losses = squared_error(data.y[:, None], data.X @ coefs.T + intercepts)
    return penalised(losses, penalty(coefs), data.alphas)


def _ridge_objective(data, solution):
    return _objective(data, solution, lambda coefs: 0.5 * np.square(coefs).sum(axis=1))


def _lasso_objective(data, solution):
    return _objective(data, solution, lambda coefs: np.abs(coefs).sum(axis=1))


def _largest_gap(data, solution):
    return max(
        relative_duality_gap(data.X, data.y, coef, intercept, alpha)
        for coef, intercept, alpha in zip(*solution, data.alphas, strict=True)
    )


def _ridge_cases(quick):
    n, p, n_alphas = (400, 20, 10) if quick else (20_000, 300, 50)
    return [Case(f"n={n}, p={p}, {n_alphas} λ", lambda: _data(n, p, p // 10, n_alphas, 1e-6))]


def _lasso_cases(quick):
    n, p, k, n_alphas = (400, 40, 8, 20) if quick else (20_000, 500, 50, 100)
    name = f"n={n}, p={p}, {k} non-zeros, {n_alphas} λ"
    return [Case(name, lambda: _data(n, p, k, n_alphas, 1e-2))]


PROBLEMS = (
    Problem(
        name="ridge-path",
        title="Ridge path over λ with intercept, from raw X and y (float64)",
        task="ridge_path",
        unit="path",
        cases=_ridge_cases,
        objective=_ridge_objective,
        relative=1e-9,  # both solve a p×p system directly: rounding only
    ),
    Problem(
        name="lasso-path",
        title="Lasso path, λ_max to λ_max/100 with intercept, from raw X and y (float64)",
        task="lasso_path",
        unit="path",
        cases=_lasso_cases,
        objective=_lasso_objective,
        relative=1e-6,  # what the duality gap allows
        duality_gap=_largest_gap,
        largest_gap=1e-6,
    ),
)
