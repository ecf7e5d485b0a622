"""½‖b − Aθ‖² + P(θ; λ): a quadratic beside any penalty, and the certificate of it.

With H = AᵀA, h = Aᵀb and r = b − Aθ only h, ‖b‖² and the slope q = Aᵀr = h − Hθ are needed:
‖r‖² = ‖b‖² − θᵀ(h + q).
"""

from __future__ import annotations

from functools import cached_property
from typing import cast

import numpy as np

from skreg._kernels import lasso_gap
from skreg.penalties import Penalty, Separable
from skreg.quadratic.factor import Factor
from skreg.quadratic.quadratic import Quadratic
from skreg.rows.products import EPS, Array, Indices, Mask
from skreg.solvers.certificate import best_scale, largest_scale


class PenalizedQuadratic:
    """Some targets of a quadratic and a penalty, for any λ. θ and q have shape (q, p).

    Parameters
    ----------
    quadratic : Quadratic
    penalty : Penalty
    targets : slice, default=slice(None)
        Which of its targets are meant; all of them by default.

    Attributes
    ----------
    targets : ndarray of int
    cross : ndarray of shape (q, p)
        h.
    power : float
        ‖b‖².
    free : ndarray of int
        Features without a penalty.
    width : ndarray of shape (p,)
        √Hⱼⱼ.
    slack : ndarray of shape (p,)
        What rounding leaves in a component of q.
    """

    def __init__(
        self, quadratic: Quadratic, penalty: Penalty, targets: slice = slice(None)
    ) -> None:
        self.quadratic, self.penalty = quadratic, penalty
        self.targets = np.arange(len(quadratic.power))[targets]
        self.cross = np.ascontiguousarray(quadratic.cross.T[targets])
        self.power = float(quadratic.power[targets].sum())
        self.free = np.flatnonzero(penalty.free(self.cross.shape[1]))
        # Rounding may leave a diagonal below zero, which counts as no curvature.
        self.width = np.sqrt(np.maximum(quadratic.diagonal, 0.0))
        self.slack = 64 * EPS * self.width * np.sqrt(self.power)
        self._weights = None  # of |θⱼ| and ½θⱼ², for the compiled gap
        if penalty.kernel == "coordinates":
            its, p = cast(Separable, penalty), len(self.width)
            self._weights, self._limits = np.stack([its.l1(p), its.l2(p)]), its.limits(p)

    def slope(self, theta: Array) -> Array:
        """q = h − Hθ."""
        return np.stack(
            [self.quadratic.slope(one, t) for one, t in zip(theta, self.targets, strict=True)]
        )

    def risk(self, theta: Array, slope: Array) -> float:
        """½‖r‖²."""
        return max(0.5 * (self.power - float(np.vdot(theta, self.cross + slope))), 0.0)

    def gap(self, theta: Array, slope: Array, alpha: float) -> float:
        """An upper bound of the objective less its minimum, from the dual point s·r.

        With s of `largest_scale` P(θ) − D(s·r) = (1−s)²·½‖r‖² + P(θ; λ) − s⟨θ, q⟩ + P*(s·q; λ).

        A dual point must be orthogonal to features without a penalty. The residual is, once these
        are at their best beside the others: with θ′ so made, gap(θ) = R(θ) − R(θ′) + gap(θ′), and
        R(θ) − R(θ′) = ½(q + q′)ᵀ(θ′ − θ).

        Parameters
        ----------
        theta, slope : ndarray of shape (q, p)
        alpha : float
        """
        theta, slope = np.ascontiguousarray(theta), np.ascontiguousarray(slope)
        excess, free = 0.0, self.free if alpha > 0 else np.arange(theta.shape[1])
        if free.size:
            loose = self._loose(theta, slope)
            if self.free.size and ((np.abs(slope) > self.slack) & loose)[:, self.free].any():
                moved = self._settled(theta, slope, loose)
                moved_slope = self.slope(moved)
                excess = max(0.5 * float(np.vdot(slope + moved_slope, moved - theta)), 0.0)
                theta, slope = moved, moved_slope
            excess += self._left(theta[:, free], slope[:, free], loose[:, free], free)
            slope = slope.copy()
            slope[:, free] *= ~loose[:, free]
        if not self.penalty.is_separable or len(theta) == 1:
            return excess + self._scaled_gap(theta, slope, alpha)
        parts = [
            PenalizedQuadratic(self.quadratic, self.penalty, slice(t, t + 1)) for t in self.targets
        ]
        for part, one, its in zip(parts, theta[:, None], slope[:, None], strict=True):
            excess += part._scaled_gap(one, its, alpha)
        return excess

    def gap_of_small(self, theta: Array, slope: Array, alpha: float) -> float:
        """The same for λ near the rounding of slopes: R(θ) − min R + P(θ; λ), or less.

        R(θ) − min R = ½⟨q, H⁻¹q⟩ for the q that no bound holds back, and R(θ) at most.
        """
        left = self.risk(theta, slope)
        if self.quadratic.holds_hessian:
            loose, factor = self._loose(theta, slope), self._factor
            if factor.is_definite or loose.all():
                q = slope * loose
                left = min(left, 0.5 * float(np.vdot(q, factor.inverse_times(q.T).T)))
        return left + self.penalty.value(theta, alpha)

    @cached_property
    def _factor(self) -> Factor:
        return Factor(self.quadratic.hessian, np.zeros(len(self.quadratic.hessian)), scaled=True)

    def _scaled_gap(self, theta: Array, slope: Array, alpha: float) -> float:
        """The gap where q of features without a penalty is 0.

        Of two s the better: the largest with P* finite and the largest with P* = 0, which is where
        an L2 part is so small that rounding in q weighs.
        """
        if self._weights is not None:
            rows = self.cross[0], theta[0], slope[0], *(alpha * self._weights)
            return lasso_gap.duality_gap(*rows, *self._limits, self.power)
        steepest = float(self.penalty.pull(slope).max(initial=0.0))
        scales = {largest_scale(self.penalty, slope, alpha)}
        if steepest > alpha and np.isfinite(steepest):
            scales.add((alpha / steepest, 0.0))
        risk = self.risk(theta, slope)
        value, along = self.penalty.value(theta, alpha), float(np.vdot(theta, slope))
        if self.penalty.is_bounded(theta.shape[1]):
            scales.add(best_scale(self.penalty, slope, alpha, along + risk))
        return max(
            min((1.0 - s) ** 2 * risk + value - s * along + conjugate for s, conjugate in scales),
            0.0,
        )

    def _loose(self, theta: Array, slope: Array) -> Mask:
        """Components that no bound keeps from moving along the slope."""
        far = theta + np.copysign(1.0 + np.abs(theta), slope)
        return self.penalty.prox(far, 1.0, 0.0) != theta

    def _settled(self, theta: Array, slope: Array, loose: Mask) -> Array:
        """θ with features without a penalty at their best beside the others."""
        moved = theta.copy()
        for one, its, inside in zip(moved, slope, loose[:, self.free], strict=True):
            which, block = self.free[inside], self._free_block[np.ix_(inside, inside)]
            one[which] += Factor(block, np.zeros(len(block))).inverse_times(its[which])
        return moved

    @cached_property
    def _free_block(self) -> Array:
        return self.quadratic.working_columns(self.targets).among(self.free)

    def _left(self, theta: Array, slope: Array, loose: Mask, which: Indices) -> float:
        """What rounding leaves in the slopes of features without a penalty, as a gap.

        Such a feature adds |qⱼ| times the way to its best value, for which |θⱼ| + ‖b‖/√Hⱼⱼ stands.
        """
        width = self.width[which]
        way = np.divide(np.sqrt(self.power), width, out=np.zeros_like(width), where=width > 0)
        return float(np.sum(loose * np.abs(slope) * (np.abs(theta) + way) * (width > 0)))
