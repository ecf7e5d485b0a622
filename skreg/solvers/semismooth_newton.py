"""The ridge beside a loss with linear sides and a quadratic between, of targets far out on them.

R + λ·½Σⱼfⱼθⱼ² is then a quadratic on each piece of space where the same rows bend. A semismooth
Newton method (Qi & Sun, 1993; for Huber's loss Madsen & Nielsen, 1990) goes to the minimum of the
piece at hand, searches the line to it exactly, and ends when a minimum lies in its own piece: there
it is exact, whatever λ is. It begins where interior points end, with nearly the right rows.

With a row's multiplier a, its share of the slope, and its curvature w where it bends, the minimum
of a piece solves

    a = w(y − o − xθ − b)  in the rows that bend,      Xᵀa = λFθ,      Σa = 0,

as (XᵀWX + λF)θ = …, p × p, or where fewer rows than features bend as (W⁻¹ + XF⁻¹Xᵀ/λ)a = …, which
does not suffer from a small λ. Residuals are far smaller than targets, so they are taken in long
double, and each solution is refined by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import brentq

from skreg._threads import one_blas_thread
from skreg.penalties import Separable
from skreg.quadratic.point import Point
from skreg.quadratic.risk import EmpiricalRisk
from skreg.rows.products import EPS, Array, Mask
from skreg.solvers.interior_point import Iterate
from skreg.solvers.interior_step import WeightedRidge
from skreg.solvers.method import Answer, Stop, Task
from skreg.solvers.newton import Newton, without_excluded
from skreg.solvers.original_rows import OriginalRows

# The relative gap at which interior points end, and their steps; a multiplier nearer to the end of
# its interval than this share of it is there.
_INSIDE, _STEPS, _AT_END = 1e-11, 200, 1e-5
# Solutions are refined while that halves what is wrong, at most so many times.
_REFINED = 12
# Steps in a row without gain after which what is left of the gradient is rounding.
_STALLS = 4


class SemismoothNewton(Newton):
    """From where interior points end, for each λ by itself, to the quadratic of the minimum."""

    name = "semismooth_newton"
    scope = "½Σ fⱼθⱼ² under Huber's loss of far targets"
    needs: ClassVar = {
        **Newton.needs,
        "problem.is_piecewise_linear": (True,),
        "max_expansions": (None,),
        "is_small": (True,),
    }
    remedy = "Raise delta toward the size of the residuals"

    def path(self, task: Task) -> Answer:
        """Each λ > 0 by itself; λ = 0 as under any loss."""
        if (alone := without_excluded(self, task)) is not None:
            return alone
        risk, p = task.risk, task.risk.n_features
        huber, b = HuberRidge(risk, task.coordinates.l2(p)), np.empty((len(task.alphas), 1))

        def solved() -> Iterator[tuple[int, Stop]]:
            for i in task.descending().tolist():
                alpha = float(task.alphas[i])
                stop = huber.solve(alpha, task.max_iter) if alpha else self._at_zero(task, huber)
                b[i] = stop.point.intercept
                yield i, stop

        with one_blas_thread():
            return Answer.of(task, "semismooth-newton", solved(), intercepts=b, rounding=0.0)

    def _at_zero(self, task: Task, huber: HuberRidge) -> Stop:
        found = super().path(replace(task, alphas=np.zeros(1)))
        assert found.intercepts is not None  # as of every loss
        theta, steps = found.thetas[0, 0].astype(np.longdouble), int(found.n_iter[0])
        return huber.seen(0.0, theta, found.intercepts[0, 0] + huber.center @ theta, steps)


class HuberRidge:
    """The method for one risk, of a single target, and one set of factors f (p,), finite."""

    def __init__(self, risk: EmpiricalRisk, factors: Array):
        self.risk, self.factors, self.design = risk, factors, risk.design
        self.rows = OriginalRows(risk, factors)
        self.center = risk.design.center.astype(np.longdouble)
        assert risk.loss.linear_sides is not None
        above, below = risk.loss.linear_sides
        self.high, self.low = risk.share * above, -risk.share * below
        self.bend = risk.share / risk.loss.conjugate_curvature

    def solve(self, alpha: float, max_iter: int) -> Stop:
        """The minimum at λ = ``alpha`` > 0."""
        inside = Iterate(self.risk, Separable(0.0, self.factors), alpha).run(_INSIDE, _STEPS)
        found = inside.point
        theta, b = found.theta.astype(np.longdouble), np.longdouble(found.intercept[0])
        e = self.errors(theta, b)
        # The rows that bend, by their multipliers: these are nearer to the truth than residuals.
        width = self.high - self.low
        ends = np.abs(2.0 * found.a - self.high - self.low) >= (1.0 - _AT_END) * width
        side = np.where(found.a > 0, self.high, self.low)
        new = self._minimum(alpha, self._weights(~ends, e), side, theta, b)
        if self._objective(alpha, *new) < self._objective(alpha, theta, b, e):
            theta, b, e = new
        theta, b, steps = self._descend(alpha, theta, b, e, max_iter - inside.n_iter)
        return self.seen(alpha, theta, b, inside.n_iter + steps)

    def _descend(self, alpha: float, theta: Array, b: Any, e: Array, max_iter: int):
        """From piece to piece, to the one that holds its own minimum."""
        least, stalls = self._objective(alpha, theta, b, e), 0
        for n_iter in range(1, max(max_iter, 1) + 1):
            bends = self._bends(e)
            new = self._minimum(alpha, self._weights(bends, e), self.multipliers(e), theta, b)
            if bends.any() and self._is_in_piece(new[2], e):
                return *new[:2], n_iter
            t = self._length(alpha, theta, e, new)
            theta, b = theta + t * (new[0] - theta), b + t * (new[1] - b)
            e = self.errors(theta, b)
            value = self._objective(alpha, theta, b, e)
            stalls = 0 if value < least * (1.0 - 4.0 * EPS) else stalls + 1
            least = min(least, value)
            if stalls >= _STALLS:
                break
        return theta, b, n_iter

    # At a point ----------------------------------------------------------------------------------

    def errors(self, theta: Array, b: Any) -> Array:
        """y − o − xθ − b, of b about the center of the design."""
        return -self.rows.residual(theta[None], np.array([b - self.center @ theta]))[:, 0]

    def multipliers(self, e: Array) -> Array:
        """Shares of the slope, from low to high."""
        return np.clip(self.bend * e, self.low, self.high)

    def _bends(self, e: Array) -> Mask:
        a = self.bend * e
        return (a > self.low) & (a < self.high)

    def _is_in_piece(self, new: Array, old: Array) -> bool:
        """Whether the same rows bend at two points, and the others are on the same sides."""
        bends = self._bends(new)
        if not np.array_equal(bends, self._bends(old)):
            return False
        return bool((np.sign(new) == np.sign(old))[~bends & (self.bend > 0)].all())

    def _weights(self, bends: Mask, e: Array) -> Array:
        """Curvatures of the rows that bend, or if none does those of parabolas above the losses."""
        if (weights := np.where(bends, self.bend, 0.0)).any():
            return weights
        return self.risk.share * self.risk.loss.majorizer(np.zeros((len(e), 1)), -e[:, None])[:, 0]

    def _value(self, e: Array) -> float:
        losses = self.risk.loss.derivatives(np.zeros((len(e), 1)), -e[:, None])[0]
        return float(self.risk.share @ losses)

    def _objective(self, alpha: float, theta: Array, b: Any, e: Array) -> float:
        return self._value(e) + 0.5 * alpha * float(self.factors @ theta**2)

    def seen(self, alpha: float, theta: Array, b: Any, n_iter: int) -> Stop:
        """θ and b as users see them.

        Rounded, the intercept making up for what that does to θ in the rows that bend.
        """
        rounded = theta.astype(np.float64)
        if self.risk.fit_intercept:
            weights = np.where(self._bends(self.errors(theta, b)), self.bend, 0.0)
            mean = self.design.mean(weights / (weights.sum() or 1.0))
            b = b + (theta - rounded) @ (mean - self.center) - rounded @ self.center
        coef, intercept = rounded[None], np.array([b], dtype=np.float64)
        residual = self.rows.residual(coef, intercept)
        a = -self.multipliers(-residual[:, 0])[:, None]
        slope, total = self.rows.slopes(a, coef, 0.0)
        point = Point(rounded, intercept, self._value(-residual[:, 0]), slope[0], total)
        norm = self.rows.norm(slope + alpha * self.factors * coef, total)
        return Stop(point, gradient_norm=norm, n_iter=n_iter, n_expansions=n_iter)

    # To the minimum of a piece -------------------------------------------------------------------

    def _minimum(self, alpha: float, weights: Array, a: Array, theta: Array, b: Any):
        """θ, b and the errors there, for rows with weights, and multipliers of the others."""
        ridge, on, a, best = alpha * self.factors, weights > 0, a.copy(), np.inf
        free, design, has_b = ridge == 0, self.design, self.risk.fit_intercept
        by_rows = bool(np.count_nonzero(on) < np.count_nonzero(self.factors))
        system = WeightedRidge(design, weights, ridge, has_b, by_rows)
        if by_rows:  # θ of the multipliers: λFθ = Xᵀa
            theta = np.where(free, theta, system.give * design.transposed_dot(a[:, None])[:, 0])
        for _ in range(_REFINED):
            e, rest = self.errors(theta, b), np.zeros(len(a))
            if by_rows:
                rest[on] = e[on] - a[on] / weights[on]
            else:
                a[on] = (weights * e)[on]
            lack, lack_b = design.transposed_dot(a[:, None])[:, 0], float(a.sum()) if has_b else 0.0
            # By rows what multipliers stand for is right to rounding, which 1/λ would make large.
            lack = np.where(free, lack, 0.0) if by_rows else lack - (ridge * theta).astype(float)
            # The largest residual that no multiplier stands for, or the largest gradient.
            wrong = float(np.abs(rest if by_rows else np.append(lack, lack_b)).max(initial=0.0))
            if not wrong < 0.5 * best:
                break
            d, d_b, d_a = system.solve(rest, -lack, -lack_b)
            best, theta, b, a = wrong, theta + d, b + d_b, a + d_a
        return theta, b, e

    def _length(self, alpha: float, theta: Array, e: Array, new: tuple) -> float:
        """Where on the line to a new point the objective is least, at most a whole step."""
        change, step = e - new[2], (new[0] - theta).astype(np.float64)
        weighted = alpha * self.factors * step
        start, bend = float(weighted @ theta), float(weighted @ step)

        def slope(t: float) -> float:
            return start + t * bend - float(self.multipliers(e - t * change) @ change)

        if slope(1.0) <= 0:
            return 1.0
        return brentq(slope, 0.0, 1.0, xtol=1e-14) if slope(0.0) < 0 else 0.0
