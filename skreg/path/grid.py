"""Which λ to look at when the user names none."""

import numbers

import numpy as np

from skreg._validation import check_alphas
from skreg.quadratic.row_curvature import rows_times
from skreg.solvers import alpha_max

#: How many λ an automatic grid has.
N_ALPHAS = 100
# Of the power iteration for σ₁.
_POWER_STEPS = 16


def path_alphas(problem, penalty, alphas=None, hessian="full"):
    """λ for a path: the user's, or a geometric grid whose range the problem and the penalty say.

    A penalty with kinks starts at λ_max, the smallest λ at which every penalized coefficient is 0
    (for a diagonal H, of that problem), and goes down to λ_max/1000; features without a penalty are
    at their best in λ_max. For the lasso it is maxⱼ |∂R/∂θⱼ| / (ρfⱼ), for θ ≥ 0 of −∂R/∂θⱼ > 0
    only.

    A smooth penalty has no such λ. Its grid goes from 10σ₁ down to 10⁻⁵σ₁, σ₁ the largest
    eigenvalue of H; for a `LinearRisk`, of its Hessian at the null model, to a few per cent. At the
    top no direction keeps more than 1/11 of θ̂; at the bottom the strongest keep all but 10⁻⁵, and
    directions whose variance is below 10⁻⁵ of the largest are still damped.

    Parameters
    ----------
    problem : Quadratic or LinearRisk
    penalty : Penalty
    alphas : None, int or array-like of shape (n_alphas,)
        None for 100 values, an int for so many, or the values themselves.
    hessian : {"full", "diagonal", "pca"}, default="full"

    Returns
    -------
    ndarray of shape (n_alphas,)
        The user's values in the user's order; an automatic grid descends.
    """
    if alphas is not None and not isinstance(alphas, numbers.Integral):
        return check_alphas(alphas)[0]
    top = np.inf if penalty.is_smooth else alpha_max(problem, penalty, hessian)
    if np.isinf(top):
        return _grid(alphas, 10.0 * _largest_eigenvalue(problem), 1e-6)
    return _grid(alphas, top, 1e-3)


def _grid(n_alphas, top, ratio):
    n_alphas = N_ALPHAS if n_alphas is None else n_alphas
    if n_alphas < 1:
        raise ValueError(
            f"alphas={n_alphas} asks for that many values of λ: give a positive number, "
            "or a list of λ."
        )
    # Without any signal every λ gives 0: any grid will do.
    top = top or 1.0
    return np.geomspace(top, top * ratio, int(n_alphas))


def _largest_eigenvalue(problem):
    if problem.is_quadratic:
        return problem.largest_eigenvalue
    design, shape = problem.design, (problem.n_outputs, problem.n_features)
    raw = problem.raw(np.zeros(shape), problem.null_intercept())
    risk, residual, curvature = problem.derivatives_at(raw)
    if not problem.loss.has_curvature:  # that of a square which is worth R at a residual of size R
        curvature = problem.share[:, None] / (risk or 1.0)
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
