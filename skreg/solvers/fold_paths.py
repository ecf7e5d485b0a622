"""The ridge under any loss along λ, for all rows and every training part of a cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skreg._threads import one_blas_thread
from skreg.quadratic.reduction import RowSpace
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import Array
from skreg.solvers.fold_model import FoldModel, groups_of
from skreg.solvers.fold_walk import FoldWalk
from skreg.solvers.method import Answer
from skreg.solvers.newton import is_wide, name_of

# Solutions of all rows that are brought closer by one Hessian.
_NEIGHBORS = 5
# Norms that are small enough however flat the rows are.
_CLOSEST = 1e-11
# Numbers held for a group of columns, beside those of X: as many as five vectors of raw
# predictions for each.
_HELD, _VECTORS = 2**22, 5


def solve_paths(
    risk: EmpiricalRisk,
    weights: Array,
    alphas: Array,
    factors: Array | None = None,
    *,
    tol: float = 1e-8,
    fold_tol: float | None = None,
    on_solved: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """argmin R(θ, b) + λ·½Σⱼfⱼθⱼ² for each λ on all rows, and on each training part.

    Parameters
    ----------
    risk : EmpiricalRisk
        That of all rows.
    weights : ndarray of shape (n, F)
        Those of the rows in each training part, 0 for others.
    alphas : ndarray of shape (m,)
        λ > 0, in any order.
    factors : ndarray of shape (p,), default=None
        f ≥ 0; None stands for ones.
    tol, fold_tol : float
        Gradient norms at which all rows, and the training parts, are solved; the latter is the
        former by default.
    on_solved : callable, default=None
        ``on_solved(f, i)`` is called when the i-th λ of fold f is solved, or given up.

    Returns
    -------
    list of Answer
        Of each training part, and last of all rows, which alone has the risk. Gradient norms are in
        the scales of all rows; one above the tolerance asks for another method.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    factors = np.ones(risk.n_features) if factors is None else np.asarray(factors, dtype=float)
    space = RowSpace(risk, factors) if is_wide(risk, factors) else None
    seen = (risk, factors) if space is None else (space.risk, space.factors)
    every = np.column_stack([weights, risk.share * risk.weight])
    F, m = weights.shape[1], len(alphas)
    rough = tol if fold_tol is None else max(tol, fold_tol)
    order = np.argsort(-alphas, kind="stable")
    coefs = np.zeros((F + 1, m, risk.n_outputs, seen[0].n_features))
    intercepts, norms = np.zeros(coefs.shape[:3]), np.full((F + 1, m), np.inf)
    steps = np.zeros((F + 1, m), dtype=np.intp)

    def put(walk: FoldWalk, *at: Any) -> None:
        coefs[at], intercepts[at], norms[at] = walk.solutions()
        steps[at] += walk.steps

    tols = np.full(F + 1, min(tol, _CLOSEST))
    tols[F] = tol
    # Numbers that overflow leave a column unsolved, which its norm says.
    with one_blas_thread(), np.errstate(all="ignore"):
        model = FoldModel(*seen)
        for parts in groups_of(np.arange(F + 1), _room(seen[0])):
            walk = FoldWalk(model, every[:, parts], np.arange(len(parts)))
            for i in order:
                walk.solve(np.full(len(parts), alphas[i]), tols[parts], rough)
                put(walk, parts, i)
                if on_solved is not None:
                    for f in parts[parts < F].tolist():
                        on_solved(f, int(i))
        room = min(_room(seen[0]), _HELD // (risk.n_outputs * seen[0].n_features ** 2), _NEIGHBORS)
        for places in groups_of(order, room) if rough > tol else ():
            start = coefs[F, places], intercepts[F, places]
            walk = FoldWalk(model, every[:, F:], np.zeros(len(places), dtype=np.intp), start)
            walk.solve(alphas[places], np.full(len(places), tol), lead=len(places) // 2)
            put(walk, F, places)
    if space is not None:
        shape = (-1, *coefs.shape[2:])
        coefs, b = space.lift(coefs.reshape(shape), intercepts.reshape(-1, shape[1]))
        coefs, intercepts = coefs.reshape(F + 1, m, *coefs.shape[1:]), b.reshape(F + 1, m, -1)
    values = np.full((F + 1, m), np.nan)
    values[F] = _values(risk, coefs[F], intercepts[F])
    name = name_of(seen[0], space)
    return [
        Answer(theta, value, n, name, b, gradient_norms=norm, n_expansions=n)
        for theta, value, n, b, norm in zip(coefs, values, steps, intercepts, norms, strict=True)
    ]


def _room(risk: EmpiricalRisk) -> int:
    """Columns that there is room for."""
    size = getattr(risk.X, "nnz", risk.X.size)
    return int(max(size, _HELD) // (_VECTORS * len(risk.y) * risk.n_outputs))


def _values(risk: EmpiricalRisk, coefs: Array, intercepts: Array) -> Array:
    """R at each of some solutions, (m,): one pass over X for many."""
    values = np.empty(len(coefs))
    b = intercepts + coefs @ risk.design.center
    for some in groups_of(np.arange(len(coefs)), _room(risk)):
        raw = risk.design.dot(coefs[some].reshape(-1, risk.n_features).T) + b[some].ravel()
        raw = raw.reshape(len(raw), len(some), -1)
        if risk.offset is not None:
            raw += risk.offset[:, None]
        for i, place in enumerate(some):
            values[place] = risk.value_at(np.ascontiguousarray(raw[:, i]))
    return values
