"""The ridge with a λ for each target of squared error, from one path of all targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from skreg.quadratic import Problem
from skreg.rows.products import Array
from skreg.solvers.method import Freedom, Solution


def solve_by_target(
    solve: Callable[[Array], Solution],
    problem: Problem,
    alphas: Array,
) -> Solution:
    """Each target at its own λ: H is decomposed once for all of them.

    Parameters
    ----------
    solve : callable
        From an array of λ to the ridge's `Solution`.
    problem : Quadratic
        Of q targets, which do not depend on each other.
    alphas : ndarray of shape (q,)
        λ of each target; ValueError if there are not q of them.

    Returns
    -------
    Solution
        With one row; ``alphas`` has shape (1, q).
    """
    q = problem.n_outputs
    if len(alphas) != q:
        raise ValueError(
            f"alpha must be one number, or one for each of the {q} targets, got {len(alphas)} "
            "numbers."
        )
    distinct, place = np.unique(alphas, return_inverse=True)
    found = solve(distinct)
    if q == 1:
        return found
    targets = np.arange(q)
    coefs, intercepts = found.coefs[place, targets], found.intercepts[place, targets]
    norms = found.gradient_norms
    return replace(
        found,
        alphas=alphas[None],
        coefs=coefs[None],
        intercepts=intercepts[None],
        # All targets have the same number at the same λ.
        freedom=Freedom(np.array([found.dof[place].sum() / q])),
        norms=np.array([np.linalg.norm(coefs)]),
        risk=np.array([problem.value_of(coefs, intercepts)]),
        n_iter=found.n_iter.max(keepdims=True),
        gradient_norms=None if norms is None else norms.max(keepdims=True),
    )
