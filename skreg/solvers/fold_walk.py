"""The ridge along λ for all rows and every training part of a cross-validation, side by side.

A column is the problem of one training part, or that of all rows, at one λ. The parts go down in λ
together, each from where its last solutions lead, so that a pass over X serves them all: raw
predictions are one product X·Θ, gradients one product XᵀR. Scores need no more than rough
solutions; those of all rows are brought closer afterwards, several λ at once.

Steps are quasi-Newton steps. The Hessian of all rows, at a solution of late, stands for that of
every column (`skreg.solvers.fold_model`): training parts have most of their rows in common, and
limited-memory BFGS, as in `skreg.solvers.descent`, learns in what a column differs. It is taken
anew where its age has cost as many passes as that takes. Where rows are few and features as many,
each column takes Newton steps by a Hessian of its own (`skreg.solvers.fold_rows`).

Costs for n rows, p features, K classes: a pass takes 4npK flops a column (of a sparse X, 4K for
each entry) and 2p²K for the factors; the Hessian K·n·p², and its factors K·p³/3 for each λ. A
solution takes one to three passes.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from skreg._kernels import extrapolation, line
from skreg.losses.base import Loss
from skreg.rows.products import Array, Indices, Some, together
from skreg.solvers.descent import corrected_step
from skreg.solvers.fold_model import FoldModel

# Pairs kept for the BFGS correction, and solutions that the next is guessed from.
_MEMORY, _KNOWN = 5, 4
# Curvature of the null model's rows of which a share so small makes no more of a difference.
_FLATTEST = 1e-6
# A second Hessian for the same λ has to wait for so many times as many passes.
_MORE = 3.0
# A column takes so many steps by a Hessian of its own, where rows are few.
_OWN = 12
# A step is shortened where the slope at its end exceeds this share of that at its beginning.
_SLOPE_LEFT = 0.5
_MAX_TRIALS = 20
# A column that takes so many passes for one λ, or as many that bring its gradient no lower than
# this share of what it was, needs another method.
_PASSES, _PATIENCE, _GAIN = 200, 15, 0.9
# Multiply-adds of a product that are worth a thread, and pieces of X at most.
_CHUNK, _MOST_CHUNKS = 2**23, 8


class FoldWalk:
    """Some columns, each with a λ: problems of the parts whose rows have ``weights`` (n, P).

    ``parts`` (C,), ascending, says which part a column belongs to, and ``start`` where it begins:
    θ (C, K, p) and b (C, K), as users see them; None stands for the null models. Arrays have a row
    for each column; raw predictions have shape (n, C, K), and a point K rows of θₖ and, with an
    intercept, bₖ about the design's center.
    """

    def __init__(
        self,
        model: FoldModel,
        weights: Array,
        parts: Indices,
        start: tuple[Array, Array] | None = None,
    ):
        self.model, self.risk, self.parts = model, model.risk, parts
        self.shares = np.ascontiguousarray(weights / weights.sum(axis=0))
        risk, C = self.risk, len(parts)
        K, p = risk.n_outputs, risk.n_features
        # Blocks of a dense X stay in the cache between both products, and may go to some threads.
        self.in_one_pass = risk.loss.is_compiled and isinstance(risk.X, np.ndarray) and p > 0
        self.chunks = _chunks(len(risk.y), p * C * K) if self.in_one_pass else [(slice(None),)]
        self.ridge = np.append(model.factors, 0.0)
        self.theta = np.zeros((C, K, p + 1))
        self.raw = np.zeros((len(risk.y), C, K))
        if risk.offset is not None:
            self.raw += risk.offset[:, None]
        theta = np.zeros_like(self.theta)
        if start is not None:
            coefs, intercepts = start
            theta[:, :, :p] = coefs
            theta[:, :, p] = intercepts + coefs @ risk.design.center
        elif risk.fit_intercept:
            null = [risk.loss.null_intercept(risk.y, s, risk.offset) for s in self.shares.T]
            theta[:, :, p] = np.array(null)[parts]
        self.slope, self.bends = np.zeros_like(theta), np.zeros(C)
        every = np.arange(C)
        ends, slope, _, bends = self._pass(every, theta)
        self._go(every, theta, ends, slope, bends)
        self.alphas = np.zeros(C)
        self.known: deque[tuple[float, Array]] = deque(maxlen=_KNOWN)
        self.pairs = np.zeros((2, _MEMORY, *self.theta.shape))
        self.norms, self.steps = np.full(C, np.inf), np.zeros(C, dtype=np.intp)
        self.patience = model.patience(C)
        # Passes that a Hessian of an older point, or of none, has cost.
        self.wasted = np.inf

    # One λ a column -------------------------------------------------------------------------------

    def solve(self, alphas: Array, tols: Array, rough: float = 0.0, lead: int = -1) -> None:
        """Every column at the minimum for its λ, or given up.

        A gradient norm of ``tols`` (C,) is small enough in any case, and one of ``rough`` where
        rows are as curved as in the null model. The Hessian is that of the column ``lead``.
        """
        self.alphas, self.steps = alphas, np.zeros(len(alphas), dtype=np.intp)
        self._extrapolate()
        self.norms = self._norms(self.theta, self.slope)
        # Raw predictions err by a gradient over the curvature.
        tols = np.maximum(rough * np.clip(self.bends / self.model.bend, _FLATTEST, 1.0), tols)
        gained, least, patience = np.zeros(len(alphas)), self.norms, self.patience
        for step in range(_PASSES):
            on = np.flatnonzero((self.norms > tols) & (step - gained < _PATIENCE))
            if not on.size:
                break
            d = self._newton(on) if step < _OWN else None
            if d is None and self.wasted > patience:
                self.model.renew(self.raw[:, lead])
                # The next one for these λ is likely to tell less that is new.
                self.wasted, patience = 0.0, _MORE * patience
            self._step(on, d)
            gained[self.norms < _GAIN * least] = step
            least = np.minimum(least, self.norms)
            self.steps[on] += 1
            self.wasted += len(on) / len(alphas) if step else 0.0
        self.model.forget()
        self.known.append((alphas[0], self.theta.copy()))

    def solutions(self) -> tuple[Array, Array, Array]:
        """θ (C, K, p) and b (C, K) as users see them, and gradient norms (C,)."""
        coefs = self.theta[:, :, :-1]
        intercepts = self.theta[:, :, -1] - coefs @ self.risk.design.center
        return coefs, intercepts, np.where(np.isfinite(self.norms), self.norms, np.inf)

    def _extrapolate(self) -> None:
        """Go on along the polynomial in log λ through the last solutions, where it leads closer."""
        nodes, alpha = [node for node, _ in self.known], self.alphas[0]
        if len(nodes) < 2 or len({*nodes, alpha}) <= len(nodes):
            return
        shares = extrapolation.lagrange([np.log(node) for node in nodes], np.log(alpha))
        d = -self.theta
        for share, (_, theta) in zip(shares, self.known, strict=True):
            d += share * theta
        every = np.arange(len(d))
        ends, slope, _, bends = self._pass(every, d)
        closer = self._norms(self.theta + d, slope) < self._norms(self.theta, self.slope)
        on = np.flatnonzero(closer)
        ends = ends if closer.all() else ends[:, on]
        self._go(on, d[on], ends, slope[on], bends[on])

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
        ends, slope, bends = self._down(on, d, gradient)
        self.pairs[:, :-1, on] = self.pairs[:, 1:, on]
        self.pairs[0, -1, on], self.pairs[1, -1, on] = d, slope - self.slope[on]
        self._go(on, d, ends, slope, bends)
        self.norms[on] = self._norms(self.theta[on], slope, on)

    def _gradient(self, on: Indices) -> Array:
        """Of the objective, (A, K, p + 1)."""
        return self.slope[on] + self._pull(on) * self.theta[on]

    def _newton(self, on: Indices) -> Array | None:
        """−(H + λF)⁻¹·gradient by the Hessian of each column; None where these are not at hand."""
        by_rows = self.model.by_rows
        if by_rows is None:
            return None
        raw, shares = self.raw[:, on, 0], self.shares[:, self.parts[on]]
        step = by_rows.solve(self._gradient(on), self.alphas[on], raw, shares)
        return None if step is None or not np.isfinite(step).all() else -step

    def _quasi_newton(self, on: Indices, gradient: Array) -> Array:
        """The same by the Hessian that stands for those of all columns, and the last pairs."""
        flat, alphas, shape, ridge = (len(on), -1), self.alphas[on], gradient.shape, self._pull(on)
        pairs = [
            (s.reshape(flat), (y + ridge * s).reshape(flat))
            for s, y in zip(*self.pairs[:, :, on], strict=True)
            if s.any()
        ]
        return corrected_step(
            gradient.reshape(flat),
            pairs,
            lambda g: self.model.solve(g.reshape(shape), alphas).reshape(flat),
        ).reshape(shape)

    def _down(self, on: Indices, d: Array, gradient: Array) -> tuple[Array, Array, Array]:
        """Shorten a step until it leads down as far as it goes; its end as `_pass` tells of it.

        The objective is convex along d: a slope there that is far above 0 says that its minimum was
        passed, and the secant where about it is.
        """
        for _ in range(_MAX_TRIALS):
            ends, slope, along, bends = self._pass(on, d)
            along += np.einsum("akj,akj->a", self.theta[on] + d, self._pull(on) * d)
            start = np.einsum("akj,akj->a", gradient, d)
            far = ~(along <= _SLOPE_LEFT * np.abs(start))
            if not far.any():
                return ends, slope, bends
            secant = start[far] / (start[far] - along[far])
            shorter = np.clip(np.where(np.isfinite(along[far]), secant, 0.0), 0.1, 0.7)
            d[far] *= shorter[:, None, None]
        ends, slope, _, bends = self._pass(on, d)
        return ends, slope, bends

    def _go(self, on: Indices, d: Array, ends: Array, slope: Array, bends: Array) -> None:
        """Take a step whose end `_pass` has told."""
        if len(on) == len(self.theta):
            self.raw = ends
        else:
            self.raw[:, on] = ends
        self.theta[on] += d
        self.slope[on], self.bends[on] = slope, bends

    def _pass(self, on: Indices, d: Array) -> tuple[Array, Array, Array, Array]:
        """The end of a step d (A, K, p + 1) of the columns ``on``.

        Raw predictions, (n, A, K), and ∂R/∂(θ, b), (A, K, p + 1); the sums of
        share·∂ℓ/∂f·change, and of share·∂²ℓ/∂fₖ², over rows and outputs, (A,).
        """
        risk, loss, design = self.risk, self.risk.loss, self.risk.design
        ends, parts = np.empty((len(self.raw), *d.shape[:2])), self.parts[on]
        flat = np.ascontiguousarray(d.reshape(-1, d.shape[2]).T)

        def chunk(rows: slice) -> tuple[Array, Array, Array]:
            y, raw, seen, shares = (a[rows] for a in (risk.y, self.raw, ends, self.shares))
            if self.in_one_pass:
                step = risk.X[rows], design.center, flat
                others = y, raw, seen, on, shares, parts
                return line.steps(loss.name, loss.parameter, *step, *others)
            change = (design.dot(flat[:-1]) + flat[-1]).reshape(seen.shape)
            np.add(np.take(raw, on, axis=1), change, out=seen)
            residual, along, bends = _residuals(loss, y, seen, change, shares, parts)
            residual = residual.reshape(len(seen), -1)
            slope = design.transposed_dot(residual)
            return np.vstack([slope, residual.sum(axis=0)]), along, bends

        slopes, alongs, bends = zip(*together(chunk, self.chunks), strict=True)
        slope = np.ascontiguousarray(sum(slopes[1:], slopes[0]).T).reshape(d.shape)
        if not risk.fit_intercept:
            slope[:, :, -1] = 0.0
        return ends, slope, sum(alongs[1:], alongs[0]), sum(bends[1:], bends[0])


def _residuals(
    loss: Loss, y: Array, ends: Array, change: Array, shares: Array, parts: Indices
) -> tuple[Array, Array, Array]:
    """share·∂ℓ/∂f at the ends of steps, (n, A, K), and the sums of `FoldWalk._pass`."""
    if loss.is_compiled:
        return line.residuals(loss.name, loss.parameter, y, ends, change, shares, parts)
    n, A, K = ends.shape
    _, out, bends = loss.derivatives(np.repeat(y, A, axis=0), ends.reshape(n * A, K))
    if loss.coupled:
        bends = bends * (1.0 - bends)
    share = shares[:, parts, None]
    out = out.reshape(ends.shape) * share
    bends = (bends.reshape(ends.shape) * share).sum(axis=(0, 2))
    return out, np.einsum("nak,nak->a", out, change), bends


def _chunks(n: int, width: int) -> list[tuple[slice]]:
    """Ranges of rows that are worth a thread each, as many whatever the number of threads."""
    ends = np.linspace(0, n, min(n * width // _CHUNK + 1, _MOST_CHUNKS) + 1).astype(int).tolist()
    return [(slice(*pair),) for pair in pairwise(ends)]
