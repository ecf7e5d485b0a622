"""The walk of the proximal Newton method over descending λ."""

import math
from collections import deque
from typing import Any

import numpy as np

from skreg._kernels import extrapolation
from skreg.quadratic.point import Rounding
from skreg.rows.products import EPS
from skreg.solvers.certificate import Certificate
from skreg.solvers.inner import CoefficientBlocks, inner_kernel
from skreg.solvers.membership import Membership
from skreg.solvers.method import Stop
from skreg.solvers.smooth import Evaluator
from skreg.solvers.working_hessian import FLOOR, WorkingHessian, raised

# Points that the extrapolation looks back on.
_MEMORY = 4
# The kernel's gap in a step is at most this share of the gap asked for, and falls by as much more
# where steps end above it.
_INNER = 0.1
# Passes of an inexact kernel for one quadratic.
_MAX_INNER = 200
# A step must gain this share of what the quadratic promises (Armijo).
_ARMIJO = 1e-4
# λ falls at most by this factor between points; a path with wider steps goes through more λ.
_STRIDE = 0.3
# Quadratics for one λ, where the caller sets no limit.
MAX_EXPANSIONS = 200


class ProximalPath:
    """Solves for one λ after another, downwards.

    Parameters
    ----------
    risk : EmpiricalRisk
    penalty : Penalty
        Convex, with one of the kernels in `skreg.solvers.inner`.
    tol : float
        Duality gap relative to the risk of the null model.
    max_iter, max_expansions : int
        Passes of the kernel, and quadratics, for each λ.

    Attributes
    ----------
    alpha_max : float
    point : Point
        The last solution; at first the null model, features without a penalty at their best.
    """

    def __init__(self, risk, penalty, tol, max_iter, max_expansions=MAX_EXPANSIONS):
        self.risk, self.penalty = risk, penalty
        self.max_iter, self.max_expansions = max_iter, max_expansions
        p, k = risk.n_features, risk.n_outputs
        self.blocks = CoefficientBlocks(penalty, p, k)
        self.working = Membership(self.blocks)
        self.certificate = Certificate(risk, penalty)
        self.free = self.certificate.free
        self.null_risk = risk.null_risk
        # Not below what rounding leaves in a sum of losses.
        self.tol = float(max(tol, 64 * EPS) * self.null_risk + risk.rounding.value)
        self.evaluate = Evaluator(self.certificate, tol)
        self.floor, self.wasted, self.dual = FLOOR, 0.0, None
        self.model: Any = None  # a WorkingHessian, once there is a working set
        self.history: deque[tuple[float, Any]] = deque(maxlen=_MEMORY)
        self.passes = self.expansions = 0
        self.sought, self.inner_tol = np.finfo(np.float64).max, EPS * self.null_risk
        self.point = self.evaluate(np.zeros(k * p), risk.null_intercept() + 0.0)
        self.slope, self.is_told = -self.point.gradient, True
        if self.free.size:
            self._fit_free()
        self.alpha_max = penalty.alpha_max(self.point.gradient.reshape(k, p))
        self.alpha = self.sought = self.alpha_max

    # One λ ---------------------------------------------------------------------------------------

    def solve(self, alpha, near=None):
        """`Stop` at this λ, not above the last one; from θ (K, p) and b (K,) if these are near."""
        self.passes = self.expansions = 0
        if alpha >= self.alpha_max or self.null_risk == 0:
            gap = self._natural_gap(self.point, alpha, self.tol)
            return self._stop(gap if self.null_risk else min(gap, self.point.value))
        if not self.history:
            self.history.append((self.alpha, self.point))
            self.slope = -self.point.gradient
        point = None if near is None else self.at(*near)
        if point is not None and np.isfinite(point.value):
            return self._stop(self._go(alpha, self.tol, point))
        loose = max(self.tol, 1e-3 * self.null_risk)
        while 1e-12 * self.alpha_max < self.alpha < np.inf and alpha < _STRIDE * self.alpha:
            self._go(_STRIDE * self.alpha, loose)
            self.passes = self.expansions = 0
        return self._stop(self._go(alpha, self.tol))

    def polish(self, stop):
        """A step more from the last solution, with its own Hessian; kept if the gap is as good.

        Gaps are quadratic in the error: one of 1e-14 leaves 1e-7 in θ, which such a step mends.
        """
        spent = self.expansions >= self.max_expansions or self.passes >= self.max_iter
        if self.model is None or self.alpha >= self.alpha_max or spent:
            return stop
        point = self.point
        self._renew(point)
        new = self._full_step(point, self.alpha)[0]
        gap = self._gap(new, self.alpha, self.tol)
        if not gap <= max(stop.gap, self.tol):
            return stop
        self.point = new
        return self._stop(gap)

    def _stop(self, gap):
        return Stop(self.point, gap, max(self.passes, 1), max(self.expansions, 1))

    def _go(self, alpha, goal, start=None):
        """Bring ``point`` to λ = ``alpha``, by way of ``start``; the gap reached."""
        self.sought, self.inner_tol = alpha, _INNER * goal
        if alpha == self.alpha:
            self.history.pop()
            if not self.history:
                self.history.append((np.inf, self.point))
        first = self._predict(alpha, goal) if start is None else self._start(start, alpha)
        (point, gap), least = first, np.inf
        while gap > goal and self.passes < self.max_iter and self.expansions < self.max_expansions:
            self._admit(point, alpha)
            if self.wasted > self.model.renewal_cost:
                self._renew(point)
            new, ends = self._step(point, alpha)
            if new is not None and not ends:
                point, gap = new, self._gap(new, alpha, goal)
            elif ends:  # gaps may fall on where objectives differ by less than rounding
                point, gap = self._closer(point, gap, new, alpha, goal)
                falls, least = gap < 0.5 * least, min(gap, least)
                if gap > goal and not self._admit(point, alpha) and not (self._sharpen() or falls):
                    break
        if gap > goal:
            gap = min(gap, self._natural_gap(point, alpha, goal))
        if gap > goal:
            gap = min(gap, self.certificate.gap_of_small(point, alpha))
        self.point, self.alpha = point, alpha
        if self.history and self.history[-1][0] == np.inf:
            self.history.clear()
        self.history.append((alpha, point))
        return gap

    def _closer(self, point, gap, new, alpha, goal):
        """Of two points whose objectives rounding makes alike the one of less gap, with it.

        ``gap`` is what is known of ``point``; its own dual point may tell more, or far less.
        """
        gap = min(gap, self._natural_gap(point, alpha, goal))
        if new is not None and gap > goal:
            other = min(self._gap(new, alpha, goal), self._natural_gap(new, alpha, goal))
            if other <= gap:
                return new, other
            self.slope = -point.gradient
        return point, gap

    def at(self, coef, intercept):
        """The point at θ (K, p) and b (K,) as users see them."""
        about_center = intercept + coef @ self.risk.design.center
        return self.evaluate(np.array(coef, dtype=np.float64).ravel(), about_center)

    def _start(self, point, alpha):
        """A point, its Hessian on what is needed there, and a gap that asks for a step."""
        self.slope = -point.gradient
        whole = [(a, old) for a, old in self.history if old.complete]  # nothing is told of others
        self.history = deque(whole, maxlen=_MEMORY)
        inside = self._inside() | self.blocks.nonzero(point.theta)
        inside |= self.working.excess(self.slope, alpha) > 0
        self._renew(point, np.flatnonzero(inside))
        return point, np.inf

    def _predict(self, alpha, goal):
        """The point predicted from the last few, with its gap; or the last one, if it is better."""
        last = self.point
        self._choose(alpha)
        model, points = self.model, [point for _, point in self.history]
        rests = model.rests(points)
        weights = extrapolation.best_weights([a for a, _ in self.history], rests, alpha)
        used = points[-len(weights) :]
        thetas = [point.theta[model.which] for point in used if not model.inner.is_exact]
        start = weights @ np.array(thetas) if thetas else None
        rest = weights @ rests[-len(weights) :]
        theta = self._minimize(alpha, rest, start)
        intercept = weights @ np.array([point.intercept for point in used])
        self.dual = used, weights, self._shift()
        predicted = self.evaluate(theta, intercept, model)
        model.settle(predicted, rest)
        gap = self._gap(predicted, alpha, goal)
        objective = self.certificate.objective
        if gap <= goal or objective(predicted, alpha) <= objective(last, alpha):
            return predicted, gap
        return last, np.inf

    def _step(self, point, alpha):
        """A point of lower objective (None if there is none), and whether rounding hides any other.

        The full step is taken if it gains enough. If not, the Hessian is renewed, and if it is
        new already, a part of the step is taken.
        """
        theta, model, fresh = point.theta, self.model, self.model_point is point
        new, way, shift = self._full_step(point, alpha)
        objective = self.certificate.objective(point, alpha)
        promise = float(point.gradient @ way) + self._penalty(new, alpha)
        promise -= self._penalty(point, alpha)
        # The quadratic falls by half of that at least, below 0, where no loss is.
        if -0.5 * promise > objective and self.floor < 1:
            self.floor = min(1.0, 10 * self.floor)
            self._renew(point)
            return self._step(point, alpha)
        rounding = 4 * EPS * objective
        end = rounding if self.model.inner.is_exact else max(rounding, self.inner_tol)
        if self.certificate.objective(new, alpha) <= objective + _ARMIJO * promise + rounding:
            self.floor = max(FLOOR, self.floor / 10)
            return new, fresh and promise > -end
        if not fresh:
            self._renew(point)
            return self._step(point, alpha)
        # Raw predictions are sums of larger terms, where features lie far from 0.
        rounding += Rounding.at(self.risk, point).value
        if promise >= -rounding:  # lower as far as rounding shows
            return new if promise <= end else None, True
        self.dual = None
        length = 0.5
        while length > 1e-10:
            new = self.evaluate(theta + length * way, point.intercept + length * shift, model)
            if self.certificate.objective(new, alpha) <= objective + _ARMIJO * length * promise:
                self.floor = min(1.0, 100 * self.floor) if length < 0.1 else self.floor
                return new, False
            length *= 0.5 if length > 0.1 else 0.1
        return None, True

    def _full_step(self, point, alpha):
        """The point where the quadratic at ``point`` is least, and the way there in θ and in b."""
        model = self.model
        rest = model.rest(point)
        target = self._minimize(alpha, rest)
        way = target - point.theta
        shift = model.intercept_way(way[model.which]) if self.risk.fit_intercept else 0.0
        self.dual = [point], [1.0], self._shift()
        new = self.evaluate(target, point.intercept + shift, model)
        model.settle(new, rest)
        return new, way, shift

    def _minimize(self, alpha, rest, start=None):
        """argmin ½θᵀHθ + restᵀθ + λJ(θ) over the working set, from the last one or ``start``."""
        model, inner = self.model, self.model.inner
        known, cross = len(inner.theta), -rest
        slope = inner.slope_to(model.matrix, cross)
        slack = 16 * EPS * (np.abs(rest) + np.abs(slope))
        inner.extend(model.matrix, cross, slope, slack, self.working.members[len(inner.members) :])
        if start is not None or not known:
            inner.start(self.model_point.theta[model.which] if start is None else start)
        power = 2.0 * self.point.value
        if not inner.is_exact:
            with np.errstate(over="ignore", invalid="ignore"):  # no gap is then told
                power += abs(inner.theta @ (model.matrix @ inner.theta + 2.0 * rest))
        left = min(max(self.max_iter - self.passes, 1), np.inf if inner.is_exact else _MAX_INNER)
        self.passes += inner.solve(alpha, self.inner_tol, power, left)
        self.expansions += 1
        out = np.zeros(self.blocks.n_features * self.blocks.n_outputs)
        out[model.which] = inner.theta
        return out

    def _shift(self):
        """How the raw predictions of the kernel's dual point differ from those of its θ."""
        model, inner = self.model, self.model.inner
        if inner.dual is inner.theta:
            return 0.0
        way = np.zeros(self.certificate.shape)
        way.ravel()[model.which] = inner.dual - inner.theta
        return self.risk.design.dot(way.T) if model.columns is None else model.dot(way.ravel())

    def _sharpen(self):
        """Solve the quadratics closer from here; whether that can help."""
        self.inner_tol *= _INNER
        return not self.model.inner.is_exact and self.inner_tol > EPS**2 * self.null_risk

    def _penalty(self, point, alpha):
        """λJ(θ)."""
        return self.penalty.value(point.theta.reshape(self.certificate.shape), alpha)

    # Certificates --------------------------------------------------------------------------------

    def _gap(self, point, alpha, goal):
        """The gap at a point just reached; +inf or a bound above the goal if it is not good yet."""
        if not math.isfinite(point.value):
            return np.inf
        gap = self._natural_gap(point, alpha, goal) if point.complete else np.inf
        if gap > goal and self.dual is not None:
            points, weights, shift = self.dual
            residual = self.model.linear_residual(points, weights, point.raw + shift)
            slope_by = self.evaluate.slope_by(self.model, points, weights, alpha)
            other, slope = self.certificate.gap_by(point, residual, alpha, goal, slope_by)
            gap = min(gap, other)
            if slope is not None:
                self.slope, self.is_told = slope, slope_by is None or self.evaluate.knows(slope)
        if gap > goal:
            self.wasted += self.model.step_cost
        return gap

    def _natural_gap(self, point, alpha, goal):
        self.evaluate.complete(point)
        self.slope, self.is_told = -point.gradient, True
        return self.certificate.gap(point, alpha, goal)

    # The working set -----------------------------------------------------------------------------

    def _choose(self, alpha):
        """The working set of the first step at this λ: the supports so far, and who may join."""
        working, now = self.working, self.history[-1][0]
        if self.is_told and now < np.inf:
            working.tell(now, self.slope)
        if working.drift is None or now == np.inf:
            bar = max(2 * alpha - self.alpha, 0.5 * alpha)
            self._join(working.excess(self.slope, bar), self.point)
        elif (excess := working.expected(self.slope, now, alpha)) is not None:
            self._join(excess, self.point)

    def _admit(self, point, alpha):
        """Take blocks at 0 that are drawn away from it into the working set, if any."""
        return self._join(self.working.excess(self.slope, alpha * (1 + 16 * EPS)), point)

    def _inside(self):
        """Mask of the blocks that some point of the history has, and of those without a penalty."""
        inside = np.zeros(len(self.blocks), dtype=bool)
        for _, point in self.history:
            inside |= self.blocks.nonzero(point.theta)
        inside[self.blocks.free] = True
        return inside

    def _join(self, excess, current):
        """Take blocks of positive excess in, if there are any; those that points have are in."""
        new = self.working.newcomers(excess, current.theta)
        if self.model is None:
            self._renew(current, np.union1d(self.blocks.free, new))
        elif len(new):
            self.working.hold(np.concatenate([self.working.members, new]))
            new = self.blocks.coefficients(new)
            self.model.extend(new)
            self._fill(new, current)
        return len(new) > 0

    def _fill(self, new, current):
        """Gradients on coefficients that have just joined."""
        for point in [current, *(point for _, point in self.history)]:
            if point.complete:
                continue
            if self.model.columns is None:
                self.evaluate.complete(point)
            else:
                at = slice(len(self.model.which) - len(new), None)
                point.gradient[new] = self.model.transposed_dot(point.residual, at)

    # The Hessian ---------------------------------------------------------------------------------

    def _renew(self, point, members=None):
        """Take the Hessian at ``point``, on what is still needed of the working set."""
        if members is None:
            inside = self._inside() | self.blocks.nonzero(point.theta)
            inside |= self.working.excess(self.slope, 0.9 * self.sought) > 0
            members = self.working.members[inside[self.working.members]]
        self.working.hold(members)
        curvature = raised(self.risk, point, self.floor)
        which = self.blocks.coefficients(members)
        self.model = WorkingHessian(self.risk, curvature, which, before=self.model)
        self.model.inner = inner_kernel(self.blocks)
        if self.risk.loss.coupled and self.free.size:
            self.model.hold_together(self.free)
        self.model_point, self.wasted = point, 0.0

    # Features without a penalty ------------------------------------------------------------------

    def _fit_free(self):
        """Bring the features without a penalty to their best at θ = 0 for the others."""
        for _ in range(MAX_EXPANSIONS):
            self._renew(self.point, self.blocks.free)
            new, ends = self._step(self.point, 0.0)
            self.point = self.point if new is None else new
            if ends:
                break
        self.evaluate.complete(self.point)
        self.model = None
        self.working.hold(self.working.members[:0])
