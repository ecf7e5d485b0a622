"""Short names for calls of `solve` that many tests make, which warn of notes; and problems."""

from types import SimpleNamespace

import numpy as np

from skreg import solvers
from skreg.losses import BinaryLogLoss, Huber, MultinomialLogLoss, Poisson
from skreg.penalties import Group, Separable
from skreg.quadratic.quadratic import Quadratic
from skreg.quadratic.risk import EmpiricalRisk
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


N, P = 60, 12
KINDS = ["squared error", "two targets", "binary", "classes", "poisson", "huber"]


def problem(kind, n=N, p=P, seed=0, made=lambda X: X):
    """A problem of some kind with features on different scales, and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 0.7 * rng.normal(size=(n, 1))
    z = X @ np.r_[1.0, -1.0, 0.5, np.zeros(p - 3)]
    X = X * rng.choice([0.3, 1.0, 3.0], p) + 1.0
    w = rng.uniform(0.5, 2.0, n)
    if kind in ("squared error", "two targets"):
        y = z + rng.normal(size=n)
        y = np.c_[y, rng.normal(size=n) - z] if kind == "two targets" else y
        return Quadratic.from_rows(made(X), y, w, True)
    if kind == "binary":
        return EmpiricalRisk(
            made(X), (z + rng.logistic(size=n) > 0)[:, None] * 1.0, BinaryLogLoss(), w
        )
    if kind == "classes":
        labels = np.argmax(np.c_[z, -z, 0 * z] + rng.gumbel(size=(n, 3)), axis=1)
        return EmpiricalRisk(made(X), np.eye(3)[labels], MultinomialLogLoss(), w)
    if kind == "huber":
        return EmpiricalRisk(made(X), (z + rng.standard_t(2, n))[:, None], Huber(1.35), w)
    return EmpiricalRisk(made(X), rng.poisson(np.exp(0.4 * z))[:, None] * 1.0, Poisson(), w)
