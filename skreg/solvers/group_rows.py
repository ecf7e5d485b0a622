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

from skreg._kernels import group_rows
from skreg._threads import one_blas_thread
from skreg.penalties import Group
from skreg.rows.products import EPS, Array, Indices, Mask, product
from skreg.rows.weighted import WeightedRows
from skreg.solvers import smoothed_groups
from skreg.solvers.bounded_slopes import BoundedSlopes
from skreg.solvers.group_newton import GroupNewton
from skreg.solvers.inner import CoefficientBlocks, InnerKernel, PastSolutions

if TYPE_CHECKING:
    from skreg.solvers.working_set import PenalizedQuadratic

# A Newton step waits for this many passes, and for as much work in them; its flops are so much
# faster.
_WAIT, _FASTER = 2, 5.0
# Passes after which groups are smoothed, and solved by this much closer: small ones are not 0; in
# so many steps at most. With those whose slopes are this share of what would draw them from 0.
_PATIENCE, _SMOOTHED, _MOST, _DRAWN = 60, 0.1, 100, 0.9
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

    share = 0.95

    def __init__(self, blocks: CoefficientBlocks, rows: WeightedRows, b: Array) -> None:
        super().__init__(blocks)
        self._rows, self._kernel = rows, group_rows.GroupRows(b)
        self._bounded = BoundedSlopes(blocks, rows)
        self._weights = cast(Group, blocks.penalty).weights[blocks.which]
        self._newton = GroupNewton(self._kernel)
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
            self._kernel.start(self._past.extrapolated(alpha, self._kernel.starts))
            self.theta = self._kernel.theta
        self._alpha = alpha

    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        self.members = np.concatenate([self.members, new])
        features, sizes = self.blocks.coefficients(new), self.blocks.sizes[new]
        ends = np.cumsum(sizes)
        own = np.sqrt(np.add.reduceat(slack[-len(features) :] ** 2, ends - sizes))
        self._kernel.extend(self._rows.columns(features).T, sizes, own)
        self.theta = self._kernel.theta

    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        strength = alpha * self._weights[self.members]
        strength += np.finfo(np.float64).tiny
        tol, passes, kernel = max(tol, 16 * EPS * power), 0, self._kernel
        self._alpha = alpha
        while True:
            wait = max(_WAIT, int(self._newton.work() / _FASTER))
            with one_blas_thread():
                some, gap = kernel.solve(strength, power, tol, wait, max_passes - passes)
            passes += some
            if gap <= tol or passes >= max_passes:
                break
            self._newton.step(strength, alpha)
            self.theta = kernel.theta
            if passes % _PATIENCE < some:
                self._smooth(strength, power, _SMOOTHED * tol)
        return passes

    def _smooth(self, strength: Array, power: float, tol: float) -> None:
        """Smoothed Newton steps on the groups that are not 0, or are near to leaving it."""
        kernel, theta = self._kernel, self._kernel.theta
        columns, starts = kernel.columns[: len(theta)], kernel.starts
        slope = group_rows.slopes(columns, len(theta), kernel.residual)
        pull = np.sqrt(np.add.reduceat(slope**2, starts[:-1]))
        on = (np.add.reduceat(theta**2, starts[:-1]) > 0) | (pull > _DRAWN * strength)
        sizes = np.diff(starts)
        some = np.flatnonzero(np.repeat(on, sizes))
        columns, new = columns[some], np.zeros_like(theta)
        bounds = np.concatenate([[0], np.cumsum(sizes[on])]).astype(np.intp)
        hessian, cross = product(columns, columns.T), product(columns, kernel.b[:, None]).T
        at = strength[on], theta[None, some], power, tol, _MOST
        new[some] = smoothed_groups.newton(hessian, cross, bounds, *at)[0][0]
        kernel.start(new)
        self.theta = kernel.theta

    @property
    def dual(self) -> Array:
        return self._kernel.dual

    @property
    def slope(self) -> Array:
        return self._kernel.slope

    def every_slope(self, unknown: Mask) -> Array:
        slope = self._bounded.at(self._kernel.dual_residual[:, None], self._alpha, unknown)
        slope[:, self.blocks.coefficients(self.members)] = self._kernel.dual_slope
        return slope
