"""The ridge along λ for all rows and every training part of a cross-validation, side by side.

A column is the problem of one training part, or that of all rows, at one λ. The parts go down in λ
together, each from where its last solutions lead, so that a pass over X serves them all: raw
predictions are one product X·Θ, gradients one product XᵀR. Scores need no more than rough
solutions; those of all rows are brought closer afterwards, several λ at once.

Steps are quasi-Newton steps. The Hessian of all rows, at a solution of late, stands for that of
every column (`skreg.solvers.fold_model`): training parts have most of their rows in common, and
limited-memory BFGS, as in `skreg.solvers.descent`, learns in what a column differs. It is taken
anew where its age has cost as many passes as that takes.

Costs for n rows, p features, K classes: a pass takes 4npK flops a column (of a sparse X, 4K for
each entry) and 2p²K for the factors; the Hessian K·n·p², and its factors K·p³/3 for each λ. A
solution takes one to three passes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from skreg._kernels import line
from skreg.rows.base import Rows
from skreg.rows.products import Array, Indices, Some, together
from skreg.solvers.descent import corrected_step, lagrange
from skreg.solvers.fold_model import FoldModel

# Pairs kept for the BFGS correction, and solutions that the next is guessed from.
_MEMORY, _KNOWN = 8, 3
# Curvature of the null model's rows of which a share so small makes no more of a difference.
_FLATTEST = 1e-6
# A second Hessian for the same λ has to wait for so many times as many passes.
_MORE = 3.0
# A step is shortened where the slope at its end exceeds this share of that at its beginning.
_SLOPE_LEFT = 0.5
_MAX_TRIALS = 20
# A column that takes so many passes for one λ, or as many that bring its gradient no lower than
# this share of what it was, needs another method.
_PASSES, _PATIENCE, _GAIN = 200, 15, 0.9


@dataclass(frozen=True, eq=False)
class FoldSolutions:
    """θ and b for every fold and λ.

    Attributes
    ----------
    coefs : ndarray of shape (F, m, K, p)
    intercepts : ndarray of shape (F, m, K)
    gradient_norms : ndarray of shape (F, m)
        As `skreg.solvers.newton.Newton` measures them, with the scales of all rows.
    n_passes : ndarray of shape (F, m)
        Steps that each took.
    """

    coefs: Array
    intercepts: Array
    gradient_norms: Array
    n_passes: Indices


class Walk:
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
        self.sections = risk.design.sections()
        K, p = risk.n_outputs, risk.n_features
        self.ridge = np.append(model.factors, 0.0)
        self.theta = np.zeros((C, K, p + 1))
        self.raw = np.zeros((len(risk.y), C, K))
        if risk.offset is not None:
            self.raw += risk.offset[:, None]
        if start is not None:
            coefs, intercepts = start
            self.theta[:, :, :p] = coefs
            self.theta[:, :, p] = intercepts + coefs @ risk.design.centre
            self.raw += _product(risk.design, self.theta)
        elif risk.fit_intercept:
            null = [risk.loss.null_intercept(risk.y, s, risk.offset) for s in self.shares.T]
            self.theta[:, :, p] = np.array(null)[parts]
            self.raw += self.theta[:, :, p]
        self.slope, _, self.bends = self._pass(self.raw, np.arange(C))
        self.alphas = np.zeros(C)
        self.known: deque[tuple[float, Array, Array]] = deque(maxlen=_KNOWN)
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
            if self.wasted > patience:
                self.model.renew(self.raw[:, lead])
                # The next one for these λ is likely to tell less that is new.
                self.wasted, patience = 0.0, _MORE * patience
            self._step(on)
            gained[self.norms < _GAIN * least] = step
            least = np.minimum(least, self.norms)
            self.steps[on] += 1
            self.wasted += len(on) / len(alphas) if step else 0.0
        self.model.forget()
        self.known.append((alphas[0], self.theta.copy(), self.raw.copy()))

    def put(self, found: FoldSolutions, at: tuple) -> None:
        """Note the points as the solutions of these parts and places of λ."""
        coefs = self.theta[:, :, :-1]
        found.coefs[at] = coefs
        found.intercepts[at] = self.theta[:, :, -1] - coefs @ self.risk.design.centre
        found.gradient_norms[at] = np.where(np.isfinite(self.norms), self.norms, np.inf)
        found.n_passes[at] += self.steps

    def _extrapolate(self) -> None:
        """Go on along the parabola in log λ through the last solutions, where it leads closer."""
        nodes, alpha = [known[0] for known in self.known], self.alphas[0]
        if len(nodes) < 2 or len({*nodes, alpha}) <= len(nodes):
            return
        shares = lagrange([np.log(node) for node in nodes], np.log(alpha))
        theta, raw = (
            sum(share * known[part] for share, known in zip(shares, self.known, strict=True))
            for part in (1, 2)
        )
        slope, _, bends = self._pass(raw, np.arange(len(theta)))
        closer = self._norms(theta, slope) < self._norms(self.theta, self.slope)
        if closer.all():
            self.theta, self.slope, self.raw, self.bends = theta, slope, raw, bends
            return
        on = np.flatnonzero(closer)
        self.theta[on], self.slope[on], self.raw[:, on] = theta[on], slope[on], raw[:, on]
        self.bends[on] = bends[on]

    def _norms(self, theta: Array, slope: Array, on: Some = slice(None)) -> Array:
        """Of the objective's gradient at points of the columns ``on``, (A,)."""
        gradient = slope + self._pull(on) * theta
        return np.abs(gradient / self.model.scale).max(axis=(1, 2))

    def _pull(self, on: Some) -> Array:
        """λF of the columns ``on``, (A, 1, p + 1)."""
        return self.alphas[on, None, None] * self.ridge

    # One step -------------------------------------------------------------------------------------

    def _step(self, on: Indices) -> None:
        """A step of the columns ``on``."""
        theta, ridge = self.theta[on], self._pull(on)
        gradient = self.slope[on] + ridge * theta
        flat, alphas = (len(on), -1), self.alphas[on]
        pairs = [
            (s.reshape(flat), (y + ridge * s).reshape(flat))
            for s, y in zip(*self.pairs[:, :, on], strict=True)
            if s.any()
        ]
        d = corrected_step(
            gradient.reshape(flat),
            pairs,
            lambda g: self.model.solve(g.reshape(theta.shape), alphas).reshape(flat),
        ).reshape(theta.shape)
        if self.risk.loss.coupled:
            # What is common to all classes is 0 at the minimum, and no risk pulls it back there.
            d -= d.mean(axis=1, keepdims=True)
        if not self.risk.fit_intercept:
            d[:, :, -1] = 0.0
        slope = self._along(on, d, gradient)
        self.pairs[:, :-1, on] = self.pairs[:, 1:, on]
        self.pairs[0, -1, on], self.pairs[1, -1, on] = d, slope - self.slope[on]
        self.theta[on] += d
        self.slope[on] = slope
        self.norms[on] = self._norms(self.theta[on], slope, on)

    def _along(self, on: Indices, d: Array, gradient: Array) -> Array:
        """Take a step as far as it leads down, which shortens d; ∂R/∂(θ, b) at its end.

        The objective is convex along d: a slope there that is far above 0 says that its minimum was
        passed, and the secant where about it is.
        """
        change, pull = np.empty((len(self.raw), *d.shape[:2])), self._pull(on) * d
        start = np.einsum("akj,akj->a", gradient, d)
        own = np.einsum("akj,akj->a", self.theta[on], pull)
        bend = np.einsum("akj,akj->a", d, pull)
        t = np.ones(len(on))
        slope, along, bends = self._pass(self.raw, on, change, t, d)
        for _ in range(_MAX_TRIALS):
            along += own + t * bend
            if (along <= _SLOPE_LEFT * np.abs(start)).all():
                break
            far = ~(along <= _SLOPE_LEFT * np.abs(start))
            secant = start[far] / (start[far] - along[far])
            t[far] *= np.clip(np.where(np.isfinite(along[far]), secant, 0.0), 0.1, 0.7)
            slope, along, bends = self._pass(self.raw, on, change, t)
        if (t < 1.0).any():
            d *= t[:, None, None]
            change *= t[:, None]
        if len(on) == len(self.theta):
            self.raw += change
        else:
            self.raw[:, on] += change
        self.bends[on] = bends
        return slope

    def _pass(
        self,
        raw: Array,
        on: Indices,
        change: Array | None = None,
        t: Array | None = None,
        d: Array | None = None,
    ) -> tuple[Array, Array, Array]:
        """∂R/∂(θ, b) of the columns ``on`` at raw + t·change, (A, K, p + 1).

        And the sums of share·∂ℓ/∂f·change, and of share·∂²ℓ/∂fₖ², over rows and outputs, (A,). With
        a step ``d`` its change of raw predictions is put into ``change``. Rows are taken by blocks
        that stay in the cache between the two products, some in each thread.
        """
        if change is None or t is None:
            # The end of no step at all.
            change, t = np.take(raw, on, axis=1), np.zeros(len(on))

        def section(rows: slice, design: Rows) -> tuple[Array, Array, Array]:
            if d is not None:
                change[rows] = _product(design, d)
            residual, along, bends = self._residuals(rows, raw[rows], on, change[rows], t)
            return self._slope(design, residual), along, bends

        slopes, alongs, bends = zip(*together(section, self.sections), strict=True)
        return sum(slopes[1:], slopes[0]), sum(alongs[1:], alongs[0]), sum(bends[1:], bends[0])

    def _residuals(
        self, rows: slice, raw: Array, on: Indices, change: Array, t: Array
    ) -> tuple[Array, Array, Array]:
        """share·∂ℓ/∂f of some rows, (m, A, K), and the sums of `_pass` over them."""
        loss, y, parts, shares = self.risk.loss, self.risk.y[rows], self.parts[on], self.shares
        if loss.is_compiled:
            return line.residuals(
                loss.name, loss.parameter, y, raw, change, t, on, shares[rows], parts
            )
        m, A, K = change.shape
        seen = (raw[:, on] + t[:, None] * change).reshape(m * A, K)
        _, out, bends = loss.derivatives(np.repeat(y, A, axis=0), seen)
        if loss.coupled:
            bends = bends * (1.0 - bends)
        share = shares[rows][:, parts, None]
        out = out.reshape(change.shape) * share
        bends = (bends.reshape(change.shape) * share).sum(axis=(0, 2))
        return out, np.einsum("nak,nak->a", out, change), bends

    def _slope(self, design: Rows, residual: Array) -> Array:
        """∂R/∂(θ, b), (A, K, p + 1), from share·∂ℓ/∂f of some rows."""
        m, A, K = residual.shape
        slope = np.zeros((A, K, self.risk.n_features + 1))
        found = design.transposed_dot(residual.reshape(m, A * K))
        slope[:, :, :-1] = found.T.reshape(A, K, -1)
        if self.risk.fit_intercept:
            slope[:, :, -1] = residual.sum(axis=0)
        return slope


def _product(design: Rows, theta: Array) -> Array:
    """(X − c)θₖ + bₖ for points of shape (A, K, p + 1), as (n, A, K)."""
    A, K, _ = theta.shape
    flat = np.ascontiguousarray(theta[:, :, :-1].reshape(A * K, -1).T)
    raw = np.ascontiguousarray(design.dot(flat)).reshape(-1, A, K)
    raw += theta[:, :, -1]
    return raw
