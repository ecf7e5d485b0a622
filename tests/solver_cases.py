"""Short names for calls of `solve` that many tests make; they warn of what solutions note."""

from types import SimpleNamespace

import numpy as np

from skreg import solvers
from skreg.penalties import Group, Separable
from skreg.solvers import alpha_max


def solve(*args, **options):
    solution = solvers.solve(*args, **options)
    solution.warn()
    return solution


def solve_ridge(problem, alphas, factors=None, **options):
    return solve(problem, Separable(0.0, factors), alphas, **options)


def solve_newton(risk, alphas, factors=None, *, max_iter=1000, **options):
    options = {"max_iter": max_iter, "method": "newton", **options}
    return solve(risk, Separable(0.0, factors), alphas, **options)


def solve_lasso(problem, alphas, hessian="full", tol=1e-8, max_iter=10_000, penalty=None):
    penalty = Separable() if penalty is None else penalty
    return solve(
        problem, penalty, alphas, hessian=hessian, tol=tol, max_iter=max_iter, with_gaps=True
    )


def solve_proximal_newton(risk, alphas, penalty, **options):
    return solve(risk, penalty, alphas, **{"tol": 1e-6, **options}, with_gaps=True)


def solve_proximal_gradient(problem, alphas, penalty, **options):
    return solve(problem, penalty, alphas, method="proximal_gradient", **options)


def group_penalty(groups, n_features, factors=None):
    if isinstance(groups, Group):
        return groups
    return Group(np.arange(n_features) if isinstance(groups, str) else groups, factors)


def solve_group_lasso(problem, alphas, groups, factors=None, **options):
    return solve(problem, group_penalty(groups, problem.n_features, factors), alphas, **options)


def group_alpha_max(problem, groups, factors=None):
    return alpha_max(problem, group_penalty(groups, problem.n_features, factors))


def fit_of(problem, solution):
    """What solvers of a quadratic find, θ as an array of shape (n_alphas, q, p)."""
    return SimpleNamespace(
        thetas=solution.coefs.reshape(len(solution.alphas), -1, problem.n_features),
        gaps=solution.dual_gaps,
        risk=solution.risk,
        n_iter=solution.n_iter,
        dof=solution.dof,
    )


def lasso_fit(problem, *args, **options):
    return fit_of(problem, solve_lasso(problem, *args, **options))


def lasso_alpha_max(problem, hessian="full", penalty=None):
    return alpha_max(problem, Separable() if penalty is None else penalty, hessian)


def group_fit(problem, alphas, penalty, tol=1e-8, max_iter=10_000):
    return fit_of(problem, solve(problem, penalty, alphas, tol=tol, max_iter=max_iter))
