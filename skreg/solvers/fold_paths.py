"""The path of all rows and those of every training part of a cross-validation, found together.

All rows are solved one λ after the other only at a few λ, and roughly. A spline in log λ through
these solutions is where every path starts, that of all rows and each training part's, and all of
them are improved at once (`skreg.solvers.fold_newton`): a pass over X then serves every λ.
"""

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

from skreg.penalties import Separable
from skreg.quadratic import EmpiricalRisk
from skreg.solvers.fold_newton import FoldSolutions, solve_folds, spread
from skreg.solvers.method import Freedom, Solution, Task
from skreg.solvers.newton import Newton, free_directions_notes

# Gradient norm of the rough solutions; the spline through exact ones would not be closer.
_ROUGH = 1e-3


def solve_paths(
    risk: EmpiricalRisk, weights, alphas, factors=None, *, tol=1e-8, max_iter=1000, on_solved=None
):
    """argmin R(θ, b) + λ·½Σⱼfⱼθⱼ² for each λ on all rows, and on each training part.

    Parameters
    ----------
    risk, weights, alphas, factors, tol
        As for `solve_folds`.
    max_iter : int, default=1000
        Steps allowed for each of the few λ.
    on_solved : None or callable, default=None
        ``on_solved(f, i)`` is called when the i-th λ of fold f is solved.

    Returns
    -------
    whole : Solution
        ``dof`` follows a monotone spline through those at the few λ.
    folds : FoldSolutions
        As in `solve_folds`, and as there a gradient norm above ``tol``, in ``whole`` too, asks for
        another method.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    distinct = np.unique(alphas)
    few = distinct[spread(distinct)]
    penalty = Separable(0.0, factors)
    rough = Newton().path(Task(risk, penalty, few, tol=max(tol, _ROUGH), max_iter=max_iter))
    rough.notes += free_directions_notes(risk, penalty, rough.thetas)
    m = len(alphas)
    coefs = _along(CubicSpline, few, rough.thetas, alphas)
    start = coefs, _along(CubicSpline, few, rough.intercepts, alphas)

    both = np.column_stack([weights, risk.share * risk.weight])

    def of_parts(f, i):
        if f < weights.shape[1]:
            on_solved(f, i)

    told = None if on_solved is None else of_parts
    folds = solve_folds(risk, both, alphas, start, factors, tol=tol, on_solved=told)
    coefs, intercepts = folds.coefs[-1], folds.intercepts[-1]
    thetas, steps = zip(coefs, intercepts, strict=True), np.full(m, folds.n_passes)
    whole = Solution(
        alphas,
        *risk.as_seen(coefs, intercepts),
        freedom=Freedom(_along(PchipInterpolator, few, rough.dof, alphas)),
        norms=np.linalg.norm(coefs, axis=(1, 2)),
        risk=np.array([risk.value_at(risk.raw(*theta)) for theta in thetas]),
        dual_gaps=None,
        n_iter=steps,
        solver=rough.solver,
        gradient_norms=folds.gradient_norms[-1],
        n_expansions=steps,
        notes=tuple(rough.notes),
    )
    coefs, intercepts, norms = folds.coefs[:-1], folds.intercepts[:-1], folds.gradient_norms[:-1]
    return whole, FoldSolutions(coefs, intercepts, norms, folds.n_passes)


def _along(spline, few, values, alphas):
    """The spline in log λ through ``values``, an array with a row for each of the few λ."""
    if len(few) == 1:
        return np.repeat(values, len(alphas), axis=0)
    return spline(np.log(few), values)(np.log(alphas))
