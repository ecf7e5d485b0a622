"""Groups on the residual of dense rows with n < p, where H on the active ones may outgrow X.

Between two λ the solution is extrapolated. Then come passes of exact block steps, which let groups
come and go, until a dual point says that it is enough; now and then a Newton step on the groups
that are not 0. For a known coefficients in G groups a pass costs up to 4na flops and one read of
the columns, a dual point 2na for its images and each of its moves, and nG² + G³/3 for a system that
often serves the next λ, too. A Newton system is solved on the smaller side: na·min(n, a) +
min(n, a)³/3 flops, worth some n/20 passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skreg._kernels import group_descent, group_rows
from skreg.penalties import Group
from skreg.rows.products import EPS, Array, Indices, add_gram, product, symmetric
from skreg.rows.weighted import WeightedRows
from skreg.solvers import smoothed_groups
from skreg.solvers.inner import CoefficientBlocks, InnerKernel, PastSolutions

if TYPE_CHECKING:
    from skreg.solvers.working_set import PenalizedQuadratic

# Curvature given to the norm of a group, which has none of its own, as a share of that of its
# features; so its inverse exists on the side of the rows.
_RADIAL = 1e-6
# A Newton step must gain this share of what its gradient promises (Armijo), and is halved so far.
_ARMIJO, _SHORTEST = 1e-4, 1e-3
# A Newton step waits for this many passes, and for the share of them per row or active coefficient.
_WAIT, _SHARE = 2, 0.05
# Passes after which all groups are smoothed, and solved by this much closer: small ones are not 0;
# in so many steps at most.
_PATIENCE, _SMOOTHED, _MOST = 60, 0.1, 100
# A dual point of its own is tried after a pass that gains no more than the gap asked for, and again
# after one that gains this much of what would do, but not less than this share of what the last
# gained. Before any pass, if the gap by θ itself, squared, makes it likely to do.
_SOONER, _LEAST, _LIKELY = 1.0, 0.01, 4.0
# Not while groups are further than this share of λ from meeting their conditions.
_LOOSE = 0.02
# Moves towards it by one system, and the share of its diagonal that is added.
_MOVES, _DAMPED = 4, 1e-10
# Entries of X from which on this is faster than H on what is known.
_LARGE = 3e5


class ResidualGroups(InnerKernel):
    """Σ_g w_g‖θ_g‖ beside ½‖b − Aθ‖² for one target; no group is without a penalty.

    Parameters
    ----------
    blocks : CoefficientBlocks
    rows : WeightedRows
        A, dense.
    b : ndarray of shape (n,)
    """

    def __init__(self, blocks: CoefficientBlocks, rows: WeightedRows, b: Array) -> None:
        super().__init__(blocks)
        self._rows, self._b = rows, np.ascontiguousarray(b)
        self._weights = cast(Group, blocks.penalty).weights[blocks.which]
        self._columns = np.empty((0, len(b)))
        self._starts, self._places = np.zeros(1, dtype=np.intp), np.zeros(1, dtype=np.intp)
        self._vectors, self._values, self._slack = np.empty(0), np.empty(0), np.empty(0)
        self._group = np.empty(0, dtype=np.intp)
        self._r = self._dual_r = self._b.copy()
        self._dual = self._q = self._dual_q = self.theta
        self._ways: _Ways | None = None
        self._past, self._alpha = PastSolutions(), np.inf

    @classmethod
    def of(cls, blocks: CoefficientBlocks, problem: PenalizedQuadratic) -> ResidualGroups | None:
        """The kernel for a problem of large dense rows and norms alone; None for others."""
        quadratic, targets = problem.quadratic, problem.targets
        if blocks.free.size or quadratic.holds_hessian or len(targets) > 1:
            return None
        rows, penalty = quadratic.rows, cast(Group, blocks.penalty)
        small = rows.shape[0] * rows.shape[1] < _LARGE
        if small or rows.rows.is_all_sparse or penalty.l2_weights.any():
            return None
        return cls(blocks, rows, rows.b[:, targets[0]])

    def begin(self, alpha: float) -> None:
        """Go on from the last solutions, extrapolated to λ."""
        if self._alpha < np.inf:
            self._past.append(self._alpha, self.theta)
            self.theta = self._past.extrapolated(alpha, self._starts)
            self._r = self._residual(self.theta)
        self._alpha = alpha

    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        known, sizes = len(self.theta), self.blocks.sizes[new]
        self.members = np.concatenate([self.members, new])
        features = self.blocks.coefficients(new)
        total = known + len(features)
        if total > len(self._columns):
            room = np.empty((max(2 * known, total, 64), len(self._b)))
            room[:known] = self._columns[:known]
            self._columns = room
        self._columns[known:total] = self._rows.columns(features).T
        self.theta = np.concatenate([self.theta, np.zeros(len(features))])
        starts = known + np.concatenate([[0], np.cumsum(sizes)])
        self._starts = np.concatenate([self._starts, starts[1:]]).astype(np.intp)
        self._group = np.repeat(np.arange(len(self.members)), np.diff(self._starts))
        own = np.array([0, 0], dtype=np.intp)
        for start, size in zip(starts, sizes, strict=False):
            own[1], columns = size, self._columns[start : start + size]
            vectors, values = group_descent.block_eigen(columns @ columns.T, own)
            self._vectors = np.concatenate([self._vectors, vectors])
            self._values = np.concatenate([self._values, values])
        self._places = np.concatenate([[0], np.cumsum(np.diff(self._starts) ** 2)]).astype(np.intp)
        self._slack = np.sqrt(self._sums(slack**2))
        self._curvature = self._sums(self._values)

    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        strength = alpha * self._weights[self.members]
        strength += np.finfo(np.float64).tiny
        tol, passes, bar = max(tol, 16 * EPS * power), 0, np.inf
        self._dual, self._dual_r = self.theta, self._r
        gap = self._gap(strength, self._r, self._slope())
        near = gap * gap <= _LIKELY * tol * power
        fall, value = tol, self._value(strength, self.theta, self._r)
        if self._violation(strength) > _LOOSE:
            gap, near = np.inf, False
        while gap > tol:
            if near or passes >= max_passes:
                gap = self._balance(strength, tol)
                if tol < gap < np.inf:
                    bar = max(_SOONER * fall * max(tol / gap, _LEAST), 4 * EPS * power)
                value = self._value(strength, self.theta, self._r)
            if gap <= tol or passes >= max_passes:
                break
            self._pass(strength, power, tol, passes)
            passes += 1
            before, value = value, self._value(strength, self.theta, self._r)
            fall = before - value
            near = bool(fall <= min(bar, max(tol, 4 * EPS * power)))
        return passes

    def _pass(self, strength: Array, power: float, tol: float, passes: int) -> None:
        """A sweep, now and then a Newton step, and all groups smoothed where nothing else helps."""
        size = min(len(self._b), int(np.count_nonzero(self.theta)))
        if passes % (wait := max(_WAIT, int(_SHARE * size))) == wait - 1:
            self._newton(strength)
        if passes % _PATIENCE == _PATIENCE - 1:
            self._smooth(strength, power, _SMOOTHED * tol)
        self._sweep(strength)

    def _balance(self, strength: Array, tol: float) -> float:
        """The gap by a dual point of its own, `group_problem.pxd` says which.

        2na flops, and nG² for the system of G groups, unless the last one will do. Where the dual
        point has the better θ as well, this takes the place of θ.
        """
        slope = self._slope()
        self._dual, self._dual_r = self.theta, self._r
        gap, pull = self._gap(strength, self._r, slope), np.sqrt(self._sums(slope**2))
        if gap <= tol:
            return gap
        if self._violation(strength) > _LOOSE:
            return np.inf
        size = self._sums(self.theta**2)
        on = np.flatnonzero((pull > strength) | ((size > 0) & (pull > 0)))
        ways = self._ways
        old = ways is not None and len(ways.way) == len(slope) and np.array_equal(ways.on, on)
        if not old or (gap := self._move(strength, tol, pull)) > tol:
            way = slope / np.where(np.isin(np.arange(len(pull)), on), pull, np.inf)[self._group]
            images = group_rows.images(self._columns, self._starts, on, way)
            self._ways = _Ways(on, way, images)
            gap = self._move(strength, tol, pull)
        stays = size[on] > 0
        stays &= self._sums(self.theta * self._dual)[on] >= 0.1 * size[on]
        value = self._value(strength, self.theta, self._r)
        if stays.all() and self._value(strength, self._dual, self._dual_r) < value:
            self.theta, self._r, self._q = self._dual, self._dual_r, self._dual_q
        return gap

    def _move(self, strength: Array, tol: float, pull: Array) -> float:
        """Move the dual point from the residual on, and the gap that it gives."""
        assert self._ways is not None
        ways, gap, r, theta = self._ways, np.inf, self._r, self.theta
        step = np.zeros(len(pull))
        for _ in range(_MOVES if ways.factor is not None else 0):
            step[ways.on] = ways.solve((pull - strength)[ways.on])
            theta = theta + step[self._group] * ways.way
            r = group_rows.residual(ways.images, step[ways.on], r)
            slope = self._transposed(r)
            pull = np.sqrt(self._sums(slope**2))
            before, gap = gap, self._gap(strength, r, slope)
            if gap < before:
                self._dual, self._dual_r, self._dual_q = theta, r, slope
            if gap <= tol or gap > 0.5 * before:
                return min(gap, before)
        return gap

    def _smooth(self, strength: Array, power: float, tol: float) -> None:
        """Smoothed Newton steps on all groups known."""
        columns = self._columns[: len(self.theta)]
        cross = product(columns, self._b[:, None]).T
        rows = product(columns, columns.T), cross, self._starts, strength, self.theta[None]
        self.theta = smoothed_groups.newton(*rows, power, tol, _MOST)[0][0]
        self._r = self._residual(self.theta)

    @property
    def dual(self) -> Array:
        return self._dual

    @property
    def residual(self) -> Array:
        """b − Aθ′, shape (n, 1)."""
        return self._dual_r[:, None]

    @property
    def slope(self) -> Array:
        return self._q

    # Parts ---------------------------------------------------------------------------------------

    def _sums(self, x: Array) -> Array:
        """Sums over each group."""
        return np.add.reduceat(x, self._starts[:-1])

    def _transposed(self, r: Array) -> Array:
        """Aᵀr."""
        return group_rows.slopes(self._columns, len(self.theta), r)

    def _residual(self, theta: Array) -> Array:
        """b − Aθ."""
        return group_rows.residual(self._columns, theta, self._b)

    def _sweep(self, strength: Array) -> None:
        group_rows.sweep(
            self._columns,
            self._starts,
            strength,
            self._slack + 16 * EPS * strength,
            self._vectors,
            self._values,
            self._places,
            self.theta,
            self._r,
            np.arange(len(self.members)),
        )

    def _slope(self) -> Array:
        self._q = self._transposed(self._r)
        return self._q

    def _value(self, strength: Array, theta: Array, r: Array) -> float:
        """½‖b − Aθ‖² + Σ l_g‖θ_g‖."""
        return 0.5 * float(r @ r) + float(strength @ np.sqrt(self._sums(theta**2)))

    def _gap(self, strength: Array, r: Array, slope: Array) -> float:
        """On the groups known, by the dual point ``r``, which is b − Aθ′, and ``slope`` = Aᵀr."""
        pull = np.sqrt(self._sums(slope**2))
        scale = min(1.0, float((strength / np.maximum(pull, strength)).min()))
        apart = self._r - scale * r
        norms = np.sqrt(self._sums(self.theta**2))
        return 0.5 * float(apart @ apart) + float(strength @ norms - scale * (self.theta @ slope))

    def _violation(self, strength: Array) -> float:
        """The most of ‖slope_g/l_g − θ_g/‖θ_g‖‖, or of ‖slope_g‖/l_g − 1 where θ_g = 0."""
        norms = np.sqrt(self._sums(self.theta**2))
        off = self._q / strength[self._group]
        off -= self.theta / np.where(norms > 0, norms, 1.0)[self._group]
        return float((np.sqrt(self._sums(off**2)) - (norms == 0)).max(initial=0.0))

    def _newton(self, strength: Array) -> None:
        """A Newton step on the groups that are not 0, or as much of it as gains."""
        theta, norms = self.theta, np.sqrt(self._sums(self.theta**2))
        if not norms.any():
            return
        bends = _Bends(theta, norms, strength, self._curvature, self._starts, self._group)
        slope = np.where(bends.on, self._slope() - strength[self._group] * bends.u, 0.0)
        way = self._way(bends, slope)
        if way is None:
            return
        image = self._b - self._residual(way)
        value = 0.5 * float(self._r @ self._r) + float(strength @ norms)
        promise, length = float(slope @ way), 1.0
        while length > _SHORTEST:
            new, r = theta + length * way, self._r - length * image
            objective = 0.5 * float(r @ r) + float(strength @ np.sqrt(self._sums(new**2)))
            if objective <= value - _ARMIJO * length * promise + 4 * EPS * value:
                self.theta, self._r = new, r
                return
            length *= 0.5

    def _way(self, bends: _Bends, slope: Array) -> Array | None:
        """(AᵀA + D)⁻¹·slope on the active coefficients; None if rounding makes that singular."""
        on, n = np.flatnonzero(bends.on), len(self._b)
        try:
            if len(on) <= n:
                way, columns = np.zeros_like(slope), self._columns[on]
                way[on] = _solved(bends.added_to(product(columns, columns.T), on), slope[on])
                return way
            system = symmetric(bends.outer(self._columns))
            system[np.diag_indices_from(system)] += 1.0
            factor = cho_factor(system, overwrite_a=True, check_finite=False)
            first = bends.divided(slope)
            rest = cho_solve(factor, self._b - self._residual(first), check_finite=False)
            return first - bends.divided(self._transposed(rest))
        except LinAlgError:
            return None


class _Ways:
    """The slopes v_g of the groups ``on``, ``way``, Av_g, and how to solve with ⟨Av_g, Av_h⟩."""

    def __init__(self, on: Indices, way: Array, images: Array) -> None:
        self.on, self.way, self.images = on, way, images
        system = symmetric(add_gram(images.T, None))
        system[np.diag_indices_from(system)] *= 1.0 + _DAMPED
        try:
            self.factor = cho_factor(system, overwrite_a=True, check_finite=False)
        except LinAlgError:
            self.factor = None

    def solve(self, right: Array) -> Array:
        """The steps along the ways that change ‖slope_g‖ by ``right``, to first order."""
        return cho_solve(self.factor, right, check_finite=False)


def _solved(system: Array, right: Array) -> Array:
    system[np.diag_indices_from(system)] *= 1.0 + EPS
    factor = cho_factor(system, overwrite_a=True, check_finite=False)
    return cho_solve(factor, right, check_finite=False)


class _Bends:
    """D, block-diagonal with l/ν(I − uuᵀ) + ρuuᵀ for ν = ‖θ_g‖, u = θ_g/ν and a small ρ.

    On the groups that are 0 the inverse of D is 0.
    """

    def __init__(
        self,
        theta: Array,
        norms: Array,
        strength: Array,
        curvature: Array,
        starts: Indices,
        group: Indices,
    ) -> None:
        self._starts, self._group = starts[:-1], group
        active = norms > 0
        self.on = active[group]
        safe = np.where(active, norms, 1.0)
        self.u, self._bend = theta / safe[group], strength / safe
        self._tangential = np.where(active, 1.0 / self._bend, 0.0)
        radial = 1.0 / np.where(active, _RADIAL * curvature, 1.0)
        self._radial = np.maximum(np.where(active, radial, 0.0), self._tangential)

    def added_to(self, system: Array, on: Indices) -> Array:
        """system + l/ν(I − uuᵀ) on the active coefficients."""
        group, u = self._group[on], self.u[on]
        bend = self._bend[group]
        system -= (group[:, None] == group) * np.outer(bend * u, u)
        system[np.diag_indices_from(system)] += bend
        return system

    def divided(self, x: Array) -> Array:
        """D⁻¹x."""
        along = np.add.reduceat(x * self.u, self._starts) * (self._radial - self._tangential)
        return x * self._tangential[self._group] + along[self._group] * self.u

    def outer(self, columns: Array) -> Array:
        """A D⁻¹Aᵀ from the columns of A as rows, n × n: the upper triangle."""
        on = np.flatnonzero(self.on)
        group, active = self._group[on], np.flatnonzero(self._tangential)
        rows = np.empty((len(on) + len(active), columns.shape[1]))
        along = rows[len(on) :]
        np.take(columns, on, axis=0, out=rows[: len(on)])
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        np.add.reduceat(rows[: len(on)] * self.u[on, None], starts, axis=0, out=along)
        along *= np.sqrt((self._radial - self._tangential)[active])[:, None]
        rows[: len(on)] *= np.sqrt(self._tangential[group])[:, None]
        return add_gram(rows, None)
