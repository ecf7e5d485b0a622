"""min ½θᵀHθ − cᵀθ + P(θ; λ) for any penalty: accelerated proximal gradient, finished by Newton.

Proximal steps with momentum (Beck & Teboulle, 2009), restarted where the momentum points uphill
(O'Donoghue & Candès, 2015), find which components are active. On these J is smooth, and Newton's
method in the directions of `Penalty.curvature` takes over; its steps count only where they lower
the objective, so what is ill-conditioned costs no accuracy and what is not yet identified no harm.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from skreg._kernels import pieces
from skreg.penalties.base import Penalty
from skreg.quadratic.conjugate_gradient import power_method
from skreg.quadratic.factor import Factor
from skreg.rows.products import EPS, Array, Indices, Mask, length_of
from skreg.solvers.membership import newcomers

# Proximal steps between two attempts by Newton's method: at first, and at most.
_FIRST, _LAST = 5, 80
# Passes of compiled coordinate descent before that, and the share of the accuracy asked for that
# they go to, since they are cheap.
_PASSES, _CLOSER = 300, 1e-6
# Newton steps in a row, and how often one is halved.
_NEWTON, _HALVINGS = 30, 8
# More active directions than this are left to proximal steps.
_LARGEST = 4000


class WorkingPenalty:
    """P(·; λ) of the components of a working set of features, all others being 0."""

    def __init__(self, penalty: Penalty, alpha: float, features: Indices, shape: tuple[int, int]):
        self.penalty, self.alpha, self.features, self.shape = penalty, alpha, features, shape
        self.is_separable = penalty.is_separable

    def whole(self, part: Array) -> Array:
        """θ of shape (K, p) from its working set (K, m)."""
        out = np.zeros(self.shape)
        out[:, self.features] = part
        return out

    def value(self, part: Array) -> float:
        """P."""
        return self.penalty.value(self.whole(part), self.alpha)

    def prox(self, part: Array, step: Array | float) -> Array:
        """The proximal step; ``step`` (K, m) where the penalty is separable."""
        if np.ndim(step):
            every = np.ones(self.shape)
            every[:, self.features] = step
            step = every
        return self.penalty.prox(self.whole(part), step, self.alpha)[:, self.features]

    def table(self) -> Array | None:
        """`Penalty.table` of the components (K, m) in a row."""
        table = self.penalty.table(self.shape[1], self.alpha)
        return None if table is None else np.tile(table[self.features], (self.shape[0], 1, 1))

    def gradient(self, part: Array) -> Array:
        """The smallest sub-gradient."""
        return self.penalty.gradient(self.whole(part), self.alpha)[:, self.features]

    def tangent(self, part: Array) -> tuple[Mask, Array | None, Array]:
        """Mask of active components (K, m), directions (n_active, r), second derivative (r, r).

        Directions are None where they are the active components themselves.

        Components outside the working set that the penalty would let go are none of its business.
        """
        tangent = self.penalty.curvature(self.whole(part), self.alpha)
        inside = np.zeros(self.shape, dtype=bool)
        inside[:, self.features] = True
        kept = inside[tangent.active]
        active, matrix = tangent.active[:, self.features], tangent.matrix()
        if tangent.basis is not None:
            return active, tangent.basis[kept], matrix
        return active, None, matrix[np.ix_(kept, kept)]


def widened(
    features: Indices, penalty: Penalty, theta: Array, gradient: Array, short: float, alpha: float
) -> Indices:
    """A working set with what a proximal step so short, from θ (K, p), would not leave at 0."""
    moved = penalty.prox(theta - short * gradient, short, alpha)
    needed = penalty.free(theta.shape[1]) | (theta != 0).any(axis=0)
    needed[features] = True
    score = np.where(needed, 0.0, np.abs(moved).max(axis=0))
    needed[newcomers(score > 0, score, int(needed.sum()))] = True
    return np.flatnonzero(needed)


def unsettled(
    penalty: Penalty, theta: Array, gradient: Array, short: float, alpha: float, width: Array
) -> Array:
    """|rⱼ|/widthⱼ, r what such a step changes in units of its length; 0 where the width is 0."""
    moved = penalty.prox(theta - short * gradient, short, alpha)
    rest = np.abs(theta - moved) / short
    return np.divide(rest, width, out=np.zeros_like(rest), where=width > 0)


class CompositeDescent:
    """One problem ½θᵀHθ − cᵀθ + P(θ; λ), solved from a start.

    H has shape (K·m, K·m); ``linear``, c, and θ have shape (K, m).
    With ``origin``, θ₀, the quadratic is ½dᵀHd − cᵀd of d = θ − θ₀: near the minimum, values keep
    their digits where H is large.

    Attributes
    ----------
    theta : ndarray of shape (K, m)
        The best point so far.
    n_iter : int
        Proximal and Newton steps taken.
    """

    def __init__(
        self,
        hessian: Array,
        linear: Array,
        penalty: WorkingPenalty,
        theta: Array,
        origin: Array | float = 0.0,
    ):
        self.hessian, self.linear, self.penalty = hessian, linear, penalty
        self._start, self._origin = theta, origin
        self._move_to(theta, self._product(theta))
        self.n_iter = 0
        # A metric for the steps: the diagonal of H where each component has its own.
        self._metric: Array | float = 1.0
        if penalty.is_separable:
            diagonal = np.diag(hessian).reshape(theta.shape)
            self._metric = np.maximum(diagonal, 1e-8 * diagonal.max(initial=0.0) + EPS)

    @cached_property
    def _bound(self) -> float:
        """The largest eigenvalue of H in the metric, raised where steps prove too long."""
        root, start = np.sqrt(self._metric), np.random.default_rng(0).normal(size=self.theta.shape)
        size = power_method(lambda v: self._times(v / root) / root, start, 12)
        return 1.05 * size if size else 1.0

    def _times(self, way):
        """H times the difference of two θ."""
        return (self.hessian @ way.ravel()).reshape(way.shape)

    def _product(self, theta):
        """H(θ − θ₀)."""
        return self._times(theta - self._origin)

    def _value(self, theta, product):
        """The objective, from H(θ − θ₀)."""
        value = float(np.vdot(theta - self._origin, 0.5 * product - self.linear))
        return value + self.penalty.value(theta)

    def _move_to(self, theta, product):
        self.theta, self.product, self.objective = theta, product, self._value(theta, product)

    def solve(self, tol: float, max_iter: int) -> Array:
        """θ, where the estimated distance from the minimum is below ``tol`` or steps are spent."""
        table = self.penalty.table()
        # Half of the steps are left to what follows, which ends where descent only creeps.
        if table is not None and self._descend(table, tol, min(_PASSES, max_iter // 2)):
            return self.theta
        period = _FIRST
        while self.n_iter < max_iter:
            before = self.objective
            self._proximal_steps(min(period, max_iter - self.n_iter))
            distance = self.distance()
            if not distance > tol:  # which NaN is not: no step leads away from it
                break
            self._newton_steps(max_iter)
            period = min(2 * period, _LAST)
            if not self.distance() > tol:
                break
            stalled = before - self.objective <= 4 * EPS * abs(self.objective)
            if stalled and period == _LAST and self.distance() >= 0.5 * distance:
                break
        return self.theta

    def _descend(self, table, tol, max_passes):
        """Compiled coordinate descent; whether that was enough."""
        theta, product = self.theta.ravel().copy(), self.product.ravel().copy()
        hessian = np.ascontiguousarray(self.hessian)
        passes = pieces.descend(
            hessian, self.linear.ravel(), table, theta, product, _CLOSER * tol, max_passes
        )
        self.n_iter += abs(passes)
        theta = theta.reshape(self.theta.shape)
        self._move_to(theta, self._product(theta))
        return passes > 0

    def distance(self) -> float:
        """‖r‖ times the way that θ has gone or may go, r what one proximal step would change."""
        theta = self.theta
        step = 1.0 / (self._bound * self._metric)
        gradient = self.product - self.linear
        rest = (theta - self.penalty.prox(theta - step * gradient, step)) / np.sqrt(step)
        reach = np.sqrt(max(self._bound, 0.0) * self._metric) * np.ones_like(theta)
        size = length_of(rest)
        way = max(length_of(reach * theta), length_of(reach * (theta - self._start)))
        return size * max(way, size)

    # Proximal steps ------------------------------------------------------------------------------

    def _proximal_steps(self, count):
        point, product, pace, previous = self.theta, self.product, 1.0, self.theta
        previous_product = self.product
        for _ in range(count):
            self.n_iter += 1
            new, new_product = self._step(point, product)
            objective = self._value(new, new_product)
            if objective > self.objective + 2 * EPS * abs(self.objective):
                if point is self.theta:
                    return
                point, product, pace = self.theta, self.product, 1.0
                continue
            previous, previous_product = self.theta, self.product
            self.theta, self.product, self.objective = new, new_product, objective
            if np.vdot(self._metric * (point - new), new - previous) > 0:
                point, product, pace = new, new_product, 1.0
                continue
            faster = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * pace**2))
            share = (pace - 1.0) / faster
            point = new + share * (new - previous)
            product = new_product + share * (new_product - previous_product)
            pace = faster

    def _step(self, point, product):
        """A proximal step from ``point``, no longer than the curvature along it allows."""
        while True:
            step = 1.0 / (self._bound * self._metric)
            new = self.penalty.prox(point - step * (product - self.linear), step)
            way, new_product = new - point, self._product(new)
            bend = float(np.vdot(way, new_product - product))
            room = self._bound * float(np.vdot(self._metric * way, way))
            rounding = 64 * EPS * np.abs(np.vdot(way, new_product)) + 64 * EPS * room
            if not bend > room * (1 + 1e-12) + rounding:  # nor is NaN, whatever the step
                return new, new_product
            self._bound *= max(1.1, min(bend / room, 2.0)) if room > 0 else 1.1

    # Newton's method -----------------------------------------------------------------------------

    def _newton_steps(self, max_iter):
        slope = np.inf
        for _ in range(_NEWTON):
            found = self._newton_direction()
            if found is None or self.n_iter >= max_iter:
                return
            direction, steepness = found
            self.n_iter += 1
            rounding = 8 * EPS * abs(self.objective)
            if not self._search(direction, rounding if steepness < 0.5 * slope else -rounding):
                return
            slope = steepness

    def _newton_direction(self):
        """The step (K, m) to the minimum on the active directions, and ‖slope‖ along them."""
        active, basis, bend = self.penalty.tangent(self.theta)
        if not 0 < len(bend) <= _LARGEST:
            return None
        slope = self.product - self.linear + self.penalty.gradient(self.theta)
        which = np.flatnonzero(active)
        hessian = self.hessian[np.ix_(which, which)]
        slope = slope[active]
        if basis is not None:
            slope, hessian = basis.T @ slope, basis.T @ hessian @ basis
        factor = Factor(hessian + bend, np.zeros(len(bend)), scaled=True)
        if not factor.is_semidefinite:
            return None
        step = factor.inverse_times(slope)
        direction = np.zeros_like(self.theta)
        direction[active] = -step if basis is None else -(basis @ step)
        return direction, length_of(slope)

    def _search(self, direction, slack):
        """Take the longest part of a step that lowers the objective; components stop at 0."""
        theta, length = self.theta, 1.0
        for _ in range(_HALVINGS):
            new = theta + length * direction
            new = np.where(new * theta < 0, 0.0, new)
            new = self.penalty.prox(new, 0.0)
            product = self._product(new)
            objective = self._value(new, product)
            if objective < self.objective + slack:
                self.theta, self.product, self.objective = new, product, objective
                return True
            if slack > 0:
                return False
            length *= 0.5
        return False
