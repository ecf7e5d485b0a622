"""Groups on the residual of dense rows with n < p, where H on the active ones may outgrow X.

A λ begins with the best combination of the last solutions, and of their slopes. Then come passes of
exact block steps, which let groups come and go, until a dual point says that it is enough; where
they are slow they go on from the best combination of what they led to, or after a Newton step on
the groups that are not 0. For a known coefficients in G groups a pass costs up to 4na flops and one
read of the columns, a dual point 2na for its images and each of its moves, and nG² + G³/3 for a
system that often serves the next λ, too. A Newton system is solved on the smaller side:
na·min(n, a) + min(n, a)³/3 flops, worth some n/20 passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from skreg._kernels import group_rows
from skreg._threads import one_blas_thread
from skreg.penalties import Group
from skreg.rows.products import EPS, Array, Indices, Mask
from skreg.rows.weighted import WeightedRows
from skreg.solvers.bounded_slopes import BoundedSlopes
from skreg.solvers.group_newton import GroupNewton
from skreg.solvers.inner import CoefficientBlocks, InnerKernel
from skreg.solvers.past_solutions import PastSolutions

if TYPE_CHECKING:
    from skreg.solvers.working_set import PenalizedQuadratic

# Points are combined after so many passes, where these are slow. A Newton step waits for as much
# work in passes; its flops are so much faster.
_WAIT, _FASTER = 2, 3.0
# The residual is taken anew where rounding may have grown beyond this share of the gap asked for.
_EXACT = 1e-4
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
        self._rows, self._kernel = rows, group_rows.GroupRows(b, rows.shape[1])
        self._newton = GroupNewton(self._kernel)
        self._bounded = BoundedSlopes(blocks, rows)
        self._weights = cast(Group, blocks.penalty).weights[blocks.which]
        self._past, self._alpha = PastSolutions(by_rows=True), np.inf
        # At most what rounding leaves in the residual, as a share of ‖b‖; and the features known.
        self._rounding, self._known = EPS, np.empty(0, dtype=np.intp)

    @classmethod
    def of(cls, blocks: CoefficientBlocks, problem: PenalizedQuadratic) -> ResidualGroups | None:
        """The kernel for a problem of large dense rows and norms alone; None for others."""
        quadratic, targets = problem.quadratic, problem.targets
        if blocks.free.size or quadratic.holds_hessian or len(targets) > 1:
            return None
        rows, penalty = quadratic.rows, cast(Group, blocks.penalty)
        small = rows.shape[0] * rows.shape[1] < _LARGE
        if small or rows.is_all_sparse or penalty.l2_weights.any():
            return None
        return cls(blocks, rows, rows.b[:, targets[0]])

    def begin(self, alpha: float) -> None:
        """Go on from the best combination of the last solutions."""
        if self.theta.any():
            self._combine(alpha * self._weights[self.members], is_solved=True)

    def _combine(self, strength: Array, is_solved: bool) -> None:
        kernel, is_anew = self._kernel, self._rounding == EPS
        image = (kernel.b - kernel.residual)[None]
        # The slopes of groups at 0 may be older.
        other = np.where(self.theta != 0, kernel.cross - kernel.slope, np.nan)
        self._past.append(self.theta[None], image, is_solved, is_anew, other)
        at = kernel.columns, kernel.b[None], strength, kernel.starts
        (theta,), (image,), other = self._past.best(*at)
        self._rounding = EPS * self._past.rounding
        kernel.start(theta, kernel.b - image, kernel.cross - other)
        self.theta = kernel.theta

    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        self.members = np.concatenate([self.members, new])
        features, sizes = self.blocks.coefficients(new), self.blocks.sizes[new]
        ends = np.cumsum(sizes)
        own = np.sqrt(np.add.reduceat(slack**2, ends - sizes))
        self._kernel.extend(self._rows.columns(features).T, sizes, own)
        self._known = np.concatenate([self._known, features])
        self.theta = self._kernel.theta

    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        strength = alpha * self._weights[self.members]
        strength += np.finfo(np.float64).tiny
        tol, passes, kernel = max(tol, 16 * EPS * power), 0, self._kernel
        self._alpha, since = alpha, 0
        with one_blas_thread():
            while True:
                if self._rounding * power > _EXACT * tol:
                    kernel.start(self.theta)
                    self.theta, self._rounding = kernel.theta, EPS
                some, self.gap = kernel.solve(strength, power, tol, _WAIT, max_passes - passes)
                passes, since = passes + some, since + some
                if not self.gap > tol or passes >= max_passes:
                    return passes
                if since < self._newton.work() / _FASTER:
                    self._combine(strength, is_solved=False)
                    continue
                self._newton.step(strength, alpha)
                self.theta, since = kernel.theta, 0

    @property
    def dual(self) -> Array:
        return self._kernel.dual

    @property
    def slope(self) -> Array:
        return self._kernel.slope

    def every_slope(self, unknown: Mask) -> Array:
        slope = self._bounded.at(self._kernel.dual_residual, self._alpha, unknown)
        slope[:, self._known] = self._kernel.dual_slope
        return slope
