"""Hessians of every training part of a cross-validation, at the solutions on all rows."""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from skreg.quadratic.factor import add_gauge
from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import slices, together

Array = NDArray[np.float64]
EPS = np.finfo(np.float64).eps
# Weights of a row in two folds that count as one: Hessians only guide the steps.
_SIMILAR = 0.9


def fold_hessians(risk: EmpiricalRisk, weights: Array, starts: Array) -> Array:
    """∂²R of each fold at each of some points, with the intercepts as coefficients.

    Where the folds partition the rows, one Gram matrix gives them all: that of all rows minus that
    of the fold's own.

    Parameters
    ----------
    risk : EmpiricalRisk
        Of all rows, X an array.
    weights : ndarray of shape (n, F)
        Of the rows in each fold's training part.
    starts : ndarray of shape (m, K, p + 1) or (m, K, p)
        θₖ, bₖ.

    Returns
    -------
    ndarray of shape (m, F, size, size)
        Definite along what is common to all classes.
    """
    owner, most, n_folds = _partition(weights), weights.max(axis=1), weights.shape[1]
    if owner is None:
        parts = [(np.flatnonzero(column), column) for column in weights.T]
    else:
        parts = [(np.flatnonzero((owner == f) & (most > 0)), most) for f in range(n_folds + 1)]
    size = starts[0].size
    sums = np.zeros((len(starts), len(parts), size, size))
    lock = Lock()

    def add(part: int, rows: NDArray[np.intp], weights: Array) -> None:
        total = np.zeros((len(starts), size, size))
        for block in slices(len(rows), size):
            some = _with_ones(risk, rows[block], weights[rows[block]])
            for i, start in enumerate(starts):
                curvature = some.derivatives_at(some.raw(start, 0.0))[2]
                total[i] += some.weight * DenseHessian(some, curvature).matrix
        with lock:  # a sum of two does not depend on their order
            sums[:, part] += total

    halves = [
        (part, half, weights)
        for part, (rows, weights) in enumerate(parts)
        for half in np.array_split(rows, 2)
    ]
    together(add, halves)
    if owner is not None:
        sums = sums.sum(axis=1, keepdims=True) - sums[:, :n_folds]
    sums /= weights.sum(axis=0)[:, None, None]
    if risk.loss.coupled:
        diagonal = np.einsum("...ii->...i", sums).reshape(*sums.shape[:2], risk.n_outputs, -1)
        add_gauge(sums, np.maximum(diagonal.sum(axis=-2), EPS))
    return sums


def _with_ones(risk: EmpiricalRisk, rows: NDArray[np.intp], weights: Array) -> EmpiricalRisk:
    """The risk of some rows of X − c, with a column of ones for the intercept."""
    X = np.empty((len(rows), risk.n_features + risk.fit_intercept))
    X[:, risk.n_features :] = 1.0
    X[:, : risk.n_features] = risk.design.block(rows)
    offset = None if risk.offset is None else risk.offset[rows]
    return EmpiricalRisk(X, risk.y[rows], risk.loss, weights, offset, fit_intercept=False)


def _partition(weights: Array) -> NDArray[np.intp] | None:
    """The fold whose training part lacks a row, F for none; None where that says too little.

    It says enough if no row is missing twice and its weight is much the same wherever it counts.
    """
    most = weights.max(axis=1)
    missing = (weights == 0) & (most > 0)[:, None]
    similar = (weights >= _SIMILAR * most[:, None]) | missing
    if not similar.all() or (missing.sum(axis=1) > 1).any():
        return None
    return np.where(missing.any(axis=1), missing.argmax(axis=1), weights.shape[1])
