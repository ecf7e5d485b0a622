"""The path of min ½‖b − Aθ‖² + P(θ; λ) by working sets of blocks, λ downwards.

A kernel (`skreg.solvers.inner`) solves the problem on the blocks that it knows, and goes on from
one λ to the next. Where H is an array, it knows all features, but for groups of many. Else it gets
to know those that are expected to leave 0: by the tangent of the path, where the kernel has one, or
by the strong rule (Tibshirani et al., 2012), where their pull is above 2λ less the λ before. The
slope q = h − Hθ over all features then says which were missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from skreg._kernels import lasso_gap
from skreg.penalties import Penalty
from skreg.quadratic import Quadratic
from skreg.quadratic.factor import Factor
from skreg.rows.products import EPS, Array, Indices, Mask
from skreg.solvers.certificate import quadratic_gap
from skreg.solvers.group_rows import ResidualGroups
from skreg.solvers.inner import CoefficientBlocks, InnerKernel, inner_kernel
from skreg.solvers.known_slopes import PathSlopes
from skreg.solvers.method import Answer, Method, Task
from skreg.solvers.residual_descent import ResidualDescent

# A block that comes as near to λ as this, by the tangent of the path, becomes known.
_NEAR = 0.98
# Up to so many features of groups are known from the start, where H is an array.
_ALL = 2000
# Known features of sparse rows from which on H on them is given up for coordinate descent.
_MANY = 500
# A path of coefficients comes down to a λ far below by steps of this ratio, which is faster than a
# leap, from λ_max down to this share of it.
_STEP, _LOWEST = 0.5, 1e-4
# To bring features without a penalty to their best: one or two do, more only within bounds.
_FREE_ROUNDS = 10_000


class PenalizedQuadratic:
    """Some targets of a quadratic and a penalty, for any λ.

    With H = AᵀA, h = Aᵀb and r = b − Aθ, θ and the slope q = Aᵀr = h − Hθ have shape (q, p).

    Parameters
    ----------
    quadratic : Quadratic
    penalty : Penalty
    targets : slice, default=slice(None)

    Attributes
    ----------
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
        return np.stack(list(map(self.quadratic.slope, theta, self.targets)))

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
        return self.penalty.prox(theta + np.copysign(1.0 + np.abs(theta), slope), 1.0, 0.0) != theta

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


class WorkingSet:
    """The penalized quadratic at one λ after another, downwards.

    Parameters
    ----------
    problem : PenalizedQuadratic
        With a penalty of the kernels in `skreg.solvers.inner`.
    goal : float
        The gap, absolute, at which a λ counts as solved; an exact kernel goes on to rounding.

    Attributes
    ----------
    slope : ndarray of shape (q, p)
        h − Hθ, that of the dual point on features that the kernel does not know; at first all
        penalized blocks are 0, the others at their best.
    alpha_max : float
        The smallest λ at which 0 is optimal for all penalized blocks.
    known : ndarray of int
        The features that the kernel knows.
    """

    def __init__(self, problem: PenalizedQuadratic, goal: float) -> None:
        self.problem, self.goal, self.blocks = problem, goal, problem.blocks
        by_rows = None if self.blocks.single else ResidualGroups.of(self.blocks, problem)
        self.kernel: InnerKernel = by_rows or inner_kernel(self.blocks)
        self._columns: Any = None if by_rows else problem.quadratic.working_columns(problem.targets)
        self._path_slopes: PathSlopes | None = None
        self.known = np.empty(0, dtype=np.intp)
        self._curved = self.blocks.nonzero(problem.width)  # a constant feature is never wanted
        self._unknown = self._curved.copy()
        self.slope, self._drift = problem.cross, np.zeros((1, 1))
        self._alpha, self._in_order, self._closer = np.inf, False, self.kernel.share * goal
        self._dual: tuple[Array, Array] | None = None  # θ′ and h − Hθ′, if θ′ is not θ
        self._gap: float | None = None  # of the last look, where it was asked for
        if self.blocks.free.size:
            self._take(self.blocks.free)
            self.kernel.solve(0.0, 0.0, problem.power, _FREE_ROUNDS if self.blocks.single else 1)
            self._look()
        self.alpha_max = problem.penalty.alpha_max(-self.slope)
        p = problem.cross.shape[1]
        few = p <= _ALL and not (self.blocks.free.size or problem.penalty.is_bounded(p))
        self._knows_all = problem.quadratic.holds_hessian and (self.blocks.single or few)

    @property
    def theta(self) -> Array:
        """θ, shape (q, p), a new array."""
        return self._placed(self.kernel.theta)

    def _placed(self, known: Array) -> Array:
        """Numbers of the features known among zeros, (q, p)."""
        if self._in_order:
            return np.array(known, ndmin=2)
        out = np.zeros(self.problem.cross.shape)
        out[:, self.known] = known
        return out

    def path(self, alphas: Array, max_iter: int) -> Iterator[tuple[Array, float, float, int]]:
        """Yield (θ, gap, risk, rounds) for each λ, which descend."""
        top = self.alpha_max
        last = top if self.blocks.single and top < np.inf else 0.0
        for alpha in alphas:
            rounds = 0
            while _STEP * last > max(alpha, _LOWEST * top) and rounds < max_iter - 1:
                last *= _STEP
                rounds += self.solve(last, max_iter - 1 - rounds)
            rounds += self.solve(alpha, max_iter - rounds)
            last, theta = alpha if last else 0.0, self.theta
            gap = self._gap if self._gap is not None else self.problem.gap(theta, self.slope, alpha)
            yield theta, gap, self.problem.risk(theta, self.slope), rounds

    def solve(self, alpha: float, max_iter: int) -> int:
        """Go on from the present θ to λ = ``alpha``; the rounds or passes that it took."""
        problem, rounds, self._gap = self.problem, 0, None
        if self._knows_all:
            if self.known.size < len(self.blocks):
                self._in_order = not self.known.size and self.blocks.in_order
                self._take(np.delete(np.arange(len(self.blocks)), self.known))
            self.kernel.begin(alpha)
            rounds = self.kernel.solve(alpha, self._closer, problem.power, max(max_iter, 1))
            self._gap, slope = self.kernel.gap, self.kernel.slope
            if self._gap is None or slope is None:
                self._look()
            else:
                self.slope = self._placed(slope)
            return max(rounds, 1)
        self._expect(alpha)
        while True:
            left = max(max_iter - rounds, 1)
            if self.known.size:
                rounds += self.kernel.solve(alpha, self._closer, problem.power, left)
            self._look()
            rounds = max(rounds, 1)
            if not self.kernel.is_exact:
                self._gap = self._gap_at(alpha)
                if not self._gap > self.goal:
                    break
            size = np.maximum(np.abs(self.slope) - problem.slack, 0.0)
            missed = self._admit(self.blocks.pull(np.copysign(size, self.slope)), alpha)
            if rounds >= max_iter or not (missed or self.kernel.sharpen()):
                break
        self._give_up_hessian()
        return rounds

    def _gap_at(self, alpha: float) -> float:
        """The gap after a look; the kernel's own where no other block is drawn from 0."""
        drawn = self._unknown & (self.blocks.pull(self.slope) > alpha)
        if self.kernel.gap is not None and not (self.blocks.free.size or drawn.any()):
            return self.kernel.gap
        if self._dual:
            return self.problem.gap_by(self.theta, self.slope, self._dual, alpha)
        return self.problem.gap(self.theta, self.slope, alpha)

    def _expect(self, alpha: float) -> None:
        """Get to know the blocks that are expected to leave 0 on the way to λ = ``alpha``."""
        last, self._alpha = self._alpha, alpha
        if last == np.inf:
            self._admit(self.blocks.pull(self.slope), alpha)
        elif self.kernel.is_exact:
            # Between two λ slopes are linear in λ, as long as the support stays.
            self._admit(self.blocks.pull(self.slope - (last - alpha) * self._drift), _NEAR * alpha)
        else:
            members = self.kernel.members
            self.kernel.begin(alpha)
            if self.kernel.members is not members:  # it has forgotten some
                self._unknown = self._curved.copy()
                self._unknown[self.kernel.members] = False
                self.known = self.blocks.coefficients(self.kernel.members)
            self._admit(self.blocks.pull(self.slope), max(2 * alpha - last, 0.5 * alpha))

    def _admit(self, pull: Array, bar: float) -> bool:
        """Get to know the blocks whose pull is above the bar, or the best; whether it did."""
        new = self.blocks.newcomers((pull > bar) & self._unknown, pull, len(self.known))
        if new.size:
            self._take(new)
        return bool(new.size)

    def _take(self, new: Indices) -> None:
        """Let the kernel know these blocks."""
        problem, self._unknown[new] = self.problem, False
        features = self.blocks.coefficients(new)
        self.known = known = np.concatenate([self.known, features])
        hessian = np.empty(0) if self._columns is None else self._columns.extend(features)
        parts = problem.cross, self.slope, problem.slack
        if not self._in_order:
            which = features if self._columns is None else known  # new ones do for kernels by rows
            parts = problem.cross[:, which], self.slope[:, which], problem.slack[which]
        self.kernel.extend(hessian, *parts, new)

    def _look(self) -> None:
        """The slope of all features, and how it changes with λ."""
        kernel, is_all = self.kernel, len(self.known) == self.problem.cross.shape[1]
        self._dual = None
        if not self.known.size:
            self.slope = self.problem.cross
        elif kernel.dual is kernel.theta and (slope := kernel.slope) is not None and is_all:
            self.slope = self._placed(slope)
        elif (every := kernel.every_slope(self._unknown)) is not None:
            self.slope = every
        elif self.problem.quadratic.holds_hessian:
            self.slope = self.problem.slope(self._placed(kernel.dual))
        else:
            self._path_slopes = self._path_slopes or PathSlopes(self.problem, self._columns)
            self.slope, self._drift = self._path_slopes.at(kernel, self.known, self._alpha)
        if kernel.dual is not kernel.theta:
            self._dual, self.slope = (self._placed(kernel.dual), self.slope), self.slope.copy()
            self.slope[:, self.known] = kernel.slope

    def _give_up_hessian(self) -> None:
        """Go on by coordinate descent where H on what is known has outgrown sparse rows."""
        rows = self.problem.quadratic.rows
        if self.kernel.is_exact and len(self.known) >= _MANY and rows.is_all_sparse:
            at = self.known, self.theta[0], self._alpha
            self.kernel = ResidualDescent(self.blocks, self.problem, *at)
            self._columns, self._closer = None, self.kernel.share * self.goal


class WorkingSetMethod(Method):
    """The path of a `WorkingSet`, λ downwards; θ̂ at λ = 0 is known without it, unless bounded."""

    def path(self, task: Task) -> Answer:
        """Follow the path of each part of the targets."""
        problem, alphas, m = task.quadratic, task.alphas, len(task.alphas)
        closed = (alphas == 0) & (not task.penalty.is_bounded(problem.n_features))
        order = task.descending(~closed)
        thetas = np.zeros((m, problem.n_outputs, problem.n_features))
        gaps, risk, n_iter = *np.zeros((2, m)), np.ones(m, dtype=int)
        parts = PenalizedQuadratic(problem, task.penalty).parts
        for part in parts:
            if part.power == 0 or not order.size:  # y is constant: θ = 0 for every λ
                continue
            path = WorkingSet(part, task.tol * 0.5 * part.power).path(alphas[order], task.max_iter)
            for i, found in zip(order, path, strict=True):
                thetas[i, part.targets], gap, value, rounds = found
                gaps[i], risk[i] = gaps[i] + gap, risk[i] + value
                n_iter[i] = max(n_iter[i], rounds)
                if part is parts[-1]:
                    task.progress(i)
        if closed.any() and problem.null_risk > 0:
            thetas[closed] = problem.minimizer
            risk[closed] = value = problem.value(problem.minimizer)
            gaps[closed] = max(value - problem.minimum_risk, 0.0)
        gaps, spent = gaps / (problem.null_risk or 1.0), n_iter >= task.max_iter
        return Answer(thetas, risk, n_iter, self.name, gaps=gaps, exhausted=spent)

    def alpha_max(self, task: Task) -> float:
        """Largest pull on a penalized block, features without a penalty being at their best."""
        parts = PenalizedQuadratic(task.quadratic, task.penalty).parts
        return max(WorkingSet(part, 0.0).alpha_max for part in parts)


class ActiveSet(WorkingSetMethod):
    """Coordinate descent and direct solves on the active features, each target by itself."""

    name = "active_set"
    scope = "L1 and elastic-net penalties, within bounds on request, on squared error"
    needs: ClassVar = {"problem.is_quadratic": (True,), "penalty.kernel": ("coordinates",)}
    unit = "rounds"


class BlockDescent(WorkingSetMethod):
    """Exact steps on groups of features, which all targets share."""

    name = "block_coordinate_descent"
    scope = "group penalties on squared error"
    needs: ClassVar = {"problem.is_quadratic": (True,), "penalty.kernel": ("groups",)}
    unit = "passes"
