"""min ½‖b − Aθ‖² + P(θ; λ), and its certificate."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from skreg._kernels import lasso_gap
from skreg.penalties import Penalty
from skreg.quadratic import Quadratic
from skreg.quadratic.factor import Factor
from skreg.rows.products import EPS, Array, Indices, Mask
from skreg.solvers.certificate import quadratic_gap
from skreg.solvers.inner import CoefficientBlocks


class PenalizedQuadratic:
    """Some targets of a quadratic and a penalty, for any λ.

    With H = AᵀA, h = Aᵀb and r = b − Aθ, θ and the slope q = Aᵀr = h − Hθ have shape (q, p).

    Parameters
    ----------
    quadratic : Quadratic
    penalty : Penalty
    targets : slice, default=slice(None)
        Which of its targets are meant; all of them by default.

    Attributes
    ----------
    targets : ndarray of int
    cross, power : ndarray of shape (q, p), float
        h and ‖b‖².
    free : ndarray of int
        Features without a penalty.
    width, slack : ndarray of shape (p,)
        √Hⱼⱼ, and what rounding leaves in a component of q.
    """

    def __init__(self, quadratic: Quadratic, penalty: Penalty, targets: slice = slice(None)):
        self.quadratic, self.penalty = quadratic, penalty
        self.targets = np.arange(len(quadratic.power))[targets]
        self._is_whole = len(self.targets) == 1 or not penalty.is_separable
        self.cross = np.ascontiguousarray(quadratic.cross.T[targets])
        self.power = float(quadratic.power[targets].sum())
        self.free = penalty.free(self.cross.shape[1]).nonzero()[0]
        # Rounding may leave a diagonal below zero, which counts as no curvature.
        self.width = np.sqrt(np.maximum(quadratic.diagonal, 0.0))
        self.slack = 64 * EPS * self.width * np.sqrt(self.power)

    @cached_property
    def blocks(self) -> CoefficientBlocks:
        return CoefficientBlocks(self.penalty, self.cross.shape[1])

    @property
    def parts(self) -> list[PenalizedQuadratic]:
        """The problems that can be solved one by one: each target's, where the penalty allows."""
        if self._is_whole:
            return [self]
        of = self.quadratic, self.penalty
        return [PenalizedQuadratic(*of, slice(t, t + 1)) for t in self.targets]

    def slope(self, theta: Array) -> Array:
        """q = h − Hθ."""
        pairs = zip(theta, self.targets, strict=True)
        return np.stack([self.quadratic.slope(*pair) for pair in pairs])

    def risk(self, theta: Array, slope: Array) -> float:
        """½‖r‖² = ½(‖b‖² − θᵀ(h + q))."""
        return max(0.5 * (self.power - float(np.vdot(theta, self.cross + slope))), 0.0)

    def gap(self, theta: Array, slope: Array, alpha: float) -> float:
        """An upper bound of the objective less its minimum, from the dual point s·r of `gap_by`.

        A dual point must be orthogonal to features without a penalty. The residual is, once these
        are at their best beside the others: with θ′ so made, gap(θ) = R(θ) − R(θ′) + gap(θ′), and
        R(θ) − R(θ′) = ½(q + q′)ᵀ(θ′ − θ).
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
        if self._is_whole:
            return excess + self.gap_by(theta, slope, (theta, slope), alpha)
        each = zip(self.parts, theta[:, None], slope[:, None], strict=True)
        return excess + sum(part.gap_by(x, q, (x, q), alpha) for part, x, q in each)

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

    def gap_by(self, theta: Array, slope: Array, dual: tuple[Array, Array], alpha: float) -> float:
        """The same from s·r′ for r′ = b − Aθ′, where q′ = Aᵀr′ of features without a penalty is 0.

        ``dual`` is θ′ and q′, and ``slope`` matters only where θ or θ′ is not 0.
        """
        if self.penalty.kernel == "coordinates":
            l1, l2, *limits = self.blocks.terms
            rows = self.cross[0], theta[0], slope[0], alpha * l1, alpha * l2
            return lasso_gap.duality_gap(*rows, *limits, self.power)
        risk, apart, dual_slope = self.risk(theta, slope), dual[0] - theta, dual[1]
        across, square = (float(np.vdot(apart, q)) for q in (slope, slope - dual_slope))
        return quadratic_gap(self.penalty, theta, dual_slope, alpha, risk, across, square)

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

        Each adds |qⱼ| times the way to its best value, for which |θⱼ| + ‖b‖/√Hⱼⱼ stands.
        """
        width = self.width[which]
        way = np.divide(np.sqrt(self.power), width, out=np.zeros_like(width), where=width > 0)
        return float(np.sum(loose * np.abs(slope) * (np.abs(theta) + way) * (width > 0)))
