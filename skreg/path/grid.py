"""Which λ to look at when the user names none."""

import numbers

import numpy as np

from skreg._validation import check_alphas
from skreg.penalties import Separable
from skreg.quadratic.lasso import alpha_max as model_alpha_max
from skreg.quadratic.row_curvature import rows_times
from skreg.solvers.group_lasso import alpha_max as group_alpha_max
from skreg.solvers.proximal_newton import alpha_max as risk_alpha_max

#: How many λ an automatic grid has.
N_ALPHAS = 100
# Of the power iteration for σ₁.
_POWER_STEPS = 16


def ridge_alphas(problem, alphas=None):
    """λ for a ridge path: the user's, or a geometric grid from 10σ₁ down to 10⁻⁵σ₁.

    σ₁ is the largest eigenvalue of H; for a `LinearRisk`, of its Hessian at the null model, to a
    few per cent. At the top no direction keeps more than 1/11 of θ̂; at the
    bottom the strongest keep all but 10⁻⁵, and directions whose variance is below 10⁻⁵ of the
    largest are still damped.

    Parameters
    ----------
    problem : Quadratic or LinearRisk
    alphas : None, int or array-like of shape (n_alphas,)
        None for 100 values, an int for so many, or the values themselves.

    Returns
    -------
    ndarray of shape (n_alphas,)
        The user's values in the user's order; an automatic grid descends.
    """
    return _grid(alphas, lambda: 10.0 * _largest_eigenvalue(problem), 1e-6)


def lasso_alphas(problem, alphas=None, hessian="full", penalty=None):
    """λ for a lasso path: the user's, or a geometric grid from λ_max down to λ_max/1000.

    λ_max = maxⱼ |∂R/∂θⱼ| / (ρfⱼ) is the smallest λ at which every penalised coefficient is 0 (for
    a diagonal H, of that problem); the gradient is taken with these at 0 and features without a
    penalty at their best. With θ ≥ 0 only −∂R/∂θⱼ > 0 counts. A penalty without an L1 part has no
    such λ and takes the grid of `ridge_alphas`. Parameters and result as for `ridge_alphas`;
    ``penalty`` is a `Separable`, None for ‖θ‖₁.
    """
    if penalty is not None and penalty.l1_ratio == 0:
        return ridge_alphas(problem, alphas)
    if problem.is_quadratic:
        return _grid(alphas, lambda: model_alpha_max(problem, hessian, penalty), 1e-3)
    return _grid(alphas, lambda: risk_alpha_max(problem, penalty or Separable()), 1e-3)


def group_alphas(problem, alphas, groups, factors=None):
    """λ for a path of the group lasso: as `lasso_alphas`, with groups for features."""
    return _grid(alphas, lambda: group_alpha_max(problem, groups, factors), 1e-3)


def _grid(alphas, largest, ratio):
    if alphas is None:
        alphas = N_ALPHAS
    if not isinstance(alphas, numbers.Integral):
        return check_alphas(alphas)[0]
    if alphas < 1:
        raise ValueError(
            f"alphas={alphas} asks for that many values of λ: give a positive number, "
            "or a list of λ."
        )
    # Without any signal every λ gives 0: any grid will do.
    top = largest() or 1.0
    return np.geomspace(top, top * ratio, int(alphas))


def _largest_eigenvalue(problem):
    if problem.is_quadratic:
        return problem.largest_eigenvalue
    design, shape = problem.design, (problem.n_outputs, problem.n_features)
    raw = problem.raw(np.zeros(shape), problem.null_intercept())
    _, residual, curvature = problem.derivatives_at(raw)
    mean = design.mean(problem.share) if problem.fit_intercept else np.zeros(shape[1])

    def times_hessian(v):
        change = design.dot(v.T) - v @ (mean - design.centre)
        moved = rows_times(problem, curvature, change)
        return problem.gradient(moved)[0] - np.outer(moved.sum(axis=0), mean)

    v, size = problem.gradient(residual)[0], 0.0
    for _ in range(_POWER_STEPS):
        length = np.linalg.norm(v)
        if not length:
            break
        size, v = length, times_hessian(v / length)
    return float(np.linalg.norm(v)) if size else 0.0


def place_of(alpha, alphas):
    """Where λ stands among the ``alphas`` of a path.

    Raises
    ------
    ValueError
        If it is none of them; the message names the nearest.
    """
    i = int(np.abs(alphas - alpha).argmin())
    if not np.isclose(alphas[i], alpha, rtol=1e-9, atol=0.0):
        raise ValueError(
            f"alpha={alpha} is not on this path; the nearest λ that is, is "
            f"{float(alphas[i])!r}. Ask for one of path.alphas, or fit the estimator."
        )
    return i
