"""The group lasso: block coordinate descent on the quadratic, re-expanded for other losses."""

import numpy as np

from skreg._validation import check_alphas
from skreg.penalties.group import Group
from skreg.quadratic import group_lasso
from skreg.solvers.group_newton import GroupPath
from skreg.solvers.solution import Solution


def solve_group_lasso(problem, alphas, groups, factors=None, *, tol=1e-8, max_iter=10_000):
    """argmin R(θ) + λ Σ_g f_g √|g| ‖θ_g‖₂ for each λ.

    Several targets, or classes, share the groups: ‖θ_g‖₂ is over the coefficients of the features
    in g for all of them, which are zero together. With ``groups="targets"`` each feature is a group
    of its own, which for several targets is the multi-task lasso.

    Parameters
    ----------
    problem : Quadratic or LinearRisk
        Squared error as its quadratic, or any loss.
    alphas : ndarray of shape (n_alphas,)
        λ ≥ 0, in any order; they are solved downwards.
    groups : array-like of shape (p,), sequence of sequences of int, or "targets"
        Labels or index lists, see `Group`.
    factors : None or array-like of shape (n_groups,)
        f_g; 0 leaves a group unpenalised.
    tol : float, default=1e-8
        Duality gap, relative to the risk of the intercept alone, at which a λ counts as solved.
    max_iter : int, default=10000
        Passes over the groups for each λ.

    Returns
    -------
    Solution
        ``norms`` are Σ_g f_g√|g|‖θ_g‖₂. ``dof`` is tr H(H + P)⁻¹ over the coefficients of active
        groups, P the Hessian of λJ: the divergence of the fit (Vaiter et al., 2012), which for
        H = I is the formula of Yuan & Lin (2006); NaN above 4000 such coefficients. ``dual_gaps``
        are NaN at λ = 0 for a `LinearRisk`: Newton's method answers there.

    Raises
    ------
    ValueError
        If the groups do not cover the features once each.

    Warns
    -----
    ConvergenceWarning
        If ``tol`` is not reached.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import QuadraticModel
    >>> from skreg.solvers.group_lasso import solve_group_lasso
    >>> X = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) * np.sqrt(3)
    >>> model = QuadraticModel.from_data(X, X @ [3.0, 4.0, 1.0], fit_intercept=False)
    >>> solve_group_lasso(model.problem, np.array([np.sqrt(2)]), ["a", "a", "b"]).coefs.round(6)
    array([[1.8, 2.4, 0. ]])
    """
    alphas = check_alphas(alphas)[0]
    penalty = group_penalty(groups, problem.n_features, factors)
    if not problem.is_quadratic:
        return GroupPath(problem, penalty, tol, max_iter).solution(alphas)
    fit = group_lasso.solve(problem, alphas, penalty, tol, max_iter)
    return Solution(
        alphas=alphas,
        **problem.as_seen(fit.thetas, copy=True),
        dof=fit.dof,
        norms=np.array([penalty.value(theta) for theta in fit.thetas]),
        risk=fit.risk,
        dual_gaps=fit.gaps,
        n_iter=fit.n_iter,
        solver="block_coordinate_descent",
    )


def alpha_max(problem, groups, factors=None):
    """The smallest λ at which every penalised group is zero, the others being at their best."""
    penalty = group_penalty(groups, problem.n_features, factors)
    if problem.is_quadratic:
        return group_lasso.alpha_max(problem, penalty)
    return GroupPath(problem, penalty).alpha_max


def group_penalty(groups, n_features, factors=None):
    """The `Group` that a user's ``groups`` stand for; a `Group` stands for itself."""
    if not isinstance(groups, Group):
        targets = isinstance(groups, str) and groups == "targets"
        groups = Group(np.arange(n_features) if targets else groups, factors)
    group_lasso.check_features(groups, n_features)
    return groups
