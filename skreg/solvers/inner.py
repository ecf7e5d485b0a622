"""Kernels for min ½θᵀHθ − hᵀθ + λJ(θ) on a working set, where H is small and dense."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from skreg._kernels import active_set, group_descent
from skreg.penalties import Group, Separable
from skreg.solvers.blocks import CoefficientBlocks

EPS = np.finfo(np.float64).eps

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class InnerKernel(ABC):
    """A problem whose λ, linear term and blocks change, and its last solution.

    Parameters
    ----------
    blocks : CoefficientBlocks

    Attributes
    ----------
    theta : ndarray of shape (m,) or (q, m)
        θ on the blocks known, in the order in which they became known.
    is_exact : bool
        Whether `solve` goes on to rounding, whatever ``tol`` says.
    """

    is_exact = False

    def __init__(self, blocks: CoefficientBlocks) -> None:
        self.blocks = blocks
        self.members = np.empty(0, dtype=np.intp)
        self.theta = np.empty(0)

    @abstractmethod
    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        """Make the blocks ``new`` known; the first in these arrays are known already.

        Parameters
        ----------
        hessian : ndarray of shape (m, m)
            H; that of blocks already known does not change.
        cross, slope, slack : ndarray of shape (m,)
            h, which may be another than before; h − Hθ, where θ is 0 for what is new; and what
            rounding leaves in it. The first two may have a row for each of q targets.
        new : ndarray of int
            Those without a penalty belong to the first call.
        """

    @abstractmethod
    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        """Go on from the present θ to the solution at λ = ``alpha``.

        Parameters
        ----------
        alpha : float
        tol : float
            Duality gap to end with.
        power : float
            What is rounding beside it is not sought: ‖b‖² where H = AᵀA and h = Aᵀb.
        max_passes : int

        Returns
        -------
        passes : int
        """


class Coordinates(InnerKernel):
    """Σ l1ⱼ|θⱼ| + ½l2ⱼθⱼ², θ ≥ 0 on request: an active set, solved to rounding."""

    is_exact = True

    def __init__(self, blocks: CoefficientBlocks) -> None:
        super().__init__(blocks)
        penalty = cast(Separable, blocks.penalty)  # the kernel's name says so
        p, k = blocks.n_features, blocks.n_outputs
        self._l1, self._l2 = np.tile(penalty.l1(p), k), np.tile(penalty.l2(p), k)
        self.active = active_set.ActiveSet(penalty.positive)

    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        self.members = np.concatenate([self.members, new])
        l1, l2 = self._l1[self.members], self._l2[self.members]
        self.active.extend(hessian, cross, slack, l1, l2, slope)
        self.theta = self.active.theta

    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        return self.active.solve(alpha, max_passes)


class Groups(InnerKernel):
    """Σ_g w_g‖θ_g‖ + ½l2_g‖θ_g‖²: exact block steps, and Newton steps on the active groups."""

    def __init__(self, blocks: CoefficientBlocks) -> None:
        super().__init__(blocks)
        penalty, free = cast(Group, blocks.penalty), blocks.which < 0
        self._weights = np.where(free, 0.0, penalty.weights[blocks.which])
        self._l2 = np.where(free, 0.0, penalty.l2_weights[blocks.which])
        self._starts = np.zeros(1, dtype=np.intp)
        self._vectors, self._values = np.empty(0), np.empty(0)

    def extend(
        self, hessian: Array, cross: Array, slope: Array, slack: Array, new: Indices
    ) -> None:
        known, last = int(self._starts[-1]), len(self.members)
        self.members = np.concatenate([self.members, new])
        more = np.zeros((*cross.shape[:-1], cross.shape[-1] - known))
        self.theta = np.concatenate([self.theta, more], axis=-1) if known else more
        ends = known + np.cumsum(self.blocks.sizes[new])
        self._starts = np.concatenate([self._starts, ends]).astype(np.intp)
        self._hessian, self._cross = np.ascontiguousarray(hessian), np.ascontiguousarray(cross)
        self._slack = np.sqrt(np.add.reduceat(slack**2, self._starts[:-1]))
        if len(new):
            vectors, values = group_descent.block_eigen(self._hessian, self._starts[last:])
            self._vectors = np.concatenate([self._vectors, vectors])
            self._values = np.concatenate([self._values, values])

    def solve(self, alpha: float, tol: float, power: float, max_passes: int) -> int:
        strength, ridge = alpha * self._weights[self.members], alpha * self._l2[self.members]
        # The kernel knows no penalized group at λ = 0.
        strength[self._weights[self.members] > 0] += np.finfo(np.float64).tiny
        hessian, values = self._hessian, self._values
        if ridge.any():  # the L2 part is a quadratic
            ridge = np.repeat(ridge, np.diff(self._starts))
            hessian, values = hessian + np.diag(ridge), values + ridge
        theta, cross = np.atleast_2d(self.theta), np.atleast_2d(self._cross)
        passes, _ = group_descent.descend(
            hessian,
            cross,
            self._starts,
            strength,
            self._slack + 16 * EPS * strength,
            self._vectors,
            values,
            theta,
            cross - theta @ hessian,
            power,
            tol,
            max_passes,
        )
        return passes


KERNELS = {"coordinates": Coordinates, "groups": Groups}


def inner_kernel(blocks: CoefficientBlocks) -> InnerKernel:
    """The kernel that the penalty of these blocks names."""
    return KERNELS[blocks.penalty.kernel](blocks)
