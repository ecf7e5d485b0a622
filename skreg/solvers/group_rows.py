"""Groups on the residual of dense rows with n < p, where H on the active ones may outgrow X.

Between two λ the solution is extrapolated. Then Newton steps on the groups that are not 0 alternate
with passes of exact block steps, which let groups come and go. A Newton system is solved on the
smaller side: of a active coefficients and n rows, na·min(n, a) + min(n, a)³/3 flops.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from skreg._kernels import group_descent, group_rows
from skreg.penalties import Group
from skreg.rows.products import EPS, Array, Indices, add_gram, product, symmetric
from skreg.rows.weighted import WeightedRows
from skreg.solvers import smoothed_groups
from skreg.solvers.descent import best_weights
from skreg.solvers.inner import CoefficientBlocks, InnerKernel

if TYPE_CHECKING:
    from skreg.solvers.working_set import PenalizedQuadratic

# Solutions that the extrapolation looks back on.
_MEMORY = 4
# Curvature given to the norm of a group, which has none of its own, as a share of that of its
# features; so its inverse exists on the side of the rows.
_RADIAL = 1e-6
# A Newton step must gain this share of what its gradient promises (Armijo), and is halved so far.
_ARMIJO, _SHORTEST = 1e-4, 1e-3
# The first step at a λ, and one after a step that brought the gap to this share of what it was,
# goes by the last factor on the rows' side: a new one costs five times the rest of a step.
_PAYS = 0.01
# Active coefficients, as a share of the rows, up to which a system has their side.
_FEW = 1.0
# Passes over the groups that are not 0 between two over all.
_PASSES = 3
# Passes after which all groups are smoothed, and solved by this much closer: small ones are not 0.
_PATIENCE, _SMOOTHED = 60, 0.1
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
        self._r = self._b.copy()
        self._last: tuple[_Bends, tuple[Array, bool]] | None = None
        self._gram_of, self._last_gram = np.empty(0, dtype=np.intp), np.empty((0, 0))
        self._past: deque[tuple[float, Array]] = deque(maxlen=_MEMORY)
        self._alpha = np.inf

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
        if self.theta.size:
            if self._past and self._past[-1][0] <= self._alpha:
                self._past.clear()
            self._past.append((self._alpha, self.theta.copy()))
            if len(self._past) > 1:
                self.theta = self._extrapolated(alpha)
                self._r = self._b - self._fitted(self.theta)
        self._alpha = alpha

    def _extrapolated(self, alpha: float) -> Array:
        """θ at λ by those before it, on the groups that the last one has."""
        last = self.theta
        before = np.zeros((len(self._past), len(last)))
        for row, (_, theta) in zip(before, self._past, strict=True):
            row[: len(theta)] = theta
        weights = best_weights([a for a, _ in self._past], before, alpha)
        theta = weights @ before[-len(weights) :]
        # A group that shrinks far may be about to vanish; the block steps decide.
        kept = self._sums(theta * last) > 0.1 * self._sums(last**2)
        return np.where(kept[self._group], theta, last)

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
        tol, passes = max(tol, 16 * EPS * power), 0
        before = gap = np.inf
        every, patience = np.arange(len(self.members)), _PATIENCE
        while passes < max_passes:
            whole = self._newton(strength, not passes or gap < _PAYS * before)
            active = np.flatnonzero(self._sums(self.theta**2) > 0)
            for _ in range(0 if whole else _PASSES):
                self._sweep(strength, active)
                passes += 1
            self._sweep(strength, every)
            passes += 1
            before, gap = gap, self._gap(strength)
            if gap <= tol:
                break
            if passes >= patience:
                self._smooth(strength, power, _SMOOTHED * tol, max_passes)
                patience *= 2
        return passes

    def _smooth(self, strength: Array, power: float, tol: float, max_steps: int) -> None:
        """Smoothed Newton steps on all groups known."""
        columns = self._columns[: len(self.theta)]
        cross = product(columns, self._b[:, None]).T
        rows = product(columns, columns.T), cross, self._starts, strength, self.theta[None]
        self.theta = smoothed_groups.newton(*rows, power, tol, max_steps)[0][0]
        self._r = self._b - self._fitted(self.theta)

    @property
    def residual(self) -> Array:
        """b − Aθ, shape (n, 1)."""
        return self._r[:, None]

    # Parts ---------------------------------------------------------------------------------------

    def _sums(self, x: Array) -> Array:
        """Sums over each group."""
        return np.add.reduceat(x, self._starts[:-1])

    def _fitted(self, theta: Array) -> Array:
        """Aθ."""
        return product(self._columns[: len(theta)].T, theta[:, None])[:, 0]

    def _transposed(self, r: Array) -> Array:
        """Aᵀr."""
        return product(self._columns[: len(self.theta)], r[:, None])[:, 0]

    def _sweep(self, strength: Array, which: Indices) -> None:
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
            which.astype(np.intp),
        )

    def _slope(self) -> Array:
        return self._transposed(self._r)

    def _gap(self, strength: Array) -> float:
        """On the groups known: ½(1−s)²‖r‖² + Σ l_g‖θ_g‖ − s⟨θ, Aᵀr⟩, s = min(1, l_g/‖slope_g‖)."""
        slope = self._slope()
        pull = np.sqrt(self._sums(slope**2))
        scale = min(1.0, float((strength / np.maximum(pull, strength)).min()))
        norms = np.sqrt(self._sums(self.theta**2))
        gap = 0.5 * (1.0 - scale) ** 2 * float(self._r @ self._r) + float(strength @ norms)
        return gap - scale * float(self.theta @ slope)

    def _newton(self, strength: Array, same: bool) -> bool:
        """A Newton step on the groups that are not 0; whether it was taken whole.

        With the system of the step before if ``same``, where the groups are still these.
        """
        theta, norms = self.theta, np.sqrt(self._sums(self.theta**2))
        if not norms.any():
            return False
        bends = _Bends(theta, norms, strength, self._curvature, self._starts, self._group)
        slope = np.where(bends.on, self._slope() - strength[self._group] * bends.u, 0.0)
        way = self._way(bends, slope, same)
        if way is None:
            return False
        image = self._fitted(way)
        value = 0.5 * float(self._r @ self._r) + float(strength @ norms)
        promise, length = float(slope @ way), 1.0
        while length > _SHORTEST:
            new, r = theta + length * way, self._r - length * image
            objective = 0.5 * float(r @ r) + float(strength @ np.sqrt(self._sums(new**2)))
            if objective <= value - _ARMIJO * length * promise + 4 * EPS * value:
                self.theta, self._r = new, r
                return length == 1.0
            length *= 0.5
        return False

    def _way(self, bends: _Bends, slope: Array, same: bool) -> Array | None:
        """(AᵀA + D)⁻¹·slope on the active coefficients; None if rounding makes that singular."""
        on, n = np.flatnonzero(bends.on), len(self._b)
        try:
            if len(on) <= _FEW * n:
                way = np.zeros_like(slope)
                way[on] = _solved(bends.added_to(self._gram(on), on), slope[on])
                return way
            if self._last is None or not (same and np.array_equal(bends.on, self._last[0].on)):
                system = symmetric(bends.outer(self._columns))
                system[np.diag_indices_from(system)] += 1.0
                self._last = bends, cho_factor(system, overwrite_a=True, check_finite=False)
            bends, factor = self._last
            first = bends.divided(slope)
            rest = cho_solve(factor, self._fitted(first), check_finite=False)
            return first - bends.divided(self._transposed(rest))
        except LinAlgError:
            return None

    def _gram(self, on: Indices) -> Array:
        """A_aᵀA_a, kept for as long as the same coefficients are active."""
        if not np.array_equal(on, self._gram_of):
            columns = self._columns[on]
            self._gram_of, self._last_gram = on, product(columns, columns.T)
        return self._last_gram.copy()


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
