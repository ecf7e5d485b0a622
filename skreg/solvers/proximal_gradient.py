"""min R(θ, b) + P(θ; λ) for any penalty and any loss, along a path of λ from above.

The method that serves what no other does: it asks of the penalty only its proximal step, its
smallest sub-gradient and its second derivative on what is active. At each λ the risk is replaced by
its quadratic on a working set of features (for squared error it is its own), whose minimum
`CompositeDescent` finds; the gradient over all features then says which have to join: those that a
short proximal step would move away from 0. Steps that do not lower the objective as promised are
shortened by adding to the diagonal of H (Levenberg & Marquardt), so that every step descends, for
concave penalties too.

A convex penalty gets a duality gap at every λ. For others there is none: the local minimum that
continues the one at a larger λ is found, and reported with its *stationarity residual*

    maxⱼ |rⱼ| / √(Hⱼⱼ·R₀),   r the smallest sub-gradient of R + P at θ, and R₀ the null risk,

which is free of units, like `gradient_norm_`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, cast

import numpy as np

from skreg._threads import one_blas_thread
from skreg.penalties.base import Penalty
from skreg.quadratic import EmpiricalRisk, Problem, Quadratic
from skreg.rows.products import EPS
from skreg.solvers.anchor import is_separated
from skreg.solvers.composite import CompositeDescent, WorkingPenalty, unsettled, widened
from skreg.solvers.concave_grid import grid_above
from skreg.solvers.method import Answer, Method, Stop, Task
from skreg.solvers.penalized_interior import closer_inside
from skreg.solvers.smooth import LossPart, SquaredErrorPart
from skreg.solvers.working_hessian import FLOOR

# Quadratics for each λ, and those in a row that bring nothing.
_ROUNDS, _STALE = 200, 4
# Steps for one quadratic of a loss, which is but a model of it.
_MOST = 300
# What rounding may add to an objective, relative.
_ROUNDING = 16 * EPS
# A step is taken if it lowers the objective by this share of what the quadratic promised.
_ENOUGH = 0.1
# A risk on its way to 0 is followed until it is this share of the null risk.
_NEXT_TO_NOTHING = 1e-2
# Levenberg's term relative to the largest diagonal: the first, and the factor to the next.
_DAMPING, _MORE = 1e-3, 10.0


class ProximalGradient(Method):
    """The walk of `ProximalGradientPath`: any penalty through its prox, under any loss.

    Where the penalty is not convex, ``gaps`` are residuals of stationarity. At λ = 0 Newton's
    method answers.
    """

    name = "proximal_gradient"
    scope = "any penalty, under squared error or a convex loss with a curvature"
    needs: ClassVar = {
        "problem.has_curvature": (True,),
        "problem.is_convex": (True,),
        "is_full": (True,),
    }
    unit = "steps"

    def path(self, task: Task) -> Answer:
        """Follow the path downwards in λ."""
        with one_blas_thread():
            return Answer.of(task, self.name, self._solved(task))

    def _solved(self, task: Task) -> Iterator[tuple[int, Stop]]:
        path = ProximalGradientPath(task.problem, task.penalty, task.tol, task.max_iter)
        for i in task.descending().tolist():
            alpha = float(task.alphas[i])
            if not task.penalty.is_convex:
                path.approach(alpha)
            yield i, closer_inside(task, i, path.solve(alpha))

    def alpha_max(self, task: Task) -> float:
        """The smallest λ at which all penalized blocks are 0, free features being at their best."""
        with one_blas_thread():
            return ProximalGradientPath(task.problem, task.penalty, 1e-10, 10_000).alpha_max


class ProximalGradientPath:
    """Solutions of one problem for λ that descend: each starts where the last has ended.

    Attributes
    ----------
    part : SquaredErrorPart or LossPart
    start : Stop
        Free features at their best, all others at 0.
    alpha_max : float
    n_grid, on_grid : int, (Point, float)
        How far `approach` has come, the last solution there and its λ.
    """

    def __init__(self, problem: Problem, penalty: Penalty, tol: float, max_iter: int):
        self.part: SquaredErrorPart | LossPart
        if problem.is_quadratic:
            self.part = SquaredErrorPart(cast(Quadratic, problem), penalty)
        else:
            self.part = LossPart(cast(EmpiricalRisk, problem), penalty, tol)
        self.penalty, self.tol, self.max_iter = penalty, max(tol, 64 * EPS), max_iter
        self.shape, self.scale = self.part.shape, self.part.null_risk or 1.0
        # Short enough for every step to be one of descent, and for concave penalties too.
        total = float(self.part.diagonal.sum())
        self.short = min(1.0, 1.0 / total) if total > 0 else 1.0
        self.point: Any = self.part.at(np.zeros(self.shape))
        self.floor = FLOOR
        self.start = self._null()
        self.alpha_max = penalty.alpha_max(self._gradient(self.point))
        self.last = self.alpha_max
        self.n_grid, self.on_grid = 0, (self.point, self.alpha_max)

    def _null(self) -> Stop:
        """Free features to their best, where λ and all others are of no account."""
        free = np.flatnonzero(self.penalty.free(self.shape[1]))
        steps, rounds = 0, 0
        while free.size and self._residual(self.point, 0.0, free) > 1e-12 and rounds < _ROUNDS:
            moved, taken = self._round(0.0, free, 1e-14 * self.scale, self.max_iter)
            steps, rounds = steps + taken, rounds + 1
            if not moved:
                break
        return Stop(self.point, 0.0, steps, rounds)

    def solve(self, alpha: float) -> Stop:
        """The solution at ``alpha``, from that at a larger one."""
        if alpha == 0 and not self.penalty.is_bounded(self.shape[1]):
            found = self.part.unpenalized()
            self.point = found.point
            if not self.penalty.is_convex:
                found = found._replace(gap=self.scale * self._residual(self.point, 0.0))
            return found
        features = self._working_set(np.empty(0, np.intp), max(2 * alpha - self.last, 0.5 * alpha))
        self.last, steps, stale, goal = alpha, 0, 0, 0.3 * self.tol
        best, least, rounds = self.point, self._error(alpha), 0
        while least > self.tol and steps < self.max_iter and stale < _STALE and rounds < _ROUNDS:
            if self._falls_forever(best, alpha):
                break
            before = self._objective(self.point, alpha)
            moved, taken = self._round(alpha, features, goal * self.scale, self.max_iter - steps)
            steps, rounds = steps + taken, rounds + 1
            wider = self._working_set(features, alpha)
            error, gain = self._error(alpha), before - self._objective(self.point, alpha)
            progress = error < 0.5 * least or gain > 1e-9 * self.scale
            stale = 0 if progress or len(wider) > len(features) else stale + 1
            if error < least or gain > _ROUNDING * self.scale:
                best, least = self.point, error
            if not moved or not progress:
                goal *= 1e-3
            features = wider
        self.point = best
        return Stop(best, least * self.scale, max(steps, 1), max(rounds, 1))

    def _falls_forever(self, point: Any, alpha: float) -> bool:
        """Whether P, which is concave, no longer grows with θ, while the loss falls to its infimum.

        Multiples of a point that separates the classes then lower the objective without end.
        """
        if self.penalty.is_convex or self.part.is_quadratic or not point.theta.any():
            return False
        if point.value > _NEXT_TO_NOTHING * self.scale or self.penalty.is_bounded(self.shape[1]):
            return False
        is_flat = not self.penalty.gradient(self._theta(point), alpha).any()
        return is_flat and is_separated(cast(EmpiricalRisk, self.part.problem), point)

    def approach(self, alpha: float) -> None:
        """Go to the solution at the last λ of `grid_above`, which descend."""
        grid = grid_above(alpha, self.alpha_max)
        for at in grid[self.n_grid :]:
            self.point, self.last = self.on_grid
            if self.n_grid:
                self.solve(float(at))
            self.n_grid, self.on_grid = self.n_grid + 1, (self.point, float(at))
        if len(grid):
            self.point, self.last = self.on_grid

    # One quadratic -------------------------------------------------------------------------------

    def _round(self, alpha, features, tol, max_iter):
        """Minimize the quadratic at the point on these features; whether that moved, and steps."""
        point, k = self.point, self.shape[0]
        which = (np.arange(k)[:, None] * self.shape[1] + features).ravel()
        hessian = self.part.hessian_at(point, self.floor).block(which)
        penalty = WorkingPenalty(self.penalty, alpha, features, self.shape)
        start, slope = self._theta(point)[:, features], self._gradient(point)[:, features]
        steps, damping = 0, 0.0
        while True:
            damped = hessian + damping * np.eye(len(hessian)) if damping else hessian
            linear = (damped @ start.ravel()).reshape(start.shape) - slope
            descent = CompositeDescent(damped, linear, penalty, start)
            before = descent.objective
            left = max_iter - steps
            theta = descent.solve(tol, left if self.part.is_quadratic else min(left, _MOST))
            steps += descent.n_iter
            promise = before - descent.objective
            if (theta == start).all():
                return False, steps
            new = self.part.at(penalty.whole(theta), point)
            gain = self._objective(point, alpha) - self._objective(new, alpha)
            # Near the minimum gaps still fall where objectives differ by rounding alone.
            rounding = _ROUNDING * (self.scale + abs(self._objective(point, alpha)))
            if self.part.is_quadratic or gain >= _ENOUGH * promise - rounding:
                self.point, self.floor = new, max(FLOOR, self.floor / 10)
                return True, steps
            if self.part.has_flat_parts and self.floor < 1:
                self.floor = min(1.0, 10 * self.floor)
                hessian = self.part.hessian_at(point, self.floor).block(which)
                continue
            if steps >= max_iter or not damping <= 1e12:
                return False, steps
            largest = np.diag(hessian).max(initial=0.0) or 1.0
            damping = _MORE * damping if damping else _DAMPING * largest

    def _objective(self, point, alpha):
        return point.value + self.penalty.value(self._theta(point), alpha)

    def _theta(self, point):
        return point.theta.reshape(self.shape)

    def _gradient(self, point):
        return point.gradient.reshape(self.shape)

    def _working_set(self, features, alpha):
        theta, gradient = self._theta(self.point), self._gradient(self.point)
        return widened(features, self.penalty, theta, gradient, self.short, alpha)

    # How far from optimal ------------------------------------------------------------------------

    def _error(self, alpha):
        """The relative duality gap, or the stationarity residual."""
        if self.penalty.is_convex and (alpha > 0 or self.penalty.bounds_alone() is not None):
            gap = self.part.gap(self.point, alpha, self.tol * self.scale)
            return gap / self.scale
        return self._residual(self.point, alpha)

    def _residual(self, point, alpha, features=slice(None)):
        """maxⱼ |rⱼ|/√(Hⱼⱼ·R₀), see `unsettled`."""
        at, width = (self._theta(point), self._gradient(point)), self.part.diagonal * self.scale
        relative = unsettled(self.penalty, *at, self.short, alpha, np.sqrt(width))
        return float(relative[:, features].max(initial=0.0))
