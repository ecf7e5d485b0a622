"""The ridge for all rows and training parts of a cross-validation, at some λ, side by side.

A column is the problem of one training part, or that of all rows, at one λ. A pass over X serves
all columns: raw predictions are one product X·Θ, gradients one product XᵀR.

Steps are quasi-Newton steps. The Hessians that `skreg.solvers.fold_model` knows stand for that of
every column, and limited-memory BFGS, as in `skreg.solvers.descent`, learns in what a column
differs. Another one is taken where their age has cost as many passes as that takes. Where rows are
few and features as many, each column takes Newton steps by a Hessian of its own
(`skreg.solvers.fold_rows`).

Costs for n rows, p features, K classes: a pass takes 4npK flops a column (of a sparse X, 4K for
each entry) and 2p²K for the factors.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from skreg._kernels import extrapolation, line
from skreg.losses.base import Loss
from skreg.rows.products import EPS, Array, Indices, Some, together
from skreg.solvers.descent import corrected_step
from skreg.solvers.fold_model import FoldModel

# Pairs kept for the BFGS correction, and solutions that the next is guessed from.
_MEMORY, _KNOWN = 5, 4
# Curvature of the null model's rows of which a share so small makes no more of a difference.
_FLATTEST = 1e-6
# Steps by a new Hessian. A second one for the same λ has to save so many times as many.
_FRESH, _MORE = 1.5, 3.0
# A column takes so many steps by a Hessian of its own, where rows are few.
_OWN = 12
# A step is shortened where the slope at its end exceeds this share of that at its beginning.
_SLOPE_LEFT = 0.5
_MAX_TRIALS = 20
# A column that takes so many passes for one λ, or as many that bring its gradient no lower than
# this share of what it was, needs another method.
_PASSES, _PATIENCE, _GAIN = 200, 15, 0.9
# Multiply-adds of a product, and numbers of X, that are worth a thread; pieces of X at most.
_CHUNK, _LONG, _MOST_CHUNKS = 2**23, 2**20, 8


class FoldWalk:
    """Some columns of problems of the training parts ``parts`` (C,), or of all rows, the last part.

    They begin at ``start`` (C, K, p + 1), or at their null models. Arrays have a row for each
    column; a point has K rows of θₖ and, with an intercept, bₖ about the design's center.
    """

    def __init__(self, model: FoldModel, parts: Indices, start: Array | None = None):
        self.model, self.risk, self.parts = model, model.risk, parts
        risk, C = self.risk, len(parts)
        K, p = risk.n_outputs, risk.n_features
        # Blocks of a dense X stay in the cache between both products, and may go to some threads.
        self.chunks = _chunks(len(risk.y), p, C * K) if model.in_one_pass else [(slice(None),)]
        self.ridge = np.append(model.factors, 0.0)
        self.theta = np.zeros((C, K, p + 1)) if start is None else start.copy()
        if start is None and risk.fit_intercept:
            for a, share in enumerate(model.shares.T[parts]):
                self.theta[a, :, p] = risk.loss.null_intercept(risk.y, share, risk.offset)
        self.slope, self.bends = self._pass(np.arange(C), self.theta)
        self.alphas = np.zeros(C)
        self.known: deque[tuple[float, Array]] = deque(maxlen=_KNOWN)
        self.pairs = np.zeros((2, _MEMORY, *self.theta.shape))
        self.norms, self.steps = np.full(C, np.inf), np.zeros(C, dtype=np.intp)
        self.is_solved = np.zeros(C, dtype=bool)

    # One λ a column -------------------------------------------------------------------------------

    def solve(self, alphas: Array, tols: Array, rough: Array) -> None:
        """Every column at the minimum for its λ, or given up.

        A gradient norm of ``tols`` (C,) is small enough in any case, and one of ``rough`` (C,)
        where rows are as curved as in the null model.
        """
        self.alphas, self.steps = alphas, np.zeros(len(alphas), dtype=np.intp)
        self._extrapolate()
        self.norms = self._norms(self.theta, self.slope)
        norms, more = [self.norms.copy()], 1.0
        gained, least = np.zeros(len(alphas)), norms[0]
        for step in range(_PASSES):
            # Raw predictions err by a gradient over the curvature.
            flat = np.clip(self.bends / self.model.bend, _FLATTEST, 1.0)
            wanted = np.maximum(rough * flat, tols)
            self.is_solved = self.norms <= wanted
            on = np.flatnonzero(~self.is_solved & (step - gained < _PATIENCE))
            if not on.size:
                break
            d = self._newton(on) if step < _OWN else None
            last = {alphas[a]: a for a in on}
            if d is None and self._is_slow(on, wanted, norms, more * len(last)):
                for alpha, a in last.items():
                    self.model.renew(alpha, self.theta[a], self.parts[a])
                # The next ones for these λ are likely to tell less that is new.
                norms, more = norms[-1:], _MORE * more
            self._step(on, d)
            norms.append(self.norms.copy())
            gained[self.norms < _GAIN * least] = step
            least = np.minimum(least, self.norms)
            self.steps[on] += 1
        self.model.forget()
        self.known.append((alphas[0], self.theta.copy()))

    def _is_slow(self, on: Indices, tols: Array, norms: list[Array], n_hessians: float) -> bool:
        """Whether ``n_hessians`` Hessians take less than the steps that they are likely to save.

        That is the steps that are left at the pace of the last two, ``norms`` being those since a
        Hessian was taken, less those by a new one.
        """
        if not self.model.has_hessian:
            return True
        n_steps = min(len(norms) - 1, 2)
        if not n_steps:
            return False
        pace = np.log(norms[-1 - n_steps][on] / norms[-1][on]) / n_steps
        left = np.log(norms[-1][on] / tols[on]) / np.fmax(pace, EPS)
        saved = np.clip(left, _FRESH, _PATIENCE) - _FRESH
        return self.model.passes(len(on)) * n_hessians < saved.sum()

    def _extrapolate(self) -> None:
        """Go on along the polynomial in log λ through the last solutions, where it leads closer."""
        nodes, alpha = [node for node, _ in self.known], self.alphas[0]
        if len(nodes) < 2 or len({*nodes, alpha}) <= len(nodes):
            return
        shares = extrapolation.lagrange([np.log(node) for node in nodes], np.log(alpha))
        d = -self.theta
        for share, (_, theta) in zip(shares, self.known, strict=True):
            d += share * theta
        slope, bends = self._pass(np.arange(len(d)), self.theta + d)
        closer = self._norms(self.theta + d, slope) < self._norms(self.theta, self.slope)
        on = np.flatnonzero(closer)
        self._go(on, d[on], slope[on], bends[on])

    def _norms(self, theta: Array, slope: Array, on: Some = slice(None)) -> Array:
        """Of the objective's gradient at points of the columns ``on``, (A,)."""
        gradient = slope + self._pull(on) * theta
        return np.abs(gradient / self.model.scale).max(axis=(1, 2))

    def _pull(self, on: Some) -> Array:
        """λF of the columns ``on``, (A, 1, p + 1)."""
        return self.alphas[on, None, None] * self.ridge

    # One step -------------------------------------------------------------------------------------

    def _step(self, on: Indices, d: Array | None) -> None:
        """A step of the columns ``on``: d, or a quasi-Newton step."""
        gradient = self._gradient(on)
        if d is None:
            d = self._quasi_newton(on, gradient)
        if self.risk.loss.coupled:
            # What is common to all classes is 0 at the minimum, and no risk pulls it back there.
            d -= d.mean(axis=1, keepdims=True)
        if not self.risk.fit_intercept:
            d[:, :, -1] = 0.0
        slope, bends = self._down(on, d, gradient)
        self.pairs[:, :-1, on] = self.pairs[:, 1:, on]
        self.pairs[0, -1, on], self.pairs[1, -1, on] = d, slope - self.slope[on]
        self._go(on, d, slope, bends)
        self.norms[on] = self._norms(self.theta[on], slope, on)

    def _gradient(self, on: Indices) -> Array:
        """Of the objective, (A, K, p + 1)."""
        return self.slope[on] + self._pull(on) * self.theta[on]

    def _newton(self, on: Indices) -> Array | None:
        """−(H + λF)⁻¹·gradient by the Hessian of each column; None where these are not at hand."""
        by_rows = self.model.by_rows
        if by_rows is None:
            return None
        raw, shares = self.model.raw(self.theta[on])[:, :, 0], self.model.shares[:, self.parts[on]]
        step = by_rows.solve(self._gradient(on), self.alphas[on], raw, shares)
        return None if step is None or not np.isfinite(step).all() else -step

    def _quasi_newton(self, on: Indices, gradient: Array) -> Array:
        """The same by the Hessians that stand for those of the columns, and the last pairs."""
        flat, shape, ridge = (len(on), -1), gradient.shape, self._pull(on)
        columns = self.alphas[on], self.parts[on]
        pairs = [
            (s.reshape(flat), (y + ridge * s).reshape(flat))
            for s, y in zip(*self.pairs[:, :, on], strict=True)
            if s.any()
        ]
        return corrected_step(
            gradient.reshape(flat),
            pairs,
            lambda g: self.model.solve(g.reshape(shape), *columns).reshape(flat),
        ).reshape(shape)

    def _down(self, on: Indices, d: Array, gradient: Array) -> tuple[Array, Array]:
        """Shorten a step until it leads down as far as it goes; what `_pass` tells of its end.

        The objective is convex along d: a slope there that is far above 0 says that its minimum was
        passed, and the secant where about it is.
        """
        start = np.einsum("akj,akj->a", gradient, d)
        for _ in range(_MAX_TRIALS):
            ends = self.theta[on] + d
            slope, bends = self._pass(on, ends)
            along = np.einsum("akj,akj->a", slope + self._pull(on) * ends, d)
            far = ~(along <= _SLOPE_LEFT * np.abs(start))
            if not far.any():
                return slope, bends
            secant = start[far] / (start[far] - along[far])
            shorter = np.clip(np.where(np.isfinite(along[far]), secant, 0.0), 0.1, 0.7)
            d[far] *= shorter[:, None, None]
            start[far] *= shorter
        return self._pass(on, self.theta[on] + d)

    def _go(self, on: Indices, d: Array, slope: Array, bends: Array) -> None:
        """Take a step whose end `_pass` has told of."""
        self.theta[on] += d
        self.slope[on], self.bends[on] = slope, bends

    def _pass(self, on: Indices, theta: Array) -> tuple[Array, Array]:
        """∂R/∂(θ, b) at points (A, K, p + 1) of the columns ``on``, of the same shape.

        With them Σ share·∂²ℓ/∂fₖ² over rows and outputs, (A,).
        """
        risk, loss, shares, parts = self.risk, self.risk.loss, self.model.shares, self.parts[on]
        if self.model.in_one_pass:
            flat = np.ascontiguousarray(theta.reshape(-1, theta.shape[2]).T)

            def chunk(rows: slice) -> tuple[Array, Array]:
                offset = None if risk.offset is None else np.ascontiguousarray(risk.offset[rows])
                X, center = risk.X[rows], risk.design.center
                others = risk.y[rows], shares[rows], parts
                return line.gradients(loss.name, loss.parameter, X, center, flat, offset, *others)

            slopes, sums = zip(*together(chunk, self.chunks), strict=True)
            slope, bends = sum(slopes[1:], slopes[0]), sum(sums[1:], sums[0])
        else:
            residual, bends = _residuals(loss, risk.y, self.model.raw(theta), shares, parts)
            residual = residual.reshape(len(residual), -1)
            slope = np.vstack([risk.design.transposed_dot(residual), residual.sum(axis=0)])
        slope = np.ascontiguousarray(slope.T).reshape(theta.shape)
        if not risk.fit_intercept:
            slope[:, :, -1] = 0.0
        return slope, bends


def _residuals(
    loss: Loss, y: Array, raw: Array, shares: Array, parts: Indices
) -> tuple[Array, Array]:
    """share·∂ℓ/∂f at raw predictions (n, A, K), and the sums of `FoldWalk._pass`."""
    if loss.is_compiled:
        return line.residuals(loss.name, loss.parameter, y, raw, shares, parts)
    n, A, K = raw.shape
    _, out, bends = loss.derivatives(np.repeat(y, A, axis=0), raw.reshape(n * A, K))
    if loss.coupled:
        bends = bends * (1.0 - bends)
    share = shares[:, parts, None]
    bends = (bends.reshape(raw.shape) * share).sum(axis=(0, 2))
    return out.reshape(raw.shape) * share, bends


def _chunks(n: int, p: int, width: int) -> list[tuple[slice]]:
    """Ranges of rows that are worth a thread each, as many whatever the number of threads."""
    n_chunks = min(max(n * p * width // _CHUNK, n * p // _LONG) + 1, _MOST_CHUNKS)
    ends = np.linspace(0, n, n_chunks + 1).astype(int).tolist()
    return [(slice(*pair),) for pair in pairwise(ends)]
