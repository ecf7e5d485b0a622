"""What rounding to the precision of X, and far targets, make of a solution that a method found."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from skreg.quadratic import EmpiricalRisk, Problem
from skreg.rows.products import Array
from skreg.solvers.method import Answer, Task
from skreg.solvers.original_rows import OriginalRows


def price_of_rounding(
    task: Task, thetas: Array, best: Array, coefs: NDArray, intercepts: NDArray
) -> Array:
    """What the objective gains where coefficients are rounded to the precision of X.

    A gap is that of the coefficients that users get.
    """
    problem, penalty = task.problem, task.penalty
    out = np.zeros(len(task.alphas))
    for i, alpha in enumerate(task.alphas):
        rounded = coefs[i].astype(np.float64).reshape(thetas[i].shape)
        after = problem.value_of(rounded, intercepts[i].astype(np.float64))
        after += penalty.value(rounded, alpha)
        before = problem.value_of(thetas[i], best[i]) + penalty.value(thetas[i], alpha)
        out[i] = max(after - before, 0.0)
    return out / (problem.null_risk or 1.0)


def loss_of_digits(task: Task, price: Array, tol: float) -> list[str]:
    """What to say of the λ at which rounding costs most, where that is more than it has to."""
    worst, dtype = int(price.argmax()), task.problem.dtype
    if not price[worst] > max(tol, np.finfo(dtype).eps):
        return []
    return [
        f"coefficients rounded to {dtype} leave a relative duality gap of {price[worst]:.1e} at "
        f"alpha={task.alphas[worst]:.6g}, above tol={tol:g}: features lie too far from 0 for them. "
        "Center the features, or give X in float64."
    ]


def toward_zero(coefs: NDArray, thetas: Array) -> NDArray:
    """Coefficients in the precision of X, rounded so that none crosses its bound."""
    exact = thetas.reshape(coefs.shape)
    return np.where(np.abs(coefs) > np.abs(exact), np.nextafter(coefs, 0 * coefs), coefs)


def measured_as_seen(
    task: Task,
    answer: Answer,
    problem: Problem,
    norms: Array,
    coefs: NDArray,
    intercepts: NDArray,
) -> Array:
    """Gradient norms as users are told them: of coefficients as they see them, where that matters.

    Beside far targets the method's own say too little, and the answer is given these; rounding to
    the precision of X is no fault of it.
    """
    is_far, is_shifted = task.problem.has_far_targets, task.problem is not problem
    is_rounded = problem.dtype != np.float64 and not problem.is_quadratic
    if not (is_far or is_rounded or is_shifted):
        return norms
    solved = (task.alphas > 0) | answer.has_minimizer
    p = problem.n_features
    factors = np.where(task.coordinates.excluded(p), np.inf, task.coordinates.l2(p))
    rows = OriginalRows(cast(EmpiricalRisk, problem), factors)
    norms = np.where(solved, rows.norms(task.alphas, coefs, intercepts), norms)
    if is_far or is_shifted:
        answer.gradient_norms = norms
    if is_shifted and not is_far:
        # What no float64 beside such an intercept can do without.
        slope = cast(EmpiricalRisk, problem).rounding.slope
        answer.rounding += slope / np.sqrt(task.problem.null_risk or 1.0)
    return norms
