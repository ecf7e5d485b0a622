"""The lasso along λ for all rows and every training part of a cross-validation, side by side.

Each part is solved at each λ by Newton steps on the features that may be needed, by coordinate
descent on columns of X (`skreg._kernels.residual_descent`), from the solution at the λ before. One
product of X with the residuals of every part then tells which features were missed. These are few:
where the slopes of a part lead is known from its last two λ.

A part counts as solved where its last quadratic fell by no more than the gap that is asked for:
Newton's method converges fast, and the true gap is a fraction of that. It is no certificate, which
scores do not need; all rows get theirs by going on from here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skreg._kernels import residual_descent
from skreg._threads import one_blas_thread
from skreg.penalties import Penalty
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import Array, Indices
from skreg.solvers.inner import CoefficientBlocks

# Numbers of X up to which passes over columns beat a Hessian whatever the shape.
_SMALL = 2**20
# Who is expected as near to λ as this is known from the start.
_NEAR = 0.9
# Passes over the features of a part, and rounds in which some were missed, for each λ.
_PASSES, _ROUNDS = 5000, 50


def serves(risk: EmpiricalRisk, penalty: Penalty) -> bool:
    """Whether coordinate descent on columns is fast, and sound, for this risk and penalty.

    Tall and dense rows are better served by Hessians. Rows where the loss is flat, and sparse
    columns far from 0, need more care than it takes.
    """
    loss, X = risk.loss, risk.X
    size = getattr(X, "nnz", X.size)
    return (
        penalty.kernel == "coordinates"
        and risk.n_outputs == 1
        and loss.is_compiled
        and loss.is_convex
        and loss.has_curvature
        and not loss.has_flat_parts
        and (size <= _SMALL or X.shape[1] >= X.shape[0])
        and risk.design.is_all_sparse == issparse(X)
    )


def descend_paths(
    risk: EmpiricalRisk,
    penalty: Penalty,
    weights: Array,
    alphas: Array,
    tol: Array,
    on_solved: Callable[[int, int], None] | None = None,
) -> tuple[Array, Array] | None:
    """argmin R(θ, b) + λJ(θ) of several weights of the same rows, for each λ > 0.

    Parameters
    ----------
    risk : EmpiricalRisk
        One that `serves`.
    penalty : Penalty
    weights : ndarray of shape (n, F)
        Those of the rows in each part, 0 for others.
    alphas : ndarray of shape (m,)
        In any order.
    tol : ndarray of shape (F,)
        About the gap, relative to the risk of its null model, that is left of each part.
    on_solved : callable, default=None
        ``on_solved(f, i)`` is called when the i-th λ of part f is solved.

    Returns
    -------
    coefs, intercepts : ndarray of shape (F, m, 1, p) and (F, m, 1)
        None where some part needs another method.
    """
    (_, F), m = weights.shape, len(alphas)
    coefs, intercepts = np.zeros((F, m, 1, risk.n_features)), np.zeros((F, m, 1))
    with one_blas_thread(), np.errstate(all="ignore"):
        walk = _LassoWalk(risk, penalty, weights, tol)
        for i in np.argsort(-alphas, kind="stable"):
            if not walk.solve(float(alphas[i])):
                return None
            coefs[:, i, 0], intercepts[:, i, 0] = walk.theta, walk.intercept
            if on_solved is not None:
                for f in range(F):
                    on_solved(f, int(i))
    return coefs, intercepts - coefs[:, :, 0] @ risk.design.center[:, None]


class _LassoWalk:
    """All parts at one λ after another, downwards: θ (F, p) and b (F,) about the center."""

    def __init__(self, risk: EmpiricalRisk, penalty: Penalty, weights: Array, tol: Array):
        self.risk, self.penalty, self.tol = risk, penalty, tol
        self.shares = np.ascontiguousarray((weights / weights.sum(axis=0)).T)
        self.blocks = CoefficientBlocks(penalty, risk.n_features)
        self.columns = _Columns(risk.design)
        loss, y, F = risk.loss, risk.y, len(self.shares)
        self.intercept = np.zeros(F)
        if risk.fit_intercept:
            null = [loss.null_intercept(y, share, risk.offset)[0] for share in self.shares]
            self.intercept[:] = null
        self.theta = np.zeros((F, risk.n_features))
        self.raw = np.zeros(self.shares.shape) + self.intercept[:, None]
        if risk.offset is not None:
            self.raw += risk.offset[:, 0]
        values, residuals, _ = loss.derivatives(np.tile(y, (F, 1)), self.raw.reshape(-1, 1))
        self.residual = self.shares * residuals.reshape(self.raw.shape)
        self.goals = tol * (self.shares * values.reshape(self.raw.shape)).sum(axis=1)
        self.slope, self.drift, self.alpha = self._slopes(), np.zeros_like(self.theta), np.inf

    def solve(self, alpha: float) -> bool:
        """Bring every part to this λ, not above the last one; whether that was done."""
        ahead = self.slope
        if self.alpha < np.inf:
            ahead = self.slope + (self.alpha - alpha) * self.drift
        known = (self.theta != 0) | (self._pulls(ahead) > _NEAR * alpha)
        known[:, self.blocks.free] = True
        parts, before = np.arange(len(known)), self.slope
        # What is missed by less changes no objective by more than the goal.
        bar = alpha * (1.0 + np.sqrt(self.tol[:, None]))
        for _ in range(_ROUNDS):
            self.columns.take(np.flatnonzero(known[parts].any(axis=0)))
            if not all(self._descend(f, np.flatnonzero(known[f]), alpha) for f in parts.tolist()):
                return False
            self.slope = self._slopes()
            missed = (self._pulls(self.slope) > bar) & ~known
            known |= missed
            parts = np.flatnonzero(missed.any(axis=1))
            if not parts.size:
                if self.alpha < np.inf and self.alpha > alpha:
                    self.drift = (self.slope - before) / (self.alpha - alpha)
                self.alpha = alpha
                return True
        return False

    def _descend(self, f: int, which: Indices, alpha: float) -> bool:
        """Solve part f on some features; whether that was done."""
        risk, (l1, l2, lower, upper) = self.risk, self.blocks.terms
        shift, passes, gain = residual_descent.minimize(
            risk.loss.name, risk.loss.parameter, *self.columns.arrays, which, risk.y[:, 0],
            self.shares[f], alpha * l1, alpha * l2, lower, upper, self.theta[f], self.raw[f],
            self.residual[f], risk.fit_intercept, self.goals[f], _PASSES,
        )  # fmt: skip
        self.intercept[f] += shift
        return bool(passes < _PASSES and np.isfinite(gain))

    def _slopes(self) -> Array:
        """−∂R/∂θ of every part, (F, p)."""
        return -self.risk.design.transposed_dot(self.residual.T).T

    def _pulls(self, slopes: Array) -> Array:
        """The smallest λ at which each component stays at 0, (F, p)."""
        return np.stack([self.blocks.pull(slope) for slope in slopes])


class _Columns:
    """Columns as the kernel takes them: those of a sparse X as they lie, of an array a copy.

    Attributes
    ----------
    arrays : tuple
        ``indptr``, ``indices`` and ``data``; columns as rows of an array, and the row of each.
    """

    def __init__(self, design: Any) -> None:
        n, p = design.shape
        none = np.empty(0, dtype=np.intc)
        self._design, self._n_held = design, 0
        if design.is_all_sparse:
            X = design.csc
            self.arrays = X.indptr, X.indices, X.data, np.empty((0, n)), np.empty(0, dtype=np.intp)
        else:  # room for every column, which takes memory once one is written
            self.arrays = none, none, np.empty(0), np.empty((p, n)), np.full(p, -1)

    def take(self, which: Indices) -> None:
        """Make sure that these columns are held."""
        *_, held, slots = self.arrays
        if len(held):
            new = which[slots[which] < 0]
            end = self._n_held + len(new)
            slots[new] = np.arange(self._n_held, end)
            held[self._n_held : end] = self._design.columns(new).T
            self._n_held = end
