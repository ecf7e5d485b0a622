"""Weighted least squares beside any convex penalty, by Newton's method on the dual.

    min over θ, b   ½Σᵢ wᵢ(eᵢ − xᵢd − b)² − Σᵢ aᵢ(xᵢd + b) + P(θ₀ + d; λ) + ½Σⱼ dⱼ²/ηⱼ

has the dual, with z = w(e − Xd − b) as what is added to a,

    min over z, Σ(a + z) = 0   ½Σᵢ zᵢ²/wᵢ − eᵢzᵢ + max over d (Xᵀ(a + z))ᵀd − P(θ₀ + d) − ½Σ dⱼ²/ηⱼ,

where the best θ₀ + d is a proximal step of length η from θ₀ + ηXᵀ(a + z). It is smooth, whatever
the weights are, and has a second derivative along the directions of `Penalty.curvature`: a
semismooth Newton method (Li, Sun & Toh, 2018) takes a few steps where the proximal gradient takes
thousands. Each is a ridge regression on what is active. With a longer η there are more of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skreg.rows.products import EPS, Array
from skreg.solvers.composite import WorkingPenalty
from skreg.solvers.interior_step import Cholesky

# Newton steps for one problem, the decrease that each has to bring as a share of what it promised,
# and the shortest.
_STEPS, _ENOUGH, _SHORTEST = 50, 1e-4, 1e-6


@dataclass(frozen=True, eq=False)
class _At:
    """The dual function at z, with its slope and the θ that belongs to it."""

    z: Array
    theta: Array
    value: float
    slope: Array


class DualNewton:
    """One such problem, of one target.

    ``block`` (n, m) is X on a working set of features, ``penalty`` convex and on these, ``origin``
    (m,) is θ₀; ``weights``, ``error`` and ``a`` (n,) are w ≥ 0, e and a. Without an intercept b is
    held at 0, with one Σa = 0. ``n_iter`` are the Newton steps of the last `solve`.
    """

    def __init__(
        self,
        block: Array,
        penalty: WorkingPenalty,
        origin: Array,
        weights: Array,
        error: Array,
        a: Array,
        fit_intercept: bool,
    ):
        self.block, self.penalty, self.origin = block, penalty, origin
        self.weights, self.error, self.a = weights, error, a
        self.fit_intercept, self.n_iter = fit_intercept, 0
        self.rows, held = weights > 0, ~penalty.penalty.free(penalty.shape[1])
        self.held = held[penalty.features]
        self.spread = np.divide(1.0, weights, out=np.zeros_like(weights), where=self.rows)

    def solve(self, step: Array, goal: float) -> tuple[Array, float, Array, bool]:
        """θ, b and z, and whether the objective there is within about ``goal`` of the least.

        ``step`` (m,) is η, alike for all penalized features unless the penalty is separable.
        """
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # columns on scales far apart: NaN ends it
            return self._steps(step, goal)

    def _steps(self, step: Array, goal: float) -> tuple[Array, float, Array, bool]:
        at, b = self._at(np.zeros(len(self.a)), step), 0.0
        for self.n_iter in range(1, _STEPS + 1):
            way, b = self._way(at, step)
            promise = -float(at.slope @ way)
            new, length = self._at(at.z + way, step), 1.0
            rounding = 8 * EPS * (abs(at.value) + abs(new.value))
            while length > _SHORTEST:
                if not new.value > at.value - _ENOUGH * length * promise + rounding:
                    break
                length *= 0.5
                new = self._at(at.z + length * way, step)
            at = new
            if not promise > goal:
                return at.theta, b, at.z, True
        return at.theta, b, at.z, False

    def _at(self, z: Array, step: Array) -> _At:
        q = self.block.T @ (self.a + z)
        ahead = (self.origin + step * q)[None]
        alike = not self.penalty.is_separable
        length = float(step[self.held].max(initial=0.0)) if alike else step
        theta = self.penalty.prox(ahead, length)[0]
        d, spread = theta - self.origin, self.spread * z
        value = z @ (0.5 * spread - self.error) + q @ d - 0.5 * (d / step) @ d
        slope = np.where(self.rows, spread - self.error + self.block @ d, 0.0)
        return _At(z, theta, float(value) - self.penalty.value(theta[None]), slope)

    def _way(self, at: _At, step: Array) -> tuple[Array, float]:
        """The Newton step of z, and the b that goes with it."""
        active, basis, bend = self.penalty.tangent(at.theta[None])
        on = np.flatnonzero(active[0])
        block = self.block[:, on]
        if basis is None:
            bend = bend + np.diag(1.0 / step[on])
        else:
            block, bend = block @ basis, bend + basis.T @ (basis / step[on, None])
        solved = self._inverse_times(block, bend, np.column_stack([at.slope, 1.0 * self.rows]))
        b = -float(solved[:, 0].sum() / solved[:, 1].sum()) if self.fit_intercept else 0.0
        return -(solved[:, 0] + b * solved[:, 1]), b

    def _inverse_times(self, block: Array, bend: Array, right: Array) -> Array:
        """(W⁻¹ + B·bend⁻¹·Bᵀ)⁻¹ times columns, by way of the shorter side of B."""
        weights = self.weights[:, None]
        if not block.shape[1]:
            return weights * right
        if block.shape[1] <= block.shape[0]:
            weighted = weights * block
            bend += block.T @ weighted
            inner = Cholesky(bend)
            return weights * right - weighted @ inner.solve(weighted.T @ right)
        root = np.sqrt(weights)
        outer = block @ Cholesky(bend).solve(block.T)
        outer *= root
        outer *= root.T
        outer[np.diag_indices_from(outer)] += 1.0
        return root * Cholesky(outer).solve(root * right)
