"""The ridge along λ for all rows and every training part of a cross-validation, side by side.

A column is the problem of one training part, or that of all rows, at one λ. The parts go down in λ
together, each from where its last solutions lead, so that a pass over X serves them all: raw
predictions are one product X·Θ, gradients one product XᵀR. Scores need no more than rough
solutions; those of all rows are brought closer afterwards, every λ at once.

Steps are quasi-Newton steps. What is known of H before any of them is

    Hₖₖ ≈ cₖ·G,    cₖ = Σᵢ wᵢ ∂²ℓᵢ/∂fₖ²,

with G the covariance of the features in all rows, decomposed once: (cₖG + λF)⁻¹ is then a product
with its eigenvectors for every λ, class and column. Limited-memory BFGS, as in
`skreg.solvers.descent`, learns what is missing. Where that takes long a column gets the diagonal
blocks of its own Hessian, one for each class.

Costs for n rows, p features, K classes: a pass takes 4npK flops a column (of a sparse X, 4K for
each entry) and 4p²K for the eigenvectors; the decomposition about 9p³, once; own blocks
K(np² + p³/3). A solution takes two to five passes, at small λ more.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from skreg._kernels import line
from skreg.quadratic.point import own_weights
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import EPS, Array, Indices, Some, eigen
from skreg.solvers.descent import corrected_step, gradient_scales, lagrange

# Pairs kept for the BFGS correction, and solutions that the next is guessed from.
_MEMORY, _KNOWN = 8, 3
# A step is shortened where the slope at its end exceeds this share of that at its beginning.
_SLOPE_LEFT = 0.5
_MAX_TRIALS = 20
# A column that takes so many passes for one λ, or as many that bring its gradient no lower than
# this share of what it was, needs another method.
_PASSES, _PATIENCE, _GAIN = 200, 15, 0.9
# Own blocks take a column this much closer with every pass.
_OWN_RATE = np.log(20.0)
# Flops of a Gram matrix or a factor take this share of the time of flops of a pass.
_DENSE_FLOP = 0.3
# A feature without a penalty counts with this share of the largest factor in the model of H.
_FREE = 1e-8


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


class Model:
    """What all columns have in common: the problem, and (cG + λF)⁻¹."""

    def __init__(self, risk: EmpiricalRisk, factors: Array):
        self.risk, self.factors = risk, factors
        self.held = np.maximum(factors, _FREE * factors.max(initial=0.0) or 1.0)
        scale = 1.0 / np.sqrt(self.held)
        gram, sums = risk.design.gram(risk.share)
        if risk.fit_intercept:
            gram -= np.outer(sums, sums)
        diagonal = np.diag(gram).copy()
        values, vectors = eigen(scale[:, None] * gram * scale)
        self._values = np.maximum(values, 0.0)
        self._vectors = np.asfortranarray(scale[:, None] * vectors)
        curvature = risk.null.curvature
        weights = [own_weights(risk, curvature, k) for k in range(risk.n_outputs)]
        self.bends = np.maximum([w.sum() for w in weights], EPS)
        slope_scale, b_scale = gradient_scales(risk, np.outer(self.bends, diagonal), curvature)
        self.scale = np.concatenate([slope_scale, b_scale[:, None]], axis=1)

    @property
    def patience(self) -> float:
        """Passes that own blocks cost."""
        (n, p), K = self.risk.X.shape, self.risk.n_outputs
        size = getattr(self.risk.X, "nnz", n * p)
        own = K * (size / n * size + p**3 / 3)
        return _DENSE_FLOP * own / (4 * K * (size + p**2)) + 1.0

    def solve(self, g: Array, bends: Array, alphas: Array) -> Array:
        """(cₖG + λF)⁻¹g for g of shape (A, K, p), c of shape (A, K), λ of shape (A,)."""
        (A, K, p) = g.shape
        turned = (g.reshape(-1, p) @ self._vectors).reshape(A, K, -1)
        turned /= bends[:, :, None] * self._values + alphas[:, None, None]
        return (turned.reshape(A * K, -1) @ self._vectors.T).reshape(g.shape)


class Walk:
    """Some columns, each with a λ: problems of the parts whose rows have ``weights`` (n, P).

    ``parts`` (C,), ascending, says which part a column belongs to, and ``start`` where it begins:
    θ (C, K, p) and b (C, K), as users see them; None stands for the null models. Arrays have a row
    for each column; raw predictions have shape (n, C, K), and a point K rows of θₖ and, with an
    intercept, bₖ about the design's center.
    """

    def __init__(
        self,
        model: Model,
        weights: Array,
        parts: Indices,
        start: tuple[Array, Array] | None = None,
    ):
        self.model, self.risk, self.weights, self.parts = model, model.risk, weights, parts
        self.shares = np.ascontiguousarray(weights / weights.sum(axis=0))
        risk, C = self.risk, len(parts)
        K, p = risk.n_outputs, risk.n_features
        self.ridge = np.append(model.factors, 0.0)
        self.theta = np.zeros((C, K, p + 1))
        offset = np.zeros((len(risk.y), 1)) if risk.offset is None else risk.offset
        if start is not None:
            coefs, intercepts = start
            self.theta[:, :, :p], self.theta[:, :, p] = (
                coefs,
                intercepts + coefs @ risk.design.centre,
            )
            self.raw = self._product(self.theta) + offset[:, None]
        else:
            if risk.fit_intercept:
                null = [risk.loss.null_intercept(risk.y, s, risk.offset) for s in self.shares.T]
                self.theta[:, :, p] = np.array(null)[parts]
            self.raw = offset[:, None] + self.theta[:, :, p]
        self.slope = self._slope(self._residuals(self.raw, np.arange(C)))
        self.alphas = np.zeros(C)
        self.known: deque[tuple[float, Array, Array]] = deque(maxlen=_KNOWN)
        self.pairs = np.zeros((2, _MEMORY, *self.theta.shape))
        self.blocks: dict[int, list[Array]] = {}
        self.norms, self.steps = np.full(C, np.inf), np.zeros(C, dtype=np.intp)

    # One λ a column -------------------------------------------------------------------------------

    def solve(self, alphas: Array, rough: float, tol: float) -> None:
        """Every column at the minimum for its λ, or given up.

        A gradient norm of ``rough`` is small enough where rows are as curved as in the null model,
        and one of ``tol`` in any case.
        """
        self.alphas = alphas
        self._extrapolate()
        self.norms = self._norms(self.theta, self.slope)
        self.steps = np.zeros(len(alphas), dtype=np.intp)
        bends = self._bends()
        # Raw predictions err by a gradient over the curvature.
        flatter = np.minimum(bends.sum(axis=1) / self.model.bends.sum(), 1.0)
        tols = np.maximum(rough * flatter, tol)
        taken, gained = (np.full(len(self.norms), at) for at in (-_PASSES, 0))
        before = least = self.norms
        for step in range(_PASSES):
            going_on = (self.norms > tols) & (step - gained < _PATIENCE)
            on = np.flatnonzero(going_on)
            if not on.size:
                break
            for c in on.tolist() if step else ():
                if self._is_slow(self.norms[c], before[c], tols[c], step - taken[c]):
                    self._take_blocks(c)
                    taken[c] = step
            before = self.norms.copy()
            self._step(on, bends)
            gained[self.norms < _GAIN * least] = step
            least = np.minimum(least, self.norms)
            self.steps[on] += 1
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
        if len({*nodes, alpha}) <= _KNOWN:
            return
        shares = lagrange([np.log(node) for node in nodes], np.log(alpha))
        theta, raw = (
            sum(share * known[part] for share, known in zip(shares, self.known, strict=True))
            for part in (1, 2)
        )
        slope = self._slope(self._residuals(raw, np.arange(len(theta))))
        closer = self._norms(theta, slope) < self._norms(self.theta, self.slope)
        on = np.flatnonzero(closer)
        self.theta[on], self.slope[on], self.raw[:, on] = theta[on], slope[on], raw[:, on]

    def _norms(self, theta: Array, slope: Array, on: Some = slice(None)) -> Array:
        """Of the objective's gradient at points of the columns ``on``, (A,)."""
        gradient = slope + self._pull(on) * theta
        return np.abs(gradient / self.model.scale).max(axis=(1, 2))

    def _pull(self, on: Some) -> Array:
        """λF of the columns ``on``, (A, 1, p + 1)."""
        return self.alphas[on, None, None] * self.ridge

    def _bends(self) -> Array:
        """cₖ of every column, (C, K)."""
        out = np.empty(self.theta.shape[:2])
        for c in range(len(out)):
            weights = self._row_weights(c)
            out[c] = [w.sum() for w in weights]
        return np.maximum(out, EPS)

    def _row_weights(self, c: int) -> list[Array]:
        """Weights of the rows in ∂²R/∂θₖ² of a column, for every class."""
        risk = self.risk.weighted(self.weights[:, self.parts[c]])
        curvature = risk.derivatives_at(np.ascontiguousarray(self.raw[:, c]))[2]
        return [own_weights(risk, curvature, k) for k in range(risk.n_outputs)]

    # One step -------------------------------------------------------------------------------------

    def _step(self, on: Indices, bends: Array) -> None:
        """A step of the columns ``on``."""
        theta, ridge = self.theta[on], self._pull(on)
        gradient = self.slope[on] + ridge * theta
        flat = (len(on), -1)
        pairs = [
            (s.reshape(flat), (y + ridge * s).reshape(flat))
            for s, y in zip(*self.pairs[:, :, on], strict=True)
            if s.any()
        ]
        d = corrected_step(
            gradient.reshape(flat), pairs, lambda g: self._inverse_times(g, on, bends)
        ).reshape(theta.shape)
        if self.risk.loss.coupled:
            # What is common to all classes is 0 at the minimum, and no risk pulls it back there.
            d -= d.mean(axis=1, keepdims=True)
        if not self.risk.fit_intercept:
            d[:, :, -1] = 0.0
        raw, slope, t = self._along(on, d, gradient)
        d *= t[:, None, None]
        self.pairs[:, :-1, on] = self.pairs[:, 1:, on]
        self.pairs[0, -1, on], self.pairs[1, -1, on] = d, slope - self.slope[on]
        self.theta[on] += d
        self.raw[:, on], self.slope[on] = raw, slope
        self.norms[on] = self._norms(self.theta[on], slope, on)

    def _along(self, on: Indices, d: Array, gradient: Array) -> tuple[Array, Array, Array]:
        """Raw predictions and ∂R/∂(θ, b) at the end of a step, and the share of it taken.

        The objective is convex along d: a slope there that is far above 0 says that its minimum was
        passed, and the secant where about it is.
        """
        change, pull = self._product(d), self._pull(on) * d
        start = np.einsum("akj,akj->a", gradient, d)
        own = np.einsum("akj,akj->a", self.theta[on], pull)
        bend = np.einsum("akj,akj->a", d, pull)
        t, raw = np.ones(len(on)), self.raw[:, on] + change
        residual = self._residuals(raw, on)
        for _ in range(_MAX_TRIALS):
            slope = np.einsum("nak,nak->a", residual, change) + own + t * bend
            far = np.flatnonzero(~(slope <= _SLOPE_LEFT * np.abs(start)))
            if not far.size:
                break
            secant = start[far] / (start[far] - slope[far])
            t[far] *= np.clip(np.where(np.isfinite(slope[far]), secant, 0.0), 0.1, 0.7)
            raw[:, far] = self.raw[:, on[far]] + t[far, None] * change[:, far]
            residual[:, far] = self._residuals(raw[:, far], on[far])
        return raw, self._slope(residual), t

    def _product(self, theta: Array) -> Array:
        """(X − c)θₖ + bₖ for points of shape (A, K, p + 1), as (n, A, K)."""
        A, K, _ = theta.shape
        flat = np.ascontiguousarray(theta[:, :, :-1].reshape(A * K, -1).T)
        raw = np.ascontiguousarray(self.risk.design.dot(flat)).reshape(-1, A, K)
        raw += theta[:, :, -1]
        return raw

    def _residuals(self, raw: Array, on: Indices) -> Array:
        """share·∂ℓ/∂f at raw predictions (n, A, K) of the columns ``on``."""
        loss, y, (n, A, K) = self.risk.loss, self.risk.y, raw.shape
        parts = self.parts[on]
        if K == 1 and loss.is_compiled:
            out = np.array(raw[:, :, 0], order="C")
            starts = np.searchsorted(parts, np.arange(self.shares.shape[1] + 1))
            line.residuals(loss.name, loss.parameter, y[:, 0], out, self.shares, starts)
            return out[:, :, None]
        out = loss.derivatives(np.repeat(y, A, axis=0), raw.reshape(n * A, K))[1].reshape(n, A, K)
        out *= self.shares[:, parts, None]
        return out

    def _slope(self, residual: Array) -> Array:
        """∂R/∂(θ, b), (A, K, p + 1), from share·∂ℓ/∂f."""
        n, A, K = residual.shape
        slope = self.risk.design.transposed_dot(residual.reshape(n, A * K)).T.reshape(A, K, -1)
        total = residual.sum(axis=0) if self.risk.fit_intercept else np.zeros((A, K))
        return np.concatenate([slope, total[:, :, None]], axis=2)

    # What is known of H ---------------------------------------------------------------------------

    def _inverse_times(self, g: Array, on: Indices, bends: Array) -> Array:
        """About H⁻¹g for every column."""
        g = g.reshape(len(on), *self.theta.shape[1:])
        out = np.empty_like(g)
        plain = [row for row, c in enumerate(on) if c not in self.blocks]
        if plain:
            c, alphas = bends[on[plain]], self.alphas[on[plain]]
            out[plain, :, :-1] = self.model.solve(g[plain, :, :-1], c, alphas)
            out[plain, :, -1] = g[plain, :, -1] / c
        for row, column in enumerate(on):
            for k, lower in enumerate(self.blocks.get(column, ())):
                out[row, k] = dpotrs(lower, g[row, k], lower=1)[0]
        return out.reshape(len(on), -1)

    def _is_slow(self, norm: float, before: float, tol: float, age: int) -> bool:
        """Whether own blocks would save more passes than they cost."""
        if age <= 2 or not np.isfinite(norm):
            return False
        rate = np.log(before / norm) if norm < before else 0.0
        rest = np.log(norm / tol)
        return rest > rate * (self.model.patience + rest / _OWN_RATE)

    def _take_blocks(self, c: int) -> None:
        """The diagonal blocks of a column's Hessian at its point, plus λF, factored."""
        lowers = []
        for w in self._row_weights(c):
            gram, sums = self.risk.design.gram(w)
            block = np.empty((len(gram) + 1,) * 2)
            block[:-1, :-1], block[-1, :-1], block[:-1, -1], block[-1, -1] = (
                gram, sums, sums, w.sum() if self.risk.fit_intercept else 1.0
            )  # fmt: skip
            if not self.risk.fit_intercept:
                block[-1, :-1] = block[:-1, -1] = 0.0
            block[np.diag_indices_from(block)] += self.alphas[c] * np.append(self.model.held, EPS)
            lower, info = dpotrf(block, lower=1, overwrite_a=1)
            if info:
                return
            lowers.append(lower)
        self.blocks[c] = lowers
        self.pairs[:, :, c] = 0.0
