"""A kernel for sparse rows with a large support, where H on it would outgrow X itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skreg._kernels import residual_descent as kernel
from skreg.rows.products import Array, Indices, Mask
from skreg.solvers.inner import CoefficientBlocks, InnerKernel

if TYPE_CHECKING:
    from skreg.solvers.working_set import PenalizedQuadratic

# The objective may fall by this share of the gap asked for in a pass that counts as the last; a gap
# that is not reached then makes it smaller, and the next λ starts above what was needed here.
_FIRST, _SMALLER, _LARGER = 1 / 3, 1e-1, 100.0
# Less than this share of ‖b‖² is rounding.
_LAST = 1e-30


class ResidualDescent(InnerKernel):
    """Coordinate descent on the residual of one target on sparse rows, which needs no H.

    It goes on from ``theta`` (p,), the solution at the λ before, ``alpha``; ``members`` are the
    features that are known.
    """

    def __init__(
        self,
        blocks: CoefficientBlocks,
        problem: PenalizedQuadratic,
        members: Indices,
        theta: Array,
        alpha: float,
    ) -> None:
        super().__init__(blocks)
        self._l1, self._l2, self._lower, self._upper = blocks.terms
        self._problem, self._rows = problem, problem.quadratic.rows
        self._b = np.ascontiguousarray(self._rows.b[:, problem.targets[0]])
        self.members, self._theta, self._alpha = members, theta, alpha
        self.theta = theta[members]
        self._before: tuple[Array, float] | None = None  # θ and λ before the last
        self._inner = _FIRST

    def begin(self, alpha: float) -> None:
        """Go on along the line through the last two θ, and forget features that are 0.

        The path is a line as long as the support stays.
        """
        theta, before, last = self._theta.copy(), self._before, self._alpha
        kept = theta != 0
        kept[self._problem.free] = True
        self._before, self._alpha = (self._theta, last), alpha
        if before is not None and before[1] > last:
            on = (theta != 0) & (before[0] != 0)
            moved = theta[on] + (last - alpha) / (before[1] - last) * (theta - before[0])[on]
            moved = np.clip(moved, self._lower[on], self._upper[on])
            theta[on] = np.where(moved * theta[on] > 0, moved, theta[on])
        self.members, self._theta = np.flatnonzero(kept), theta
        on = np.flatnonzero(theta)
        self._rho = self._b - self._rows.some_dot(on, theta[on, None])[:, 0]
        self._rho *= self._rows.root[:, 0]
        self._inner = min(_LARGER * self._inner, _FIRST)

    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        self.members = np.concatenate([self.members, new])
        self.theta = self._theta[self.members]

    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        rows, X = self._rows, self._rows.X
        self._enough = _LAST * power / tol if tol else 1.0
        passes = kernel.descend(
            X.indptr,
            X.indices,
            X.data,
            rows.share,
            rows.x_mean,
            self._problem.quadratic.diagonal,
            np.sort(self.members),
            alpha * self._l1,
            alpha * self._l2,
            self._lower,
            self._upper,
            self._theta,
            self._rho,
            self._inner * tol,
            max_passes,
        )
        self.theta = self._theta[self.members]
        return passes

    def sharpen(self) -> bool:
        """Go on closer to the minimum; False if rounding lets it come no closer."""
        if self._inner <= self._enough:
            return False
        self._inner *= _SMALLER
        return True

    def every_slope(self, unknown: Mask) -> Array:
        rho, root = self._rho[:, None], self._rows.root
        residual = np.divide(rho, root, out=np.zeros_like(rho), where=root > 0)
        return self._rows.transposed_dot(residual).T
