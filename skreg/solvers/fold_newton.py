"""Many ridge problems that differ little: every λ on every training part of a cross-validation.

A training part shares most of its rows with the others, so its solution lies near that of all rows.
These are solved one λ after the other only at a few λ, and roughly; a spline in log λ through these
solutions is where every path starts. All of them, a column for each λ and fold, are then improved
together: the raw predictions of all columns are one product X·Θ, their gradients one product XᵀR,
and nothing of the size of X times the columns is stored, as rows are taken in blocks.

A column's step is Newton's with its fold's Hessian, taken at a few λ at the solution for all rows
and interpolated in log λ, corrected by limited-memory BFGS for what that misses (as in
`skreg.solvers.descent`). Where the folds partition the rows, one Gram matrix gives the Hessians of
all folds: that of all rows minus that of the fold's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg.lapack import dpotrf, dpotrs

from skreg._threads import one_blas_thread
from skreg.penalties import Separable
from skreg.quadratic.factor import add_gauge
from skreg.quadratic.hessian import DenseHessian
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import EPS, Array, Indices, slices, together
from skreg.solvers.descent import corrected_step
from skreg.solvers.fold_rows import FoldRows
from skreg.solvers.method import Freedom, Solution, Task
from skreg.solvers.newton import Newton, free_directions_notes

# Gradient norm of the rough solutions; the spline through exact ones would not be closer.
_ROUGH = 1e-3
# Hessians are taken at λ no further apart than this, as a ratio.
_APART = 10.0
# A column that is not solved after so many passes needs a method with a line search.
_PASSES = 12
# So is one whose gradient has grown by this.
_GROWN = 10.0
# Numbers in the factors of Hessians that are held at once.
_FACTORS = 2**25
# Weights of a row in two folds that count as one: Hessians only guide the steps.
_SIMILAR = 0.9


@dataclass(frozen=True, eq=False)
class FoldSolutions:
    """θ and b for every fold and λ.

    Attributes
    ----------
    coefs : ndarray of shape (F, m, K, p)
    intercepts : ndarray of shape (F, m, K)
    gradient_norms : ndarray of shape (F, m)
        As `skreg.solvers.newton.Newton` measures them, on the fold's training rows.
    n_passes : int
        Passes over all rows.
    """

    coefs: np.ndarray
    intercepts: np.ndarray
    gradient_norms: np.ndarray
    n_passes: int


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
    coefs = _along(few, rough.thetas, alphas)
    start = coefs, _along(few, rough.intercepts, alphas)

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
        freedom=Freedom.of(risk, penalty, alphas, coefs, intercepts),
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


def _along(few, values, alphas):
    """The cubic spline in log λ through ``values``, an array with a row for each of the few λ."""
    if len(few) == 1:
        return np.repeat(values, len(alphas), axis=0)
    return CubicSpline(np.log(few), values)(np.log(alphas))


def solve_folds(risk, weights, alphas, path, factors=None, *, tol=1e-8, on_solved=None):
    """argmin R_f(θ, b) + λ·½Σⱼfⱼθⱼ² for each λ and each fold f, from the solutions on all rows.

    ``risk`` is that of all rows, X an array, ``weights`` (n, F) are those of the rows in each
    fold's training part, 0 for others, λ > 0, and ``path`` is θ (m, K, p) and b (m, K) on all rows.
    ``on_solved(f, i)`` is called when the i-th λ of fold f is solved, or given up: a gradient norm
    above ``tol`` says that this column needs another method, which happens where a training part is
    unlike the whole, as Newton steps are taken without a line search.
    """
    with one_blas_thread():
        alphas = np.asarray(alphas, dtype=np.float64)
        return _solve(risk, weights, alphas, path, factors, tol, on_solved)


def _solve(risk, weights, alphas, path, factors, tol, on_solved):
    factors = np.ones(risk.n_features) if factors is None else np.asarray(factors, dtype=float)
    folds = _Folds(risk, weights, factors, alphas, path)
    columns = np.arange(folds.n_folds * len(alphas))
    width = max(1, _FACTORS // folds.size**2 // folds.n_folds)
    order = np.argsort(-alphas, kind="stable")
    n_passes = 0
    for first in range(0, len(order), width):
        some = np.isin(columns % len(alphas), order[first : first + width])
        n_passes += folds.descend(columns[some], tol, on_solved)
    shape = folds.n_folds, len(alphas), risk.n_outputs
    theta = folds.theta.reshape(*shape, -1)
    coefs = theta[..., : risk.n_features].copy()
    intercepts = np.zeros(shape)
    if risk.fit_intercept:
        intercepts = theta[..., -1] - coefs @ risk.design.centre
    return FoldSolutions(coefs, intercepts, folds.norms.reshape(shape[:2]), n_passes)


class _Folds:
    """The columns (fold f, place i of λ): number f·m + i. A column is K rows θₖ, bₖ."""

    def __init__(self, risk, weights, factors, alphas, path):
        self.risk, self.alphas = risk, alphas
        self.n_folds, self.n_alphas = weights.shape[1], len(alphas)
        self.rows = FoldRows(risk, weights)
        K, p = risk.n_outputs, risk.n_features
        self.size = K * (p + risk.fit_intercept)
        coefs, intercepts = (np.asarray(part, dtype=np.float64) for part in path)
        start = coefs
        if risk.fit_intercept:
            b = intercepts + coefs @ risk.design.centre
            start = np.concatenate([coefs, b[..., None]], axis=-1)
        self.start = start
        self.theta = np.tile(start[None], (self.n_folds, 1, 1, 1)).reshape(-1, self.size)
        self.norms = np.full(len(self.theta), np.inf)
        ridge = np.concatenate([factors, np.zeros(int(risk.fit_intercept))])
        self.ridge = np.tile(ridge, K)
        self.scales = self.rows.scales()

    def descend(self, columns, tol, on_solved=None):
        """Improve these columns until each is solved or given up; returns the passes taken."""
        factored = self._factors(columns)
        columns = columns[[column in factored for column in columns]]
        pairs: list[tuple[np.ndarray, np.ndarray]] = []
        old, first, n_passes = None, None, 0
        while len(columns) and n_passes < _PASSES:
            n_passes += 1
            gradient = self._gradient(columns)
            norms = np.abs(gradient / self.scales[columns // self.n_alphas]).max(axis=1)
            self.norms[columns] = np.where(np.isfinite(norms), norms, np.inf)
            first = norms if first is None else first
            going_on = (norms > tol) & (norms <= _GROWN * first)
            for column in columns[~going_on] if on_solved is not None else ():
                on_solved(*divmod(int(column), self.n_alphas))
            columns, gradient, first = columns[going_on], gradient[going_on], first[going_on]
            pairs = [(s[going_on], y[going_on]) for s, y in pairs]
            if old is not None:
                s, before = (part[going_on] for part in old)
                pairs.append((s, gradient - before))
            if len(columns) and n_passes < _PASSES:
                step = self._step(columns, gradient, pairs, factored)
                self.theta[columns] += step
                old = step, gradient
        return n_passes

    def _gradient(self, columns):
        """Of the objective, shape (C, size)."""
        gradient = self.rows.gradient(self.theta[columns], columns // self.n_alphas)
        alphas = self.alphas[columns % self.n_alphas, None]
        return gradient + alphas * self.ridge * self.theta[columns]

    def _step(self, columns, gradient, pairs, factored):
        """−(BFGS correction of H + λF)⁻¹·gradient for every column."""

        def solve(right):
            for row, column in enumerate(columns):
                right[row] = dpotrs(factored[column], right[row], lower=1)[0]
            return right

        step = corrected_step(gradient, pairs, solve)
        if self.risk.loss.coupled:
            # What is common to all classes is 0 at the minimum, and no risk pulls it back there.
            by_class = step.reshape(len(step), self.risk.n_outputs, -1)
            by_class -= by_class.mean(axis=1, keepdims=True)
        return step

    def _factors(self, columns):
        """Cholesky factors by column, of those that have one."""
        places = np.unique(columns % self.n_alphas)
        places = places[np.argsort(self.alphas[places], kind="stable")]
        anchors = spread(self.alphas[places])
        hessians = fold_hessians(self.risk, self.rows.weights, self.start[places[anchors]])
        logs = np.log(self.alphas[places])
        factored = {}
        for i, place in enumerate(places):
            above = min(int(np.searchsorted(anchors, i)), len(anchors) - 1)
            below = max(above - 1, 0)
            width = logs[anchors[above]] - logs[anchors[below]]
            share = (logs[i] - logs[anchors[below]]) / width if width else 1.0
            for f in range(self.n_folds):
                matrix = (1.0 - share) * hessians[below][f] + share * hessians[above][f]
                matrix[np.diag_indices_from(matrix)] += self.alphas[place] * self.ridge
                lower, info = dpotrf(matrix, lower=1, overwrite_a=1)
                if info == 0:
                    factored[f * self.n_alphas + place] = lower
        return factored


def spread(alphas):
    """Places of ascending λ, the first and the last among them, that are about a decade apart.

    No λ is further than that from the place below it.
    """
    places = [0]
    for i in range(1, len(alphas)):
        if i + 1 == len(alphas) or alphas[i + 1] > _APART * alphas[places[-1]]:
            places.append(i)
    return np.array(places)


def fold_hessians(risk: EmpiricalRisk, weights: Array, starts: Array) -> Array:
    """∂²R of each fold at each of some points, with the intercepts as coefficients.

    Where the folds partition the rows, one Gram matrix gives them all: that of all rows minus that
    of the fold's own. ``risk`` is that of all rows, X an array, and ``weights`` (n, F) those of the
    rows in each fold's training part; ``starts``, (m, K, p + 1) or (m, K, p), are θₖ, bₖ. The
    result, (m, F, size, size), is definite along what is common to all classes.
    """
    owner, most, n_folds = _partition(weights), weights.max(axis=1), weights.shape[1]
    if owner is None:
        parts = [(np.flatnonzero(column), column) for column in weights.T]
    else:
        parts = [(np.flatnonzero((owner == f) & (most > 0)), most) for f in range(n_folds + 1)]
    size = starts[0].size
    sums = np.zeros((len(starts), len(parts), size, size))
    lock = Lock()

    def add(part: int, rows: Indices, weights: Array) -> None:
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


def _with_ones(risk: EmpiricalRisk, rows: Indices, weights: Array) -> EmpiricalRisk:
    """The risk of some rows of X − c, with a column of ones for the intercept."""
    X = np.empty((len(rows), risk.n_features + risk.fit_intercept))
    X[:, risk.n_features :] = 1.0
    X[:, : risk.n_features] = risk.design.block(rows)
    offset = None if risk.offset is None else risk.offset[rows]
    return EmpiricalRisk(X, risk.y[rows], risk.loss, weights, offset, fit_intercept=False)


def _partition(weights: Array) -> Indices | None:
    """The fold whose training part lacks a row, F for none; None where that says too little.

    It says enough if no row is missing twice and its weight is much the same wherever it counts.
    """
    most = weights.max(axis=1)
    missing = (weights == 0) & (most > 0)[:, None]
    similar = (weights >= _SIMILAR * most[:, None]) | missing
    if not similar.all() or (missing.sum(axis=1) > 1).any():
        return None
    return np.where(missing.any(axis=1), missing.argmax(axis=1), weights.shape[1])
